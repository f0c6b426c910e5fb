package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// An edge ties two values, quantized or not, by one node.
type edge struct {
	a, b   string
	node   string
	reason string
	scale  bool
}

// link makes Links of the graph and the profile:
//
//   - the operands of an operator that the profile has a Tie rule for: its
//     inputs, its outputs, or both, as the rule says;
//   - the input and output of an operator that quantization passes through
//     (they share scales only where a Tie rule for it asks for that);
//   - the activations that enter what the device runs as one.
//
// A value without a quantizer hands on what ties it: a max-pooled tensor that
// goes into a Concat ties the tensor before the pool. Weights, integers, values
// inside a fused chain and constants without a quantizer are tied to nothing.
//
// A profile without Tie rules wants nothing alike, so that there are no links.
// A tensor that several nodes use has one quantizer and needs none.
func (m *Map) link() {
	if len(m.Profile.Ties) == 0 {
		return
	}
	var edges []edge
	for _, n := range m.Graph.Nodes() {
		rule, ok := m.Profile.Tie(n.Op)
		if m.Profile.Passes(n.Op) {
			rule.Inputs, rule.Outputs, ok = true, true, true
		}
		if !ok || !graph.IsStandard(n.Domain) {
			continue
		}
		var in, out []string
		if rule.Inputs {
			in = m.concerned(n.Inputs)
		}
		if rule.Outputs {
			out = m.concerned(n.Outputs)
		}
		edges = append(edges, m.alike(n.Name, in, out, rule.Scale)...)
	}
	for _, c := range m.chains {
		edges = append(edges, m.entering(c)...)
	}
	m.Links = m.linked(edges)
}

// concerned is those of names that a tie can hold, each once.
func (m *Map) concerned(names []string) []string {
	var list []string
	for _, name := range names {
		if name == "" || m.inside[name] || slices.Contains(list, name) || m.foreign(name) {
			continue
		}
		k, ok := m.byValue[name]
		if ok && m.Quantizers[k].Role == Weight || !ok && m.Graph.Const(name) != nil {
			continue
		}
		list = append(list, name)
	}
	return list
}

// foreign reports whether a value is known to hold something else than float32.
func (m *Map) foreign(name string) bool {
	d := m.types[name]
	return d != tensor.Undefined && d != tensor.Float32
}

// manyOperands is how many operands a node may have for each pair of them to get
// an edge, which makes for the shortest explanations.
const manyOperands = 8

// alike ties all operands of a node to each other; where there are many, to one
// of them, a quantized one if there is.
func (m *Map) alike(node string, in, out []string, scale bool) []edge {
	all := slices.Concat(in, out)
	center := max(0, slices.IndexFunc(all, func(name string) bool { _, ok := m.byValue[name]; return ok }))
	var edges []edge
	for i, a := range all {
		for j := i + 1; j < len(all); j++ {
			if len(all) > manyOperands && i != center && j != center {
				continue
			}
			e := edge{a: a, b: all[j], node: node, scale: scale}
			switch {
			case j < len(in):
				e.reason = "both feed " + node
			case i >= len(in):
				e.reason = "both come out of " + node
			default:
				e.reason = fmt.Sprintf("%s goes through %s into %s", a, node, all[j])
			}
			edges = append(edges, e)
		}
	}
	return edges
}

// entering ties the activations that a chain's later nodes take from outside to
// the one that enters its head.
func (m *Map) entering(c chain) []edge {
	var first string
	var edges []edge
	for i, n := range c.nodes {
		k, ok := m.byLayer[n.Name]
		if !ok {
			continue
		}
		for _, a := range m.Layers[k].Activations {
			value := m.Quantizers[a].Value
			switch {
			case first == "":
				first = value
			case i > 0 && value != first:
				edges = append(edges, edge{a: first, b: value, node: c.nodes[0].Name,
					reason: fmt.Sprintf("both enter the fused %s at %s", c.pattern, c.nodes[0].Name)})
			}
		}
	}
	return edges
}

// linked makes links between quantizers of edges between values: one for each
// pair that edges connect with no third quantizer between, by the fewest edges,
// and by such as share scales where that is possible. Where more than manyOperands
// quantizers meet in values without one, all are linked to the first of them, so
// that links do not grow with the square of their number.
func (m *Map) linked(edges []edge) []Link {
	at := map[string][]int{} // edges by value
	for i, e := range edges {
		at[e.a] = append(at[e.a], i)
		at[e.b] = append(at[e.b], i)
	}
	regions := map[bool]*regions{}
	for _, scale := range []bool{true, false} {
		regions[scale] = m.regions(edges, scale)
	}
	var links []Link
	for k, q := range m.Quantizers {
		found := map[int]bool{}
		for _, scale := range []bool{true, false} {
			from := map[string]int{q.Value: -1} // the edge by which a value was reached
			for queue := []string{q.Value}; len(queue) > 0; queue = queue[1:] {
				for _, i := range at[queue[0]] {
					e := edges[i]
					if regions[scale].leaves(i, k) {
						continue
					}
					next := e.a
					if next == queue[0] {
						next = e.b
					}
					if _, seen := from[next]; seen || scale && !e.scale {
						continue
					}
					from[next] = i
					j, quantized := m.byValue[next]
					if !quantized {
						queue = append(queue, next)
						continue
					}
					if j > k && !found[j] {
						found[j] = true
						links = append(links, between(k, j, q.Value, next, edges, from, scale))
					}
				}
			}
		}
	}
	return links
}

// regions are the sets of edges that values without a quantizer join.
type regions struct {
	of    []int // by edge, the region's number
	first []int // by region, the first quantizer at its rim
	rim   []int // by region, how many quantizers there are
}

// regions finds them, among the edges that share scales if scale is set.
func (m *Map) regions(edges []edge, scale bool) *regions {
	root := make([]int, len(edges))
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	seen := map[string]int{} // an edge by a value without a quantizer
	for i, e := range edges {
		if scale && !e.scale {
			continue
		}
		for _, v := range []string{e.a, e.b} {
			if _, quantized := m.byValue[v]; quantized {
				continue
			}
			if j, ok := seen[v]; ok {
				x, y := find(i), find(j)
				root[max(x, y)] = min(x, y)
			}
			seen[v] = i
		}
	}
	r := &regions{of: make([]int, len(edges)), first: make([]int, len(edges)), rim: make([]int, len(edges))}
	type place struct{ region, quantizer int }
	counted := map[place]bool{}
	for i, e := range edges {
		n := find(i)
		r.of[i] = n
		for _, v := range []string{e.a, e.b} {
			k, quantized := m.byValue[v]
			if !quantized || scale && !e.scale || counted[place{n, k}] {
				continue
			}
			counted[place{n, k}] = true
			if r.rim[n] == 0 || k < r.first[n] {
				r.first[n] = k
			}
			r.rim[n]++
		}
	}
	return r
}

// leaves reports whether links from quantizer k along an edge are left to the
// first quantizer of the region.
func (r *regions) leaves(edge, k int) bool {
	n := r.of[edge]
	return r.rim[n] > manyOperands && r.first[n] != k
}

// between is the link along the edges by which value b was reached from a.
func between(k, j int, a, b string, edges []edge, from map[string]int, scale bool) Link {
	var path []edge
	for v := b; v != a; {
		e := edges[from[v]]
		path = append(path, e)
		if e.a == v {
			v = e.b
		} else {
			v = e.a
		}
	}
	slices.Reverse(path)
	l := Link{A: k, B: j, Node: path[0].node, Reason: path[0].reason, Scale: scale}
	if len(path) > 1 {
		var parts []string
		for _, e := range path {
			parts = append(parts, sentence(e.a, e.b, e.reason))
		}
		l.Reason = strings.Join(parts, ", ")
	}
	return l
}

// sentence is a reason with its subject.
func sentence(a, b, reason string) string {
	if strings.HasPrefix(reason, "both ") {
		return a + " and " + b + " " + reason
	}
	return reason
}

// ScaleTies is the sets of quantizers, by their places in Quantizers, that share
// scale and zero point as well as the width. Each has at least two members.
func (m *Map) ScaleTies() [][]int {
	var sets [][]int
	for _, s := range m.sets(func(l Link) bool { return l.Scale }) {
		if len(s) > 1 {
			sets = append(sets, s)
		}
	}
	return sets
}

// sets is the quantizers in the connected sets that some of the links make, by
// the first member of each.
func (m *Map) sets(use func(Link) bool) [][]int {
	root := make([]int, len(m.Quantizers))
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	for _, l := range m.Links {
		if use(l) {
			a, b := find(l.A), find(l.B)
			root[max(a, b)] = min(a, b)
		}
	}
	var sets [][]int
	place := map[int]int{}
	for i := range m.Quantizers {
		k, ok := place[find(i)]
		if !ok {
			k = len(sets)
			place[find(i)] = k
			sets = append(sets, nil)
		}
		sets[k] = append(sets[k], i)
	}
	return sets
}

// tie makes the ties out of the links: one for each connected set.
func (m *Map) tie() {
	for k, set := range m.sets(func(Link) bool { return true }) {
		q := m.Quantizers[set[0]]
		m.Ties = append(m.Ties, Tie{Name: q.Nodes[0], Role: q.Role, Members: set})
		for _, i := range set {
			m.Quantizers[i].Tie = k
		}
	}
}
