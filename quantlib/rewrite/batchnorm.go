package rewrite

import (
	"fmt"
	"math"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// FoldBatchNorm folds a batch normalization into the Conv, ConvTranspose or
// Gemm before it, where nothing else uses what lies between and all parameters
// are constants:
//
//	k[c] = scale[c] / √(var[c] + epsilon)
//	W'[c,…] = W[c,…]·k[c]
//	B'[c] = (B[c] − mean[c])·k[c] + bias[c]
//
// computed in float64 and rounded once. The operator keeps its name, and makes
// the value that the normalization made.
var FoldBatchNorm = &Pass{
	Name:  "foldbatchnorm",
	Doc:   "fold a batch normalization into the convolution or matrix product before it",
	Exact: true,
	Run:   foldBatchNorm,
}

func foldBatchNorm(g *graph.Graph) (*graph.Graph, error) {
	e := g.Edit()
	folded := false
	for _, bn := range g.Nodes() {
		if bn.Op != "BatchNormalization" || !graph.IsStandard(bn.Domain) {
			continue
		}
		n := g.Producer(bn.Input(0))
		if n == nil || bn.Int("training_mode", 0) != 0 || len(g.Consumers(bn.Input(0))) != 1 || g.IsOutput(bn.Input(0)) {
			continue
		}
		// Before opset 9, spatial = 0 is statistics for each element.
		if extraOutputs(bn) || bn.Int("spatial", 1) == 0 {
			continue
		}
		m, err := foldOne(g, e, n, bn)
		if err != nil {
			return nil, err
		}
		if m == nil {
			continue
		}
		e.Replace(n, m)
		e.Replace(bn)
		folded = true
	}
	if !folded {
		return g, nil
	}
	return e.Graph()
}

func extraOutputs(n *graph.Node) bool {
	for _, o := range n.Outputs[1:] {
		if o != "" {
			return true
		}
	}
	return false
}

// foldOne is n with bn folded in, or nil where that cannot be done.
func foldOne(g *graph.Graph, e *graph.Edit, n, bn *graph.Node) (*graph.Node, error) {
	w := floats(g, n.Input(1))
	if w == nil || !graph.IsStandard(n.Domain) {
		return nil, nil
	}
	axis := 0
	switch n.Op {
	case "Conv":
	case "ConvTranspose":
		axis = 1
		if n.Int("group", 1) != 1 {
			return nil, nil
		}
	case "Gemm":
		if axis = 1; n.Int("transB", 0) != 0 {
			axis = 0
		}
		if n.Float("alpha", 1) != 1 || n.Float("beta", 1) != 1 {
			return nil, nil
		}
	default:
		return nil, nil
	}
	if w.Rank() <= axis {
		return nil, fmt.Errorf("node %v: weight %v has no axis %d", n, w, axis)
	}
	channels := w.Dim(axis)
	var p [4][]float32 // scale, bias, mean, var
	for i := range p {
		t := floats(g, bn.Input(i+1))
		if t == nil {
			return nil, nil
		}
		if t.Len() != channels {
			return nil, fmt.Errorf("node %v: input %d has %d elements for the %d channels of %v", bn, i+1, t.Len(), channels, n)
		}
		p[i] = t.F32()
	}
	var old []float32
	if n.Input(2) != "" {
		t := floats(g, n.Input(2))
		if t == nil || t.Len() != channels {
			return nil, nil // a bias that broadcasts, or is computed
		}
		old = t.F32()
	}
	epsilon := float64(bn.Float("epsilon", 1e-5))
	k := make([]float64, channels)
	bias := make([]float32, channels)
	for c := range k {
		k[c] = float64(p[0][c]) / math.Sqrt(float64(p[3][c])+epsilon)
		b := -float64(p[2][c])
		if old != nil {
			b += float64(old[c])
		}
		bias[c] = float32(b*k[c] + float64(p[1][c]))
	}
	scaled := tensor.New(tensor.Float32, w.Shape()...)
	src, dst := w.F32(), scaled.F32()
	inner := 1
	for _, d := range w.Shape()[axis+1:] {
		inner *= d
	}
	for i, v := range src {
		dst[i] = float32(float64(v) * k[i/inner%channels])
	}
	weight, biasName := e.Fresh(n.Input(1)+".folded"), e.Fresh(n.Name+".bias")
	e.SetConst(weight, scaled)
	e.SetConst(biasName, tensor.Of(bias, channels))
	m := *n
	m.Inputs = []string{n.Input(0), weight, biasName}
	m.Outputs = []string{bn.Outputs[0]}
	return &m, nil
}

// floats is a float32 constant, or nil.
func floats(g *graph.Graph, name string) *tensor.Tensor {
	if name == "" {
		return nil
	}
	t := g.Const(name)
	if t == nil || t.DType() != tensor.Float32 || t.Err() != nil {
		return nil
	}
	return t
}
