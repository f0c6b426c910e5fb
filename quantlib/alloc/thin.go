package alloc

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

// maxPoints is how many points a thinned frontier keeps, at every stage of its
// construction.
const maxPoints = 1 << 14

// thinTo is the part of maxPoints that thinning leaves, less for more than 64
// items to bound the time.
const thinTo = 2

// thinOrigin says how a point was found: from entry at of the last stage; as vertex
// at of the polygon, with cell pick for one item (-1 for none); or as
// entry at of the head.
type thinOrigin struct {
	kind       thinOriginKind
	at         int32
	item, pick int32
}

type thinOriginKind uint8

const (
	byStage thinOriginKind = iota
	byHull
	byHead
)

// stage records, for each partial choice that was kept, where it came from.
type stage struct {
	from []int32
	pick []uint16
}

// thinned is an approximation of the frontier in a bounded number of points.
type thinned struct {
	Cost    string
	Points  []Point
	Epsilon float64

	from   []thinOrigin // by point
	stages []stage
	hull   *polygon
	head   *head
}

// thinnedFrontier approximates the frontier.
//
// It adds item after item to the set of partial choices that are not dominated:
// if one partial choice has no more cost and no more noise than another, the
// same is true of all completions, so the other is dropped. Where the set exceeds
// most, partial choices are thinned as items are added, and the points are joined with
// the vertices of the convex frontier of mixtures of candidates, which are true
// points, and with what one exchange makes of each vertex. Thinning by a factor 1+ε in
// noise costs at most that factor in the total, since noise is not negative, and the
// factors of all items multiply: that is Epsilon. The cheap end, where a step changes the
// noise most, is exact up to a cost: there partial choices are only dropped when they
// cost more than that.
func thinnedFrontier(ctx context.Context, items []Item, cost string, most int) (*thinned, error) {
	f := &thinned{Cost: cost}
	points := []Point{{}}
	exact, factor := true, 1.0
	left := most / thinTo * 64 / max(64, len(items))
	for i := range items {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		it := &items[i]
		ids := it.allowed()
		if len(it.Candidates) > 1<<16 {
			return nil, fmt.Errorf("alloc: item %d %q has %d candidates, more than 65536", i, it.Name, len(it.Candidates))
		}
		runs := make([]extension, 0, len(ids))
		for _, j := range ids {
			c := &it.Candidates[j]
			v, _ := c.cost(cost)
			runs = append(runs, extension{cost: v, noise: c.Noise, pick: uint16(j)})
		}
		next, st := merge(points, runs)
		if len(next) > most || !exact && len(next) > 2*left {
			exact = false
			ratio := thinning(next, left)
			factor *= 1 + ratio
			keep := thin(next, ratio)
			for q, at := range keep {
				next[q] = next[at]
				st.from[q], st.pick[q] = st.from[at], st.pick[at]
			}
			next, st.from, st.pick = next[:len(keep)], st.from[:len(keep)], st.pick[:len(keep)]
		}
		points = slices.Clone(next)
		f.stages = append(f.stages, stage{slices.Clone(st.from), slices.Clone(st.pick)})
	}
	from := make([]thinOrigin, len(points))
	for q := range from {
		from[q].at = int32(q)
	}
	if exact {
		f.keep(points, from)
		return f, nil
	}
	f.hull = newPolygon(apart(items, cost))
	f.head = newHead(items, cost, most/headPart)
	near, nearFrom := f.hull.neighbours()
	f.keep(append(points, near...), append(from, nearFrom...))
	// What the head knows exactly is taken from there.
	dear, _ := slices.BinarySearchFunc(f.Points, f.head.most, func(p Point, c float64) int { return cmp.Compare(p.Cost, c) })
	f.Points, f.from = f.Points[dear:], f.from[dear:]
	if most -= len(f.head.points); len(f.Points) > most {
		ratio := thinning(f.Points, most)
		factor *= 1 + ratio
		kept := thin(f.Points, ratio)
		for q, at := range kept {
			f.Points[q], f.from[q] = f.Points[at], f.from[at]
		}
		f.Points, f.from = f.Points[:len(kept)], f.from[:len(kept)]
	}
	for q, o := range f.from {
		if o.kind == byHull {
			f.Points[q] = f.hull.total(f.hull.cellsOf(o))
		}
	}
	points, from = f.Points, f.from
	for q := range f.head.points {
		o := thinOrigin{kind: byHead, at: int32(q)}
		points, from = append(points, f.head.total(items, cost, q)), append(from, o)
	}
	f.Points, f.from = nil, nil
	f.keep(points, from)
	f.Epsilon = (factor-1)*(1+Tolerance) + Tolerance
	return f, nil
}

// keep makes the frontier of points. Of two costs that differ by rounding alone
// the one with less noise stays.
func (f *thinned) keep(points []Point, from []thinOrigin) {
	order := make([]int, len(points))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(points[a].Cost, points[b].Cost), cmp.Compare(points[a].Noise, points[b].Noise))
	})
	scale := 0.0
	for _, p := range points {
		scale = max(scale, math.Abs(p.Cost))
	}
	for _, i := range order {
		p := points[i]
		if n := len(f.Points); n > 0 && p.Noise >= f.Points[n-1].Noise*(1-noiseUlp) {
			continue
		}
		for n := len(f.Points); n > 0 && p.Cost-f.Points[n-1].Cost <= Tolerance*scale; n-- {
			f.Points, f.from = f.Points[:n-1], f.from[:n-1]
		}
		f.Points, f.from = append(f.Points, p), append(f.from, from[i])
	}
}

// extension is one candidate while lists are merged: the partial choices so far, each
// with this candidate added, are a run sorted by cost.
type extension struct {
	cost, noise float64
	pick        uint16
	at          int
}

// merge adds one item to the points, keeping what is not dominated. Of equal
// ones the lower candidate is kept.
func merge(points []Point, runs []extension) (out []Point, st stage) {
	// A heap of runs, by cost, then noise, then candidate.
	heap := make([]*extension, len(runs))
	for i := range runs {
		heap[i] = &runs[i]
	}
	less := func(a, b *extension) bool {
		ca, cb := points[a.at].Cost+a.cost, points[b.at].Cost+b.cost
		if ca != cb {
			return ca < cb
		}
		na, nb := points[a.at].Noise+a.noise, points[b.at].Noise+b.noise
		if na != nb {
			return na < nb
		}
		return a.pick < b.pick
	}
	down := func(i int) {
		for {
			c := 2*i + 1
			if c >= len(heap) {
				return
			}
			if c+1 < len(heap) && less(heap[c+1], heap[c]) {
				c++
			}
			if !less(heap[c], heap[i]) {
				return
			}
			heap[i], heap[c] = heap[c], heap[i]
			i = c
		}
	}
	for i := len(heap)/2 - 1; i >= 0; i-- {
		down(i)
	}
	for len(heap) > 0 {
		top := heap[0]
		p := Point{points[top.at].Cost + top.cost, points[top.at].Noise + top.noise}
		if n := len(out); n == 0 || p.Noise < out[n-1].Noise*(1-noiseUlp) {
			out = append(out, p)
			st.from = append(st.from, int32(top.at))
			st.pick = append(st.pick, top.pick)
		}
		if top.at++; top.at == len(points) {
			heap[0] = heap[len(heap)-1]
			heap = heap[:len(heap)-1]
		}
		down(0)
	}
	return out, st
}

// thin lists the points that stay when each may stand for dearer ones whose
// noise it exceeds by at most a factor 1+ratio. The cheapest stays always.
func thin(points []Point, ratio float64) []int {
	keep := []int{0}
	for i := 1; i < len(points); i++ {
		if points[keep[len(keep)-1]].Noise > points[i].Noise*(1+ratio) {
			keep = append(keep, i)
		}
	}
	return keep
}

// thinning is a small ratio for which at most n points stay.
func thinning(points []Point, n int) float64 {
	lo, hi := 0.0, 1e-6
	for len(thin(points, hi)) > n {
		lo, hi = hi, hi*8
	}
	for range 6 {
		mid := (lo + hi) / 2
		if len(thin(points, mid)) > n {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// Choice is the choice behind point i, by item an index into its Candidates. It
// panics if i is out of range.
func (f *thinned) Choice(i int) []int {
	o := f.from[i]
	switch o.kind {
	case byHull:
		return f.hull.choice(f.hull.cellsOf(o), nil)
	case byHead:
		return follow(f.head.stages, o.at)
	}
	return follow(f.stages, o.at)
}

// follow is the choice behind entry at of the last stage.
func follow(stages []stage, at int32) []int {
	choice := make([]int, len(stages))
	for t := len(choice) - 1; t >= 0; t-- {
		choice[t] = int(stages[t].pick[at])
		at = stages[t].from[at]
	}
	return choice
}
