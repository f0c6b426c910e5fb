package chart

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Log says how an axis is divided.
type Log int8

const (
	AutoLog Log = iota // logarithmic where the values are positive and span a factor of 30
	NoLog
	YesLog // values that are not positive are left out
)

// span is an axis to be: its range, its division, and the prefix of its unit.
type span struct {
	lo, hi float64
	log    bool
	factor float64
	unit   string
	ok     bool
}

// choose fits an axis to values.
func choose(l Log, unit string, groups ...[]float64) span {
	lo, hi, ok := extent(l == YesLog, groups...)
	s := span{lo: lo, hi: hi, log: l == YesLog, factor: 1, unit: unit, ok: ok}
	if !ok {
		return s
	}
	if l == AutoLog && lo > 0 && hi/lo > 30 {
		s.log = true
	}
	if s.log {
		k := math.Pow(math.Max(hi/lo, 1.5), 0.05)
		s.lo, s.hi = lo/k, hi*k
		s.factor, s.unit = prefix(unit, math.Sqrt(lo*hi))
		return s
	}
	pad := (hi - lo) * 0.05
	if pad == 0 {
		pad = math.Max(math.Abs(hi)*0.1, 1e-12)
	}
	s.lo, s.hi = lo-pad, hi+pad
	if lo >= 0 && lo < (hi-lo)*0.5 {
		s.lo = 0
	}
	s.factor, s.unit = prefix(unit, math.Max(math.Abs(lo), math.Abs(hi)))
	return s
}

func (s span) scale(a, b float64) scale { return scale{lo: s.lo, hi: s.hi, a: a, b: b, log: s.log} }

func (s span) ticks(n int) []tick {
	if s.log {
		return logarithmic(s.lo, s.hi, s.factor)
	}
	return linear(s.lo, s.hi, n, s.factor)
}

func (s span) title(name string) string {
	t := named(name, s.unit)
	if s.log {
		t += ", log scale"
	}
	return t
}

// FrontierData describes what a budget buys.
type FrontierData struct {
	Title, Subtitle string
	Lines           []Line  // each a frontier: X the cost, Y the noise (or another loss)
	Others          []Point // plans off the frontier
	Plan            *Point  // the plan that was chosen; nil for none
	Budget          float64 // a vertical line; 0 for none
	XName, XUnit    string  // "weights", "B": B, s, J, op/s, BOPs and MACs take prefixes
	YName, YUnit    string  // "noise-to-signal power", ""
	LogX, LogY      Log
}

// Frontier draws loss against cost, as stairs: between two plans a budget buys
// no more than the cheaper one. The chosen plan is a star.
//
// It panics if a line has not one Y for each X.
func Frontier(d FrontierData) *Figure {
	for _, l := range d.Lines {
		l.check("Frontier")
	}
	f := &Figure{title: clean(d.Title), w: 680, h: 420, minW: 380, minH: 300, draw: d.paint}
	f.text, f.alt = d.words()
	return f
}

func (d FrontierData) spans() (x, y span) {
	var xs, ys [][]float64
	for _, l := range d.Lines {
		xs, ys = append(xs, l.X), append(ys, l.Y)
	}
	points := d.Others
	if d.Plan != nil {
		points = append(slices.Clone(points), *d.Plan)
	}
	for _, q := range points {
		xs, ys = append(xs, []float64{q.X}), append(ys, []float64{q.Y})
	}
	if d.Budget != 0 {
		xs = append(xs, []float64{d.Budget})
	}
	return choose(d.LogX, d.XUnit, xs...), choose(d.LogY, d.YUnit, ys...)
}

func (d FrontierData) paint(p pen, w, h float64) {
	var keys []key
	for i, l := range d.Lines {
		keys = append(keys, key{l.Name, keyLine, i})
	}
	if len(d.Others) > 0 {
		keys = append(keys, key{"other plans", keyMark, 4})
	}
	if d.Plan != nil {
		keys = append(keys, key{planName(d.Plan), keyStar, 0})
	}
	if d.Budget != 0 {
		keys = append(keys, key{"budget", keyDash, 6})
	}
	top := p.header(w, d.Title, d.Subtitle, keys) + 6
	sx, sy := d.spans()
	if !sx.ok || !sy.ok {
		p.text(w/2, (top+h)/2, "no plans", style{size: 13, col: soft, align: center})
		return
	}
	y := sy.scale(h-bottom, top)
	yt := sy.ticks(int((h - bottom - top) / 45))
	x := sx.scale(room(yt), w-margin-8)
	p.axes(x, y, sx.ticks(int((x.b-x.a)/80)), yt, sx.title(d.XName), sy.title(d.YName))
	can := func(u, v float64) bool { return drawable(x, u, v) && drawable(y, v, u) }
	if d.Budget > 0 || d.Budget < 0 && !x.log {
		p.line(x.at(d.Budget), y.a, x.at(d.Budget), y.b, 1.5, ink, 5, 3)
	}
	for _, q := range d.Others {
		if can(q.X, q.Y) {
			p.marker(4, x.at(q.X), y.at(q.Y), 3.5, paint(4))
		}
	}
	for i, l := range d.Lines {
		var pts []Point
		for k := range l.X {
			if can(l.X[k], l.Y[k]) {
				pts = append(pts, Point{X: l.X[k], Y: l.Y[k]})
			}
		}
		p.staircase(pts, x, y, paint(i))
		r := 3.5
		if len(pts) > 60 {
			r = 2
		}
		for _, q := range pts {
			p.marker(i, x.at(q.X), y.at(q.Y), r, paint(i))
		}
	}
	if d.Plan != nil && can(d.Plan.X, d.Plan.Y) {
		p.star(x.at(d.Plan.X), y.at(d.Plan.Y))
	}
}

func (d FrontierData) words() (text, alt string) {
	sx, sy := d.spans()
	var rows [][]string
	var said []string
	add := func(name string, x, y float64) string {
		rows = append(rows, []string{name, sig(x/sx.factor, 4), sig(y/sy.factor, 3)})
		return sig(x/sx.factor, 4) + " gives " + sig(y/sy.factor, 3)
	}
	for _, l := range d.Lines {
		name := brief(l.Name, textName)
		var at []string
		for i := range l.X {
			at = append(at, add(name, l.X[i], l.Y[i]))
		}
		said = append(said, name+": "+strings.Join(at, ", "))
	}
	for _, q := range d.Others {
		said = append(said, brief(q.Name, textName)+": "+add(brief(q.Name, textName), q.X, q.Y))
	}
	if d.Plan != nil {
		name := brief(planName(d.Plan), textName)
		said = append(said, name+": "+add(name, d.Plan.X, d.Plan.Y))
	}
	if d.Budget != 0 {
		said = append(said, "budget "+sig(d.Budget/sx.factor, 4))
	}
	text = heading(d.Title, d.Subtitle) + grid([]string{"plan", named(d.XName, sx.unit), named(d.YName, sy.unit)}, rows)
	alt = fmt.Sprintf("%sFrontier of %s against %s. %s.", sentence(d.Title, d.Subtitle),
		named(d.YName, sy.unit), named(d.XName, sx.unit), strings.Join(said, "; "))
	return text, alt
}
