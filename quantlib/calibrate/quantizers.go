package calibrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// Methods are how ranges are chosen.
type Methods struct {
	Weight, Activation observe.Shared // nil means observe.MSE{}
}

func (m Methods) weight() observe.Shared {
	if m.Weight == nil {
		return observe.MSE{}
	}
	return m.Weight
}

func (m Methods) activation() observe.Shared {
	if m.Activation == nil {
		return observe.MSE{}
	}
	return m.Activation
}

// String names both methods; equal strings mean equal ranges.
func (m Methods) String() string {
	return fmt.Sprintf("weights %v, activations %v", m.weight(), m.activation())
}

// Known reports whether both methods are those of package observe, whose
// results depend on their names and the data alone.
func (m Methods) Known() bool {
	for _, x := range []observe.Shared{m.weight(), m.activation()} {
		switch x.(type) {
		case observe.MinMax, observe.MovingAverage, observe.Percentile, observe.MSE, observe.KL:
		default:
			return false
		}
	}
	return true
}

// rangeKey holds what the parameters of one tensor depend on.
type rangeKey struct {
	value, method string
	scheme        quant.Scheme
}

type rangeValue struct {
	p   quant.Params
	err error
}

// Params is the scales and zero points of a quantizer, by its place in
// Map.Quantizers, under a scheme. Results are remembered.
func (s *Stats) Params(quantizer int, scheme quant.Scheme, m Methods) (quant.Params, error) {
	q := s.m.Quantizers[quantizer]
	method := m.activation()
	if q.Role == plan.Weight {
		method = m.weight()
	}
	key := rangeKey{q.Value, method.String(), scheme}
	s.mu.Lock()
	v, ok := s.ranges[key]
	s.mu.Unlock()
	if ok {
		return v.p, v.err
	}
	if q.Role == plan.Weight {
		v.p, v.err = weightParams(s.m.Graph.Const(q.Value), q, scheme, method)
	} else {
		v.p, v.err = activationParams(s.values[q.Value], scheme, method)
	}
	if v.err != nil {
		v.err = fmt.Errorf("calibrate: %v %q at %v: %w", q.Role, q.Value, scheme, v.err)
	}
	s.mu.Lock()
	s.ranges[key] = v
	s.mu.Unlock()
	return v.p, v.err
}

func activationParams(c *observe.Collector, scheme quant.Scheme, m observe.Shared) (quant.Params, error) {
	if c == nil {
		return quant.Params{}, errors.New("the value was not observed")
	}
	if scheme.Granularity != quant.PerTensor {
		return quant.Params{}, fmt.Errorf("activations take one scale for the tensor: %w", errors.ErrUnsupported)
	}
	scale, zero, err := observe.Params(m, c, scheme)
	if err != nil {
		return quant.Params{}, err
	}
	return quant.One(scale, zero), nil
}

// weightParams chooses a range for each granule of a weight.
func weightParams(t *tensor.Tensor, q plan.Quantizer, scheme quant.Scheme, m observe.Shared) (quant.Params, error) {
	l := quant.For(t.Shape(), q.Axis, q.Group, scheme)
	if m == observe.Shared(observe.MinMax{}) {
		return quant.Weights(t.F32(), l, scheme), nil
	}
	return observe.Weights(t.F32(), l, scheme, m)
}

// fake is the quantizer of one activation.
type fake struct {
	p quant.Params
	s quant.Scheme
}

// Quantize implements exec.Quantizer. Both ways give the same bits.
func (f fake) Quantize(dst, x []float32, shape []int) {
	s := f.s
	if len(f.p.Scale) == 1 && s.Bits > 0 && s.Bits <= 16 && s.Round == quant.HalfEven && s.Float == quant.NotFloat && !s.Binary() {
		scale, zero := f.p.At(0)
		lo, hi := s.Range()
		ops.FakeQuantize(dst, x, scale, zero, lo, hi)
		return
	}
	f.p.FakeQuantize(dst, x, quant.Whole(len(x)), f.s)
}

// Change is what a plan changes in the float network: fake-quantized weights,
// and quantizers on the activations.
func (s *Stats) Change(p plan.Plan, m Methods) (exec.Change, error) {
	c := exec.Change{Quantize: map[string]exec.Quantizer{}, Consts: exec.Values{}}
	if p.Map() != s.m {
		return c, errors.New("calibrate: the plan is of another network than the statistics")
	}
	for i, q := range s.m.Quantizers {
		scheme := p.Scheme(i)
		if scheme.IsFloat32() {
			continue
		}
		params, err := s.Params(i, scheme, m)
		if err != nil {
			return c, err
		}
		if q.Role == plan.Activation {
			c.Quantize[q.Value] = fake{params, scheme}
			continue
		}
		old := s.m.Graph.Const(q.Value)
		t := tensor.New(tensor.Float32, old.Shape()...)
		params.FakeQuantize(t.F32(), old.F32(), quant.For(old.Shape(), q.Axis, q.Group, scheme), scheme)
		c.Consts[q.Value] = t
	}
	return c, nil
}

func isCanceled(err error) bool { return errors.Is(err, context.Canceled) }
