package alloc

import (
	"cmp"
	"math"
	"slices"
)

// The linear relaxation is weak where steps of a few items are large in one limit. A
// table keeps that limit k as it is and prices the others: at multipliers λ every
// choice within the limits has
//
//	Σ o >= L(λ) + Σ_i regret(i, x(i)) + λ_k·(budget_k - Σ_i c_k(i, x(i)))
//
// and the least of the right side over the choices within limit k, its excess over
// L(λ), is found by adding item after item to the partial choices that no other one
// beats in cost k and in regret - λ_k·cost. Those above the gap in regret, or that leave
// too much of the limit, are dropped. Where they are too many, neighbours are joined:
// the least of both costs with the least of both worths, which is no more than either.
// So the table bounds from below. With the lists of the items before and behind an item
// the least excess of the choices with each of its candidates is found, too.

const (
	tableMarks = 256        // of a list
	tableWidth = 1.0 / 4096 // of the gap, for a cell of neighbours joined at first
	tableLoss  = 0.5        // of the gap, lost by joining, from which on a table is given up
	tableUse   = 1.0 / 16   // of the gap: an excess below it is of no use
	tableRest  = 4          // steps down the tree without a table where none was of use
	tableNodes = 8          // marks that count as a node
)

// mark is what a list knows of a partial choice: its cost in the kept limit and
// its worth, regret - λ·cost.
type mark struct{ d, u float64 }

// table is the lists of a node for one limit. Its slices are used again.
type table struct {
	most               int // marks of a list
	price, budget, gap float64
	base               float64 // L(λ), with what is decided
	pad                float64 // more than rounding takes from a sum
	r, d               []float64
	order              []int // items with a choice
	off                []int
	lo, hi             []float64 // least and most cost of order[q:]
	back               [][2]int  // lists of order[q:] in the arena
	arena              []mark
	now, next, shifted []mark
	width, lost        float64
}

// prepare makes a table ready for limit k of a node.
func (t *table) prepare(n *node, k int, prunable float64) {
	in, m := n.in, n.in.m
	t.price, t.budget = n.lambda[k], in.budget[k]
	t.r, t.d = slices.Grow(t.r[:0], len(in.o))[:len(in.o)], slices.Grow(t.d[:0], len(in.o))[:len(in.o)]
	t.off = in.off
	t.base = n.o
	for q, l := range n.lambda {
		t.base -= l * in.budget[q]
	}
	for i := range in.items() {
		least := math.Inf(1)
		for j := in.off[i]; j < in.off[i+1]; j++ {
			t.r[j], t.d[j] = in.price1(j, n.lambda), in.c[j*m+k]
			least = min(least, t.r[j])
		}
		t.base += least
		for j := in.off[i]; j < in.off[i+1]; j++ {
			t.r[j] -= least
		}
	}
	t.pad = regretPad * (1 + t.price)
	t.gap = prunable - t.base + t.pad
	first := make([]float64, in.items())
	t.order = t.order[:0]
	for i := range first {
		first[i] = math.Inf(1)
		best := -1
		for j := in.off[i]; j < in.off[i+1]; j++ {
			if best < 0 && t.r[j] == 0 {
				best = j
			} else {
				first[i] = min(first[i], t.r[j])
			}
		}
		if first[i] < t.gap {
			t.order = append(t.order, i)
		} else {
			t.budget -= t.d[best]
		}
	}
	slices.SortStableFunc(t.order, func(a, b int) int { return cmp.Compare(first[b], first[a]) })
	t.lo = slices.Grow(t.lo[:0], len(t.order)+1)[:len(t.order)+1]
	t.hi = slices.Grow(t.hi[:0], len(t.order)+1)[:len(t.order)+1]
	t.lo[len(t.order)], t.hi[len(t.order)] = 0, 0
	for q := len(t.order) - 1; q >= 0; q-- {
		i := t.order[q]
		lo, hi := math.Inf(1), 0.0
		for j := in.off[i]; j < in.off[i+1]; j++ {
			if t.r[j] < t.gap {
				lo, hi = min(lo, t.d[j]), max(hi, t.d[j])
			}
		}
		t.lo[q], t.hi[q] = t.lo[q+1]+lo, t.hi[q+1]+hi
	}
	t.arena = t.arena[:0]
	t.width, t.lost = t.gap*tableWidth, 0
}

// extend adds item i to a list; what is beyond costs lo to hi.
func (t *table) extend(list [2]int, i int, lo, hi float64) [2]int {
	t.now = t.now[:0]
	most := t.budget - lo
	for j := t.off[i]; j < t.off[i+1]; j++ {
		if t.r[j] >= t.gap {
			continue
		}
		dj, rj := t.d[j], t.r[j]
		uj := rj - t.price*dj
		t.shifted = t.shifted[:0]
		for _, x := range t.arena[list[0]:list[1]] {
			d := x.d + dj
			if d > most {
				break
			}
			u := x.u + uj
			if u+t.price*d >= t.gap || u+t.price*(t.budget-hi) >= t.gap {
				continue
			}
			t.shifted = append(t.shifted, mark{d, u})
		}
		t.merge()
	}
	for len(t.now) > t.most {
		t.join()
	}
	from := len(t.arena)
	t.arena = append(t.arena, t.now...)
	return [2]int{from, len(t.arena)}
}

// merge adds what was shifted to the list, without what is beaten.
func (t *table) merge() {
	if len(t.now) == 0 {
		t.now, t.shifted = t.shifted, t.now
		return
	}
	a, b := t.now, t.shifted
	out := t.next[:0]
	least := math.Inf(1)
	x, y := 0, 0
	for x < len(a) && y < len(b) {
		var p mark
		if a[x].d <= b[y].d {
			p = a[x]
			x++
		} else {
			p = b[y]
			y++
		}
		if p.u < least {
			least = p.u
			out = append(out, p)
		}
	}
	for _, p := range a[x:] {
		if p.u < least {
			least = p.u
			out = append(out, p)
		}
	}
	for _, p := range b[y:] {
		if p.u < least {
			least = p.u
			out = append(out, p)
		}
	}
	t.next, t.now = t.now, out
}

// join joins neighbours of the list that are no further apart than the width, which
// grows for the next time.
func (t *table) join() {
	w := t.width / t.price
	n, start := 0, math.Inf(-1)
	for _, x := range t.now {
		if x.d-start <= w {
			t.now[n-1].u = x.u
			continue
		}
		start = x.d
		t.now[n] = x
		n++
	}
	t.now = t.now[:n]
	t.lost += t.width
	if n > t.most/2 {
		t.width *= 2
	}
}

// backward makes the lists from the last item on and returns the least excess; ok is
// false if too much was lost.
func (t *table) backward() (excess float64, ok bool) {
	n := len(t.order)
	t.back = slices.Grow(t.back[:0], n+1)[:n+1]
	t.arena = append(t.arena, mark{})
	t.back[n] = [2]int{0, 1}
	for q := n - 1; q >= 0; q-- {
		t.back[q] = t.extend(t.back[q+1], t.order[q], t.lo[0]-t.lo[q], t.hi[0]-t.hi[q])
		if t.lost > tableLoss*t.gap {
			return 0, false
		}
	}
	excess = math.Inf(1)
	for _, x := range t.arena[t.back[0][0]:t.back[0][1]] {
		excess = min(excess, x.u+t.price*t.budget)
	}
	return excess, true
}

// via finds, by candidate, the least excess of the choices with it.
func (t *table) via() []float64 {
	out := make([]float64, len(t.r))
	list := [2]int{len(t.arena), len(t.arena) + 1}
	t.arena = append(t.arena, mark{})
	for q, i := range t.order {
		rest := t.arena[t.back[q+1][0]:t.back[q+1][1]]
		for j := t.off[i]; j < t.off[i+1]; j++ {
			out[j] = math.Inf(1)
			if t.r[j] >= t.gap {
				continue
			}
			left := t.budget - t.d[j]
			best := math.Inf(1)
			s := len(rest) - 1
			for _, x := range t.arena[list[0]:list[1]] {
				for s >= 0 && x.d+rest[s].d > left {
					s--
				}
				if s < 0 {
					break
				}
				if u := x.u + rest[s].u; u < best {
					best = u
				}
			}
			out[j] = best + t.r[j] - t.price*t.d[j] + t.price*t.budget
		}
		list = t.extend(list, i, t.lo[q+1], t.hi[q+1])
	}
	return out
}

// sharpen bounds a node by tables and removes the candidates that they rule out; false
// if nothing is left. Where none is of use its children do without for some steps.
func (s *brancher) sharpen(n *node) bool {
	if n.rest > 0 {
		n.rest--
		return true
	}
	// The limit that was of use last comes first.
	order := []int{n.hard}
	for k := range n.lambda {
		if k != n.hard {
			order = append(order, k)
		}
	}
	t := &s.table
	n.rest = tableRest
	for _, k := range order {
		if n.lambda[k] == 0 {
			continue
		}
		t.prepare(n, k, s.prunable())
		excess, ok := t.backward()
		s.nodes += len(t.arena) / tableNodes
		if !ok {
			continue
		}
		n.low = max(n.low, t.base+excess-t.pad)
		if n.low >= s.prunable() {
			return false
		}
		if excess < tableUse*t.gap {
			continue
		}
		n.hard, n.rest = k, 0
		via := t.via()
		s.nodes += len(t.arena) / tableNodes
		before := len(n.in.o)
		if !n.in.drop(func(j int) bool { return via[j] >= t.gap }) {
			return false
		}
		return len(n.in.o) == before || s.relax(n, keepDuals) && s.tighten(n, keepDuals)
	}
	return true
}

// drop removes candidates; false if an item has none left.
func (in *instance) drop(gone func(j int) bool) bool {
	m, q, f := in.m, 0, 0
	for i := range in.items() {
		l := in.off[i+1]
		from := q
		for j := f; j < l; j++ {
			if !gone(j) {
				in.o[q], in.id[q] = in.o[j], in.id[j]
				copy(in.c[q*m:(q+1)*m], in.c[j*m:(j+1)*m])
				q++
			}
		}
		if q == from {
			return false
		}
		f = l
		in.off[i+1] = q
	}
	in.o, in.c, in.id = in.o[:q], in.c[:q*m], in.id[:q]
	return true
}
