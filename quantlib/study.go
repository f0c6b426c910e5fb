package quantlib

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/sense"
)

// The names that a notebook cell types.
type (
	Samples  = calibrate.Samples
	Labeled  = calibrate.Labeled
	Methods  = calibrate.Methods
	Plan     = plan.Plan
	Grid     = sense.Grid
	Cell     = sense.Cell
	Curve    = sense.Curve
	Accuracy = sense.Accuracy
	Mode     = sense.Mode
)

// What of a layer is quantized.
const (
	Weight     = sense.Weight
	Activation = sense.Activation
	Both       = sense.Both
)

// A Study is a model bound to data: everything one may ask of it. Fill in the
// fields, then call the methods, which may run at the same time. It must not be
// copied after the first call.
type Study struct {
	Model       *Model
	Calibration Samples // ranges are learned from these; also what Grid measures on
	Test        Samples // what Evaluate and Curve measure on; nil: the calibration samples
	Methods     Methods // how ranges are chosen; zero: by least squared error
	Samples     int     // of Calibration that Grid measures on; 0 means 64
	// NoMemo keeps results from being looked up in, and written to, the user's
	// store (see package memo). They are stored under the content of the model
	// and of the samples, the settings, and the version of quantlib's numerics;
	// only samples that have a Key (as Images do) and methods of this module
	// take part.
	NoMemo bool
	// Progress is told how far a long call is. It is called in turn.
	Progress func(what string, done, total int)

	mu    sync.Mutex
	stats *calibrate.Stats
}

// parts is the study's model made ready, and its data bound to it.
type parts struct {
	session           *exec.Session
	m                 *plan.Map
	calibration, test Samples
}

func (s *Study) parts() (p parts, err error) {
	if s.Model == nil || s.Calibration == nil {
		return p, errors.New("quantlib: a Study needs a Model and Calibration samples")
	}
	if p.m, err = s.Model.Map(); err != nil {
		return p, err
	}
	if p.session, err = s.Model.Session(); err != nil {
		return p, err
	}
	if p.calibration, err = bind(p.session, s.Calibration); err != nil {
		return p, err
	}
	p.test = p.calibration
	if s.Test != nil {
		p.test, err = bind(p.session, s.Test)
	}
	return p, err
}

func (s *Study) progress(what string) func(done, total int) {
	if s.Progress == nil {
		return nil
	}
	return func(done, total int) { s.Progress(what, done, total) }
}

// Statistics is what the calibration samples say of every activation. It is
// collected once.
func (s *Study) Statistics(ctx context.Context) (*calibrate.Stats, error) {
	p, err := s.parts()
	if err != nil {
		return nil, err
	}
	return s.statistics(ctx, p)
}

func (s *Study) statistics(ctx context.Context, p parts) (*calibrate.Stats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stats != nil {
		return s.stats, nil
	}
	st, err := recall(s, p, "statistics", func() (*calibrate.Stats, error) {
		return calibrate.Collect(ctx, p.session, p.m, p.calibration, calibrate.Config{Progress: s.progress("calibrating")})
	}, func(data []byte) (*calibrate.Stats, error) { return calibrate.Restore(p.m, data) }, (*calibrate.Stats).MarshalBinary)
	if err == nil {
		s.stats = st
	}
	return st, err
}

// Grid measures the noise at the network's output when one layer is quantized,
// for each layer, width and Mode. No widths mean 2, 3, 4, 5, 6 and 8 bits.
func (s *Study) Grid(ctx context.Context, widths ...int) (*Grid, error) {
	p, err := s.parts()
	if err != nil {
		return nil, err
	}
	c := sense.Config{Widths: widths, Methods: s.Methods, Samples: s.Samples, Progress: s.progress("measuring layers")}
	if c.Samples == 0 {
		c.Samples = 64
	}
	return recall(s, p, fmt.Sprint("grid ", widths, c.Samples, c.Methods), func() (*Grid, error) {
		st, err := s.statistics(ctx, p)
		if err != nil {
			return nil, err
		}
		return sense.Sweep(ctx, p.session, st, p.calibration, c)
	}, func(data []byte) (*Grid, error) { return sense.RestoreGrid(p.m, data) }, (*Grid).MarshalBinary)
}

// Curve measures accuracy over uniform widths on the test samples. No widths
// mean 2..8 and 16 bits.
func (s *Study) Curve(ctx context.Context, widths ...int) (*Curve, error) {
	p, err := s.parts()
	if err != nil {
		return nil, err
	}
	return recall(s, p, fmt.Sprint("curve ", widths, s.Methods), func() (*Curve, error) {
		st, err := s.statistics(ctx, p)
		if err != nil {
			return nil, err
		}
		return sense.Accuracies(ctx, p.session, st, p.test, sense.Config{
			Widths: widths, Methods: s.Methods, Progress: s.progress("measuring the curve")})
	}, restore[Curve], store[Curve])
}

// Evaluate measures a plan on the test samples.
func (s *Study) Evaluate(ctx context.Context, pl Plan) (Accuracy, error) {
	p, err := s.parts()
	if err != nil {
		return Accuracy{}, err
	}
	if pl.Map() != p.m {
		return Accuracy{}, errors.New("quantlib: the plan is of another model than the study's")
	}
	a, err := recall(s, p, fmt.Sprint("evaluate ", pl.Key(), s.Methods), func() (*Accuracy, error) {
		st, err := s.statistics(ctx, p)
		if err != nil {
			return nil, err
		}
		a, err := sense.Evaluate(ctx, p.session, st, pl, p.test, sense.Config{
			Methods: s.Methods, Progress: s.progress("measuring accuracy")})
		return &a, err
	}, restore[Accuracy], store[Accuracy])
	if err != nil {
		return Accuracy{}, err
	}
	return *a, nil
}

// Float is the plan that quantizes nothing.
func (s *Study) Float() (Plan, error) {
	m, err := s.Model.Map()
	if err != nil {
		return Plan{}, err
	}
	return m.Float(), nil
}

// Uniform is the plan that gives all weights one width and all activations
// another, in bits; 0 is float32. Widths outside 0..16 are an error.
func (s *Study) Uniform(weight, activation int) (Plan, error) {
	if weight < 0 || weight > 16 || activation < 0 || activation > 16 {
		return Plan{}, fmt.Errorf("quantlib: widths %d and %d; widths are 1..16, and 0 for float32", weight, activation)
	}
	m, err := s.Model.Map()
	if err != nil {
		return Plan{}, err
	}
	return m.Uniform(weight, activation), nil
}
