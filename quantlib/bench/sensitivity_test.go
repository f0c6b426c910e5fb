package main

import (
	"context"
	"math"
	"testing"

	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/sense"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// chain is two products, of which the first has three times as many multiply-adds
// as the second, and a sample.
func chain(t *testing.T) (*opened, batchOf) {
	t.Helper()
	weight := func(name string, in, out int) *graph.Const {
		w := tensor.New(tensor.Float32, in, out)
		for i := range w.F32() {
			w.F32()[i] = float32(i%5) - 2
		}
		return &graph.Const{Name: name, Tensor: w}
	}
	dims := func(n int) []graph.Dim { return []graph.Dim{{Size: -1, Name: "N"}, {Size: n}} }
	g, err := graph.New(graph.Parts{
		Name:    "chain",
		Inputs:  []graph.Value{{Name: "x", DType: tensor.Float32, Ranked: true, Dims: dims(6)}},
		Outputs: []graph.Value{{Name: "y", DType: tensor.Float32, Ranked: true, Dims: dims(2)}},
		Consts:  []*graph.Const{weight("v", 6, 4), weight("w", 4, 2)},
		Nodes: []*graph.Node{
			{Name: "first", Op: "MatMul", Inputs: []string{"x", "v"}, Outputs: []string{"h"}},
			{Name: "second", Op: "MatMul", Inputs: []string{"h", "w"}, Outputs: []string{"y"}},
		},
		Model: &graph.Model{IRVersion: 8, Opsets: map[string]int{"": 13}},
	})
	if err != nil {
		t.Fatal(err)
	}
	model := quantlib.FromGraph(g)
	o := &opened{}
	if o.session, err = model.Session(); err != nil {
		t.Fatal(err)
	}
	if o.m, err = model.Map(); err != nil {
		t.Fatal(err)
	}
	return o, batchOf{exec.Values{"x": tensor.New(tensor.Float32, 1, 6)}, "x"}
}

// TestSuffixesCountWhatLiesDownstream: a change of the first product reaches both,
// one of the second itself: three treatments of 1 and three of 1/4.
func TestSuffixesCountWhatLiesDownstream(t *testing.T) {
	o, data := chain(t)
	got, err := suffixes(context.Background(), o, data, sense.Weight, sense.Activation, sense.Both)
	if err != nil {
		t.Fatal(err)
	}
	if want := 3*1 + 3*0.25; math.Abs(got-want) > 1e-12 {
		t.Errorf("%v forward passes, want %v", got, want)
	}
}

// TestWayBackCountsCotangentsAndProducts: of 32 multiply-adds forward there are
// twice as many for each probe, and one for each width of the 24 + 8 weights and 6 + 4
// inputs.
func TestWayBackCountsCotangentsAndProducts(t *testing.T) {
	o, data := chain(t)
	got, err := wayBack(context.Background(), o, data, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 + 2*(2*32+3*42)/32.0; math.Abs(got-want) > 1e-12 {
		t.Errorf("%v forward passes, want %v", got, want)
	}
}

func TestAgree(t *testing.T) {
	a := map[string]float64{"p": 1, "q": 2, "r": 3, "ours alone": 9}
	for _, tt := range []struct {
		name string
		b    map[string]float64
		want float64
		n    int
	}{
		{"the same order", map[string]float64{"p": 10, "q": 20, "r": 30, "theirs alone": 0}, 1, 3},
		{"the other way round", map[string]float64{"p": 3, "q": 2, "r": 1}, -1, 3},
		{"two layers in common", map[string]float64{"p": 3, "q": 4}, 1, 2},
	} {
		if got, n := agree(a, tt.b); math.Abs(got-tt.want) > 1e-12 || n != tt.n {
			t.Errorf("%s: %v over %d, want %v over %d", tt.name, got, n, tt.want, tt.n)
		}
	}
}
