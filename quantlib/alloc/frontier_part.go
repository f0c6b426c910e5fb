package alloc

import "slices"

// beyond parts a step, or gives it up, unless all of it was listed.
func (d *drawer) beyond(g *polygon, x *span, depth int, listed bool) error {
	switch {
	case listed:
	case depth < mostDepth && d.work < d.allowed:
		return d.part(g, x, depth)
	case depth < skimDepth && d.skimmed < d.most.skim && d.wide(g, x):
		before := d.work
		err := d.part(g, x, depth)
		d.skimmed += d.work - before
		d.work = before
		return err
	default:
		d.open = append(d.open, *x)
	}
	return nil
}

// wide reports whether much may lie below what is known of a step.
func (d *drawer) wide(g *polygon, x *span) bool {
	return d.stair.corner(x)-x.top > wide*g.vertex[x.e].Noise
}

// skim takes the vertices from s to last, and gives up what lies between, for want of
// work; wide steps are parted.
func (d *drawer) skim(g *polygon, s, last, depth int) error {
	d.buffer = d.buffer[:0]
	var steps []span
	for v := s; v <= last; v++ {
		x := g.spanAt(v)
		if x.origin.Cost >= d.within[0]-Tolerance*d.stair.scale && x.origin.Cost <= d.within[1]+Tolerance*d.stair.scale {
			d.buffer = append(d.buffer, known{x.origin, origin{int32(len(d.spans)), -1}})
			d.spans = append(d.spans, x)
		}
		if v > s {
			y := d.stretch(g, v-1, v)
			y.base, y.origin = x.base, x.origin
			steps = append(steps, y)
		}
	}
	d.stair.add(d.buffer)
	for i := range steps {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		if d.stair.corner(&steps[i]) <= 0 {
			continue
		}
		if err := d.beyond(g, &steps[i], depth, false); err != nil {
			return err
		}
	}
	return nil
}

// part finds what a step's choices are by the candidates of its item, or, where it
// is of items that couplings connect, of one that changes.
func (d *drawer) part(g *polygon, x *span, depth int) error {
	outer := d.within
	defer func() { d.within = outer }()
	d.within = x.window
	list, work := g.parted(x.s)
	d.work += work
	for _, w := range list {
		n := len(w.vertex)
		// From the last vertex at the window's start to the first at its end.
		s, _ := slices.BinarySearchFunc(w.vertex, x.window[0], func(p Point, c float64) int {
			if p.Cost <= c {
				return -1
			}
			return 1
		})
		e, _ := slices.BinarySearchFunc(w.vertex, x.window[1], func(p Point, c float64) int {
			if p.Cost < c {
				return -1
			}
			return 1
		})
		if e == 0 {
			continue // all of them cost more
		}
		if s = max(0, s-1); s == n-1 {
			// All of them cost less: the dearest is the best.
			d.vertex(w, s)
			continue
		}
		if w.vertex[s].Cost >= x.window[0] {
			d.vertex(w, s)
		}
		if e == n {
			d.vertex(w, n-1)
		}
		if err := d.draw(w, s, min(e, n-1), depth+1); err != nil {
			return err
		}
	}
	return nil
}
