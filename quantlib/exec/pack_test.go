package exec

import (
	"context"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func cached(s *Session, v *Variant) (session, variant int) {
	s.cache.each(func(any) { session++ })
	v.cache.each(func(any) { variant++ })
	return session, variant
}

func TestAVariantPacksItsConstantsOnce(t *testing.T) {
	s := session(t, Options{Threads: 1})
	run(t, s.Run, input(1))
	w := s.Graph().Const("w3").Clone()
	w.F32()[0]++
	v, err := s.With(Change{Consts: Values{"w3": w}})
	if err != nil {
		t.Fatal(err)
	}
	before, _ := cached(s, v)
	first := run(t, v.Run, input(1))
	var packed any
	v.cache.each(func(p any) { packed = p })
	second := run(t, v.Run, input(1))
	if !tensor.Equal(first, second) {
		t.Error("the second run differs from the first")
	}
	after, own := cached(s, v)
	if own != 1 || after != before {
		t.Errorf("the variant keeps %d packed constants, want 1; the session went from %d to %d", own, before, after)
	}
	v.cache.each(func(p any) {
		if p != packed {
			t.Error("the second run packed again")
		}
	})
	// The changed network, compiled by itself, gives the same bits.
	e := s.Graph().Edit()
	e.SetConst("w3", w)
	g, err := e.Graph()
	if err != nil {
		t.Fatal(err)
	}
	alone, err := New(g, Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if want := run(t, alone.Run, input(1)); !tensor.Equal(first, want) {
		t.Errorf("got %v, want %v", first.F32(), want.F32())
	}
}

func TestAVariantThatKeepsTheTensorUsesTheSessionsPacking(t *testing.T) {
	s := session(t, Options{Threads: 1})
	run(t, s.Run, input(1))
	v, err := s.With(Change{Consts: Values{"w3": s.Graph().Const("w3")}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, v.Run, input(1))
	if _, own := cached(s, v); own != 0 {
		t.Errorf("the variant packed %d constants, want none", own)
	}
}

func TestSubgraphsSeeReplacedConstants(t *testing.T) {
	value := func(name string) graph.Value { return graph.Value{Name: name, DType: tensor.Float32} }
	branch := func(name, op string) *graph.Graph {
		g, err := graph.New(graph.Parts{Name: name, Outputs: []graph.Value{value(name + "y")}, Outer: map[string]bool{"x": true, "k": true},
			Nodes: []*graph.Node{{Name: name, Op: op, Inputs: []string{"x", "k"}, Outputs: []string{name + "y"}}}})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	yes, err := tensor.FromBytes(tensor.Bool, []byte{1})
	if err != nil {
		t.Fatal(err)
	}
	g, err := graph.New(graph.Parts{
		Inputs: []graph.Value{value("x")}, Outputs: []graph.Value{value("y")},
		Consts: []*graph.Const{{Name: "k", Tensor: tensor.Scalar(float32(2))}, {Name: "yes", Tensor: yes}},
		Nodes: []*graph.Node{{Name: "if", Op: "If", Inputs: []string{"yes"}, Outputs: []string{"y"}, Attrs: []graph.Attr{
			{Name: "then_branch", Kind: graph.AttrGraph, G: branch("then", "Mul")},
			{Name: "else_branch", Kind: graph.AttrGraph, G: branch("else", "Add")}}}},
		Model: &graph.Model{Opsets: map[string]int{"": 13}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(g, Options{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.With(Change{Consts: Values{"k": tensor.Scalar(float32(5))}})
	if err != nil {
		t.Fatal(err)
	}
	in := Values{"x": tensor.Scalar(float32(3))}
	if got := run(t, s.Run, in).F32()[0]; got != 6 {
		t.Errorf("the session gives %g, want 6", got)
	}
	if got := run(t, v.Run, in).F32()[0]; got != 15 {
		t.Errorf("the variant gives %g, want 15", got)
	}
	kept, err := s.Keep(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := v.Rerun(context.Background(), kept)
	if err != nil {
		t.Fatal(err)
	}
	if y := got[0].F32()[0]; y != 15 {
		t.Errorf("the re-run gives %g, want 15", y)
	}
}
