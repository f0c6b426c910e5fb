package graph

import (
	"fmt"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// AttrKind says which field of an Attr holds its value; the numbers are those
// of ONNX's AttributeProto.AttributeType.
type AttrKind int

const (
	AttrUndefined AttrKind = 0
	AttrFloat     AttrKind = 1
	AttrInt       AttrKind = 2
	AttrString    AttrKind = 3
	AttrTensor    AttrKind = 4
	AttrGraph     AttrKind = 5
	AttrFloats    AttrKind = 6
	AttrInts      AttrKind = 7
	AttrStrings   AttrKind = 8
	AttrTensors   AttrKind = 9
	AttrGraphs    AttrKind = 10
	AttrOther     AttrKind = 11 // sparse tensors and type protos: kept in Extra, and a sparse tensor in T, dense
)

// An Attr is one attribute of a node.
type Attr struct {
	Name    string
	Kind    AttrKind
	F       float32
	I       int64
	S       string
	T       *tensor.Tensor
	G       *Graph
	Floats  []float32
	Ints    []int64
	Strings []string
	Tensors []*tensor.Tensor
	Graphs  []*Graph
	Ref     string // inside a function: the function's attribute that this one takes its value from
	Doc     string
	Extra   []byte // what the file format keeps here and we do not read

	TensorName  string // of T, in the file
	TensorExtra []byte // what the file format keeps in T and we do not read
}

// IntAttr, IntsAttr, FloatAttr, StringAttr and TensorAttr make attributes.
func IntAttr(name string, v int64) Attr { return Attr{Name: name, Kind: AttrInt, I: v} }

// IntsAttr is an attribute that holds a list of integers.
func IntsAttr(name string, v ...int64) Attr { return Attr{Name: name, Kind: AttrInts, Ints: v} }

// FloatAttr is an attribute that holds a number.
func FloatAttr(name string, v float32) Attr { return Attr{Name: name, Kind: AttrFloat, F: v} }

// StringAttr is an attribute that holds text.
func StringAttr(name, v string) Attr { return Attr{Name: name, Kind: AttrString, S: v} }

// TensorAttr is an attribute that holds a tensor.
func TensorAttr(name string, t *tensor.Tensor) Attr {
	return Attr{Name: name, Kind: AttrTensor, T: t}
}

// Attr is the attribute of that name, or nil.
func (n *Node) Attr(name string) *Attr {
	for i := range n.Attrs {
		if n.Attrs[i].Name == name {
			return &n.Attrs[i]
		}
	}
	return nil
}

// Int is the integer attribute of that name, or def where it is absent.
func (n *Node) Int(name string, def int64) int64 {
	if a := n.Attr(name); a != nil && a.Kind == AttrInt {
		return a.I
	}
	return def
}

// Float is the float attribute of that name, or def where it is absent.
func (n *Node) Float(name string, def float32) float32 {
	if a := n.Attr(name); a != nil && a.Kind == AttrFloat {
		return a.F
	}
	return def
}

// Text is the string attribute of that name, or def where it is absent.
func (n *Node) Text(name, def string) string {
	if a := n.Attr(name); a != nil && a.Kind == AttrString {
		return a.S
	}
	return def
}

// Ints is the integer list of that name, or nil where it is absent.
func (n *Node) Ints(name string) []int64 {
	if a := n.Attr(name); a != nil && a.Kind == AttrInts {
		return a.Ints
	}
	return nil
}

// Floats is the float list of that name, or nil where it is absent.
func (n *Node) Floats(name string) []float32 {
	if a := n.Attr(name); a != nil && a.Kind == AttrFloats {
		return a.Floats
	}
	return nil
}

// Tensor is the tensor attribute of that name, or nil where it is absent.
func (n *Node) Tensor(name string) *tensor.Tensor {
	if a := n.Attr(name); a != nil && a.Kind == AttrTensor {
		return a.T
	}
	return nil
}

// Graph is the subgraph attribute of that name, or nil where it is absent.
func (n *Node) Graph(name string) *Graph {
	if a := n.Attr(name); a != nil && a.Kind == AttrGraph {
		return a.G
	}
	return nil
}

// Input is the name of input i, "" where it is absent.
func (n *Node) Input(i int) string {
	if i < len(n.Inputs) {
		return n.Inputs[i]
	}
	return ""
}

// Output is the name of output i, "" where nobody wants it.
func (n *Node) Output(i int) string {
	if i < len(n.Outputs) {
		return n.Outputs[i]
	}
	return ""
}

func (n *Node) String() string { return fmt.Sprintf("%q (%s)", n.Name, n.Op) }

// uses is the names of the values that the node needs, its subgraphs included.
func (n *Node) uses() []string {
	var names []string
	for _, in := range n.Inputs {
		if in != "" {
			names = append(names, in)
		}
	}
	for _, a := range n.Attrs {
		if a.G != nil {
			names = append(names, a.G.OuterNames()...)
		}
		for _, g := range a.Graphs {
			names = append(names, g.OuterNames()...)
		}
	}
	return names
}

func (n *Node) hasRef() bool {
	for _, a := range n.Attrs {
		if a.Ref != "" {
			return true
		}
	}
	return false
}

// constantTensor is what a Constant node holds; nil where that is a sparse tensor
// of which nobody has made a dense one.
func constantTensor(n *Node) (*tensor.Tensor, error) {
	for _, a := range n.Attrs {
		switch a.Name {
		case "value":
			if a.T == nil {
				return nil, fmt.Errorf("attribute value holds no tensor")
			}
			return a.T, nil
		case "value_float":
			return tensor.Scalar(a.F), nil
		case "value_int":
			return tensor.Scalar(a.I), nil
		case "value_floats":
			return tensor.Of(a.Floats, len(a.Floats)), nil
		case "value_ints":
			return tensor.Of(a.Ints, len(a.Ints)), nil
		case "value_string":
			return tensor.Strings([]string{a.S}), nil
		case "value_strings":
			return tensor.Strings(a.Strings, len(a.Strings)), nil
		case "sparse_value":
			return a.T, nil
		}
	}
	return nil, fmt.Errorf("no value")
}
