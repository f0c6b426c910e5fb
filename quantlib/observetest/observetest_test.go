package observetest_test

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/observetest"
	"github.com/quantnb/quantnb/quantlib/quant"
)

func TestMethodsKeepTheContract(t *testing.T) {
	for _, m := range []observe.Method{
		observe.MinMax{}, observe.MovingAverage{}, observe.MovingAverage{Decay: 0.5},
		observe.Percentile{}, observe.Percentile{P: 1}, observe.MSE{}, observe.KL{},
	} {
		t.Run(m.String(), func(t *testing.T) { observetest.Run(t, m) })
	}
}

// peak is an observer as a user writes it: two methods and no more.
type peak struct {
	most float32
	any  bool
}

func (p *peak) Observe(x []float32) {
	for _, v := range x {
		if v-v == 0 { // finite
			p.any = true
			p.most = max(p.most, v, -v)
		}
	}
}

func (p *peak) Range() (lo, hi float32, err error) {
	if !p.any {
		return 0, 0, observe.ErrNoData
	}
	return -p.most, p.most, nil
}

func TestUsersObserverKeepsTheContract(t *testing.T) {
	observetest.Run(t, observe.Func("peak", func(quant.Scheme) observe.Observer { return new(peak) }))
}

// recorder is a testing.TB that notes what fails.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// observer is one made of functions, to break it.
type observer struct {
	peak
	observe func(o *observer, x []float32)
	limits  func(o *observer) (lo, hi float32, err error)
	kept    [][]float32
	count   int
}

func (o *observer) Observe(x []float32) {
	if o.observe != nil {
		o.observe(o, x)
		return
	}
	o.peak.Observe(x)
}

func (o *observer) Range() (lo, hi float32, err error) {
	if o.limits != nil && o.any {
		return o.limits(o)
	}
	return o.peak.Range()
}

// last takes the latest batch for the whole.
type last struct{ observer }

func (l *last) ObserveBatch(batch int, x []float32) {
	l.peak = peak{}
	l.peak.Observe(x)
}

// forgetful merges nothing.
type forgetful struct{ observer }

func (f *forgetful) ObserveBatch(batch int, x []float32) { f.peak.Observe(x) }
func (f *forgetful) Merge(o observe.Observer) error      { f.any = true; return nil }

// refusing merges with an error.
type refusing struct{ forgetful }

func (f *refusing) Merge(o observe.Observer) error { return errors.New("no") }

func TestBrokenObserversFail(t *testing.T) {
	calls := 0
	limits := func(f func(o *observer) (lo, hi float32, err error)) func() observe.Observer {
		return func() observe.Observer { return &observer{limits: f} }
	}
	sees := func(f func(o *observer, x []float32)) func() observe.Observer {
		return func() observe.Observer { return &observer{observe: f} }
	}
	for _, c := range []struct {
		name, say string
		make      func() observe.Observer
	}{
		{"says a range of nothing", "before any value", func() observe.Observer { return &observer{peak: peak{any: true}} }},
		{"counts infinities as values", "infinities alone", sees(func(o *observer, x []float32) { o.any = o.any || len(x) > 0; o.peak.Observe(x) })},
		{"covers infinities", "NaN and infinities move", sees(func(o *observer, x []float32) {
			o.peak.Observe(x)
			for _, v := range x {
				if v > math.MaxFloat32 && o.any {
					o.most = 1e6
				}
			}
		})},
		{"leaves zero out", "lo <= 0 <= hi", limits(func(o *observer) (float32, float32, error) { return 1, o.most + 2, nil })},
		{"is upside down", "lo <= 0 <= hi", limits(func(o *observer) (float32, float32, error) { return o.most + 1, -o.most, nil })},
		{"is infinite", "not finite", limits(func(o *observer) (float32, float32, error) { return 0, float32(math.Inf(1)), nil })},
		{"is NaN", "not finite", limits(func(o *observer) (float32, float32, error) { return float32(math.NaN()), 1, nil })},
		{"differs from call to call", "then", limits(func(o *observer) (float32, float32, error) { calls++; return 0, float32(calls), nil })},
		{"narrows as values grow", "narrows", limits(func(o *observer) (float32, float32, error) { return 0, 1 / (o.most + 1), nil })},
		{"gives up", "no range today", limits(func(o *observer) (float32, float32, error) { return 0, 0, errors.New("no range today") })},
		{"changes what it is shown", "changes its argument", sees(func(o *observer, x []float32) {
			o.peak.Observe(x)
			for i := range x {
				x[i] /= 2
			}
		})},
		{"keeps the slice", "reusing the slice", func() observe.Observer {
			return &observer{
				observe: func(o *observer, x []float32) { o.kept = append(o.kept, x); o.peak.Observe(x) },
				limits: func(o *observer) (float32, float32, error) {
					for _, x := range o.kept {
						o.peak.Observe(x)
					}
					return o.peak.Range()
				},
			}
		}},
		{"keeps all values", "grow the observer", sees(func(o *observer, x []float32) {
			o.kept = append(o.kept, append([]float32(nil), x...))
			o.peak.Observe(x)
		})},
		{"depends on the order of batches", "another order", func() observe.Observer { return &last{} }},
		{"forgets what it merges", "merging parts", func() observe.Observer { return &forgetful{} }},
		{"does not merge", "Merge: no", func() observe.Observer { return &refusing{} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &recorder{TB: t}
			done := make(chan struct{})
			go func() {
				defer close(done)
				observetest.Run(r, observe.Func("broken", func(quant.Scheme) observe.Observer { return c.make() }))
			}()
			<-done
			if all := strings.Join(r.failures, "\n"); !strings.Contains(all, c.say) {
				t.Errorf("want a failure that says %q, got:\n%.1000s", c.say, all)
			}
		})
	}
}
