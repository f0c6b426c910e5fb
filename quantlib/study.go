package quantlib

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
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
	Place    = sense.Place

	Progressive = sense.Progressive
	Profile     = hardware.Profile
)

// How ranges are chosen; see Methods.
type (
	MSE           = observe.MSE
	MinMax        = observe.MinMax
	MovingAverage = observe.MovingAverage
	Percentile    = observe.Percentile
	KL            = observe.KL
	LayerOutput   = calibrate.LayerOutput
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
	// Profile is the device whose rules say where quantizers go, what ties them and
	// which formats there are; nil is hardware.Simulation. Study.Map shows what it
	// makes of the model.
	Profile *hardware.Profile
	// NoMemo keeps results from being looked up in, and written to, the user's
	// store (see package memo). They are stored under the content of the model
	// and of the samples, the settings, and the version of quantlib's numerics;
	// only samples that have a Key (as Images do), and methods of this module or
	// with a key of their own (as observe.Func's have) take part.
	NoMemo bool
	// Progress is told how far a long call is. It is called in turn.
	Progress func(what string, done, total int)
	// Scorer is how Grid, and with it Table, Choose, Frontier and Raise, learn what
	// each layer suffers; nil is Exact{}.
	Scorer sense.Scorer
	// Correction is what Check has found; nil is none. Table corrects its
	// predictions by it, tie by tie (see sense.Table.Correct), and with it Choose,
	// Frontier, Target and TargetNoise.
	Correction *Checked
	// OnCell is shown each cell of the grid that Grid measures as soon as it is
	// known on some samples, and again as they grow more. It is called in turn, and
	// not at all where the grid is found stored.
	OnCell func(Progressive)

	mu    sync.Mutex
	stats *calibrate.Stats
}

// parts is the study's model made ready, and its data bound to it.
type parts struct {
	model             *Model // for the study's profile
	session           *exec.Session
	m                 *plan.Map
	calibration, test Samples
	batch             int // samples in one run, where the network fixes them; 0 if it does not
}

func (s *Study) parts() (p parts, err error) {
	if s.Model == nil || s.Calibration == nil {
		return p, errors.New("quantlib: a Study needs a Model and Calibration samples")
	}
	if p.model, err = s.Model.For(s.Profile); err != nil {
		return p, err
	}
	if p.m, err = p.model.Map(); err != nil {
		return p, err
	}
	if p.session, err = p.model.Session(); err != nil {
		return p, err
	}
	if p.calibration, err = bind(p.session, s.Calibration); err != nil {
		return p, err
	}
	p.batch = fixedBatch(p.session.Graph())
	p.test = p.calibration
	if s.Test != nil {
		p.test, err = bind(p.session, s.Test)
	}
	return p, err
}

// fixedBatch is the number of samples that every run takes, where the file
// states the first axis of an input, as many exporters do; 0 where any will do.
func fixedBatch(g *graph.Graph) int {
	for _, v := range g.Inputs() {
		if v.Ranked && len(v.Dims) > 1 && v.Dims[0].Size > 0 {
			return v.Dims[0].Size
		}
	}
	return 0
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

// statistics is Statistics, by channel too where the profile's activations or those
// of one of the plans have a scale for each.
func (s *Study) statistics(ctx context.Context, p parts, plans ...Plan) (*calibrate.Stats, error) {
	channels := p.m.Profile.Activations.Scheme.Granularity == quant.PerChannel
	for _, pl := range plans {
		for i, q := range p.m.Quantizers {
			channels = channels || q.Role == plan.Activation && pl.Scheme(i).Granularity == quant.PerChannel
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stats != nil && s.stats.Map() == p.m && (s.stats.ByChannel() || !channels) {
		return s.stats, nil
	}
	question := "statistics"
	if channels {
		question += " by channel"
	}
	st, err := recall(s, p, question, func() (*calibrate.Stats, error) {
		return calibrate.Collect(ctx, p.session, p.m, p.calibration, calibrate.Config{
			Batch: p.batch, Channels: channels, Progress: s.progress("calibrating")})
	}, func(data []byte) (*calibrate.Stats, error) { return calibrate.Restore(p.m, data) }, (*calibrate.Stats).MarshalBinary)
	if err == nil {
		st.Bind(p.session, p.calibration, p.batch)
		s.keepRanges(st, p)
		s.stats = st
	}
	return st, err
}

// Grid measures the noise at the network's output when one layer is quantized,
// for each layer, width and Mode; with labels, task loss and accuracy too. No
// widths mean 2, 3, 4, 5, 6 and 8 bits.
//
// When ctx stops it, the cells that were measured are returned beside the error,
// and the next call goes on from there, also in another process (unless NoMemo).
func (s *Study) Grid(ctx context.Context, widths ...int) (*Grid, error) {
	return s.Score(ctx, s.Scorer, widths...)
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
			Widths: widths, Methods: s.Methods, Batch: p.batch, Progress: s.progress("measuring the curve")})
	}, restore[Curve], store[Curve])
}

// Evaluate measures a plan on the test samples.
func (s *Study) Evaluate(ctx context.Context, pl Plan) (Accuracy, error) {
	p, err := s.parts()
	if err != nil {
		return Accuracy{}, err
	}
	if pl.Map() != p.m {
		return Accuracy{}, errors.New("quantlib: the plan is of another model or profile than the study's")
	}
	a, err := recall(s, p, fmt.Sprint("evaluate ", pl.Key(), s.Methods), func() (*Accuracy, error) {
		st, err := s.statistics(ctx, p, pl)
		if err != nil {
			return nil, err
		}
		a, err := sense.Evaluate(ctx, p.session, st, pl, p.test, sense.Config{
			Methods: s.Methods, Batch: p.batch, Progress: s.progress("measuring accuracy")})
		return &a, err
	}, restore[Accuracy], store[Accuracy])
	if err != nil {
		return Accuracy{}, err
	}
	return *a, nil
}

// Map is where the study's profile puts quantizers, and what it ties.
func (s *Study) Map() (*plan.Map, error) {
	if s.Model == nil {
		return nil, errors.New("quantlib: a Study needs a Model")
	}
	m, err := s.Model.For(s.Profile)
	if err != nil {
		return nil, err
	}
	return m.Map()
}

// Explain says in words what ties two layers, or two values with a quantizer,
// under the study's profile; see plan.Map.Explain.
func (s *Study) Explain(a, b string) (string, error) {
	m, err := s.Map()
	if err != nil {
		return "", err
	}
	return m.Explain(a, b)
}

// Formats is the plan that gives all weights one format and all activations
// another, by their names as quant.ParseScheme reads them; "" leaves them in
// float32:
//
//	p, err := study.Formats("float8e4m3fn per-channel", "float8e5m2")
//
// Whether the profile offers them is what Plan.Check tells.
func (s *Study) Formats(weight, activation string) (Plan, error) {
	p, err := s.Float()
	if err != nil {
		return Plan{}, err
	}
	return p.WithFormats("*", weight, activation)
}

// Float is the plan that quantizes nothing.
func (s *Study) Float() (Plan, error) {
	m, err := s.Map()
	if err != nil {
		return Plan{}, err
	}
	return m.Float(), nil
}

// Uniform is the plan that gives all weights one width and all activations
// another, in bits; 0 is float32. Widths outside 0..16 and those that the profile
// does not offer a layer are an error.
func (s *Study) Uniform(weight, activation int) (Plan, error) {
	m, err := s.Map()
	if err != nil {
		return Plan{}, err
	}
	if err := m.Check(weight, activation); err != nil {
		return Plan{}, err
	}
	return m.Uniform(weight, activation), nil
}
