package chart

import (
	"image/color"

	"gonum.org/v1/plot/vg"
)

// pen draws in pixels from the top left on a vg canvas.
type pen struct {
	c      vg.Canvas
	height float64 // of the canvas, px
}

type xy struct{ x, y float64 }

func (p pen) pt(x, y float64) vg.Point {
	return vg.Point{X: vg.Length(x) * px, Y: vg.Length(p.height-y) * px}
}

func (p pen) path(pts []xy, closed bool) vg.Path {
	var v vg.Path
	for i, q := range pts {
		if i == 0 {
			v.Move(p.pt(q.x, q.y))
		} else {
			v.Line(p.pt(q.x, q.y))
		}
	}
	if closed {
		v.Close()
	}
	return v
}

func box(x, y, w, h float64) []xy { return []xy{{x, y}, {x + w, y}, {x + w, y + h}, {x, y + h}} }

func (p pen) fill(pts []xy, col color.Color) {
	if len(pts) < 3 {
		return
	}
	p.c.SetColor(col)
	p.c.Fill(p.path(pts, true))
}

func (p pen) rect(x, y, w, h float64, col color.Color) {
	if w > 0 && h > 0 {
		p.fill(box(x, y, w, h), col)
	}
}

// stroke draws a line through the points; dash holds the lengths of dashes and
// gaps.
func (p pen) stroke(pts []xy, closed bool, width float64, col color.Color, dash ...float64) {
	if len(pts) < 2 {
		return
	}
	p.c.SetColor(col)
	p.c.SetLineWidth(vg.Length(width) * px)
	d := make([]vg.Length, len(dash))
	for i, v := range dash {
		d[i] = vg.Length(v) * px
	}
	p.c.SetLineDash(d, 0)
	p.c.Stroke(p.path(pts, closed))
	if len(d) > 0 {
		p.c.SetLineDash(nil, 0)
	}
}

func (p pen) line(x0, y0, x1, y1, width float64, col color.Color, dash ...float64) {
	p.stroke([]xy{{x0, y0}, {x1, y1}}, false, width, col, dash...)
}

func (p pen) circle(x, y, r float64, col color.Color) {
	var v vg.Path
	v.Move(p.pt(x+r, y))
	v.Arc(p.pt(x, y), vg.Length(r)*px, 0, 6.283185307179586)
	v.Close()
	p.c.SetColor(col)
	p.c.Fill(v)
}

// Markers differ in shape, so that series are told apart without colour.
func (p pen) marker(i int, x, y, r float64, col color.Color) {
	switch i % 5 {
	case 0:
		p.circle(x, y, r, col)
	case 1:
		p.rect(x-r*0.88, y-r*0.88, r*1.76, r*1.76, col)
	case 2:
		p.fill([]xy{{x, y - r*1.2}, {x + r*1.1, y + r*0.8}, {x - r*1.1, y + r*0.8}}, col)
	case 3:
		p.fill([]xy{{x, y - r*1.25}, {x + r*1.25, y}, {x, y + r*1.25}, {x - r*1.25, y}}, col)
	default:
		p.fill([]xy{{x, y + r*1.2}, {x + r*1.1, y - r*0.8}, {x - r*1.1, y - r*0.8}}, col)
	}
}

// star marks the plan in hand.
func (p pen) star(x, y float64) {
	p.fill(starPath(x, y, 11, 4.6), paper)
	p.fill(starPath(x, y, 9, 3.8), palette[vermilion])
}

func starPath(x, y, r, in float64) []xy {
	// sin and cos of multiples of 36 degrees
	s := [...]float64{0, 0.587785, 0.951057, 0.951057, 0.587785, 0, -0.587785, -0.951057, -0.951057, -0.587785}
	c := [...]float64{1, 0.809017, 0.309017, -0.309017, -0.809017, -1, -0.809017, -0.309017, 0.309017, 0.809017}
	pts := make([]xy, 10)
	for i := range pts {
		d := r
		if i%2 == 1 {
			d = in
		}
		pts[i] = xy{x + d*s[i], y - d*c[i]}
	}
	return pts
}

type align int8

const (
	left align = iota
	center
	right
)

// A style says how a text looks and where it sits: align is horizontal, and
// the point is at half the height of its capitals.
type style struct {
	size  float64
	col   color.Color
	bold  bool
	align align
	turn  bool // a quarter turn to the left, as at a vertical axis
}

func (p pen) text(x, y float64, s string, st style) {
	if s == "" {
		return
	}
	f := face(st.size, st.bold)
	w := float64(f.Width(s) / px)
	dx := -w * float64(st.align) / 2
	dy := st.size * 0.36 // half the height of a capital
	p.c.SetColor(st.col)
	if st.turn {
		p.c.Push()
		p.c.Translate(p.pt(x, y))
		p.c.Rotate(1.5707963267948966)
		p.c.FillString(f, vg.Point{X: vg.Length(dx) * px, Y: -vg.Length(dy) * px}, s)
		p.c.Pop()
		return
	}
	p.c.FillString(f, p.pt(x+dx, y+dy), s)
}

// haloed draws a text over lines: its place is cleared first.
func (p pen) haloed(x, y float64, s string, st style) {
	w := textWidth(s, st.size, st.bold)
	p.rect(x-w*float64(st.align)/2-2, y-st.size*0.55, w+4, st.size*1.1, paper)
	p.text(x, y, s, st)
}
