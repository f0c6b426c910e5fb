package alloc

import (
	"math"
	"slices"
)

// A limit without a price in the relaxation is rarely what decides. The search then
// leaves it out: fewer costs tell candidates apart, so that more of them are beaten by
// another of their item, and halves of combinations join in fewer costs. The best
// choice within the limits that are kept is the best choice of all if it is within
// the others too; if it is not, those that it breaks are kept from then on, and the
// search is repeated. That ends, at the latest with all limits.

// keeping is the instance with some of its limits, without the candidates that
// another of the item beats in these. Where two are alike in what is kept, the one
// that costs no more in the others stays, or else the first.
func (in *instance) keeping(kept []int) *instance {
	m := len(kept)
	out := &instance{m: m, off: []int{0}, item: slices.Clone(in.item)}
	for _, k := range kept {
		out.budget = append(out.budget, in.budget[k])
	}
	var c []float64
	for i := range in.items() {
		f, l := in.off[i], in.off[i+1]
		c = c[:0]
		for j := f; j < l; j++ {
			for _, k := range kept {
				c = append(c, in.c[j*in.m+k])
			}
		}
		for j := f; j < l; j++ {
			if in.beaten(j, f, l, kept) {
				continue
			}
			out.o, out.id = append(out.o, in.o[j]), append(out.id, in.id[j])
			out.c = append(out.c, c[(j-f)*m:(j-f+1)*m]...)
		}
		out.off = append(out.off, len(out.o))
	}
	return out
}

// beaten reports whether one of the candidates f to l stands for candidate j where
// only the kept limits count.
func (in *instance) beaten(j, f, l int, kept []int) bool {
	for b := f; b < l; b++ {
		if b == j || in.o[b] > in.o[j] {
			continue
		}
		noWorse, better := true, in.o[b] < in.o[j]
		for _, k := range kept {
			cb, cj := in.c[b*in.m+k], in.c[j*in.m+k]
			noWorse = noWorse && cb <= cj
			better = better || cb < cj
		}
		if !noWorse {
			continue
		}
		if better || noMore(in.c[b*in.m:(b+1)*in.m], in.c[j*in.m:(j+1)*in.m]) {
			return true
		}
		if b < j && !noMore(in.c[j*in.m:(j+1)*in.m], in.c[b*in.m:(b+1)*in.m]) {
			return true
		}
	}
	return false
}

// broken lists the limits that a choice, by item of the problem, exceeds.
func (in *instance) broken(choice []int) (list []int) {
	used := make([]float64, in.m)
	for i, item := range in.item {
		j := in.off[i] + slices.Index(in.id[in.off[i]:in.off[i+1]], choice[item])
		for k := range used {
			used[k] += in.c[j*in.m+k]
		}
	}
	for k, c := range used {
		if c > in.budget[k] {
			list = append(list, k)
		}
	}
	return list
}

// branch searches the scaled instance for the best choice below upper, which
// may be infinite. Where it was ended, r.bound says what is proved.
func (r *run) branch(sc *instance, upper, top float64, d duals) (float64, error) {
	var kept []int
	for k, l := range d.lambda {
		if l > 0 {
			kept = append(kept, k)
		}
	}
	for {
		in, lambda := sc, d.lambda
		if len(kept) < sc.m {
			in, lambda = sc.keeping(kept), nil
			for _, k := range kept {
				lambda = append(lambda, d.lambda[k])
			}
		}
		s := &brancher{ctx: r.ctx, upper: upper, margin: r.margin, choice: make([]int, sc.items()), table: table{most: tableMarks}}
		if r.limit > 0 {
			s.limit = max(1, r.limit-r.nodes)
		}
		if math.IsInf(upper, 1) {
			s.upper = 1 + 1e-6 // objectives of an instance that is scaled without a choice are at most 1
		}
		var broken []int // limits, by the best choice found
		s.found = func() {
			if broken = sc.broken(s.choice); len(broken) == 0 {
				r.take(s.choice)
				upper = s.upper
			}
		}
		r.branches++
		err := s.search(&node{in: in.clone(), c: make([]float64, in.m), lambda: lambda, bound: d.bound})
		r.nodes += s.nodes
		if err != nil {
			r.bound = max(r.bound, s.bound()*top)
			return upper, err
		}
		if len(broken) == 0 {
			return upper, nil
		}
		kept = append(kept, broken...)
		slices.Sort(kept)
	}
}
