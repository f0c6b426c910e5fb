package sense

import (
	"context"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/plan"
)

// probeBytes is how much memory the values that a Probe keeps may take.
const probeBytes = 1 << 30

// A Probe answers what-ifs one after the other: it ran the float network over
// some samples once and kept all values, and for each plan runs only what lies
// downstream of its quantizers. Its figures are those of Evaluate on the same
// samples, bit for bit. It is safe for concurrent use.
type Probe struct {
	s      *exec.Session
	st     *calibrate.Stats
	c      Config
	kept   []*exec.Kept
	n      int
	data   calibrate.Samples
	judge  judge
	memory int
}

// NewProbe runs the float network over the first c.Samples samples, or fewer
// where keeping their values would take more than a gigabyte, but at least one
// batch of them.
func NewProbe(ctx context.Context, s *exec.Session, st *calibrate.Stats, data calibrate.Samples, c Config) (*Probe, error) {
	p := &Probe{s: s, st: st, c: c, n: c.limit(data.Len()), data: data}
	if p.n == 0 {
		return nil, fmt.Errorf("sense: the data set is empty")
	}
	p.judge = newJudge(s, data)
	keep := func(ctx context.Context, b int) (*exec.Kept, error) {
		lo, hi := p.bounds(b)
		in, err := data.Batch(lo, hi)
		if err == nil {
			var k *exec.Kept
			if k, err = s.KeepSingle(ctx, in); err == nil {
				return k, nil
			}
		}
		return nil, fmt.Errorf("sense: samples %d..%d: %w", lo, hi-1, err)
	}
	first, err := keep(ctx, 0)
	if err != nil {
		return nil, err
	}
	batches := (p.n + c.batch() - 1) / c.batch()
	if each := max(1, first.Bytes()); batches > probeBytes/each {
		batches = max(1, probeBytes/each)
		p.n = min(p.n, batches*c.batch())
	}
	p.kept = make([]*exec.Kept, batches)
	p.kept[0] = first
	_, err = each(ctx, s.Threads(), batches-1, func(ctx context.Context, i int) (int, error) {
		k, err := keep(ctx, i+1)
		p.kept[i+1] = k
		return 0, err
	}, func(done int) {
		if c.Progress != nil {
			c.Progress(done+1, batches)
		}
	})
	if err != nil {
		return nil, err
	}
	for _, k := range p.kept {
		p.memory += k.Bytes()
	}
	return p, nil
}

func (p *Probe) bounds(b int) (lo, hi int) {
	return b * p.c.batch(), min(p.n, (b+1)*p.c.batch())
}

// Samples is how many samples the probe measures on.
func (p *Probe) Samples() int { return p.n }

// Bytes is the memory that the kept values take.
func (p *Probe) Bytes() int { return p.memory }

// Evaluate measures a plan, with all of it quantized at once. Batches are spread
// over the session's threads. Stopping ctx stops the work; the error wraps
// ctx.Err.
func (p *Probe) Evaluate(ctx context.Context, pl plan.Plan) (Accuracy, error) {
	return p.First(ctx, pl, p.n)
}

// All is Evaluate on all samples of the data, for which the float network runs
// again.
func (p *Probe) All(ctx context.Context, pl plan.Plan) (Accuracy, error) {
	c := p.c
	c.Samples, c.Progress = 0, nil
	return Evaluate(ctx, p.s, p.st, pl, p.data, c)
}

// First is Evaluate on the first n samples, rounded up to whole batches.
// It panics if n is not positive.
func (p *Probe) First(ctx context.Context, pl plan.Plan, n int) (Accuracy, error) {
	if n <= 0 {
		panic(fmt.Sprintf("sense: a probe of %d samples", n))
	}
	batches := min(len(p.kept), (n+p.c.batch()-1)/p.c.batch())
	_, n = p.bounds(batches - 1)
	change, err := p.st.ChangeContext(ctx, pl, p.c.Methods)
	if err != nil {
		return Accuracy{}, err
	}
	v, err := p.s.With(change)
	if err != nil {
		return Accuracy{}, err
	}
	scores := make([]score, n)
	_, err = each(ctx, p.s.Threads(), batches, func(ctx context.Context, b int) (int, error) {
		lo, hi := p.bounds(b)
		out, calls, err := v.Rerun(ctx, p.kept[b])
		if err != nil {
			return 0, err
		}
		p.judge.compare(scores[lo:hi], lo, outputs(p.kept[b], len(out)), out)
		return calls, nil
	}, func(int) {})
	if err != nil {
		return Accuracy{}, fmt.Errorf("sense: %w", err)
	}
	return p.judge.accuracy(scores), nil
}
