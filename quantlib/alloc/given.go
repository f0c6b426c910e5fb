package alloc

import (
	"context"
	"math"
	"slices"
	"sort"
)

// given is a span that was given up: edge is the edge of the polygon that it lies on, to
// its dear end.
type given struct {
	span, edge span
	end        Point
}

const (
	mostSolved = 96      // optima solved for where spans were given up
	wellKnown  = 0.005   // a gap proved within this part is not looked at further
	solveNodes = 1 << 16 // partial choices spent on each
)

// gaps bounds what points may be missing: by point, the least noise that a choice can
// have which costs less than the next one.
func (st *stair) gaps(open []given) []float64 {
	lower := make([]float64, len(st.points))
	for i, p := range st.points {
		lower[i] = p.Noise
	}
	for q := range open {
		x, o := &open[q].span, open[q].span.origin
		end, lambda := open[q].end, open[q].edge.lambda
		i := max(0, sort.Search(len(st.points), func(q int) bool { return st.points[q].Cost > x.window[0] })-1)
		for ; i < len(st.points) && st.points[i].Cost < x.window[1]; i++ {
			right := x.window[1]
			if i+1 < len(st.points) {
				right = min(right, st.points[i+1].Cost)
			}
			n := st.points[i].Noise
			above := n - o.Noise + x.lambda*(right-o.Cost) - x.top
			if above > 0 {
				lower[i] = min(lower[i], max(n-above, end.Noise+lambda*(end.Cost-right)))
			}
		}
	}
	return lower
}

// certify solves for exact optima where the gaps are widest, adds them to the stair, and
// returns the choices found and what is left of the widest gap, in parts of the noise.
func (st *stair) certify(ctx context.Context, items []Item, cost string, open []given) (solved [][]int, epsilon float64) {
	lower := st.gaps(open)
	_, _, scale := reach(items, cost)
	tried := map[float64]bool{} // costs of next points that were solved for in vain
	for range mostSolved {
		at, worst := -1, wellKnown
		for i, p := range st.points[:len(st.points)-1] {
			if excess := p.Noise/lower[i] - 1; excess > worst && !tried[st.points[i+1].Cost] {
				at, worst = i, excess
			}
		}
		if at < 0 || ctx.Err() != nil {
			break
		}
		next := st.points[at+1].Cost
		p := Problem{Items: items, Limits: []Limit{{cost, next - 2*Tolerance*max(scale, math.Abs(next))}}}
		r := run{ctx: ctx, in: newInstance(&p, Noise, false), limit: solveNodes}
		if state, err := r.solve(); err != nil || state != proved {
			tried[next] = true
			continue
		}
		x := Point{total(items, r.choice, cost), total(items, r.choice, Noise)}
		// No choice that costs less than next has less noise.
		for i := at; i >= 0 && lower[i] < x.Noise; i-- {
			lower[i] = min(x.Noise, st.points[i].Noise)
		}
		if x.Noise >= st.points[at].Noise*(1-Tolerance) || x.Cost >= next {
			lower[at] = st.points[at].Noise
			continue
		}
		// What the new point beats makes room for it.
		from := at + 1
		for from > 0 && st.points[from-1].Cost >= x.Cost {
			from--
		}
		to, least := at+1, x.Noise
		for to < len(st.points) && st.points[to].Noise >= x.Noise {
			least = min(least, lower[to]) // it stands for dearer ones too
			to++
		}
		st.points = slices.Replace(st.points, from, to, known{x, origin{bySolve, int32(len(solved))}})
		lower = slices.Replace(lower, from, to, least)
		solved = append(solved, r.choice)
	}
	return solved, st.epsilon(lower)
}

// epsilon is the widest gap, in parts of the noise.
func (st *stair) epsilon(lower []float64) (epsilon float64) {
	for i, p := range st.points {
		if p.Noise > lower[i] {
			epsilon = max(epsilon, p.Noise/lower[i]*(1+Tolerance)-1)
		}
	}
	return epsilon
}
