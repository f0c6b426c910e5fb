package chart

import (
	"image/color"
	"math"
	"strconv"
)

// A scale maps values to pixels.
type scale struct {
	lo, hi float64 // values
	a, b   float64 // px at lo and hi
	log    bool
}

func (s scale) at(v float64) float64 {
	lo, hi := s.lo, s.hi
	if s.log {
		lo, hi, v = math.Log(lo), math.Log(hi), math.Log(v)
	}
	return s.a + (s.b-s.a)*(v-lo)/(hi-lo)
}

// clamped is at for a value that may lie outside, or not be a number at all.
func (s scale) clamped(v float64) float64 {
	if math.IsNaN(v) {
		v = s.lo
	}
	return s.at(math.Min(math.Max(v, s.lo), s.hi))
}

type tick struct {
	v     float64
	label string
	minor bool
}

// step gives the least step of 1, 2 or 5 times a power of ten that divides
// span into at most n parts.
func step(span float64, n int) float64 {
	raw := span / float64(n)
	p := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5, 10} {
		if m*p >= raw*(1-1e-9) {
			return m * p
		}
	}
	return 10 * p
}

// linear gives ticks for lo..hi, of which there are about n; labels are
// divided by factor.
func linear(lo, hi float64, n int, factor float64) []tick {
	d := step(hi-lo, max(n, 2))
	digits := max(0, int(-math.Floor(math.Log10(d/factor)+1e-9)))
	var out []tick
	for i := math.Ceil(lo/d - 1e-9); i*d <= hi+d*1e-9; i++ {
		out = append(out, tick{v: i * d, label: places(i*d/factor, digits)})
	}
	return out
}

// logarithmic gives ticks at powers of ten, and at 2 and 5 times them where
// there are few.
func logarithmic(lo, hi, factor float64) []tick {
	first, last := math.Floor(math.Log10(lo)+1e-9), math.Ceil(math.Log10(hi)-1e-9)
	every := math.Max(1, math.Ceil((last-first)/8))
	few := math.Log10(hi/lo) < 2.2
	var out []tick
	for e := first; e <= last; e++ {
		p := math.Pow(10, e)
		for m := 1.0; m < 10; m++ {
			v := m * p
			if v < lo*(1-1e-9) || v > hi*(1+1e-9) {
				continue
			}
			t := tick{v: v, minor: true}
			if m == 1 && math.Mod(e-first, every) == 0 || few && (m == 2 || m == 5) {
				t.label, t.minor = sig(v/factor, 3), false
			}
			out = append(out, t)
		}
	}
	return out
}

// extent gives the least and greatest finite values; ok is false if there are
// none. With positive set only values above zero count.
func extent(positive bool, groups ...[]float64) (lo, hi float64, ok bool) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, g := range groups {
		for _, v := range g {
			if math.IsNaN(v) || math.IsInf(v, 0) || positive && v <= 0 {
				continue
			}
			lo, hi = math.Min(lo, v), math.Max(hi, v)
		}
	}
	return lo, hi, lo <= hi
}

// A key is an entry of a legend.
type key struct {
	name string
	kind keyKind
	n    int // index of the colour and marker
}

type keyKind int8

const (
	keyBox keyKind = iota
	keyLine
	keyMark
	keyDash
	keyStem
	keyRule
	keyBand
	keyStar
)

const margin = 14 // inside the card, px

// header draws the title, the second line and the legend, and gives the height
// that they take.
func (p pen) header(w float64, title, sub string, keys []key) float64 {
	y := float64(margin)
	if title != "" {
		p.text(margin, y+7, short(title, w-2*margin, 15, true), style{size: 15, col: ink, bold: true})
		y += 23
	}
	if sub != "" {
		p.text(margin, y+5, short(sub, w-2*margin, 12, false), style{size: 12, col: soft})
		y += 19
	}
	if len(keys) > 0 {
		x := float64(margin)
		for _, k := range keys {
			name := short(k.name, w-2*margin-30, 12, false)
			wide := 24 + textWidth(name, 12, false)
			if x > margin && x+wide > w-margin {
				x, y = margin, y+19
			}
			p.key(x, y+7, k)
			p.text(x+24, y+7, name, style{size: 12, col: ink})
			x += wide + 18
		}
		y += 22
	}
	return y + 2
}

func (p pen) key(x, y float64, k key) {
	col := paint(k.n)
	switch k.kind {
	case keyBox:
		p.rect(x+2, y-5, 14, 10, col)
	case keyLine:
		p.line(x, y, x+18, y, 2, col)
		p.marker(k.n, x+9, y, 4, col)
	case keyMark:
		p.marker(k.n, x+9, y, 4.5, col)
	case keyDash:
		p.line(x, y, x+18, y, 1.5, col, 5, 3)
	case keyStem:
		p.line(x+9, y-4, x+9, y+6, 1.6, col)
		p.circle(x+9, y-4, 3.2, col)
	case keyRule:
		p.line(x+6, y-6, x+6, y+6, 0.8, tint(col, 0.75))
		p.line(x+12, y-6, x+12, y+6, 0.8, tint(col, 0.75))
	case keyBand:
		p.rect(x+1, y-6, 16, 12, tint(col, 0.25))
	case keyStar:
		p.star(x+9, y)
	}
}

// axes draws grid lines, ticks and titles around the area of x and y.
// The area runs from x.a to x.b and from y.b (top) to y.a (bottom).
func (p pen) axes(x, y scale, xt, yt []tick, xname, yname string) {
	for _, t := range xt {
		if !t.minor {
			p.line(x.at(t.v), y.b, x.at(t.v), y.a, 1, rule)
		}
	}
	for _, t := range yt {
		if !t.minor {
			p.line(x.a, y.at(t.v), x.b, y.at(t.v), 1, rule)
		}
	}
	p.line(x.a, y.a, x.b, y.a, 1, axisC)
	p.line(x.a, y.a, x.a, y.b, 1, axisC)
	wide := 0.0
	for _, t := range yt {
		n := 4.0
		if t.minor {
			n = 2
		}
		p.line(x.a-n, y.at(t.v), x.a, y.at(t.v), 1, axisC)
		p.text(x.a-7, y.at(t.v), t.label, style{size: 11, col: ink, align: right})
		wide = math.Max(wide, textWidth(t.label, 11, false))
	}
	last := math.Inf(-1)
	for _, t := range xt {
		n := 4.0
		if t.minor {
			n = 2
		}
		at := x.at(t.v)
		p.line(at, y.a, at, y.a+n, 1, axisC)
		if half := textWidth(t.label, 11, false) / 2; t.label != "" && at-half > last+4 {
			p.text(at, y.a+13, t.label, style{size: 11, col: ink, align: center})
			last = at + half
		}
	}
	p.text((x.a+x.b)/2, y.a+30, short(xname, x.b-x.a, 12, false), style{size: 12, col: soft, align: center})
	p.text(x.a-7-wide-14, (y.a+y.b)/2, short(yname, y.a-y.b, 12, false), style{size: 12, col: soft, align: center, turn: true})
}

// room gives the space that axes needs to the left for the ticks' labels and
// the title.
func room(yt []tick) float64 {
	wide := 0.0
	for _, t := range yt {
		wide = math.Max(wide, textWidth(t.label, 11, false))
	}
	return margin + 16 + wide + 8
}

// bottom is the space that axes needs below, px.
const bottom = margin + 36

// whisker draws an error bar between two points on a row or a column.
func (p pen) whisker(x0, y0, x1, y1 float64, col color.Color) {
	p.line(x0, y0, x1, y1, 1.2, col)
	if x0 == x1 {
		p.line(x0-3, y0, x0+3, y0, 1.2, col)
		p.line(x1-3, y1, x1+3, y1, 1.2, col)
	} else {
		p.line(x0, y0-3, x0, y0+3, 1.2, col)
		p.line(x1, y1-3, x1, y1+3, 1.2, col)
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
