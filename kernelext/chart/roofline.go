package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Roof is the speed of an arithmetic: what a device computes at most.
type Roof struct {
	Name string
	Peak float64 // op/s
}

// A RoofPoint is a layer on a roofline.
type RoofPoint struct {
	Name      string
	Intensity float64 // operations per byte moved
	Rate      float64 // op/s, predicted or measured
	Roof      int     // index of the roof under which it runs
}

// RooflineData describes a device's limits and a network's layers.
type RooflineData struct {
	Title, Subtitle string
	Bandwidth       float64 // B/s
	Roofs           []Roof
	Points          []RoofPoint
}

// namedPoints is the greatest number of points that carry their names in the
// picture; more of them carry numbers, which a list beside it explains.
const namedPoints = 12

// Roofline draws the rate of each layer against its operations per byte, under
// the slope of the memory's bandwidth and the roofs of the arithmetics, both on
// logarithmic axes. Layers left of their roof's ridge wait for the memory: they
// gain from narrower numbers only as bytes are saved. A layer that reaches less
// than half of what the roofs allow spends most of its time on something else.
//
// After Williams, Waterman and Patterson (2009),
// https://doi.org/10.1145/1498765.1498785.
//
// It panics if there is no roof, if Bandwidth or a peak is not positive and
// finite, or if a point names a roof that is not there.
func Roofline(d RooflineData) *Figure {
	good := func(v float64) bool { return v > 0 && !math.IsInf(v, 0) }
	if len(d.Roofs) == 0 || !good(d.Bandwidth) {
		panic("chart: Roofline: no roof, or a bandwidth that is not positive")
	}
	for _, r := range d.Roofs {
		if !good(r.Peak) {
			panic(fmt.Sprintf("chart: Roofline: roof %q has a peak of %v", r.Name, r.Peak))
		}
	}
	for _, q := range d.Points {
		if q.Roof < 0 || q.Roof >= len(d.Roofs) {
			panic(fmt.Sprintf("chart: Roofline: point %q names roof %d of %d", q.Name, q.Roof, len(d.Roofs)))
		}
	}
	f := &Figure{title: clean(d.Title), w: 720, h: 460, minW: 420, minH: 320, draw: d.paint}
	if n := len(d.Points); n > namedPoints {
		f.w = 900
		f.h = math.Max(460, 90+13*float64(n))
		f.minW, f.minH = 640, f.h*0.8
	}
	f.text, f.alt = d.words()
	return f
}

func (d RooflineData) ridge(roof int) float64 { return d.Roofs[roof].Peak / d.Bandwidth }

// What limits a point.
const (
	byMemory     = "memory"
	byArithmetic = "arithmetic"
	byOther      = "other costs"
)

// bound says what limits a point: the roof above it, unless the point reaches
// less than half of that, and something else takes most of its time.
func (d RooflineData) bound(q RoofPoint) string {
	switch reach := math.Min(q.Intensity*d.Bandwidth, d.Roofs[q.Roof].Peak); {
	case q.Rate < reach/2:
		return byOther
	case q.Intensity < d.ridge(q.Roof):
		return byMemory
	}
	return byArithmetic
}

// boundColor is the place in the palette, and so the shape, of what limits a point.
var boundColor = map[string]int{byMemory: vermilion, byArithmetic: blue, byOther: purple}

func (d RooflineData) paint(p pen, w, h float64) {
	top := p.header(w, d.Title, d.Subtitle, []key{
		{"limited by memory", keyMark, vermilion}, {"by arithmetic", keyMark, blue},
		{"by other costs: starting, packing, elements", keyMark, purple},
	}) + 6
	var xs, ys []float64
	for i, r := range d.Roofs {
		xs, ys = append(xs, d.ridge(i)/4, d.ridge(i)*4), append(ys, r.Peak*1.25, r.Peak/16)
	}
	for _, q := range d.Points {
		if q.Intensity > 0 && q.Rate > 0 {
			xs, ys = append(xs, q.Intensity), append(ys, q.Rate)
		}
	}
	sx, sy := choose(YesLog, "", xs), choose(YesLog, "op/s", ys)
	edge := w - margin - 8
	if len(d.Points) > namedPoints {
		edge -= 230
		d.list(p, edge+18, top, w-margin)
	}
	foot := math.Min(h-bottom, top+(edge-margin)*0.9)
	y := sy.scale(foot, top)
	yt := sy.ticks(6)
	x := sx.scale(room(yt), edge)
	p.axes(x, y, sx.ticks(6), yt, "operations per byte, log scale", sy.title("rate"))
	q := &placer{x0: x.a + 2, y0: y.b, x1: x.b, y1: y.a - 2}
	for _, r := range d.Points { // words keep off marks
		if c, ok := r.at(x, y); ok {
			q.take(c.x-5, c.y-5, c.x+5, c.y+5)
		}
	}
	d.roofs(p, x, y, q)
	d.points(p, x, y, q)
}

func (d RooflineData) roofs(p pen, x, y scale, q *placer) {
	best := 0
	for i, r := range d.Roofs {
		if r.Peak > d.Roofs[best].Peak {
			best = i
		}
	}
	// The slope starts where it enters the area.
	from := math.Max(x.lo, y.lo/d.Bandwidth)
	a, b := xy{x.at(from), y.at(from * d.Bandwidth)}, xy{x.at(d.ridge(best)), y.at(d.Roofs[best].Peak)}
	p.line(a.x, a.y, b.x, b.y, 2, soft)
	q.avoid(a, b)
	for i, r := range d.Roofs {
		ridge := xy{x.at(d.ridge(i)), y.at(r.Peak)}
		p.line(ridge.x, ridge.y, x.b, ridge.y, 2, soft)
		q.avoid(ridge, xy{x.b, ridge.y})
		p.line(ridge.x, ridge.y, ridge.x, y.a, 1, axisC, 2, 3)
		q.avoid(ridge, xy{ridge.x, y.a})
		factor, unit := prefix("op/s", r.Peak)
		s := short(fmt.Sprintf("%s: %s %s", r.Name, sig(r.Peak/factor, 3), unit), (x.b-ridge.x)*1.2, 11, false)
		wide := textWidth(s, 11, false)
		p.text(x.b-4, ridge.y-9, s, style{size: 11, col: ink, align: right})
		q.text(x.b-4-wide, ridge.y-16, x.b, ridge.y-2)
	}
	for i := range d.Roofs { // the ridges, where there is room at the foot
		rx := x.at(d.ridge(i))
		s := "ridge " + sig(d.ridge(i), 3) + " op/B"
		wide := textWidth(s, 10, false)
		for dy := 9.0; dy < 60; dy += 13 {
			if q.free(rx+4, y.a-dy-6, rx+4+wide, y.a-dy+6) {
				p.text(rx+4, y.a-dy, s, style{size: 10, col: soft})
				q.text(rx+4, y.a-dy-6, rx+4+wide, y.a-dy+6)
				break
			}
		}
	}
	factor, unit := prefix("B/s", d.Bandwidth)
	s := "memory: " + sig(d.Bandwidth/factor, 3) + " " + unit
	wide := textWidth(s, 11, false)
	mx, my := a.x+(b.x-a.x)*0.35, a.y+(b.y-a.y)*0.35
	if mx-wide-8 > x.a {
		p.text(mx-8, my-8, s, style{size: 11, col: ink, align: right})
		q.text(mx-8-wide, my-15, mx-8, my-1)
	} else {
		p.text(x.a+6, y.b+10, s, style{size: 11, col: ink})
		q.text(x.a+6, y.b+3, x.a+6+wide, y.b+17)
	}
}

// at is where a layer's mark stands; false if it has no place on logarithmic axes.
func (r RoofPoint) at(x, y scale) (xy, bool) {
	if !(r.Intensity > 0 && r.Rate > 0) || math.IsInf(r.Intensity+r.Rate, 0) {
		return xy{}, false
	}
	return xy{x.at(r.Intensity), y.at(r.Rate)}, true
}

func (d RooflineData) points(p pen, x, y scale, q *placer) {
	for _, r := range d.Points {
		if c, ok := r.at(x, y); ok {
			n := boundColor[d.bound(r)]
			p.marker(n, c.x, c.y, 4.5, paint(n))
		}
	}
	for i, r := range d.Points {
		if c, ok := r.at(x, y); ok {
			s := strconv.Itoa(i + 1)
			if len(d.Points) <= namedPoints {
				s = label(r.Name, 130, 10)
			}
			p.tag(q, c.x, c.y, s, 10)
		}
	}
}

// list names the points whose numbers stand in the picture.
func (d RooflineData) list(p pen, x, y, end float64) {
	names := make([]string, len(d.Points))
	for i, r := range d.Points {
		names[i] = r.Name
	}
	for i, name := range labels(names, end-x-34, 10) {
		r := d.Points[i]
		yy := y + 6 + 13*float64(i)
		n := boundColor[d.bound(r)]
		p.marker(n, x+4, yy, 3.2, paint(n))
		p.text(x+28, yy, strconv.Itoa(i+1), style{size: 10, col: soft, align: right})
		p.text(x+34, yy, name, style{size: 10, col: ink})
	}
}

func (d RooflineData) words() (text, alt string) {
	var rows [][]string
	var said []string
	for i, q := range d.Points {
		factor, unit := prefix("op/s", q.Rate)
		r := []string{brief(q.Name, textName), strconv.Itoa(i + 1), sig(q.Intensity, 3), sig(q.Rate/factor, 3) + " " + unit, d.bound(q)}
		rows = append(rows, r)
		said = append(said, fmt.Sprintf("%s: %s op/B, %s, limited by %s", r[0], r[2], r[3], r[4]))
	}
	var roofs []string
	for i, r := range d.Roofs {
		factor, unit := prefix("op/s", r.Peak)
		roofs = append(roofs, fmt.Sprintf("%s %s %s, ridge at %s op/B", brief(r.Name, textName), sig(r.Peak/factor, 3), unit, sig(d.ridge(i), 3)))
	}
	factor, unit := prefix("B/s", d.Bandwidth)
	limits := fmt.Sprintf("memory %s %s; %s", sig(d.Bandwidth/factor, 3), unit, strings.Join(roofs, "; "))
	text = heading(d.Title, d.Subtitle) + limits + "\n" + grid([]string{"layer", "no.", "op/B", "rate", "limited by"}, rows)
	alt = sentence(d.Title, d.Subtitle) + "Roofline: " + limits + ". " + strings.Join(said, "; ") + "."
	return text, alt
}
