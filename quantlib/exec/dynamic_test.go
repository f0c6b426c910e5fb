package exec

import (
	"context"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// One session serves inputs of any size, in any order: a shape that the network
// computes, a loop whose value grows with each turn, and as many turns as the
// input has rows. x of [n, w] becomes the rows' sums, summed up, n times over.
func TestASessionServesInputsOfAnySize(t *testing.T) {
	model := &graph.Model{Opsets: map[string]int{"": 13}}
	body, err := graph.New(graph.Parts{
		Name: "body", Model: model, Outer: map[string]bool{"sum": true},
		Inputs:  []graph.Value{{Name: "i"}, {Name: "go"}, {Name: "list"}},
		Outputs: []graph.Value{{Name: "go"}, {Name: "longer"}},
		Nodes:   []*graph.Node{{Op: "Concat", Inputs: []string{"list", "sum"}, Outputs: []string{"longer"}, Attrs: []graph.Attr{graph.IntAttr("axis", 0)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	g, err := graph.New(graph.Parts{
		Model:   model,
		Inputs:  []graph.Value{{Name: "x", DType: tensor.Float32, Ranked: true, Dims: []graph.Dim{{Size: -1, Name: "n"}, {Size: -1, Name: "w"}}}},
		Outputs: []graph.Value{{Name: "y"}},
		Consts: []*graph.Const{{Name: "zero", Tensor: tensor.Of([]int64{0}, 1)}, {Name: "one", Tensor: tensor.Of([]int64{1}, 1)},
			{Name: "free", Tensor: tensor.Of([]int64{-1}, 1)}},
		Nodes: []*graph.Node{
			{Op: "Shape", Inputs: []string{"x"}, Outputs: []string{"shape"}},
			{Op: "Slice", Inputs: []string{"shape", "zero", "one"}, Outputs: []string{"n"}},
			{Op: "Concat", Inputs: []string{"n", "free"}, Outputs: []string{"as"}, Attrs: []graph.Attr{graph.IntAttr("axis", 0)}},
			{Op: "Reshape", Inputs: []string{"x", "as"}, Outputs: []string{"rows"}},
			{Op: "ReduceSum", Inputs: []string{"rows"}, Outputs: []string{"all"}},
			{Op: "Reshape", Inputs: []string{"all", "one"}, Outputs: []string{"sum"}},
			{Op: "Loop", Inputs: []string{"n", "", "sum"}, Outputs: []string{"y"}, Attrs: []graph.Attr{{Name: "body", Kind: graph.AttrGraph, G: body}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(g, Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range [][2]int{{1, 1}, {3, 50}, {200, 7}, {2, 5000}, {3, 50}, {1, 1}, {17, 300}} {
		n, w := size[0], size[1]
		x := tensor.New(tensor.Float32, n, w)
		for i := range x.F32() {
			x.F32()[i] = float32(i % 3)
		}
		sum := float32(0)
		for _, v := range x.F32() {
			sum += v // small integers: exact in any order
		}
		y := run(t, s.Run, Values{"x": x})
		if !tensor.SameShape(y.Shape(), []int{n + 1}) {
			t.Fatalf("%v gives %v, want [%d]", size, y, n+1)
		}
		for i, v := range y.F32() {
			if v != sum {
				t.Fatalf("%v: element %d is %g, want %g", size, i, v, sum)
			}
		}
		m, err := s.Memory(context.Background(), map[string][]int{"x": {n, w}})
		if err != nil || m.Outputs != 4*(n+1) {
			t.Errorf("%v: the prediction is %+v, %v", size, m, err)
		}
	}
}
