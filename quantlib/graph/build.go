package graph

import (
	"fmt"
	"slices"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// New checks parts and makes a graph of them. Nodes are put in an order that
// can be run: the given one where it can, otherwise each node as soon as its
// inputs are there. Constant nodes become constants. Nodes without a name, or
// with one already taken, get "Op_k" for the first free k from their place.
//
// A value with two producers, an input nobody makes, a cycle and an output
// nobody makes are errors that name the node.
func New(p Parts) (*Graph, error) {
	g := &Graph{
		name: p.Name, doc: p.Doc, extra: p.Extra, model: p.Model, inputs: p.Inputs, outputs: p.Outputs, outer: p.Outer,
		consts: map[string]*Const{}, info: map[string]Value{},
		producer: map[string]*Node{}, index: map[*Node]int{}, named: make(map[string]*Node, len(p.Nodes)), users: map[string][]*Node{},
	}
	if g.model == nil {
		g.model = &Model{}
	}
	known := make(map[string]bool)
	for _, c := range p.Consts {
		if _, dup := g.consts[c.Name]; dup {
			return nil, fmt.Errorf("graph: constant %q is given twice", c.Name)
		}
		g.consts[c.Name] = c
		g.order = append(g.order, c.Name)
		known[c.Name] = true
	}
	listed := make(map[string]bool, len(p.Inputs))
	for _, in := range p.Inputs {
		if listed[in.Name] {
			return nil, fmt.Errorf("graph: input %q is listed twice", in.Name)
		}
		listed[in.Name] = true
		known[in.Name] = true // may repeat a constant: old files list them as inputs too
	}
	for _, v := range p.Info {
		g.info[v.Name] = v
	}
	for _, v := range slices.Concat(p.Inputs, p.Outputs) {
		if v.DType != tensor.Undefined || v.Ranked {
			g.info[v.Name] = v
		}
	}
	nodes, err := g.liftConstants(p.Nodes, known)
	if err != nil {
		return nil, err
	}
	if g.nodes, err = sortNodes(nodes, known, p.Outer); err != nil {
		return nil, err
	}
	g.nameNodes()
	for i, n := range g.nodes {
		g.index[n] = i
		g.named[n.Name] = n
		for _, o := range n.Outputs {
			if o != "" {
				g.producer[o] = n
			}
		}
		for _, in := range n.uses() {
			if l := g.users[in]; len(l) == 0 || l[len(l)-1] != n {
				g.users[in] = append(l, n)
			}
		}
	}
	for _, o := range p.Outputs {
		if g.producer[o.Name] == nil && !known[o.Name] && !p.Outer[o.Name] {
			return nil, fmt.Errorf("graph: nothing makes the output %q", o.Name)
		}
	}
	return g, nil
}

// liftConstants takes Constant nodes out of nodes and puts what they hold among
// the constants.
func (g *Graph) liftConstants(nodes []*Node, known map[string]bool) ([]*Node, error) {
	rest := make([]*Node, 0, len(nodes))
	for i, n := range nodes {
		if n.Op != "Constant" || !IsStandard(n.Domain) || len(n.Outputs) != 1 || n.hasRef() {
			rest = append(rest, n)
			continue
		}
		t, err := constantTensor(n)
		if err != nil {
			return nil, fmt.Errorf("graph: node %d %q (Constant): %w", i, n.Name, err)
		}
		if t == nil {
			rest = append(rest, n)
			continue
		}
		name := n.Outputs[0]
		if known[name] {
			return nil, fmt.Errorf("graph: node %d %q (Constant): %q has another producer", i, n.Name, name)
		}
		known[name] = true
		g.consts[name] = &Const{Name: name, Tensor: t, Node: n}
		g.order = append(g.order, name)
	}
	return rest, nil
}

// sortNodes orders nodes so that each comes after what it uses, keeping the
// given order where it can.
func sortNodes(nodes []*Node, known, outer map[string]bool) ([]*Node, error) {
	made := make(map[string]*Node)
	for i, n := range nodes {
		for _, o := range n.Outputs {
			if o == "" {
				continue
			}
			if made[o] != nil || known[o] {
				return nil, fmt.Errorf("graph: node %d %q (%s): %q has another producer", i, n.Name, n.Op, o)
			}
			made[o] = n
		}
	}
	waiting := make(map[*Node]int)
	users := make(map[string][]*Node)
	for i, n := range nodes {
		seen := map[string]bool{}
		for _, in := range n.uses() {
			if known[in] || seen[in] {
				continue
			}
			if made[in] == nil {
				if outer[in] {
					continue
				}
				return nil, fmt.Errorf("graph: node %d %q (%s): nothing makes its input %q", i, n.Name, n.Op, in)
			}
			seen[in] = true
			waiting[n]++
			users[in] = append(users[in], n)
		}
	}
	at := make(map[*Node]int, len(nodes))
	var ready intHeap
	for i, n := range nodes {
		at[n] = i
		if waiting[n] == 0 {
			ready.push(i)
		}
	}
	sorted := make([]*Node, 0, len(nodes))
	for len(ready) > 0 {
		n := nodes[ready.pop()]
		sorted = append(sorted, n)
		for _, o := range n.Outputs {
			for _, u := range users[o] {
				if waiting[u]--; waiting[u] == 0 {
					ready.push(at[u])
				}
			}
		}
	}
	if len(sorted) < len(nodes) {
		for i, n := range nodes {
			if waiting[n] > 0 {
				return nil, fmt.Errorf("graph: node %d %q (%s) is part of a cycle, or fed by one", i, n.Name, n.Op)
			}
		}
	}
	return sorted, nil
}

func (g *Graph) nameNodes() {
	taken := make(map[string]bool, len(g.nodes))
	var rename []int
	for i, n := range g.nodes {
		if n.Name == "" || taken[n.Name] {
			rename = append(rename, i)
			continue
		}
		taken[n.Name] = true
	}
	next := map[string]int{} // by operator: below it, from the last place on, all are taken
	for _, i := range rename {
		n := *g.nodes[i]
		for k := max(i, next[n.Op]); ; k++ {
			n.Name = fmt.Sprintf("%s_%d", n.Op, k)
			if !taken[n.Name] {
				next[n.Op] = k + 1
				break
			}
		}
		taken[n.Name] = true
		g.nodes[i] = &n
	}
}

// intHeap is a min-heap of node places.
type intHeap []int

func (h *intHeap) push(v int) {
	s := append(*h, v)
	for i := len(s) - 1; i > 0 && s[(i-1)/2] > s[i]; i = (i - 1) / 2 {
		s[i], s[(i-1)/2] = s[(i-1)/2], s[i]
	}
	*h = s
}

func (h *intHeap) pop() int {
	s := *h
	top, last := s[0], len(s)-1
	s[0] = s[last]
	s = s[:last]
	for i := 0; ; {
		c := 2*i + 1
		if c >= last {
			break
		}
		if c+1 < last && s[c+1] < s[c] {
			c++
		}
		if s[i] <= s[c] {
			break
		}
		s[i], s[c] = s[c], s[i]
		i = c
	}
	*h = s
	return top
}
