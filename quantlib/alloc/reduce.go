package alloc

import (
	"cmp"
	"math"
	"slices"
)

// instance is a problem in plain numbers: the objective o >= 0 counted above
// the item's smallest one, and for each limit that can be violated a cost c >= 0
// counted above the item's smallest one. Candidates of item i stand at
// off[i]..off[i+1]; the costs of candidate j at c[j*m : (j+1)*m].
type instance struct {
	m      int
	off    []int
	o, c   []float64
	id     []int     // the candidate's index in its item
	item   []int     // the item's index in the problem
	budget []float64 // by kept limit
	limit  []int     // which limit of the problem a kept limit is
	base   float64   // sum of the items' smallest objectives
}

func (in *instance) items() int { return len(in.off) - 1 }

// reach is the least total that a cost can have, on its own, and the largest
// absolute value that rounding has to be compared with.
func reach(items []Item, name string) (least, most, scale float64) {
	for i := range items {
		lo, hi, abs := math.Inf(1), math.Inf(-1), 0.0
		for _, j := range items[i].allowed() {
			v, _ := items[i].Candidates[j].cost(name)
			lo, hi, abs = min(lo, v), max(hi, v), max(abs, math.Abs(v))
		}
		least, most, scale = least+lo, most+hi, scale+abs
	}
	return least, most, scale
}

// slack is the distance by which a limit may be passed, see Tolerance.
func slack(limit, scale float64) float64 {
	if math.IsInf(limit, 0) {
		return 0
	}
	return Tolerance * max(math.Abs(limit), scale)
}

// newInstance shifts the problem to its minima, drops limits that no choice can
// violate and removes dominated candidates and, unless whole, those that exceed
// a limit by themselves. Every limit must be reachable on its own.
func newInstance(p *Problem, objective string, whole bool) *instance {
	in := &instance{off: []int{0}}
	for k, l := range p.Limits {
		least, most, scale := reach(p.Items, l.Cost)
		tol := slack(l.Max, scale)
		if most <= l.Max+tol {
			continue
		}
		in.limit = append(in.limit, k)
		in.budget = append(in.budget, max(0, l.Max+tol-least))
	}
	in.m = len(in.limit)
	for i := range p.Items {
		it := &p.Items[i]
		ids := it.allowed()
		o := make([]float64, len(ids))
		c := make([]float64, len(ids)*in.m)
		for a, j := range ids {
			o[a], _ = it.Candidates[j].cost(objective)
			for q, k := range in.limit {
				c[a*in.m+q], _ = it.Candidates[j].cost(p.Limits[k].Cost)
			}
		}
		lo := slices.Min(o)
		in.base += lo
		for a := range o {
			o[a] -= lo
		}
		for q := range in.m {
			lo := math.Inf(1)
			for a := range ids {
				lo = min(lo, c[a*in.m+q])
			}
			for a := range ids {
				c[a*in.m+q] -= lo
			}
		}
		for a, j := range ids {
			row := c[a*in.m : (a+1)*in.m]
			if !whole && exceeds(row, in.budget) || dominated(a, o, c, in.m) {
				continue
			}
			in.o = append(in.o, o[a])
			in.c = append(in.c, row...)
			in.id = append(in.id, j)
		}
		in.off = append(in.off, len(in.o))
		in.item = append(in.item, i)
	}
	return in
}

// exceeds reports whether one cost alone is above its budget.
func exceeds(c, budget []float64) bool {
	for k, v := range c {
		if v > budget[k] {
			return true
		}
	}
	return false
}

// dominated reports whether another candidate is no worse than a in everything,
// and either better in something or of lower index.
func dominated(a int, o, c []float64, m int) bool {
	for b := range o {
		if b == a || o[b] > o[a] {
			continue
		}
		noWorse, better := true, o[b] < o[a]
		for k := range m {
			cb, ca := c[b*m+k], c[a*m+k]
			noWorse = noWorse && cb <= ca
			better = better || cb < ca
		}
		if noWorse && (better || b < a) {
			return true
		}
	}
	return false
}

// fixedPoint is 2^-52: all numbers of a scaled instance are multiples of it, so
// that sums below 2 are exact.
const fixedPoint = 1.0 / (1 << 52)

// scaled returns the instance with objectives in parts of top and costs in parts
// of their budgets, all rounded to multiples of fixedPoint; budgets become 1.
// Candidates above 1 are dropped. ok is false if an item loses them all, so that
// no choice lies below top.
func (in *instance) scaled(top float64) (out *instance, ok bool) {
	out = &instance{m: in.m, off: []int{0}, limit: in.limit, item: in.item, budget: make([]float64, in.m)}
	for k := range out.budget {
		out.budget[k] = 1
	}
	row := make([]float64, in.m)
	for i := range in.items() {
		for j := in.off[i]; j < in.off[i+1]; j++ {
			o := snap(in.o[j], top)
			for k := range row {
				row[k] = snap(in.c[j*in.m+k], in.budget[k])
			}
			if o > 1 || exceeds(row, out.budget) {
				continue
			}
			out.o = append(out.o, o)
			out.c = append(out.c, row...)
			out.id = append(out.id, in.id[j])
		}
		if len(out.o) == out.off[i] {
			return nil, false
		}
		out.off = append(out.off, len(out.o))
	}
	return out, true
}

// snap is v/unit, rounded to a multiple of fixedPoint. Where unit is 0 only 0 fits.
func snap(v, unit float64) float64 {
	if v == 0 {
		return 0
	}
	q := v / unit
	if !(q < 2) {
		return 2
	}
	return math.RoundToEven(q/fixedPoint) * fixedPoint
}

// clone copies what fix, order and a node change.
func (in *instance) clone() *instance {
	out := *in
	out.off, out.o, out.c = slices.Clone(in.off), slices.Clone(in.o), slices.Clone(in.c)
	out.id, out.item = slices.Clone(in.id), slices.Clone(in.item)
	out.budget = slices.Clone(in.budget)
	return &out
}

// step is the largest whole number of which all objectives are multiples, 0
// where they are not whole. A choice better than the best known one is then
// better by at least that much, which lets bounds prune earlier: bytes and bit
// operations are whole.
func (in *instance) step() float64 {
	g := 0.0
	for _, o := range in.o {
		if o != math.Trunc(o) || o > 1<<52 {
			return 0
		}
		for o != 0 {
			g, o = o, math.Mod(g, o)
		}
	}
	return g
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
