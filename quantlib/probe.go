package quantlib

import (
	"context"
	"errors"

	"github.com/quantnb/quantnb/quantlib/sense"
)

// Probe measures plans one after the other on the same samples; see
// Study.Probe.
type Probe = sense.Probe

// Probe runs the float network over the first samples test samples and keeps
// all that flows, so that a plan is measured by what lies downstream of its
// quantizers: for what-ifs that follow each other quickly. Its figures are those
// of Evaluate on these samples. 0 samples mean 64. Where a plan that will be measured
// gives activations a scale for each channel and the profile does not, one such plan
// must be among plans, so that channels are observed.
func (s *Study) Probe(ctx context.Context, samples int, plans ...Plan) (*Probe, error) {
	p, err := s.parts()
	if err != nil {
		return nil, err
	}
	if samples <= 0 {
		samples = 64
	}
	for _, pl := range plans {
		if pl.Map() != p.m {
			return nil, errors.New("quantlib: the plan is of another model or profile than the study's")
		}
	}
	st, err := s.statistics(ctx, p, plans...)
	if err != nil {
		return nil, err
	}
	batch := p.batch
	if batch == 0 { // few samples are spread over the threads
		batch = max(1, min(8, min(samples, p.test.Len())/p.session.Threads()))
	}
	return sense.NewProbe(ctx, p.session, st, p.test, sense.Config{
		Methods: s.Methods, Samples: samples, Batch: batch, Progress: s.progress("keeping the float network's values")})
}
