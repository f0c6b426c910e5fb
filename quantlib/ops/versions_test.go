package ops_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func f32s(shape []int, v ...float32) *tensor.Tensor { return tensor.Of(v, shape...) }
func i64s(v ...int64) *tensor.Tensor                { return tensor.Of(v, len(v)) }

// TestOldVersions is the ways of older operator sets, for which the published
// vectors have no cases.
func TestOldVersions(t *testing.T) {
	ints, f, str := graph.IntsAttr, graph.FloatAttr, graph.StringAttr
	x := f32s([]int{2, 3}, 1, 2, 3, 4, 5, 6)
	cases := []struct {
		name  string
		opset int
		node  *graph.Node
		in    []*tensor.Tensor
		want  *tensor.Tensor
	}{
		{"Clip takes its limits from attributes", 7, node("Clip", 1, f("min", 2), f("max", 5)), []*tensor.Tensor{x}, f32s([]int{2, 3}, 2, 2, 3, 4, 5, 5)},
		{"Clip takes its limits from inputs", 11, node("Clip", 3), []*tensor.Tensor{x, tensor.Scalar(float32(2)), tensor.Scalar(float32(5))}, f32s([]int{2, 3}, 2, 2, 3, 4, 5, 5)},
		{"Slice takes its bounds from attributes", 9, node("Slice", 1, ints("starts", 1), ints("ends", 100), ints("axes", 1)), []*tensor.Tensor{x}, f32s([]int{2, 2}, 2, 3, 5, 6)},
		{"Slice takes its bounds from inputs", 10, node("Slice", 5), []*tensor.Tensor{x, i64s(-1), i64s(-100), i64s(1), i64s(-2)}, f32s([]int{2, 2}, 3, 1, 6, 4)},
		{"Squeeze takes axes from an attribute", 11, node("Squeeze", 1, ints("axes", 0)), []*tensor.Tensor{x.Reshape(1, 6)}, x.Reshape(6)},
		{"Unsqueeze takes axes from an attribute", 11, node("Unsqueeze", 1, ints("axes", 0, 3)), []*tensor.Tensor{x}, x.Reshape(1, 2, 3, 1)},
		{"Unsqueeze keeps a dimension of size 0", 13, node("Unsqueeze", 2), []*tensor.Tensor{tensor.New(tensor.Float32, 0, 3), i64s(0)}, tensor.New(tensor.Float32, 1, 0, 3)},
		{"ReduceSum takes axes from an attribute", 11, node("ReduceSum", 1, ints("axes", 0)), []*tensor.Tensor{x}, f32s([]int{1, 3}, 5, 7, 9)},
		{"ReduceMean takes axes from an attribute", 17, node("ReduceMean", 1, ints("axes", 1), graph.IntAttr("keepdims", 0)), []*tensor.Tensor{x}, f32s([]int{2}, 2, 5)},
		{"Pad takes pads and value from attributes", 7, node("Pad", 1, ints("pads", 0, 1, 0, 0), f("value", 9)), []*tensor.Tensor{x}, f32s([]int{2, 4}, 9, 1, 2, 3, 9, 4, 5, 6)},
		{"TopK takes k from an attribute", 7, node("TopK", 1, graph.IntAttr("k", 2)), []*tensor.Tensor{x}, f32s([]int{2, 2}, 3, 2, 6, 5)},
		{"Upsample takes scales from an attribute", 7, node("Upsample", 1, graph.Attr{Name: "scales", Kind: graph.AttrFloats, Floats: []float32{1, 2}}), []*tensor.Tensor{x},
			f32s([]int{2, 6}, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6)},
		{"Upsample interpolates from the first element on", 9, node("Upsample", 2, str("mode", "linear")), []*tensor.Tensor{f32s([]int{2}, 0, 2), f32s([]int{1}, 2)}, f32s([]int{4}, 0, 1, 2, 2)},
		{"Resize takes scales as its second input", 10, node("Resize", 2), []*tensor.Tensor{x, f32s([]int{2}, 1, 2)}, f32s([]int{2, 6}, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6)},
		{"Softmax sees a matrix before opset 13", 11, node("Softmax", 1), []*tensor.Tensor{f32s([]int{1, 2, 2}, 0, 0, 0, 0)}, f32s([]int{1, 2, 2}, .25, .25, .25, .25)},
		{"Softmax works along its axis from opset 13 on", 13, node("Softmax", 1), []*tensor.Tensor{f32s([]int{1, 2, 2}, 0, 0, 0, 0)}, f32s([]int{1, 2, 2}, .5, .5, .5, .5)},
		{"Softmax is NaN where an element is", 13, node("Softmax", 1), []*tensor.Tensor{f32s([]int{2}, float32(math.NaN()), 0)}, f32s([]int{2}, float32(math.NaN()), float32(math.NaN()))},
		{"GroupNormalization scales groups at opset 18", 18, node("GroupNormalization", 3, graph.IntAttr("num_groups", 1), f("epsilon", 0)),
			[]*tensor.Tensor{f32s([]int{1, 2, 1}, -1, 1), f32s([]int{1}, 3), f32s([]int{1}, 5)}, f32s([]int{1, 2, 1}, 2, 8)},
		{"Dropout lets all through", 7, node("Dropout", 1, f("ratio", 0.9)), []*tensor.Tensor{x}, x},
		{"Relu keeps NaN", 13, node("Relu", 1), []*tensor.Tensor{f32s([]int{2}, float32(math.NaN()), -1)}, f32s([]int{2}, float32(math.NaN()), 0)},
		{"Max keeps NaN", 13, node("Max", 2), []*tensor.Tensor{f32s([]int{1}, 1), f32s([]int{1}, float32(math.NaN()))}, f32s([]int{1}, float32(math.NaN()))},
		{"an integer Add wraps around", 14, node("Add", 2), []*tensor.Tensor{tensor.Of([]int8{127}, 1), tensor.Of([]int8{1}, 1)}, tensor.Of([]int8{-128}, 1)},
		{"Cast truncates", 13, node("Cast", 1, graph.IntAttr("to", int64(tensor.Int64))), []*tensor.Tensor{f32s([]int{4}, 1.9, -1.9, 2.5, -0.5)}, i64s(1, -1, 2, 0)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			out, err := ops.Apply(c.node, c.opset, c.in...)
			if err != nil {
				t.Fatal(err)
			}
			if err := same(out[0], c.want); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBadModels is inputs that do not fit: an error that says what is wrong,
// never a panic.
func TestBadModels(t *testing.T) {
	ints, i := graph.IntsAttr, graph.IntAttr
	x := tensor.New(tensor.Float32, 1, 4, 8, 8)
	cases := []struct {
		name string
		node *graph.Node
		in   []*tensor.Tensor
		say  string
	}{
		{"weights of other channels", node("Conv", 2), []*tensor.Tensor{x, tensor.New(tensor.Float32, 2, 3, 3, 3)}, "does not match"},
		{"more groups than channels", node("Conv", 2, i("group", 8)), []*tensor.Tensor{x, tensor.New(tensor.Float32, 8, 1, 3, 3)}, "groups"},
		{"negative stride", node("Conv", 2, ints("strides", -1, 1)), []*tensor.Tensor{x, tensor.New(tensor.Float32, 2, 4, 3, 3)}, "strides"},
		{"zero kernel", node("MaxPool", 1, ints("kernel_shape", 0, 3)), []*tensor.Tensor{x}, "kernel"},
		{"pads of the wrong length", node("Conv", 2, ints("pads", 1)), []*tensor.Tensor{x, tensor.New(tensor.Float32, 2, 4, 3, 3)}, "pads"},
		{"a bias of the wrong length", node("Conv", 3), []*tensor.Tensor{x, tensor.New(tensor.Float32, 2, 4, 3, 3), tensor.New(tensor.Float32, 5)}, "bias"},
		{"weights of another type", node("Conv", 2), []*tensor.Tensor{x, tensor.New(tensor.Float64, 2, 4, 3, 3)}, "float64"},
		{"inner sizes differ", node("MatMul", 2), []*tensor.Tensor{tensor.New(tensor.Float32, 2, 3), tensor.New(tensor.Float32, 4, 5)}, "[2 3]"},
		{"shapes do not broadcast", node("Add", 2), []*tensor.Tensor{tensor.New(tensor.Float32, 2, 3), tensor.New(tensor.Float32, 4)}, "broadcast"},
		{"types differ", node("Add", 2), []*tensor.Tensor{tensor.New(tensor.Float32, 2), tensor.New(tensor.Int64, 2)}, "int64"},
		{"integer division by zero", node("Div", 2), []*tensor.Tensor{i64s(1), i64s(0)}, "zero"},
		{"index out of range", node("Gather", 2), []*tensor.Tensor{x, i64s(9)}, "index 9"},
		{"axis out of range", node("Softmax", 1, i("axis", 7)), []*tensor.Tensor{x}, "axis 7"},
		{"axis given twice", node("ReduceSum", 2), []*tensor.Tensor{x, i64s(1, -3)}, "twice"},
		{"reshape to another size", node("Reshape", 2), []*tensor.Tensor{x, i64s(3, -1)}, "fit"},
		{"a shape beyond all bounds", node("ConstantOfShape", 1), []*tensor.Tensor{i64s(1<<40, 1<<40)}, "dimension"},
		{"more elements than memory", node("ConstantOfShape", 1), []*tensor.Tensor{i64s(1<<16, 1<<16)}, "elements"},
		{"more repetitions than memory", node("Tile", 2), []*tensor.Tensor{tensor.New(tensor.Float32, 2, 2), i64s(1<<20, 1<<20)}, "elements"},
		{"a stretch beyond memory", node("Expand", 2), []*tensor.Tensor{tensor.New(tensor.Float32, 1), i64s(1<<20, 1<<20)}, "elements"},
		{"padding beyond memory", node("Pad", 2), []*tensor.Tensor{tensor.New(tensor.Float32, 1, 1), i64s(1<<20, 1<<20, 0, 0)}, "elements"},
		{"a longer range than memory", node("Range", 3), []*tensor.Tensor{tensor.Scalar(int64(0)), tensor.Scalar(int64(1) << 40), tensor.Scalar(int64(1))}, "Range"},
		{"a negative shape", node("Expand", 2), []*tensor.Tensor{x, i64s(-5)}, "dimension"},
		{"an endless range", node("Range", 3), []*tensor.Tensor{tensor.Scalar(float32(0)), tensor.Scalar(float32(1)), tensor.Scalar(float32(0))}, "Range"},
		{"a step of zero", node("Slice", 5), []*tensor.Tensor{x, i64s(0), i64s(1), i64s(0), i64s(0)}, "step 0"},
		{"an absent input", node("Conv", 2), []*tensor.Tensor{x}, "absent"},
		{"an unknown type", node("Cast", 1, i("to", 99)), []*tensor.Tensor{x}, "type 99"},
		{"equation of other ranks", node("Einsum", 1, graph.StringAttr("equation", "ij->ji")), []*tensor.Tensor{x}, "equation"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := ops.Apply(c.node, opset, c.in...)
			if err == nil || !strings.Contains(err.Error(), c.say) {
				t.Errorf("error %v, want one that says %q", err, c.say)
			}
		})
	}
	if _, err := ops.Apply(node("Add", 2), opset, tensor.Strings([]string{"a"}, 1), tensor.Strings([]string{"b"}, 1)); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Add of strings: %v, want unsupported", err)
	}
}
