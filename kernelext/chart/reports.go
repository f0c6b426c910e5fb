package chart

import (
	"fmt"
	"math"
	"unicode"
	"unicode/utf8"

	"github.com/quantnb/quantnb/quantlib"
)

// SNRBars draws the SQNR at the network's output, in dB, when one layer alone
// runs at the given width: its weights, or the activations that flow into it; of a
// scorer that does not speak of noise at the output, what it speaks of, as Grid.Shown
// says. Error bars are one standard error over samples, where the grid has it. A grid
// of layers as wholes has one bar for each. One that quantizes all but the layer says
// so, and Ascending then puts the layers first whose absence helps most.
//
// It panics if the grid has no such width.
func SNRBars(g *quantlib.Grid, bits int, order Order) *Figure {
	name, of := shown(g)
	d := BarData{
		Title:    of + " when " + runs(g, bits),
		Subtitle: gridNote(g),
		Labels:   g.Layers, Name: name, Unit: "dB", Order: order,
	}
	if g.Disable && order == Ascending {
		d.Order = Descending
	}
	modes := []quantlib.Mode{quantlib.Weight, quantlib.Activation}
	switch {
	case g.Whole:
		modes = []quantlib.Mode{quantlib.Both}
	case g.Mode() == quantlib.Weight:
		modes = modes[:1]
	}
	if len(modes) == 1 { // no legend says it
		d.Title += ": " + modes[0].String()
	}
	for _, mode := range modes {
		s := Series{Name: mode.String()}
		for _, layer := range g.Layers {
			c := g.At(layer, bits, mode)
			v, e := c.SQNR(), c.SQNRErr()
			if !c.Valid {
				v = math.NaN()
			}
			if !c.Valid || e != e {
				e = 0
			}
			s.Values, s.Err = append(s.Values, v), append(s.Err, e)
		}
		d.Series = append(d.Series, s)
	}
	return Bars(d)
}

// shown is Grid.Shown, as a title begins.
func shown(g *quantlib.Grid) (name, of string) {
	name, of = g.Shown()
	first, n := utf8.DecodeRuneInString(of)
	return name, string(unicode.ToUpper(first)) + of[n:]
}

// runs is what a cell of a grid quantizes, in words.
func runs(g *quantlib.Grid, bits int) string {
	if g.Disable {
		return "all but one layer run at " + Bits(bits)
	}
	return "one layer runs at " + Bits(bits)
}

// gridNote is how a grid was made.
func gridNote(g *quantlib.Grid) string {
	means := "higher is better"
	if g.Disable {
		means = "the higher, the more the layer had hurt that stays in float32"
	}
	note := fmt.Sprintf("%d samples, %s; %s", g.Samples, g.Methods, means)
	if g.Scorer != "" && g.Scorer != (quantlib.Exact{}).Key() {
		note = g.Scorer + "; " + note
	}
	return note
}

// ActivationHistogram draws how the values that flow into a layer are spread,
// with the codes and the clip limits of one width.
func ActivationHistogram(h *quantlib.Histogram) *Figure {
	edges := make([]float64, len(h.Counts)+1)
	for i := range edges {
		edges[i] = h.Lo + (h.Hi-h.Lo)*float64(i)/float64(len(h.Counts))
	}
	return Histogram(HistogramData{
		Title: "Into " + h.Layer + " at " + Bits(h.Scheme.Bits), Name: "activation",
		Float:     Counts{Edges: edges, N: h.Counts},
		Quantized: quantized(h),
		Levels:    h.Levels(1 << 16), Clip: []float64{h.ClipLo, h.ClipHi},
		Scheme: h.Scheme.String(), SQNR: h.SQNR,
	})
}

// quantized is the values after quantization: each level with the values that it
// stands for, drawn half a step around it; nothing where there are too many.
func quantized(h *quantlib.Histogram) Counts {
	if len(h.Codes) == 0 || len(h.Codes) > 4096 {
		return Counts{}
	}
	c := Counts{N: h.Codes}
	for i := range len(h.Codes) + 1 {
		c.Edges = append(c.Edges, h.ClipLo+(float64(i)-0.5)*h.Scale)
	}
	return c
}

// AccuracyCurve draws accuracy over uniform widths: weights alone, activations
// alone and both, with the float network as a line. Without labels it draws the
// agreement with the float network.
func AccuracyCurve(c *quantlib.Curve) *Figure { return Curve(curveOf(c)) }

func curveOf(c *quantlib.Curve) CurveData {
	pick := func(a quantlib.Accuracy) (y, e float64) { return 100 * a.Top1.Mean, 100 * a.Top1.StdErr }
	d := CurveData{
		Title:    "Accuracy over bits, all layers alike",
		Subtitle: fmt.Sprintf("%d samples; bars are one standard error", c.Float.Samples),
	}
	if !c.Float.Labeled {
		d.Title, d.YName = "Agreement with the float network over bits, all layers alike", "top-1 agreement"
		pick = func(a quantlib.Accuracy) (y, e float64) {
			return 100 * a.Noise.Agreement.Mean, 100 * a.Noise.Agreement.StdErr
		}
	}
	d.Float, _ = pick(c.Float)
	for mode, name := range []string{"weights only", "activations only", "both"} {
		l := Line{Name: name}
		for i, a := range c.Points[mode] {
			y, e := pick(a)
			l.X, l.Y, l.Err = append(l.X, float64(c.Widths[i])), append(l.Y, y), append(l.Err, e)
		}
		d.Lines = append(d.Lines, l)
	}
	return d
}

// GridHeat draws the SQNR at the network's output, in dB, layers × widths, with
// weights and activations of one layer quantized at a time, or what else a scorer
// speaks of, as SNRBars does. Colours end at
// 60 dB, beyond which no output tells a difference.
func GridHeat(g *quantlib.Grid, mode quantlib.Mode) *Figure {
	const clear = 60 // dB
	name, of := shown(g)
	what := "one layer at a time"
	if g.Disable {
		what = "all but one layer at a time"
	}
	d := HeatData{
		Title:    fmt.Sprintf("%s, %s: %v", of, what, mode),
		Subtitle: gridNote(g),
		Rows:     g.Layers, Name: name, Unit: "dB", ColumnName: "bits",
	}
	for _, bits := range g.Widths {
		d.Columns = append(d.Columns, fmt.Sprint(bits))
	}
	least, most := math.Inf(1), 0.0
	for _, layer := range g.Layers {
		row := make([]float64, len(g.Widths))
		for i, bits := range g.Widths {
			c := g.At(layer, bits, mode)
			if row[i] = c.SQNR(); !c.Valid {
				row[i] = math.NaN()
				continue
			}
			least, most = min(least, row[i]), max(most, row[i])
		}
		d.Values = append(d.Values, row)
	}
	if most > clear && least < clear && g.Merit == "" {
		d.Lo, d.Hi = least, clear
	}
	return HeatMap(d)
}

// PlanWidths draws the bits that a plan gives to each layer's weights and
// activations; 32 where they stay in float.
func PlanWidths(p quantlib.Plan) *Figure { return WidthBars(WidthsOf(p)) }

// PlanStrip draws the same in two rows of cells, the layers from left to right;
// see [Strip].
func PlanStrip(p quantlib.Plan, marked int) *Figure { return Strip(WidthsOf(p), marked) }

// WidthsOf is the widths of a plan; 32 bits where a tensor stays in float.
func WidthsOf(p quantlib.Plan) WidthData {
	d := WidthData{
		Title:    "Bits of each layer",
		Subtitle: fmt.Sprintf("weights: %d bytes, %.2f bits on average", p.Bytes(), p.MeanBits()),
	}
	for i, l := range p.Map().Layers {
		w, a := p.Layer(i)
		d.Labels = append(d.Labels, l.Name)
		weight, activation := w.Width(), a.Width()
		if l.Weight < 0 {
			weight = 0
		}
		if len(l.Activations) == 0 {
			activation = 0
		}
		d.Weight, d.Activation = append(d.Weight, weight), append(d.Activation, activation)
	}
	return d
}
