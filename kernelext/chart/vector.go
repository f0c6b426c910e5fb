package chart

import (
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// A matrix maps (x, y) to (a·x + c·y + e, b·x + d·y + f).
type matrix struct{ a, b, c, d, e, f float64 }

func (m matrix) apply(x, y float64) (float64, float64) {
	return m.a*x + m.c*y + m.e, m.b*x + m.d*y + m.f
}

// then gives the map that applies n first and m afterwards.
func (m matrix) then(n matrix) matrix {
	return matrix{
		m.a*n.a + m.c*n.b, m.b*n.a + m.d*n.b,
		m.a*n.c + m.c*n.d, m.b*n.c + m.d*n.d,
		m.a*n.e + m.c*n.f + m.e, m.b*n.e + m.d*n.f + m.f,
	}
}

// scale is the factor by which m enlarges lengths (the root of that of areas).
func (m matrix) scale() float64 { return math.Sqrt(math.Abs(m.a*m.d - m.b*m.c)) }

// An op is a step of an outline: 'M' and 'L' have one point, 'C' three, 'Z' none.
type op struct {
	verb byte
	p    [3]xy
}

// inkState is how a shape is painted; lengths are in the device's unit.
type inkState struct {
	col   color.NRGBA
	width float64
	dash  []float64
	m     matrix
}

// A sink is the part of a vector format that differs between formats. All its
// points are in the device's coordinates.
type sink interface {
	shape(path []op, fill bool, st *inkState)
	// text gets the matrix that maps the text's own coordinates, with y
	// upwards and the pen's start at the origin, to the device.
	text(f font.Face, s string, m matrix, st *inkState)
	picture(img image.Image, m matrix) // maps the unit square
}

// vector is a vg.Canvas that keeps the state and flattens transforms and arcs,
// so that a format has little to do.
type vector struct {
	w, h  vg.Length
	out   sink
	st    inkState
	stack []inkState
}

// newVector starts a canvas of w × h whose device coordinates are m.
func newVector(w, h vg.Length, m matrix, out sink) *vector {
	v := &vector{w: w, h: h, out: out}
	v.st.m = m
	v.st.width = 1
	v.st.col = color.NRGBA{A: 0xff}
	return v
}

func (v *vector) Size() (vg.Length, vg.Length) { return v.w, v.h }
func (v *vector) SetLineWidth(w vg.Length)     { v.st.width = w.Points() }
func (v *vector) SetLineDash(d []vg.Length, _ vg.Length) {
	v.st.dash = nil
	for _, l := range d {
		v.st.dash = append(v.st.dash, l.Points())
	}
}

func (v *vector) SetColor(c color.Color) {
	if c == nil {
		c = color.Black
	}
	v.st.col = color.NRGBAModel.Convert(c).(color.NRGBA)
}

func (v *vector) Rotate(rad float64) {
	s, c := math.Sincos(rad)
	v.st.m = v.st.m.then(matrix{c, s, -s, c, 0, 0})
}

func (v *vector) Translate(p vg.Point) {
	v.st.m = v.st.m.then(matrix{1, 0, 0, 1, p.X.Points(), p.Y.Points()})
}

func (v *vector) Scale(x, y float64) { v.st.m = v.st.m.then(matrix{x, 0, 0, y, 0, 0}) }

func (v *vector) Push() { v.stack = append(v.stack, v.st) }
func (v *vector) Pop() {
	v.st = v.stack[len(v.stack)-1]
	v.stack = v.stack[:len(v.stack)-1]
}

func (v *vector) Stroke(p vg.Path) {
	if v.st.width > 0 && v.st.col.A > 0 {
		st := v.st
		k := st.m.scale()
		st.width *= k
		st.dash = make([]float64, len(v.st.dash))
		for i, d := range v.st.dash {
			st.dash[i] = d * k
		}
		v.out.shape(v.outline(p), false, &st)
	}
}

func (v *vector) Fill(p vg.Path) {
	if v.st.col.A > 0 {
		v.out.shape(v.outline(p), true, &v.st)
	}
}

func (v *vector) FillString(f font.Face, pt vg.Point, s string) {
	if f.Font.Size == 0 || s == "" || v.st.col.A == 0 {
		return
	}
	m := v.st.m.then(matrix{1, 0, 0, 1, pt.X.Points(), pt.Y.Points()})
	v.out.text(f, s, m, &v.st)
}

func (v *vector) DrawImage(r vg.Rectangle, img image.Image) {
	size := r.Size()
	v.out.picture(img, v.st.m.then(matrix{size.X.Points(), 0, 0, size.Y.Points(), r.Min.X.Points(), r.Min.Y.Points()}))
}

func (v *vector) outline(p vg.Path) []op {
	var out []op
	m := v.st.m
	pt := func(q vg.Point) xy {
		x, y := m.apply(q.X.Points(), q.Y.Points())
		return xy{x, y}
	}
	for _, c := range p {
		switch c.Type {
		case vg.MoveComp:
			out = append(out, op{'M', [3]xy{pt(c.Pos)}})
		case vg.LineComp:
			out = append(out, op{'L', [3]xy{pt(c.Pos)}})
		case vg.CloseComp:
			out = append(out, op{verb: 'Z'})
		case vg.CurveComp:
			c1, c2 := c.Control[0], c.Control[0]
			if len(c.Control) > 1 {
				c2 = c.Control[1]
			}
			a, b, e := pt(c1), pt(c2), pt(c.Pos)
			if len(c.Control) == 1 && len(out) > 0 { // raise the degree
				s := out[len(out)-1]
				from := s.p[0]
				if s.verb == 'C' {
					from = s.p[2]
				}
				b = xy{(e.x + 2*a.x) / 3, (e.y + 2*a.y) / 3}
				a = xy{(from.x + 2*a.x) / 3, (from.y + 2*a.y) / 3}
			}
			out = append(out, op{'C', [3]xy{a, b, e}})
		case vg.ArcComp:
			out = arc(out, m, c)
		}
	}
	return out
}

// arc appends a circular arc as cubic curves of at most a quarter turn each,
// whose distance from the circle is under 0.03 % of the radius.
func arc(out []op, m matrix, c vg.PathComp) []op {
	n := max(1, int(math.Ceil(math.Abs(c.Angle)/(math.Pi/2)-1e-9)))
	step := c.Angle / float64(n)
	k := 4.0 / 3 * math.Tan(step/4)
	cx, cy, r := c.Pos.X.Points(), c.Pos.Y.Points(), c.Radius.Points()
	pt := func(x, y float64) xy {
		u, v := m.apply(cx+r*x, cy+r*y)
		return xy{u, v}
	}
	s0, c0 := math.Sincos(c.Start)
	verb := byte('L')
	if len(out) == 0 {
		verb = 'M'
	}
	out = append(out, op{verb, [3]xy{pt(c0, s0)}})
	for i := 1; i <= n; i++ {
		s1, c1 := math.Sincos(c.Start + step*float64(i))
		out = append(out, op{'C', [3]xy{pt(c0-k*s0, s0+k*c0), pt(c1+k*s1, s1-k*c1), pt(c1, s1)}})
		s0, c0 = s1, c1
	}
	return out
}
