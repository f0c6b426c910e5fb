package ops_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

const (
	// maxVJPError bounds ‖v-d‖/‖d‖ of a product v, computed in float32, against
	// central differences d of the float64 operator: 2^-24 for each rounding, of
	// which the longest chains here have some dozens.
	maxVJPError = 1e-6
	// differenceStep is the half step of the differences, exact in float32 and
	// float64. Their own error, step²·f‴/6 + 2^-53·f/step, is below 1e-8.
	differenceStep = 1.0 / (1 << 16)
	// differentiated is about how many elements of an input are checked, spread
	// over all of it.
	differentiated = 150
)

// vjpCase is one operator on random inputs.
type vjpCase struct {
	name   string
	op     string
	opset  int
	attrs  []graph.Attr
	in     []*tensor.Tensor
	fixed  []int // inputs that are not differentiated
	out    int   // number of outputs; 0 means 1
	double func(in [][]float64) []float64
	// double is the operator in float64, for those that compute in float32
	// whatever they are given
}

// drawn is random tensors, normal ones unless a shape is given bounds.
type drawn struct{ r *rand.Rand }

func (d drawn) normal(shape ...int) *tensor.Tensor {
	t := tensor.New(tensor.Float32, shape...)
	for i := range t.F32() {
		t.F32()[i] = float32(d.r.NormFloat64())
	}
	return t
}

func (d drawn) uniform(lo, hi float64, shape ...int) *tensor.Tensor {
	t := tensor.New(tensor.Float32, shape...)
	for i := range t.F32() {
		t.F32()[i] = float32(lo + (hi-lo)*d.r.Float64())
	}
	return t
}

func ints(v ...int64) *tensor.Tensor { return tensor.Of(v, len(v)) }

func vjpCases() []vjpCase {
	d := drawn{rand.New(rand.NewPCG(7, 11))}
	var list []vjpCase
	add := func(c vjpCase) { list = append(list, c) }
	for _, op := range []string{"Relu", "LeakyRelu", "Elu", "Celu", "Selu", "HardSigmoid", "HardSwish", "Sigmoid", "Tanh", "Erf", "Exp",
		"Softplus", "Softsign", "Mish", "Gelu", "Swish", "Abs", "Neg", "Sin", "Cos", "Tan", "Sinh", "Cosh", "Atan", "Asinh", "Identity",
		"ThresholdedRelu", "Shrink"} {
		add(vjpCase{name: op, op: op, opset: 24, in: []*tensor.Tensor{d.normal(3, 7)}})
	}
	add(vjpCase{name: "Gelu by tanh", op: "Gelu", opset: 20, attrs: []graph.Attr{graph.StringAttr("approximate", "tanh")}, in: []*tensor.Tensor{d.normal(20)}})
	add(vjpCase{name: "HardSwish beyond its bends", op: "HardSwish", opset: 14, in: []*tensor.Tensor{d.uniform(-5, 5, 40)}})
	add(vjpCase{name: "HardSigmoid beyond its bends", op: "HardSigmoid", opset: 14, in: []*tensor.Tensor{d.uniform(-5, 5, 40)}})
	for _, op := range []string{"Log", "Sqrt", "Reciprocal"} {
		add(vjpCase{name: op, op: op, opset: 13, in: []*tensor.Tensor{d.uniform(0.5, 3, 11)}})
	}
	for _, op := range []string{"Acos", "Asin", "Atanh"} {
		add(vjpCase{name: op, op: op, opset: 13, in: []*tensor.Tensor{d.uniform(-0.8, 0.8, 11)}})
	}
	add(vjpCase{name: "Acosh", op: "Acosh", opset: 13, in: []*tensor.Tensor{d.uniform(1.5, 3, 11)}})
	add(vjpCase{name: "Clip with inputs", op: "Clip", opset: 13, in: []*tensor.Tensor{d.normal(4, 5), tensor.Scalar[float32](-0.5), tensor.Scalar[float32](0.75)}, fixed: []int{1, 2}})
	add(vjpCase{name: "Clip with attributes", op: "Clip", opset: 6, attrs: []graph.Attr{graph.FloatAttr("min", 0), graph.FloatAttr("max", 1)}, in: []*tensor.Tensor{d.normal(4, 5)}})

	for _, op := range []string{"Add", "Sub", "Mul", "Div", "Max", "Min", "Pow"} {
		draw := func(shape ...int) *tensor.Tensor { return d.uniform(0.5, 2, shape...) }
		for _, s := range []struct {
			what string
			a, b []int
		}{{"of equal shapes", []int{2, 3, 4}, []int{2, 3, 4}}, {"with a channel vector", []int{2, 3, 4}, []int{3, 1}},
			{"of a scalar and a tensor", []int{}, []int{2, 5}}, {"with both stretched", []int{4, 1, 3}, []int{1, 5, 1}}} {
			add(vjpCase{name: op + " " + s.what, op: op, opset: 13, in: []*tensor.Tensor{draw(s.a...), draw(s.b...)}})
		}
	}
	add(vjpCase{name: "Sum of three", op: "Sum", opset: 13, in: []*tensor.Tensor{d.normal(2, 3), d.normal(3), d.normal(2, 1)}})
	cond := tensor.New(tensor.Bool, 2, 3)
	copy(tensor.Data[uint8](cond), []uint8{1, 0, 0, 1, 1, 0})
	add(vjpCase{name: "Where", op: "Where", opset: 16, in: []*tensor.Tensor{cond, d.normal(2, 3), d.normal(3)}, fixed: []int{0}})

	conv := func(name string, x, w []int, bias bool, attrs ...graph.Attr) {
		in := []*tensor.Tensor{d.normal(x...), d.normal(w...)}
		if bias {
			in = append(in, d.normal(w[0]))
		}
		add(vjpCase{name: "Conv " + name, op: "Conv", opset: 13, attrs: attrs, in: in})
	}
	i := graph.IntsAttr
	conv("1×1", []int{2, 3, 4, 5}, []int{4, 3, 1, 1}, true)
	conv("1×1 with stride 2", []int{1, 3, 5, 6}, []int{4, 3, 1, 1}, false, i("strides", 2, 2))
	conv("3×3 with padding", []int{2, 3, 5, 6}, []int{7, 3, 3, 3}, true, i("pads", 1, 1, 1, 1))
	conv("3×3 with stride 2 and padding on two sides", []int{1, 3, 6, 7}, []int{4, 3, 3, 3}, true, i("strides", 2, 2), i("pads", 0, 0, 1, 1))
	conv("7×7 with stride 2", []int{1, 2, 11, 12}, []int{3, 2, 7, 7}, false, i("strides", 2, 2), i("pads", 3, 3, 3, 3))
	conv("dilated", []int{1, 2, 8, 9}, []int{3, 2, 3, 2}, false, i("dilations", 2, 3), i("pads", 2, 1, 2, 1))
	conv("with more padding than kernel", []int{1, 2, 4, 4}, []int{3, 2, 2, 2}, false, i("pads", 3, 2, 3, 2))
	conv("unequal strides", []int{1, 2, 7, 9}, []int{3, 2, 3, 3}, false, i("strides", 3, 1), i("pads", 1, 1, 1, 1))
	conv("that skips the last rows", []int{1, 2, 8, 8}, []int{3, 2, 3, 3}, false, i("strides", 3, 4))
	conv("depthwise", []int{2, 4, 6, 5}, []int{4, 1, 3, 3}, true, graph.IntAttr("group", 4), i("pads", 1, 1, 1, 1))
	conv("depthwise with stride 2", []int{2, 4, 6, 7}, []int{4, 1, 3, 3}, true, graph.IntAttr("group", 4), i("strides", 2, 2), i("pads", 0, 0, 1, 1))
	conv("depthwise with two filters a channel", []int{1, 3, 5, 5}, []int{6, 1, 3, 3}, false, graph.IntAttr("group", 3), i("pads", 1, 1, 1, 1))
	conv("grouped", []int{2, 4, 5, 5}, []int{6, 2, 3, 3}, true, graph.IntAttr("group", 2), i("pads", 1, 1, 1, 1))
	conv("grouped with stride 2", []int{2, 4, 5, 5}, []int{8, 2, 3, 3}, false, graph.IntAttr("group", 2), i("strides", 2, 2))
	conv("SAME_UPPER", []int{1, 2, 5, 6}, []int{3, 2, 4, 3}, false, graph.StringAttr("auto_pad", "SAME_UPPER"), i("strides", 2, 2))
	conv("of one dimension", []int{2, 3, 9}, []int{4, 3, 3}, true, i("pads", 1, 1), i("strides", 2))
	conv("of three dimensions", []int{1, 2, 4, 5, 4}, []int{3, 2, 2, 3, 2}, true, i("pads", 1, 0, 1, 0, 1, 1), i("strides", 1, 2, 1))
	conv("with long rows", []int{1, 20, 9, 40}, []int{8, 20, 3, 3}, false, i("pads", 1, 1, 1, 1))
	transposed := func(name string, x, w []int, attrs ...graph.Attr) {
		groups := 1
		for _, a := range attrs {
			if a.Name == "group" {
				groups = int(a.I)
			}
		}
		add(vjpCase{name: "ConvTranspose " + name, op: "ConvTranspose", opset: 13, attrs: attrs, in: []*tensor.Tensor{d.normal(x...), d.normal(w...), d.normal(w[1] * groups)}})
	}
	transposed("with stride 2", []int{2, 3, 4, 3}, []int{3, 2, 3, 3}, i("strides", 2, 2), i("pads", 1, 1, 1, 1))
	transposed("grouped", []int{1, 4, 3, 4}, []int{4, 2, 2, 2}, graph.IntAttr("group", 2), i("strides", 2, 2))
	transposed("with output_padding", []int{1, 2, 3, 3}, []int{2, 3, 3, 3}, i("strides", 2, 2), i("output_padding", 1, 1))

	for _, t := range []struct {
		name   string
		ta, tb int64
	}{{"plain", 0, 0}, {"A transposed", 1, 0}, {"B transposed", 0, 1}, {"both transposed", 1, 1}} {
		a, b := []int{3, 5}, []int{5, 4}
		if t.ta == 1 {
			slices.Reverse(a)
		}
		if t.tb == 1 {
			slices.Reverse(b)
		}
		add(vjpCase{name: "Gemm " + t.name, op: "Gemm", opset: 13, in: []*tensor.Tensor{d.normal(a...), d.normal(b...), d.normal(4)},
			attrs: []graph.Attr{graph.IntAttr("transA", t.ta), graph.IntAttr("transB", t.tb), graph.FloatAttr("alpha", 0.5), graph.FloatAttr("beta", 2)}})
	}
	add(vjpCase{name: "Gemm with a column for C", op: "Gemm", opset: 13, in: []*tensor.Tensor{d.normal(3, 2), d.normal(2, 4), d.normal(3, 1)}})
	for _, s := range []struct {
		name string
		a, b []int
	}{{"of matrices", []int{3, 4}, []int{4, 5}}, {"of a batch and a matrix", []int{2, 3, 3, 4}, []int{4, 5}}, {"of batches", []int{2, 3, 4, 5}, []int{2, 3, 5, 2}},
		{"of batches that stretch", []int{2, 1, 4, 5}, []int{3, 5, 2}}, {"of vectors", []int{6}, []int{6}}, {"of a vector and a batch", []int{4}, []int{3, 4, 2}},
		{"of a batch and a vector", []int{3, 2, 4}, []int{4}}} {
		add(vjpCase{name: "MatMul " + s.name, op: "MatMul", opset: 13, in: []*tensor.Tensor{d.normal(s.a...), d.normal(s.b...)}})
	}

	k := i("kernel_shape", 3, 2)
	image := func() []*tensor.Tensor { return []*tensor.Tensor{d.normal(2, 3, 7, 6)} }
	for _, op := range []string{"MaxPool", "AveragePool"} {
		add(vjpCase{name: op, op: op, opset: 19, attrs: []graph.Attr{k}, in: image()})
		add(vjpCase{name: op + " with stride and padding", op: op, opset: 19, attrs: []graph.Attr{k, i("strides", 2, 2), i("pads", 1, 0, 1, 1)}, in: image()})
		add(vjpCase{name: op + " with ceil_mode", op: op, opset: 19, attrs: []graph.Attr{k, i("strides", 3, 4), graph.IntAttr("ceil_mode", 1)}, in: image()})
		add(vjpCase{name: op + " dilated", op: op, opset: 19, attrs: []graph.Attr{k, i("dilations", 2, 2)}, in: image()})
		add(vjpCase{name: op + " of one dimension", op: op, opset: 19, attrs: []graph.Attr{i("kernel_shape", 3)}, in: []*tensor.Tensor{d.normal(2, 3, 8)}})
	}
	add(vjpCase{name: "AveragePool that counts padding", op: "AveragePool", opset: 19, attrs: []graph.Attr{k, i("pads", 1, 1, 1, 0), graph.IntAttr("count_include_pad", 1)}, in: image()})
	add(vjpCase{name: "GlobalAveragePool", op: "GlobalAveragePool", opset: 13, in: image()})
	add(vjpCase{name: "GlobalMaxPool", op: "GlobalMaxPool", opset: 13, in: image()})
	for _, op := range []string{"ReduceMean", "ReduceSum"} {
		add(vjpCase{name: op + " of all", op: op, opset: 18, in: []*tensor.Tensor{d.normal(2, 3, 4)}})
		add(vjpCase{name: op + " of axes that go", op: op, opset: 18, attrs: []graph.Attr{graph.IntAttr("keepdims", 0)}, in: []*tensor.Tensor{d.normal(2, 3, 4), ints(0, -1)}})
	}
	add(vjpCase{name: "ReduceMean with an attribute", op: "ReduceMean", opset: 13, attrs: []graph.Attr{i("axes", 1)}, in: []*tensor.Tensor{d.normal(2, 3, 4)}})

	x := func() []*tensor.Tensor { return []*tensor.Tensor{d.normal(2, 3, 4)} }
	with := func(t ...*tensor.Tensor) []*tensor.Tensor { return append(x(), t...) }
	add(vjpCase{name: "Reshape", op: "Reshape", opset: 13, in: with(ints(4, -1))})
	add(vjpCase{name: "Flatten", op: "Flatten", opset: 13, in: x()})
	add(vjpCase{name: "Squeeze", op: "Squeeze", opset: 13, in: []*tensor.Tensor{d.normal(2, 1, 3)}})
	add(vjpCase{name: "Unsqueeze", op: "Unsqueeze", opset: 13, in: with(ints(1))})
	add(vjpCase{name: "Transpose", op: "Transpose", opset: 13, in: x()})
	add(vjpCase{name: "Transpose with perm", op: "Transpose", opset: 13, attrs: []graph.Attr{i("perm", 1, 2, 0)}, in: x()})
	add(vjpCase{name: "Concat", op: "Concat", opset: 13, attrs: []graph.Attr{graph.IntAttr("axis", 1)}, in: []*tensor.Tensor{d.normal(2, 3, 2), d.normal(2, 1, 2), d.normal(2, 4, 2)}})
	add(vjpCase{name: "Concat of one tensor twice along the end", op: "Concat", opset: 13, attrs: []graph.Attr{graph.IntAttr("axis", -1)}, in: []*tensor.Tensor{d.normal(2, 3), d.normal(2, 2)}})
	add(vjpCase{name: "Slice", op: "Slice", opset: 13, in: with(ints(0, 3), ints(2, 0), ints(1, 2), ints(1, -2))})
	add(vjpCase{name: "Split", op: "Split", opset: 13, attrs: []graph.Attr{graph.IntAttr("axis", 2)}, in: with(ints(1, 3)), out: 2})
	add(vjpCase{name: "Pad with a number", op: "Pad", opset: 13, in: with(ints(0, 1, 0, 1, 0, 2), tensor.Scalar[float32](3)), fixed: []int{2}})
	add(vjpCase{name: "Pad with a number as attribute", op: "Pad", opset: 10, in: x(), attrs: []graph.Attr{i("pads", 0, 1, 0, 1, 0, 2), graph.FloatAttr("value", 2)}})
	add(vjpCase{name: "Pad that cuts", op: "Pad", opset: 13, in: with(ints(0, -1, 0, 0, 0, 2))})
	add(vjpCase{name: "Pad that reflects", op: "Pad", opset: 13, attrs: []graph.Attr{graph.StringAttr("mode", "reflect")}, in: with(ints(0, 1, 2, 0, 2, 1))})
	add(vjpCase{name: "Expand", op: "Expand", opset: 13, in: []*tensor.Tensor{d.normal(3, 1), ints(2, 1, 4)}})
	add(vjpCase{name: "Tile", op: "Tile", opset: 13, in: with(ints(1, 2, 3))})
	add(vjpCase{name: "Gather of a scalar index", op: "Gather", opset: 13, attrs: []graph.Attr{graph.IntAttr("axis", 1)}, in: with(tensor.Scalar(int64(-1)))})
	add(vjpCase{name: "Gather with repeats", op: "Gather", opset: 13, in: with(tensor.Of([]int64{1, 0, 1, 1}, 2, 2))})
	add(vjpCase{name: "GatherND", op: "GatherND", opset: 13, in: with(tensor.Of([]int64{1, 0, 0, 2, 1, 0}, 3, 2))})
	add(vjpCase{name: "DepthToSpace", op: "DepthToSpace", opset: 13, attrs: []graph.Attr{graph.IntAttr("blocksize", 2)}, in: []*tensor.Tensor{d.normal(1, 8, 2, 3)}})

	add(vjpCase{name: "Resize to nearest", op: "Resize", opset: 13, attrs: []graph.Attr{graph.StringAttr("mode", "nearest")},
		in: []*tensor.Tensor{d.normal(1, 2, 3, 4), tensor.New(tensor.Float32, 0), tensor.Of([]float32{1, 1, 2, 1.5}, 4)}, fixed: []int{1, 2}})
	add(vjpCase{name: "Upsample", op: "Upsample", opset: 9, in: []*tensor.Tensor{d.normal(1, 2, 3, 4), tensor.Of([]float32{1, 1, 2, 2}, 4)}, fixed: []int{1}})

	for _, opset := range []int{11, 13} {
		for _, op := range []string{"Softmax", "LogSoftmax"} {
			add(vjpCase{name: fmt.Sprintf("%s at opset %d", op, opset), op: op, opset: opset, attrs: []graph.Attr{graph.IntAttr("axis", 1)}, in: x()})
		}
	}
	add(vjpCase{name: "Softmax along the last axis", op: "Softmax", opset: 13, in: x()})
	add(vjpCase{name: "BatchNormalization", op: "BatchNormalization", opset: 15, in: []*tensor.Tensor{d.normal(2, 3, 4, 2), d.normal(3), d.normal(3), d.normal(3), d.uniform(0.5, 2, 3)}})
	add(vjpCase{name: "LayerNormalization", op: "LayerNormalization", opset: 17, in: with(d.normal(4), d.normal(4)), double: layerNorm64(4, true)})
	add(vjpCase{name: "LayerNormalization over two axes", op: "LayerNormalization", opset: 17, attrs: []graph.Attr{graph.IntAttr("axis", 1)}, in: with(d.normal(3, 4), d.normal(3, 4)), double: layerNorm64(12, true)})
	add(vjpCase{name: "RMSNormalization", op: "RMSNormalization", opset: 23, in: with(d.normal(4)), double: layerNorm64(4, false)})
	add(vjpCase{name: "InstanceNormalization", op: "InstanceNormalization", opset: 13, in: []*tensor.Tensor{d.normal(2, 3, 5), d.normal(3), d.normal(3)}, double: groupNorm64(3, 3, 5)})
	add(vjpCase{name: "GroupNormalization", op: "GroupNormalization", opset: 21, attrs: []graph.Attr{graph.IntAttr("num_groups", 2)}, in: []*tensor.Tensor{d.normal(2, 4, 5), d.normal(4), d.normal(4)}, double: groupNorm64(4, 2, 5)})
	return list
}

func (v vjpCase) node() *graph.Node {
	n := &graph.Node{Name: "n", Op: v.op, Attrs: v.attrs}
	for i := range v.in {
		n.Inputs = append(n.Inputs, fmt.Sprint("x", i))
	}
	for i := range max(1, v.out) {
		n.Outputs = append(n.Outputs, fmt.Sprint("y", i))
	}
	return n
}

// loss is, for each of k cotangents, Σ g·out in float64.
func (v vjpCase) loss(t *testing.T, in [][]float64, g []*tensor.Tensor) []float64 {
	var outs [][]float64
	if v.double != nil {
		outs = [][]float64{v.double(in)}
	} else {
		args := make([]*tensor.Tensor, len(v.in))
		for i, x := range v.in {
			args[i] = x
			if in[i] != nil {
				args[i] = tensor.Of(in[i], x.Shape()...)
			}
		}
		out, err := ops.Apply(v.node(), v.opset, args...)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range out {
			if o != nil && o.DType() == tensor.Float64 {
				outs = append(outs, tensor.Data[float64](o))
			}
		}
	}
	sums := make([]float64, g[0].Dim(0))
	for i, o := range outs[:max(1, v.out)] {
		for k := range sums {
			for e, y := range o {
				sums[k] += float64(g[i].F32()[k*len(o)+e]) * y
			}
		}
	}
	return sums
}

// TestVJPEqualsCentralDifferences holds every product to differences of the
// operator in float64, for two cotangents at once.
func TestVJPEqualsCentralDifferences(t *testing.T) {
	covered := map[string]bool{}
	worst, where := 0.0, ""
	for _, v := range vjpCases() {
		covered[v.op] = true
		t.Run(v.name, func(t *testing.T) {
			out, err := ops.Apply(v.node(), v.opset, v.in...)
			if err != nil {
				t.Fatal(err)
			}
			d := drawn{rand.New(rand.NewPCG(1, 2))}
			g := make([]*tensor.Tensor, len(v.node().Outputs))
			for i := range g {
				g[i] = d.normal(append([]int{2}, out[i].Shape()...)...)
			}
			wide, need := make([][]float64, len(v.in)), make([]bool, len(v.in))
			for i, x := range v.in {
				if x.DType() != tensor.Float32 {
					continue
				}
				need[i] = !slices.Contains(v.fixed, i)
				wide[i] = make([]float64, x.Len())
				for e, f := range x.F32() {
					wide[i][e] = float64(f)
				}
			}
			f, err := ops.FindVJP("", v.op)
			if err != nil {
				t.Fatal(err)
			}
			call := &ops.Call{Node: v.node(), Opset: v.opset, Ctx: t.Context()}
			got, err := f(call, v.in, out, g, need)
			if err != nil {
				t.Fatal(err)
			}
			for i, x := range v.in {
				if !need[i] {
					if i < len(got) && got[i] != nil {
						t.Errorf("input %d has a cotangent that was not asked for", i)
					}
					continue
				}
				if want := append([]int{2}, x.Shape()...); !slices.Equal(got[i].Shape(), want) {
					t.Fatalf("cotangent of input %d has shape %v, want %v", i, got[i].Shape(), want)
				}
				var off, all float64
				for e := 0; e < x.Len(); e += 1 + x.Len()/differentiated {
					at := wide[i][e]
					wide[i][e] = at + differenceStep
					up := v.loss(t, wide, g)
					wide[i][e] = at - differenceStep
					down := v.loss(t, wide, g)
					wide[i][e] = at
					for k := range up {
						want := (up[k] - down[k]) / (2 * differenceStep)
						diff := float64(got[i].F32()[k*x.Len()+e]) - want
						off, all = off+diff*diff, all+want*want
					}
				}
				e := math.Sqrt(off / all)
				if !(e <= maxVJPError) {
					t.Errorf("cotangent of input %d is off by %.2g of its norm", i, e)
				}
				if e > worst {
					worst, where = e, fmt.Sprintf("%s, input %d", v.name, i)
				}
			}
			if alone, err := f(call, v.in, out, []*tensor.Tensor{g[0].Slice(1, 2), nil}[:len(g)], need); err != nil {
				t.Error(err)
			} else if len(g) == 1 {
				for i := range got {
					if need[i] && !tensor.Equal(alone[i], got[i].Slice(1, 2)) {
						t.Errorf("input %d: a cotangent alone gives other bits than among two", i)
					}
				}
			}
		})
	}
	t.Logf("largest error %.2g of the norm, of %s", worst, where)
	for _, op := range ops.VJPs() {
		if !covered[op] && !ops.Flat("", op) && !slices.Contains(likeOthers, op) {
			t.Errorf("%s has a product that no case checks", op)
		}
	}
}

// likeOthers are those that another case stands for: all but the last two run as
// Slice does.
var likeOthers = []string{"SpaceToDepth", "GatherElements", "Compress", "ReverseSequence", "CenterCropPad", "Trilu", "Dropout", "Cast"}

func TestOperatorWithoutVJPIsUnsupported(t *testing.T) {
	if _, err := ops.FindVJP("", "LSTM"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("error is %v", err)
	}
	n := &graph.Node{Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}}
	f, err := ops.FindVJP("", "Relu")
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.New(tensor.Float64, 3)
	_, err = f(&ops.Call{Node: n, Opset: 13, Ctx: t.Context()}, []*tensor.Tensor{x}, []*tensor.Tensor{x}, []*tensor.Tensor{tensor.New(tensor.Float64, 1, 3)}, []bool{true})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("float64 gives error %v", err)
	}
}
