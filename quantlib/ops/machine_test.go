package ops_test

import (
	"context"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A machine is the least executor that the operators can be tried with: one
// node after the other, everything on Go's heap. It is the Host of its calls.
type machine struct {
	outer  *machine
	values map[string]*tensor.Tensor
	model  *graph.Model
	absent map[string]bool // inputs of a function that its call leaves out
}

func (m *machine) Alloc(dt tensor.DType, shape []int) *tensor.Tensor { return tensor.New(dt, shape...) }
func (m *machine) Reusable(*tensor.Tensor) bool                      { return false }
func (m *machine) Scratch(n int) []float32                           { return make([]float32, n) }
func (m *machine) Cached(_ any, make func() any) any                 { return make() }
func (m *machine) Constant(*tensor.Tensor) bool                      { return false }
func (m *machine) Threads() int                                      { return 1 }
func (m *machine) Parallel(n int, f func(i int)) {
	for i := range n {
		f(i)
	}
}

func (m *machine) RunGraph(ctx context.Context, g *graph.Graph, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
	return (&machine{outer: m, model: m.model}).run(ctx, g, in)
}

func (m *machine) find(name string) *tensor.Tensor {
	for ; m != nil; m = m.outer {
		if t := m.values[name]; t != nil {
			return t
		}
	}
	return nil
}

// run computes a graph's outputs from its inputs.
func (m *machine) run(ctx context.Context, g *graph.Graph, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
	m.values = map[string]*tensor.Tensor{}
	if m.model == nil {
		m.model = g.Model()
	}
	for _, c := range g.Consts() {
		m.values[c.Name] = c.Tensor
	}
	list := g.Inputs()
	if len(in) > len(list) {
		list = g.DeclaredInputs() // data for initializers too
	}
	for i, t := range in {
		if i < len(list) {
			m.values[list[i].Name] = t
		}
	}
	if err := m.nodes(ctx, g.Nodes(), m.model.Opsets); err != nil {
		return nil, err
	}
	var out []*tensor.Tensor
	for _, o := range g.Outputs() {
		out = append(out, m.find(o.Name))
	}
	return out, nil
}

func (m *machine) nodes(ctx context.Context, nodes []*graph.Node, opsets map[string]int) error {
	for _, n := range nodes {
		var in []*tensor.Tensor
		for _, name := range n.Inputs {
			t := m.find(name)
			if name != "" && t == nil && !m.absent[name] {
				return fmt.Errorf("%v: no value %q", n, name)
			}
			in = append(in, t)
		}
		out, err := m.call(ctx, n, opsets, in)
		if err != nil {
			return fmt.Errorf("%v: %w", n, err)
		}
		for i, name := range n.Outputs {
			if name != "" && i < len(out) && out[i] != nil {
				m.values[name] = out[i]
			}
		}
	}
	return nil
}

func (m *machine) call(ctx context.Context, n *graph.Node, opsets map[string]int, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
	for _, f := range m.model.Functions {
		if f.Name == n.Op && (f.Domain == n.Domain || graph.IsStandard(f.Domain) && graph.IsStandard(n.Domain)) {
			return m.function(ctx, f, n, in)
		}
	}
	version := opsets[n.Domain]
	if graph.IsStandard(n.Domain) && version == 0 {
		version = max(opsets[""], opsets["ai.onnx"])
	}
	op, err := ops.Find(n.Domain, n.Op, version)
	if err != nil {
		return nil, err
	}
	return op.Forward(&ops.Call{Node: n, Opset: version, Ctx: ctx, Host: m}, in)
}

// function runs a function's body with the node's attributes in the place of
// its own.
func (m *machine) function(ctx context.Context, f *graph.Function, n *graph.Node, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
	inner := &machine{model: m.model, values: map[string]*tensor.Tensor{}, absent: map[string]bool{}}
	for i, name := range f.Inputs {
		if i < len(in) && in[i] != nil {
			inner.values[name] = in[i]
		} else {
			inner.absent[name] = true
		}
	}
	given := map[string]graph.Attr{}
	for _, a := range f.Defaults {
		given[a.Name] = a
	}
	for _, a := range n.Attrs {
		given[a.Name] = a
	}
	var nodes []*graph.Node
	for _, b := range f.Nodes {
		c := *b
		c.Attrs = nil
		for _, a := range b.Attrs {
			if a.Ref != "" {
				v, ok := given[a.Ref]
				if !ok {
					continue
				}
				v.Name = a.Name
				a = v
			}
			c.Attrs = append(c.Attrs, a)
		}
		nodes = append(nodes, &c)
	}
	if err := inner.nodes(ctx, nodes, f.Opsets); err != nil {
		return nil, err
	}
	var out []*tensor.Tensor
	for _, name := range f.Outputs {
		out = append(out, inner.values[name])
	}
	return out, nil
}
