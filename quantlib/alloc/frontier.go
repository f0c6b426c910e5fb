package alloc

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"sort"
	"sync"
)

// Point is a choice that no other one beats in both totals: no other choice at all where
// Pareto.Epsilon is 0.
type Point struct {
	Cost, Noise float64 // totals, to rounding
}

// Pareto is the frontier between noise and one cost. It is safe for concurrent use.
type Pareto struct {
	Cost string // the cost's name
	// Points are sorted by ascending cost, and so by descending noise.
	Points []Point
	// Epsilon is 0 if Points holds every point of the frontier, to rounding
	// (Tolerance). Otherwise the search was ended where it took too long: for every
	// choice there is a point of no greater cost and of at most 1+Epsilon times its
	// noise.
	Epsilon float64

	from   []origin  // by point
	lower  []float64 // by point, what Epsilon is the worst of; nil where it is 0 or from elsewhere
	spans  []span
	thin   *thinned // where spans were given up
	solved [][]int

	mu     sync.Mutex // of what follows
	sp     spanner
	loaded int32 // the span that sp has listed
	list   []combo
}

// origin says how a point was found: as combination at of the list of a span, or,
// where at is -1, as its base.
type origin struct{ span, at int32 }

// Spans of points from elsewhere.
const (
	byThin  = -1 // point at of the thinned frontier
	bySolve = -2 // choice at of those solved for
)

// Frontier returns the whole Pareto set between total noise and the total of one
// cost. Limits on other costs belong to Solve.
//
// The convex frontier of mixtures of candidates has vertices that are true points.
// Between two neighbouring ones all others are found by what they can have of regret,
// the noise + λ·cost above the least at the multiplier λ of the edge: a choice that no
// known point beats has less of it than the highest corner between known points.
// Choices of regret below a threshold are listed, which lowers the corners; the
// threshold rises until no corner is above it. An edge that takes too long, as that of
// an item whose step is large beside all others, is parted by the candidates of that
// item: what the other items add then has a polygon of finer edges.
//
// The frontier may have millions of points. What is done is bounded. Where an edge
// is given up, the points of a thinned dynamic program are added, and exact optima where
// the gaps are widest; Epsilon says what may be missing. See the figures at the package's
// head.
//
// It returns an error for data as Solve does, and ctx's if that ends it.
func Frontier(ctx context.Context, items []Item, cost string) (*Pareto, error) {
	if cost == "" || cost == Noise {
		return nil, errors.New("alloc: a frontier needs the name of a cost")
	}
	if err := check(items, []string{Noise, cost}); err != nil {
		return nil, err
	}
	return newPolygon(apart(items, cost)).frontier(ctx, cost, plainEffort, &spare{items, maxPoints})
}

// Choice is the choice behind point i, by item an index into its Candidates. It
// panics if i is out of range. Points next to each other are found faster than others,
// which take about a millisecond.
func (f *Pareto) Choice(i int) []int {
	o := f.from[i]
	switch o.span {
	case byThin:
		return f.thin.Choice(int(o.at))
	case bySolve:
		return slices.Clone(f.solved[o.at])
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	x := &f.spans[o.span]
	cells := slices.Clone(x.base)
	var leaves []int32
	if o.at >= 0 {
		if f.loaded != o.span {
			f.sp.at(x)
			f.list, _ = f.sp.list(x.top)
			f.loaded = o.span
		}
		leaves = f.sp.follow(f.list[o.at], cells, nil)
	}
	return x.cells.choice(cells, leaves)
}

// Within is the point of least noise whose cost is at most limit; ok is false if
// there is none.
func (f *Pareto) Within(limit float64) (i int, ok bool) {
	i = sort.Search(len(f.Points), func(q int) bool { return f.Points[q].Cost > limit }) - 1
	return i, i >= 0
}

// Below is the cheapest point whose noise is at most limit; ok is false if there
// is none.
func (f *Pareto) Below(limit float64) (i int, ok bool) {
	i = sort.Search(len(f.Points), func(q int) bool { return f.Points[q].Noise <= limit })
	return i, i < len(f.Points)
}

// known is a point and where it is from.
type known struct {
	Point
	from origin
}

// stair is known points by ascending cost and descending noise.
type stair struct {
	points, spare []known
	scale         float64 // of costs
}

// add adds what the list of a span brings. Of two costs that differ by rounding alone
// the one with less noise stays; equals are found in the new list from then on, so that
// neighbours have one list.
func (st *stair) add(list []known) {
	out := st.spare[:0]
	p, q := st.points, list
	for len(p) > 0 || len(q) > 0 {
		var x known
		fresh := false
		if len(q) == 0 || len(p) > 0 && cmp.Or(cmp.Compare(p[0].Cost, q[0].Cost), cmp.Compare(p[0].Noise, q[0].Noise)) <= 0 {
			x, p = p[0], p[1:]
		} else {
			x, q, fresh = q[0], q[1:], true
		}
		if n := len(out); n > 0 && x.Noise >= out[n-1].Noise*(1-sameNoise) {
			if fresh && x.Noise <= out[n-1].Noise*(1+sameNoise) && x.Cost-out[n-1].Cost <= Tolerance*st.scale {
				out[n-1].from = x.from
			}
			continue
		}
		for n := len(out); n > 0 && x.Cost-out[n-1].Cost <= Tolerance*st.scale; n-- {
			out = out[:n-1]
		}
		out = append(out, x)
	}
	st.points, st.spare = out, st.points
}

// noiseUlp is the rounding of one sum of noise, relative.
const noiseUlp = 1.0 / (1 << 50)

// sameNoise is what two sums of the same noise may differ by, relative.
const sameNoise = 1e-13

// corner is the highest regret of a choice in a span that no known point beats; it
// may be negative.
func (st *stair) corner(x *span) float64 {
	o := x.origin
	// The last point that costs no more than the window's start.
	i := max(0, sort.Search(len(st.points), func(q int) bool { return st.points[q].Cost > x.window[0] })-1)
	most := math.Inf(-1)
	for ; i < len(st.points) && st.points[i].Cost < x.window[1]; i++ {
		right := x.window[1]
		if i+1 < len(st.points) {
			right = min(right, st.points[i+1].Cost)
		}
		most = max(most, st.points[i].Noise-o.Noise+x.lambda*(right-o.Cost))
	}
	return most
}
