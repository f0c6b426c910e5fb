package plan

import (
	"slices"
	"strings"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
)

// A chain is nodes that the device runs as one.
type chain struct {
	pattern string
	nodes   []*graph.Node
}

// chains finds what p.Fuse covers, and the values inside of it. Each node, in
// graph order, begins the longest chain of free nodes that it can, under the
// first of the patterns that reach that length. What flows between two nodes of
// a chain is used by nodes of the chain alone and is no output of the graph:
// otherwise the device would have to write it out, and they are not fused.
func chains(g *graph.Graph, p *hardware.Profile) (list []chain, inside map[string]bool) {
	inside = map[string]bool{}
	taken := map[*graph.Node]bool{}
	outputs := map[string]bool{}
	for _, o := range g.Outputs() {
		outputs[o.Name] = true
	}
	for _, head := range g.Nodes() {
		best := chain{}
		for _, f := range p.Fuse {
			s := search{g: g, taken: taken, outputs: outputs}
			s.extend(f.Ops, nil, []*graph.Node{head})
			if len(s.best) > max(1, len(best.nodes)) {
				best = chain{f.Name, s.best}
			}
		}
		for i, n := range best.nodes {
			taken[n] = true
			if i < len(best.nodes)-1 {
				for _, o := range n.Outputs {
					inside[o] = true
				}
			}
		}
		if len(best.nodes) > 0 {
			list = append(list, best)
		}
	}
	delete(inside, "")
	return list, inside
}

type search struct {
	g       *graph.Graph
	taken   map[*graph.Node]bool
	outputs map[string]bool
	best    []*graph.Node
}

// extend matches the rest of a pattern with the nodes that may come next after
// path, and keeps the longest closed path.
func (s *search) extend(rest []string, path, next []*graph.Node) {
	open := slices.ContainsFunc(rest, func(e string) bool { return !strings.HasSuffix(e, "?") })
	if !open && len(path) > len(s.best) && s.closed(path) {
		s.best = slices.Clone(path)
	}
	if len(rest) == 0 {
		return
	}
	names, optional := strings.CutSuffix(rest[0], "?")
	for _, n := range next {
		if s.taken[n] || slices.Contains(path, n) || !graph.IsStandard(n.Domain) || !slices.Contains(strings.Split(names, "|"), n.Op) {
			continue
		}
		var after []*graph.Node
		if o := n.Output(0); o != "" && !s.outputs[o] {
			// All users of the value must find a place in the rest of the pattern.
			if after = s.g.Consumers(o); len(after) > len(rest)-1 {
				after = nil
			}
		}
		s.extend(rest[1:], append(path, n), after)
	}
	if optional {
		s.extend(rest[1:], path, next)
	}
}

// closed reports whether nothing outside of path uses what its nodes make,
// except what the last one makes.
func (s *search) closed(path []*graph.Node) bool {
	for _, n := range path[:len(path)-1] {
		for _, o := range n.Outputs {
			if s.outputs[o] || slices.ContainsFunc(s.g.Consumers(o), func(u *graph.Node) bool { return !slices.Contains(path, u) }) {
				return false
			}
		}
	}
	return true
}

// depths is, for each layer, the greatest number of layers on a path that ends
// before it.
func depths(m *Map) []int {
	list := make([]int, len(m.Layers))
	after := map[string]int{} // by value: layers on the longest path that makes it
	for _, n := range m.Graph.Nodes() {
		d := 0
		for _, in := range n.Inputs {
			d = max(d, after[in])
		}
		if i, ok := m.byLayer[n.Name]; ok {
			list[i] = d
			d++
		}
		for _, o := range n.Outputs {
			if o != "" {
				after[o] = d
			}
		}
	}
	return list
}
