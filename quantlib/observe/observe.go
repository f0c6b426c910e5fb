package observe

import (
	"errors"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// ErrNoData is what Range wraps when no finite value has been observed.
var ErrNoData = errors.New("observe: no finite value observed")

// Observer watches the values of one tensor, or of one granule of it, and says
// which interval its codes should cover. It is what a user writes to bring a
// calibration rule of their own; observetest.Run holds it to its contract.
type Observer interface {
	// Observe takes the next batch of values. It keeps no reference to x.
	// NaN and infinities must not disturb the range.
	Observe(x []float32)
	// Range returns lo <= 0 <= hi, which quant.ParamsFromRange turns into a
	// scale and a zero point. It wraps ErrNoData before the first finite value.
	Range() (lo, hi float32, err error)
}

// A Numbered observer accepts batches in any order. Its range depends on the
// numbers, not on the order of the calls.
type Numbered interface {
	Observer
	// ObserveBatch takes values of the batch with the given number, which is
	// not negative. Several calls may bring parts of one batch.
	ObserveBatch(batch int, x []float32)
}

// A Merger is an observer whose work can be done in parts: Merge adds what
// another observer of the same Method and Scheme has seen, and leaves that one
// alone. Merging parts in any order gives the same range, to the bit, if the
// batches are numbered.
type Merger interface {
	Observer
	Merge(o Observer) error
}

// Method is a calibration rule: it makes an observer for each tensor.
type Method interface {
	// New returns an observer for a tensor that will have the scheme s.
	New(s quant.Scheme) Observer
	// String names the method with its settings. Two methods of the same name
	// give the same ranges, so it serves as a key of stored results.
	String() string
}

// A Shared method reads all it needs from a Collector, so that one pass over
// the data serves every scheme. All methods of this package are Shared.
type Shared interface {
	Method
	// Range is Observer.Range for what c has collected. It only reads c.
	Range(c *Collector, s quant.Scheme) (lo, hi float32, err error)
}

// Func makes a Method of a function, for rules written in a notebook cell. key
// names the rule in reports and stored results: change it when the rule
// changes. It panics if key is empty or f is nil.
func Func(key string, f func(s quant.Scheme) Observer) Method {
	if key == "" || f == nil {
		panic("observe: Func needs a key and a function")
	}
	return &funcMethod{key, f}
}

type funcMethod struct {
	key string
	f   func(s quant.Scheme) Observer
}

func (m *funcMethod) New(s quant.Scheme) Observer { return m.f(s) }
func (m *funcMethod) String() string              { return m.key }

// Key is the key under which results may be stored.
func (m *funcMethod) Key() string { return m.key }

// Params returns the scale and the zero point that m chooses for what c has
// collected: Range followed by quant.ParamsFromRange. It panics if s is float32
// or not valid.
func Params(m Shared, c *Collector, s quant.Scheme) (scale float32, zero int32, err error) {
	lo, hi, err := m.Range(c, s)
	if err != nil {
		return 0, 0, err
	}
	scale, zero = quant.ParamsFromRange(lo, hi, s)
	return scale, zero, nil
}

// collected is the observer of a Shared method: a collector of its own.
type collected struct {
	method Shared
	scheme quant.Scheme
	*Collector
}

func newCollected(m Shared, s quant.Scheme) Observer {
	return collected{m, s, NewCollector()}
}

func (c collected) Range() (lo, hi float32, err error) {
	return c.method.Range(c.Collector, c.scheme)
}

func (c collected) Merge(o Observer) error {
	other, ok := o.(collected)
	if !ok || other.method != c.method || other.scheme != c.scheme {
		return fmt.Errorf("observe: cannot merge %T into an observer of %v for %v", o, c.method, c.scheme)
	}
	return c.Collector.Merge(other.Collector)
}

// cover shapes the interval lo..hi, which contains 0, to what s can cover:
// symmetric around 0, or from 0 on, or as it is.
func cover(lo, hi float32, s quant.Scheme) (float32, float32) {
	switch {
	case s.IsFloat32() || s.Asymmetric:
		return lo, hi
	case s.Unsigned:
		return 0, hi
	}
	m := max(-lo, hi)
	return -m, m
}
