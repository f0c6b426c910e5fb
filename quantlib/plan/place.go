// Package plan says where quantizers sit in a network, which of them must take
// the same width, and which number format each takes: the Plan.
package plan

import (
	"errors"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// ErrNothing is what Place returns for a network without a layer to quantize.
var ErrNothing = errors.New("plan: the network has no Conv, ConvTranspose, Gemm or MatMul to quantize")

// nothingFor is ErrNothing under the profile of that name.
type nothingFor string

func (profile nothingFor) Error() string {
	return fmt.Sprintf("plan: the network has no operator with a float32 operand that the profile %q computes quantized", string(profile))
}

// Is makes errors.Is(err, ErrNothing) true.
func (profile nothingFor) Is(target error) bool { return target == ErrNothing }

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
	Axis  int      // of output channels, for a weight; of channels, for an activation, where -1 is the last
	Group int      // axis along which a weight's groups run
	Shape []int    // of a weight; nil for an activation
	Tie   int      // place in Map.Ties
	Const bool     // the tensor is a constant, which an activation can be too: the scale of a Mul
}

// A Layer is a node that computes with quantized operands.
type Layer struct {
	Name        string // of the node
	Op          string
	Weight      int   // place of its weight in Map.Quantizers, -1 without
	Activations []int // places of its activations in Map.Quantizers
	// Bias is the name of the constant that the node adds, "" without. One that
	// other nodes use as well is left out, as each would want a scale of its own.
	Bias string
}

// A Link is one reason why two quantizers share a width.
type Link struct {
	A, B   int    // places in Map.Quantizers, A before B
	Node   string // the node that ties them, the first of several
	Reason string // "both feed Add_7"
	Scale  bool   // they share scale and zero point as well
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
	Profile    *hardware.Profile // whose rules placed them; not to be changed
	Quantizers []Quantizer
	Layers     []Layer
	Ties       []Tie
	Links      []Link
	byValue    map[string]int
	byLayer    map[string]int
	depths     []int                   // by layer: layers on the longest path to it
	types      map[string]tensor.DType // of values, as far as they are known
	chains     []chain                 // what the device runs as one
	inside     map[string]bool         // values within a chain
}

func newMap(g *graph.Graph, p *hardware.Profile) *Map {
	return &Map{Graph: g, Profile: p, byValue: map[string]int{}, byLayer: map[string]int{}, types: types(g)}
}

// Place puts a quantizer on the weight and on each activation that flows into a
// Conv, ConvTranspose, Gemm or MatMul: the operators that do a network's
// arithmetic. Nothing is placed between such an operator and the activation
// function after it, on biases, or on integers (shape and index arithmetic).
// Those are the rules of hardware.Simulation; PlaceFor has a device's.
//
// Run it after batch normalizations have been folded. A graph without such an
// operator is ErrNothing.
func Place(g *graph.Graph) (*Map, error) {
	m := newMap(g, hardware.Simulation())
	for _, n := range g.Nodes() {
		if !graph.IsStandard(n.Domain) {
			continue
		}
		l := Layer{Name: n.Name, Op: n.Op, Weight: -1}
		switch n.Op {
		case "Conv", "ConvTranspose", "Gemm", "MatMul":
			m.operand(&l, n, 1, g.Const(n.Input(1)) != nil)
			m.operand(&l, n, 0, g.Const(n.Input(0)) != nil)
		}
		m.layer(l)
	}
	if len(m.Layers) == 0 {
		return nil, ErrNothing
	}
	m.finish()
	return m, nil
}

// PlaceFor puts quantizers where a device has them: on each operand to which
// p.Ops gives a role, unless it flows between operators that p.Fuse runs as one.
// Either is a weight where the operand is constant. A Weight operand that is not
// constant is an activation. Biases have no quantizer: their scale follows from
// the others, see Plan.Bias. Integers (shape and index arithmetic) and everything but float32
// are left alone, and so are nodes of other domains than ONNX's own.
//
// A node with at least one quantized operand is a Layer, so an Add is one where
// the device computes it quantized, with activations and without a weight.
//
// Quantizers that the device wants alike are tied: see Map.Links.
//
// Run it after batch normalizations have been folded. A profile that does not
// Validate is an error; a graph without an operator that p.Ops names is
// ErrNothing. It panics if p is nil.
func PlaceFor(g *graph.Graph, p *hardware.Profile) (*Map, error) {
	if p == nil {
		panic("plan: PlaceFor without a profile")
	}
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	m := newMap(g, p)
	m.chains, m.inside = chains(g, p)
	weights := m.weights()
	for _, n := range g.Nodes() {
		if !graph.IsStandard(n.Domain) {
			continue
		}
		l := Layer{Name: n.Name, Op: n.Op, Weight: -1}
		for _, i := range order(n) {
			name := n.Input(i)
			constant := g.Const(name) != nil
			switch p.Role(n.Op, i, constant) {
			case hardware.Weight:
				m.operand(&l, n, i, constant)
			case hardware.Activation:
				m.operand(&l, n, i, weights[name])
			}
		}
		m.layer(l)
	}
	if len(m.Layers) == 0 {
		return nil, nothingFor(p.Name)
	}
	m.link()
	m.finish()
	return m, nil
}

// order is the inputs of n, a weight's usual place before the others.
func order(n *graph.Node) []int {
	list := make([]int, len(n.Inputs))
	for i := range list {
		list[i] = i
	}
	switch n.Op {
	case "Conv", "ConvTranspose", "Gemm", "MatMul":
		if len(list) > 1 {
			list[0], list[1] = 1, 0
		}
	}
	return list
}

// weights is the constants that some node takes as a weight: what is a weight
// anywhere has a weight's format everywhere.
func (m *Map) weights() map[string]bool {
	set := map[string]bool{}
	for _, n := range m.Graph.Nodes() {
		if !graph.IsStandard(n.Domain) {
			continue
		}
		for i, name := range n.Inputs {
			if m.Graph.Const(name) != nil && m.Profile.Role(n.Op, i, true) == hardware.Weight {
				set[name] = true
			}
		}
	}
	return set
}

// layer adds l if it has quantized operands.
func (m *Map) layer(l Layer) {
	if l.Weight < 0 && len(l.Activations) == 0 {
		return
	}
	l.Bias = m.bias(m.Graph.Node(l.Name))
	m.byLayer[l.Name] = len(m.Layers)
	m.Layers = append(m.Layers, l)
}

// finish makes what follows from quantizers, layers and links.
func (m *Map) finish() {
	m.tie()
	m.depths = depths(m)
}

// axes is the axis of output channels and the axis along which groups run, of
// operand i of n, which has the given rank.
func axes(n *graph.Node, i, rank int) (axis, group int) {
	switch n.Op {
	case "Conv":
		axis, group = 0, i
	case "ConvTranspose":
		axis, group = i, 0
	case "Gemm":
		axis, group = 0, 1
		if i == 1 && n.Int("transB", 0) == 0 {
			axis, group = 1, 0
		}
	case "MatMul":
		axis, group = -2, -1
		if i == 1 {
			axis, group = -1, -2
		}
	case "LSTM", "GRU", "RNN": // [directions, gates·hidden, inputs]
		axis, group = 1, 2
	default:
		axis, group = 0, -1
	}
	if axis < 0 {
		axis += rank
	}
	if group < 0 {
		group += rank
	}
	return max(axis, 0), max(group, 0)
}

// channelAxis is the axis of channels of what flows into n: the features of a
// matrix product, the second axis of what is laid out as images are.
func channelAxis(n *graph.Node) int {
	switch n.Op {
	case "MatMul", "Gemm", "Softmax", "LSTM", "GRU", "RNN":
		return -1
	}
	return 1
}

// operand places a quantizer on input i of n, unless there is one; weight says
// what a constant becomes.
func (m *Map) operand(l *Layer, n *graph.Node, i int, weight bool) {
	name := n.Input(i)
	if name == "" || m.inside[name] || m.foreign(name) {
		return
	}
	k, ok := m.byValue[name]
	if !ok {
		k = len(m.Quantizers)
		q := Quantizer{Value: name, Role: Activation, Axis: channelAxis(n)}
		if t := m.Graph.Const(name); t != nil {
			q.Const = true
			if weight {
				q.Role, q.Shape = Weight, t.Shape()
				q.Axis, q.Group = axes(n, i, t.Rank())
			}
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

// Layer is the place in Layers of the layer of that name. An unknown name is an
// error that lists the layers.
func (m *Map) Layer(name string) (int, error) {
	if i, ok := m.byLayer[name]; ok {
		return i, nil
	}
	var names []string
	for _, l := range m.Layers {
		names = append(names, l.Name)
	}
	return 0, fmt.Errorf("plan: no layer %q; there are%s", name, list(names))
}

// Activations is the names of the values that activation quantizers sit on, less
// those that are constants.
func (m *Map) Activations() []string {
	var names []string
	for _, q := range m.Quantizers {
		if q.Role == Activation && !q.Const {
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
	return elements(m.Quantizers[l.Weight].Shape)
}
