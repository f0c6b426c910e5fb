package alloc

import (
	"container/heap"
	"context"
	"math"
	"slices"
)

const (
	meetFinish = 1 << 14 // combinations listed to finish a node, at most
	meetNear   = 0.7     // of the gap: with combinations listed up to here few children are left
	meetTry    = 1 << 9  // and to look for a better choice where that is too few
	splitTries = 2       // items tried for a split
	restart    = 0.5     // of the gap at the root: from a gap this small on the search begins anew
	splitTied  = 1e-6    // of the gap; items of more regret are not tried unless first
	splitPower = 8       // how fast the work in a node grows with its gap, by trial
	keepDuals  = 2       // multipliers, beside the best, that remove candidates of a node
	dualNodes  = 8       // what one step of a dual counts among the nodes
)

// brancher is the search over a scaled instance by branch and bound. A node's
// dual is solved anew, so that its bound counts what the decisions cost; a node
// whose gap leaves few combinations is finished by meet.
type brancher struct {
	ctx    context.Context
	root   *node
	gap    float64 // of the root when it was made
	upper  float64 // best objective known
	margin float64 // two different objectives differ by at least this much
	choice []int   // by item of the problem, the candidate's index in it
	found  func()  // told of each choice that becomes the best one
	nodes  int
	limit  int // of nodes; 0 means none
	queue  queue[*node]
	made   int // nodes
	table  table
}

// node is the choices which agree with its trail.
type node struct {
	in     *instance // open items, with what is left of the budgets; nil while it waits
	o      float64   // of decided items
	c      []float64
	trail  *trail
	lambda []float64
	seen   [][]float64 // further multipliers, until they have been of use
	basis  []column    // of the dual
	warm   bool        // basis is of choices of the node
	bound  float64     // at lambda
	low    float64     // the best bound known; orders the queue
	number int
	hard   int // the limit whose table was of use last
	rest   int // how many steps to do without
}

// trail is the decided items of a node, shared with those it came from.
type trail struct {
	up       *trail
	item, id int // of the problem, and the candidate's index in it
}

func (n *node) place() (float64, int) { return n.low, n.number }

// search looks for choices below s.upper from the root on.
func (s *brancher) search(root *node) error {
	if !s.start(root) {
		return nil
	}
	return s.run(root)
}

// bound is what is proved of a search that was ended.
func (s *brancher) bound() float64 {
	low := s.upper
	for _, n := range s.queue {
		low = min(low, n.low)
	}
	return low
}

// start makes a node the root; false if nothing is left.
func (s *brancher) start(n *node) bool {
	if !s.tighten(n, math.MaxInt) {
		return false
	}
	s.root, s.gap = n.copy(), s.prunable()-n.bound
	return true
}

// copy shares what is not changed in place.
func (n *node) copy() *node {
	c := *n
	c.in, c.c = n.in.without(func(int) bool { return false }), slices.Clone(n.c)
	return &c
}

// prunable is the bound from which on a node is dropped.
func (s *brancher) prunable() float64 { return s.upper - max(s.margin, s.upper*proofEps) }

// run takes nodes from the least bound up. From each it goes down, always to the
// child of least bound, until a node is finished. It stops early where the best
// objective has become small: then fixed point should be scaled to it.
func (s *brancher) run(n *node) error {
	for {
		for n != nil && n.low < s.prunable() && s.upper >= rescale {
			err := s.ctx.Err()
			if err == nil && s.limit > 0 && s.nodes > s.limit {
				err = errLimit
			}
			if err != nil {
				heap.Push(&s.queue, n)
				return err
			}
			n = s.step(n)
		}
		if s.prunable()-s.root.bound < restart*s.gap {
			// Far better choices are known than when the search began.
			s.queue = nil
			n = s.root.copy()
			if s.relax(n, math.MaxInt) && s.start(n) {
				continue
			}
			return nil
		}
		for n = nil; n == nil; {
			if len(s.queue) == 0 || s.upper < rescale {
				return nil
			}
			n = heap.Pop(&s.queue).(*node)
			if n.low >= s.prunable() {
				return nil // and so is every other one's
			}
			if !s.wake(n) {
				n = nil
			}
		}
	}
}

// step finishes a node, or splits it and returns the child to go on with.
func (s *brancher) step(n *node) *node {
	for {
		t := newMeet(n)
		gap := s.prunable() - n.bound
		reach := t.within(gap, meetFinish)
		if reach < gap {
			reach = t.within(gap, meetTry)
		}
		s.nodes += 2 * countParts
		if reach > 0 {
			looked, done := t.join(s, reach)
			s.nodes += looked
			if done && s.prunable()-n.bound <= reach {
				return nil
			}
		}
		before := len(n.in.o)
		if reach > meetNear*gap {
			break
		}
		if !s.sharpen(n) {
			return nil
		}
		if len(n.in.o) > before*7/8 {
			break // not worth listing combinations again
		}
	}
	var next *node
	kids := s.split(n)
	for _, c := range kids {
		if next == nil || c.low < next.low {
			next = c
		}
	}
	for _, c := range kids {
		if c != next {
			c.in = nil
			heap.Push(&s.queue, c)
		}
	}
	return next
}

// wake restores the open items of a node that waited; false if nothing is left.
func (s *brancher) wake(n *node) bool {
	gone := map[int]bool{}
	for t := n.trail; t != nil; t = t.up {
		gone[t.item] = true
	}
	n.in = s.root.in.without(func(i int) bool { return gone[s.root.in.item[i]] })
	n.seen = nil
	return n.left() && s.relax(n, keepDuals) && s.tighten(n, keepDuals)
}

// without is a copy without the items for which drop holds.
func (in *instance) without(drop func(i int) bool) *instance {
	out := &instance{m: in.m, off: make([]int, 1, len(in.off)), budget: slices.Clone(in.budget)}
	out.o = make([]float64, 0, len(in.o))
	out.c = make([]float64, 0, len(in.c))
	out.id = make([]int, 0, len(in.id))
	out.item = make([]int, 0, len(in.item))
	for i := range in.items() {
		if drop(i) {
			continue
		}
		f, l := in.off[i], in.off[i+1]
		out.o = append(out.o, in.o[f:l]...)
		out.c = append(out.c, in.c[f*in.m:l*in.m]...)
		out.id = append(out.id, in.id[f:l]...)
		out.item = append(out.item, in.item[i])
		out.off = append(out.off, len(out.o))
	}
	return out
}

// decide adds candidate j of item i to what is decided.
func (n *node) decide(in *instance, i, j int) {
	n.o += in.o[j]
	for k := range n.c {
		n.c[k] += in.c[j*in.m+k]
	}
	n.trail = &trail{n.trail, in.item[i], in.id[j]}
}

// left sets what is left of the budgets; false if one is exceeded.
func (n *node) left() bool {
	for k, c := range n.c {
		n.in.budget[k] = 1 - c
		if c > 1 {
			return false
		}
	}
	return true
}

// tighten removes the candidates that no choice below the best one contains with
// what is decided, and decides items which have one left. It returns false if an
// item has none.
func (s *brancher) tighten(n *node, keep int) bool {
	in, m := n.in, n.in.m
	if !n.left() {
		return false
	}
	before := len(in.o)
	if _, left := in.fix(append(n.seen, n.lambda), s.prunable()-n.o); !left {
		return false
	}
	n.seen = nil

	// What each budget leaves beyond the cheapest candidates.
	room := slices.Clone(in.budget)
	low := make([]float64, in.items()*m)
	for i := range in.items() {
		for k := range m {
			lo := math.Inf(1)
			for j := in.off[i]; j < in.off[i+1]; j++ {
				lo = min(lo, in.c[j*m+k])
			}
			low[i*m+k] = lo
			room[k] -= lo
		}
	}
	kept, off, item := 0, in.off[:1:1], in.item[:0]
	for i := range in.items() {
		first := kept
	candidates:
		for j := in.off[i]; j < in.off[i+1]; j++ {
			for k := range m {
				if in.c[j*m+k]-low[i*m+k] > room[k] {
					continue candidates
				}
			}
			in.o[kept], in.id[kept] = in.o[j], in.id[j]
			copy(in.c[kept*m:(kept+1)*m], in.c[j*m:(j+1)*m])
			kept++
		}
		switch kept - first {
		case 0:
			return false
		case 1:
			n.decide(in, i, first)
			kept = first
			before--

		default:
			item = append(item, in.item[i])
			off = append(off, kept)
		}
	}
	in.off, in.item = off, item
	in.o, in.c, in.id = in.o[:kept], in.c[:kept*m], in.id[:kept]
	if !n.left() {
		return false
	}
	if kept == before {
		return true
	}
	// Mixtures of what is left may be dearer.
	return s.relax(n, keep) && s.tighten(n, keep)
}

// relax solves the dual of a node; false if no choice below the best one is in it.
func (s *brancher) relax(n *node, keep int) bool {
	var start [][]float64
	var basis []column
	if n.warm {
		basis = n.basis
	} else {
		start = [][]float64{make([]float64, n.in.m), n.lambda}
		for _, x := range n.basis {
			if !x.bare {
				start = append(start, x.lambda)
			}
		}
	}
	d := n.in.dualFrom(0, n.in.budget, start, basis, n.o, s.prunable()-n.o, true)
	n.basis, n.warm = d.basis, false
	s.nodes += dualNodes * len(d.seen)
	if d.empty || n.o+d.bound >= s.prunable() {
		return false
	}
	if n.o+d.bound > n.bound {
		n.lambda, n.bound = d.lambda, n.o+d.bound
		n.low = max(n.low, n.bound)
	}
	n.seen = append(n.seen, d.seen[max(0, len(d.seen)-keep):]...)
	return true
}
