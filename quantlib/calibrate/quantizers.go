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

// Methods are how ranges are chosen: a method of package observe, LayerOutput, or a
// rule of one's own (observe.Func, or a type with the methods of observe.Method). A
// rule of one's own that is not Shared sees the values themselves: of a weight each
// granule at once, of an activation the calibration samples batch by batch, in
// order, with one run of the float network for each scheme that is asked for.
type Methods struct {
	Weight, Activation observe.Method // nil means observe.MSE{}
}

func (m Methods) weight() observe.Method {
	if m.Weight == nil {
		return observe.MSE{}
	}
	return m.Weight
}

func (m Methods) activation() observe.Method {
	if m.Activation == nil {
		return observe.MSE{}
	}
	return m.Activation
}

// String names both methods; equal strings mean equal ranges.
func (m Methods) String() string {
	return fmt.Sprintf("weights %v, activations %v", nameOf(m.weight()), nameOf(m.activation()))
}

// nameOf is the name of a method; of one from outside it is marked as such, so that
// it is not taken for ours of the same name.
func nameOf(m observe.Method) string {
	if ours(m) {
		return m.String()
	}
	return fmt.Sprintf("own %q", m.String())
}

// ours reports whether m is of package observe, or LayerOutput.
func ours(m observe.Method) bool {
	switch m.(type) {
	case observe.MinMax, observe.MovingAverage, observe.Percentile, observe.MSE, observe.KL, LayerOutput:
		return true
	}
	return false
}

// Known reports whether the results of both methods depend on their names and the
// data alone, so that they may be stored: those of package observe, LayerOutput, and
// those that state a key of their own by a method Key, as observe.Func's do. Such a
// key must change when the rule does.
func (m Methods) Known() bool { return known(m.weight()) && known(m.activation()) }

func known(m observe.Method) bool {
	k, keyed := m.(interface{ Key() string })
	return ours(m) || keyed && k.Key() != "" && k.Key() == m.String()
}

// fake is the quantizer of one activation.
type fake struct {
	p    quant.Params
	s    quant.Scheme
	axis int // of channels
}

// Quantize implements exec.Quantizer. Both ways give the same bits. It panics if
// there are other channels than those that were observed.
func (f fake) Quantize(dst, x []float32, shape []int) {
	s := f.s
	if len(f.p.Scale) == 1 && s.Bits > 0 && s.Bits <= 16 && s.Round == quant.HalfEven && s.Float == quant.NotFloat && !s.Binary() {
		scale, zero := f.p.At(0)
		lo, hi := s.Range()
		ops.FakeQuantize(dst, x, scale, zero, lo, hi)
		return
	}
	if n := len(x); f.s.Round == quant.Stochastic && len(shape) > 1 && shape[0] > 1 && n > 0 {
		// An element's place in its sample decides, so that a batch gives what its
		// samples give.
		one := append([]int{1}, shape[1:]...)
		for size := n / shape[0]; len(x) > 0; dst, x = dst[size:], x[size:] {
			f.p.FakeQuantize(dst[:size], x[:size], quant.For(one, f.axis, f.axis, f.s), f.s)
		}
		return
	}
	f.p.FakeQuantize(dst, x, quant.For(shape, f.axis, f.axis, f.s), f.s)
}

// Change is what a plan changes in the float network: fake-quantized weights and
// biases, and quantizers on the activations.
func (s *Stats) Change(p plan.Plan, m Methods) (exec.Change, error) {
	return s.ChangeContext(context.Background(), p, m)
}

// ChangeContext is Change, which ctx stops as it does ParamsContext.
func (s *Stats) ChangeContext(ctx context.Context, p plan.Plan, m Methods) (exec.Change, error) {
	c := exec.Change{Quantize: map[string]exec.Quantizer{}, Consts: exec.Values{}}
	if p.Map() != s.m {
		return c, errors.New("calibrate: the plan is of another network than the statistics")
	}
	for i, q := range s.m.Quantizers {
		scheme := p.Scheme(i)
		if scheme.IsFloat32() {
			continue
		}
		params, err := s.ParamsContext(ctx, i, scheme, m)
		if err != nil {
			return c, err
		}
		f := fake{params, scheme, q.Axis}
		if q.Role == plan.Activation && !q.Const {
			c.Quantize[q.Value] = f
			continue
		}
		old := s.m.Graph.Const(q.Value)
		t := tensor.New(tensor.Float32, old.Shape()...)
		if q.Role == plan.Activation {
			f.Quantize(t.F32(), old.F32(), old.Shape())
		} else {
			params.FakeQuantize(t.F32(), old.F32(), quant.For(old.Shape(), q.Axis, q.Group, scheme), scheme)
		}
		c.Consts[q.Value] = t
	}
	for i, l := range s.m.Layers {
		t, err := s.Bias(i, p, m)
		if err != nil {
			return c, err
		}
		if t != nil {
			c.Consts[l.Bias] = t
		}
	}
	return c, nil
}

func isCanceled(err error) bool { return errors.Is(err, context.Canceled) }
