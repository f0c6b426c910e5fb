package sense

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// TestProductsAreErrorsTimesCotangents: for several widths at once, whose scales lie
// apart in different ways, and for more cotangents than are taken at a time. Scales
// are powers of two, so that no element is nearer to another code than it should be.
func TestProductsAreErrorsTimesCotangents(t *testing.T) {
	const rows, columns = 90, 147 // blocks, rows and lanes end at different places
	r := rand.New(rand.NewPCG(5, 5))
	x := tensor.New(tensor.Float32, rows, columns)
	for i := range x.F32() {
		x.F32()[i] = float32(r.NormFloat64())
	}
	group := quant.Int(4).PerGroup(32)
	schemes := []quant.Scheme{
		quant.Int(2).PerChannel(), quant.Int(3).PerChannel(), quant.Int(1).PerChannel(), {}, quant.Int(8).PerChannel(),
		group, quant.Uint(5), quant.Int(16).PerChannel(),
	}
	for _, axis := range []int{0, 1} {
		q := plan.Quantizer{Role: plan.Weight, Axis: axis, Group: 1 - axis}
		wide := make([]rounding, len(schemes))
		for w, s := range schemes {
			if s.IsFloat32() {
				continue
			}
			p := quant.Weights(x.F32(), layout(q, s, x.Shape()), s)
			for i, v := range p.Scale {
				p.Scale[i] = float32(math.Exp2(math.Round(math.Log2(float64(v)))))
			}
			wide[w] = rounding{p: p, s: s}
		}
		for k := 1; k <= 6; k++ {
			g := tensor.New(tensor.Float32, k, rows, columns)
			for i := range g.F32() {
				g.F32()[i] = float32(r.NormFloat64())
			}
			got := products(wide, q, x, g)
			for w, s := range schemes {
				xq := make([]float32, x.Len())
				if !s.IsFloat32() {
					wide[w].p.FakeQuantize(xq, x.F32(), layout(q, s, x.Shape()), s)
				} else {
					copy(xq, x.F32())
				}
				for p := range k {
					want, size := 0.0, 0.0
					for i, v := range x.F32() {
						e := (float64(xq[i]) - float64(v)) * float64(g.F32()[p*x.Len()+i])
						want += e
						size += math.Abs(e)
					}
					// Each lane adds some 600 elements, of pieces of a row.
					if math.Abs(got[w*k+p]-want) > 600*0x1p-24*size {
						t.Errorf("axis %d, %v, %d of %d: %v, want %v", axis, s, p, k, got[w*k+p], want)
					}
				}
			}
		}
	}
}
