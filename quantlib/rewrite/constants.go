package rewrite

import (
	"fmt"
	"slices"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// MaxFolded bounds, in bytes, the result of folding one node, so that a file
// which expands a scalar to gigabytes is left as it is. An Eval need not make
// more.
const MaxFolded = 64 << 20

// All results of one FoldConstants take at most MaxFolded bytes and growth times
// the bytes of the file's constants, and its products have at most maxWork
// multiply-adds; what lies above is left as it is. After maxLost results that
// were computed and did not fit, the rest stays too.
const (
	growth  = 16
	maxWork = 1 << 32
	maxLost = 16
)

// Eval computes one node whose inputs are all constants.
type Eval func(n *graph.Node, opset int, in []*tensor.Tensor) ([]*tensor.Tensor, error)

// FoldConstants replaces nodes whose inputs are all constants by what eval
// makes of them, so that a weight which the file transposes or casts counts as
// a weight. Nodes that eval refuses, nodes with subgraphs and quantization
// nodes (which say how a weight is stored) stay.
func FoldConstants(eval Eval) *Pass {
	return &Pass{
		Name:  "foldconstants",
		Doc:   "compute nodes whose inputs are all constants",
		Exact: true,
		Run:   func(g *graph.Graph) (*graph.Graph, error) { return foldConstants(g, eval) },
	}
}

func foldConstants(g *graph.Graph, eval Eval) (*graph.Graph, error) {
	e := g.Edit()
	known := map[string]*tensor.Tensor{}
	folded := false
	room, work, lost := MaxFolded, 0.0, 0
	for _, c := range g.Consts() {
		room += growth * bytesOf([]*tensor.Tensor{c.Tensor})
	}
	for _, n := range g.Nodes() {
		in := constInputs(g, known, n)
		if in == nil {
			continue
		}
		if grows(n, in) || lost >= maxLost {
			continue
		}
		w := macs(n, in)
		if work+w > maxWork {
			continue
		}
		work += w
		out, err := eval(n, max(1, g.Opset(n.Domain)), in)
		size := bytesOf(out)
		if err == nil && (size > MaxFolded || size > room) {
			lost++
			continue
		}
		if err != nil || len(out) < len(n.Outputs) {
			continue
		}
		room -= size
		for i, name := range n.Outputs {
			if name == "" {
				continue
			}
			if out[i] == nil {
				return nil, fmt.Errorf("node %v: output %d was not computed", n, i)
			}
			known[name] = out[i]
			e.SetConst(name, out[i])
		}
		e.Replace(n)
		folded = true
	}
	if !folded {
		return g, nil
	}
	return e.Graph()
}

// constInputs is the inputs of a node if all are constants and the node may be
// folded, or nil.
func constInputs(g *graph.Graph, known map[string]*tensor.Tensor, n *graph.Node) []*tensor.Tensor {
	switch n.Op {
	case "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear",
		"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial":
		return nil
	}
	if len(n.Inputs) == 0 {
		return nil
	}
	for _, a := range n.Attrs {
		if a.G != nil || len(a.Graphs) > 0 {
			return nil
		}
	}
	in := make([]*tensor.Tensor, len(n.Inputs))
	for i, name := range n.Inputs {
		if name == "" {
			continue
		}
		t := known[name]
		if t == nil {
			t = g.Const(name)
		}
		if t == nil || t.Err() != nil {
			return nil
		}
		in[i] = t
	}
	return in
}

// grows reports whether a node makes more of its inputs than MaxFolded, as far
// as that can be told before it is computed: a few bytes of shape ask for any
// size. Operators that pad or resize by numbers of their own count as such.
func grows(n *graph.Node, in []*tensor.Tensor) bool {
	const most = MaxFolded / 8 // elements of the widest common type
	size := 1.0
	switch n.Op {
	case "Pad", "Resize", "Upsample", "OneHot", "EyeLike", "Range":
		return true
	case "ConstantOfShape":
	case "Expand", "Tile":
		if in[0] == nil {
			return true
		}
		size = float64(in[0].Len())
	default:
		return false
	}
	shape := in[len(in)-1]
	if shape == nil || shape.DType() != tensor.Int64 {
		return true
	}
	for _, d := range shape.I64() {
		size *= float64(max(d, 1))
	}
	return size > most
}

// macs is at least the multiply-adds of an operator that meets each element of
// one input with many of another: 0 for all others.
func macs(n *graph.Node, in []*tensor.Tensor) float64 {
	switch n.Op {
	case "MatMul", "Gemm", "MatMulInteger", "QLinearMatMul":
		return product(n, in)
	case "Conv", "ConvTranspose", "ConvInteger", "QLinearConv", "DeformConv", "Einsum", "Attention", "LSTM", "GRU", "RNN", "DFT", "STFT":
		work := 1.0
		for _, t := range in {
			if t != nil {
				work *= float64(max(1, t.Len()))
			}
		}
		return work
	}
	return 0
}

// product is the multiply-adds of a product of matrices: elements of the left
// factor times columns of the right one, for each of its matrices.
func product(n *graph.Node, in []*tensor.Tensor) float64 {
	if len(in) < 2 {
		return 0
	}
	a, b := in[0], in[1]
	if n.Op == "QLinearMatMul" {
		b = in[min(3, len(in)-1)]
	}
	if a == nil || b == nil || a.Rank() == 0 || b.Rank() == 0 {
		return 0
	}
	columns := float64(b.Dim(-1))
	if n.Op == "Gemm" && n.Int("transB", 0) != 0 {
		columns = float64(b.Dim(0))
	}
	for _, d := range b.Shape()[:max(0, b.Rank()-2)] {
		columns *= float64(d)
	}
	return float64(a.Len()) * columns
}

// bytesOf is what tensors take.
func bytesOf(list []*tensor.Tensor) int {
	n := 0
	for _, t := range list {
		switch {
		case t == nil:
		case t.DType() == tensor.String:
			n += 16 * t.Len()
		default:
			n += t.DType().Bytes(t.Len())
		}
	}
	return n
}

// RemoveIdentity takes out Identity nodes, and Dropout nodes as inference knows
// them, whose outputs are not the graph's.
var RemoveIdentity = &Pass{
	Name:  "removeidentity",
	Doc:   "take out Identity, and Dropout outside training",
	Exact: true,
	Run:   removeIdentity,
}

func removeIdentity(g *graph.Graph) (*graph.Graph, error) {
	e := g.Edit()
	real := map[string]string{} // what stands for the output of a node that is taken out
	for _, n := range g.Nodes() {
		m := n
		for i, in := range n.Inputs {
			if to, ok := real[in]; ok {
				if m == n {
					c := *n
					c.Inputs = slices.Clone(n.Inputs)
					m = &c
				}
				m.Inputs[i] = to
			}
		}
		switch {
		case idle(g, n):
			real[n.Outputs[0]] = m.Inputs[0]
			e.Replace(n)
		case m != n:
			e.Replace(n, m)
		}
	}
	if len(real) == 0 {
		return g, nil
	}
	return e.Graph()
}

// idle reports whether n only hands on its input, to users that can be given
// that input instead.
func idle(g *graph.Graph, n *graph.Node) bool {
	if !graph.IsStandard(n.Domain) || n.Input(0) == "" || len(n.Outputs) == 0 || g.IsOutput(n.Outputs[0]) {
		return false
	}
	if n.Op != "Identity" && (n.Op != "Dropout" || len(n.Inputs) > 2 || n.Output(1) != "") {
		return false
	}
	for _, u := range g.Consumers(n.Outputs[0]) {
		for _, a := range u.Attrs {
			if a.G != nil || len(a.Graphs) > 0 {
				return false // its subgraph may use the name
			}
		}
	}
	return true
}
