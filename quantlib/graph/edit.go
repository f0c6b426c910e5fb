package graph

import (
	"fmt"
	"slices"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// An Edit is a changed copy of a graph in the making. The graph it began from
// stays as it was, and shares its constants and unchanged nodes with the copy.
type Edit struct {
	name, doc       string
	extra           []byte
	model           *Model
	nodes           []*Node
	inputs, outputs []Value
	consts          []*Const
	info            []Value
	outer           map[string]bool
	fresh           int
	taken           map[string]bool
}

// Edit begins a changed copy of g.
func (g *Graph) Edit() *Edit {
	e := &Edit{
		name: g.name, doc: g.doc, extra: g.extra, model: g.model, outer: g.outer,
		nodes: slices.Clone(g.nodes), inputs: slices.Clone(g.inputs), outputs: slices.Clone(g.outputs),
		consts: g.Consts(), info: g.Infos(), taken: map[string]bool{},
	}
	for _, c := range e.consts {
		e.taken[c.Name] = true
	}
	for _, v := range e.inputs {
		e.taken[v.Name] = true
	}
	for _, n := range e.nodes {
		for _, o := range n.Outputs {
			e.taken[o] = true
		}
	}
	return e
}

// Graph checks the copy as New does and returns it. Constants, and types of
// values, that nothing uses any more are left out.
func (e *Edit) Graph() (*Graph, error) {
	used := map[string]bool{}
	made := map[string]bool{}
	for _, n := range e.nodes {
		for _, in := range n.uses() {
			used[in] = true
		}
		for _, o := range n.Outputs {
			made[o] = true
		}
	}
	for _, o := range e.outputs {
		used[o.Name] = true
	}
	consts := slices.DeleteFunc(slices.Clone(e.consts), func(c *Const) bool { return !used[c.Name] })
	inputs := slices.DeleteFunc(slices.Clone(e.inputs), func(v Value) bool {
		return !used[v.Name] && slices.ContainsFunc(e.consts, func(c *Const) bool { return c.Name == v.Name })
	})
	info := slices.DeleteFunc(slices.Clone(e.info), func(v Value) bool { return !used[v.Name] && !made[v.Name] })
	return New(Parts{Name: e.name, Doc: e.doc, Extra: e.extra, Nodes: e.nodes, Inputs: inputs, Outputs: e.outputs,
		Consts: consts, Info: info, Model: e.model, Outer: e.outer})
}

// Nodes is the nodes as they stand; not to be changed.
func (e *Edit) Nodes() []*Node { return e.nodes }

// Replace puts nodes in the place of old, in order; none removes it. It panics
// if old is not in the graph.
func (e *Edit) Replace(old *Node, with ...*Node) {
	i := slices.Index(e.nodes, old)
	if i < 0 {
		panic(fmt.Sprintf("graph: Edit.Replace: %v is not in the graph", old))
	}
	for _, n := range with {
		for _, o := range n.Outputs {
			e.taken[o] = true
		}
	}
	e.nodes = slices.Replace(e.nodes, i, i+1, with...)
}

// Append adds nodes at the end; New puts them where they can run.
func (e *Edit) Append(nodes ...*Node) {
	for _, n := range nodes {
		for _, o := range n.Outputs {
			e.taken[o] = true
		}
	}
	e.nodes = append(e.nodes, nodes...)
}

// SetConst adds a constant, or replaces the one of that name.
func (e *Edit) SetConst(name string, t *tensor.Tensor) {
	e.taken[name] = true
	c := &Const{Name: name, Tensor: t}
	if i := slices.IndexFunc(e.consts, func(c *Const) bool { return c.Name == name }); i >= 0 {
		e.consts[i] = c
		return
	}
	e.consts = append(e.consts, c)
}

// Rewire makes every user of the value from, the graph's outputs excepted, use
// to instead; subgraphs are left alone.
func (e *Edit) Rewire(from, to string) {
	for i, n := range e.nodes {
		if !slices.Contains(n.Inputs, from) {
			continue
		}
		m := *n
		m.Inputs = slices.Clone(n.Inputs)
		for k, in := range m.Inputs {
			if in == from {
				m.Inputs[k] = to
			}
		}
		e.nodes[i] = &m
	}
}

// SetOutputs replaces the graph's outputs.
func (e *Edit) SetOutputs(outputs ...Value) { e.outputs = outputs }

// SetInputs replaces the graph's inputs.
func (e *Edit) SetInputs(inputs ...Value) { e.inputs = inputs }

// SetInfo states the type of a value.
func (e *Edit) SetInfo(v Value) { e.info = append(e.info, v) }

// SetModel replaces what the file says beside the graph.
func (e *Edit) SetModel(m *Model) { e.model = m }

// Fresh is a value name nobody has, made from base.
func (e *Edit) Fresh(base string) string {
	for name := base; ; {
		if !e.taken[name] {
			e.taken[name] = true
			return name
		}
		e.fresh++
		name = fmt.Sprintf("%s_%d", base, e.fresh)
	}
}
