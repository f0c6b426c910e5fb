package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/sense"
)

// costs are what -minimize takes, quantlib's names for them, and what a plan has of
// them.
var costs = []struct {
	name, cost string
	of         func(*sense.Choice) float64
}{
	{"bytes", quantlib.Bytes, func(c *sense.Choice) float64 { return float64(c.Bytes) }},
	{"mean-bits", quantlib.MeanWeightBits, func(c *sense.Choice) float64 { return c.MeanBits }},
	{"activation-bits", sense.MeanActivationBits, func(c *sense.Choice) float64 { return c.ActivationBits }},
	{"bops", quantlib.BOPs, func(c *sense.Choice) float64 { return c.BOPs }},
	{"latency", sense.Latency, func(c *sense.Choice) float64 { return c.Seconds }},
}

func costNames() []string {
	var names []string
	for _, c := range costs {
		names = append(names, c.name)
	}
	return names
}

// costOf is quantlib's name of a cost; "" of an unknown one.
func costOf(name string) string {
	for _, c := range costs {
		if c.name == name {
			return c.cost
		}
	}
	return ""
}

// quantLimits is the limits as quantlib takes them.
func (w *wish) quantLimits() quantlib.Limits {
	return quantlib.Limits{Bytes: w.bytes, MeanWeightBits: w.meanBits, MeanActivationBits: w.activationBits,
		BOPs: w.bops, Seconds: w.latency, Noise: w.noise}
}

// session runs the network under the study's profile.
func (s *subject) session() (*exec.Session, error) {
	m, err := s.study.Model.For(s.device)
	if err != nil {
		return nil, err
	}
	return m.Session()
}

// workload is what the network does for one sample.
func (a *analysis) workload(ctx context.Context) (*sense.Workload, error) {
	session, err := a.session()
	if err != nil {
		return nil, err
	}
	return sense.Work(ctx, session, a.m, a.calibrated.Data(), max(1, a.batch()))
}

// batch is the number of samples that each run takes where the file fixes it; 0
// where any will do.
func (a *analysis) batch() int {
	for _, v := range a.study.Model.Graph().Inputs() {
		if v.Ranked && len(v.Dims) > 1 && v.Dims[0].Size > 0 {
			return v.Dims[0].Size
		}
	}
	return 0
}

// measureGrid is the grid of the study's scorer, and the table made of it. Where
// ctx stops the work the grid is what was measured until then, and there is no
// table.
func (a *analysis) measureGrid(ctx context.Context) (*sense.Grid, *sense.Table, error) {
	g, err := a.study.Grid(ctx, a.bits...)
	if err != nil {
		return g, nil, err
	}
	t, err := sense.NewTable(g, nil)
	if err != nil {
		return g, nil, err
	}
	a.work, err = a.workload(ctx)
	if ctx.Err() != nil {
		return g, t, ctx.Err()
	}
	if err != nil {
		a.warn("bit operations and latency are not known: %v", err)
		return g, t, nil
	}
	on, err := t.On(a.work, nil)
	if err != nil {
		return g, t, err
	}
	return g, on, nil
}

// measuring is what measures plans on the samples of the grid.
func (a *analysis) measuring(ctx context.Context) (*exec.Session, *calibrate.Stats, sense.Config, error) {
	c := sense.Config{Methods: a.study.Methods, Samples: a.table.Grid().Samples, Batch: a.batch()}
	session, err := a.session()
	if err != nil {
		return nil, nil, c, err
	}
	st, err := a.study.Statistics(ctx)
	return session, st, c, err
}

// checked is how many plans of the frontier are measured to check predictions.
const checked = 16

// checkOf measures plans along the frontier with all of each quantized at once.
func (a *analysis) checkOf(ctx context.Context) (*quantlib.Checked, error) {
	if a.best == nil {
		return nil, errors.New("there is no frontier")
	}
	session, st, c, err := a.measuring(ctx)
	if err != nil {
		return nil, err
	}
	var plans []quantlib.Plan
	for _, i := range slices.Compact(a.best.Thin(checked)) {
		plans = append(plans, a.best.Plan(i))
	}
	if a.study.Progress != nil {
		c.Progress = func(done, total int) { a.study.Progress("checking predictions", done, total) }
	}
	return a.table.Check(ctx, session, st, plans, a.calibrated.Data(), c)
}

// chosenPlan is the plan of least measured noise of some within limits, where tries
// is positive and the scorer's figures are noise, and the plan of least predicted
// noise otherwise. The text says which; limits are in words.
func (a *analysis) chosenPlan(ctx context.Context, sp quantlib.Space, l quantlib.Limits, tries int, limits string) (sense.Choice, string, error) {
	if tries <= 0 || a.weightsOnly() || a.scorer == "random" {
		c, err := a.table.Choose(ctx, sp, l)
		return c, "the least predicted noise with " + limits, err
	}
	session, st, config, err := a.measuring(ctx)
	if err != nil {
		return sense.Choice{}, "", err
	}
	probe, err := sense.NewProbe(ctx, session, st, a.calibrated.Data(), config)
	if err != nil {
		return sense.Choice{}, "", err
	}
	done := 0
	r, err := a.table.Refine(ctx, sp, l, tries, func(ctx context.Context, p quantlib.Plan) (quantlib.Accuracy, error) {
		if done++; a.study.Progress != nil {
			a.study.Progress("measuring plans", done, tries)
		}
		return probe.Evaluate(ctx, p)
	})
	if err != nil {
		return sense.Choice{}, "", err
	}
	why := fmt.Sprintf("the least noise of %d plans measured with %s", len(r.Tried), limits)
	if best, first := r.Tried[r.Best].Measured.Mean, r.Tried[r.First].Measured.Mean; best < first {
		why += fmt.Sprintf("; on the samples of the grid %.1f dB, the plan of least predicted noise %.1f dB", -10*math.Log10(best), -10*math.Log10(first))
	}
	c, err := a.table.Describe(r.Plan, sp.Before) // not by the corrected table: the figures beside it are not
	return c, why, err
}
