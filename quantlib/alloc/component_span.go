package alloc

import "math"

// messages is a component at the multiplier of a span. Counted above the base, an entry
// of a bucket has the regret
//
//	regret(s, x) = noise + λ·cost + Σ_kids least(kid's state) - least(s)
//
// with least(s) the least of the first terms over x; it is not negative, and regrets of
// the entries of all buckets add up to that of the choice. What the others have at least
// where a bucket is in state s is
//
//	others(s) = least over the parent's entries with that state of others + regret
//
// so that of a bucket's combinations only those are listed whose regret and others(s)
// stay below the threshold.
type messages struct {
	of     *component
	base   []int32 // by bucket, the entry
	regret [][]float64
	others [][]float64
	top    float64      // that span is of
	span   [][2]float64 // by bucket, what it and all that hangs on it add to the cost at least and at most
	parts  [][]part     // by bucket, then state
}

// send finds regrets for a base.
func (g *messages) send(c *component, base []int32, lambda float64) {
	if g.of != c {
		*g = messages{of: c}
		for q := range c.buckets {
			b := &c.buckets[q]
			g.regret = append(g.regret, make([]float64, len(b.cost)))
			g.others = append(g.others, make([]float64, b.states))
			g.parts = append(g.parts, make([]part, b.states))
		}
		g.span = make([][2]float64, len(c.buckets))
	}
	g.base, g.top = base, math.NaN()
	least := make([][]float64, len(c.buckets))
	for q := range c.buckets {
		b := &c.buckets[q]
		least[q] = make([]float64, b.states)
		cost, noise := b.cost[base[q]], b.noise[base[q]]
		for s := range least[q] {
			m := math.Inf(1)
			row := g.regret[q][s*b.size : (s+1)*b.size]
			for x := range row {
				e := s*b.size + x
				v := b.noise[e] - noise + lambda*(b.cost[e]-cost)
				for i, k := range b.kids {
					v += least[k][b.state[i][e]]
				}
				row[x] = v
				m = min(m, v)
			}
			least[q][s] = m
			for x, v := range row {
				if row[x] = v - m; math.IsInf(v, 1) {
					row[x] = v
				}
			}
		}
	}
	for q := range c.buckets {
		for s := range g.others[q] {
			g.others[q][s] = math.Inf(1)
		}
	}
	g.others[len(c.buckets)-1][0] = 0
	for q := len(c.buckets) - 1; q >= 0; q-- {
		b := &c.buckets[q]
		if len(b.kids) == 0 {
			continue
		}
		for s, others := range g.others[q] {
			for e := s * b.size; e < (s+1)*b.size; e++ {
				r := others + g.regret[q][e]
				for i, k := range b.kids {
					o := &g.others[k][b.state[i][e]]
					*o = min(*o, r)
				}
			}
		}
	}
}

// between is the least and the greatest cost, above the base's, of entries that choices
// of regret below top have, added up over buckets.
func (g *messages) between(top float64) [2]float64 {
	if g.top == top {
		return g.span[len(g.span)-1]
	}
	g.top = top
	for q := range g.of.buckets {
		b := &g.of.buckets[q]
		var r [2]float64
		for s, others := range g.others[q] {
			if !(others < top) {
				continue
			}
			for e := s * b.size; e < (s+1)*b.size; e++ {
				if others+g.regret[q][e] < top {
					d := b.cost[e] - b.cost[g.base[q]]
					r[0], r[1] = min(r[0], d), max(r[1], d)
				}
			}
		}
		for _, k := range b.kids {
			r[0], r[1] = r[0]+g.span[k][0], r[1]+g.span[k][1]
		}
		g.span[q] = r
	}
	return g.span[len(g.span)-1]
}

// component lists the combinations of component k of regret below top.
func (s *spanner) component(k int, top float64) (part, bool) {
	g := &s.comp[k]
	pad := 1e-9 * (s.all[1] - s.all[0])
	for q := range g.of.buckets {
		b := &g.of.buckets[q]
		lo := s.window[0] - s.origin.Cost - (s.all[1] - g.span[q][1]) - pad
		hi := s.window[1] - s.origin.Cost - (s.all[0] - g.span[q][0]) + pad
		for state, others := range g.others[q] {
			g.parts[q][state] = part{}
			if others >= top {
				continue
			}
			s.runs, s.ends = s.runs[:0], s.ends[:0]
			for x := range b.size {
				e := state*b.size + x
				if !(others+g.regret[q][e] < top) {
					continue
				}
				if !s.entry(g, q, e, top-others, lo, hi) {
					return part{}, false
				}
			}
			s.runs, s.spare = mergeRuns(s.runs, s.spare, s.ends, func(a, b *combo) bool {
				return a.cost < b.cost || a.cost == b.cost && a.noise <= b.noise
			})
			from := len(s.arena)
			least := math.Inf(1)
			for _, c := range s.runs {
				if c.noise < least-s.eps {
					s.arena = append(s.arena, c)
					least = c.noise
				}
			}
			g.parts[q][state] = part{from, len(s.arena)}
			if s.work > s.limit {
				return part{}, false
			}
		}
	}
	return g.parts[len(g.parts)-1][0], true
}

// entry adds the combinations of an entry of bucket q to the runs: what its kids list,
// joined, with the entry itself. False if that takes too much work.
func (s *spanner) entry(g *messages, q, e int, top, lo, hi float64) bool {
	b := &g.of.buckets[q]
	own := combo{
		cost: b.cost[e] - b.cost[g.base[q]], noise: b.noise[e] - b.noise[g.base[q]], regret: g.regret[q][e],
		a: -2 - s.leaf[b.item] - int32(b.ids[e%b.size]), b: -1,
	}
	defer func() { s.ends = append(s.ends, len(s.runs)) }()
	if len(b.kids) == 0 {
		s.work++
		if own.cost >= lo && own.cost <= hi {
			s.runs = append(s.runs, own)
		}
		return true
	}
	joined := g.parts[b.kids[0]][b.state[0][e]]
	for i, k := range b.kids[1:] {
		var ok bool
		// Lists of further kids can lie anywhere; what they add is bounded at the end.
		l, h := math.Inf(-1), math.Inf(1)
		if i == len(b.kids)-2 {
			l, h = lo-own.cost, hi-own.cost
		}
		if joined, ok = s.add(joined, g.parts[k][b.state[i+1][e]], top-own.regret, l, h); !ok {
			return false
		}
	}
	s.work += joined.hi - joined.lo
	at := int32(len(s.arena))
	s.arena = append(s.arena, own)
	for i := joined.lo; i < joined.hi; i++ {
		c := &s.arena[i]
		x := combo{c.cost + own.cost, c.noise + own.noise, c.regret + own.regret, at, int32(i)}
		if x.regret < top && x.cost >= lo && x.cost <= hi {
			s.runs = append(s.runs, x)
		}
	}
	return true
}
