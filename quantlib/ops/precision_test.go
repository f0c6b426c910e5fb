package ops_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// chainError bounds the relative error of a float32 chain of at most a thousand
// terms against its magnitude; a wrong index is an error of order 1.
const chainError = 1e-4

// TestFloat64AgreesWithFloat32 runs operators that have separate code for the
// two on the same numbers.
func TestFloat64AgreesWithFloat32(t *testing.T) {
	g := rand.New(rand.NewPCG(7, 8))
	r := func(shape ...int) *tensor.Tensor { return random(g, shape...) }
	ints, i := graph.IntsAttr, graph.IntAttr
	cases := append(samples(),
		sample{"transposed convolution with padding", node("ConvTranspose", 3, ints("strides", 2, 3), ints("pads", 1, 0, 2, 1), ints("dilations", 2, 1), ints("output_padding", 1, 2)),
			[]*tensor.Tensor{r(2, 3, 5, 6), r(3, 4, 3, 2), r(4)}},
		sample{"convolution of a row", node("Conv", 3, ints("pads", 2, 1), ints("dilations", 2), i("group", 2)), []*tensor.Tensor{r(2, 4, 30), r(6, 2, 3), r(6)}},
		sample{"dilated convolution", node("Conv", 2, ints("dilations", 2, 3), ints("strides", 2, 1), ints("pads", 3, 2, 1, 4)), []*tensor.Tensor{r(2, 5, 17, 19), r(7, 5, 3, 3)}},
		sample{"SAME padding", node("Conv", 2, graph.StringAttr("auto_pad", "SAME_LOWER"), ints("strides", 2, 2)), []*tensor.Tensor{r(1, 2, 10, 11), r(3, 2, 4, 3)}},
		sample{"pooling beyond the edge", node("AveragePool", 1, ints("kernel_shape", 3, 2), ints("strides", 2, 3), ints("pads", 1, 0, 1, 1), i("ceil_mode", 1), i("count_include_pad", 1)),
			[]*tensor.Tensor{r(2, 3, 10, 13)}},
		sample{"Gemm, all attributes", node("Gemm", 3, i("transA", 1), graph.FloatAttr("alpha", 0.5), graph.FloatAttr("beta", 3)), []*tensor.Tensor{r(30, 20), r(30, 10), r(20, 1)}},
		sample{"ReduceL2 of the middle", node("ReduceL2", 2), []*tensor.Tensor{r(7, 9, 11), tensor.Of([]int64{1}, 1)}},
		sample{"ReduceSum of two apart", node("ReduceSum", 2), []*tensor.Tensor{r(7, 9, 11), tensor.Of([]int64{0, 2}, 2)}},
	)
	for _, s := range cases {
		switch s.node.Op {
		case "LayerNormalization", "Attention", "InstanceNormalization", "Resize":
			continue // one code for both, or float32 only
		}
		t.Run(s.name, func(t *testing.T) {
			got := call(t, &host{threads: 3}, s.node, opset, ops.Epilogue{}, s.in...)
			var in []*tensor.Tensor
			for _, x := range s.in {
				if x.DType() == tensor.Float32 {
					d := tensor.New(tensor.Float64, x.Shape()...)
					for i, v := range x.F32() {
						tensor.Data[float64](d)[i] = float64(v)
					}
					x = d
				}
				in = append(in, x)
			}
			want := call(t, &host{threads: 3}, s.node, opset, ops.Epilogue{}, in...)
			if !tensor.SameShape(got.Shape(), want.Shape()) {
				t.Fatalf("shapes %v and %v", got.Shape(), want.Shape())
			}
			top, worst := 0.0, 0.0
			for i, v := range tensor.Data[float64](want) {
				top = max(top, math.Abs(v))
				worst = max(worst, math.Abs(v-float64(got.F32()[i])))
			}
			if !(worst <= chainError*top) {
				t.Errorf("float32 and float64 differ by %g of %g", worst, top)
			}
		})
	}
}
