package analyse

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// quantizer is one of the plan's, on a value that flows.
type quantizer struct {
	exec.Quantizer
	scheme quant.Scheme
	params quant.Params
}

// watcher runs the float and the quantized network side by side.
type watcher struct {
	stats      *calibrate.Stats
	names      []string       // of the values that it looks at, in graph order
	place      map[string]int // in names
	quantizers map[string]*quantizer
	session    *exec.Session
	variant    *exec.Variant
}

// newWatcher looks at the given values, nil means all.
func newWatcher(ctx context.Context, st *calibrate.Stats, p plan.Plan, c Config, names []string) (*watcher, error) {
	m := st.Map()
	change, err := st.ChangeContext(ctx, p, c.Methods)
	if err != nil {
		return nil, err
	}
	w := &watcher{stats: st, names: names, place: map[string]int{}, quantizers: map[string]*quantizer{}}
	if names == nil {
		for _, v := range m.Graph.Inputs() {
			w.names = append(w.names, v.Name)
		}
		for _, n := range m.Graph.Nodes() {
			for _, o := range n.Outputs {
				if o != "" {
					w.names = append(w.names, o)
				}
			}
		}
	}
	for i, name := range w.names {
		w.place[name] = i
	}
	for i, z := range m.Quantizers {
		if q := change.Quantize[z.Value]; q != nil {
			params, err := st.ParamsContext(ctx, i, p.Scheme(i), c.Methods)
			if err != nil {
				return nil, err
			}
			w.quantizers[z.Value] = &quantizer{q, p.Scheme(i), params}
		}
	}
	if w.session, err = exec.New(m.Graph, exec.Options{NoFuse: true, Threads: 1}); err != nil {
		return nil, err
	}
	w.variant, err = w.session.With(change)
	return w, err
}

// part is what has been seen of all values.
type part struct {
	values []value
}

// value is what has been seen of one. What is a whole number is the same in any
// order; sums of floats are kept by batch, and added in the order of the batches.
type value struct {
	signal, quantized, noise *observe.Collector
	reach                    []float64 // greatest |x| by channel, the second axis

	clipped, beyond uint64 // values outside the quantizer's range, and the calibration's
	sums
}

// sums are added up in the order of the batches.
type sums struct {
	n, nsr, square float64 // of samples with signal
	error          quant.Error
	own            quant.Error // of quantizing the float value
	clippedNoise   float64     // part of own.Noise that comes from clipped values
}

func (w *watcher) newPart() *part {
	p := &part{values: make([]value, len(w.names))}
	for i := range p.values {
		c := observe.NewChannels(3) // their bins are coarser, and take a third of the memory
		p.values[i].signal, p.values[i].quantized, p.values[i].noise = c[0], c[1], c[2]
	}
	return p
}

// watch runs all batches and returns what was seen, and of how many samples.
func (w *watcher) watch(ctx context.Context, data calibrate.Samples, c Config) (*part, int, error) {
	n := data.Len()
	if c.Samples > 0 {
		n = min(n, c.Samples)
	}
	if n == 0 {
		return nil, 0, fmt.Errorf("analyse: %w: the data set is empty", observe.ErrNoData)
	}
	if c.Batch <= 0 {
		c.Batch = 16
	}
	if c.Threads <= 0 {
		c.Threads = runtime.GOMAXPROCS(0)
	}
	batches := (n + c.Batch - 1) / c.Batch
	workers := min(c.Threads, batches)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	parts := make([]*part, workers)
	total := make([]sums, len(w.names))
	var mu sync.Mutex
	turn := sync.NewCond(&mu)
	next := 0 // the batch whose sums are to be added
	var wg sync.WaitGroup
	for k := range workers {
		parts[k] = w.newPart()
		wg.Add(1)
		go func() {
			defer wg.Done()
			for b := k; b < batches; b += workers {
				lo, hi := b*c.Batch, min(n, (b+1)*c.Batch)
				of, err := w.batch(ctx, data, parts[k], lo, hi)
				mu.Lock()
				for err == nil && next != b && ctx.Err() == nil {
					turn.Wait()
				}
				if err != nil {
					cancel(fmt.Errorf("analyse: samples %d..%d: %w", lo, hi-1, err))
				}
				if ctx.Err() != nil {
					turn.Broadcast()
					mu.Unlock()
					return
				}
				for i := range total {
					total[i].add(of[i])
				}
				if next++; c.Progress != nil {
					c.Progress(hi, n)
				}
				turn.Broadcast()
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, 0, context.Cause(ctx)
	}
	all := parts[0]
	for i := range all.values {
		all.values[i].sums = total[i]
		for _, p := range parts[1:] {
			if err := all.values[i].merge(&p.values[i]); err != nil {
				return nil, 0, err
			}
		}
	}
	return all, n, nil
}

// seen reports whether there was anything to see.
func (v *value) seen() bool { return v.signal.Count()+v.signal.NaN()+v.signal.Inf() > 0 }

func (s *sums) add(o sums) {
	s.n += o.n
	s.nsr += o.nsr
	s.square += o.square
	s.error = s.error.Add(o.error)
	s.own = s.own.Add(o.own)
	s.clippedNoise += o.clippedNoise
}

// mean is the mean noise-to-signal power over samples, and its standard error.
func (s *sums) mean() (mean, stderr float64) {
	mean = s.nsr / s.n
	if s.n < 2 {
		return mean, math.NaN()
	}
	variance := max(0, (s.square-s.n*mean*mean)/(s.n-1))
	return mean, math.Sqrt(variance / s.n)
}

func (v *value) merge(o *value) error {
	v.clipped += o.clipped
	v.beyond += o.beyond
	for i, r := range o.reach {
		if i == len(v.reach) {
			v.reach = append(v.reach, 0)
		}
		v.reach[i] = max(v.reach[i], r)
	}
	return errors.Join(v.signal.Merge(o.signal), v.quantized.Merge(o.quantized), v.noise.Merge(o.noise))
}

// batch runs samples lo..hi-1 through both networks.
func (w *watcher) batch(ctx context.Context, data calibrate.Samples, p *part, lo, hi int) ([]sums, error) {
	in, err := data.Batch(lo, hi)
	if err != nil {
		return nil, err
	}
	float, err := w.session.KeepSingle(ctx, in)
	if err != nil {
		return nil, err
	}
	of := make([]sums, len(w.names))
	var noise, own []float32
	err = w.variant.Watch(ctx, in, func(name string, q *tensor.Tensor) {
		i, ok := w.place[name]
		f := float.Value(name)
		if !ok || f == nil || f.DType() != tensor.Float32 || q.DType() != tensor.Float32 || !tensor.SameShape(f.Shape(), q.Shape()) {
			return
		}
		x, y := f.F32(), q.F32()
		noise = resize(noise, len(x))
		for k, v := range x {
			noise[k] = y[k] - v
		}
		v, s := &p.values[i], &of[i]
		v.signal.Observe(x)
		v.quantized.Observe(y)
		v.noise.Observe(noise)
		v.reaches(f)
		rows := hi - lo
		if f.Rank() == 0 || f.Dim(0) != rows {
			rows = 1
		}
		size := len(x) / rows
		for r := range rows {
			e := quant.Compare(x[r*size:(r+1)*size], y[r*size:(r+1)*size])
			s.error = s.error.Add(e)
			if e.Signal == 0 {
				continue
			}
			nsr := e.NSR()
			s.n++
			s.nsr += nsr
			s.square += float64(nsr * nsr)
		}
		if z := w.quantizers[name]; z != nil {
			own = resize(own, len(x))
			z.Quantize(own, x, f.Shape())
			s.own = quant.Compare(x, own)
			w.outside(name, z, v, s, x, own)
		}
	})
	return of, err
}

func resize(x []float32, n int) []float32 {
	if cap(x) < n {
		return make([]float32, n)
	}
	return x[:n]
}

// reaches notes the greatest |x| of each channel: along the second axis.
func (v *value) reaches(t *tensor.Tensor) {
	if t.Rank() < 2 || t.Len() == 0 {
		return
	}
	channels := t.Dim(1)
	for len(v.reach) < channels {
		v.reach = append(v.reach, 0)
	}
	inner := 1
	for _, d := range t.Shape()[2:] {
		inner *= d
	}
	x := t.F32()
	for at, c := 0, 0; at < len(x); at, c = at+inner, (c+1)%channels {
		most := v.reach[c]
		for _, f := range x[at : at+inner] {
			if a := math.Abs(float64(f)); a > most && a <= math.MaxFloat32 {
				most = a
			}
		}
		v.reach[c] = most
	}
}

// outside counts what lies beyond the quantizer's range, and beyond what the
// calibration samples showed.
func (w *watcher) outside(name string, z *quantizer, v *value, s *sums, x, own []float32) {
	if len(z.params.Scale) == 1 && z.scheme.Float == quant.NotFloat && !z.scheme.Binary() {
		scale, zero := z.params.At(0)
		lo, hi := z.scheme.Reals(scale, zero)
		lo, hi = lo-scale/2, hi+scale/2
		for k, f := range x {
			if f < lo || f > hi {
				v.clipped++
				d := float64(own[k]) - float64(f)
				s.clippedNoise += float64(d * d)
			}
		}
	}
	c := w.stats.Value(name)
	if c == nil {
		return
	}
	if least, most, err := c.Extremes(); err == nil {
		for _, f := range x {
			if f < least || f > most {
				v.beyond++
			}
		}
	}
}
