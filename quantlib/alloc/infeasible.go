package alloc

import (
	"context"
	"fmt"
	"math"
	"strings"
)

// InfeasibleError says that no choice meets the limits.
type InfeasibleError struct {
	// Limits are all limits of the problem, in its order.
	Limits []LimitState
	// Conflict is set where each limit can be met alone.
	Conflict *Conflict
}

// LimitState compares a limit with what can be reached.
type LimitState struct {
	Limit
	Least  float64 // smallest total of this cost, the other limits ignored
	Beside float64 // smallest total of this cost with the other limits kept; NaN if those exclude each other, or if it was not found in time
	Alone  bool    // the limit can be met with the others ignored
}

// Conflict proves that limits which can be met one by one exclude each other.
//
// Where Weights is set, the proof is one sum: Σ_k Weights[k]·total_k is at least
// Least for every choice of candidates, mixtures of candidates included, and the
// limits allow no more than Most. Where it is nil, mixtures of candidates would
// meet the limits and the proof is the finished search over all choices.
type Conflict struct {
	Weights     []float64 // by limit, not negative
	Least, Most float64
}

// Error says which limit is missed and by how much.
func (e *InfeasibleError) Error() string {
	var b strings.Builder
	b.WriteString("alloc: no choice meets the limits")
	sep := ": "
	for _, l := range e.Limits {
		switch {
		case !l.Alone:
			fmt.Fprintf(&b, "%s%s at most %.6g, but the least is %.6g, %.6g more", sep, l.Cost, l.Max, l.Least, l.Least-l.Max)
			sep = "; "
		case e.Conflict != nil && l.Beside > l.Max:
			fmt.Fprintf(&b, "%s%s at most %.6g can be met alone (least %.6g), but beside the other limits the least is %.6g, %.6g more",
				sep, l.Cost, l.Max, l.Least, l.Beside, l.Beside-l.Max)
			sep = "; "
		case e.Conflict != nil:
			fmt.Fprintf(&b, "%s%s at most %.6g can be met alone (least %.6g), but the others exclude each other", sep, l.Cost, l.Max, l.Least)
			sep = "; "
		}
	}
	if c := e.Conflict; c != nil {
		if c.Weights == nil {
			b.WriteString("; mixtures of candidates would meet all, a search over all choices found none")
			return b.String()
		}
		var sum []string
		for k, w := range c.Weights {
			if w > 0 {
				sum = append(sum, fmt.Sprintf("%.4g·%s", w, e.Limits[k].Cost))
			}
		}
		fmt.Fprintf(&b, "; proof: %s is at least %.6g, the limits allow %.6g", strings.Join(sum, " + "), c.Least, c.Most)
	}
	return b.String()
}

// unreachable returns an error if a limit cannot be met even alone.
func unreachable(p *Problem) error {
	e := limitStates(p)
	for _, l := range e.Limits {
		if !l.Alone {
			return e
		}
	}
	return nil
}

func limitStates(p *Problem) *InfeasibleError {
	e := &InfeasibleError{}
	for _, l := range p.Limits {
		least, _, scale := reach(p.Items, l.Cost)
		e.Limits = append(e.Limits, LimitState{
			Limit: l, Least: least, Beside: math.NaN(),
			Alone: least <= l.Max+slack(l.Max, scale),
		})
	}
	return e
}

// conflict explains limits that exclude each other.
func (r *run) conflict(p *Problem) error {
	e := limitStates(p)
	e.Conflict = &Conflict{}
	e.Conflict.prove(p)
	if len(p.Limits) <= maxExplained {
		for k := range e.Limits {
			e.Limits[k].Beside = beside(r.ctx, p, k)
		}
	}
	return e
}

// prove looks for weights that show the conflict as one sum; the linear
// relaxation has a solution where there are none.
func (c *Conflict) prove(p *Problem) {
	in := newInstance(p, Noise, true)
	weight := make([]float64, in.m) // 1 over the unit of each cost
	budget := make([]float64, in.m)
	for q := range in.m {
		unit := in.budget[q]
		for j := range in.o {
			unit = max(unit, in.c[j*in.m+q])
		}
		weight[q] = 1 / unit
		budget[q] = in.budget[q] / unit
	}
	for j := range in.o {
		in.o[j] = 0
		for q := range in.m {
			in.c[j*in.m+q] *= weight[q]
		}
	}
	d := in.dual(0, budget, nil, math.Inf(1), false)
	if !d.empty {
		return
	}
	weights := make([]float64, len(p.Limits))
	for q, k := range in.limit {
		weights[k] = d.lambda[q] * weight[q]
	}
	least, most := 0.0, 0.0
	for i := range p.Items {
		it := &p.Items[i]
		lo := math.Inf(1)
		for _, j := range it.allowed() {
			sum := 0.0
			for k, w := range weights {
				if w > 0 {
					v, _ := it.Candidates[j].cost(p.Limits[k].Cost)
					sum += w * v
				}
			}
			lo = min(lo, sum)
		}
		least += lo
	}
	for k, w := range weights {
		if w > 0 {
			most += w * p.Limits[k].Max
		}
	}
	if least > most { // else it is decided within rounding, and the claim stays with the search
		c.Weights, c.Least, c.Most = weights, least, most
	}
}

const (
	maxExplained = 8       // limits for which Beside is computed
	maxBeside    = 1 << 20 // partial choices spent on it
)

// beside is the least total of limit k's cost with the other limits kept.
func beside(ctx context.Context, p *Problem, k int) float64 {
	q := Problem{Items: p.Items, Minimize: p.Limits[k].Cost}
	for i, l := range p.Limits {
		if i != k {
			q.Limits = append(q.Limits, l)
		}
	}
	objective, err := q.check()
	if err != nil || unreachable(&q) != nil {
		return math.NaN()
	}
	r := run{ctx: ctx, in: newInstance(&q, objective, false), limit: maxBeside}
	if state, err := r.solve(); state != proved || err != nil {
		return math.NaN()
	}
	return total(p.Items, r.choice, objective)
}
