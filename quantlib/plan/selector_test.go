package plan_test

import (
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func TestStarsCrossSlashes(t *testing.T) {
	g, err := graph.New(graph.Parts{
		Inputs: []graph.Value{{Name: "x"}}, Outputs: []graph.Value{{Name: "z"}},
		Consts: []*graph.Const{{Name: "v", Tensor: tensor.New(tensor.Float32, 2, 2)}, {Name: "w", Tensor: tensor.New(tensor.Float32, 2, 2)}},
		Nodes: []*graph.Node{
			{Name: "body/1/fc", Op: "Gemm", Inputs: []string{"x", "v"}, Outputs: []string{"y"}},
			{Name: "fc", Op: "Gemm", Inputs: []string{"y", "w"}, Outputs: []string{"z"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := plan.Place(g)
	if err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string][2]int{"*": {4, 4}, "body*": {4, 8}, "body/*/fc": {4, 8}, "*fc": {4, 4}, "fc": {8, 4}} {
		p, err := m.Uniform(8, 8).With(pattern, 4, -1)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		for i, bits := range want {
			if w, _ := p.Layer(i); w.Bits != bits {
				t.Errorf("%s: layer %q has %d bits, want %d", pattern, m.Layers[i].Name, w.Bits, bits)
			}
		}
	}
}
