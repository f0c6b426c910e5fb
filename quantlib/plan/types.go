package plan

import (
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// types is the element types of a graph's values as far as the file says them
// or they follow from it. Files often say nothing of the values between nodes,
// and shape arithmetic must be known as such all the same.
func types(g *graph.Graph) map[string]tensor.DType {
	t := make(map[string]tensor.DType)
	for _, c := range g.Consts() {
		t[c.Name] = c.Tensor.DType()
	}
	for _, v := range g.Inputs() {
		t[v.Name] = v.DType
	}
	for _, n := range g.Nodes() {
		for i, o := range n.Outputs {
			if o == "" {
				continue
			}
			if v, ok := g.Info(o); ok && v.DType != tensor.Undefined {
				t[o] = v.DType
			} else if graph.IsStandard(n.Domain) {
				t[o] = made(n, i, t)
			}
		}
	}
	return t
}

// made is the type of output i of n, Undefined where it is not known. Most
// operators give what their first input is.
func made(n *graph.Node, i int, t map[string]tensor.DType) tensor.DType {
	switch n.Op {
	case "Shape", "Size", "ArgMax", "ArgMin", "NonZero", "NonMaxSuppression", "StringSplit":
		return tensor.Int64
	case "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor", "Not", "IsNaN", "IsInf":
		return tensor.Bool
	case "TopK", "MaxPool", "Unique":
		if i > 0 {
			return tensor.Int64
		}
	case "Dropout":
		if i > 0 {
			return tensor.Bool
		}
	case "Cast":
		return tensor.DType(n.Int("to", 0))
	case "CastLike", "Where":
		return t[n.Input(1)]
	case "OneHot":
		return t[n.Input(2)]
	case "ConstantOfShape":
		if v := n.Tensor("value"); v != nil {
			return v.DType()
		}
		return tensor.Float32
	case "EyeLike", "RandomNormalLike", "RandomUniformLike", "Bernoulli":
		if d := n.Int("dtype", 0); d != 0 {
			return tensor.DType(d)
		}
	case "RandomNormal", "RandomUniform":
		return tensor.DType(n.Int("dtype", int64(tensor.Float32)))
	case "Multinomial":
		return tensor.DType(n.Int("dtype", int64(tensor.Int32)))
	case "ConvInteger", "MatMulInteger":
		return tensor.Int32
	case "QuantizeLinear":
		if zero := n.Input(2); zero != "" {
			return t[zero]
		}
		return tensor.DType(n.Int("output_dtype", int64(tensor.Uint8)))
	case "QLinearConv":
		return t[n.Input(7)]
	case "QLinearMatMul":
		return t[n.Input(7)]
	case "DequantizeLinear":
		return t[n.Input(1)]
	case "DynamicQuantizeLinear":
		if i == 1 {
			return tensor.Float32
		}
		return tensor.Uint8
	case "If", "Loop", "Scan", "SequenceAt", "SequenceEmpty", "SequenceConstruct", "Optional", "OptionalGetElement":
		return tensor.Undefined // a subgraph, or a container, decides
	}
	return t[n.Input(0)]
}
