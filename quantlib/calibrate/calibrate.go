// Package calibrate learns the ranges of a network's tensors from samples, and
// turns a plan into quantizers that an executor can apply.
package calibrate

import (
	"context"
	"fmt"
	"sync"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/memo"
	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// Samples is a data set, as the network's inputs.
type Samples interface {
	// Len is the number of samples.
	Len() int
	// Batch is the network's inputs for the samples lo..hi-1, along the first
	// axis. It is called from several goroutines.
	Batch(lo, hi int) (exec.Values, error)
}

// Labeled samples have a class each.
type Labeled interface {
	Samples
	// Label is the class of sample i.
	Label(i int) int
}

// Keyed samples say what they are, so that results can be stored: samples with
// equal keys are the same to the bit.
type Keyed interface {
	Samples
	Key() string
}

// Config are the settings of Collect. The zero value is useful.
type Config struct {
	Samples int // at most so many; 0 means all
	Batch   int // samples in one run; 0 means 16
	// Channels observes each channel of the activations too (see
	// observe.Channels; 20 to 40 kB each), for schemes that give each its scale.
	Channels bool
	Progress func(done, total int)
}

// Stats is what has been seen of every activation that a quantizer may sit on.
// It serves all widths and methods. It is read-only.
type Stats struct {
	m        *plan.Map
	samples  int
	values   map[string]*observe.Collector // of activations, constant ones too
	channels map[string]*channels          // nil without Config.Channels
	alike    map[int][]int                 // by quantizer: those it shares a scale with, itself too

	session *exec.Session // for LayerOutput, with the samples; see Bind
	data    Samples
	batch   int
	output  sync.Mutex // held while LayerOutput measures

	store            *memo.Store // see Keep
	network, sampled memo.Key

	mu     sync.Mutex
	ranges map[rangeKey]rangeValue
	kept   map[memo.Key]*keptRanges
}

// String says how much was observed.
func (s *Stats) String() string {
	return fmt.Sprintf("statistics of %d values over %d samples, for ranges at any width\n", len(s.values), s.samples)
}

// newStats is the statistics of what has been observed.
func newStats(m *plan.Map, samples int, o *observed) *Stats {
	s := &Stats{m: m, samples: samples, values: o.values, channels: o.channels, alike: map[int][]int{}, ranges: map[rangeKey]rangeValue{}}
	for _, set := range m.ScaleTies() {
		for _, k := range set {
			s.alike[k] = set
		}
	}
	for _, q := range m.Quantizers {
		if q.Role == plan.Activation && q.Const {
			t := m.Graph.Const(q.Value)
			c := observe.NewCollector()
			c.Observe(t.F32())
			s.values[q.Value] = c
			if s.channels != nil {
				s.channels[q.Value] = &channels{}
				s.channels[q.Value].observe(0, t, q.Axis)
			}
		}
	}
	return s
}

// Collect runs the float network over the samples and observes the activations
// of m. Memory does not grow with the number of samples, and the result does not
// depend on the number of threads. s must see the activations (see
// exec.Options.Visible).
func Collect(ctx context.Context, s *exec.Session, m *plan.Map, data Samples, c Config) (*Stats, error) {
	n := data.Len()
	if c.Samples > 0 {
		n = min(n, c.Samples)
	}
	if n == 0 {
		return nil, fmt.Errorf("calibrate: %w: the data set is empty", observe.ErrNoData)
	}
	if c.Batch <= 0 {
		c.Batch = 16
	}
	names := m.Activations()
	batches := (n + c.Batch - 1) / c.Batch
	workers := min(s.Threads(), batches)
	parts := make([]*observed, workers)
	errs := make([]error, workers)
	var mu sync.Mutex
	done := 0
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for k := range workers {
		parts[k] = newObserved(m, c.Channels)
		wg.Add(1)
		go func() {
			defer wg.Done()
			for b := k; b < batches; b += workers {
				lo, hi := b*c.Batch, min(n, (b+1)*c.Batch)
				if err := observeBatch(ctx, s, data, parts[k], b, lo, hi); err != nil {
					errs[k] = fmt.Errorf("calibrate: samples %d..%d: %w", lo, hi-1, err)
					cancel()
					return
				}
				mu.Lock()
				done += hi - lo
				if c.Progress != nil {
					c.Progress(done, n)
				}
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	if err := first(errs); err != nil {
		return nil, err
	}
	for _, part := range parts[1:] {
		if err := parts[0].merge(part, names); err != nil {
			return nil, err
		}
	}
	st := newStats(m, n, parts[0])
	st.Bind(s, data, c.Batch)
	return st, nil
}

// first is the first error that is not the cancellation the others caused.
func first(errs []error) error {
	var any error
	for _, err := range errs {
		if err == nil {
			continue
		}
		if any == nil || isCanceled(any) && !isCanceled(err) {
			any = err
		}
	}
	return any
}

func observeBatch(ctx context.Context, s *exec.Session, data Samples, part *observed, number, lo, hi int) error {
	in, err := data.Batch(lo, hi)
	if err != nil {
		return err
	}
	return s.Watch(ctx, in, func(name string, t *tensor.Tensor) {
		part.take(number, name, t)
	})
}

// Samples is how many samples have been seen.
func (s *Stats) Samples() int { return s.samples }

// ByChannel reports whether the channels of activations were observed.
func (s *Stats) ByChannel() bool { return s.channels != nil }

// Map is where the quantizers sit that the statistics are for.
func (s *Stats) Map() *plan.Map { return s.m }

// Value is what has been seen of an activation, or what a constant one holds; nil
// where it is unknown.
func (s *Stats) Value(name string) *observe.Collector { return s.values[name] }
