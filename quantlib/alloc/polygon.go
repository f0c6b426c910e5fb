package alloc

import (
	"cmp"
	"slices"
)

// polygon is the frontier of mixtures of candidates, which is convex: each item
// contributes its own lower convex hull, and the steps of all hulls are taken in
// the order of noise saved per cost. Its vertices are choices.
type polygon struct {
	*cells
	fixed  []int32 // items that take no steps
	first  []int32 // by item, its cell at the first vertex
	steps  []step  // step q leads from vertex q to vertex q+1
	vertex []Point
	now    []int32 // by item, its cell at vertex at
	at     int
}

type step struct {
	item, from, to int32   // cells
	cost, noise    float64 // added, saved
}

func newPolygon(c *cells) *polygon {
	g := &polygon{cells: c}
	for i := range int32(len(c.off) - 1) {
		hull := c.hull(i)
		g.first = append(g.first, int32(hull[0]))
		for q := 1; q < len(hull); q++ {
			a, b := int32(hull[q-1]), int32(hull[q])
			g.steps = append(g.steps, step{i, a, b, c.cost[b] - c.cost[a], c.noise[a] - c.noise[b]})
		}
	}
	// Within an item the steps of a hull are in this order already, and stay so.
	slices.SortStableFunc(g.steps, func(a, b step) int { return cmp.Compare(b.noise*a.cost, a.noise*b.cost) })
	g.sum()
	return g
}

// sum finds the vertices.
func (g *polygon) sum() {
	g.now, g.at = slices.Clone(g.first), 0
	n := len(g.steps)
	g.vertex = make([]Point, n+1)
	g.vertex[0] = g.total(g.first)
	for q, s := range g.steps {
		g.vertex[q+1].Cost = g.vertex[q].Cost + s.cost
	}
	// Noise is summed from the least up, so that small values keep their precision.
	last := slices.Clone(g.first)
	for _, s := range g.steps {
		last[s.item] = s.to
	}
	g.vertex[n] = g.total(last)
	for q := n - 1; q >= 0; q-- {
		g.vertex[q].Noise = g.vertex[q+1].Noise + g.steps[q].noise
	}
}

// parted is polygons that share out the choices, by the candidates of an item which step
// q changes, and what it took to make them, in pairs.
func (g *polygon) parted(q int) (list []*polygon, work int) {
	item := g.steps[q].item
	k := int(item) - len(g.of)
	if k < 0 {
		for c := g.off[item]; c < g.off[item+1]; c++ {
			list = append(list, g.with(c))
		}
		return list, 0
	}
	parts, work := g.comps[k].parted(g.id[g.steps[q].from], g.id[g.steps[q].to])
	for _, m := range parts {
		w := newPolygon(g.cells.replace(k, m))
		w.fixed = g.fixed
		for _, i := range g.fixed {
			w.first[i] = g.first[i]
		}
		w.steps = slices.DeleteFunc(w.steps, func(s step) bool { return slices.Contains(g.fixed, s.item) })
		w.sum()
		list = append(list, w)
	}
	return list, work
}

// with is the polygon of choices that have one cell.
func (g *polygon) with(cell int32) *polygon {
	item := g.item[cell]
	w := &polygon{cells: g.cells, first: slices.Clone(g.first)}
	w.fixed = append(slices.Clone(g.fixed), item)
	w.first[item] = cell
	for _, s := range g.steps {
		if s.item != item {
			w.steps = append(w.steps, s)
		}
	}
	w.sum()
	return w
}

// hull is the lower convex hull of the cells of an item, by ascending cost.
func (c *cells) hull(item int32) []int {
	order := make([]int, 0, c.off[item+1]-c.off[item])
	for p := c.off[item]; p < c.off[item+1]; p++ {
		order = append(order, int(p))
	}
	return lowerHull(order, c.cost, c.noise)
}

// cellsAt is the cell of each item at a vertex.
func (g *polygon) cellsAt(v int) []int32 {
	for ; g.at < v; g.at++ {
		s := &g.steps[g.at]
		g.now[s.item] = s.to
	}
	for ; g.at > v; g.at-- {
		s := &g.steps[g.at-1]
		g.now[s.item] = s.from
	}
	return slices.Clone(g.now)
}
