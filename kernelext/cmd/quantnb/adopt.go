package main

import (
	"context"
	"math"
	"strings"

	"github.com/quantnb/quantnb/kernelext/cmd/quantnb/internal/report"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/sense"
)

// adopt describes a plan beside a uniform one and the float network, all measured.
func (a *analysis) adopt(ctx context.Context, c sense.Choice, uniform quantlib.Plan, name, why string) error {
	u, err := a.table.Describe(uniform, quantlib.Plan{})
	if err != nil {
		return err
	}
	a.chosen, a.beside = &c, &u
	f, err := a.study.Float()
	if err != nil {
		return err
	}
	float, err := a.table.Describe(f, quantlib.Plan{})
	if err != nil {
		return err
	}
	q := &report.Plan{Why: why, Bytes: c.Bytes, MeanBits: report.Number(c.MeanBits), BOPs: report.Number(c.BOPs), SQNR: report.Number(c.SQNR()), Seconds: report.Number(a.table.Latency(c.Plan)),
		Versus: a.costed(name, &u), Float: a.costed("float32", &float)}
	for i, l := range a.m.Layers {
		w, x := c.Plan.Layer(i)
		p := report.PlanLayer{Name: l.Name, Tensor: weightOf(a.m, l)}
		if l.Weight >= 0 {
			p.Weight = w.String()
		}
		if len(l.Activations) > 0 {
			p.Activation = x.String()
		}
		q.Layers = append(q.Layers, p)
	}
	for _, line := range strings.Split(c.Plan.Diff(uniform), "\n") {
		if line != "" {
			q.Versus.Diff = append(q.Versus.Diff, line)
		}
	}
	a.report.Plan = q
	if q.Accuracy, err = a.measured(ctx, c.Plan); err != nil {
		return err
	}
	if q.Versus.Accuracy, err = a.measured(ctx, uniform); err != nil {
		return err
	}
	if q.Float.Accuracy, err = a.measured(ctx, f); err == nil && q.Float.Accuracy.Top1 != nil {
		a.doubtLabels(float64(q.Float.Accuracy.Top1.Mean), q.Float.Accuracy.Samples)
	}
	return err
}

func (a *analysis) costed(name string, c *sense.Choice) *report.Versus {
	v := &report.Versus{Name: name, Bytes: c.Bytes, MeanBits: report.Number(c.MeanBits), BOPs: report.Number(c.BOPs),
		Seconds: report.Number(math.NaN()), SQNR: report.Number(c.SQNR()), Diff: []string{}}
	if a.work != nil && a.work.Known(a.device, func(tie int) int { return c.Plan.Tie(tie).Width() }) {
		v.Seconds = report.Number(a.table.Latency(c.Plan))
	}
	return v
}

// doubtLabels warns, once, where the float network's top-1 on n samples is within
// two standard errors of what guessing among its classes gives, or below.
func (a *analysis) doubtLabels(top1 float64, n int) {
	k := float64(classes(a.study.Model.Graph()))
	if k < 2 || a.doubted {
		return
	}
	if guess := 1 / k; top1 <= guess+2*math.Sqrt(guess*(1-guess)/float64(n)) {
		a.doubted = true
		a.warn("the float network names the right one of %g classes for %.1f %% of the samples, as guessing does: look at the labels, and at -divide, -mean, -std and -bgr", k, 100*top1)
	}
}

func (a *analysis) measured(ctx context.Context, p quantlib.Plan) (*report.Measured, error) {
	x, err := a.study.Evaluate(ctx, p)
	if err != nil {
		return nil, err
	}
	m := &report.Measured{Samples: x.Samples, Agreement: share(x.Noise.Agreement), SQNR: report.Number(x.Noise.SQNR())}
	if x.Labeled {
		s := share(x.Top1)
		m.Top1 = &s
	}
	return m, nil
}
