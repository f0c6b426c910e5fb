package alloc

import "math"

// The dual of the linear relaxation
//
//	max_{λ >= 0} L(λ),  L(λ) = Σ_i min_j (o_ij + λ·c_ij) - λ·b
//
// is found by column generation: for given λ the inner minimum is a choice (a
// column); a master problem of m+1 rows mixes the columns found so far,
//
//	min Σ_q x_q o_q   subject to   Σ_q x_q (c_q - b) + s = 0,  Σ_q x_q = 1,  x, s >= 0
//
// and its dual prices are the next λ. The maximum equals the optimum of the
// linear relaxation, since the items' choices are convex hulls of their
// candidates. Any λ >= 0 gives a valid bound, so rounding can weaken a bound but
// not falsify it.

const (
	maxColumns = 400   // stop improving a bound after so many choices
	maxPivots  = 200   // per re-optimisation of the master
	dualEps    = 1e-11 // master and bound this close (problem scaled to 1) count as equal
	pivotEps   = 1e-11
)

// price finds the choice of the items from first on that is the smallest at
// multipliers λ, and returns Σ min (o + λ·c). The choice's objective is stored
// in *o, its costs minus budget are stored in g.
func (in *instance) price(first int, lambda, budget, g []float64, o *float64) float64 {
	m := in.m
	sum, so := 0.0, 0.0
	for k := range g {
		g[k] = -budget[k]
	}
	for i := first; i < in.items(); i++ {
		best, at := math.Inf(1), -1
		for j := in.off[i]; j < in.off[i+1]; j++ {
			r := in.o[j]
			for k, l := range lambda {
				r += l * in.c[j*m+k]
			}
			if r < best {
				best, at = r, j
			}
		}
		sum += best
		so += in.o[at]
		for k, v := range in.c[at*m : at*m+m] {
			g[k] += v
		}
	}
	*o = so
	return sum
}

// price1 is o + λ·c of candidate j.
func (in *instance) price1(j int, lambda []float64) float64 {
	v := in.o[j]
	for k, l := range lambda {
		v += l * in.c[j*in.m+k]
	}
	return v
}

// duals is the outcome of the dual problem.
type duals struct {
	lambda []float64 // multipliers of the best bound, or of the proof that there is no choice
	bound  float64   // L(λ)
	empty  bool      // even mixtures of candidates exceed the budgets: Σ_i min_j λ·c_ij > λ·b
	seen   [][]float64
}

// dual maximises L over the items from first on for a budget. Starting
// multipliers speed it up. stop ends the search as soon as the bound reaches it.
// all keeps every multiplier vector that was tried.
func (in *instance) dual(first int, budget []float64, start [][]float64, stop float64, all bool) duals {
	m := in.m
	best := duals{lambda: make([]float64, m), bound: math.Inf(-1)}
	ms := newMaster(m)
	zero := make([]float64, m)
	try := func(lambda []float64) (value float64) {
		var o float64
		g := make([]float64, m)
		value = in.price(first, lambda, budget, g, &o)
		bound := value
		for k, l := range lambda {
			bound -= l * budget[k]
		}
		if bound > best.bound {
			best.bound = bound
			copy(best.lambda, lambda)
		}
		if all {
			best.seen = append(best.seen, append([]float64(nil), lambda...))
		}
		ms.add(o, g)
		return bound
	}
	try(zero)
	for _, l := range start {
		try(l)
	}
	if best.bound >= stop {
		return best
	}
	ms.begin()

	// First phase: mix the columns so that no budget is exceeded.
	g := make([]float64, m)
	for ms.infeasible() {
		lambda, violation := ms.optimise(true)
		if violation <= pivotEps {
			break
		}
		var o float64
		reach := 0.0
		in.priceCosts(first, lambda, budget, g, &o)
		for k, l := range lambda {
			reach += l * g[k]
		}
		if reach >= violation-dualEps || ms.columns() > maxColumns {
			if reach > dualEps {
				best.empty = true
				copy(best.lambda, lambda)
				best.bound = math.Inf(1)
				return best
			}
			break
		}
		ms.add(o, append([]float64(nil), g...))
	}
	// Second phase.
	for ms.columns() <= maxColumns && best.bound < stop {
		lambda, value := ms.optimise(false)
		if bound := try(lambda); bound >= value-dualEps || best.bound >= value-dualEps {
			break
		}
	}
	return best
}

// priceCosts is price for the costs alone: the choice that makes Σ λ·c smallest,
// and among equal candidates the one with the smallest objective.
func (in *instance) priceCosts(first int, lambda, budget, g []float64, o *float64) {
	m := in.m
	so := 0.0
	for k := range g {
		g[k] = -budget[k]
	}
	for i := first; i < in.items(); i++ {
		best, at := math.Inf(1), -1
		for j := in.off[i]; j < in.off[i+1]; j++ {
			r := 0.0
			for k, l := range lambda {
				r += l * in.c[j*m+k]
			}
			if r < best || (r == best && in.o[j] < in.o[at]) {
				best, at = r, j
			}
		}
		so += in.o[at]
		for k, v := range in.c[at*m : at*m+m] {
			g[k] += v
		}
	}
	*o = so
}

// master is the restricted master problem, by the revised simplex method with an
// explicit inverse: it has m+1 rows, and m is small. Variables are numbered:
// columns from 0; -1-k is the slack of row k; -1-m-k is its artificial.
type master struct {
	m     int
	o     []float64 // by column
	g     [][]float64
	basis []int
	x     []float64   // values of the basis
	inv   [][]float64 // inverse of the basis
}

func newMaster(m int) *master { return &master{m: m} }

func (ms *master) add(o float64, g []float64) {
	ms.o = append(ms.o, o)
	ms.g = append(ms.g, g)
}

func (ms *master) columns() int { return len(ms.o) }

// begin sets the basis from the column that violates the budgets least, with
// slacks where it keeps them and artificials where it does not.
func (ms *master) begin() {
	m := ms.m
	first, least := 0, math.Inf(1)
	for q, g := range ms.g {
		worst := 0.0
		for _, v := range g {
			worst += max(0, v)
		}
		if worst < least {
			first, least = q, worst
		}
	}
	ms.basis = make([]int, m+1)
	ms.x = make([]float64, m+1)
	ms.inv = make([][]float64, m+1)
	for r := range ms.inv {
		ms.inv[r] = make([]float64, m+1)
	}
	// The basis matrix is diag(±1) with the column g in the last position:
	// row k reads ±v_k + g_k·x = 0, the last row reads x = 1.
	ms.basis[m], ms.x[m], ms.inv[m][m] = first, 1, 1
	for k, v := range ms.g[first] {
		if v > 0 {
			ms.basis[k], ms.x[k] = -1-m-k, v
			ms.inv[k][k], ms.inv[k][m] = -1, v
		} else {
			ms.basis[k], ms.x[k] = -1-k, -v
			ms.inv[k][k], ms.inv[k][m] = 1, -v
		}
	}
}

// infeasible reports whether an artificial is in use.
func (ms *master) infeasible() bool {
	for r, b := range ms.basis {
		if b < -ms.m && ms.x[r] > pivotEps {
			return true
		}
	}
	return false
}

// cost of a basic variable; in the second phase what is left of an artificial
// must stay at zero and is made dear.
func (ms *master) cost(v int, first bool) float64 {
	switch {
	case v < -ms.m && first:
		return 1
	case v < -ms.m:
		return 1e6
	case v < 0 || first:
		return 0
	}
	return ms.o[v]
}

// optimise runs the simplex method over the columns known so far and returns the
// multipliers and the value: in the first phase the sum of violations, in the
// second the objective.
func (ms *master) optimise(first bool) (lambda []float64, value float64) {
	m := ms.m
	y := make([]float64, m+1)
	d := make([]float64, m+1)
	for pivot := 0; ; pivot++ {
		for c := range y {
			y[c] = 0
			for r, b := range ms.basis {
				y[c] += ms.cost(b, first) * ms.inv[r][c]
			}
		}
		// The most negative reduced cost enters; late in a long run the first one,
		// which cannot cycle.
		enter, least, found := 0, -pivotEps, false
		consider := func(v int, reduced float64) {
			if reduced < least {
				enter, found = v, true
				if pivot < maxPivots/2 {
					least = reduced
				} else {
					least = math.Inf(-1)
				}
			}
		}
		for k := range m {
			consider(-1-k, -y[k])
		}
		for q, g := range ms.g {
			r := -y[m]
			if !first {
				r += ms.o[q]
			}
			for k, v := range g {
				r -= y[k] * v
			}
			consider(q, r)
		}
		if !found || pivot >= maxPivots {
			break
		}
		for r := range d {
			if enter < 0 {
				d[r] = ms.inv[r][-1-enter]
				continue
			}
			d[r] = ms.inv[r][m]
			for k, v := range ms.g[enter] {
				d[r] += ms.inv[r][k] * v
			}
		}
		leave, ratio := -1, math.Inf(1)
		for r, v := range d {
			if v <= pivotEps {
				continue
			}
			q := ms.x[r] / v
			if q < ratio-pivotEps || (q <= ratio+pivotEps && leave >= 0 && ms.basis[r] < ms.basis[leave]) {
				leave, ratio = r, q
			}
		}
		if leave < 0 {
			break // cannot happen: the mixture is bounded
		}
		ms.pivot(leave, enter, d)
	}
	lambda = make([]float64, m)
	for k := range lambda {
		lambda[k] = max(0, -y[k])
	}
	for r, b := range ms.basis {
		value += ms.cost(b, first) * ms.x[r]
	}
	return lambda, value
}

// pivot replaces the basic variable of row leave.
func (ms *master) pivot(leave, enter int, d []float64) {
	row := ms.inv[leave]
	for c := range row {
		row[c] /= d[leave]
	}
	ms.x[leave] = max(0, ms.x[leave]/d[leave])
	for r := range ms.inv {
		if r == leave || d[r] == 0 {
			continue
		}
		for c := range row {
			ms.inv[r][c] -= d[r] * row[c]
		}
		ms.x[r] = max(0, ms.x[r]-d[r]*ms.x[leave])
	}
	ms.basis[leave] = enter
}
