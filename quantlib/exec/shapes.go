package exec

import (
	"slices"

	"github.com/quantnb/quantnb/quantlib/graph"
)

// shapes is what is known of the shapes of values before a run: what the file
// says, and what follows from it through the operators between which a residual
// add stands. Exporters often leave the types of inner values out. A size that is
// not known is -1; it equals another one if both have the same name.
type shapes struct {
	g     *graph.Graph
	known map[string][]graph.Dim
}

func inferShapes(g *graph.Graph) *shapes {
	s := &shapes{g, map[string][]graph.Dim{}}
	for _, v := range g.Inputs() {
		if v.Ranked {
			s.known[v.Name] = v.Dims
		}
	}
	for _, n := range g.Nodes() {
		if len(n.Outputs) == 0 || !graph.IsStandard(n.Domain) {
			continue
		}
		if d := s.output(n); d != nil {
			s.known[n.Outputs[0]] = d
		}
	}
	return s
}

// of is the shape of a value, nil where it is not known.
func (s *shapes) of(name string) []graph.Dim {
	if v, ok := s.g.Info(name); ok && v.Ranked {
		return v.Dims
	}
	if t := s.g.Const(name); t != nil {
		d := make([]graph.Dim, t.Rank())
		for i, n := range t.Shape() {
			d[i].Size = n
		}
		return d
	}
	return s.known[name]
}

// same reports whether both values have one shape for certain.
func (s *shapes) same(a, b string) bool {
	x, y := s.of(a), s.of(b)
	return x != nil && y != nil && slices.EqualFunc(x, y, sameDim)
}

func sameDim(x, y graph.Dim) bool {
	return x.Size >= 0 && x.Size == y.Size || x.Size < 0 && y.Size < 0 && x.Name != "" && x.Name == y.Name
}

// output is the shape of n's first output, nil where this file does not know it.
func (s *shapes) output(n *graph.Node) []graph.Dim {
	x := s.of(n.Input(0))
	if x == nil {
		return nil
	}
	switch n.Op {
	case "Relu", "Clip", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Erf", "Gelu", "Mish",
		"Softplus", "Softsign", "Exp", "Log", "Sqrt", "Neg", "Abs", "Identity", "Dropout", "Softmax", "LogSoftmax",
		"BatchNormalization", "InstanceNormalization", "LayerNormalization", "GroupNormalization", "LRN":
		return x
	case "Add", "Sub", "Mul", "Div", "Pow":
		return broadcast(x, s.of(n.Input(1)))
	case "MatMul":
		w := s.g.Const(n.Input(1))
		if w == nil || w.Rank() != 2 || len(x) < 2 {
			return nil
		}
		return append(slices.Clone(x[:len(x)-1]), graph.Dim{Size: w.Dim(1)})
	case "Conv":
		w := s.g.Const(n.Input(1))
		if w == nil || w.Rank() != len(x) || len(x) < 3 {
			return nil
		}
		return s.window(n, append(slices.Clone(x[:1]), graph.Dim{Size: w.Dim(0)}), x[2:], w.Shape()[2:])
	case "MaxPool", "AveragePool":
		k := n.Ints("kernel_shape")
		if len(x) < 3 || len(k) != len(x)-2 || n.Int("ceil_mode", 0) != 0 {
			return nil
		}
		kernel := make([]int, len(k))
		for i, v := range k {
			kernel[i] = int(v)
		}
		return s.window(n, slices.Clone(x[:2]), x[2:], kernel)
	}
	return nil
}

// broadcast is numpy's shape of an element-wise operation, nil where a size that
// is not known may be a one.
func broadcast(x, y []graph.Dim) []graph.Dim {
	if y == nil {
		return nil
	}
	if len(x) < len(y) {
		x, y = y, x
	}
	out := slices.Clone(x)
	for i := range y {
		a, b := &out[len(x)-len(y)+i], y[i]
		switch {
		case b.Size == 1 || sameDim(*a, b):
		case a.Size == 1:
			*a = b
		default:
			return nil
		}
	}
	return out
}

// window appends the sizes of a sliding window's output to dims:
// (size + padding - ((kernel-1)·dilation + 1)) div stride + 1.
func (s *shapes) window(n *graph.Node, dims, in []graph.Dim, kernel []int) []graph.Dim {
	at := func(attr string, i, def int) int {
		if v := n.Ints(attr); i < len(v) {
			return int(v[i])
		}
		return def
	}
	auto := n.Text("auto_pad", "NOTSET")
	for i, d := range in {
		stride := at("strides", i, 1)
		if d.Size < 0 || stride < 1 {
			return nil
		}
		size := 0
		switch auto {
		case "SAME_UPPER", "SAME_LOWER":
			size = (d.Size + stride - 1) / stride
		case "NOTSET", "", "VALID":
			pad := 0
			if auto != "VALID" {
				pad = at("pads", i, 0) + at("pads", i+len(in), 0)
			}
			room := d.Size + pad - (kernel[i]-1)*at("dilations", i, 1) - 1
			if room < 0 {
				return nil
			}
			size = room/stride + 1
		default:
			return nil
		}
		dims = append(dims, graph.Dim{Size: size})
	}
	return dims
}
