package plan

import (
	"fmt"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// biasScheme is the format that a plan gives a layer's bias, if it does.
type biasScheme struct {
	quant.Scheme
	set bool
}

// bias is the float32 constant that a node takes in the role of a bias and that
// nothing else uses, "" without.
func (m *Map) bias(n *graph.Node) string {
	for i, name := range n.Inputs {
		c := m.Graph.Const(name)
		if c == nil || m.Profile.Role(n.Op, i, true) != hardware.Bias || c.DType() != tensor.Float32 {
			continue
		}
		if _, quantized := m.byValue[name]; quantized || len(m.Graph.Consumers(name)) != 1 || outputs(m.Graph, name) {
			continue
		}
		return name
	}
	return ""
}

func outputs(g *graph.Graph, name string) bool {
	for _, o := range g.Outputs() {
		if o.Name == name {
			return true
		}
	}
	return false
}

// Bias is the format of a layer's bias: what WithBias has set, or else the
// profile's (hardware.Profile.Biases) where the layer's weight and its first
// activation are quantized. 32 bits have the scale of the accumulator,
// activation times weight, so they are float32 all the same while one of the two
// has no such scale: float32, an 8-bit float, one scale for each group of a
// weight, or for each channel of an activation. It is float32 for a layer without
// a bias.
func (p Plan) Bias(layer int) quant.Scheme {
	l := p.m.Layers[layer]
	if l.Bias == "" {
		return quant.Scheme{}
	}
	s := p.m.Profile.Biases
	set := p.biases != nil && p.biases[layer].set
	if set {
		s = p.biases[layer].Scheme
	}
	w, a := p.Layer(layer)
	switch {
	case s.Bits == 32 && !(hasScale(w, quant.PerChannel) && hasScale(a, quant.PerTensor)),
		!set && (w.IsFloat32() || a.IsFloat32()):
		return quant.Scheme{}
	}
	return s
}

// usualBias is Bias without what WithBias has set.
func (p Plan) usualBias(layer int) quant.Scheme {
	return Plan{m: p.m, schemes: p.schemes}.Bias(layer)
}

// hasScale reports whether s has integer codes and no finer granularity than most.
func hasScale(s quant.Scheme, most quant.Granularity) bool {
	return !s.IsFloat32() && s.Float == quant.NotFloat && s.Granularity <= most
}

// WithBias gives the biases of the layers that match pattern (see With) a format:
// the zero Scheme is float32, quant.Int(32) the accumulator's (see Bias), and any
// other has a range of its own. Layers without a bias are passed over; if none
// that matches has one, or the format does not exist, it is an error.
func (p Plan) WithBias(pattern string, s quant.Scheme) (Plan, error) {
	if err := s.Validate(); err != nil {
		return Plan{}, fmt.Errorf("plan: bias: %w", err)
	}
	if s.Granularity == quant.PerGroup {
		return Plan{}, fmt.Errorf("plan: bias: %v: a bias has no axis for groups", s)
	}
	q := p.clone()
	matched := false
	for i, l := range p.m.Layers {
		ok, err := matches(pattern, l, p.m.depths[i])
		if err != nil {
			return Plan{}, err
		}
		if ok && l.Bias != "" {
			matched = true
			q.setBias(i, s)
		}
	}
	if !matched {
		_, err := p.m.Layer(pattern)
		if err == nil {
			return Plan{}, fmt.Errorf("plan: the layer %q has no bias of its own", pattern)
		}
		return Plan{}, fmt.Errorf("plan: the selector %q matches no layer with a bias: %w", pattern, err)
	}
	return q, nil
}

func (p *Plan) setBias(layer int, s quant.Scheme) {
	if p.biases == nil {
		p.biases = make([]biasScheme, len(p.m.Layers))
	}
	p.biases[layer] = biasScheme{s, true}
}

// sameBiases reports whether both plans give the same formats to all biases.
func (p Plan) sameBiases(o Plan) bool {
	if p.biases == nil && o.biases == nil {
		return true
	}
	for i := range p.m.Layers {
		if p.Bias(i) != o.Bias(i) {
			return false
		}
	}
	return true
}

func (p Plan) quantizesBiases() bool {
	for i := range p.m.Layers {
		if !p.Bias(i).IsFloat32() {
			return true
		}
	}
	return false
}
