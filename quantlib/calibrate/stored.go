package calibrate

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/plan"
)

// MarshalBinary is the statistics as bytes, which Restore reads. Statistics by
// channel of an activation without a fixed number of them are an error.
func (s *Stats) MarshalBinary() ([]byte, error) {
	b := binary.AppendUvarint(nil, uint64(s.samples))
	for _, name := range s.m.Activations() {
		c, err := s.values[name].MarshalBinary()
		if err != nil {
			return nil, fmt.Errorf("calibrate: %q: %w", name, err)
		}
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
		b = binary.AppendUvarint(b, uint64(len(c)))
		b = append(b, c...)
	}
	if s.channels == nil {
		return b, nil
	}
	for _, name := range s.m.Activations() {
		c := s.channels[name]
		if c.err != nil {
			return nil, fmt.Errorf("calibrate: %q: %w", name, c.err)
		}
		b = binary.AppendUvarint(b, uint64(len(c.list)))
		for _, one := range c.list {
			body, err := one.MarshalBinary()
			if err != nil {
				return nil, fmt.Errorf("calibrate: %q: %w", name, err)
			}
			b = binary.AppendUvarint(b, uint64(len(body)))
			b = append(b, body...)
		}
	}
	return b, nil
}

var errDamaged = errors.New("calibrate: stored statistics are damaged or of another network")

// Restore reads what MarshalBinary has written, for the same network.
func Restore(m *plan.Map, data []byte) (*Stats, error) {
	n, data, err := number(data)
	if err != nil || n == 0 {
		return nil, errDamaged
	}
	o := &observed{values: map[string]*observe.Collector{}}
	for _, want := range m.Activations() {
		var name, body []byte
		if name, data, err = piece(data); err != nil || string(name) != want {
			return nil, errDamaged
		}
		if body, data, err = piece(data); err != nil {
			return nil, err
		}
		c := observe.NewCollector()
		if err := c.UnmarshalBinary(body); err != nil {
			return nil, fmt.Errorf("calibrate: %q: %w", want, err)
		}
		o.values[want] = c
	}
	if len(data) > 0 {
		if data, err = o.restoreChannels(m, data); err != nil {
			return nil, err
		}
	}
	if len(data) > 0 {
		return nil, errDamaged
	}
	return newStats(m, n, o), nil
}

// restoreChannels reads the collectors of all activations' channels.
func (o *observed) restoreChannels(m *plan.Map, data []byte) (rest []byte, err error) {
	o.channels = map[string]*channels{}
	for _, name := range m.Activations() {
		var n int
		if n, data, err = number(data); err != nil || n > len(data) {
			return nil, errDamaged
		}
		c := &channels{}
		if n > 0 {
			c.list = observe.NewChannels(n)
		}
		for _, one := range c.list {
			var body []byte
			if body, data, err = piece(data); err != nil {
				return nil, err
			}
			if err := one.UnmarshalBinary(body); err != nil {
				return nil, fmt.Errorf("calibrate: %q: %w", name, err)
			}
		}
		o.channels[name] = c
	}
	return data, nil
}

func number(b []byte) (int, []byte, error) {
	v, n := binary.Uvarint(b)
	if n <= 0 || v > 1<<40 {
		return 0, nil, errDamaged
	}
	return int(v), b[n:], nil
}

func piece(b []byte) (p, rest []byte, err error) {
	n, b, err := number(b)
	if err != nil || n > len(b) {
		return nil, nil, errDamaged
	}
	return b[:n], b[n:], nil
}
