package calibrate

import (
	"errors"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// observed is what one worker has seen of the activations that flow.
type observed struct {
	values   map[string]*observe.Collector
	channels map[string]*channels // nil where nobody asked
	axis     map[string]int
}

func newObserved(m *plan.Map, byChannel bool) *observed {
	o := &observed{values: map[string]*observe.Collector{}}
	if byChannel {
		o.channels, o.axis = map[string]*channels{}, map[string]int{}
	}
	for _, q := range m.Quantizers {
		if q.Role != plan.Activation || q.Const {
			continue
		}
		o.values[q.Value] = observe.NewCollector()
		if byChannel {
			o.channels[q.Value], o.axis[q.Value] = &channels{}, q.Axis
		}
	}
	return o
}

// take observes a value as a part of the batch with the given number.
func (o *observed) take(number int, name string, t *tensor.Tensor) {
	c := o.values[name]
	if c == nil || t.DType() != tensor.Float32 {
		return
	}
	c.ObserveBatch(number, t.F32())
	if o.channels != nil {
		o.channels[name].observe(number, t, o.axis[name])
	}
}

// merge adds what another worker has seen.
func (o *observed) merge(p *observed, names []string) error {
	for _, name := range names {
		if err := o.values[name].Merge(p.values[name]); err != nil {
			return fmt.Errorf("calibrate: %q: %w", name, err)
		}
		if o.channels != nil {
			o.channels[name].merge(p.channels[name])
		}
	}
	return nil
}

// channels are the collectors of one activation's channels. They are made when
// the first value tells how many there are; what does not fit is remembered and
// reported when somebody asks for the channels' ranges.
type channels struct {
	list observe.Channels
	err  error
}

func (c *channels) observe(number int, t *tensor.Tensor, axis int) {
	if c.err != nil {
		return
	}
	at := axis
	if at < 0 {
		at += t.Rank()
	}
	if at < 0 || at >= t.Rank() {
		c.fail(fmt.Errorf("its shape %v has no axis %d: %w", t.Shape(), axis, errors.ErrUnsupported))
		return
	}
	n, inner := t.Shape()[at], 1
	for _, d := range t.Shape()[at+1:] {
		inner *= d
	}
	if n == 0 || inner == 0 {
		return // no value
	}
	if c.list == nil {
		c.list = observe.NewChannels(n)
	}
	if len(c.list) != n {
		c.vary()
		return
	}
	c.list.ObserveBatch(number, t.F32(), inner)
}

func (c *channels) vary() {
	c.fail(fmt.Errorf("the number of channels differs between samples: %w", errors.ErrUnsupported))
}

// fail keeps the first failure and frees the collectors.
func (c *channels) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	c.list = nil
}

func (c *channels) merge(o *channels) {
	switch {
	case o.err != nil:
		c.fail(o.err)
	case c.err != nil || o.list == nil:
	case c.list == nil:
		c.list = observe.NewChannels(len(o.list))
		fallthrough
	default:
		if c.list.Merge(o.list) != nil {
			c.vary()
		}
	}
}
