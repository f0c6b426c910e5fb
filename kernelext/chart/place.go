package chart

import "math"

// A placer finds room for labels beside points: no label lies on a point, on
// another label or outside the area.
type placer struct {
	x0, y0, x1, y1 float64
	taken          [][4]float64 // x0, y0, x1, y1
	words          [][4]float64 // those of them that a line to a label may not cross
}

func (q *placer) take(x0, y0, x1, y1 float64) {
	q.taken = append(q.taken, [4]float64{x0, y0, x1, y1})
}

// text keeps labels, and the lines to them, off a text.
func (q *placer) text(x0, y0, x1, y1 float64) {
	q.take(x0, y0, x1, y1)
	q.words = append(q.words, [4]float64{x0, y0, x1, y1})
}

// avoid keeps labels off a line.
func (q *placer) avoid(a, b xy) { q.taken = append(q.taken, along(a, b)...) }

func (q *placer) free(x0, y0, x1, y1 float64) bool {
	if x0 < q.x0 || y0 < q.y0 || x1 > q.x1 || y1 > q.y1 {
		return false
	}
	for _, t := range q.taken {
		if x0 < t[2] && t[0] < x1 && y0 < t[3] && t[1] < y1 {
			return false
		}
	}
	return true
}

// label finds the nearest free place for a text of w × h around a point and
// gives its middle; the place is taken, and so is the way to it where a line
// has to show to which point the label belongs.
func (q *placer) label(x, y, w, h float64) (cx, cy float64, lead []xy, ok bool) {
	dirs := [...]xy{{1, 0}, {0, -1}, {-1, 0}, {0, 1}, {0.7, -0.7}, {0.7, 0.7}, {-0.7, -0.7}, {-0.7, 0.7}}
	for dist := 7.0; dist < 110; dist += 8 {
		for _, d := range dirs {
			cx, cy = x+d.x*(dist+w/2), y+d.y*(dist+h/2)
			if !q.free(cx-w/2, cy-h/2, cx+w/2, cy+h/2) {
				continue
			}
			end := xy{min(max(x, cx-w/2), cx+w/2), min(max(y, cy-h/2), cy+h/2)}
			dx, dy := end.x-x, end.y-y
			lead = nil
			if far := math.Hypot(dx, dy); far > 9 {
				lead = []xy{{x + dx/far*6, y + dy/far*6}, end}
				if q.crosses(lead[0], end) {
					continue
				}
				q.words = append(q.words, along(lead[0], end)...)
				q.taken = append(q.taken, along(lead[0], end)...)
			}
			b := [4]float64{cx - w/2 - 1, cy - h/2, cx + w/2 + 1, cy + h/2}
			q.taken, q.words = append(q.taken, b), append(q.words, b)
			return cx, cy, lead, true
		}
	}
	return 0, 0, nil, false
}

// crosses says whether a line to a label meets another label or its line.
func (q *placer) crosses(a, b xy) bool {
	for _, s := range along(a, b) {
		for _, t := range q.words {
			if s[0] < t[2] && t[0] < s[2] && s[1] < t[3] && t[1] < s[3] {
				return true
			}
		}
	}
	return false
}

// along covers a line with small boxes.
func along(a, b xy) [][4]float64 {
	n := max(1, int(math.Hypot(b.x-a.x, b.y-a.y)/3))
	out := make([][4]float64, n+1)
	for i := range out {
		t := float64(i) / float64(n)
		x, y := a.x+(b.x-a.x)*t, a.y+(b.y-a.y)*t
		out[i] = [4]float64{x - 1.5, y - 1.5, x + 1.5, y + 1.5}
	}
	return out
}

// tag writes a label where q finds room for it, with a thin line to the point
// where that is not close. It says whether there was room.
func (p pen) tag(q *placer, x, y float64, s string, size float64) bool {
	cx, cy, lead, ok := q.label(x, y, textWidth(s, size, false), size*1.15)
	if !ok {
		return false
	}
	p.stroke(lead, false, 0.8, axisC)
	p.text(cx, cy, s, style{size: size, col: ink, align: center})
	return true
}
