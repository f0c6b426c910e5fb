package exec

import (
	"math"
	"slices"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// chain is an operator with what can be done to its output in the same step:
// a residual add, then Relu or Clip.
type chain struct {
	nodes    []*graph.Node
	residual string
	clamp    bool
	lo, hi   float32
}

// chain finds what can be fused into n; nil if nothing can.
func (s *Session) chain(g *graph.Graph, known *shapes, n *graph.Node, inner map[*graph.Node]bool) *chain {
	op, err := ops.Find(n.Domain, n.Op, opset(g, n))
	if err != nil || !op.Fuses || len(n.Outputs) != 1 {
		return nil
	}
	c := &chain{nodes: []*graph.Node{n}}
	if next := s.only(g, n); next != nil && next.Op == "Add" && graph.IsStandard(next.Domain) && !inner[next] {
		if other := residual(g, known, n, next, inner); other != "" {
			c.nodes, c.residual = append(c.nodes, next), other
		}
	}
	last := c.nodes[len(c.nodes)-1]
	if next := s.only(g, last); next != nil && graph.IsStandard(next.Domain) {
		if lo, hi, ok := clampOf(g, next, last.Outputs[0]); ok {
			c.nodes, c.clamp, c.lo, c.hi = append(c.nodes, next), true, lo, hi
		}
	}
	if len(c.nodes) == 1 {
		return nil
	}
	return c
}

// only is the single user of n's output, if nobody else may see that value.
func (s *Session) only(g *graph.Graph, n *graph.Node) *graph.Node {
	out := n.Outputs[0]
	users := g.Consumers(out)
	if len(users) != 1 || g.IsOutput(out) || slices.Contains(s.options.Visible, out) {
		return nil
	}
	if len(users[0].Outputs) != 1 || !slices.Contains(users[0].Inputs, out) {
		return nil
	}
	return users[0]
}

// residual is the other operand of add, where it has the shape of n's output
// for certain, so that adding needs no broadcast.
func residual(g *graph.Graph, known *shapes, n, add *graph.Node, inner map[*graph.Node]bool) string {
	if len(add.Inputs) != 2 || add.Inputs[0] == add.Inputs[1] {
		return ""
	}
	other := add.Inputs[0]
	if other == n.Outputs[0] {
		other = add.Inputs[1]
	}
	if g.Const(other) != nil {
		return ""
	}
	// The add takes its other operand when the chain runs, at the add's place,
	// so that operand must not be waiting in a chain of its own.
	if p := g.Producer(other); p != nil && inner[p] {
		return ""
	}
	if !known.same(n.Outputs[0], other) {
		return ""
	}
	return other
}

// clampOf is the bounds of a node that clamps its input to constants.
func clampOf(g *graph.Graph, n *graph.Node, in string) (lo, hi float32, ok bool) {
	if n.Input(0) != in {
		return 0, 0, false
	}
	inf := float32(math.Inf(1))
	switch n.Op {
	case "Relu":
		return 0, inf, true
	case "Clip":
		lo, hi = n.Float("min", -math.MaxFloat32), n.Float("max", math.MaxFloat32)
		if g.Opset("") >= 11 {
			lo, hi = -inf, inf
		}
		for i, p := range []*float32{&lo, &hi} {
			name := n.Input(i + 1)
			if name == "" {
				continue
			}
			t := g.Const(name)
			if t == nil || t.DType() != tensor.Float32 || t.Len() != 1 || t.Err() != nil {
				return 0, 0, false
			}
			*p = t.F32()[0]
		}
		return lo, hi, lo <= hi
	}
	return 0, 0, false
}
