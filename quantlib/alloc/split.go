package alloc

import (
	"cmp"
	"math"
	"slices"
)

// child is the node with candidate j of item i, its dual solved; nil if no choice
// below the best one is in it.
func (s *brancher) child(n *node, i, j int) *node {
	c := &node{o: n.o, c: slices.Clone(n.c), trail: n.trail, hard: n.hard, rest: n.rest}
	c.decide(n.in, i, j)
	c.in = n.in.without(func(q int) bool { return q == i })
	if !c.left() {
		return nil
	}
	c.lambda, c.bound, c.low = n.lambda, n.bound, n.low
	c.basis, c.warm = n.in.with(n.basis, i, j), len(n.basis) > 0
	if !s.relax(c, keepDuals) {
		return nil
	}
	return c
}

// split makes children for the candidates of one item: of those that the
// multipliers leave most undecided the one whose children have the least gaps.
func (s *brancher) split(n *node) []*node {
	in := n.in
	type second struct {
		item   int
		regret float64 // of the second best candidate
		weight float64 // what the two differ in objective and costs, priced
	}
	list := make([]second, in.items())
	for i := range list {
		a, b := math.Inf(1), math.Inf(1)
		at, to := -1, -1
		for j := in.off[i]; j < in.off[i+1]; j++ {
			if v := in.price1(j, n.lambda); v < a {
				a, b, at, to = v, a, j, at
			} else if v < b {
				b, to = v, j
			}
		}
		x := second{item: i, regret: b - a, weight: math.Abs(in.o[to] - in.o[at])}
		for k, l := range n.lambda {
			x.weight += l * math.Abs(in.c[to*in.m+k]-in.c[at*in.m+k])
		}
		list[i] = x
	}
	slices.SortStableFunc(list, func(a, b second) int { return cmp.Compare(a.regret, b.regret) })
	gap := s.prunable() - n.bound
	few := 1
	for few < len(list) && list[few].regret <= splitTied*gap {
		few++
	}
	slices.SortStableFunc(list[:few], func(a, b second) int { return cmp.Compare(b.weight, a.weight) })
	var best []*node
	least := math.Inf(1)
	for _, x := range list[:min(splitTries, few)] {
		var kids []*node
		work := 0.0
		for j := in.off[x.item]; j < in.off[x.item+1]; j++ {
			if c := s.child(n, x.item, j); c != nil {
				kids = append(kids, c)
				work += math.Pow((s.prunable()-c.bound)/gap, splitPower)
			}
		}
		if work < least {
			best, least = kids, work
		}
	}
	return slices.DeleteFunc(best, func(c *node) bool {
		if !s.tighten(c, keepDuals) {
			return true
		}
		s.made++
		c.number = s.made
		return false
	})
}
