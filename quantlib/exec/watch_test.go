package exec_test

import (
	"context"
	"slices"
	"testing"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// rounding is a quantizer to whole numbers.
type rounding struct{}

func (rounding) Quantize(dst, x []float32, _ []int) {
	for i, v := range x {
		dst[i] = float32(int(v))
	}
}

func TestVariantsShowTheirQuantizedValues(t *testing.T) {
	g, err := graph.New(graph.Parts{
		Model:   &graph.Model{Opsets: map[string]int{"": 13}},
		Inputs:  []graph.Value{{Name: "x", DType: tensor.Float32}},
		Outputs: []graph.Value{{Name: "y"}},
		Consts:  []*graph.Const{{Name: "half", Tensor: tensor.Of([]float32{0.5}, 1)}},
		Nodes: []*graph.Node{
			{Name: "mul", Op: "Mul", Inputs: []string{"x", "half"}, Outputs: []string{"h"}},
			{Name: "add", Op: "Add", Inputs: []string{"h", "h"}, Outputs: []string{"y"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := exec.New(g, exec.Options{NoFuse: true})
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.With(exec.Change{Quantize: map[string]exec.Quantizer{"x": rounding{}, "h": rounding{}}})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string][]float32{}
	x := tensor.Of([]float32{3.9, 8.2}, 2)
	if err := v.Watch(context.Background(), exec.Values{"x": x}, func(name string, t *tensor.Tensor) {
		seen[name] = slices.Clone(t.F32())
	}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]float32{"x": {3, 8}, "h": {1, 4}, "y": {2, 8}} {
		if !slices.Equal(seen[name], want) {
			t.Errorf("%s is shown as %v, want %v", name, seen[name], want)
		}
	}
	if x.F32()[0] != 3.9 {
		t.Error("the input has changed")
	}
}
