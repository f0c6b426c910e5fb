package calibrate

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// stopping are samples whose use cancels a context.
type stopping struct {
	Samples
	cancel context.CancelFunc
}

func (s stopping) Batch(lo, hi int) (exec.Values, error) {
	s.cancel()
	return s.Samples.Batch(lo, hi)
}

// extremes is a rule of one's own: it is not Shared.
func extremes() observe.Method {
	return observe.Func("extremes", func(s quant.Scheme) observe.Observer { return observe.MinMax{}.New(s) })
}

// Methods that run the network over the samples stop with the context, and go on
// when they are asked again.
func TestRangesFromSamplesStopWithTheContext(t *testing.T) {
	for _, method := range []observe.Method{LayerOutput{Samples: 40}, extremes()} {
		s, m := setup(t, joined(t), hardware.Simulation(), 1)
		st := collect(t, s, m, noise(40), Config{})
		own := Methods{Weight: method, Activation: method}
		p := m.Uniform(4, 4)
		ctx, cancel := context.WithCancel(context.Background())
		st.Bind(s, stopping{noise(40), cancel}, 4)
		if _, err := st.ChangeContext(ctx, p, own); !errors.Is(err, context.Canceled) {
			t.Errorf("%v: stopped, it says %v", method, err)
		}
		if _, err := st.ParamsContext(ctx, m.Layers[0].Activations[0], quant.Uint(4), own); !errors.Is(err, context.Canceled) {
			t.Errorf("%v: with a context that is done: %v", method, err)
		}
		if _, err := st.Change(p, own); err != nil {
			t.Errorf("%v: asked again: %v", method, err)
		}
	}
}

// Samples of zeros, and samples with NaN and infinities, leave LayerOutput with the
// ranges of MSE or finite ones of its own.
func TestLayerOutputOfDegenerateSamples(t *testing.T) {
	for name, x := range map[string]float32{"zeros": 0, "one value": 3, "NaN": float32(math.NaN()), "infinities": float32(math.Inf(1))} {
		s, m := setup(t, joined(t), hardware.Simulation(), 1)
		data := filled{noise(4), x}
		st := collect(t, s, m, data, Config{})
		for i, q := range m.Quantizers {
			for _, scheme := range []quant.Scheme{quant.Int(4), quant.Uint(8), quant.Int(1)} {
				p, err := st.Params(i, scheme, Methods{Weight: LayerOutput{}, Activation: LayerOutput{}})
				if name != "zeros" && name != "one value" && q.Role == plan.Activation && errors.Is(err, observe.ErrNoData) {
					continue // nothing finite was seen
				}
				if err != nil {
					t.Errorf("%s, %q at %v: %v", name, q.Value, scheme, err)
					continue
				}
				if err := p.Validate(scheme, len(p.Scale)); err != nil {
					t.Errorf("%s, %q at %v: %v", name, q.Value, scheme, err)
				}
			}
		}
	}
}

// filled are samples that hold one value.
type filled struct {
	Samples
	x float32
}

func (s filled) Batch(lo, hi int) (exec.Values, error) {
	in, err := s.Samples.Batch(lo, hi)
	for _, v := range in {
		for i := range v.F32() {
			v.F32()[i] = s.x
		}
	}
	return in, err
}
