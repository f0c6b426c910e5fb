package chart

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"
)

// A Line is a named sequence of points.
type Line struct {
	Name string
	X, Y []float64
	Err  []float64 // standard errors of Y; nil for none
}

// A Point is a single named point.
type Point struct {
	Name string
	X, Y float64
}

// CurveData describes accuracy as a function of bits.
type CurveData struct {
	Title, Subtitle string
	Lines           []Line  // "weights only", "activations only", "both"
	Float           float64 // accuracy of the float network, per cent; 0 for no line
	Pareto          []Point // plans that no other plan beats, joined by steps
	Plan            *Point  // the plan in hand; nil for none
	XName, YName    string  // "bits" and "top-1 accuracy" if empty
	YUnit           string  // "%" if empty
}

// Curve draws accuracy in per cent against bits, with a dashed line for the
// float network. The axis of bits is logarithmic, so that the narrow widths,
// where everything happens, have room. Points whose X is not positive or whose
// Y is not finite are left out of the picture, not of the text.
//
// It panics if a line has not one Y (and error, if any) for each X.
func Curve(d CurveData) *Figure {
	for _, l := range d.Lines {
		l.check("Curve")
	}
	if d.XName == "" {
		d.XName = "bits"
	}
	if d.YName == "" {
		d.YName = "top-1 accuracy"
	}
	if d.YUnit == "" {
		d.YUnit = "%"
	}
	f := &Figure{title: clean(d.Title), w: 680, h: 420, minW: 380, minH: 300, draw: d.paint}
	f.text, f.alt = d.words()
	return f
}

func (l Line) check(who string) {
	if len(l.X) != len(l.Y) || l.Err != nil && len(l.Err) != len(l.Y) {
		panic(fmt.Sprintf("chart: %s: line %q has %d X, %d Y and %d errors", who, l.Name, len(l.X), len(l.Y), len(l.Err)))
	}
}

func (d CurveData) keys() []key {
	var keys []key
	for i, l := range d.Lines {
		keys = append(keys, key{l.Name, keyLine, i})
	}
	if len(d.Pareto) > 0 {
		keys = append(keys, key{"mixed-precision plans", keyMark, 3})
	}
	if d.Plan != nil {
		keys = append(keys, key{planName(d.Plan), keyStar, 0})
	}
	if d.Float != 0 {
		keys = append(keys, key{"float " + d.value(d.Float), keyDash, 6})
	}
	return keys
}

// planName is what legends and texts call a plan that is marked.
func planName(p *Point) string {
	if p.Name == "" {
		return "this plan"
	}
	return p.Name
}

// value writes an accuracy with its unit.
func (d CurveData) value(v float64) string {
	s := places(v, 2)
	if d.YUnit != "" {
		s += " " + clean(d.YUnit)
	}
	return s
}

func (d CurveData) paint(p pen, w, h float64) {
	top := p.header(w, d.Title, d.Subtitle, d.keys()) + 6
	var xs, ys [][]float64
	for _, l := range d.Lines {
		xs, ys = append(xs, l.X), append(ys, l.Y)
		for i, e := range l.Err {
			ys = append(ys, []float64{l.Y[i] + e, l.Y[i] - e})
		}
	}
	points := d.Pareto
	if d.Plan != nil {
		points = append(slices.Clone(points), *d.Plan)
	}
	for _, q := range points {
		xs, ys = append(xs, []float64{q.X}), append(ys, []float64{q.Y})
	}
	if d.Float != 0 {
		ys = append(ys, []float64{d.Float})
	}
	xlo, xhi, ok := extent(true, xs...)
	ylo, yhi, ok2 := extent(false, ys...)
	if !ok || !ok2 {
		p.text(w/2, (top+h)/2, "no points", style{size: 13, col: soft, align: center})
		return
	}
	ylo, yhi = roundOut(ylo, yhi, d.YUnit == "%")
	yt := linear(ylo, yhi, int((h-bottom-top)/45), 1)
	y := scale{lo: ylo, hi: yhi, a: h - bottom, b: top}
	if xlo == xhi {
		xlo, xhi = xlo/1.5, xhi*1.5
	}
	k := math.Pow(xhi/xlo, 0.04)
	x := scale{lo: xlo / k, hi: xhi * k, a: room(yt), b: w - margin - 6, log: true}
	p.axes(x, y, bitTicks(x, xs), yt, d.XName+" (log scale)", named(d.YName, d.YUnit))
	if d.Float != 0 {
		p.line(x.a, y.at(d.Float), x.b, y.at(d.Float), 1.5, ink, 5, 3)
	}
	p.staircase(d.Pareto, x, y, palette[vermilion])
	for i, l := range d.Lines {
		p.series(l, i, x, y)
	}
	for _, q := range d.Pareto {
		if drawable(x, q.X, q.Y) {
			p.marker(3, x.at(q.X), y.at(q.Y), 4.5, palette[vermilion])
		}
	}
	if d.Plan != nil && drawable(x, d.Plan.X, d.Plan.Y) {
		p.star(x.at(d.Plan.X), y.at(d.Plan.Y))
	}
}

// roundOut widens a range to round values; percentages stay within 0 and 100
// where the data does.
func roundOut(lo, hi float64, percent bool) (float64, float64) {
	a, b := lo, hi
	if a == b {
		a, b = a-1, b+1
	}
	d := step(b-a, 8)
	a, b = math.Floor(a/d-0.2)*d, math.Ceil(b/d+0.2)*d
	if percent && lo >= 0 {
		a = math.Max(a, 0)
	}
	if percent && hi <= 100 {
		b = math.Min(b, 100)
	}
	return a, b
}

// bitTicks puts a tick at each whole value of the data, or at each power of two
// and some between where the data has none.
func bitTicks(x scale, xs [][]float64) []tick {
	seen := map[float64]bool{}
	for _, g := range xs {
		for _, v := range g {
			if v > 0 && v == math.Trunc(v) && v <= 64 {
				seen[v] = true
			}
		}
	}
	if len(seen) < 2 {
		return logarithmic(x.lo, x.hi, 1)
	}
	var out []tick
	for v := 1.0; v <= 64; v++ {
		if seen[v] {
			out = append(out, tick{v: v, label: num(v, 0)})
		}
	}
	return out
}

func drawable(x scale, u, v float64) bool {
	return (!x.log || u > 0) && !math.IsNaN(u+v) && !math.IsInf(u+v, 0)
}

// series draws a line with its markers and error bars; it breaks where a point
// cannot be drawn.
func (p pen) series(l Line, i int, x, y scale) {
	col := paint(i)
	var run []xy
	for k := range l.X {
		if !drawable(x, l.X[k], l.Y[k]) {
			p.stroke(run, false, 2, col)
			run = nil
			continue
		}
		at := xy{x.at(l.X[k]), y.at(l.Y[k])}
		run = append(run, at)
		if l.Err != nil && l.Err[k] > 0 {
			p.whisker(at.x, y.clamped(l.Y[k]+l.Err[k]), at.x, y.clamped(l.Y[k]-l.Err[k]), col)
		}
	}
	p.stroke(run, false, 2, col)
	for k := range l.X {
		if drawable(x, l.X[k], l.Y[k]) {
			p.marker(i, x.at(l.X[k]), y.at(l.Y[k]), 4, col)
		}
	}
}

// staircase joins points that stand for what a budget can buy.
func (p pen) staircase(points []Point, x, y scale, col color.Color) {
	var pts []xy
	sorted := slices.Clone(points)
	slices.SortStableFunc(sorted, func(a, b Point) int {
		switch {
		case a.X < b.X:
			return -1
		case a.X > b.X:
			return 1
		}
		return 0
	})
	for _, q := range sorted {
		if !drawable(x, q.X, q.Y) {
			continue
		}
		at := xy{x.at(q.X), y.at(q.Y)}
		if len(pts) > 0 {
			pts = append(pts, xy{at.x, pts[len(pts)-1].y})
		}
		pts = append(pts, at)
	}
	p.stroke(pts, false, 1.2, col)
}

func (d CurveData) words() (text, alt string) {
	var rows [][]string
	var said []string
	if d.Float != 0 {
		rows = append(rows, []string{"float", "", places(d.Float, 2), ""})
		said = append(said, "float "+d.value(d.Float))
	}
	for _, l := range d.Lines {
		name := brief(l.Name, textName)
		var at []string
		for i := range l.X {
			e := ""
			v := places(l.Y[i], 2)
			if l.Err != nil {
				e = places(l.Err[i], 2)
				v += " ± " + e
			}
			rows = append(rows, []string{name, num(l.X[i], 2), places(l.Y[i], 2), e})
			at = append(at, num(l.X[i], 2)+" bits "+v)
		}
		said = append(said, name+": "+strings.Join(at, ", "))
	}
	for _, q := range d.Pareto {
		name := q.Name
		if name == "" {
			name = "mixed-precision plan"
		}
		rows = append(rows, []string{brief(name, textName), num(q.X, 2), places(q.Y, 2), ""})
		said = append(said, fmt.Sprintf("%s: %s bits %s", brief(name, textName), num(q.X, 2), places(q.Y, 2)))
	}
	if d.Plan != nil {
		name := brief(planName(d.Plan), textName)
		rows = append(rows, []string{name, num(d.Plan.X, 2), places(d.Plan.Y, 2), ""})
		said = append(said, fmt.Sprintf("%s: %s bits %s", name, num(d.Plan.X, 2), d.value(d.Plan.Y)))
	}
	text = heading(d.Title, d.Subtitle) + grid([]string{"series", cut200(d.XName), cut200(d.YUnit), "±"}, rows)
	alt = sentence(d.Title, d.Subtitle) + "Line chart of " + named(d.YName, d.YUnit) + " against " + cut200(d.XName) + ". " + strings.Join(said, "; ") + "."
	return text, alt
}
