package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/quantnb/quantnb/kernelext/cmd/quantnb/internal/report"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/sense"
)

// comparison is scorers on one network.
type comparison struct {
	*question
	*subject
	sets         widthSets
	layerSamples int
	seeds        int
	result       report.Comparison

	m     *plan.Map
	cells []measuredCell
}

// measuredCell is one layer's weight quantized alone.
type measuredCell struct {
	layer string
	bits  int
	rise  float64 // of the task loss, nats
	drop  float64 // of top-1
}

// rated is one scorer's grids: several for chance, by seed.
type rated struct {
	name   string
	tables []*sense.Table
}

func (c *comparison) run(ctx context.Context) (err error) {
	if c.m, err = c.study.Map(); err != nil {
		return err
	}
	r := &c.result
	r.Model, r.Bits, r.Samples, r.Layers = c.name, c.bits, min(c.samples, c.calibrated.Len()), len(c.m.Layers)
	r.Data = report.Data{Calibration: setOf(c.calibrated)}
	if c.tested != nil {
		t := setOf(c.tested)
		r.Data.Test = &t
	}
	if _, err := c.study.Statistics(ctx); err != nil {
		return err
	}
	list, err := c.score(ctx)
	if err != nil {
		return err
	}
	if err := c.measure(ctx); err != nil {
		return err
	}
	for i, s := range list {
		c.rank(&r.Scorers[i], s)
	}
	return c.plans(ctx, list)
}

// score has each scorer fill its grid, and keeps the time.
func (c *comparison) score(ctx context.Context) (list []rated, err error) {
	// Ranges of the weights are found at first use, by whatever scorer comes first.
	if _, err := c.study.Score(ctx, sense.ClosedForm{}, c.bits...); err != nil {
		return nil, err
	}
	for _, s := range scorers {
		one := rated{name: s.name}
		out := report.Scorer{Name: s.name, Key: s.scorer.Key()}
		kinds := []sense.Scorer{s.scorer}
		if s.name == "random" {
			out.Key = fmt.Sprintf("random, the mean over %d seeds", c.seeds)
			kinds = nil
			for seed := range c.seeds {
				kinds = append(kinds, sense.Random{Seed: uint64(seed + 1)})
			}
		}
		start, used := time.Now(), cpuSeconds()
		for _, k := range kinds {
			g, err := c.study.Score(ctx, k, c.bits...)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			t, err := sense.NewTable(g, nil)
			if err != nil {
				return nil, err
			}
			one.tables = append(one.tables, t)
		}
		n := float64(len(kinds))
		out.Seconds, out.CPU = report.Number(time.Since(start).Seconds()/n), report.Number((cpuSeconds()-used)/n)
		c.result.Scorers = append(c.result.Scorers, out)
		list = append(list, one)
	}
	return list, nil
}

// measure quantizes the weight of one layer at a time and evaluates.
func (c *comparison) measure(ctx context.Context) error {
	probe, err := c.study.Probe(ctx, c.layerSamples)
	if err != nil {
		return err
	}
	float, err := probe.Evaluate(ctx, c.m.Float())
	if err != nil {
		return err
	}
	c.result.Float, c.result.LayerSamples = share(float.Top1), float.Samples
	var todo []measuredCell
	for _, l := range c.m.Layers {
		for _, b := range c.bits {
			if l.Weight >= 0 {
				todo = append(todo, measuredCell{layer: l.Name, bits: b})
			}
		}
	}
	for i := range todo {
		k, err := c.m.Layer(todo[i].layer)
		if err != nil {
			return err
		}
		tie := c.m.Quantizers[c.m.Layers[k].Weight].Tie
		s, ok := c.m.SchemeAt(tie, todo[i].bits)
		if !ok {
			continue
		}
		a, err := probe.Evaluate(ctx, c.m.Float().WithTie(tie, s))
		if err != nil {
			return err
		}
		todo[i].rise, todo[i].drop = a.Noise.Rise.Mean, float.Top1.Mean-a.Top1.Mean
		c.cells = append(c.cells, todo[i])
		if c.study.Progress != nil {
			c.study.Progress("measuring the loss of single layers", i+1, len(todo))
		}
	}
	return nil
}

// rank correlates scores with what was measured.
func (c *comparison) rank(out *report.Scorer, s rated) {
	n := report.Number(len(s.tables))
	within := map[int]report.Number{}
	for _, t := range s.tables {
		g := t.Grid()
		of := func(use func(measuredCell) bool) (score, rise, drop []float64) {
			for _, m := range c.cells {
				if use(m) {
					score = append(score, g.At(m.layer, m.bits, sense.Weight).NSR.Mean)
					rise, drop = append(rise, m.rise), append(drop, m.drop)
				}
			}
			return score, rise, drop
		}
		x, rise, drop := of(func(measuredCell) bool { return true })
		out.RankRise += report.Number(sense.Spearman(x, rise)) / n
		out.RankDrop += report.Number(sense.Spearman(x, drop)) / n
		for _, b := range c.bits {
			x, rise, _ := of(func(m measuredCell) bool { return m.bits == b })
			within[b] += report.Number(sense.Spearman(x, rise)) / n
		}
	}
	for _, b := range c.bits {
		out.Within = append(out.Within, report.RankAt{Bits: b, Rank: within[b]})
	}
}

// plans evaluates the plan of each scorer in each set and size.
// Refined is the exact scorer's plan after some plans have been measured on the
// samples of the grid, see sense.Table.Refine.
func (c *comparison) plans(ctx context.Context, list []rated) error {
	calibration := &quantlib.Study{Model: c.study.Model, Calibration: c.study.Calibration, Profile: c.study.Profile,
		Samples: c.study.Samples, NoMemo: true}
	own, err := calibration.Probe(ctx, c.samples)
	if err != nil {
		return err
	}
	for _, set := range c.sets {
		for _, mean := range budgets(set) {
			out := report.SetPlans{Bits: set, MeanBits: report.Number(mean)}
			sp := quantlib.Space{Weights: set, Activations: []int{0}}
			limits := quantlib.Limits{MeanWeightBits: mean}
			if b := int(mean); float64(b) == mean && slices.Contains(set, b) {
				p, err := c.study.Uniform(b, 0)
				if err != nil {
					return err
				}
				a, err := c.study.Evaluate(ctx, p)
				if err != nil {
					return err
				}
				out.Plans = append(out.Plans, planResult(fmt.Sprintf("uniform %d", b), p, a))
			}
			for _, s := range list {
				var all []quantlib.Accuracy
				var last quantlib.Plan
				for _, t := range s.tables {
					choice, err := t.Choose(ctx, sp, limits)
					if err != nil {
						return fmt.Errorf("%s, widths %v, %g bits: %w", s.name, set, mean, err)
					}
					a, err := c.study.Evaluate(ctx, choice.Plan)
					if err != nil {
						return err
					}
					all, last = append(all, a), choice.Plan
				}
				p := planResult(s.name, last, all[0])
				if len(all) > 1 {
					top, sqnr := make([]float64, len(all)), make([]float64, len(all))
					for i, a := range all {
						top[i], sqnr[i] = a.Top1.Mean, a.Noise.SQNR()
					}
					m, e := meanErr(top)
					p.Top1 = report.Share{Mean: report.Number(m), Err: report.Number(e)}
					m, _ = meanErr(sqnr)
					p.SQNR = report.Number(m)
				}
				out.Plans = append(out.Plans, p)
				if s.name != "exact" {
					continue
				}
				refined, err := s.tables[0].Refine(ctx, sp, limits, 0, own.Evaluate)
				if err != nil {
					return fmt.Errorf("refining, widths %v, %g bits: %w", set, mean, err)
				}
				a, err := c.study.Evaluate(ctx, refined.Plan)
				if err != nil {
					return err
				}
				out.Plans = append(out.Plans, planResult("exact, refined", refined.Plan, a))
			}
			c.result.Sets = append(c.result.Sets, out)
		}
	}
	return nil
}

func planResult(name string, p quantlib.Plan, a quantlib.Accuracy) report.ScoredPlan {
	return report.ScoredPlan{Name: name, Bytes: p.Bytes(), Top1: share(a.Top1), SQNR: report.Number(a.Noise.SQNR()), Samples: a.Samples}
}

// meanErr is the mean and its standard error.
func meanErr(x []float64) (mean, err float64) {
	n := float64(len(x))
	for _, v := range x {
		mean += v / n
	}
	for _, v := range x {
		err += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(err / (n - 1) / n)
}
