// Package graph holds a network as an immutable value: nodes in an order that
// can be run, and named values between them, as ONNX has them.
//
// Values are known by name and have one producer. Graphs are safe to share
// between goroutines; Edit makes a changed copy that shares the constants.
package graph

import (
	"slices"
	"sort"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A Graph is a checked, immutable network. New and Edit.Graph make one.
type Graph struct {
	name     string
	doc      string
	extra    []byte
	nodes    []*Node
	inputs   []Value
	outputs  []Value
	consts   map[string]*Const
	order    []string // names of constants, in the file's order
	info     map[string]Value
	model    *Model
	outer    map[string]bool // names a subgraph takes from around it
	producer map[string]*Node
	index    map[*Node]int
	named    map[string]*Node
	users    map[string][]*Node
}

// A Value is the name of what flows along an edge, with what the file says of
// its type. DType is Undefined and Dims nil where it says nothing.
type Value struct {
	Name   string
	DType  tensor.DType
	Dims   []Dim  // nil: rank unknown; empty: rank 0
	Ranked bool   // Dims is known (it may be empty)
	Extra  []byte // what the file format keeps here and we do not read
}

// A Dim is one dimension of a Value: Size if it is at least 0, otherwise
// unknown, perhaps with a Name that stands for the same number everywhere.
type Dim struct {
	Size  int
	Name  string
	Extra []byte
}

// A Const is a value known before the network runs: an initializer, or the
// output of a Constant node.
type Const struct {
	Name   string
	Tensor *tensor.Tensor
	Node   *Node  // the Constant node it stood in; nil for an initializer
	Extra  []byte // what the file format keeps here and we do not read
	Sparse []byte // its form in the file where only elements that are not zero stand there
}

// A Node is one operator call. It must not be changed after New.
type Node struct {
	Name    string   // may be empty or repeated in a file; New makes it unique
	Op      string   // ONNX's spelling, "Conv"
	Domain  string   // "" is ONNX's own
	Inputs  []string // "" is an absent optional input
	Outputs []string // "" is an output nobody wants
	Attrs   []Attr
	Doc     string
	Extra   []byte // what the file format keeps here and we do not read
}

// Model is what a file says beside its main graph.
type Model struct {
	IRVersion       int64
	Producer        string
	ProducerVersion string
	Domain          string
	Version         int64
	Doc             string
	Opsets          map[string]int // domain → version; "" is ONNX's own
	Metadata        []KeyValue
	Functions       []*Function
	Outside         []*tensor.Tensor // whose elements stood in files beside it, in the order of the file, wherever in it
	Extra           []byte
}

// KeyValue is one pair of a file's metadata.
type KeyValue struct{ Key, Value string }

// A Function is an operator that the file itself defines by a graph.
type Function struct {
	Name, Domain, Overload string
	Inputs, Outputs        []string
	Attrs                  []string // names of attributes without default
	Defaults               []Attr
	Opsets                 map[string]int
	Nodes                  []*Node
	Doc                    string
	Extra                  []byte
}

// Parts is what New builds a graph from.
type Parts struct {
	Name            string
	Doc             string
	Extra           []byte  // what the file format keeps here and we do not read
	Nodes           []*Node // any order
	Inputs, Outputs []Value
	Consts          []*Const
	Info            []Value         // types of values between nodes
	Model           *Model          // nil in a subgraph, whose model is its parent's
	Outer           map[string]bool // names that a subgraph may take from around it; nil: none
}

// Name is the graph's own name.
func (g *Graph) Name() string { return g.name }

// Model is what the file says beside the graph; never nil, not to be changed.
func (g *Graph) Model() *Model { return g.model }

// Doc is the graph's description.
func (g *Graph) Doc() string { return g.doc }

// Extra is what the file format keeps in the graph and we do not read.
func (g *Graph) Extra() []byte { return g.extra }

// Nodes is the operator calls in an order that can be run; not to be changed.
func (g *Graph) Nodes() []*Node { return g.nodes }

// Inputs is the values that a run must be given: those the file lists, less
// those that are constants.
func (g *Graph) Inputs() []Value {
	in := make([]Value, 0, len(g.inputs))
	for _, v := range g.inputs {
		if g.consts[v.Name] == nil {
			in = append(in, v)
		}
	}
	return in
}

// DeclaredInputs is the inputs as the file lists them, which in old files
// includes the initializers.
func (g *Graph) DeclaredInputs() []Value { return g.inputs }

// Outputs is the values that a run gives.
func (g *Graph) Outputs() []Value { return g.outputs }

// Outer reports whether name comes from the graph around this subgraph.
func (g *Graph) Outer(name string) bool { return g.outer[name] }

// OuterNames is the names that this subgraph takes from around it, sorted.
func (g *Graph) OuterNames() []string {
	var names []string
	for _, n := range g.nodes {
		for _, in := range n.uses() {
			if g.outer[in] && g.producer[in] == nil && g.consts[in] == nil {
				names = append(names, in)
			}
		}
	}
	for _, o := range g.outputs {
		if g.outer[o.Name] && g.producer[o.Name] == nil && g.consts[o.Name] == nil {
			names = append(names, o.Name)
		}
	}
	sort.Strings(names)
	return slices.Compact(names)
}

// Const is the constant of that name, or nil.
func (g *Graph) Const(name string) *tensor.Tensor {
	if c := g.consts[name]; c != nil {
		return c.Tensor
	}
	return nil
}

// Consts is the constants in the file's order.
func (g *Graph) Consts() []*Const {
	list := make([]*Const, len(g.order))
	for i, name := range g.order {
		list[i] = g.consts[name]
	}
	return list
}

// Info is what the file says of a value's type; ok is false where it says
// nothing.
func (g *Graph) Info(name string) (v Value, ok bool) { v, ok = g.info[name]; return v, ok }

// Infos is all that the file says of the types of values between nodes, sorted
// by name.
func (g *Graph) Infos() []Value {
	names := make([]string, 0, len(g.info))
	for name := range g.info {
		names = append(names, name)
	}
	sort.Strings(names)
	list := make([]Value, len(names))
	for i, name := range names {
		list[i] = g.info[name]
	}
	return list
}

// Producer is the node that makes a value, or nil for inputs and constants.
func (g *Graph) Producer(name string) *Node { return g.producer[name] }

// Consumers is the nodes that use a value, in order, each once; a use inside a
// node's subgraph counts.
func (g *Graph) Consumers(name string) []*Node { return g.users[name] }

// Node is the node of that name, or nil.
func (g *Graph) Node(name string) *Node { return g.named[name] }

// Index is the place of n in Nodes, or -1 if it is not there.
func (g *Graph) Index(n *Node) int {
	if i, ok := g.index[n]; ok {
		return i
	}
	return -1
}

// IsOutput reports whether the value is an output of the graph.
func (g *Graph) IsOutput(name string) bool {
	for _, o := range g.outputs {
		if o.Name == name {
			return true
		}
	}
	return false
}

// Opset is the version of the operator set of a domain, 0 if the file names
// none.
func (g *Graph) Opset(domain string) int {
	if IsStandard(domain) {
		if v, ok := g.model.Opsets[""]; ok {
			return v
		}
		return g.model.Opsets["ai.onnx"]
	}
	return g.model.Opsets[domain]
}

// IsStandard reports whether domain is ONNX's own, "" or "ai.onnx".
func IsStandard(domain string) bool { return domain == "" || domain == "ai.onnx" }
