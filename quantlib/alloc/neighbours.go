package alloc

import (
	"cmp"
	"math"
	"slices"
)

// below is the noise of mixtures at a cost: no choice of that cost or less has
// less noise.
func (g *polygon) below(cost float64) float64 {
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
func (g *polygon) neighbours() (points []Point, from []thinOrigin) {
	for q, v := range g.vertex {
		points = append(points, v)
		from = append(from, thinOrigin{at: int32(q), kind: byHull, pick: -1})
		// A neighbour within a step or two fills the space to the next vertices.
		lo, hi := g.vertex[max(0, q-2)].Cost, g.vertex[min(len(g.vertex)-1, q+2)].Cost
		reach := 1 + nearby
		if g.vertex[max(0, q-1)].Noise > v.Noise*(1+coarse) || v.Noise > g.vertex[min(len(g.vertex)-1, q+1)].Noise*(1+coarse) {
			reach = math.Inf(1)
		}
		for i, j := range g.cellsAt(q) {
			for k := g.off[i]; k < g.off[i+1]; k++ {
				p := Point{v.Cost + (g.cost[k] - g.cost[j]), v.Noise + (g.noise[k] - g.noise[j])}
				if k != j && p.Cost >= lo && p.Cost <= hi && p.Noise <= g.below(p.Cost)*reach {
					points = append(points, p)
					from = append(from, thinOrigin{at: int32(q), kind: byHull, item: int32(i), pick: k})
				}
			}
		}
	}
	return points, from
}

// cellsOf is the cells of an origin: of a vertex, with its exchange.
func (g *polygon) cellsOf(o thinOrigin) []int32 {
	list := slices.Clone(g.first)
	for _, s := range g.steps[:o.at] {
		list[s.item] = s.to
	}
	if o.pick >= 0 {
		list[o.item] = o.pick
	}
	return list
}
