package chart_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/kernelext/chart"
	"github.com/quantnb/quantnb/notebooks/demo"
	q "github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/hardware"
)

// TestReports draws every report of the embedded network: what the pictures say
// in words holds the reports' numbers. With -look they are written out.
func TestReports(t *testing.T) {
	ctx, shape := context.Background(), []int{1, 28, 28}
	test := demo.Test()
	s := &q.Study{
		Model:       q.Must(q.Decode(demo.Model())),
		Calibration: q.Images{Pixels: demo.Calibration().Pixels[:8*784], Shape: shape, Divide: 255},
		Test:        q.Images{Pixels: test.Pixels[:40*784], Labels: test.Labels[:40], Shape: shape, Divide: 255},
		NoMemo:      true,
	}
	grid := q.Must(s.Grid(ctx, 2, 4, 8))
	space := q.Space{Weights: []int{2, 4, 8}, Activations: []int{8}}
	front := q.Must(s.Frontier(ctx, space, q.Bytes))
	choice := q.Must(s.Choose(ctx, space, q.Limits{MeanWeightBits: 4}))
	checked := q.Must(s.Check(ctx, space, q.Bytes))
	target := q.Must(s.Target(ctx, space, q.Bytes, q.AgreementAbove(0.8)))
	curve := q.Must(s.Curve(ctx, 2, 4, 8))
	plans := []chart.Tried{
		{Name: "chosen", Plan: choice.Plan, Accuracy: q.Must(s.Evaluate(ctx, choice.Plan)), InHand: true},
		{Name: "all 8", Plan: q.Must(s.Uniform(8, 8)), Accuracy: q.Must(s.Evaluate(ctx, q.Must(s.Uniform(8, 8))))},
	}
	all := q.Must(s.Score(ctx, q.Exact{DisableOne: true}, 4))
	worst := grid.Worst(4, q.Both)[0]
	d := &q.Study{Model: s.Model, Calibration: s.Calibration, Test: s.Test, Profile: hardware.NPU(), NoMemo: true}
	roofline, ok := chart.DeviceRoofline(q.Must(d.Roofline(ctx, q.Must(d.Uniform(8, 8)))))
	if !ok {
		t.Fatal("the roofline of a device with figures has nothing to draw")
	}
	if _, ok := chart.DeviceRoofline(q.Must(s.Roofline(ctx, plans[1].Plan))); ok {
		t.Error("a roofline is drawn for a device without figures")
	}
	figs := map[string]struct {
		fig  *chart.Figure
		says []string // in the alt text
	}{
		"frontier":  {chart.FrontierOf(front, &choice), []string{"chosen plan: ", "best plans: "}},
		"checked":   {chart.CheckedPlans(checked), []string{"predicted SQNR", "rank correlation"}},
		"choice":    {chart.ChoiceWidths(choice), []string{"predicted SQNR", worst}},
		"target":    {chart.TargetWidths(target), []string{"agreement > 0.8", "40 samples"}},
		"accuracy":  {chart.AccuracyCurveWith(curve, plans), []string{"chosen", "float"}},
		"network":   {chart.NetworkHeat(grid, 4, q.Both), []string{worst, "edges"}},
		"plan":      {chart.PlanNetwork(choice.Plan), []string{worst, "bits"}},
		"strip":     {chart.PlanStrip(choice.Plan, 1), []string{"Marked is block1/dw"}},
		"histogram": {chart.ActivationHistogram(q.Must(s.Histogram(ctx, worst, 4))), []string{"16 quantization levels"}},
		"heat":      {chart.GridHeat(grid, q.Weight), []string{worst}},
		"roofline":  {roofline, []string{"stem/conv", "left out"}},
	}
	for name, f := range map[string]struct {
		fig        *chart.Figure
		says, lack string
	}{
		"bars of whole layers":     {chart.SNRBars(q.Must(s.Score(ctx, q.Exact{Whole: true}, 4)), 4, chart.Ascending), fmt.Sprintf("one layer runs at 4 bits: both. exact, whole layers; 8 samples, weights mse, activations mse; higher is better. Bar chart of SQNR (dB) for 17 layers, least first. %s: %.1f", worst, grid.At(worst, 4, q.Both).SQNR()), "n/a"},
		"bars of all but a layer":  {chart.SNRBars(all, 4, chart.Ascending), "when all but one layer run at 4 bits", "higher is better"},
		"heat of all but a layer":  {chart.GridHeat(all, q.Both), "all but one layer at a time: both", "higher is better"},
		"graph of all but a layer": {chart.NetworkHeat(all, 4, q.Both), "when all but one layer run at 4 bits: both", "higher is better"},
	} {
		if alt := f.fig.Alt(); !strings.Contains(alt, f.says) || strings.Contains(alt, f.lack) {
			t.Errorf("%s: want %q, and no %q: %s", name, f.says, f.lack, alt)
		}
	}
	// Without the layer that hurts most there is the least noise.
	first := all.Worst(4, q.Both)[0]
	for _, layer := range all.Layers {
		if all.At(layer, 4, q.Both).SQNR() > all.At(first, 4, q.Both).SQNR() {
			t.Errorf("all but %s have less noise than all but %s, which is first", layer, first)
		}
	}
	look := flag.Lookup("look").Value.String()
	for name, f := range figs {
		for _, w := range f.says {
			if !strings.Contains(f.fig.Alt(), w) {
				t.Errorf("%s: the alt text lacks %q: %s", name, w, f.fig.Alt())
			}
		}
		for _, format := range []func(w, h float64) ([]byte, error){f.fig.PNG, f.fig.SVG, f.fig.PDF} {
			if _, err := format(0, 0); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if look != "" {
			if err := f.fig.Save(filepath.Join(look, "report-"+name+".png"), 0, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if text := figs["histogram"].fig.Text(); !strings.Contains(text, "quantized") {
		t.Errorf("the histogram has no quantized values: %s", text)
	}
	layers := q.Must(s.Model.Layers())
	for _, l := range layers {
		if !strings.Contains(figs["network"].fig.Alt(), l) {
			t.Errorf("the network lacks the layer %q", l)
		}
	}
	for _, n := range s.Model.Graph().Nodes() {
		if n.Op == "Relu" && strings.Contains(figs["network"].fig.Alt(), n.Name+":") {
			t.Errorf("%q, which follows a layer, has a box of its own", n.Name)
		}
	}
}

func TestQuantizedValuesStandOnTheirLevels(t *testing.T) {
	s := &q.Study{Model: q.Must(q.Decode(demo.Model())), NoMemo: true,
		Calibration: q.Images{Pixels: demo.Calibration().Pixels[:8*784], Shape: []int{1, 28, 28}, Divide: 255}}
	for _, bits := range []int{1, 2, 4, 8, 12} {
		h := q.Must(s.Histogram(context.Background(), "block1/pw", bits))
		var sum float64
		for _, c := range h.Codes {
			sum += c
		}
		if n := float64(h.Stats.Count); len(h.Codes) != 1<<bits || math.Abs(sum-n) > 1e-6*n {
			t.Errorf("%d bits: %d codes hold %v values of %v", bits, len(h.Codes), sum, n)
		}
		if bits > 1 && slices.Max(h.Codes) == sum {
			t.Errorf("%d bits: all values take one code", bits)
		}
	}
	if h := q.Must(s.Histogram(context.Background(), "block1/pw", 16)); h.Codes != nil {
		t.Errorf("at 16 bits %d codes are counted", len(h.Codes))
	}
}
