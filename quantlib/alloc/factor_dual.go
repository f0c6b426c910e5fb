package alloc

import (
	"math"
	"slices"
)

// factorsDual is the outcome of the dual of a problem with couplings (see duals): its
// relaxation mixes choices.
type factorsDual struct {
	lambda  []float64
	bound   float64
	empty   bool      // even mixtures of choices exceed the budgets
	columns []priced  // choices found
	weight  []float64 // of columns, in the best mixture
}

// dual maximises the bound, by column generation as instance.dual does.
func (p *pricer) dual(t *factors, start [][]float64) factorsDual {
	best := factorsDual{lambda: make([]float64, t.m), bound: math.Inf(-1)}
	ms := newMaster(t.m)
	add := func(x priced) {
		g := make([]float64, t.m)
		for k := range g {
			g[k] = x.c[k] - t.budget[k]
		}
		ms.add(column{o: x.o, g: g})
		best.columns = append(best.columns, x)
	}
	try := func(lambda []float64) float64 {
		x := p.price(t, 1, lambda)
		if math.IsInf(x.sum, 1) {
			return x.sum
		}
		bound := x.sum
		for k, l := range lambda {
			bound -= l * t.budget[k]
		}
		if bound > best.bound {
			best.bound, best.lambda = bound, slices.Clone(lambda)
		}
		add(x)
		return bound
	}
	for _, l := range append([][]float64{make([]float64, t.m)}, start...) {
		if math.IsInf(try(l), 1) {
			best.empty, best.bound = true, math.Inf(1)
			return best
		}
	}
	ms.begin()
	for ms.infeasible() {
		lambda, violation := ms.optimise(true)
		if violation <= pivotEps {
			break
		}
		x := p.price(t, 0, lambda)
		reach := 0.0
		for k, l := range lambda {
			reach += l * (x.c[k] - t.budget[k])
		}
		if reach >= violation-dualEps || ms.columns() > maxColumns {
			if reach > dualEps {
				best.empty, best.lambda, best.bound = true, slices.Clone(lambda), math.Inf(1)
				return best
			}
			break
		}
		add(x)
	}
	for ms.columns() <= maxColumns {
		lambda, value := ms.optimise(false)
		if bound := try(lambda); bound >= value-dualEps || best.bound >= value-dualEps {
			break
		}
	}
	best.weight = make([]float64, len(best.columns))
	for r, b := range ms.basis {
		if b >= 0 {
			best.weight[b] += ms.x[r]
		}
	}
	return best
}

// regrets is what entries cost above the least at multipliers; see messages.
type regrets struct {
	of     [][]float64 // by factor, then entry
	others [][]float64 // by factor, then state
}

// regrets counts them.
func (t *factors) regrets(lambda []float64) regrets {
	g := regrets{make([][]float64, len(t.list)), make([][]float64, len(t.list))}
	least := make([][]float64, len(t.list))
	for q := range t.list {
		x := &t.list[q]
		g.of[q], least[q], g.others[q] = make([]float64, len(x.o)), make([]float64, x.states()), make([]float64, x.states())
		for s := range least[q] {
			m := math.Inf(1)
			for e := s * x.size; e < (s+1)*x.size; e++ {
				v := x.o[e]
				for k, l := range lambda {
					v += l * x.c[e*t.m+k]
				}
				for i, k := range x.kids {
					v += least[k][x.state[i][e]]
				}
				g.of[q][e] = v
				m = min(m, v)
			}
			least[q][s] = m
			for e := s * x.size; e < (s+1)*x.size; e++ {
				if !math.IsInf(g.of[q][e], 1) {
					g.of[q][e] -= m
				}
			}
			g.others[q][s] = math.Inf(1)
		}
	}
	for q := len(t.list) - 1; q >= 0; q-- {
		x := &t.list[q]
		if len(x.on) == 0 {
			g.others[q][0] = 0
		}
		for e, r := range g.of[q] {
			r += g.others[q][e/x.size]
			for i, k := range x.kids {
				o := &g.others[k][x.state[i][e]]
				*o = min(*o, r)
			}
		}
	}
	return g
}

// below is the candidates of each item, by place, that a choice of regret below reach has.
func (g *regrets) below(t *factors, reach float64) [][]int {
	stay := make([][]int, len(t.ids))
	for q := range t.list {
		x := &t.list[q]
		keep := make([]bool, x.size)
		for e, r := range g.of[q] {
			if g.others[q][e/x.size]+r < reach {
				keep[e%x.size] = true
			}
		}
		for v, k := range keep {
			if k {
				stay[x.item] = append(stay[x.item], v)
			}
		}
	}
	return stay
}
