package main

import (
	"context"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// one is a data set of a single batch, for ranges.
type one struct{ in exec.Values }

func (o one) Len() int { return 1 }

func (o one) Batch(lo, hi int) (exec.Values, error) { return o.in, nil }

// simulated is the network at eight bits: as changes for our executor, and as a
// graph whose nodes do the same, for others.
//
// The graph has Div, Round, Clip and Mul behind every value that flows into a
// convolution or a product: (x/s rounded half to even, clamped to the codes less
// the zero point)·s is fake quantization, since the zero point is an integer.
// Of the forms that ONNX Runtime can run this is the fastest: no cast to
// integers and back. Weights are constants on their grids.
func simulated(ctx context.Context, s *exec.Session, m *plan.Map, in exec.Values) (exec.Change, *graph.Graph, error) {
	var none exec.Change
	stats, err := calibrate.Collect(ctx, s, m, one{in}, calibrate.Config{})
	if err != nil {
		return none, nil, err
	}
	p, methods := m.Uniform(8, 8), calibrate.Methods{}
	change, err := stats.Change(p, methods)
	if err != nil {
		return none, nil, err
	}
	e := m.Graph.Edit()
	for name, t := range change.Consts {
		e.SetConst(name, t)
	}
	number := func(v float32) string {
		name := e.Fresh("grid")
		e.SetConst(name, tensor.Scalar(v))
		return name
	}
	for i, q := range m.Quantizers {
		scheme := p.Scheme(i)
		if q.Role != plan.Activation {
			continue
		}
		params, err := stats.Params(i, scheme, methods)
		if err != nil {
			return none, nil, err
		}
		if scheme.Granularity != quant.PerTensor {
			return none, nil, fmt.Errorf("%q: scheme %v", q.Value, scheme)
		}
		scale, zero := params.At(0)
		lo, hi := scheme.Range()
		quantized := e.Fresh(q.Value + "_quantized")
		a, b, c := e.Fresh("scaled"), e.Fresh("rounded"), e.Fresh("clipped")
		e.Rewire(q.Value, quantized)
		step := number(scale)
		e.Append(
			&graph.Node{Op: "Div", Inputs: []string{q.Value, step}, Outputs: []string{a}},
			&graph.Node{Op: "Round", Inputs: []string{a}, Outputs: []string{b}},
			&graph.Node{Op: "Clip", Inputs: []string{b, number(float32(lo - zero)), number(float32(hi - zero))}, Outputs: []string{c}},
			&graph.Node{Op: "Mul", Inputs: []string{c, step}, Outputs: []string{quantized}},
		)
	}
	g, err := e.Graph()
	return change, g, err
}
