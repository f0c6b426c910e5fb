package main

import (
	"maps"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func TestCodesAreTheRowsOfTheTables(t *testing.T) {
	value := func(name string, dt tensor.DType) graph.Value { return graph.Value{Name: name, DType: dt} }
	node := func(op, out string, in ...string) *graph.Node {
		return &graph.Node{Name: out, Op: op, Inputs: in, Outputs: []string{out}}
	}
	g, err := graph.New(graph.Parts{
		Inputs:  []graph.Value{value("ids", tensor.Int64), value("kinds", tensor.Int64), value("mask", tensor.Int64), value("x", tensor.Float32)},
		Outputs: []graph.Value{{Name: "y"}},
		Consts: []*graph.Const{
			{Name: "words", Tensor: tensor.New(tensor.Float32, 900, 4)}, {Name: "segments", Tensor: tensor.New(tensor.Float32, 2, 4)},
			{Name: "fewer", Tensor: tensor.New(tensor.Float32, 800, 4)},
		},
		Nodes: []*graph.Node{
			node("Gather", "a", "words", "ids"), node("Identity", "same", "ids"), node("Gather", "b", "fewer", "same"),
			node("Gather", "c", "segments", "kinds"), node("Gather", "d", "x", "mask"),
			node("Sum", "y", "a", "b", "c", "d"),
		},
		Model: &graph.Model{Opsets: map[string]int{"": 17}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := codes(g), map[string]int{"ids": 800, "kinds": 2}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
