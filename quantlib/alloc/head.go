package alloc

import "math"

// headPart is the part of maxPoints that the exact end of a frontier may hold.
const headPart = 4

// head is the cheap end of a frontier, exact: every choice of less cost than most
// has at least the noise of a point of no greater cost.
type head struct {
	points []Point // costs above the items' smallest
	most   float64 // a total cost
	stages []stage
}

// newHead adds item after item to the partial choices that are not dominated, as
// frontier does, with costs counted above each item's smallest. Where more than n
// stay the dearest are dropped, and with them what is known of all choices that
// cost as much or more: completing a partial choice does not make it cheaper.
func newHead(items []Item, cost string, n int) *head {
	h := &head{most: math.Inf(1)}
	h.points = []Point{{}}
	base, scale := 0.0, 0.0
	for i := range items {
		it := &items[i]
		ids := it.allowed()
		least := math.Inf(1)
		for _, j := range ids {
			v, _ := it.Candidates[j].cost(cost)
			least, scale = min(least, v), max(scale, math.Abs(v))
		}
		base += least
		var runs []extension
		for _, j := range ids {
			c := &it.Candidates[j]
			if v, _ := c.cost(cost); v-least < h.most {
				runs = append(runs, extension{cost: v - least, noise: c.Noise, pick: uint16(j)})
			}
		}
		next, st := merge(h.points, runs)
		keep := len(next)
		if keep > n {
			keep = n
			h.most = min(h.most, next[n].Cost)
		}
		for keep > 1 && next[keep-1].Cost >= h.most {
			keep--
		}
		h.points = append([]Point(nil), next[:keep]...)
		h.stages = append(h.stages, stage{append([]int32(nil), st.from[:keep]...), append([]uint16(nil), st.pick[:keep]...)})
	}
	// Rounding: what costs most within the tolerance is not claimed to be known.
	h.most += base
	h.most -= 2 * Tolerance * max(math.Abs(h.most), scale*float64(len(items)))
	return h
}

// total sums the choice of a point in the order of items.
func (h *head) total(items []Item, cost string, at int) Point {
	choice := follow(h.stages, int32(at))
	return Point{total(items, choice, cost), total(items, choice, Noise)}
}
