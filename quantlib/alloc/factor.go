package alloc

import (
	"math"
	"slices"
)

// factors is a problem with couplings in plain numbers: what items and couplings add to
// the objective and to each cost that is limited, in factors of one item each that depend
// on few others (see bucket). Objectives are in parts of a top and costs in parts of what
// the limits leave above the factors' least entries, so that budgets are about 1.
type factors struct {
	m      int
	list   []factor // what hangs on one comes before it
	budget []float64
	ids    [][]int // by item, its candidates in the problem, by place
	size   int     // entries of all factors
}

// factor is an item. Entry s·size+x is candidate x in state s.
type factor struct {
	item  int
	size  int
	on    []int // items
	sizes []int
	o     []float64 // by entry; +Inf is forbidden
	c     []float64 // by entry, m each
	kids  []int
	link  [][]int   // by kid, for each item it depends on: its place in on, or -1 for the item itself
	state [][]int32 // by kid, then entry
}

func (t *factor) states() int { return len(t.o) / t.size }

// newFactors makes the factors of a problem: with Noise or a cost as the objective, and
// some of its limits' costs. Nothing is scaled.
func newFactors(items []Item, couplings []Coupling, objective string, costs []string) (*factors, error) {
	sets, own := connected(items, couplings)
	alone := make([]bool, len(items))
	for i := range alone {
		alone[i] = true
	}
	for _, set := range sets {
		for _, i := range set {
			alone[i] = false
		}
	}
	for i := range items {
		if alone[i] {
			sets, own = append(sets, []int{i}), append(own, nil)
		}
	}
	t := &factors{m: len(costs), ids: make([][]int, len(items))}
	for k, set := range sets {
		buckets, err := newBuckets(items, set, own[k])
		if err != nil {
			return nil, err
		}
		first := len(t.list)
		for q := range buckets {
			b := &buckets[q]
			x := factor{item: b.item, size: b.size, on: b.on, sizes: b.sizes, state: b.state, o: b.totals(items, objective)}
			forbid := b.totals(items, Noise)
			x.c = make([]float64, len(x.o)*t.m)
			for n, name := range costs {
				for e, v := range b.totals(items, name) {
					x.c[e*t.m+n] = v
				}
			}
			for e, v := range forbid {
				if math.IsInf(v, 1) {
					x.o[e] = v
					clear(x.c[e*t.m : (e+1)*t.m]) // noise may be a limit's cost
				}
			}
			for _, kid := range b.kids {
				var link []int
				for _, i := range buckets[kid].on {
					link = append(link, slices.Index(b.on, i)) // -1 for b.item
				}
				x.kids, x.link = append(x.kids, first+kid), append(x.link, link)
			}
			t.ids[b.item] = b.ids
			t.list = append(t.list, x)
			t.size += len(x.o)
		}
	}
	return t, nil
}

// sub is the factors with those candidates only that stay, by item the places of them.
func (t *factors) sub(stay [][]int) *factors {
	out := &factors{m: t.m, budget: t.budget, list: make([]factor, len(t.list)), ids: make([][]int, len(t.ids))}
	for i, places := range stay {
		for _, v := range places {
			out.ids[i] = append(out.ids[i], t.ids[i][v])
		}
	}
	for q := range t.list {
		x := &t.list[q]
		y := factor{item: x.item, size: len(stay[x.item]), on: x.on, kids: x.kids, link: x.link}
		states := 1
		for _, i := range x.on {
			y.sizes = append(y.sizes, len(stay[i]))
			states *= len(stay[i])
		}
		n := states * y.size
		out.size += n
		y.o, y.c = make([]float64, n), make([]float64, n*t.m)
		y.state = make([][]int32, len(x.kids))
		for k := range y.state {
			y.state[k] = make([]int32, n)
		}
		digit := make([]int, len(x.on))
		for s := range states {
			rest, from, unit := s, 0, 1
			for p, i := range x.on {
				digit[p] = rest % y.sizes[p]
				rest /= y.sizes[p]
				from += unit * stay[i][digit[p]]
				unit *= x.sizes[p]
			}
			for v, place := range stay[x.item] {
				e, f := s*y.size+v, from*x.size+place
				y.o[e] = x.o[f]
				copy(y.c[e*t.m:(e+1)*t.m], x.c[f*t.m:(f+1)*t.m])
				for k, link := range x.link {
					state, unit := 0, 1
					for _, p := range link {
						d, n := v, y.size
						if p >= 0 {
							d, n = digit[p], y.sizes[p]
						}
						state += unit * d
						unit *= n
					}
					y.state[k][e] = int32(state)
				}
			}
		}
		out.list[q] = y
	}
	return out
}

// keep leaves out the costs that are not kept.
func (t *factors) keep(kept []int) {
	for q := range t.list {
		x := &t.list[q]
		c := make([]float64, 0, len(x.o)*len(kept))
		for e := range x.o {
			for _, k := range kept {
				c = append(c, x.c[e*t.m+k])
			}
		}
		x.c = c
	}
	t.m = len(kept)
}

// shift moves the least entry of each factor, of the objective and of each cost, to 0, and
// returns what was taken off in all. Each must have an entry that is not forbidden.
func (t *factors) shift() (o float64, c []float64) {
	c = make([]float64, t.m)
	for q := range t.list {
		x := &t.list[q]
		least := math.Inf(1)
		for _, v := range x.o {
			least = min(least, v)
		}
		o += least
		for e := range x.o {
			x.o[e] -= least
		}
		for k := range t.m {
			least := math.Inf(1)
			for e := range x.o {
				if !math.IsInf(x.o[e], 1) {
					least = min(least, x.c[e*t.m+k])
				}
			}
			c[k] += least
			for e := range x.o {
				x.c[e*t.m+k] -= least
			}
		}
	}
	return o, c
}

// scale divides objectives by top and costs by their units, where there are any.
func (t *factors) scale(top float64, units []float64) {
	for q := range t.list {
		x := &t.list[q]
		for e := range x.o {
			x.o[e] /= top
			for k, u := range units {
				x.c[e*t.m+k] /= u
			}
		}
	}
}

// forbid forbids the entries that exceed a budget by themselves.
func (t *factors) forbid() {
	for q := range t.list {
		x := &t.list[q]
		for e := range x.o {
			if exceeds(x.c[e*t.m:(e+1)*t.m], t.budget) {
				x.o[e] = math.Inf(1)
			}
		}
	}
}

// priced is a choice that is the least at some multipliers.
type priced struct {
	entry []int32 // by factor
	sum   float64 // Σ o + λ·c; +Inf where couplings forbid everything
	o     float64
	c     []float64
}

// pricer finds least choices; it is reused.
type pricer struct {
	least [][]float64
	pick  [][]int32
}

func (t *factors) pricer() *pricer {
	p := &pricer{}
	for q := range t.list {
		n := t.list[q].states()
		p.least, p.pick = append(p.least, make([]float64, n)), append(p.pick, make([]int32, n))
	}
	return p
}

// price finds the choice of least weight·o + λ·c. Of equal candidates the first is taken.
func (p *pricer) price(t *factors, weight float64, lambda []float64) priced {
	m := t.m
	out := priced{entry: make([]int32, len(t.list)), c: make([]float64, m)}
	for q := range t.list {
		x := &t.list[q]
		least, pick := p.least[q], p.pick[q]
		for s := range least {
			best, at := math.Inf(1), int32(-1)
			for e := s * x.size; e < (s+1)*x.size; e++ {
				o := x.o[e]
				if math.IsInf(o, 1) {
					continue
				}
				v := weight * o
				for k, l := range lambda {
					v += l * x.c[e*m+k]
				}
				for i, k := range x.kids {
					v += p.least[k][x.state[i][e]]
				}
				if v < best {
					best, at = v, int32(e)
				}
			}
			least[s], pick[s] = best, at
		}
		if len(x.on) == 0 {
			out.sum += least[0]
		}
	}
	if math.IsInf(out.sum, 1) {
		return out
	}
	state := make([]int32, len(t.list))
	for q := len(t.list) - 1; q >= 0; q-- {
		x := &t.list[q]
		e := p.pick[q][state[q]]
		out.entry[q] = e
		for i, k := range x.kids {
			state[k] = x.state[i][e]
		}
	}
	for q, e := range out.entry {
		x := &t.list[q]
		out.o += x.o[e]
		for k := range out.c {
			out.c[k] += x.c[int(e)*m+k]
		}
	}
	return out
}
