package calibrate

import (
	"errors"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// Bias is the bias of a layer as a plan has it (see plan.Plan.Bias), nil where it
// stays in float32. At 32 bits it is
//
//	clamp(even(b/t))·t, t = float32(s_x·s_w)
//
// with the scale of the layer's first activation and those of its weight, one for
// each output channel, the last axis of b; in a Gemm t is times alpha/beta, as the
// product is scaled after the sum of codes. At other widths it has the range that
// the method for weights chooses on it, for the whole or for each element.
func (s *Stats) Bias(layer int, p plan.Plan, m Methods) (*tensor.Tensor, error) {
	scheme := p.Bias(layer)
	if scheme.IsFloat32() {
		return nil, nil
	}
	params, layout, err := s.BiasParams(layer, p, m)
	if err != nil || params.Scale == nil {
		return nil, err
	}
	b := s.m.Graph.Const(s.m.Layers[layer].Bias)
	t := tensor.New(tensor.Float32, b.Shape()...)
	params.FakeQuantize(t.F32(), b.F32(), layout, scheme)
	return t, nil
}

// BiasParams is the scales of a layer's bias, and which of its elements share one:
// the numbers that Bias quantizes with. There are none where it stays in float32.
func (s *Stats) BiasParams(layer int, p plan.Plan, m Methods) (quant.Params, quant.Layout, error) {
	scheme := p.Bias(layer)
	if scheme.IsFloat32() {
		return quant.Params{}, quant.Layout{}, nil
	}
	l := s.m.Layers[layer]
	b := s.m.Graph.Const(l.Bias)
	fail := func(err error) (quant.Params, quant.Layout, error) {
		return quant.Params{}, quant.Layout{}, fmt.Errorf("calibrate: layer %q: bias %q at %v: %w", l.Name, l.Bias, scheme, err)
	}
	if scheme.Bits != 32 {
		layout := quant.For(b.Shape(), b.Rank()-1, b.Rank()-1, scheme)
		params, err := granules(b.F32(), layout, scheme, m.weight())
		if err != nil {
			return fail(err)
		}
		return params, layout, nil
	}
	x, err := s.Params(l.Activations[0], p.Scheme(l.Activations[0]), m)
	if err != nil {
		return quant.Params{}, quant.Layout{}, err
	}
	w, err := s.Params(l.Weight, p.Scheme(l.Weight), m)
	if err != nil {
		return quant.Params{}, quant.Layout{}, err
	}
	scale := float64(x.Scale[0])
	if n := s.m.Graph.Node(l.Name); n.Op == "Gemm" {
		beta := float64(n.Float("beta", 1))
		if beta == 0 {
			return quant.Params{}, quant.Layout{}, nil // the bias counts for nothing
		}
		scale *= float64(n.Float("alpha", 1)) / beta
		if scale < 0 {
			scale = -scale
		}
	}
	layout := quant.Whole(b.Len())
	channels := 1
	if b.Rank() > 0 && len(w.Scale) > 1 {
		layout = quant.Channels(b.Shape(), -1)
		channels = b.Dim(-1)
	}
	// Groups of a ConvTranspose share their scales.
	if n := len(w.Scale); n > 1 && (channels == 0 || channels%n != 0) {
		return fail(fmt.Errorf("shape %v for %d scales of the weight: %w", b.Shape(), n, errors.ErrUnsupported))
	}
	params := quant.Params{Scale: make([]float32, channels)}
	for i := range params.Scale {
		params.Scale[i] = quant.BiasScale(float32(scale), w.Scale[i%len(w.Scale)])
	}
	return params, layout, nil
}
