package chart

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// ScatterData describes predicted against measured values.
type ScatterData struct {
	Title, Subtitle string
	Points          []Point // X predicted, Y measured
	XName, YName    string  // "predicted" and "measured" if empty
	Unit            string  // of both
	Log             Log     // of both axes
	Named           int     // how many of the points farthest from the diagonal are labelled; 0 means 5
}

// Scatter draws predicted against measured values on two equal axes, with the
// diagonal on which a perfect prediction would lie. The points farthest from it
// carry their names.
func Scatter(d ScatterData) *Figure {
	if d.XName == "" {
		d.XName = "predicted"
	}
	if d.YName == "" {
		d.YName = "measured"
	}
	if d.Named == 0 {
		d.Named = 5
	}
	f := &Figure{title: clean(d.Title), w: 520, h: 540, minW: 340, minH: 360, draw: d.paint}
	f.text, f.alt = d.words()
	return f
}

func (d ScatterData) span() span {
	var all []float64
	for _, q := range d.Points {
		all = append(all, q.X, q.Y)
	}
	return choose(d.Log, d.Unit, all)
}

func (d ScatterData) paint(p pen, w, h float64) {
	top := p.header(w, d.Title, d.Subtitle, []key{{"perfect prediction", keyDash, 6}}) + 6
	s := d.span()
	if !s.ok {
		p.text(w/2, (top+h)/2, "no points", style{size: 13, col: soft, align: center})
		return
	}
	ticks := s.ticks(6)
	l := room(ticks)
	side := math.Min(w-margin-8-l, h-bottom-top)
	x, y := s.scale(l, l+side), s.scale(h-bottom, h-bottom-side)
	p.axes(x, y, ticks, ticks, s.title(d.XName), s.title(d.YName))
	p.line(x.a, y.a, x.b, y.b, 1.5, ink, 5, 3)
	can := func(q Point) bool { return drawable(x, q.X, q.Y) && drawable(y, q.Y, q.X) }
	room := &placer{x0: x.a + 2, y0: y.b, x1: x.b, y1: y.a - 2}
	room.avoid(xy{x.a, y.a}, xy{x.b, y.b})
	var far []Point
	for _, q := range d.Points {
		if can(q) {
			p.marker(0, x.at(q.X), y.at(q.Y), 4, paint(blue))
			room.take(x.at(q.X)-5, y.at(q.Y)-5, x.at(q.X)+5, y.at(q.Y)+5)
			far = append(far, q)
		}
	}
	off := func(q Point) float64 { return math.Abs((x.at(q.X) - x.a) - (y.a - y.at(q.Y))) }
	slices.SortStableFunc(far, func(a, b Point) int { return cmp.Compare(off(b), off(a)) })
	for _, q := range far[:min(max(d.Named, 0), len(far))] {
		if q.Name != "" && off(q) > 2 {
			p.tag(room, x.at(q.X), y.at(q.Y), short(q.Name, side*0.35, 10, false), 10)
		}
	}
}

func (d ScatterData) words() (text, alt string) {
	s := d.span()
	var rows [][]string
	var said []string
	for _, q := range d.Points {
		r := []string{brief(q.Name, textName), sig(q.X/s.factor, 4), sig(q.Y/s.factor, 4)}
		rows = append(rows, r)
		said = append(said, r[0]+": "+r[1]+", "+r[2])
	}
	text = heading(d.Title, d.Subtitle) + grid([]string{"plan", named(d.XName, s.unit), named(d.YName, s.unit)}, rows)
	alt = fmt.Sprintf("%sScatter plot of %s against %s for %s. %s.", sentence(d.Title, d.Subtitle),
		named(d.YName, s.unit), cut200(d.XName), count(len(d.Points), "point", "points"), strings.Join(said, "; "))
	return text, alt
}
