package alloc

import (
	"cmp"
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
}

// take makes a choice of a scaled instance the best one.
func (r *run) take(sc *instance, choice []int) {
	byItem := make([]int, len(choice))
	for i, j := range choice {
		byItem[sc.item[i]] = sc.id[j]
	}
	r.choice, r.value = byItem, 0
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

// maxTried is how many multipliers are tried for a choice by repair.
const maxTried = 8

// round solves one scaled instance. again asks for another round at the new,
// much smaller, best objective.
func (r *run) round(sc *instance, top float64) (again bool, err error) {
	upper := 1.0
	if r.choice == nil {
		upper = math.Inf(1)
	}
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
				r.take(sc, choice)
			}
		}
		if upper == 0 {
			return false, nil
		}
		if upper < 0.25 && pass == 0 {
			return true, nil
		}
		removed, left := sc.fix(d.seen, upper-max(r.margin, upper*proofEps))
		if !left {
			return false, nil
		}
		sc.order(d.lambda)
		r.fixed = 0
		for i := range sc.items() {
			if sc.off[i+1] == sc.off[i]+1 {
				r.fixed++
			}
		}
		if pass > 0 && removed == 0 || pass > 4 {
			s := r.search(sc, upper, d)
			if r.limit > 0 {
				s.limit = max(1, r.limit-r.nodes)
			}
			err := s.run(s.root())
			r.nodes += s.nodes
			if s.choice != nil {
				r.take(sc, s.choice)
				upper = s.upper
			}
			return upper < 1.0/64, err
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
				r.take(core, s.choice)
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

// fix removes the candidates that no choice below prunable contains, by the
// regret against the item's smallest at each of the multipliers. left is false
// if an item has none left: no choice lies below.
func (in *instance) fix(lambdas [][]float64, prunable float64) (removed int, left bool) {
	m, n := in.m, in.items()
	r := make([]float64, len(in.o))
	gone := make([]bool, len(in.o))
	for _, lambda := range lambdas {
		bound := 0.0
		for k, l := range lambda {
			bound -= l * in.budget[k]
		}
		least := make([]float64, n)
		for i := range n {
			least[i] = math.Inf(1)
			for j := in.off[i]; j < in.off[i+1]; j++ {
				r[j] = in.o[j]
				for k, l := range lambda {
					r[j] += l * in.c[j*m+k]
				}
				least[i] = min(least[i], r[j])
			}
			bound += least[i]
		}
		for i := range n {
			for j := in.off[i]; j < in.off[i+1]; j++ {
				if bound+(r[j]-least[i]) >= prunable {
					gone[j] = true
				}
			}
		}
	}
	off := []int{0}
	q := 0
	for i := range n {
		for j := in.off[i]; j < in.off[i+1]; j++ {
			if gone[j] {
				removed++
				continue
			}
			in.o[q], in.id[q] = in.o[j], in.id[j]
			copy(in.c[q*m:(q+1)*m], in.c[j*m:(j+1)*m])
			q++
		}
		if q == off[i] {
			return removed, false
		}
		off = append(off, q)
	}
	in.off, in.o, in.c, in.id = off, in.o[:q], in.c[:q*m], in.id[:q]
	return removed, true
}

// order sorts the items for the search: decided ones first, then with one or two
// limits those which the multipliers leave most undecided, so that the dear ones
// come when little can still be made good; dominance keeps the levels narrow.
// With more limits, where dominance is rare, the dear ones come first: a partial
// choice that takes one has little of the gap left.
func (in *instance) order(lambda []float64) {
	m, n := in.m, in.items()
	sign := 1
	if m > 2 {
		sign = -1
	}
	regret := make([]float64, n)
	for i := range n {
		first, second := math.Inf(1), math.Inf(1)
		for j := in.off[i]; j < in.off[i+1]; j++ {
			r := in.o[j]
			for k, l := range lambda {
				r += l * in.c[j*m+k]
			}
			if r < first {
				first, second = r, first
			} else {
				second = min(second, r)
			}
		}
		regret[i] = second - first
		if in.off[i+1] == in.off[i]+1 {
			regret[i] = math.Inf(-sign)
		}
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if d := sign * cmp.Compare(regret[a], regret[b]); d != 0 {
			return d
		}
		return cmp.Compare(in.item[a], in.item[b])
	})
	out := instance{off: []int{0}}
	for _, i := range order {
		out.o = append(out.o, in.o[in.off[i]:in.off[i+1]]...)
		out.c = append(out.c, in.c[in.off[i]*m:in.off[i+1]*m]...)
		out.id = append(out.id, in.id[in.off[i]:in.off[i+1]]...)
		out.off = append(out.off, len(out.o))
		out.item = append(out.item, in.item[i])
	}
	in.off, in.o, in.c, in.id, in.item = out.off, out.o, out.c, out.id, out.item
}
