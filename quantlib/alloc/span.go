package alloc

import (
	"cmp"
	"math"
	"slices"
)

// A frontier is found span by span. A span is a stretch of the polygon from vertex
// s to vertex e; at the multiplier λ of the chord between them every choice has
//
//	noise + λ·cost = base + Σ_i regret(i, x(i))
//
// with base the least of that, at a vertex between the two, and a candidate's regret
// its noise + λ·cost above the least of its item. Where points p_i of the frontier are
// known, one that costs less than p_{i+1} and has less noise than p_i has less regret
// than the corner (cost of p_{i+1}, noise of p_i). So all combinations of regret below
// the highest corner are listed, without those that others beat, and then nothing is
// missing; where they are too many, corners above the threshold say what may be.
//
// Combinations are listed by halves: the items that have a candidate of regret below
// the threshold are dealt out to two halves, each of these again, down to single items;
// the lists of two halves are added up pair by pair, and what is beaten within a list
// is beaten in every completion.

// cells is the candidates of all items that no other of the item beats, by ascending
// cost: those of item i stand at off[i]..off[i+1]. Items that couplings connect come after
// the others, and together count as one whose cells are the vertices of its outline.
type cells struct {
	off         []int32
	cost, noise []float64
	id, item    []int32
	of          []int32      // by item, its index in the problem; for those without couplings
	comps       []*component // the items from len(of) on
	entries     int          // of components' tables
	leaf        []int32      // by index in the problem, the number of its first candidate among all
}

// newCells makes the cells of the items for which skip does not hold, and of components.
func newCells(items []Item, cost string, skip func(i int) bool, comps []*component) *cells {
	g := &cells{off: []int32{0}, comps: comps}
	leaves := int32(0)
	for i := range items {
		it := &items[i]
		g.leaf = append(g.leaf, leaves)
		leaves += int32(len(it.Candidates))
		if skip(i) {
			continue
		}
		ids := it.allowed()
		at := func(j int) Point {
			v, _ := it.Candidates[j].cost(cost)
			return Point{v, it.Candidates[j].Noise}
		}
		slices.SortStableFunc(ids, func(a, b int) int {
			return cmp.Or(cmp.Compare(at(a).Cost, at(b).Cost), cmp.Compare(at(a).Noise, at(b).Noise))
		})
		least := math.Inf(1)
		for _, j := range ids {
			if p := at(j); p.Noise < least {
				least = p.Noise
				g.cost, g.noise = append(g.cost, p.Cost), append(g.noise, p.Noise)
				g.id, g.item = append(g.id, int32(j)), append(g.item, int32(len(g.of)))
			}
		}
		g.of, g.off = append(g.of, int32(i)), append(g.off, int32(len(g.id)))
	}
	g.addComponents()
	return g
}

func (c *cells) addComponents() {
	c.entries = 0
	for k, m := range c.comps {
		for q := range m.buckets {
			c.entries += len(m.buckets[q].cost)
		}
		o := &m.root().outline[0]
		for v := range o.cost {
			c.cost, c.noise = append(c.cost, o.cost[v]), append(c.noise, o.noise[v])
			c.id, c.item = append(c.id, int32(v)), append(c.item, int32(len(c.of)+k))
		}
		c.off = append(c.off, int32(len(c.id)))
	}
}

// replace is the cells with another component k.
func (c *cells) replace(k int, by *component) *cells {
	w := *c
	w.comps = slices.Clone(c.comps)
	w.comps[k] = by
	n := c.off[len(c.of)]
	w.off = slices.Clone(c.off[:len(c.of)+1])
	w.cost, w.noise = slices.Clone(c.cost[:n]), slices.Clone(c.noise[:n])
	w.id, w.item = slices.Clone(c.id[:n]), slices.Clone(c.item[:n])
	w.addComponents()
	return &w
}

// apart is newCells of items that nothing couples.
func apart(items []Item, cost string) *cells {
	return newCells(items, cost, func(int) bool { return false }, nil)
}

// combo is a combination of deviations from the base of a span. Sums are differences
// to it.
type combo struct {
	cost, noise, regret float64
	// The combinations that it joins; b is -1 for a cell a, a too for none, and candidate
	// n of all, which a coupled item takes, is a = -2-n.
	a, b int32
}

// part is a list of combinations in the arena, by ascending cost and descending noise.
type part struct{ lo, hi int }

// spanner lists the combinations of a span.
type spanner struct {
	*cells
	lambda float64
	base   []int32 // by item, a cell
	fixed  []int32 // items that have no other
	origin Point   // totals of the base
	window [2]float64
	regret []float64 // by cell
	eps    float64   // noise that says nothing
	all    [2]float64
	comp   []messages // by component

	arena []combo
	found []combo // by a join
	runs  []combo // of an entry's candidates, each sorted
	ends  []int   // of the runs
	spare []combo
	join  joiner
	work  int // pairs looked at
	limit int // of them
}

// at makes the spanner ready for a span.
func (s *spanner) at(x *span) {
	s.cells, s.lambda, s.base, s.fixed, s.window, s.eps = x.cells, x.lambda, x.base, x.fixed, x.window, x.eps
	s.origin = s.total(x.base)
	s.regret = slices.Grow(s.regret[:0], len(s.id))[:len(s.id)]
	for i, b := range s.base {
		for j := s.off[i]; j < s.off[i+1]; j++ {
			s.regret[j] = max(0, s.noise[j]-s.noise[b]+s.lambda*(s.cost[j]-s.cost[b]))
		}
	}
	s.comp = slices.Grow(s.comp, len(s.comps))[:len(s.comps)]
	for k, c := range s.comps {
		s.comp[k].send(c, c.entries(s.id[s.base[len(s.of)+k]]), s.lambda)
	}
}

// total sums cells in the order of items.
func (s *cells) total(base []int32) (p Point) {
	for _, b := range base {
		p.Cost += s.cost[b]
		p.Noise += s.noise[b]
	}
	return p
}

// choice is the candidates of cells, by index in the problem, but for what leaves say
// (see combo).
func (s *cells) choice(list, leaves []int32) []int {
	choice := make([]int, len(s.leaf))
	for i, c := range list[:len(s.of)] {
		choice[s.of[i]] = int(s.id[c])
	}
	for k, c := range s.comps {
		for b, e := range c.entries(s.id[list[len(s.of)+k]]) {
			x := &c.buckets[b]
			choice[x.item] = x.ids[int(e)%x.size]
		}
	}
	for _, n := range leaves {
		i, found := slices.BinarySearch(s.leaf, n)
		if !found {
			i--
		}
		choice[i] = int(n - s.leaf[i])
	}
	return choice
}

// scanWork is how many entries of tables are looked at in the time of one pair.
const scanWork = 4

// list lists the combinations of regret below top whose cost lies in the window and
// that no other of them beats; ok is false if that takes more than the limit of work.
func (s *spanner) list(top float64) (list []combo, ok bool) {
	s.arena, s.work = s.arena[:0], s.entries/scanWork
	type entry struct {
		item  int32
		first float64 // least regret of a deviation
	}
	var open []entry
	for i, b := range s.base {
		x := entry{int32(i), math.Inf(1)}
		if slices.Contains(s.fixed, x.item) {
			continue
		}
		for j := s.off[i]; j < s.off[i+1]; j++ {
			if j != b {
				x.first = min(x.first, s.regret[j])
			}
		}
		if i >= len(s.of) {
			x.first = 0 // it is always looked at
		}
		if x.first < top {
			open = append(open, x)
		}
	}
	slices.SortStableFunc(open, func(a, b entry) int { return cmp.Compare(a.first, b.first) })
	s.all = [2]float64{}
	items := make([]int32, len(open))
	for q, x := range open {
		items[q] = x.item
		r := s.between(x.item, top)
		s.all[0], s.all[1] = s.all[0]+r[0], s.all[1]+r[1]
	}
	a, b, ok := s.halves(items, top)
	if !ok {
		return nil, false
	}
	p, ok := s.add(a, b, top, s.window[0]-s.origin.Cost, s.window[1]-s.origin.Cost)
	return s.arena[p.lo:p.hi], ok
}

// between is the least and the greatest cost of an item's candidates of regret below top.
func (s *spanner) between(item int32, top float64) (r [2]float64) {
	if k := int(item) - len(s.of); k >= 0 {
		return s.comp[k].between(top)
	}
	b := s.base[item]
	for j := s.off[item]; j < s.off[item+1]; j++ {
		if s.regret[j] < top {
			r[0], r[1] = min(r[0], s.cost[j]-s.cost[b]), max(r[1], s.cost[j]-s.cost[b])
		}
	}
	return r
}

// halves lists each half of items.
func (s *spanner) halves(items []int32, top float64) (a, b part, ok bool) {
	var deal [2][]int32
	for q, i := range items {
		h := (q + 1) / 2 % 2 // 0 1 1 0 0 1 1 …
		deal[h] = append(deal[h], i)
	}
	if a, ok = s.build(deal[0], top); !ok {
		return a, b, false
	}
	b, ok = s.build(deal[1], top)
	return a, b, ok
}

// build lists the combinations of items of regret below top.
func (s *spanner) build(items []int32, top float64) (part, bool) {
	from := len(s.arena)
	switch len(items) {
	case 0:
		s.arena = append(s.arena, combo{a: -1, b: -1})
	case 1:
		i := items[0]
		if k := int(i) - len(s.of); k >= 0 {
			return s.component(k, top)
		}
		b := s.base[i]
		for j := s.off[i]; j < s.off[i+1]; j++ {
			if s.regret[j] < top || j == b {
				s.arena = append(s.arena, combo{s.cost[j] - s.cost[b], s.noise[j] - s.noise[b], s.regret[j], j, -1})
			}
		}
	default:
		a, b, ok := s.halves(items, top)
		if !ok {
			return a, false
		}
		var own [2]float64
		for _, i := range items {
			r := s.between(i, top)
			own[0], own[1] = own[0]+r[0], own[1]+r[1]
		}
		// What the other items can add to the cost at most and at least.
		pad := 1e-9 * (s.all[1] - s.all[0])
		return s.add(a, b, top, s.window[0]-s.origin.Cost-(s.all[1]-own[1])-pad, s.window[1]-s.origin.Cost-(s.all[0]-own[0])+pad)
	}
	return part{from, len(s.arena)}, true
}

// follow sets the cells of a combination in those of the base, and adds its leaves.
func (s *spanner) follow(c combo, choice, leaves []int32) []int32 {
	switch {
	case c.b >= 0:
		leaves = s.follow(s.arena[c.b], choice, s.follow(s.arena[c.a], choice, leaves))
	case c.a >= 0:
		choice[s.item[c.a]] = c.a
	case c.a < -1:
		leaves = append(leaves, -2-c.a)
	}
	return leaves
}
