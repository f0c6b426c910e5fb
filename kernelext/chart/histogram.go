package chart

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Counts is a histogram: N[i] samples lie between Edges[i] and Edges[i+1].
type Counts struct {
	Edges []float64 // ascending, one more than N; may be empty
	N     []float64 // not negative
}

func (c Counts) check(name string) {
	if len(c.N) == 0 && len(c.Edges) == 0 {
		return
	}
	if len(c.Edges) != len(c.N)+1 {
		panic(fmt.Sprintf("chart: Histogram: %s has %d edges for %d counts", name, len(c.Edges), len(c.N)))
	}
	for i, e := range c.Edges {
		if math.IsNaN(e) || math.IsInf(e, 0) || i > 0 && e <= c.Edges[i-1] {
			panic(fmt.Sprintf("chart: Histogram: edge %d of %s is not finite or not above the one before", i, name))
		}
	}
}

// HistogramData describes the distribution of a tensor's values and the grid
// that quantization lays over it.
type HistogramData struct {
	Title      string
	Name, Unit string    // of the values: "activation"; the unit is often empty
	Float      Counts    // of the float values
	Quantized  Counts    // of the same values after quantization; empty for none
	Levels     []float64 // the values that codes stand for, ascending; nil for none
	Clip       []float64 // the least and the greatest value that is kept; nil for none
	Scheme     string    // "int4 asymmetric per tensor", for the caption
	SQNR       float64   // dB, for the caption; 0 or NaN for none
}

// gridLines is the greatest number of levels that are drawn one by one.
const gridLines = 64

// Histogram draws a distribution on a logarithmic axis of counts, with the
// quantization grid (each level up to 64 of them, a band beyond), the clip
// limits, what lies outside them shaded, and the quantized values as stems
// over the float ones.
//
// It panics if a histogram has not one edge more than counts, if its edges are
// not finite and ascending, or if Clip has a length other than 0 and 2.
func Histogram(d HistogramData) *Figure {
	d.Float.check("Float")
	d.Quantized.check("Quantized")
	if len(d.Clip) != 0 && len(d.Clip) != 2 {
		panic(fmt.Sprintf("chart: Histogram: Clip has %d values, not 2", len(d.Clip)))
	}
	if d.Name == "" {
		d.Name = "value"
	}
	f := &Figure{title: clean(d.Title), w: 720, h: 400, minW: 420, minH: 300, draw: d.paint}
	f.text, f.alt = d.words()
	return f
}

func (d HistogramData) caption() string {
	var parts []string
	if d.Scheme != "" {
		parts = append(parts, clean(d.Scheme))
	}
	if n := len(d.Levels); n > 1 {
		parts = append(parts, fmt.Sprintf("%d levels, step %s", n, sig((d.Levels[n-1]-d.Levels[0])/float64(n-1), 3)))
	}
	if d.SQNR != 0 && !math.IsNaN(d.SQNR) {
		parts = append(parts, "SQNR "+places(d.SQNR, 1)+" dB")
	}
	if out, all := d.outside(); len(d.Clip) == 2 && all > 0 {
		parts = append(parts, "about "+sig(100*out/all, 2)+" % clipped")
	}
	return strings.Join(parts, " · ")
}

// outside counts the float samples in bins that lie wholly beyond the clip
// limits, and all samples. A bin that holds a limit is not counted: after a Relu
// half of a tensor can be exactly zero, and zero is a limit.
func (d HistogramData) outside() (out, all float64) {
	for i, n := range d.Float.N {
		all += n
		if len(d.Clip) == 2 && (d.Float.Edges[i+1] <= d.Clip[0] || d.Float.Edges[i] >= d.Clip[1]) {
			out += n
		}
	}
	return out, all
}

func (d HistogramData) keys() []key {
	var keys []key
	if len(d.Float.N) > 0 {
		keys = append(keys, key{"float", keyBox, sky})
	}
	if len(d.Quantized.N) > 0 {
		keys = append(keys, key{"quantized", keyStem, vermilion})
	}
	switch n := len(d.Levels); {
	case n > gridLines:
		keys = append(keys, key{"quantization grid (band)", keyBand, green})
	case n > 0:
		keys = append(keys, key{"quantization grid", keyRule, green})
	}
	if len(d.Clip) == 2 {
		keys = append(keys, key{"clip limits", keyDash, 6})
	}
	return keys
}

func (d HistogramData) paint(p pen, w, h float64) {
	top := p.header(w, d.Title, d.caption(), d.keys())
	if len(d.Clip) == 2 {
		top += 14
	}
	lo, hi, ok := extent(false, d.Float.Edges, d.Quantized.Edges, d.Levels, d.Clip)
	if !ok {
		p.text(w/2, (top+h)/2, "no samples", style{size: 13, col: soft, align: center})
		return
	}
	if lo == hi {
		lo, hi = lo-0.5, hi+0.5
	}
	pad := (hi - lo) * 0.015
	_, most, _ := extent(true, d.Float.N, d.Quantized.N)
	most = math.Max(most, 10)
	y := scale{lo: 0.7, hi: math.Pow(most, 1.04), a: h - bottom, b: top, log: true}
	yt := logarithmic(1, y.hi, 1)
	for i := range yt {
		yt[i].label = shortCount(yt[i].v, yt[i].label)
	}
	x := scale{lo: lo - pad, hi: hi + pad, a: room(yt), b: w - margin}
	if len(d.Clip) == 2 {
		for _, e := range [][2]float64{{x.lo, d.Clip[0]}, {d.Clip[1], x.hi}} {
			if a, b := x.clamped(e[0]), x.clamped(e[1]); b > a {
				p.rect(a, y.b, b-a, y.a-y.b, tint(palette[vermilion], 0.1))
			}
		}
	}
	if n := len(d.Levels); n > gridLines {
		p.rect(x.at(d.Levels[0]), y.b, x.at(d.Levels[n-1])-x.at(d.Levels[0]), y.a-y.b, tint(palette[green], 0.12))
	}
	p.axes(x, y, linear(x.lo, x.hi, int((x.b-x.a)/80), 1), yt, named(d.Name, d.Unit), "samples (log scale)")
	p.steps(d.Float, x, y)
	if n := len(d.Levels); n <= gridLines {
		for _, v := range d.Levels {
			p.line(x.at(v), y.b, x.at(v), y.a, 0.8, tint(palette[green], 0.75))
		}
	}
	p.stems(d.Quantized, d.Levels, x, y)
	p.line(x.a, y.a, x.b, y.a, 1, axisC)
	if len(d.Clip) == 2 {
		d.limits(p, x, y)
	}
}

// limits marks the clip limits, with their values above the area.
func (d HistogramData) limits(p pen, x, y scale) {
	l, r := sig(d.Clip[0], 3), sig(d.Clip[1], 3)
	lx, rx := x.clamped(d.Clip[0]), x.clamped(d.Clip[1])
	p.line(lx, y.b-3, lx, y.a, 1.4, ink, 5, 3)
	p.line(rx, y.b-3, rx, y.a, 1.4, ink, 5, 3)
	lw, rw := textWidth(l, 11, false), textWidth(r, 11, false)
	// Each label is centred on its line, but stays inside the area and away
	// from the other one.
	a := math.Max(x.a, math.Min(lx-lw/2, x.b-lw))
	b := math.Max(x.a, math.Min(rx-rw/2, x.b-rw))
	if a+lw+8 > b {
		a = math.Max(x.a, b-lw-8)
		b = math.Max(b, a+lw+8)
	}
	p.text(a, y.b-10, l, style{size: 11, col: ink})
	p.text(b, y.b-10, r, style{size: 11, col: ink})
}

// shortCount abbreviates a tick of counts.
func shortCount(v float64, label string) string {
	switch {
	case label == "":
		return ""
	case v >= 1e9:
		return num(v/1e9, 1) + " G"
	case v >= 1e6:
		return num(v/1e6, 1) + " M"
	case v >= 1e3:
		return num(v/1e3, 1) + " k"
	}
	return label
}

// steps fills a histogram and outlines it.
func (p pen) steps(c Counts, x, y scale) {
	col := palette[sky]
	var run []xy
	flush := func() {
		if len(run) == 0 {
			return
		}
		area := append([]xy{{run[0].x, y.a}}, run...)
		area = append(area, xy{run[len(run)-1].x, y.a})
		p.fill(area, tint(col, 0.55))
		p.stroke(area, false, 1, palette[blue])
		run = nil
	}
	for i, n := range c.N {
		if !(n > 0) {
			flush()
			continue
		}
		t := y.clamped(n)
		run = append(run, xy{x.at(c.Edges[i]), t}, xy{x.at(c.Edges[i+1]), t})
	}
	flush()
}

// stems draws a histogram that is mostly empty: a line with a dot for each bin
// that holds something; where they are dense, the dots alone.
// The line stands on the level that the bin holds, or else in its middle.
func (p pen) stems(c Counts, levels []float64, x, y scale) {
	filled := 0
	for _, n := range c.N {
		if n > 0 {
			filled++
		}
	}
	for i, n := range c.N {
		if !(n > 0) {
			continue
		}
		at, t := x.at((c.Edges[i]+c.Edges[i+1])/2), y.clamped(n)
		if k, _ := slices.BinarySearch(levels, c.Edges[i]); k < len(levels) && levels[k] <= c.Edges[i+1] {
			at = x.at(levels[k])
		}
		r := 3.2
		if filled <= gridLines {
			p.line(at, t, at, y.a, 1.6, palette[vermilion])
		} else {
			r = 1.6
		}
		p.circle(at, t, r, palette[vermilion])
	}
}

func (d HistogramData) words() (text, alt string) {
	caption := d.caption()
	var rows [][]string
	table := func(name string, c Counts) {
		// At most 32 rows: neighbouring bins are added up.
		k := (len(c.N) + 31) / 32
		for i := 0; i < len(c.N); i += max(k, 1) {
			end := min(i+k, len(c.N))
			sum := 0.0
			for _, n := range c.N[i:end] {
				sum += n
			}
			if sum > 0 {
				rows = append(rows, []string{name, sig(c.Edges[i], 4), sig(c.Edges[end], 4), num(sum, 0)})
			}
		}
	}
	table("float", d.Float)
	table("quantized", d.Quantized)
	text = heading(d.Title, caption)
	if len(d.Clip) == 2 {
		text += fmt.Sprintf("clip %s to %s\n", sig(d.Clip[0], 4), sig(d.Clip[1], 4))
	}
	text += grid([]string{"values", "from", "to", "samples"}, rows)

	var said []string
	if lo, hi, ok := extent(false, d.Float.Edges); ok {
		_, all := d.outside()
		most := 0
		for i, n := range d.Float.N {
			if n > d.Float.N[most] {
				most = i
			}
		}
		said = append(said, fmt.Sprintf("%s float samples between %s and %s, most of them (%s) between %s and %s",
			num(all, 0), sig(lo, 3), sig(hi, 3), num(d.Float.N[most], 0), sig(d.Float.Edges[most], 3), sig(d.Float.Edges[most+1], 3)))
	}
	if n := len(d.Levels); n > 0 {
		said = append(said, fmt.Sprintf("%d quantization levels from %s to %s", n, sig(d.Levels[0], 3), sig(d.Levels[n-1], 3)))
	}
	if len(d.Clip) == 2 {
		said = append(said, fmt.Sprintf("clip limits %s and %s", sig(d.Clip[0], 3), sig(d.Clip[1], 3)))
	}
	alt = sentence(d.Title, caption) + "Histogram of " + named(d.Name, d.Unit) + ". " + strings.Join(said, "; ") + "."
	return text, alt
}
