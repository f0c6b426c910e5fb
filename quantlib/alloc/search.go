package alloc

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"sort"
)

const (
	proofEps    = 1e-12 // a bound this close to the best objective (relative) prunes
	blockWidth  = 1 << 12
	coreWidth   = 1 << 6
	coreNodes   = 1 << 15 // for each attempt to find a better choice among few candidates
	refineFrom  = 64      // from so many partial choices on, bounds are sharpened
	refineTimes = 3
	maxCuts     = 12
)

// coreParts are the parts of the gap that bound the regret of candidates in the
// search for better choices.
var coreParts = []float64{0.02, 0.05, 0.1, 0.2, 0.4}

// search enumerates the choices of a scaled instance level by level: the partial
// choices of a level decide the items before it. Levels wider than blockWidth
// are cut into blocks, best bound first, and each block is finished before the
// next one, so memory is bounded by levels × blockWidth × candidates.
type search struct {
	in     *instance
	ctx    context.Context
	upper  float64 // best objective known
	choice []int   // the choice it belongs to, indices into in.o; nil if it was found elsewhere
	nodes  int
	limit  int     // of nodes; 0 means none
	margin float64 // two different objectives differ by at least this much
	cuts   []cut
	least  []float64 // [level*m+k]: least cost k of the items from level on
	width  int
}

// cut is a Lagrangian bound for the items from each level on:
// L_t(o, c) = o + suffix[t] + λ·(c - 1).
type cut struct {
	lambda []float64
	suffix []float64
}

// level holds the partial choices that decide items 0..t-1.
type level struct {
	t          int
	prev       *level
	from, pick []int32 // index in prev, and candidate chosen for item t-1
	o, c       []float64
	bound      []float64
}

// errLimit ends a search that has looked at as many nodes as it may.
var errLimit = errors.New("alloc: too many partial choices")

func newSearch(ctx context.Context, in *instance, upper float64) *search {
	s := &search{in: in, ctx: ctx, upper: upper, width: blockWidth}
	m, n := in.m, in.items()
	s.least = make([]float64, (n+1)*m)
	for t := n - 1; t >= 0; t-- {
		for k := range m {
			lo := math.Inf(1)
			for j := in.off[t]; j < in.off[t+1]; j++ {
				lo = min(lo, in.c[j*m+k])
			}
			s.least[t*m+k] = s.least[(t+1)*m+k] + lo
		}
	}
	return s
}

// add makes multipliers into a cut that holds from level t on.
func (s *search) add(t int, lambda []float64) {
	in, m, n := s.in, s.in.m, s.in.items()
	suffix := make([]float64, n+1)
	for i := n - 1; i >= t; i-- {
		best := math.Inf(1)
		for j := in.off[i]; j < in.off[i+1]; j++ {
			r := in.o[j]
			for k, l := range lambda {
				r += l * in.c[j*m+k]
			}
			best = min(best, r)
		}
		suffix[i] = suffix[i+1] + best
	}
	if len(s.cuts) >= maxCuts {
		// The oldest cut but the first gives way.
		s.cuts = append(append(append([]cut(nil), s.cuts[:1]...), s.cuts[2:]...), cut{lambda, suffix})
		return
	}
	s.cuts = append(s.cuts[:len(s.cuts):len(s.cuts)], cut{lambda, suffix})
}

// prunable is the bound from which on a partial choice is dropped.
func (s *search) prunable() float64 { return s.upper - max(s.margin, s.upper*proofEps) }

// run explores all completions of a level.
func (s *search) run(l *level) error {
	cuts := s.cuts
	defer func() { s.cuts = cuts }()
	for {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		if s.limit > 0 && s.nodes > s.limit {
			return errLimit
		}
		l = s.expand(l)
		switch {
		case len(l.o) == 0:
			return nil
		case l.t == s.in.items():
			s.finish(l)
			return nil
		}
		if len(l.o) >= refineFrom {
			s.refine(l)
		}
		if len(l.o) <= s.width {
			continue
		}
		order := make([]int, len(l.o))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(l.bound[a], l.bound[b]) })
		for len(order) > 0 {
			block := order[:min(s.width, len(order))]
			order = order[len(block):]
			if err := s.run(l.take(block, s.in.m, s.prunable())); err != nil {
				return err
			}
		}
		return nil
	}
}

// take copies the given partial choices, in their former order, those left out
// whose bound has become prunable.
func (l *level) take(which []int, m int, prunable float64) *level {
	which = slices.Clone(which)
	sort.Ints(which)
	sub := &level{t: l.t, prev: l.prev}
	for _, i := range which {
		if l.bound[i] < prunable {
			sub.from = append(sub.from, l.from[i])
			sub.pick = append(sub.pick, l.pick[i])
			sub.o = append(sub.o, l.o[i])
			sub.c = append(sub.c, l.c[i*m:(i+1)*m]...)
			sub.bound = append(sub.bound, l.bound[i])
		}
	}
	return sub
}

// expand decides one more item.
func (s *search) expand(l *level) *level {
	in, m := s.in, s.in.m
	next := &level{t: l.t + 1, prev: l}
	least := s.least[next.t*m : (next.t+1)*m]
	prunable := s.prunable()
	row := make([]float64, m)
	for i, o := range l.o {
		if l.bound[i] >= prunable {
			continue
		}
	candidates:
		for j := in.off[l.t]; j < in.off[l.t+1]; j++ {
			s.nodes++
			for k := range row {
				row[k] = l.c[i*m+k] + in.c[j*m+k]
				if row[k]+least[k] > 1 {
					continue candidates
				}
			}
			oj := o + in.o[j]
			bound := s.bound(next.t, oj, row)
			if bound >= prunable {
				continue
			}
			next.from = append(next.from, int32(i))
			next.pick = append(next.pick, int32(j))
			next.o = append(next.o, oj)
			next.c = append(next.c, row...)
			next.bound = append(next.bound, bound)
		}
	}
	if len(l.o) > 1 {
		next.dominate(m)
	}
	return next
}

// bound is the best of the cuts.
func (s *search) bound(t int, o float64, c []float64) float64 {
	best := o
	for q := range s.cuts {
		cut := &s.cuts[q]
		b := o + cut.suffix[t]
		for k, l := range cut.lambda {
			b += l * (c[k] - 1)
		}
		best = max(best, b)
	}
	return best
}

// refine adds cuts that are tight at some of the level's partial choices, and
// drops what they prune.
func (s *search) refine(l *level) {
	m := s.in.m
	budget := make([]float64, m)
	for range refineTimes {
		if len(l.o) < refineFrom {
			return
		}
		// A cut that is tight at the median serves many neighbours.
		order := make([]int, len(l.o))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(l.bound[a], l.bound[b]) })
		at := order[len(order)/2]
		for k := range budget {
			budget[k] = 1 - l.c[at*m+k]
		}
		start := [][]float64{s.cuts[0].lambda, s.cuts[len(s.cuts)-1].lambda}
		d := s.in.dual(l.t, budget, start, s.prunable()-l.o[at], false)
		before := len(l.o)
		if d.empty {
			l.filter(m, func(i int) bool { return i != at })
			continue
		}
		s.add(l.t, d.lambda)
		prunable := s.prunable()
		cut := &s.cuts[len(s.cuts)-1]
		for i, o := range l.o {
			b := o + cut.suffix[l.t]
			for k, v := range cut.lambda {
				b += v * (l.c[i*m+k] - 1)
			}
			l.bound[i] = max(l.bound[i], b)
		}
		l.filter(m, func(i int) bool { return l.bound[i] < prunable })
		if before-len(l.o) < before/16 {
			return
		}
	}
}

// filter keeps the partial choices for which keep holds.
func (l *level) filter(m int, keep func(int) bool) {
	n := 0
	for i := range l.o {
		if !keep(i) {
			continue
		}
		l.from[n], l.pick[n], l.o[n], l.bound[n] = l.from[i], l.pick[i], l.o[i], l.bound[i]
		copy(l.c[n*m:(n+1)*m], l.c[i*m:(i+1)*m])
		n++
	}
	l.from, l.pick, l.o, l.bound, l.c = l.from[:n], l.pick[:n], l.o[:n], l.bound[:n], l.c[:n*m]
}

// finish takes the best complete choice of the last level.
func (s *search) finish(l *level) {
	for i, o := range l.o {
		if o >= s.upper {
			continue
		}
		s.upper = o
		s.choice = make([]int, s.in.items())
		at := int32(i)
		for f := l; f.prev != nil; f = f.prev {
			s.choice[f.t-1] = int(f.pick[at])
			at = f.from[at]
		}
	}
}
