package nb

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/quantnb/quantnb/kernelext/internal/resident"
	"github.com/quantnb/quantnb/quantlib"
)

// Probing measures plans one after the other, as quantlib.Probe does and with the
// same bits, wherever that happens; see [Resident]. It is safe for concurrent use.
type Probing struct {
	study   *quantlib.Study
	samples int

	mu     sync.Mutex
	client *resident.Client // nil where it happens in this program
	local  *quantlib.Probe
	why    error
}

// Resident is study.Probe(ctx, samples) in a process beside the kernel, which keeps
// the network, its packed weights, what it computes in float32 on these samples and
// the ranges of weights from cell to cell:
//
//	r := q.Must(nb.Resident(nb.Context(), study, 64))
//	fmt.Println(r.Evaluate(nb.Context(), plan))
//
// The first cell pays for opening, the next ones find it. Interrupting a cell stops
// the work for it.
//
// Where there is no such process, as outside a notebook, or where the study holds
// code of the cell's own (samples that are not quantlib.Images, a method of one's
// own, a model that did not come from ONNX), the same is done in the cell, and Why
// says so. So it is, with a note below the cell, where the kernel was set up
// from other sources than the cell is compiled from, or the study does not fit into
// the memory that the process may take: 2 GB, or half of the machine's where that
// is less, or what QUANTNB_RESIDENT said (500M, 8G) when the kernel started; "off"
// starts none. Studies that were not used for longest go first.
func Resident(ctx context.Context, s *quantlib.Study, samples int) (*Probing, error) {
	p := &Probing{study: s, samples: samples}
	if p.client, p.why = resident.Open(ctx, s, samples); p.why == nil {
		return p, nil
	}
	p.client = nil
	if ctx.Err() != nil {
		return nil, fmt.Errorf("nb: %w", ctx.Err())
	}
	return p, p.here(ctx)
}

// here makes the probe in this program, and says why if that is not as expected.
func (p *Probing) here(ctx context.Context) (err error) {
	if p.study == nil {
		return errors.New("nb: Resident of no study")
	}
	if p.local, err = p.study.Probe(ctx, p.samples); err != nil {
		return err
	}
	if !errors.Is(p.why, resident.ErrNoHost) && !errors.Is(p.why, errors.ErrUnsupported) {
		deliver(note("Measured in the cell, not in the resident session: " + tidy(p.why.Error())))
	}
	return nil
}

// Why is nil where plans are measured in the process beside the kernel, and
// otherwise why they are not.
func (p *Probing) Why() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.why
}

// Samples is how many samples it measures on.
func (p *Probing) Samples() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client != nil {
		return p.client.Samples()
	}
	return p.local.Samples()
}

// Bytes is the memory that the kept values take.
func (p *Probing) Bytes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client != nil {
		return p.client.Bytes()
	}
	return p.local.Bytes()
}

// Evaluate is quantlib.Probe.Evaluate.
func (p *Probing) Evaluate(ctx context.Context, plan quantlib.Plan) (quantlib.Accuracy, error) {
	return p.First(ctx, plan, p.Samples())
}

// First is quantlib.Probe.First. It panics if n is not positive.
func (p *Probing) First(ctx context.Context, plan quantlib.Plan, n int) (quantlib.Accuracy, error) {
	if n <= 0 {
		panic(fmt.Sprintf("nb: a probe of %d samples", n))
	}
	return p.measure(ctx, plan, n)
}

// All is quantlib.Probe.All.
func (p *Probing) All(ctx context.Context, plan quantlib.Plan) (quantlib.Accuracy, error) {
	return p.measure(ctx, plan, 0)
}

func (p *Probing) measure(ctx context.Context, plan quantlib.Plan, n int) (quantlib.Accuracy, error) {
	m, err := p.study.Map()
	if err != nil {
		return quantlib.Accuracy{}, err
	}
	if plan.Map() != m {
		return quantlib.Accuracy{}, errors.New("nb: the plan is of another model or profile than the study's")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client != nil {
		a, err := p.client.Measure(ctx, plan, n)
		if err == nil || ctx.Err() != nil {
			return a, err
		}
		// What is wrong with the plan, or with the host, shows in the cell.
		p.client.Close()
		p.client, p.why = nil, err
	}
	if p.local == nil {
		if err := p.here(ctx); err != nil {
			return quantlib.Accuracy{}, err
		}
	}
	if n == 0 {
		return p.local.All(ctx, plan)
	}
	return p.local.First(ctx, plan, n)
}
