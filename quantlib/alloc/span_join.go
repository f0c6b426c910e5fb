package alloc

import (
	"cmp"
	"math"
	"slices"
)

const (
	plainPairs  = 1 << 8 // so many pairs are looked at one by one
	mostBuckets = 1 << 13
	foundWork   = 4  // what a sum that is sorted counts, in pairs
	cellRows    = 16 // of a cell, about
)

// passes are the parts of the threshold up to which pairs are looked at in turn.
var passes = [...]float64{0.25, 0.5, 0.75, 1}

// joiner adds up two lists pair by pair. Sums are told apart by bucket of cost: what
// does not have less noise than the best of any cheaper bucket is beaten. First passes
// with parts of the threshold find most of the best; the last one needs to look
// only at sums whose regret lies below what is left between them.
type joiner struct {
	lo, scale float64   // bucket = (cost - lo)·scale
	best      []float64 // by bucket, the least noise
	most      []float64 // by bucket, the least noise of the cheaper ones
	top       []float64 // by block of buckets, regret from which on all is beaten
	block     int       // buckets of a block
	start     []int32
	sorted    []combo
	a, b      joinList
}

// joinList is a list in cells of neighbouring costs, each by regret.
type joinList struct {
	cells []joinCell
	rows  []joinRow
}

type joinCell struct {
	lo, hi   float64 // costs
	least    float64 // regret
	from, to int32   // rows
}

type joinRow struct {
	cost, noise, regret float64
	at                  int32
}

// add joins two lists: the sums of regret below top and cost in [lo, hi] that no other
// one beats, appended to the arena. ok is false if that takes too much work.
func (s *spanner) add(a, b part, top, lo, hi float64) (part, bool) {
	s.found = s.found[:0]
	if a.lo == a.hi || b.lo == b.hi {
		return part{len(s.arena), len(s.arena)}, true
	}
	as, bs := s.arena[a.lo:a.hi], s.arena[b.lo:b.hi]
	if len(as)*len(bs) <= plainPairs {
		s.work += len(as) * len(bs)
		for q := range as {
			for r := range bs {
				x := combo{as[q].cost + bs[r].cost, as[q].noise + bs[r].noise, as[q].regret + bs[r].regret, int32(a.lo + q), int32(b.lo + r)}
				if x.regret < top && x.cost >= lo && x.cost <= hi {
					s.found = append(s.found, x)
				}
			}
		}
		sortCombos(s.found)
	} else {
		lo = max(lo, as[0].cost+bs[0].cost)
		hi = min(hi, as[len(as)-1].cost+bs[len(bs)-1].cost)
		if lo > hi {
			return part{len(s.arena), len(s.arena)}, true
		}
		j := &s.join
		j.a.deal(as, a.lo)
		j.b.deal(bs, b.lo)
		j.prepare(lo, hi, 4*(len(as)+len(bs)))
		for q, share := range passes {
			j.close(s, top*share)
			j.pass(s, top*share, lo, hi, q < len(passes)-1)
			if s.work+foundWork*len(s.found) > s.limit {
				return part{}, false
			}
		}
		j.close(s, top)
		kept := s.found[:0]
		for _, x := range s.found {
			if x.noise < j.most[j.bucket(x.cost)] {
				kept = append(kept, x)
			}
		}
		s.found = kept
		j.sort(s)
	}
	s.work += foundWork * len(s.found)
	if s.work > s.limit {
		return part{}, false
	}
	from := len(s.arena)
	least := math.Inf(1)
	for _, x := range s.found {
		if x.noise < least-s.eps {
			s.arena = append(s.arena, x)
			least = x.noise
		}
	}
	return part{from, len(s.arena)}, true
}

func sortCombos(list []combo) {
	if len(list) <= 8 {
		for p := 1; p < len(list); p++ {
			x := list[p]
			o := p
			for ; o > 0 && (list[o-1].cost > x.cost || list[o-1].cost == x.cost && list[o-1].noise > x.noise); o-- {
				list[o] = list[o-1]
			}
			list[o] = x
		}
		return
	}
	slices.SortFunc(list, func(x, y combo) int {
		switch {
		case x.cost < y.cost:
			return -1
		case x.cost > y.cost:
			return 1
		}
		return cmp.Compare(x.noise, y.noise)
	})
}

// sort sorts what was found by cost.
func (j *joiner) sort(s *spanner) {
	n := len(j.best)
	j.start = slices.Grow(j.start[:0], n+1)[:n+1]
	clear(j.start)
	for q := range s.found {
		j.start[j.bucket(s.found[q].cost)+1]++
	}
	for k := range n {
		j.start[k+1] += j.start[k]
	}
	j.sorted = slices.Grow(j.sorted[:0], len(s.found))[:len(s.found)]
	for q := range s.found {
		k := j.bucket(s.found[q].cost)
		j.sorted[j.start[k]] = s.found[q]
		j.start[k]++
	}
	from := int32(0)
	for k := range n {
		to := j.start[k]
		if to > from+1 {
			sortCombos(j.sorted[from:to])
		}
		from = to
	}
	s.found, j.sorted = j.sorted, s.found
}

func (l *joinList) deal(list []combo, from int) {
	n := max(1, len(list)/cellRows)
	l.rows = slices.Grow(l.rows[:0], len(list))
	l.cells = l.cells[:0]
	for q := range list {
		l.rows = append(l.rows, joinRow{list[q].cost, list[q].noise, list[q].regret, int32(from + q)})
	}
	for q := range n {
		x, y := q*len(list)/n, (q+1)*len(list)/n
		rows := l.rows[x:y]
		c := joinCell{lo: rows[0].cost, hi: rows[len(rows)-1].cost, from: int32(x), to: int32(y)}
		for p := 1; p < len(rows); p++ {
			row := rows[p]
			o := p
			for ; o > 0 && rows[o-1].regret > row.regret; o-- {
				rows[o] = rows[o-1]
			}
			rows[o] = row
		}
		c.least = rows[0].regret
		l.cells = append(l.cells, c)
	}
}

// prepare makes buckets.
func (j *joiner) prepare(lo, hi float64, buckets int) {
	buckets = min(buckets, mostBuckets)
	j.lo, j.scale = lo, float64(buckets)/max(hi-lo, math.SmallestNonzeroFloat64)*(1-1e-9)
	j.best = slices.Grow(j.best[:0], buckets+1)[:buckets+1]
	for k := range j.best {
		j.best[k] = math.Inf(1)
	}
	j.block = max(1, buckets/(2*max(len(j.a.cells), len(j.b.cells))))
}

// close makes of the best of each bucket what the next pass compares with.
func (j *joiner) close(s *spanner, top float64) {
	n := len(j.best)
	j.most = slices.Grow(j.most[:0], n)[:n]
	j.top = slices.Grow(j.top[:0], n/j.block+1)[:n/j.block+1]
	least := math.Inf(1)
	width := 1 / j.scale
	right := j.lo
	for x := range j.top {
		most := 0.0
		to := min(n, (x+1)*j.block)
		for k := x * j.block; k < to; k++ {
			j.most[k] = least - s.eps
			right = j.lo + float64(k+1)*width
			if t := least + s.lambda*right; t > most {
				most = t
			}
			if v := j.best[k]; v < least {
				least = v
			}
		}
		j.top[x] = min(top, most+topPad*s.eps)
	}
}

// topPad is how much rounding regrets are given, in parts of what says nothing.
const topPad = 1 << 8

// pass looks at the pairs of regret below top.
func (j *joiner) pass(s *spanner, top, lo, hi float64, first bool) {
	block := 1 / float64(j.block)
	for ai := range j.a.cells {
		ca := &j.a.cells[ai]
		if ca.least >= top {
			continue
		}
		if s.work+foundWork*len(s.found) > s.limit {
			return
		}
		for bi := range j.b.cells {
			cb := &j.b.cells[bi]
			if ca.least+cb.least >= top || ca.hi+cb.hi < lo {
				continue
			}
			if ca.lo+cb.lo > hi {
				break
			}
			x, y := int((max(lo, ca.lo+cb.lo)-j.lo)*j.scale*block), int((min(hi, ca.hi+cb.hi)-j.lo)*j.scale*block)
			most := 0.0
			for ; x <= y; x++ {
				most = max(most, j.top[x])
			}
			s.work++
			rest := most - cb.least
			bs := j.b.rows[cb.from:cb.to]
			inside := ca.lo+cb.lo >= lo && ca.hi+cb.hi <= hi
			for ar := ca.from; ar < ca.to; ar++ {
				a := &j.a.rows[ar]
				if a.regret >= rest {
					break
				}
				left := most - a.regret
				for r := range bs {
					row := &bs[r]
					if row.regret >= left {
						break
					}
					s.work++
					cost := a.cost + row.cost
					if !inside && (cost < lo || cost > hi) {
						continue
					}
					noise := a.noise + row.noise
					k := j.bucket(cost)
					if noise >= j.most[k] {
						continue
					}
					if noise < j.best[k] {
						j.best[k] = noise
					}
					if !first {
						s.found = append(s.found, combo{cost, noise, a.regret + row.regret, a.at, row.at})
					}
				}
			}
		}
	}
}

func (j *joiner) bucket(cost float64) int { return int((cost - j.lo) * j.scale) }
