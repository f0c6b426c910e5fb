package rewrite_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/rewrite"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// oldGraph is one node of an old opset, with constants for its further inputs.
func oldGraph(t *testing.T, opset int, n *graph.Node, outputs int, consts ...*tensor.Tensor) *graph.Graph {
	t.Helper()
	p := graph.Parts{Model: &graph.Model{IRVersion: 4, Opsets: map[string]int{"": opset}}, Inputs: []graph.Value{{Name: "x", DType: tensor.Float32}}}
	n.Name, n.Inputs = "node", []string{"x"}
	for i, c := range consts {
		name := string(rune('a' + i))
		p.Consts = append(p.Consts, &graph.Const{Name: name, Tensor: c})
		n.Inputs = append(n.Inputs, name)
	}
	for i := range outputs {
		name := "y" + string(rune('0'+i))
		n.Outputs = append(n.Outputs, name)
		p.Outputs = append(p.Outputs, graph.Value{Name: name})
	}
	p.Nodes = []*graph.Node{n}
	g, err := graph.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Each row is an operator as an old file has it; raised, it gives the same bits.
func TestRaisedOpsetsComputeTheSame(t *testing.T) {
	i, ints, f, text := graph.IntAttr, graph.IntsAttr, graph.FloatAttr, graph.StringAttr
	floats := func(name string, v ...float32) graph.Attr {
		return graph.Attr{Name: name, Kind: graph.AttrFloats, Floats: v}
	}
	for _, c := range []struct {
		name    string
		opset   int
		node    *graph.Node
		outputs int
		consts  []*tensor.Tensor
	}{
		{"Clip with attributes", 7, &graph.Node{Op: "Clip", Attrs: []graph.Attr{f("min", -1), f("max", 1)}}, 1, nil},
		{"Clip from above", 7, &graph.Node{Op: "Clip", Attrs: []graph.Attr{f("max", 1)}}, 1, nil},
		{"Softmax of several axes", 11, &graph.Node{Op: "Softmax", Attrs: []graph.Attr{i("axis", 1)}}, 1, nil},
		{"Softmax of the default axes", 9, &graph.Node{Op: "Softmax"}, 1, nil},
		{"LogSoftmax", 11, &graph.Node{Op: "LogSoftmax", Attrs: []graph.Attr{i("axis", 2)}}, 1, nil},
		{"Hardmax", 11, &graph.Node{Op: "Hardmax"}, 1, nil},
		{"Pad with attributes", 7, &graph.Node{Op: "Pad", Attrs: []graph.Attr{ints("pads", 0, 0, 1, 1, 0, 0, 1, 0), f("value", 3)}}, 1, nil},
		{"ReduceMean with axes", 13, &graph.Node{Op: "ReduceMean", Attrs: []graph.Attr{ints("axes", 2, 3), i("keepdims", 0)}}, 1, nil},
		{"ReduceMax of everything", 11, &graph.Node{Op: "ReduceMax"}, 1, nil},
		{"ReduceSum with axes", 11, &graph.Node{Op: "ReduceSum", Attrs: []graph.Attr{ints("axes", -1)}}, 1, nil},
		{"Squeeze", 11, &graph.Node{Op: "Squeeze", Attrs: []graph.Attr{ints("axes", 0)}}, 1, nil},
		{"Unsqueeze", 7, &graph.Node{Op: "Unsqueeze", Attrs: []graph.Attr{ints("axes", 1)}}, 1, nil},
		{"Slice with attributes", 9, &graph.Node{Op: "Slice", Attrs: []graph.Attr{ints("starts", 1), ints("ends", 3), ints("axes", 2)}}, 1, nil},
		{"Split with sizes", 11, &graph.Node{Op: "Split", Attrs: []graph.Attr{i("axis", 1), ints("split", 1, 3)}}, 2, nil},
		{"Split in even parts", 13, &graph.Node{Op: "Split", Attrs: []graph.Attr{i("axis", 1)}}, 2, nil},
		{"TopK", 9, &graph.Node{Op: "TopK", Attrs: []graph.Attr{i("k", 2), i("axis", 1)}}, 2, nil},
		{"Dropout", 10, &graph.Node{Op: "Dropout", Attrs: []graph.Attr{f("ratio", 0.4)}}, 1, nil},
		{"Upsample with attributes", 7, &graph.Node{Op: "Upsample", Attrs: []graph.Attr{floats("scales", 1, 1, 2, 1.5)}}, 1, nil},
		{"Upsample", 9, &graph.Node{Op: "Upsample", Attrs: []graph.Attr{text("mode", "linear")}}, 1, []*tensor.Tensor{tensor.Of([]float32{1, 1, 2, 3}, 4)}},
		{"Resize without a region", 10, &graph.Node{Op: "Resize", Attrs: []graph.Attr{text("mode", "nearest")}}, 1, []*tensor.Tensor{tensor.Of([]float32{1, 1, 0.5, 2}, 4)}},
		{"Resize with empty tensors", 11, &graph.Node{Op: "Resize"}, 1,
			[]*tensor.Tensor{tensor.New(tensor.Float32, 0), tensor.New(tensor.Float32, 0), tensor.Of([]int64{1, 4, 6, 2}, 4)}},
		{"BatchNormalization", 8, &graph.Node{Op: "BatchNormalization", Attrs: []graph.Attr{i("spatial", 1)}}, 1,
			[]*tensor.Tensor{tensor.Of([]float32{1, 2, 3, 4}, 4), tensor.New(tensor.Float32, 4), tensor.New(tensor.Float32, 4), tensor.Of([]float32{1, 2, 1, 2}, 4)}},
		{"Relu, which has not changed", 7, &graph.Node{Op: "Relu"}, 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := oldGraph(t, c.opset, c.node, c.outputs, c.consts...)
			x := tensor.New(tensor.Float32, 1, 4, 3, 3)
			for k := range x.F32() {
				x.F32()[k] = float32((k*7+3)%11) - 5
			}
			run := func(g *graph.Graph) exec.Values {
				t.Helper()
				s, err := exec.New(g, exec.Options{NoFuse: true})
				if err != nil {
					t.Fatal(err)
				}
				out, err := s.Run(context.Background(), exec.Values{"x": x})
				if err != nil {
					t.Fatal(err)
				}
				return out
			}
			want := run(g)
			for _, to := range []int{13, 18, 21, 25} {
				raised, err := rewrite.Apply(g, rewrite.RaiseOpset(to))
				if err != nil {
					t.Fatal(err)
				}
				if to > c.opset && raised.Opset("") != to {
					t.Errorf("opset %d, want %d", raised.Opset(""), to)
				}
				for name, got := range run(raised) {
					if !tensor.Equal(got, want[name]) {
						t.Errorf("opset %d: output %s is %v, was %v", to, name, got, want[name])
					}
				}
			}
			if g.Opset("") != c.opset {
				t.Error("the graph itself has changed")
			}
		})
	}
}

func TestWhatANewerOpsetLacksIsAnError(t *testing.T) {
	inner := oldGraph(t, 11, &graph.Node{Op: "Softmax"}, 1)
	for _, c := range []struct {
		name string
		node *graph.Node
		outs int
		say  string
	}{
		{"statistics for each place", &graph.Node{Op: "BatchNormalization", Attrs: []graph.Attr{graph.IntAttr("spatial", 0)}}, 1, "changed in 9"},
		{"a batch normalization that trains", &graph.Node{Op: "BatchNormalization"}, 3, "trains"},
		{"a Scan with a batch axis", &graph.Node{Op: "Scan"}, 1, "batch axis"},
		{"a changed operator in a subgraph", &graph.Node{Op: "If", Attrs: []graph.Attr{{Name: "then_branch", Kind: graph.AttrGraph, G: inner}}}, 1, "subgraph"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := rewrite.Apply(oldGraph(t, 8, c.node, c.outs), rewrite.RaiseOpset(21))
			if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), c.say) || !strings.Contains(err.Error(), `"node"`) {
				t.Errorf("error %v, want one that names the node, says %q and wraps ErrUnsupported", err, c.say)
			}
		})
	}
}

func TestRaiseOpsetWritesOnlyWhatItKnows(t *testing.T) {
	for _, to := range []int{rewrite.MinOpset - 1, rewrite.MaxOpset + 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("RaiseOpset(%d) does not panic", to)
				}
			}()
			rewrite.RaiseOpset(to)
		}()
	}
	g := oldGraph(t, 22, &graph.Node{Op: "Relu"}, 1)
	if raised, err := rewrite.Apply(g, rewrite.RaiseOpset(21)); err != nil || raised != g {
		t.Errorf("a newer graph is not left alone: %v", err)
	}
}
