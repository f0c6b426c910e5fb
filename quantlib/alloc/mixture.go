package alloc

import (
	"cmp"
	"math"
	"slices"
)

// mixtures is the frontier of mixtures of candidates, which is convex: each item
// contributes its own lower convex hull, and the steps of all hulls are taken in
// the order of noise saved per cost. Its vertices are choices.
type mixtures struct {
	first  []int     // by item, the cheapest candidate of its hull
	steps  []mixStep // step q leads from vertex q to vertex q+1
	vertex []Point
	cell   [][]Point // by item and candidate
}

type mixStep struct {
	item, to    int
	cost, noise float64 // added, saved
}

func newMixtures(items []Item, cost string) *mixtures {
	g := &mixtures{}
	start, least := 0.0, 0.0
	for i := range items {
		cells := make([]Point, len(items[i].Candidates))
		for j := range cells {
			c := &items[i].Candidates[j]
			cells[j].Noise = c.Noise
			cells[j].Cost, _ = c.cost(cost)
		}
		g.cell = append(g.cell, cells)
		hull, id := items[i].hull(cost)
		g.first = append(g.first, id[0])
		start += hull[0].Cost
		least += hull[len(hull)-1].Noise
		for q := 1; q < len(hull); q++ {
			g.steps = append(g.steps, mixStep{i, id[q], hull[q].Cost - hull[q-1].Cost, hull[q-1].Noise - hull[q].Noise})
		}
	}
	// Within an item the steps of a hull are in this order already, and stay so.
	slices.SortStableFunc(g.steps, func(a, b mixStep) int { return cmp.Compare(b.noise*a.cost, a.noise*b.cost) })
	n := len(g.steps)
	g.vertex = make([]Point, n+1)
	g.vertex[0].Cost = start
	for q, s := range g.steps {
		g.vertex[q+1].Cost = g.vertex[q].Cost + s.cost
	}
	// Noise is summed from the least up, so that small values keep their precision.
	g.vertex[n].Noise = least
	for q := n - 1; q >= 0; q-- {
		g.vertex[q].Noise = g.vertex[q+1].Noise + g.steps[q].noise
	}
	return g
}

// hull is the lower convex hull of the allowed candidates, by ascending cost and
// descending noise, with their indices.
func (it *Item) hull(cost string) (hull []Point, id []int) {
	at := func(j int) Point {
		v, _ := it.Candidates[j].cost(cost)
		return Point{v, it.Candidates[j].Noise}
	}
	ids := it.allowed()
	slices.SortStableFunc(ids, func(a, b int) int {
		return cmp.Or(cmp.Compare(at(a).Cost, at(b).Cost), cmp.Compare(at(a).Noise, at(b).Noise))
	})
	for _, j := range ids {
		p := at(j)
		if n := len(hull); n > 0 && p.Noise >= hull[n-1].Noise {
			continue
		}
		for n := len(hull); n > 1; n = len(hull) {
			a, b := hull[n-2], hull[n-1]
			if (a.Noise-b.Noise)*(p.Cost-b.Cost) > (b.Noise-p.Noise)*(b.Cost-a.Cost) {
				break
			}
			hull, id = hull[:n-1], id[:n-1]
		}
		hull, id = append(hull, p), append(id, j)
	}
	return hull, id
}

// below is the noise of mixtures at a cost: no choice of that cost or less has
// less noise.
func (g *mixtures) below(cost float64) float64 {
	q, _ := slices.BinarySearchFunc(g.vertex, cost, func(p Point, c float64) int { return cmp.Compare(p.Cost, c) })
	switch {
	case q == 0:
		return g.vertex[0].Noise
	case q == len(g.vertex):
		return g.vertex[q-1].Noise
	}
	a, b := g.vertex[q-1], g.vertex[q]
	return a.Noise + (b.Noise-a.Noise)*((cost-a.Cost)/(b.Cost-a.Cost))
}

// A neighbour is of use if it lies no further than nearby above the polygon, in
// parts of its noise; where one step changes the noise by more than coarse, any.
const (
	nearby = 0.003
	coarse = 0.1
)

// neighbours lists the vertices and, for each, the choices which differ from it
// in one item and lie close above the polygon, with totals to rounding.
func (g *mixtures) neighbours(items []Item) (points []Point, from []thinOrigin) {
	now := slices.Clone(g.first)
	allowed := make([][]int, len(items))
	for i := range items {
		allowed[i] = items[i].allowed()
	}
	for q, v := range g.vertex {
		if q > 0 {
			now[g.steps[q-1].item] = g.steps[q-1].to
		}
		points = append(points, v)
		from = append(from, thinOrigin{at: int32(q), kind: byHull, pick: -1})
		// A neighbour within a step or two fills the space to the next vertices.
		lo, hi := g.vertex[max(0, q-2)].Cost, g.vertex[min(len(g.vertex)-1, q+2)].Cost
		reach := 1 + nearby
		if g.vertex[max(0, q-1)].Noise > v.Noise*(1+coarse) || v.Noise > g.vertex[min(len(g.vertex)-1, q+1)].Noise*(1+coarse) {
			reach = math.Inf(1)
		}
		for i, j := range now {
			has := g.cell[i][j]
			for _, k := range allowed[i] {
				c := g.cell[i][k]
				p := Point{v.Cost + (c.Cost - has.Cost), v.Noise + (c.Noise - has.Noise)}
				if k != j && p.Cost >= lo && p.Cost <= hi && p.Noise <= g.below(p.Cost)*reach {
					points = append(points, p)
					from = append(from, thinOrigin{at: int32(q), kind: byHull, item: int32(i), pick: int32(k)})
				}
			}
		}
	}
	return points, from
}

// choice is the vertex of an origin, with its exchange.
func (g *mixtures) choice(o thinOrigin) []int {
	choice := slices.Clone(g.first)
	for _, s := range g.steps[:o.at] {
		choice[s.item] = s.to
	}
	if o.pick >= 0 {
		choice[o.item] = int(o.pick)
	}
	return choice
}

// total sums a choice in the order of items.
func (g *mixtures) total(o thinOrigin) (p Point) {
	for i, j := range g.choice(o) {
		p.Cost += g.cell[i][j].Cost
		p.Noise += g.cell[i][j].Noise
	}
	return p
}
