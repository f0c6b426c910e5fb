package alloc

import (
	"context"
	"errors"
	"math"
	"slices"
)

// solveCoupled is Solve for a problem with couplings. One limit between noise and a cost
// needs but an edge of their frontier.
func solveCoupled(ctx context.Context, p *Problem, objective string) (Solution, error) {
	if err := checkCouplings(p.Items, p.Couplings, append(costsOf(p.Limits), objective)...); err != nil {
		return Solution{}, err
	}
	if len(p.Limits) == 1 && (objective == Noise) != (p.Limits[0].Cost == Noise) {
		if s, err := p.edge(ctx, objective); err != nil || s.Gap == 0 {
			return s, err
		}
	}
	return p.search(ctx, objective)
}

func costsOf(limits []Limit) (names []string) {
	for _, l := range limits {
		names = append(names, l.Cost)
	}
	return names
}

// edge solves for one limit: of the frontier only the edge about it is drawn.
func (p *Problem) edge(ctx context.Context, objective string) (Solution, error) {
	limit := p.Limits[0]
	cost := limit.Cost
	if cost == Noise {
		cost = objective
	}
	c, err := coupledCells(p.Items, p.Couplings, cost)
	if err != nil {
		return Solution{}, err
	}
	g := newPolygon(c)
	last := len(g.steps)
	most, scale := limit.Max, 0.0
	for _, v := range g.vertex {
		scale = max(scale, math.Abs(v.Cost))
	}
	var within func(p Point) bool
	if limit.Cost == Noise {
		most += slack(most, g.vertex[0].Noise)
		within = func(p Point) bool { return p.Noise <= most }
	} else {
		most += slack(most, scale)
		within = func(p Point) bool { return p.Cost <= most }
	}
	// Vertices within the limit are those from the dear end, or to it.
	n := 0
	for _, v := range g.vertex {
		if within(v) {
			n++
		}
	}
	from, to := n-1, min(n, last)
	if limit.Cost == Noise {
		from, to = max(0, last-n), last-n+1
	}
	if n == 0 {
		least := g.vertex[0].Cost
		if limit.Cost == Noise {
			least = g.vertex[last].Noise
		}
		return Solution{}, &InfeasibleError{Limits: []LimitState{{Limit: limit, Least: least, Beside: math.NaN()}}}
	}
	f, err := g.stretchOf(ctx, from, to, cost, coupledEffort, nil)
	if err != nil {
		return Solution{}, err
	}
	i, gap := f.best(limit, within)
	s := p.solution(objective, f.Choice(i))
	s.Gap = gap
	s.Bound = s.Objective - gap
	return s, nil
}

// best is the point of least noise within a limit on cost, or the cheapest within one on
// noise, and how much better any choice can be.
func (f *Pareto) best(limit Limit, within func(Point) bool) (i int, gap float64) {
	i = slices.IndexFunc(f.Points, within)
	if limit.Cost != Noise {
		i = len(f.Points) - 1
		for i > 0 && !within(f.Points[i]) {
			i--
		}
		if f.lower != nil {
			gap = max(0, f.Points[i].Noise-f.lower[i])
		}
		return i, gap
	}
	if i < 0 {
		i = len(f.Points) - 1 // the vertex itself, but for rounding
	}
	// A choice that costs less has more noise than the point before allows.
	for k := i; k > 0 && f.lower != nil && f.lower[k-1] <= limit.Max; k-- {
		gap = f.Points[i].Cost - f.Points[k-1].Cost
	}
	return i, gap
}

// search solves by branch and bound over factors.
func (p *Problem) search(ctx context.Context, objective string) (Solution, error) {
	t, err := newFactors(p.Items, p.Couplings, objective, costsOf(p.Limits))
	if err != nil {
		return Solution{}, err
	}
	states, kept, err := p.reachable(t)
	if err != nil {
		return Solution{}, err
	}
	t.keep(kept)
	base, least := t.shift()
	units := make([]float64, t.m)
	t.budget = make([]float64, t.m)
	for q, k := range kept {
		l := &states[k]
		room := l.Max + slack(l.Max, l.scale) - least[q]
		if units[q] = room; !(room > 0) {
			units[q], room = 1, 0
		}
		t.budget[q] = room / units[q]
	}
	t.scale(1, units)
	t.forbid()
	s := &factorsSearch{ctx: ctx, root: t, limit: p.Nodes}
	top, empty := s.prime()
	var stop error
	if !empty.empty {
		stop = s.run()
	}
	if s.choice == nil && stop == nil {
		return Solution{}, p.conflict(ctx, states, kept, units, &empty)
	}
	bound := base + s.bound()*top
	out := Solution{Bound: bound, Gap: math.Inf(1)}
	if s.choice != nil {
		out = p.solution(objective, s.choice)
		if out.Bound = out.Objective; stop != nil {
			out.Bound = min(bound, out.Objective)
		}
		out.Gap = out.Objective - out.Bound
		if errors.Is(stop, errLimit) {
			stop = nil
		}
	}
	out.Nodes = s.nodes
	return out, stop
}

// limitOf is a limit with what is known of its cost.
type limitOf struct {
	LimitState
	scale float64 // of rounding
}

// reachable finds the least of each limited cost. kept are the limits that a choice can
// violate.
func (p *Problem) reachable(t *factors) (states []limitOf, kept []int, err error) {
	w := t.pricer()
	fails := &InfeasibleError{}
	missed := false
	for k, l := range p.Limits {
		lambda := make([]float64, t.m)
		lambda[k] = 1
		x := w.price(t, 0, lambda)
		if math.IsInf(x.sum, 1) {
			return nil, nil, forbidden(p.Items, 0)
		}
		most, scale := 0.0, 0.0
		for q := range t.list {
			y := &t.list[q]
			hi, abs := math.Inf(-1), 0.0
			for e, o := range y.o {
				if !math.IsInf(o, 1) {
					v := y.c[e*t.m+k]
					hi, abs = max(hi, v), max(abs, math.Abs(v))
				}
			}
			most, scale = most+hi, scale+abs
		}
		tol := slack(l.Max, scale)
		state := limitOf{LimitState{Limit: l, Least: x.c[k], Beside: math.NaN(), Alone: x.c[k] <= l.Max+tol}, scale}
		states = append(states, state)
		fails.Limits = append(fails.Limits, state.LimitState)
		missed = missed || !state.Alone
		if most > l.Max+tol {
			kept = append(kept, k)
		}
	}
	if missed {
		return nil, nil, fails
	}
	if len(p.Limits) == 0 && math.IsInf(w.price(t, 1, nil).sum, 1) {
		return nil, nil, forbidden(p.Items, 0)
	}
	return states, kept, nil
}

// conflict explains limits that exclude each other. empty is the dual that found so, if it
// did.
func (p *Problem) conflict(ctx context.Context, states []limitOf, kept []int, units []float64, empty *factorsDual) error {
	e := &InfeasibleError{Conflict: &Conflict{}}
	for _, l := range states {
		e.Limits = append(e.Limits, l.LimitState)
	}
	if empty.empty {
		w := make([]float64, len(p.Limits))
		for q, k := range kept {
			w[k] = empty.lambda[q] / units[q]
		}
		e.Conflict.weigh(p, w)
	}
	if len(p.Limits) > maxExplained {
		return e
	}
	for k := range e.Limits {
		other := *p
		other.Minimize, other.Nodes, other.Limits = p.Limits[k].Cost, maxBeside/4, nil
		for i, l := range p.Limits {
			if i != k {
				other.Limits = append(other.Limits, l)
			}
		}
		if s, err := other.search(ctx, other.Minimize); err == nil && s.Gap == 0 {
			e.Limits[k].Beside = s.Objective
		}
	}
	return e
}

// weigh fills the conflict's proof for weights of limits, if it is one.
func (c *Conflict) weigh(p *Problem, w []float64) {
	t, err := newFactors(p.Items, p.Couplings, Noise, costsOf(p.Limits))
	if err != nil {
		return
	}
	least := t.pricer().price(t, 0, w).sum
	most := 0.0
	for k, l := range p.Limits {
		most += w[k] * l.Max
	}
	if least > most {
		c.Weights, c.Least, c.Most = w, least, most
	}
}
