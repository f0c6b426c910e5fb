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
	dualEps    = 1e-11 // master and bound this close (problem scaled to 1) count as equal
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
		best, at := in.least(i, lambda)
		sum += best
		so += in.o[at]
		for k, v := range in.c[at*m : at*m+m] {
			g[k] += v
		}
	}
	*o = so
	return sum
}

// least is the smallest o + λ·c of item i and the first candidate that has it.
func (in *instance) least(i int, lambda []float64) (best float64, at int) {
	f, l := in.off[i], in.off[i+1]
	o := in.o[f:l]
	best, at = math.Inf(1), -1
	// What is usual is written out.
	switch m := in.m; m {
	case 2:
		c := in.c[2*f : 2*l]
		x, y := lambda[0], lambda[1]
		for j, r := range o {
			if r = r + x*c[0] + y*c[1]; r < best {
				best, at = r, j
			}
			c = c[2:]
		}
	case 3:
		c := in.c[3*f : 3*l]
		x, y, z := lambda[0], lambda[1], lambda[2]
		for j, r := range o {
			if r = r + x*c[0] + y*c[1] + z*c[2]; r < best {
				best, at = r, j
			}
			c = c[3:]
		}
	case 4:
		c := in.c[4*f : 4*l]
		x, y, z, w := lambda[0], lambda[1], lambda[2], lambda[3]
		for j, r := range o {
			if r = r + x*c[0] + y*c[1] + z*c[2] + w*c[3]; r < best {
				best, at = r, j
			}
			c = c[4:]
		}
	default:
		for j, r := range o {
			for k, v := range in.c[(f+j)*m : (f+j+1)*m] {
				r += lambda[k] * v
			}
			if r < best {
				best, at = r, j
			}
		}
	}
	return best, f + at
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
	basis  []column // of the last master, where the limits can be met
}

// column is a choice of the master: the one that is smallest at its multipliers, or of
// the costs alone that is.
type column struct {
	lambda []float64
	bare   bool      // without the objective
	o      float64   // objective
	g      []float64 // costs less the budgets
}

// with is the columns with candidate j for item i, where they have another one. Sums
// are of all items, decided or not.
func (in *instance) with(basis []column, i, j int) []column {
	m := in.m
	out := make([]column, len(basis))
	g := make([]float64, m*len(basis))
	for q, x := range basis {
		at := in.smallest(i, x.lambda, x.bare)
		y := &out[q]
		*y = column{x.lambda, x.bare, x.o + (in.o[j] - in.o[at]), g[q*m : (q+1)*m]}
		for k, v := range x.g {
			y.g[k] = v + (in.c[j*m+k] - in.c[at*m+k])
		}
	}
	return out
}

// dual maximises L over the items from first on for a budget. Starting
// multipliers speed it up. stop ends the search as soon as the bound reaches it.
// all keeps every multiplier vector that was tried.
func (in *instance) dual(first int, budget []float64, start [][]float64, stop float64, all bool) duals {
	start = append([][]float64{make([]float64, in.m)}, start...)
	return in.dualFrom(first, budget, start, nil, 0, stop, all)
}

// dualFrom is dual with columns to begin with, whose objectives are o too high. A column
// that is no choice of the instance makes the bound worse, not wrong.
func (in *instance) dualFrom(first int, budget []float64, start [][]float64, basis []column, o, stop float64, all bool) duals {
	m := in.m
	best := duals{lambda: make([]float64, m), bound: math.Inf(-1)}
	ms := newMaster(m)
	for _, x := range basis {
		x.o -= o
		ms.add(x)
	}
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
		ms.add(column{append([]float64(nil), lambda...), false, o, g})
		return bound
	}
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
		ms.add(column{lambda, true, o, append([]float64(nil), g...)})
	}
	// Second phase.
	for ms.columns() <= maxColumns && best.bound < stop {
		lambda, value := ms.optimise(false)
		if bound := try(lambda); bound >= value-dualEps || best.bound >= value-dualEps {
			break
		}
	}
	for _, b := range ms.basis {
		if b >= 0 {
			x := ms.column[b]
			x.o += o
			best.basis = append(best.basis, x)
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
		at := in.smallest(i, lambda, true)
		so += in.o[at]
		for k, v := range in.c[at*m : at*m+m] {
			g[k] += v
		}
	}
	*o = so
}

// smallest is the candidate of item i that is the smallest at multipliers λ, or, bare,
// has the smallest costs.
func (in *instance) smallest(i int, lambda []float64, bare bool) int {
	if !bare {
		_, at := in.least(i, lambda)
		return at
	}
	best, at := math.Inf(1), -1
	for j := in.off[i]; j < in.off[i+1]; j++ {
		r := 0.0
		for k, l := range lambda {
			r += l * in.c[j*in.m+k]
		}
		if r < best || (r == best && in.o[j] < in.o[at]) {
			best, at = r, j
		}
	}
	return at
}
