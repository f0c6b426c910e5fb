package sense

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// Config are the settings of the measurements. The zero value is useful.
type Config struct {
	Widths   []int // bits; nil means those of 2, 3, 4, 5, 6, 8 that the device has
	Methods  calibrate.Methods
	Samples  int  // at most so many; 0 means all
	Batch    int  // samples in one run; 0 means 16
	Naive    bool // re-run the whole network for each cell: for tests and figures
	Progress func(done, total int)
}

// widths is what to measure on the network of m.
func (c Config) widths(m *plan.Map) []int {
	if c.Widths != nil {
		return c.Widths
	}
	return slices.DeleteFunc([]int{2, 3, 4, 5, 6, 8}, func(bits int) bool {
		for i := range m.Ties {
			if _, ok := m.SchemeAt(i, bits); ok {
				return false
			}
		}
		return true
	})
}

func (c Config) batch() int {
	if c.Batch <= 0 {
		return 16
	}
	return c.Batch
}

func (c Config) limit(n int) int {
	if c.Samples > 0 {
		return min(n, c.Samples)
	}
	return n
}

// job is one thing to measure: a change, and the cells that it answers.
type job struct {
	variant *exec.Variant
	cells   []int
}

// Sweep measures the grid: the float network runs once for each batch and is
// kept; for each cell only what lies downstream of the layer's tensors runs
// again. Cells that quantize the same tensors are measured once. The work is
// spread over the session's threads, and the result has the same bits on any
// number of them. A cell is not Valid where the device has no such width for one
// of the tensors. Stopping ctx stops the work; the error wraps ctx.Err.
func Sweep(ctx context.Context, s *exec.Session, st *calibrate.Stats, data calibrate.Samples, c Config) (*Grid, error) {
	m := st.Map()
	g := &Grid{Widths: slices.Clone(c.widths(m)), Methods: c.Methods.String(), m: m}
	slices.Sort(g.Widths)
	g.Widths = slices.Compact(g.Widths)
	for _, b := range g.Widths {
		if b < 1 || b > 16 {
			return nil, fmt.Errorf("sense: width of %d bits; widths are 1..16", b)
		}
	}
	for _, l := range m.Layers {
		g.Layers = append(g.Layers, l.Name)
	}
	for _, o := range s.Graph().Outputs() {
		g.Output = append(g.Output, o.Name)
	}
	g.Cells = make([]Cell, len(g.Layers)*len(g.Widths)*3)
	n := c.limit(data.Len())
	if n == 0 {
		return nil, fmt.Errorf("sense: the data set is empty")
	}
	g.Samples = n
	jobs, err := g.jobs(s, st, c)
	if err != nil {
		return nil, err
	}
	scores := make([][]score, len(jobs))
	for i := range scores {
		scores[i] = make([]score, n)
	}
	batches := (n + c.batch() - 1) / c.batch()
	total, done := batches*len(jobs), 0
	for b := range batches {
		lo, hi := b*c.batch(), min(n, (b+1)*c.batch())
		in, err := data.Batch(lo, hi)
		if err != nil {
			return nil, fmt.Errorf("sense: samples %d..%d: %w", lo, hi-1, err)
		}
		kept, err := s.Keep(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("sense: samples %d..%d: %w", lo, hi-1, err)
		}
		calls, err := each(ctx, s.Threads(), len(jobs), func(ctx context.Context, i int) (int, error) {
			out, calls, err := jobs[i].run(ctx, s, kept, in, c.Naive)
			if err != nil {
				return 0, err
			}
			compare(scores[i][lo:hi], kept, out)
			return calls, nil
		}, func(k int) {
			if c.Progress != nil {
				c.Progress(done+k, total)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("sense: samples %d..%d: %w", lo, hi-1, err)
		}
		done += len(jobs)
		g.Calls += calls
		g.Full += len(jobs) * s.Calls()
	}
	for i, j := range jobs {
		cell := summarize(scores[i])
		for _, k := range j.cells {
			g.Cells[k] = cell
		}
	}
	return g, nil
}

// jobs lists what to measure. Cells that change the same ties are one job.
func (g *Grid) jobs(s *exec.Session, st *calibrate.Stats, c Config) ([]job, error) {
	var jobs []job
	place := map[string]int{}
	for li, l := range g.m.Layers {
		for wi, bits := range g.Widths {
			for _, mode := range []Mode{Weight, Activation, Both} {
				ties := layerTies(g.m, l, mode)
				if ties == nil || !offered(g.m, ties, bits) {
					continue
				}
				key := fmt.Sprint(bits, ties)
				k, ok := place[key]
				if !ok {
					p := g.m.Float()
					for _, t := range ties {
						p = p.WithTie(t, schemeOf(g.m, t, bits))
					}
					change, err := st.Change(p, c.Methods)
					if err != nil {
						return nil, err
					}
					v, err := s.With(change)
					if err != nil {
						return nil, err
					}
					k = len(jobs)
					place[key] = k
					jobs = append(jobs, job{variant: v})
				}
				jobs[k].cells = append(jobs[k].cells, g.index(li, wi, mode))
			}
		}
	}
	return jobs, nil
}

// schemeOf is the format of a tie at a width which the device offers, or 0.
func schemeOf(m *plan.Map, tie, bits int) quant.Scheme {
	s, _ := m.SchemeAt(tie, bits)
	return s
}

// offered reports whether the device has a width for all of the ties.
func offered(m *plan.Map, ties []int, bits int) bool {
	return !slices.ContainsFunc(ties, func(tie int) bool {
		_, ok := m.SchemeAt(tie, bits)
		return !ok
	})
}

// layerTies is the ties that a mode quantizes, ascending; nil for none.
func layerTies(m *plan.Map, l plan.Layer, mode Mode) []int {
	var ties []int
	if l.Weight >= 0 && mode != Activation {
		ties = append(ties, m.Quantizers[l.Weight].Tie)
	}
	if mode != Weight {
		for _, a := range l.Activations {
			ties = append(ties, m.Quantizers[a].Tie)
		}
	}
	slices.Sort(ties)
	return slices.Compact(ties)
}

func (j job) run(ctx context.Context, s *exec.Session, kept *exec.Kept, in exec.Values, naive bool) ([]*tensor.Tensor, int, error) {
	if !naive {
		return j.variant.Rerun(ctx, kept)
	}
	values, err := j.variant.RunSingle(ctx, in)
	if err != nil {
		return nil, 0, err
	}
	var out []*tensor.Tensor
	for _, o := range s.Graph().Outputs() {
		out = append(out, values[o.Name])
	}
	return out, s.Calls(), nil
}

// each calls f(0..n-1) on several goroutines and adds what it returns. The
// first error, by number, stops the rest. progress is called in turn.
func each(ctx context.Context, threads, n int, f func(ctx context.Context, i int) (int, error), progress func(done int)) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var next, sum atomic.Int64
	var mu sync.Mutex
	var failure error
	at, done := n, 0
	var wg sync.WaitGroup
	for range min(threads, n) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return
				}
				k, err := f(ctx, i)
				mu.Lock()
				if err != nil {
					if i < at {
						at, failure = i, err
					}
					cancel()
				} else {
					done++
					progress(done)
				}
				mu.Unlock()
				sum.Add(int64(k))
			}
		}()
	}
	wg.Wait()
	if failure == nil && done < n {
		failure = context.Cause(ctx)
	}
	return int(sum.Load()), failure
}
