package calibrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

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
// Map.Quantizers, under a scheme. Quantizers that share a scale (Map.ScaleTies)
// have one range, which is chosen on the values of all of them together, as if
// they were one tensor. A scheme with a scale for each channel needs
// Config.Channels for an activation; groups within channels are for weights.
// Results are remembered; see Keep too.
func (s *Stats) Params(quantizer int, scheme quant.Scheme, m Methods) (quant.Params, error) {
	return s.ParamsContext(context.Background(), quantizer, scheme, m)
}

// ParamsContext is Params, which ctx stops: LayerOutput and rules of one's own run
// the network over the samples. What was stopped is not remembered.
func (s *Stats) ParamsContext(ctx context.Context, quantizer int, scheme quant.Scheme, m Methods) (quant.Params, error) {
	q := s.m.Quantizers[quantizer]
	method := m.activation()
	if q.Role == plan.Weight {
		method = m.weight()
	}
	members := s.members(quantizer)
	v, ok := s.remembered(members, method, scheme)
	if ok {
		return v.p, v.err
	}
	switch m := method.(type) {
	case LayerOutput:
		v.p, v.err = s.outputParams(ctx, members, scheme, m)
	case observe.Shared:
		v.p, v.err = s.params(members, scheme, m)
	default:
		v.p, v.err = s.ownParams(ctx, members, scheme, m)
	}
	if v.err != nil {
		v.err = fmt.Errorf("calibrate: %v %q at %v: %w", q.Role, q.Value, scheme, v.err)
	}
	if v.err != nil && ctx.Err() != nil {
		return v.p, v.err
	}
	s.remember(members, method, scheme, v)
	return v.p, v.err
}

func (s *Stats) remembered(members []int, m observe.Method, scheme quant.Scheme) (rangeValue, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := rangeKey{s.m.Quantizers[members[0]].Value, nameOf(m), scheme}
	v, ok := s.ranges[key]
	if ok {
		return v, true
	}
	if k := s.keptFor(members, m, scheme); k != nil {
		if v.p, ok = s.find(k, members, scheme); ok {
			s.ranges[key] = v
		}
	}
	return v, ok
}

func (s *Stats) remember(members []int, m observe.Method, scheme quant.Scheme, v rangeValue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := rangeKey{s.m.Quantizers[members[0]].Value, nameOf(m), scheme}
	if _, ok := s.ranges[key]; ok {
		return
	}
	s.ranges[key] = v
	if k := s.keptFor(members, m, scheme); k != nil && v.err == nil {
		// A store that cannot be written to costs time, not the result.
		_ = k.series.Append(encodeRange(s.recordName(members), v.p))
	}
}

// members is the quantizers that share a scale with the given one, itself among
// them.
func (s *Stats) members(quantizer int) []int {
	if set := s.alike[quantizer]; set != nil {
		return set
	}
	return []int{quantizer}
}

func (s *Stats) params(members []int, scheme quant.Scheme, m observe.Shared) (quant.Params, error) {
	switch q := s.m.Quantizers[members[0]]; {
	case q.Role == plan.Weight:
		return weightParams(s.m.Graph.Const(q.Value), q, scheme, m)
	case scheme.Granularity == quant.PerTensor:
		return s.tensorParams(members, scheme, m)
	case scheme.Granularity == quant.PerChannel:
		return s.channelParams(members, scheme, m)
	}
	return quant.Params{}, fmt.Errorf("activations take a scale for the tensor or for each channel: %w", errors.ErrUnsupported)
}

func (s *Stats) tensorParams(members []int, scheme quant.Scheme, m observe.Shared) (quant.Params, error) {
	all, err := s.together(members)
	if err != nil {
		return quant.Params{}, err
	}
	scale, zero, err := observe.Params(m, all, scheme)
	if err != nil {
		return quant.Params{}, err
	}
	return quant.One(scale, zero), nil
}

// together is what has been seen of all members.
func (s *Stats) together(members []int) (*observe.Collector, error) {
	var all *observe.Collector
	for i, k := range members {
		c := s.values[s.m.Quantizers[k].Value]
		switch {
		case c == nil:
			return nil, fmt.Errorf("%q was not observed", s.m.Quantizers[k].Value)
		case len(members) == 1:
			return c, nil
		case i == 0:
			all = observe.NewCollector()
		}
		if err := all.Merge(c); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (s *Stats) channelParams(members []int, scheme quant.Scheme, m observe.Shared) (quant.Params, error) {
	var all channels
	for _, k := range members {
		c := s.channels[s.m.Quantizers[k].Value]
		switch {
		case c == nil:
			return quant.Params{}, fmt.Errorf("its channels were not observed, see Config.Channels: %w", errors.ErrUnsupported)
		case c.err != nil:
			return quant.Params{}, c.err
		case len(members) == 1:
			all = *c
		default:
			all.merge(c)
		}
	}
	switch {
	case all.err != nil:
		return quant.Params{}, fmt.Errorf("it shares scales with %d others: %w", len(members)-1, all.err)
	case all.list == nil:
		return quant.Params{}, observe.ErrNoData
	}
	return all.list.Params(m, scheme)
}

// weightParams chooses a range for each granule of a weight.
func weightParams(t *tensor.Tensor, q plan.Quantizer, scheme quant.Scheme, m observe.Shared) (quant.Params, error) {
	return granules(t.F32(), quant.For(t.Shape(), q.Axis, q.Group, scheme), scheme, m)
}

// granules chooses a range for each granule of what is at hand as a whole.
func granules(x []float32, l quant.Layout, scheme quant.Scheme, m observe.Method) (quant.Params, error) {
	if _, ok := m.(observe.MinMax); ok {
		return quant.Weights(x, l, scheme), nil
	}
	if shared, ok := m.(observe.Shared); ok {
		return observe.Weights(x, l, scheme, shared)
	}
	return ownGranules(x, l, scheme, m)
}
