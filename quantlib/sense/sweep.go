package sense

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/memo"
	"github.com/quantnb/quantnb/quantlib/plan"
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
	// OnCell is shown each cell of a layer whenever it has been measured on
	// further samples. It is called in turn.
	OnCell func(Progressive)
	// Series keeps the scores of finished measurements, so that a run that was
	// stopped or killed goes on where it was, with the same bits in the end. It
	// must be of the same network, data, methods and scorer; widths and number of
	// samples may differ. nil keeps nothing.
	Series *memo.Series
}

// Progressive is a cell of a grid that is being measured.
type Progressive struct {
	Place
	Cell        Cell // over the samples so far
	Done, Total int  // measurements: a set of ties at a width, for a batch of samples
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

// Sweep is Exact{}.Score.
func Sweep(ctx context.Context, s *exec.Session, st *calibrate.Stats, data calibrate.Samples, c Config) (*Grid, error) {
	return Exact{}.Score(ctx, Subject{s, st, data}, c)
}

// sweep is one measurement of a grid.
type sweep struct {
	Subject
	c       Config
	disable bool
	g       *Grid
	rows    []row
	first   []int // by row, the first step that it reaches
	ids     []rowID
	judge   judge
	journal *journal

	scores   [][]score // by row and sample
	measured []int     // by row: samples so far
	float    []score
	floats   int // samples so far
	done     int
	total    int
}

// Score implements Scorer. The float network runs once for each batch, with all
// samples of it at once, and its values are kept; for each row of cells only what
// lies downstream of the tensors runs again, starting from kept values. With
// DisableOne that is the network with everything at the row's width, and the tie
// back in float32.
//
// The work is spread over the session's threads. Rows are measured in the order
// of the network, and values are given up as soon as no row to come needs them.
// Weights that do not change are packed once for all; quantized ones live as
// long as their row is measured.
//
// When ctx stops the work, or an error does, what has been measured so far is
// returned beside the error.
func (e Exact) Score(ctx context.Context, s Subject, c Config) (*Grid, error) {
	var modes []Mode
	if e.Whole {
		modes = []Mode{Both}
	}
	g, rows, err := newGrid(s, c, e.Key(), modes...)
	if err != nil {
		return nil, err
	}
	g.Disable, g.Whole = e.DisableOne, e.Whole
	w := &sweep{Subject: s, c: c, disable: e.DisableOne, g: g, rows: rows, judge: newJudge(s.Session, s.Data), journal: openJournal(c.Series)}
	defer w.journal.close()
	g.Labeled = w.judge.labeled()
	w.float = make([]score, g.Samples)
	w.scores, w.measured = make([][]score, len(rows)), make([]int, len(rows))
	for i, r := range rows {
		w.scores[i] = make([]score, g.Samples)
		w.first = append(w.first, s.Session.First(w.values(r)...))
		w.ids = append(w.ids, idOf(e.Key(), r.ties, r.bits))
	}
	size := c.batch()
	batches := (g.Samples + size - 1) / size
	w.total = batches * len(rows)
	for b := range batches {
		lo, hi := b*size, min(g.Samples, (b+1)*size)
		if err = w.batch(ctx, lo, hi); err != nil {
			err = fmt.Errorf("sense: samples %d..%d: %w", lo, hi-1, err)
			break
		}
	}
	for i, r := range rows {
		if w.measured[i] > 0 {
			g.set(r, w.judge.summarize(w.scores[i][:w.measured[i]]))
		}
	}
	if w.floats > 0 {
		g.Float = w.judge.summarize(w.float[:w.floats])
	}
	g.keepSamples(w.scores, w.measured)
	return g, err
}

// values is the names of the tensors of a row's ties.
func (w *sweep) values(r row) (names []string) {
	m := w.g.m
	for _, tie := range r.ties {
		for _, k := range m.Ties[tie].Members {
			names = append(names, m.Quantizers[k].Value)
		}
	}
	return names
}

// batch measures all rows on the samples lo..hi-1.
func (w *sweep) batch(ctx context.Context, lo, hi int) error {
	var todo []int
	for i := range w.rows {
		calls, ok := w.journal.find(w.ids[i], lo, w.scores[i][lo:hi])
		if !ok {
			todo = append(todo, i)
			continue
		}
		w.g.Found++
		w.finish(i, hi, calls)
	}
	_, known := w.journal.find(floatRow, lo, w.float[lo:hi])
	if known && len(todo) == 0 {
		w.floats = hi
		return nil
	}
	in, err := w.Data.Batch(lo, hi)
	if err != nil {
		return err
	}
	slices.SortStableFunc(todo, func(a, b int) int {
		if w.disable && w.rows[a].bits != w.rows[b].bits {
			return cmp.Compare(w.rows[a].bits, w.rows[b].bits)
		}
		return cmp.Compare(w.first[a], w.first[b])
	})
	from := w.Session.Calls()
	if len(todo) > 0 && !w.disable {
		from = w.first[todo[0]]
	}
	kept, err := w.Session.KeepFrom(ctx, in, from)
	if err != nil {
		return err
	}
	float := outputs(kept, len(w.g.Output))
	w.judge.compare(w.float[lo:hi], lo, float, float)
	w.floats = hi
	w.journal.add(floatRow, lo, 0, w.float[lo:hi])
	if !w.disable {
		return w.rerun(ctx, todo, nil, kept, in, float, lo, hi)
	}
	for len(todo) > 0 {
		n := 1
		for n < len(todo) && w.rows[todo[n]].bits == w.rows[todo[0]].bits {
			n++
		}
		base, err := w.variant(ctx, w.uniform(w.rows[todo[0]].bits))
		if err != nil {
			return err
		}
		kept, err := base.KeepFrom(ctx, in, w.first[todo[0]])
		if err != nil {
			return err
		}
		if err := w.rerun(ctx, todo[:n], base, kept, in, float, lo, hi); err != nil {
			return err
		}
		todo = todo[n:]
	}
	return nil
}

// uniform is the plan with everything at a width, what lacks it in float32.
func (w *sweep) uniform(bits int) plan.Plan {
	p := w.g.m.Float()
	for tie := range w.g.m.Ties {
		p = p.WithTie(tie, schemeOf(w.g.m, tie, bits))
	}
	return p
}

func (w *sweep) variant(ctx context.Context, p plan.Plan) (*exec.Variant, error) {
	change, err := w.Stats.ChangeContext(ctx, p, w.c.Methods)
	if err != nil {
		return nil, err
	}
	return w.Session.With(change)
}

// treat is the network as a row has it.
func (w *sweep) treat(ctx context.Context, r row, base *exec.Variant) (*exec.Variant, error) {
	if base != nil {
		return base.Restore(w.values(r)...)
	}
	p := w.g.m.Float()
	for _, tie := range r.ties {
		p = p.WithTie(tie, schemeOf(w.g.m, tie, r.bits))
	}
	return w.variant(ctx, p)
}

// rerun measures the rows of todo, in the order of the first step they reach.
func (w *sweep) rerun(ctx context.Context, todo []int, base *exec.Variant, kept *exec.Kept, in exec.Values, float []*tensor.Tensor, lo, hi int) error {
	var mu sync.Mutex
	over := make([]bool, len(todo)) // rows that are finished
	low := 0                        // rows before it are
	calls := make([]int, len(todo))
	var finished []int
	_, err := each(ctx, w.Session.Threads(), len(todo), func(ctx context.Context, k int) (int, error) {
		i := todo[k]
		v, err := w.treat(ctx, w.rows[i], base)
		if err != nil {
			return 0, err
		}
		out, n, err := w.run(ctx, v, kept, in)
		if err != nil {
			return 0, err
		}
		w.judge.compare(w.scores[i][lo:hi], lo, float, out)
		w.journal.add(w.ids[i], lo, n, w.scores[i][lo:hi])
		mu.Lock()
		defer mu.Unlock()
		over[k], calls[k] = true, n
		before := low
		for low < len(todo) && over[low] {
			low++
		}
		if low < len(todo) && w.first[todo[low]] > w.first[todo[before]] {
			kept.Drop(w.first[todo[low]])
		}
		finished = append(finished, k)
		return n, nil
	}, func(int) {
		mu.Lock()
		list := finished
		finished = nil
		mu.Unlock()
		for _, k := range list {
			w.finish(todo[k], hi, calls[k])
		}
	})
	return err
}

// finish notes that a row has been measured up to sample hi.
func (w *sweep) finish(i, hi, calls int) {
	w.measured[i] = hi
	w.g.Calls += calls
	w.g.Full += w.Session.Calls()
	w.done++
	if w.c.Progress != nil {
		w.c.Progress(w.done, w.total)
	}
	if w.c.OnCell == nil {
		return
	}
	p := Progressive{Cell: w.judge.summarize(w.scores[i][:hi]), Done: w.done, Total: w.total}
	for _, k := range w.rows[i].cells {
		if k < len(w.g.Cells) {
			p.Place = w.g.place(k)
			w.c.OnCell(p)
		}
	}
}

func (w *sweep) run(ctx context.Context, v *exec.Variant, kept *exec.Kept, in exec.Values) ([]*tensor.Tensor, int, error) {
	if !w.c.Naive {
		return v.Rerun(ctx, kept)
	}
	values, err := v.RunSingle(ctx, in)
	if err != nil {
		return nil, 0, err
	}
	var out []*tensor.Tensor
	for _, o := range w.Session.Graph().Outputs() {
		out = append(out, values[o.Name])
	}
	return out, w.Session.Calls(), nil
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
