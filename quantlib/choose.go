package quantlib

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/quantnb/quantnb/quantlib/sense"
)

// The names that a notebook cell types when it asks for a plan.
type (
	Space          = sense.Space
	Pin            = sense.Pin
	Bound          = sense.Bound
	Table          = sense.Table
	Refined        = sense.Refined
	Limits         = sense.Limits
	Choice         = sense.Choice
	Frontier       = sense.Frontier
	Target         = sense.Target
	Checked        = sense.Checked
	Rule           = sense.Rule
	CosineAbove    = sense.CosineAbove
	NoiseBelow     = sense.NoiseBelow
	AgreementAbove = sense.AgreementAbove
	DropAtMost     = sense.DropAtMost
	RiseAtMost     = sense.RiseAtMost
)

// Costs of a plan.
const (
	Bytes              = sense.Bytes
	MeanWeightBits     = sense.MeanWeightBits
	MeanActivationBits = sense.MeanActivationBits
	BOPs               = sense.BOPs
	Latency            = sense.Latency // seconds for one sample, by the study's Profile
)

// Table measures what the widths of a space need (see Grid) and makes it ready
// to predict, choose and compare plans. No widths mean those of Grid.
func (s *Study) Table(ctx context.Context, widths ...int) (*sense.Table, error) {
	p, err := s.parts()
	if err != nil {
		return nil, err
	}
	g, err := s.Grid(ctx, widths...)
	if err != nil {
		return nil, err
	}
	w, err := s.workload(ctx, p)
	if err != nil {
		return nil, err
	}
	t, err := sense.NewTable(g, w.MACs)
	if err != nil {
		return nil, err
	}
	if t, err = t.On(w, p.m.Profile); err != nil || s.Correction == nil {
		return t, err
	}
	return t.Correct(s.Correction.Points)
}

// gridWidths is what Grid measures unless told.
var gridWidths = []int{2, 3, 4, 5, 6, 8}

// spaceTable is the table of the widths that a space names, and of Grid's own
// where it leaves weights or activations open.
func (s *Study) spaceTable(ctx context.Context, sp Space) (*sense.Table, error) {
	var widths []int
	for _, set := range [][]int{sp.Weights, sp.Activations} {
		if set == nil {
			set = gridWidths
		}
		widths = append(widths, set...)
	}
	for _, p := range sp.Pins {
		widths = append(widths, p.Weight, p.Activation)
	}
	widths = slices.DeleteFunc(widths, func(b int) bool { return b <= 0 })
	if widths = ascending(widths); slices.Equal(widths, gridWidths) {
		widths = nil // the same question as Grid's, and so the same stored answer
	} else if len(widths) == 0 {
		return nil, errors.New("quantlib: the space leaves all in float32")
	}
	return s.Table(ctx, widths...)
}

// ascending is widths once each, so that equal questions have equal keys.
func ascending(widths []int) []int {
	slices.Sort(widths)
	return slices.Compact(widths)
}

// Choose is the plan of least predicted noise within limits:
//
//	choice, err := study.Choose(ctx, quantlib.Space{
//		Weights: []int{2, 4, 8}, Activations: []int{8},
//	}, quantlib.Limits{MeanWeightBits: 4})
//
// The first call measures the grid of the space's widths; where the space leaves
// weights or activations open, that is Grid's own. Limits that no plan meets are
// an error that says which, and by how much.
func (s *Study) Choose(ctx context.Context, sp Space, l Limits) (Choice, error) {
	t, err := s.spaceTable(ctx, sp)
	if err != nil {
		return Choice{}, err
	}
	return t.Choose(ctx, sp, l)
}

// Frontier is the plans that no other beats in both predicted noise and a cost:
// Bytes, MeanWeightBits, MeanActivationBits, BOPs or Latency.
func (s *Study) Frontier(ctx context.Context, sp Space, cost string) (*Frontier, error) {
	t, err := s.spaceTable(ctx, sp)
	if err != nil {
		return nil, err
	}
	return t.Frontier(ctx, sp, cost)
}

// Raise gives all layers low bits, weights and activations, and then the n
// layers that are the noisiest so high bits.
func (s *Study) Raise(ctx context.Context, low, high, n int) (Choice, error) {
	if low < 1 || low > 16 || high < low || high > 16 {
		return Choice{}, fmt.Errorf("quantlib: raise from %d to %d bits; widths are 1..16, the low one first", low, high)
	}
	t, err := s.Table(ctx, ascending([]int{low, high})...)
	if err != nil {
		return Choice{}, err
	}
	m := t.Grid().Map()
	if err := m.Check(low, low); err != nil {
		return Choice{}, err
	}
	return t.Raise(m.Uniform(low, low), high, n)
}

// Target is the plan of least cost that a rule accepts when it is measured on
// the test samples; see sense.Frontier.Target. With DropAtMost(0.01) it loses at
// most one percentage point of top-1.
func (s *Study) Target(ctx context.Context, sp Space, cost string, r Rule) (Target, error) {
	f, err := s.Frontier(ctx, sp, cost)
	if err != nil {
		return Target{}, err
	}
	return f.Target(ctx, r, s.Evaluate)
}

// TargetDrop is the plan of least cost that loses at most drop of top-1 accuracy
// (0.01 is one percentage point) against the float network, measured on the test
// samples, which need labels: Target with DropAtMost(drop).
func (s *Study) TargetDrop(ctx context.Context, sp Space, cost string, drop float64) (Target, error) {
	return s.Target(ctx, sp, cost, DropAtMost(drop))
}

// Refine is Choose that measures: it tries plans on the grid's samples, learns
// from them where predictions fail, and returns the plan with the least measured
// noise; see sense.Table.Refine. tries is how many plans it may measure, 0 means
// 24.
func (s *Study) Refine(ctx context.Context, sp Space, l Limits, tries int) (Refined, error) {
	p, err := s.parts()
	if err != nil {
		return Refined{}, err
	}
	t, err := s.spaceTable(ctx, sp)
	if err != nil {
		return Refined{}, err
	}
	st, err := s.statistics(ctx, p)
	if err != nil {
		return Refined{}, err
	}
	probe, err := sense.NewProbe(ctx, p.session, st, p.calibration, sense.Config{Methods: s.Methods, Samples: t.Grid().Samples, Batch: p.batch})
	if err != nil {
		return Refined{}, err
	}
	done := 0
	tell := s.progress("measuring plans")
	return t.Refine(ctx, sp, l, tries, func(ctx context.Context, pl Plan) (Accuracy, error) {
		if done++; tell != nil {
			tell(done, max(done, tries))
		}
		return probe.Evaluate(ctx, pl)
	})
}

// TargetNoise is the plan of least cost whose predicted noise-to-signal power at
// the output is at most noise.
func (s *Study) TargetNoise(ctx context.Context, sp Space, cost string, noise float64) (Choice, error) {
	t, err := s.spaceTable(ctx, sp)
	if err != nil {
		return Choice{}, err
	}
	return t.TargetNoise(ctx, sp, noise, cost)
}

// checkedPlans is how many plans of the frontier Check measures.
const checkedPlans = 16

// Check measures plans along a frontier, with all of each quantized at once, on
// the samples that the grid was measured on, and compares the noise with what
// was predicted.
func (s *Study) Check(ctx context.Context, sp Space, cost string) (*Checked, error) {
	p, err := s.parts()
	if err != nil {
		return nil, err
	}
	t, err := s.spaceTable(ctx, sp)
	if err != nil {
		return nil, err
	}
	f, err := t.Frontier(ctx, sp, cost)
	if err != nil {
		return nil, err
	}
	var plans []Plan
	for _, i := range f.Thin(checkedPlans) {
		plans = append(plans, f.Plan(i))
	}
	st, err := s.statistics(ctx, p)
	if err != nil {
		return nil, err
	}
	return t.Check(ctx, p.session, st, plans, p.calibration, sense.Config{
		Methods: s.Methods, Samples: t.Grid().Samples, Batch: p.batch, Progress: s.progress("checking predictions")})
}
