package calibrate

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// ownParams is params for a method that is not Shared. One pass over the samples
// serves all activations that take this scheme.
func (s *Stats) ownParams(ctx context.Context, members []int, scheme quant.Scheme, m observe.Method) (quant.Params, error) {
	q := s.m.Quantizers[members[0]]
	if q.Role == plan.Weight {
		return granules(s.m.Graph.Const(q.Value).F32(), quant.For(s.m.Graph.Const(q.Value).Shape(), q.Axis, q.Group, scheme), scheme, m)
	}
	if scheme.Granularity != quant.PerTensor {
		return quant.Params{}, fmt.Errorf("activations take one scale for the tensor from the method %v: %w", m, errors.ErrUnsupported)
	}
	if s.session == nil {
		return quant.Params{}, fmt.Errorf("the method %v needs the session and the samples; see Stats.Bind", m)
	}
	s.output.Lock()
	defer s.output.Unlock()
	if v, ok := s.remembered(members, m, scheme); ok {
		return v.p, v.err // by the pass that another call has made meanwhile
	}
	observers := map[string]observe.Observer{} // by value; quantizers that share a scale share one
	sets := map[int]observe.Observer{}         // by the first of them
	for i, q := range s.m.Quantizers {
		if q.Role != plan.Activation {
			continue
		}
		first := s.members(i)[0]
		if sets[first] == nil {
			sets[first] = m.New(scheme)
		}
		observers[q.Value] = sets[first]
		if t := s.m.Graph.Const(q.Value); t != nil {
			observers[q.Value].Observe(t.F32())
		}
	}
	for lo := 0; lo < s.samples; lo += s.batch {
		hi := min(s.samples, lo+s.batch)
		in, err := s.data.Batch(lo, hi)
		if err == nil {
			err = s.session.Watch(ctx, in, func(name string, t *tensor.Tensor) {
				if o := observers[name]; o != nil && t.DType() == tensor.Float32 {
					o.Observe(t.F32())
				}
			})
		}
		if err != nil {
			return quant.Params{}, fmt.Errorf("samples %d..%d: %w", lo, hi-1, err)
		}
	}
	for i, q := range s.m.Quantizers {
		set := s.members(i)
		if o := sets[set[0]]; q.Role == plan.Activation && set[0] == i {
			var v rangeValue
			if v.p, v.err = ownRange(o, scheme, m); v.err != nil {
				v.err = fmt.Errorf("calibrate: %v %q at %v: %w", q.Role, q.Value, scheme, v.err)
			}
			s.remember(set, m, scheme, v)
		}
	}
	return ownRange(sets[members[0]], scheme, m)
}

// ownRange is the parameters for what an observer of the user's says, which is held
// to its contract.
func ownRange(o observe.Observer, scheme quant.Scheme, m observe.Method) (quant.Params, error) {
	lo, hi, err := o.Range()
	if err != nil {
		return quant.Params{}, err
	}
	if !(lo <= hi) || math.IsInf(float64(lo), 0) || math.IsInf(float64(hi), 0) {
		return quant.Params{}, fmt.Errorf("the method %v gives the range %v..%v", m, lo, hi)
	}
	return quant.One(quant.ParamsFromRange(lo, hi, scheme)), nil
}

// ownGranules shows the values of each granule to an observer. A granule without a
// finite value is taken as all zeros.
func ownGranules(x []float32, l quant.Layout, scheme quant.Scheme, m observe.Method) (quant.Params, error) {
	n := l.Granules()
	values := make([][]float32, n)
	l.Runs(func(g, from, to int) { values[g] = append(values[g], x[from:to]...) })
	p := quant.Params{Scale: make([]float32, n)}
	if scheme.Asymmetric {
		p.Zero = make([]int32, n)
	}
	for g, v := range values {
		o := m.New(scheme)
		o.Observe(v)
		one, err := ownRange(o, scheme, m)
		if errors.Is(err, observe.ErrNoData) {
			one, err = quant.One(quant.ParamsFromRange(0, 0, scheme)), nil
		}
		if err != nil {
			return quant.Params{}, fmt.Errorf("granule %d: %w", g, err)
		}
		p.Scale[g] = one.Scale[0]
		if p.Zero != nil {
			p.Zero[g] = one.Zero[0]
		}
	}
	return p, nil
}
