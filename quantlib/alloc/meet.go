package alloc

import (
	"cmp"
	"math"
	"slices"
)

// A node is finished by meeting in the middle. At its multipliers λ every choice
// of its open items has the objective
//
//	Σ o = bound + Σ_i regret(i, x(i)) + Σ_k λ_k·(budget_k - Σ_i c_k(i, x(i)))
//
// where the regret of a candidate is o + λ·c above the item's least. Neither sum
// is negative in a choice that meets the budgets. So a choice whose objective is
// less than reach above the bound is made of combinations of regret below reach,
// and leaves less than reach/λ_k of each budget. The items are dealt out to two
// halves; each half's combinations of regret below reach are listed, and pairs
// are looked up in a grid of costs (see join): a square root of the choices is
// looked at.

// half is a list of combinations of deviations: which items of the half have
// another candidate than the one of no regret. Sums are differences to that.
type half struct {
	item      []int         // of the instance, by place
	deviation [][]deviation // by place, by ascending regret; places too, by their first
	regret, o []float64     // by combination; the first one deviates nowhere
	c         []float64     // by combination, m each
	from      []int32       // the combination without the last deviation
	last      []int32       // place of the last deviation
	pick      []int32       // its candidate
}

type deviation struct {
	regret, o float64
	c         []float64
	j         int // candidate of the instance
}

// regretPad is added to thresholds of regret: more than rounding can take from a
// sum of regrets of an instance scaled to 1.
const regretPad = 1.0 / (1 << 43)

// meet is a node made ready for it.
type meet struct {
	n    *node
	base []int // by open item, the candidate of no regret
	o    float64
	c    []float64 // with it; decided items included
	half [2]half
}

func newMeet(n *node) *meet {
	in, m := n.in, n.in.m
	t := &meet{n: n, base: make([]int, in.items()), o: n.o, c: slices.Clone(n.c)}
	list := make([][]deviation, in.items())
	for i := range list {
		least, at := math.Inf(1), -1
		for j := in.off[i]; j < in.off[i+1]; j++ {
			if v := in.price1(j, n.lambda); v < least {
				least, at = v, j
			}
		}
		t.base[i] = at
		t.o += in.o[at]
		for k := range m {
			t.c[k] += in.c[at*m+k]
		}
		costs := make([]float64, 0, m*(in.off[i+1]-in.off[i]))
		for j := in.off[i]; j < in.off[i+1]; j++ {
			if j == at {
				continue
			}
			for k := range m {
				costs = append(costs, in.c[j*m+k]-in.c[at*m+k])
			}
			list[i] = append(list[i], deviation{in.price1(j, n.lambda) - least, in.o[j] - in.o[at], costs[len(costs)-m:], j})
		}
		slices.SortStableFunc(list[i], func(a, b deviation) int { return cmp.Compare(a.regret, b.regret) })
	}
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(list[a][0].regret, list[b][0].regret) })
	for q, i := range order {
		h := &t.half[(q+1)/2%2] // 0 1 1 0 0 1 1 …
		h.item = append(h.item, i)
		h.deviation = append(h.deviation, list[i])
	}
	return t
}

// countParts is into how many parts a threshold is divided to count combinations.
const countParts = 128

// count adds to sum, for q parts of top, an upper bound of the number of
// combinations with a regret below it.
func (h *half) count(sum *[countParts + 1]float64, top float64) {
	var now, next [countParts + 1]float64
	now[0] = 1
	for _, list := range h.deviation {
		if !(list[0].regret < top) {
			break
		}
		next = now
		for _, d := range list {
			if !(d.regret < top) {
				break
			}
			s := int(d.regret / top * countParts)
			for q := range countParts - s {
				next[q+s] += now[q]
			}
		}
		now = next
	}
	below := 0.0
	for q := range countParts {
		below += now[q]
		sum[q+1] += below
	}
}

// within is the largest threshold up to gap, in parts of it, for which there are
// at most most combinations; 0 if there is none of use.
func (t *meet) within(gap, most float64) float64 {
	for least := gap * 1e-9; gap > least; gap /= countParts / 8 {
		var n [countParts + 1]float64
		for h := range t.half {
			t.half[h].count(&n, gap)
		}
		for q := countParts; q >= countParts/8; q-- {
			if n[q] <= most {
				return gap / countParts * float64(q)
			}
		}
	}
	return 0
}

// fill lists the combinations of regret below top: each of them is extended by
// one deviation at a later place. It gives up, and returns false, beyond most
// combinations, which count does not foresee where top is lost in regretPad.
func (h *half) fill(top float64, m, most int) bool {
	top += regretPad
	h.regret, h.o, h.c = append(h.regret, 0), append(h.o, 0), make([]float64, m)
	h.from, h.last, h.pick = append(h.from, -1), append(h.last, -1), append(h.pick, -1)
	for e := 0; e < len(h.regret); e++ {
		if len(h.regret) > most {
			return false
		}
		for p := int(h.last[e]) + 1; p < len(h.deviation) && h.regret[e]+h.deviation[p][0].regret < top; p++ {
			for q := range h.deviation[p] {
				d := &h.deviation[p][q]
				r := h.regret[e] + d.regret
				if r >= top {
					break
				}
				h.regret = append(h.regret, r)
				h.o = append(h.o, h.o[e]+d.o)
				for k, v := range d.c {
					h.c = append(h.c, h.c[e*m+k]+v)
				}
				h.from = append(h.from, int32(e))
				h.last = append(h.last, int32(p))
				h.pick = append(h.pick, int32(d.j))
			}
		}
	}
	return true
}

func (h *half) clear() {
	h.regret, h.o, h.c = h.regret[:0], h.o[:0], h.c[:0]
	h.from, h.last, h.pick = h.from[:0], h.last[:0], h.pick[:0]
}

// byRegret is the combinations by ascending regret.
func (h *half) byRegret() []int32 {
	order := make([]int32, len(h.regret))
	for e := range order {
		order[e] = int32(e)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(h.regret[a], h.regret[b]), cmp.Compare(a, b))
	})
	return order
}

// accept makes a pair of combinations the best choice.
func (s *brancher) accept(t *meet, pair [2]int32) {
	in := t.n.in
	for d := t.n.trail; d != nil; d = d.up {
		s.choice[d.item] = d.id
	}
	for i, j := range t.base {
		s.choice[in.item[i]] = in.id[j]
	}
	for q := range t.half {
		h := &t.half[q]
		for e := pair[q]; e > 0; e = h.from[e] {
			s.choice[in.item[h.item[h.last[e]]]] = in.id[h.pick[e]]
		}
	}
	s.found()
}

// join lists the combinations of regret below reach and looks for the best pair
// that meets the budgets and lies below s.upper. It returns how many combinations
// and pairs it looked at; done is false where there were too many.
func (t *meet) join(s *brancher, reach float64) (looked int, done bool) {
	n, m := t.n, t.n.in.m
	a, b := &t.half[0], &t.half[1]
	for h := range t.half {
		t.half[h].clear()
		ok := t.half[h].fill(reach, m, 2*meetFinish)
		looked += len(t.half[h].regret)
		if !ok {
			return looked, false
		}
	}
	g := newGrid(b, n.lambda, reach)
	need := make([]float64, m)
	for _, e := range a.byRegret() {
		left := func() float64 { return min(reach, s.prunable()-n.bound) - a.regret[e] + regretPad }
		rest := left()
		if rest < 0 {
			break
		}
		for k := range need {
			need[k] = 1 - t.c[k] - a.c[int(e)*m+k]
		}
		from, to, ok := g.window(need, n.lambda, rest)
		if !ok {
			continue
		}
		for x := from[0]; x <= to[0]; x++ {
			for y := from[1]; y <= to[1]; y++ {
				for z := from[2]; z <= to[2]; z++ {
					cell := (x*g.cells[1]+y)*g.cells[2] + z
				rows:
					for at := int(g.start[cell]); at < int(g.start[cell+1]); at++ {
						row := g.rows[at*(rowHead+m) : (at+1)*(rowHead+m)]
						looked++
						if row[0] > rest {
							break // rows of a cell are sorted by regret
						}
						for k, v := range need {
							if row[rowHead+k] > v {
								continue rows
							}
						}
						if o := t.o + a.o[e] + row[1]; o < s.upper {
							s.upper = o
							s.accept(t, [2]int32{e, g.of[at]})
							rest = left()
						}
					}
				}
			}
		}
	}
	return looked, true
}
