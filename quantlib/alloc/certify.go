package alloc

import (
	"context"
	"math"
	"slices"
)

const (
	certified    = 0.01    // a frontier proved within this factor is not refined further
	maxCertify   = 64      // optima solved for to refine one
	certifyNodes = 1 << 16 // partial choices spent on each
)

// certify sets Epsilon, the largest relative excess of a point's noise over a
// lower bound for all choices that cost less than the next point. The bound is
// the polygon's at the next point's cost. Where the excess is largest the exact
// optimum below the next point's cost is solved for: it becomes a point, and
// beyond it the bound is tight.
func (f *thinned) certify(ctx context.Context, items []Item) {
	_, _, scale := reach(items, f.Cost)
	bounds := make([]float64, len(f.Points))
	for i, p := range f.Points {
		bounds[i] = f.lower(i)
		if i+1 < len(f.Points) && f.Points[i+1].Cost <= f.head.most {
			bounds[i] = p.Noise
		}
	}
	tried := map[float64]bool{} // costs of next points that were solved for in vain
	for range maxCertify {
		at, worst := -1, certified
		for i, p := range f.Points[:len(f.Points)-1] {
			if excess := p.Noise/bounds[i] - 1; excess > worst && !tried[f.Points[i+1].Cost] {
				at, worst = i, excess
			}
		}
		if at < 0 || ctx.Err() != nil {
			break
		}
		next := f.Points[at+1].Cost
		p := Problem{Items: items, Limits: []Limit{{f.Cost, next - 2*Tolerance*max(scale, math.Abs(next))}}}
		r := run{ctx: ctx, in: newInstance(&p, Noise, false), limit: certifyNodes}
		if state, err := r.solve(); err != nil || state != proved {
			tried[next] = true
			continue
		}
		q := Point{total(items, r.choice, f.Cost), total(items, r.choice, Noise)}
		if q.Noise >= f.Points[at].Noise*(1-Tolerance) || q.Cost >= next {
			bounds[at] = f.Points[at].Noise // it is the optimum
			continue
		}
		// What the new point beats makes room for it.
		from := at + 1
		for from > 0 && f.Points[from-1].Cost >= q.Cost {
			from--
		}
		to := at + 1
		for to < len(f.Points) && f.Points[to].Noise >= q.Noise {
			to++
		}
		f.Points = slices.Replace(f.Points, from, to, q)
		f.from = slices.Replace(f.from, from, to, thinOrigin{kind: bySolve, at: int32(len(f.solved))})
		bounds = slices.Replace(bounds, from, to, q.Noise)
		f.solved = append(f.solved, r.choice)
		if to > at+1 { // it is the optimum below next, and now stands for dearer ones too
			bounds[from] = f.lower(from)
		}
		if from > 0 && f.Points[from].Cost > f.head.most {
			bounds[from-1] = f.lower(from - 1)
		}
	}
	f.Epsilon = Tolerance
	for i, p := range f.Points {
		if p.Noise > 0 {
			f.Epsilon = max(f.Epsilon, p.Noise/bounds[i]*(1+Tolerance)-1)
		}
	}
}

// lower is the polygon's noise at the cost of the point after i.
func (f *thinned) lower(i int) float64 {
	if i+1 < len(f.Points) {
		return f.hull.below(f.Points[i+1].Cost)
	}
	return f.hull.vertex[len(f.hull.vertex)-1].Noise
}
