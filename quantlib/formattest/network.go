package formattest

import (
	"context"
	"fmt"
	"math"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/format"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// names are what a network's values are called.
type names struct{ input, hidden, output, weight string }

var (
	plainNames   = names{"x", "h", "y", "w"}
	hostileNames = []names{
		{"a b", "tab\there", "line\nend", "\x1b[31mred"},
		{`quo"te`, `back\slash`, `<b>&amp;`, `{"json": [1]}`},
		{"名前", "../../etc/passwd", "%s%n%d", "nul\x00byte"},
	}
)

// A sample is a quantized network and the inputs to try it on.
type sample struct {
	name string
	*format.Network
	in   exec.Values
	must bool // any exporter worth the name writes it
}

// ramp is n numbers that vary, repeat late and are the same on every machine.
func ramp(n int, scale float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(scale * math.Sin(float64(i*i)*0.37+float64(i)))
	}
	return x
}

// network is Conv, Relu, Conv by groups, MaxPool, Flatten and Gemm: [N 4 6 6] → [N 3].
func network(n names) (*graph.Graph, error) {
	c := func(suffix string, shape ...int) *graph.Const {
		size := 1
		for _, d := range shape {
			size *= d
		}
		return &graph.Const{Name: n.weight + suffix, Tensor: tensor.Of(ramp(size, 0.5), shape...)}
	}
	h := func(i int) string { return fmt.Sprint(n.hidden, i) }
	ints := graph.IntsAttr
	return graph.New(graph.Parts{
		Name:    "formattest",
		Model:   &graph.Model{IRVersion: 8, Opsets: map[string]int{"": 13}},
		Inputs:  []graph.Value{{Name: n.input, DType: tensor.Float32, Ranked: true, Dims: []graph.Dim{{Size: -1, Name: "N"}, {Size: 4}, {Size: 6}, {Size: 6}}}},
		Outputs: []graph.Value{{Name: n.output, DType: tensor.Float32, Ranked: true, Dims: []graph.Dim{{Size: -1, Name: "N"}, {Size: 3}}}},
		Consts:  []*graph.Const{c("1", 8, 4, 3, 3), c("1b", 8), c("2", 8, 2, 1, 1), c("3", 3, 72), c("3b", 3)},
		Nodes: []*graph.Node{
			{Name: n.hidden + "conv", Op: "Conv", Inputs: []string{n.input, n.weight + "1", n.weight + "1b"}, Outputs: []string{h(1)}, Attrs: []graph.Attr{ints("pads", 1, 1, 1, 1)}},
			{Name: n.hidden + "relu", Op: "Relu", Inputs: []string{h(1)}, Outputs: []string{h(2)}},
			{Name: n.hidden + "grouped", Op: "Conv", Inputs: []string{h(2), n.weight + "2"}, Outputs: []string{h(3)}, Attrs: []graph.Attr{graph.IntAttr("group", 4)}},
			{Name: n.hidden + "pool", Op: "MaxPool", Inputs: []string{h(3)}, Outputs: []string{h(4)}, Attrs: []graph.Attr{ints("kernel_shape", 2, 2), ints("strides", 2, 2)}},
			{Name: n.hidden + "flat", Op: "Flatten", Inputs: []string{h(4)}, Outputs: []string{h(5)}},
			{Name: n.hidden + "gemm", Op: "Gemm", Inputs: []string{h(5), n.weight + "3", n.weight + "3b"}, Outputs: []string{n.output}, Attrs: []graph.Attr{graph.IntAttr("transB", 1)}},
		},
	})
}

// samples are networks in many formats.
func samples() ([]sample, error) {
	narrow := func(s quant.Scheme) quant.Scheme { s.Narrow = true; return s }
	round := func(s quant.Scheme, r quant.Rounding) quant.Scheme { s.Round = r; return s }
	var list []sample
	add := func(name string, n names, w, a quant.Scheme, must bool) error {
		s, err := quantized(n, w, a)
		if err != nil {
			return fmt.Errorf("formattest: %s: %w", name, err)
		}
		s.name, s.must = name, must
		list = append(list, *s)
		return nil
	}
	for _, c := range []struct {
		name string
		w, a quant.Scheme
		must bool
	}{
		{"8 bits", quant.Int(8).PerChannel(), quant.Uint(8), true},
		{"8 bits, one scale", quant.Int(8), quant.Uint(8), true},
		{"float", quant.Scheme{}, quant.Scheme{}, false},
		{"weights alone", quant.Int(4).PerChannel(), quant.Scheme{}, false},
		{"activations alone", quant.Scheme{}, quant.Uint(8), false},
		{"4 bits", narrow(quant.Int(4).PerChannel()), quant.Uint(4), false},
		{"3 and 5 bits", narrow(quant.Int(3).PerChannel()), quant.Uint(5), false},
		{"2 bits", quant.Int(2).PerChannel(), quant.Uint(2), false},
		{"binary weights", quant.Int(1).PerChannel(), quant.Uint(8), false},
		{"binary activations", quant.Int(8), quant.Int(1), false},
		{"12 and 16 bits", quant.Int(12).PerChannel(), quant.Uint(16), false},
		{"groups of 3", quant.Int(4).PerGroup(3), quant.Int(8), false},
		{"zero points of weights", quant.Uint(8).PerChannel(), narrow(quant.Int(8)), false},
		{"FP8", quant.FP8(quant.E4M3FN), quant.FP8(quant.E5M2), false},
		{"weights rounded down", round(quant.Int(8), quant.TowardZero), quant.Uint(8), false},
		{"activations rounded by chance", quant.Int(8), round(quant.Uint(8), quant.Stochastic), false},
	} {
		if err := add(c.name, plainNames, c.w, c.a, c.must); err != nil {
			return nil, err
		}
	}
	for i, n := range hostileNames {
		if err := add(fmt.Sprintf("hostile names %d", i), n, quant.Int(8).PerChannel(), quant.Uint(8), false); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// quantized is the network in two formats, with ranges that cover a few inputs.
func quantized(n names, weight, activation quant.Scheme) (*sample, error) {
	g, err := network(n)
	if err != nil {
		return nil, err
	}
	m, err := plan.Place(g)
	if err != nil {
		return nil, err
	}
	p := m.Float()
	for i, t := range m.Ties {
		if t.Role == plan.Activation {
			p = p.WithTie(i, activation)
		} else {
			p = p.WithTie(i, weight)
		}
	}
	s := &sample{in: exec.Values{n.input: tensor.Of(ramp(5*4*6*6, 2), 5, 4, 6, 6)}}
	s.Network = &format.Network{Plan: p, Params: make([]quant.Params, len(m.Quantizers)), Samples: 5, Methods: "minmax"}
	session, err := exec.New(g, exec.Options{NoFuse: true})
	if err != nil {
		return nil, err
	}
	ranges := map[string][2]float32{}
	err = session.Watch(context.Background(), s.in, func(name string, t *tensor.Tensor) {
		r := ranges[name]
		for _, v := range t.F32() {
			r[0], r[1] = min(r[0], v), max(r[1], v)
		}
		ranges[name] = r
	})
	if err != nil {
		return nil, err
	}
	for i, q := range m.Quantizers {
		scheme := p.Scheme(i)
		if scheme.IsFloat32() {
			continue
		}
		if t := s.Const(i); t != nil {
			s.Params[i] = quant.Weights(t.F32(), s.Layout(i), scheme)
			continue
		}
		r := ranges[q.Value]
		s.Params[i] = quant.One(quant.ParamsFromRange(r[0], r[1], scheme))
	}
	return s, s.Validate()
}

// fake is a quantizer with one scale.
type fake struct {
	p quant.Params
	s quant.Scheme
}

// Quantize implements exec.Quantizer.
func (f fake) Quantize(dst, x []float32, _ []int) {
	f.p.FakeQuantize(dst, x, quant.Whole(len(x)), f.s)
}

// simulate is the outputs of the simulated network.
func (s *sample) simulate() (exec.Values, error) {
	session, err := exec.New(s.Graph(), exec.Options{NoFuse: true})
	if err != nil {
		return nil, err
	}
	c := exec.Change{Quantize: map[string]exec.Quantizer{}, Consts: exec.Values{}}
	for i, q := range s.Plan.Map().Quantizers {
		scheme := s.Plan.Scheme(i)
		if scheme.IsFloat32() {
			continue
		}
		if t := s.Const(i); t != nil {
			y := tensor.New(tensor.Float32, t.Shape()...)
			s.Params[i].FakeQuantize(y.F32(), t.F32(), s.Layout(i), scheme)
			c.Consts[q.Value] = y
			continue
		}
		c.Quantize[q.Value] = fake{s.Params[i], scheme}
	}
	v, err := session.With(c)
	if err != nil {
		return nil, err
	}
	return v.Run(context.Background(), s.in)
}
