package main

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/quantnb/quantnb/kernelext/chart"
	"github.com/quantnb/quantnb/kernelext/cmd/quantnb/internal/report"
	"github.com/quantnb/quantnb/kernelext/cmd/quantnb/internal/samples"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/sense"
)

// analysis is a report in the making.
type analysis struct {
	*question
	*subject
	report *report.Report

	m       *plan.Map
	grid    *quantlib.Grid // also where its measurement was interrupted
	table   *sense.Table
	work    *sense.Workload // nil where it is not known
	curve   *quantlib.Curve
	best    *sense.Frontier
	chosen  *sense.Choice
	beside  *sense.Choice // the uniform plan
	doubted bool          // the labels, in a warning

	rows    []hardware.Row
	rowBits int
}

func newAnalysis(q *question, s *subject, verb string) *analysis {
	a := &analysis{question: q, subject: s, report: &report.Report{Verb: verb}}
	g := s.study.Model.Graph()
	r := a.report
	r.Model = report.Model{File: s.name, Name: g.Name(), Nodes: len(g.Nodes()), Inputs: []string{}, Outputs: []string{}}
	for _, v := range g.Inputs() {
		r.Model.Inputs = append(r.Model.Inputs, v.Name+" "+v.TypeString())
	}
	for _, v := range g.Outputs() {
		r.Model.Outputs = append(r.Model.Outputs, v.Name+" "+v.TypeString())
	}
	for _, c := range g.Consts() {
		if c.Tensor.DType().IsFloat() {
			r.Model.Parameters += c.Tensor.Len()
			r.Model.Bytes += c.Tensor.DType().Bytes(c.Tensor.Len())
		}
	}
	r.Data.Calibration = setOf(s.calibrated)
	if s.tested != nil {
		t := setOf(s.tested)
		r.Data.Test = &t
	}
	n := min(q.samples, s.calibrated.Len())
	r.Settings = report.Settings{Bits: q.bits, Samples: n, Scorer: q.scorer, Methods: s.study.Methods.String(), Profile: s.device.Name}
	if s.calibrated.Noise {
		a.warn("the samples are random noise, not data: ranges, noise and agreement say little about real inputs")
	}
	if a.weightsOnly() {
		a.warn("the scorer %s says nothing of activations, which stay in float32, and its scores are not the noise of the output: read the SQNR columns as a ranking", q.scorer)
	}
	if q.scorer == "random" {
		a.warn("the scorer is chance: its figures say nothing of this network")
	}
	if n < 8 {
		a.warn("few samples to measure noise on, %d: error bars are wide or missing", n)
	}
	return a
}

func setOf(s *samples.Set) report.Set {
	return report.Set{Source: s.Source, Form: s.Form, Samples: s.Len(), Labeled: s.Labeled(), Noise: s.Noise}
}

func (a *analysis) warn(format string, args ...any) {
	a.report.Warnings = append(a.report.Warnings, fmt.Sprintf(format, args...))
}

// layers is where quantizers sit, and what each layer computes.
func (a *analysis) layers(ctx context.Context) (err error) {
	if a.m, err = a.study.Map(); err != nil {
		return err
	}
	for i, l := range a.m.Layers {
		a.report.Layers = append(a.report.Layers, report.Layer{Name: l.Name, Op: l.Op, Tensor: weightOf(a.m, l), Parameters: a.m.Params(i)})
	}
	return nil
}

// weightOf is the name of a layer's weight, "" if it has none.
func weightOf(m *plan.Map, l plan.Layer) string {
	if l.Weight < 0 {
		return ""
	}
	return m.Quantizers[l.Weight].Value
}

func (a *analysis) calibrate(ctx context.Context) error {
	_, err := a.study.Statistics(ctx)
	return err
}

// uniform measures all layers at one width.
func (a *analysis) uniform(ctx context.Context) (err error) {
	bits := slices.DeleteFunc(slices.Clone(a.bits), func(b int) bool { return a.m.Check(b, b) != nil })
	if len(bits) == 0 {
		return fmt.Errorf("the profile %q has none of %v bits for all layers", a.device.Name, a.bits)
	}
	if a.curve, err = a.study.Curve(ctx, bits...); err != nil {
		return err
	}
	pick, what := func(x quantlib.Accuracy) sense.Measure { return x.Noise.Agreement }, "agreement with float"
	if a.curve.Float.Labeled {
		a.doubtLabels(a.curve.Float.Top1.Mean, a.curve.Float.Samples)
		pick, what = func(x quantlib.Accuracy) sense.Measure { return x.Top1 }, "top-1"
	}
	out := &report.Accuracy{Samples: a.curve.Float.Samples, What: what, Float: share(pick(a.curve.Float))}
	for i, b := range a.curve.Widths {
		out.Widths = append(out.Widths, report.Accurate{Bits: b,
			Weights:     share(pick(a.curve.Points[quantlib.Weight][i])),
			Activations: share(pick(a.curve.Points[quantlib.Activation][i])),
			Both:        share(pick(a.curve.Points[quantlib.Both][i])),
		})
	}
	a.report.Accuracy = out
	return nil
}

func share(m sense.Measure) report.Share {
	return report.Share{Mean: report.Number(m.Mean), Err: report.Number(m.StdErr)}
}

// measure fills the grid.
func (a *analysis) measure(ctx context.Context) error {
	g, t, err := a.measureGrid(ctx)
	if g != nil {
		a.grid = g
		a.cells(g)
		a.report.Settings.Samples = 0
		for _, c := range g.Cells {
			a.report.Settings.Samples = max(a.report.Settings.Samples, c.Samples)
		}
	}
	if err != nil {
		return err
	}
	a.table = t
	if a.work != nil {
		for i := range a.report.Layers {
			a.report.Layers[i].MACs = a.work.MACs[i]
		}
	}
	return nil
}

// cells puts what a grid has measured beside the layers.
func (a *analysis) cells(g *quantlib.Grid) {
	for i := range a.report.Layers {
		l := &a.report.Layers[i]
		for _, b := range g.Widths {
			for _, mode := range []quantlib.Mode{quantlib.Weight, quantlib.Activation, quantlib.Both} {
				if c := g.At(l.Name, b, mode); c.Valid {
					l.Cells = append(l.Cells, report.Cell{Bits: b, Mode: mode.String(), Samples: c.Samples,
						Noise: report.Number(c.NSR.Mean), NoiseErr: report.Number(c.NSR.StdErr),
						SQNR: report.Number(c.SQNR()), SQNRErr: report.Number(c.SQNRErr()),
						Cosine: report.Number(c.Cosine.Mean), Agreement: report.Number(c.Agreement.Mean)})
				}
			}
		}
	}
}

// space is the plans that are looked at where nothing else is said: any of the
// widths for weights, the widest for activations.
func (a *analysis) space() quantlib.Space {
	if a.weightsOnly() {
		return quantlib.Space{Weights: a.bits, Activations: []int{0}}
	}
	return quantlib.Space{Weights: a.bits, Activations: a.bits[len(a.bits)-1:]}
}

// weightsOnly reports whether the scorer says nothing of activations.
func (a *analysis) weightsOnly() bool { return a.scorer == "hawq" || a.scorer == "closed" }

func (a *analysis) frontier(ctx context.Context) (err error) {
	if a.best, err = a.table.Frontier(ctx, a.space(), quantlib.Bytes); err != nil {
		return err
	}
	f := &report.Frontier{Cost: a.best.Cost, Total: len(a.best.Points)}
	for _, i := range a.best.Thin(40) {
		p := a.best.Points[i]
		f.Points = append(f.Points, report.Point{Cost: report.Number(p.Cost), Noise: report.Number(p.Noise), SQNR: report.Number(p.SQNR())})
	}
	a.report.Frontier = f
	return nil
}

// suggest is the best plan that is not larger than the uniform one of the middle
// width; of two widths, a quarter larger than the lower one.
func (a *analysis) suggest(ctx context.Context) error {
	sp := a.space()
	bits := slices.DeleteFunc(slices.Clone(a.bits), func(b int) bool { return a.m.Check(b, sp.Activations[0]) != nil })
	if len(bits) < 2 {
		return nil // nothing to choose from
	}
	middle := bits[(len(bits)-1)/2]
	uniform, err := a.study.Uniform(middle, sp.Activations[0])
	if err != nil {
		return err
	}
	limit, size := uniform.Bytes(), "no more bytes"
	if len(bits) == 2 {
		limit, size = limit*5/4, "a quarter more bytes"
	}
	limits := fmt.Sprintf("weights of %v bits in %s than all at %d bits, activations at %s", a.bits, size, middle, bitsOf(sp.Activations[0]))
	c, why, err := a.chosenPlan(ctx, sp, quantlib.Limits{Bytes: limit}, refineTries, limits)
	if err != nil {
		return err
	}
	return a.adopt(ctx, c, uniform, uniformName(middle, sp.Activations[0]), why)
}

func bitsOf(b int) string {
	if b == 0 {
		return "float32"
	}
	return chart.Bits(b)
}

func uniformName(weight, activation int) string {
	if activation == 0 {
		return fmt.Sprintf("uniform W%d", weight)
	}
	return fmt.Sprintf("uniform W%dA%d", weight, activation)
}

// check measures plans along the frontier.
func (a *analysis) check(ctx context.Context) error {
	if a.weightsOnly() || a.scorer == "random" {
		return nil // scores that are no noise of the output
	}
	if a.best != nil && len(a.best.Points) < 4 {
		return nil // too few to say anything of a spread
	}
	c, err := a.checkOf(ctx)
	if err != nil {
		return err
	}
	a.report.Check = &report.Check{Plans: len(c.Points), Samples: c.Samples,
		Bias: report.Number(c.Bias), Spread: report.Number(c.Spread), Rank: report.Number(c.Rank), Coverage: report.Number(c.Coverage),
		CorrectedSpread: report.Number(c.CorrectedSpread), CorrectedCoverage: report.Number(c.CorrectedCoverage)}
	return nil
}

// ties lists what takes one width, with the reasons.
func (a *analysis) ties(context.Context) error {
	for i, t := range a.m.Ties {
		if len(t.Members) < 2 {
			continue
		}
		out := report.Tie{Name: t.Name, Role: t.Role.String()}
		for _, k := range t.Members {
			out.Values = append(out.Values, a.m.Quantizers[k].Value)
		}
		for _, l := range a.m.Links {
			if a.m.Quantizers[l.A].Tie != i {
				continue
			}
			what := "a width"
			if l.Scale {
				what = "a width and a scale"
			}
			out.Reasons = append(out.Reasons, fmt.Sprintf("%s and %s share %s: %s",
				graph.Printable(a.m.Quantizers[l.A].Value), graph.Printable(a.m.Quantizers[l.B].Value), what, graph.Printable(l.Reason)))
		}
		a.report.Ties = append(a.report.Ties, out)
	}
	return nil
}

// figures draws what there is.
func (a *analysis) figures() {
	add := func(section string, f *chart.Figure) {
		a.report.Figures = append(a.report.Figures, report.Figure{Section: section, Figure: f})
	}
	if g := a.grid; g != nil && a.report.Verb == "analyse" {
		add("Which layer suffers", chart.SNRBars(g, g.Widths[(len(g.Widths)-1)/2], chart.Ascending))
		for _, mode := range []quantlib.Mode{quantlib.Weight, quantlib.Activation, quantlib.Both} {
			add("Every layer at every width", chart.GridHeat(g, mode))
		}
	}
	if a.curve != nil {
		add("All layers at one width", chart.AccuracyCurve(a.curve))
	}
	if a.best != nil {
		add("What size buys", a.frontierFigure())
	}
	if a.chosen != nil {
		add("Widths of the plan", chart.PlanWidths(a.chosen.Plan))
	}
	a.roofFigure(add)
}

func (a *analysis) frontierFigure() *chart.Figure {
	d := chart.FrontierData{
		Title:    "Predicted noise over the size of the weights",
		Subtitle: fmt.Sprintf("plans with weights of %v bits that no other beats in both", a.space().Weights),
		XName:    "weights", XUnit: "B", YName: "noise-to-signal power", LogY: chart.YesLog,
	}
	l := chart.Line{Name: "best plans"}
	for _, p := range a.report.Frontier.Points {
		l.X, l.Y = append(l.X, float64(p.Cost)), append(l.Y, float64(p.Noise))
	}
	d.Lines = []chart.Line{l}
	for _, b := range a.space().Weights {
		u, err := a.study.Uniform(b, a.space().Activations[0])
		if err != nil {
			continue
		}
		if c, err := a.table.Describe(u, quantlib.Plan{}); err == nil && !math.IsNaN(c.Noise.Mean) {
			d.Others = append(d.Others, chart.Point{Name: fmt.Sprintf("uniform W%d", b), X: float64(c.Bytes), Y: c.Noise.Mean})
		}
	}
	if a.chosen != nil {
		d.Plan = &chart.Point{Name: "the plan", X: float64(a.chosen.Bytes), Y: a.chosen.Noise.Mean}
	}
	return chart.Frontier(d)
}
