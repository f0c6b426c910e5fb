// Package plan says where quantizers sit in a network, which of them must take
// the same width, and which number format each takes: the Plan.
package plan

import (
	"errors"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// ErrNothing is what Place returns for a network without a layer to quantize.
var ErrNothing = errors.New("plan: the network has no Conv, ConvTranspose, Gemm or MatMul to quantize")

// Role says what a quantizer's tensor is.
type Role uint8

const (
	Weight     Role = iota // a constant operand of a matrix product or convolution
	Activation             // what flows into one
)

func (r Role) String() string {
	if r == Weight {
		return "weight"
	}
	return "activation"
}

// A Quantizer sits on one tensor.
type Quantizer struct {
	Value string // name of the tensor
	Role  Role
	Nodes []string // the layers that compute with it, in graph order
	Axis  int      // of output channels, for a weight
	Group int      // axis along which a weight's groups run
	Shape []int    // of a weight; nil for an activation
	Tie   int      // place in Map.Ties
}

// A Layer is a node that computes with quantized operands.
type Layer struct {
	Name        string // of the node
	Op          string
	Weight      int   // place of its weight in Map.Quantizers, -1 without
	Activations []int // places of its activations in Map.Quantizers
}

// A Link is one reason why two quantizers share a width.
type Link struct {
	A, B   int    // places in Map.Quantizers
	Node   string // the node that ties them
	Reason string // "both feed Add_7"
}

// A Tie is a set of quantizers that take the same width.
type Tie struct {
	Name    string // of the layer, or value, it is best known by
	Role    Role
	Members []int // places in Map.Quantizers
}

// A Map is where the quantizers of a network sit. It is immutable.
type Map struct {
	Graph      *graph.Graph
	Quantizers []Quantizer
	Layers     []Layer
	Ties       []Tie
	Links      []Link
	byValue    map[string]int
	byLayer    map[string]int
}

// Place puts a quantizer on the weight and on each activation that flows into a
// Conv, ConvTranspose, Gemm or MatMul: the operators that do a network's
// arithmetic. Nothing is placed between such an operator and the activation
// function after it, on biases, or on integers (shape and index arithmetic).
//
// Run it after batch normalizations have been folded. A graph without such an
// operator is ErrNothing.
func Place(g *graph.Graph) (*Map, error) {
	m := &Map{Graph: g, byValue: map[string]int{}, byLayer: map[string]int{}}
	for _, n := range g.Nodes() {
		if !graph.IsStandard(n.Domain) {
			continue
		}
		l := Layer{Name: n.Name, Op: n.Op, Weight: -1}
		switch n.Op {
		case "Conv":
			m.operand(&l, n, 1, 0, 1)
			m.operand(&l, n, 0, 0, 0)
		case "ConvTranspose":
			m.operand(&l, n, 1, 1, 0)
			m.operand(&l, n, 0, 0, 0)
		case "Gemm":
			axis := 1
			if n.Int("transB", 0) != 0 {
				axis = 0
			}
			m.operand(&l, n, 1, axis, 1-axis)
			m.operand(&l, n, 0, 0, 1)
		case "MatMul":
			m.operand(&l, n, 1, -1, -2)
			m.operand(&l, n, 0, -2, -1)
		default:
			continue
		}
		if l.Weight < 0 && len(l.Activations) == 0 {
			continue
		}
		m.byLayer[l.Name] = len(m.Layers)
		m.Layers = append(m.Layers, l)
	}
	if len(m.Layers) == 0 {
		return nil, ErrNothing
	}
	m.tie()
	return m, nil
}

// operand places a quantizer on input i of n.
func (m *Map) operand(l *Layer, n *graph.Node, i, axis, group int) {
	name := n.Input(i)
	if name == "" {
		return
	}
	t := m.Graph.Const(name)
	if t != nil && t.DType() != tensor.Float32 {
		return
	}
	if v, ok := m.Graph.Info(name); ok && t == nil && v.DType != tensor.Undefined && v.DType != tensor.Float32 {
		return
	}
	k, ok := m.byValue[name]
	if !ok {
		k = len(m.Quantizers)
		q := Quantizer{Value: name, Role: Activation}
		if t != nil {
			q.Role, q.Shape = Weight, t.Shape()
			rank := t.Rank()
			if axis < 0 {
				axis += rank
			}
			if group < 0 {
				group += rank
			}
			q.Axis, q.Group = max(axis, 0), max(group, 0)
		}
		m.byValue[name] = k
		m.Quantizers = append(m.Quantizers, q)
	}
	q := &m.Quantizers[k]
	if len(q.Nodes) == 0 || q.Nodes[len(q.Nodes)-1] != n.Name {
		q.Nodes = append(q.Nodes, n.Name)
	}
	if q.Role == Weight && l.Weight < 0 {
		l.Weight = k
	} else if q.Role == Activation {
		l.Activations = append(l.Activations, k)
	}
}

// tie makes the ties out of the links: one for each connected set.
func (m *Map) tie() {
	root := make([]int, len(m.Quantizers))
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			i = root[i]
		}
		return i
	}
	for _, l := range m.Links {
		a, b := find(l.A), find(l.B)
		root[max(a, b)] = min(a, b)
	}
	place := map[int]int{}
	for i := range m.Quantizers {
		r := find(i)
		k, ok := place[r]
		if !ok {
			k = len(m.Ties)
			place[r] = k
			m.Ties = append(m.Ties, Tie{Name: m.Quantizers[r].Nodes[0], Role: m.Quantizers[r].Role})
		}
		m.Ties[k].Members = append(m.Ties[k].Members, i)
		m.Quantizers[i].Tie = k
	}
}

// Layer is the place in Layers of the layer of that name. An unknown name is an
// error that lists the layers.
func (m *Map) Layer(name string) (int, error) {
	if i, ok := m.byLayer[name]; ok {
		return i, nil
	}
	names := ""
	for i, l := range m.Layers {
		if i == 40 {
			names += fmt.Sprintf(" and %d more", len(m.Layers)-i)
			break
		}
		names += fmt.Sprintf(" %q", l.Name)
	}
	return 0, fmt.Errorf("plan: no layer %q; there are%s", name, names)
}

// Activations is the names of the values that activation quantizers sit on.
func (m *Map) Activations() []string {
	var names []string
	for _, q := range m.Quantizers {
		if q.Role == Activation {
			names = append(names, q.Value)
		}
	}
	return names
}

// Params is the number of weights of a layer.
func (m *Map) Params(layer int) int {
	l := m.Layers[layer]
	if l.Weight < 0 {
		return 0
	}
	n := 1
	for _, d := range m.Quantizers[l.Weight].Shape {
		n *= d
	}
	return n
}
