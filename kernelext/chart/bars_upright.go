package chart

import "math"

// upright draws the bars standing, with the names below: level where they fit,
// turned where they do not.
func (b bars) upright(p pen, w, h float64) {
	top := p.header(w, b.Title, b.Subtitle, b.keys()) + 14
	lo, hi := b.span()
	d := step(hi-lo, 6)
	lo, hi = math.Floor(lo/d)*d, math.Ceil(hi/d)*d
	factor, unit := prefix(b.Unit, math.Max(-lo, hi))
	ticks := linear(lo, hi, 6, factor)
	left := room(ticks)
	pitch := (w - left - margin) / float64(max(1, len(b.order)))
	names := make([]string, len(b.order))
	turn := false
	for i, l := range b.order {
		names[i] = label(b.Labels[l], 1e4, 11)
		turn = turn || textWidth(names[i], 11, false) > pitch-6
	}
	below := 22.0
	if turn {
		below = 0
		for i := range names {
			names[i] = short(names[i], h*0.3, 11, false)
			below = math.Max(below, textWidth(names[i], 11, false)+14)
		}
	}
	y := scale{lo: lo, hi: hi, a: h - margin - below, b: top}
	if lo < 0 {
		y.a -= 14
	}
	x := scale{lo: 0, hi: 1, a: left, b: w - margin}
	p.axes(x, y, nil, ticks, "", named(b.Name, unit))
	p.line(left, y.at(0), w-margin, y.at(0), 1.2, axisC)
	thick := pitch * 0.8 / float64(max(1, len(b.Series)))
	for row, i := range b.order {
		x0 := left + float64(row)*pitch
		if turn {
			p.text(x0+pitch/2, h-margin-below+8, names[row], style{size: 11, col: ink, align: right, turn: true})
		} else {
			p.text(x0+pitch/2, h-margin-below+14, names[row], style{size: 11, col: ink, align: center})
		}
		for k, s := range b.Series {
			v := s.Values[i]
			bx := x0 + pitch*0.1 + float64(k)*thick
			st := style{size: math.Min(10, thick*0.4+4), col: ink, align: center}
			if math.IsNaN(v) {
				p.text(bx+thick/2, y.at(0)-8, "n/a", st)
				continue
			}
			a, z := math.Min(y.at(0), y.clamped(v)), math.Max(y.at(0), y.clamped(v))
			p.rect(bx+0.5, a, thick-1, z-a, paint(k))
			if s.Err != nil && s.Err[i] > 0 && !math.IsInf(v, 0) {
				e0, e1 := y.clamped(v-s.Err[i]), y.clamped(v+s.Err[i])
				p.whisker(bx+thick/2, e0, bx+thick/2, e1, ink)
				a, z = math.Min(a, e1), math.Max(z, e0)
			}
			at := a - 7
			if v < 0 {
				at = z + 7
			}
			p.text(bx+thick/2, at, places(v/factor, b.Digits), st)
		}
	}
}
