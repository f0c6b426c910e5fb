package alloc

import (
	"container/heap"
	"context"
	"math"
	"slices"
)

const (
	listed     = 1 << 15 // entries looked at to finish a node by listing its choices, at most
	listedRoot = 1 << 18 // and to find a first choice
	mostScales = 12
	workNodes  = 32 // entries looked at that count as one of Problem.Nodes: about a microsecond
)

// factorsSearch is branch and bound over factors. At the multipliers of a node's dual every
// choice within the budgets has
//
//	o = bound + Σ_factors regret + Σ_k λ_k·(budget_k - c_k)
//
// where no term after the bound is negative: candidates that no choice of small regret has
// are left out, and where few choices have small regret they are listed from the last
// factor to the first, each list ending in a choice. Other nodes are split by an item's
// candidates.
type factorsSearch struct {
	ctx    context.Context
	root   *factors
	upper  float64 // best objective known, scaled
	least  float64 // that is known of all choices, scaled
	choice []int   // by item, an index into its Candidates; nil until one is found
	nodes  int
	limit  int
	queue  queue[*factorsNode]
	made   int
}

// factorsNode is the choices of some candidates.
type factorsNode struct {
	stay   [][]int // by item, places in the root
	bound  float64
	lambda []float64
	number int
}

func (n *factorsNode) place() (float64, int) { return n.bound, n.number }

// prunable is the bound from which on a node is dropped, given rounding of priced sums.
func (s *factorsSearch) prunable(lambda []float64) float64 {
	scale := s.upper
	for k, l := range lambda {
		scale += l * s.root.budget[k]
	}
	return s.upper - proofEps*scale
}

// accept takes a choice of t if it is within the budgets and the best.
func (s *factorsSearch) accept(t *factors, entry []int32, o float64, c []float64) {
	if !(o < s.upper) || exceeds(c, t.budget) {
		return
	}
	s.upper = o
	s.choice = make([]int, len(t.ids))
	for q, e := range entry {
		x := &t.list[q]
		s.choice[x.item] = t.ids[x.item][int(e)%x.size]
	}
}

// prime looks for a good choice, scales the objectives by it, and returns the scale. Where
// no mixture of choices meets the limits it returns the dual that says so.
func (s *factorsSearch) prime() (top float64, empty factorsDual) {
	t := s.root
	for q := range t.list {
		most := 0.0
		for _, o := range t.list[q].o {
			if !math.IsInf(o, 1) {
				most = max(most, o)
			}
		}
		top += most
	}
	if top == 0 {
		top = 1
	}
	t.scale(top, nil)
	s.upper = 1 + 1e-6 // objectives are at most 1
	p := t.pricer()
	for range mostScales {
		d := p.dual(t, nil)
		s.priced(t, &d)
		if d.empty {
			return top, d
		}
		s.least = d.bound
		for _, x := range d.columns {
			s.accept(t, x.entry, x.o, x.c)
		}
		s.nearby(t, p, d.lambda)
		if !(s.upper < rescale) || s.upper <= 0 {
			break
		}
		t.scale(s.upper, nil)
		top *= s.upper
		s.least /= s.upper
		s.upper = 1
	}
	return top, factorsDual{}
}

// priced counts the work of a dual.
func (s *factorsSearch) priced(t *factors, d *factorsDual) {
	s.nodes += 1 + (1+len(d.columns))*t.size/workNodes
}

// bound is what no choice lies below, scaled.
func (s *factorsSearch) bound() float64 {
	low := s.upper
	for _, n := range s.queue {
		low = min(low, n.bound)
	}
	return max(0, low, min(s.least, s.upper))
}

// run searches; an error is that of the context or errLimit, and then the queue has what
// is left.
func (s *factorsSearch) run() error {
	all := make([][]int, len(s.root.ids))
	for i, ids := range s.root.ids {
		for v := range ids {
			all[i] = append(all[i], v)
		}
	}
	next := &factorsNode{stay: all, bound: math.Inf(-1)}
	for {
		for next != nil {
			err := s.ctx.Err()
			if err == nil && s.limit > 0 && s.nodes > s.limit {
				err = errLimit
			}
			if err != nil {
				heap.Push(&s.queue, next)
				return err
			}
			next = s.step(next)
		}
		if len(s.queue) == 0 {
			return nil
		}
		next = heap.Pop(&s.queue).(*factorsNode)
		if next.bound >= s.prunable(next.lambda) {
			s.queue = nil
			return nil // and so is every other one's
		}
	}
}

// step finishes a node, or splits it and returns the part to go on with.
func (s *factorsSearch) step(n *factorsNode) *factorsNode {
	first := n.lambda == nil
	t := s.root.sub(n.stay)
	var start [][]float64
	if !first {
		start = [][]float64{n.lambda}
	}
	d := t.pricer().dual(t, start)
	s.priced(t, &d)
	if d.empty {
		return nil
	}
	for _, x := range d.columns {
		s.accept(t, x.entry, x.o, x.c)
	}
	n.bound, n.lambda = max(n.bound, d.bound), d.lambda
	reach := s.prunable(d.lambda) - d.bound
	if reach <= 0 {
		return nil
	}
	g := t.regrets(d.lambda)
	most := listed
	if first {
		most = listedRoot
	}
	// Choices of small regret come first: they lower what is worth looking at.
	for part := 1.0 / 64; part <= 1; part *= 2 {
		l := newLister(s, t, &g, d.lambda, d.bound, reach*part, most)
		done := l.run()
		s.nodes += 1 + l.looked/workNodes
		reach = s.prunable(d.lambda) - d.bound
		if done && (l.reach >= reach || part == 1) {
			return nil
		}
		if !done {
			break
		}
	}
	stay := g.below(t, reach)
	for i, places := range stay {
		if len(places) == 0 {
			return nil
		}
		for k, v := range places {
			places[k] = n.stay[i][v]
		}
	}
	return s.split(n, t, &g, &d, stay)
}

// nearby looks for a first choice: the least ones for budgets that are a little smaller.
func (s *factorsSearch) nearby(t *factors, p *pricer, lambda []float64) {
	for _, part := range []float64{1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.3} {
		small := *t
		small.budget = make([]float64, t.m)
		for k, b := range t.budget {
			small.budget[k] = b * (1 - part)
		}
		d := p.dual(&small, [][]float64{lambda})
		s.priced(t, &d)
		for _, x := range d.columns {
			s.accept(t, x.entry, x.o, x.c)
		}
		if d.empty {
			return
		}
	}
}

// split makes parts by the candidates of the item on which the best mixture of choices is
// least decided, weighed by what that makes of a difference.
func (s *factorsSearch) split(n *factorsNode, t *factors, g *regrets, d *factorsDual, stay [][]int) *factorsNode {
	best, most := -1, -1.0
	for q := range t.list {
		x := &t.list[q]
		if len(stay[x.item]) < 2 {
			continue
		}
		share := make([]float64, x.size)
		heavy := 0
		for k, w := range d.weight {
			if w > 0 {
				share[int(d.columns[k].entry[q])%x.size] += w
				if w > d.weight[heavy] {
					heavy = k
				}
			}
		}
		spread := 0.0
		a := int(d.columns[heavy].entry[q])
		for k, w := range d.weight {
			if b := int(d.columns[k].entry[q]); w > 0 && b != a {
				v := math.Abs(x.o[a] - x.o[b])
				for k, l := range d.lambda {
					v += l * math.Abs(x.c[a*t.m+k]-x.c[b*t.m+k])
				}
				spread = max(spread, v)
			}
		}
		if score := (1 - slices.Max(share)) * spread; score > most {
			best, most = q, score
		}
	}
	if best < 0 {
		return nil // one candidate is left of each item, and that choice was looked at
	}
	x := &t.list[best]
	bounds := make(map[int]float64) // by place in the root
	for e, r := range g.of[best] {
		v := n.stay[x.item][e%x.size]
		if b, ok := bounds[v]; !ok || g.others[best][e/x.size]+r < b {
			bounds[v] = g.others[best][e/x.size] + r
		}
	}
	var next *factorsNode
	for _, v := range stay[x.item] {
		part := slices.Clone(stay)
		part[x.item] = []int{v}
		s.made++
		kid := &factorsNode{part, max(n.bound, d.bound+bounds[v]), d.lambda, s.made}
		switch {
		case next == nil:
			next = kid
		case kid.bound < next.bound:
			heap.Push(&s.queue, next)
			next = kid
		default:
			heap.Push(&s.queue, kid)
		}
	}
	return next
}

// factorsLister lists choices of regret below reach.
type factorsLister struct {
	s      *factorsSearch
	t      *factors
	g      *regrets
	lambda []float64
	bound  float64
	reach  float64
	most   int
	looked int
	span   []float64 // by factor, then cost: what it and those before it add at least, and at most
	at     []int     // by item, the place
	entry  []int32
	used   [][]float64 // by factor, costs of it and those after it
}

func newLister(s *factorsSearch, t *factors, g *regrets, lambda []float64, bound, reach float64, most int) *factorsLister {
	l := &factorsLister{s: s, t: t, g: g, lambda: lambda, bound: bound, reach: reach, most: most}
	l.at, l.entry = make([]int, len(t.ids)), make([]int32, len(t.list))
	l.span = make([]float64, 2*t.m*(len(t.list)+1))
	l.used = make([][]float64, len(t.list)+1)
	l.used[len(t.list)] = make([]float64, t.m)
	for q := range t.list {
		x := &t.list[q]
		l.used[q] = make([]float64, t.m)
		for k := range t.m {
			lo, hi := math.Inf(1), math.Inf(-1)
			for e, r := range g.of[q] {
				if g.others[q][e/x.size]+r < reach {
					lo, hi = min(lo, x.c[e*t.m+k]), max(hi, x.c[e*t.m+k])
				}
			}
			i := 2 * (q*t.m + k)
			l.span[i+2*t.m], l.span[i+2*t.m+1] = l.span[i]+lo, l.span[i+1]+hi
		}
	}
	return l
}

// run reports whether all were listed.
func (l *factorsLister) run() bool { return l.from(len(l.t.list)-1, 0, 0) }

// from decides factor q and those before it.
func (l *factorsLister) from(q int, regret, o float64) bool {
	t := l.t
	if q < 0 {
		l.s.accept(t, l.entry, o, l.used[0])
		l.reach = min(l.reach, l.s.prunable(l.lambda)-l.bound)
		return true
	}
	x := &t.list[q]
	state, unit := 0, 1
	for p, i := range x.on {
		state += unit * l.at[i]
		unit *= x.sizes[p]
	}
	before := l.span[2*q*t.m:]
next:
	for v := range x.size {
		e := state*x.size + v
		l.looked++
		if l.looked > l.most {
			return false
		}
		r := regret + l.g.of[q][e]
		if !(r < l.reach) {
			continue
		}
		idle := r // and what of the budgets cannot be used
		for k, b := range t.budget {
			c := l.used[q+1][k] + x.c[e*t.m+k]
			if c+before[2*k] > b*(1+1e-12) {
				continue next
			}
			idle += l.lambda[k] * max(0, b-c-before[2*k+1])
			l.used[q][k] = c
		}
		if !(idle < l.reach+proofEps) {
			continue
		}
		l.at[x.item], l.entry[q] = v, int32(e)
		if !l.from(q-1, r, o+x.o[e]) {
			return false
		}
	}
	return true
}
