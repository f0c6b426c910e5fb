package nb

import (
	"context"
	"fmt"

	"github.com/quantnb/quantnb/kernelext/chart"
)

// still is the what-if for notebooks without a browser: the plan at each width of
// the layer chosen (or of all), as a flipbook.
func (w *whatIf) still(ctx context.Context) (bundle, error) {
	var names []string
	var figs []*chart.Figure
	begin := w.plan
	defer func() { w.plan, w.now = begin, w.before }()
	offers := w.offers()[w.layer]
	widths := offers[0]
	if len(widths) == 0 {
		widths = offers[1]
	}
	for _, bits := range widths {
		w.plan = begin
		w.set(move{Layer: w.layer, Weight: &bits, Activation: &bits})
		a, err := w.probe.Evaluate(ctx, w.plan)
		if err != nil {
			return bundle{}, err
		}
		w.now = a
		if w.seconds[1], err = w.latency(ctx, w.plan); err != nil {
			return bundle{}, err
		}
		name := chart.Bits(bits)
		if bits == 0 {
			name = "float"
		}
		names, figs = append(names, name), append(figs, w.page(name))
	}
	return flipbook(names, figs), nil
}

// page is one page of the still form: the widths, and the numbers above them.
func (w *whatIf) page(name string) *chart.Figure {
	d := chart.WidthsOf(w.plan)
	d.Title = "All layers at " + name
	if w.layer > 0 {
		d.Title = shortName(w.m.Layers[w.layer-1].Name) + " at " + name
	}
	d.Subtitle = fmt.Sprintf("SQNR %s dB", pm(w.now.Noise.SQNR(), w.now.Noise.SQNRErr(), 1))
	if w.now.Labeled {
		d.Subtitle += fmt.Sprintf(" · top-1 %s %%", pm(100*w.now.Top1.Mean, 100*w.now.Top1.StdErr, 2))
	}
	d.Subtitle += fmt.Sprintf(" · weights %d bytes", w.plan.Bytes())
	if s := w.seconds[1]; s > 0 {
		d.Subtitle += fmt.Sprintf(" · latency %.4g ms", 1e3*s)
	}
	d.Subtitle += fmt.Sprintf(" · %d samples", w.now.Samples)
	return chart.Strip(d, w.layer-1)
}
