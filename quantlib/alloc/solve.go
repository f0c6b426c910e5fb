package alloc

import (
	"context"
	"errors"
	"math"
	"slices"
)

// Solve chooses one candidate per item such that no choice within the limits has
// a smaller total of what the problem minimises.
//
// A total meets its limit if it is at most Max + Tolerance·s, with s the larger
// of |Max| and the sum over items of the largest absolute cost. Totals in the
// solution are summed in the order of items.
//
// It returns an *InfeasibleError if no choice meets the limits, and an error
// that names the item for data that are not finite, a missing cost, or an item
// without candidates. If ctx ends the search, the best choice found so far is
// returned with its Gap, together with ctx's error; Choice is nil if none was
// found. If Problem.Nodes ends it, the best choice is returned with its Gap and
// without an error, unless none was found.
func Solve(ctx context.Context, p Problem) (Solution, error) {
	objective, err := p.check()
	if err != nil {
		return Solution{}, err
	}
	if len(p.Couplings) > 0 {
		return solveCoupled(ctx, &p, objective)
	}
	if err := unreachable(&p); err != nil {
		return Solution{}, err
	}
	in := newInstance(&p, objective, false)
	r := run{ctx: ctx, in: in, limit: p.Nodes}
	state, err := r.solve()
	if errors.Is(err, errLimit) && r.choice != nil {
		err = nil // the gap says how far it got
	}
	if state == noChoice && err == nil {
		return Solution{}, r.conflict(&p)
	}
	s := Solution{Bound: in.base + r.bound, Nodes: r.nodes, Fixed: r.fixed}
	s.Gap = math.Inf(1)
	if r.choice != nil {
		fresh := p.solution(objective, r.choice)
		fresh.Nodes, fresh.Fixed = s.Nodes, s.Fixed
		fresh.Bound = fresh.Objective
		if state != proved {
			fresh.Bound = min(s.Bound, fresh.Objective)
		}
		fresh.Gap = fresh.Objective - fresh.Bound
		s = fresh
	}
	return s, err
}

type state int

const (
	stopped  state = iota // by the context
	proved                // the choice is optimal
	noChoice              // it is proved that no choice meets the limits
)

// run is one solution process.
type run struct {
	ctx    context.Context
	in     *instance
	step   float64 // all objectives are multiples of it; 0 where none is known
	choice []int   // by item of the problem; nil until one is found
	value  float64
	bound  float64 // above in.base
	nodes  int
	fixed  int
	margin float64 // step, scaled, less what rounding may hide
	limit  int     // partial choices to look at; 0 means any number

	branches int // searches by branch and bound, for tests
}

// takeOf makes a choice of a scaled instance the best one.
func (r *run) takeOf(sc *instance, choice []int) {
	byItem := make([]int, len(choice))
	for i, j := range choice {
		byItem[sc.item[i]] = sc.id[j]
	}
	r.take(byItem)
}

// take makes a choice, by item of the problem, the best one.
func (r *run) take(byItem []int) {
	r.choice, r.value = slices.Clone(byItem), 0
	for i := range r.in.items() {
		for j := r.in.off[i]; j < r.in.off[i+1]; j++ {
			if r.in.id[j] == byItem[i] {
				r.value += r.in.o[j]
			}
		}
	}
}

// solve runs until the choice is proved, or proved not to exist. Each round has
// the numbers scaled by the best objective known; it is repeated when that fell
// far, so that fixed point keeps its precision.
func (r *run) solve() (state, error) {
	in := r.in
	if in.m == 0 {
		// No limit can be violated: the first smallest of each item.
		r.choice = make([]int, in.items())
		for i := range r.choice {
			r.choice[i] = in.id[in.off[i]] // the only one that is not dominated
		}
		return proved, nil
	}
	top := 0.0
	for i := range in.items() {
		if in.off[i] == in.off[i+1] {
			return noChoice, nil
		}
		top += slices.Max(in.o[in.off[i]:in.off[i+1]])
	}
	if top == 0 {
		top = 1
	}
	r.step = in.step()
	for {
		if r.choice != nil {
			if r.value == 0 {
				return proved, nil
			}
			top = r.value
		}
		r.margin = r.step / top * (1 - 1e-3)
		if r.margin < 1e-9 {
			r.margin = 0 // too fine for fixed point
		}
		sc, ok := in.scaled(top)
		if !ok {
			return r.done(), nil
		}
		again, err := r.round(sc, top)
		if err != nil {
			return stopped, err
		}
		if !again {
			return r.done(), nil
		}
	}
}

func (r *run) done() state {
	if r.choice == nil {
		return noChoice
	}
	return proved
}

const (
	rescale    = 0.25    // a best objective this small is worth another round
	tiedGap    = 1e-6    // of the gap: what counts as no regret
	tiedLeast  = 1e-9    // and of the best objective: rounding
	tiedNodes  = 1 << 20 // partial choices that a search with dominance may look at; about a second
	wholeNodes = 1 << 15 // and where objectives are whole numbers
)

// tied is how many partial choices to enumerate level by level before branching.
// Where many candidates have no regret combinations cannot be listed by it, but
// partial choices are often dominated, as where many items are alike.
func (r *run) tied(sc *instance, upper float64, d duals) int {
	n := &node{in: sc.without(func(i int) bool { return sc.off[i+1] == sc.off[i]+1 }), c: make([]float64, sc.m), lambda: d.lambda}
	gap := min(upper, 1) - d.bound
	if reach := max(gap*tiedGap, tiedLeast); newMeet(n).within(reach, meetTry) < reach {
		return tiedNodes
	}
	if r.margin > 0 {
		return wholeNodes
	}
	return 0
}

// maxTried is how many multipliers are tried for a choice by repair.
const maxTried = 4

// round solves one scaled instance. again asks for another round at the new,
// much smaller, best objective.
func (r *run) round(sc *instance, top float64) (again bool, err error) {
	upper := 1.0
	if r.choice == nil {
		upper = math.Inf(1)
	}
	nodes := 0 // to enumerate level by level
	for pass := 0; ; pass++ {
		if err := r.ctx.Err(); err != nil {
			return false, err
		}
		d := sc.dual(0, sc.budget, nil, math.Inf(1), true)
		if d.empty {
			return false, nil // no choice is left below the best one
		}
		r.bound = max(r.bound, d.bound*top)
		// The last multipliers are near the best ones, and their choices need
		// little repair; the first ones serve only where those lead nowhere.
		for q := len(d.seen) - 1; q >= 0; q-- {
			if q < len(d.seen)-maxTried && r.choice != nil {
				break
			}
			if choice, value, ok := sc.upper(d.seen[q]); ok && value < upper {
				upper = value
				r.takeOf(sc, choice)
			}
		}
		if upper == 0 {
			return false, nil
		}
		if upper < rescale && pass == 0 {
			return true, nil
		}
		removed, left := sc.fix(d.seen, upper-max(r.margin, upper*proofEps))
		if !left {
			return false, nil
		}
		r.fixed = 0
		for i := range sc.items() {
			if sc.off[i+1] == sc.off[i]+1 {
				r.fixed++
			}
		}
		if pass == 0 {
			nodes = r.tied(sc, upper, d)
		}
		if nodes == 0 {
			upper, err = r.branch(sc, upper, top, d)
			return upper < rescale, err
		}
		sc.order(d.lambda)
		if pass > 0 && removed == 0 || pass > 4 {
			s := r.search(sc, upper, d)
			s.limit = nodes
			if r.limit > 0 {
				s.limit = min(nodes, max(1, r.limit-r.nodes))
			}
			err := s.run(s.root())
			r.nodes += s.nodes
			if s.choice != nil {
				r.takeOf(sc, s.choice)
				upper = s.upper
			}
			if err == errLimit && upper >= rescale {
				upper, err = r.branch(sc, upper, top, d)
			}
			return upper < rescale, err
		}
		if upper, err = r.cores(sc, upper, d); err != nil {
			return false, err
		}
	}
}

// cores looks for better choices among the candidates of small regret, where
// the optimum's candidates are: for growing parts of the gap it searches the
// candidates whose regret is below that part, for a bounded number of nodes.
func (r *run) cores(sc *instance, upper float64, d duals) (float64, error) {
	if math.IsInf(upper, 1) {
		return upper, nil // the full search looks for a first choice
	}
	for _, part := range coreParts {
		for {
			gap := upper - d.bound
			core := sc.clone()
			if _, ok := core.fix([][]float64{d.lambda}, d.bound+part*gap); !ok {
				break
			}
			s := r.search(core, upper, d)
			s.width, s.limit = coreWidth, coreNodes
			err := s.run(s.root())
			r.nodes += s.nodes
			if s.choice != nil {
				r.takeOf(core, s.choice)
			}
			if err != nil && err != errLimit {
				return upper, err
			}
			gain := upper - s.upper
			upper = s.upper
			if !(gain >= gap/8) {
				break
			}
		}
	}
	return upper, nil
}

// search prepares a search with the best of the known multipliers as cuts.
func (r *run) search(sc *instance, upper float64, d duals) *search {
	s := newSearch(r.ctx, sc, upper)
	s.margin = r.margin
	s.add(0, d.lambda)
	for _, l := range d.seen[max(0, len(d.seen)-maxCuts/4):] {
		s.add(0, l)
	}
	return s
}

// root is the level that decides nothing.
func (s *search) root() *level {
	c := make([]float64, s.in.m)
	return &level{o: []float64{0}, c: c, bound: []float64{s.bound(0, 0, c)}}
}
