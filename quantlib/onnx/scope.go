package onnx

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quantnb/quantnb/quantlib/graph"
)

// A scope is a graph or function as far as the subgraphs inside it see it: all
// its names are visible, those of later nodes too, since graph.New looks after
// the order. It keeps names of its own only, so that a subgraph costs what it
// uses, not what stands around it.
type scope struct {
	parts *graph.Parts // inputs and constants
	nodes []field
	outer *scope
	names map[string]bool // made at the first question
}

// has reports whether name is visible in s or around it.
func (s *scope) has(name string) bool {
	for ; s != nil; s = s.outer {
		if s.names == nil {
			s.names = s.own()
		}
		if s.names[name] {
			return true
		}
	}
	return false
}

func (s *scope) own() map[string]bool {
	names := make(map[string]bool, len(s.nodes))
	for _, v := range s.parts.Inputs {
		names[v.Name] = true
	}
	for _, c := range s.parts.Consts {
		names[c.Name] = true
	}
	for _, v := range s.nodes {
		each(v.bytes, func(v field) error {
			if v.num == 2 && v.typ == protowire.BytesType {
				names[string(v.bytes)] = true
			}
			return nil
		})
	}
	delete(names, "")
	return names
}

// outerNames is the names that p uses, does not define, and finds around it.
func outerNames(p *graph.Parts, outer *scope) map[string]bool {
	if outer == nil {
		return nil
	}
	own := map[string]bool{"": true}
	for _, v := range p.Inputs {
		own[v.Name] = true
	}
	for _, c := range p.Consts {
		own[c.Name] = true
	}
	for _, n := range p.Nodes {
		for _, o := range n.Outputs {
			own[o] = true
		}
	}
	names := map[string]bool{}
	use := func(list []string) {
		for _, name := range list {
			if !own[name] && !names[name] && outer.has(name) {
				names[name] = true
			}
		}
	}
	for _, n := range p.Nodes {
		use(n.Inputs)
		for _, a := range n.Attrs {
			if a.G != nil {
				use(a.G.OuterNames())
			}
			for _, g := range a.Graphs {
				use(g.OuterNames())
			}
		}
	}
	for _, o := range p.Outputs {
		use([]string{o.Name})
	}
	return names
}
