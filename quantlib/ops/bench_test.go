package ops_test

import (
	"testing"

	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// BenchmarkOperators is the sizes of TestSameBitsForAnyHost on one thread with
// packed weights kept; GB/s counts inputs and output once.
func BenchmarkOperators(b *testing.B) {
	for _, s := range samples() {
		b.Run(s.name, func(b *testing.B) {
			op, err := ops.Find("", s.node.Op, opset)
			if err != nil {
				b.Fatal(err)
			}
			h := &quiet{host{threads: 1}}
			bytes := 0
			for _, t := range s.in {
				bytes += t.DType().Bytes(t.Len())
			}
			for range b.N {
				out, err := op.Forward(&ops.Call{Node: s.node, Opset: opset, Ctx: b.Context(), Host: h}, s.in)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(bytes + out[0].DType().Bytes(out[0].Len())))
			}
		})
	}
}

// quiet is a host that does not spoil the memory that it gives out.
type quiet struct{ host }

func (h *quiet) Alloc(dt tensor.DType, shape []int) *tensor.Tensor { return tensor.New(dt, shape...) }
func (h *quiet) Scratch(n int) []float32                           { return make([]float32, n) }
