package alloc

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// component is items that couplings connect, as a tree of buckets.
type component struct {
	buckets []bucket // in the order of elimination; the last one is the root
}

// bucket is an item that is eliminated: what it adds for each combination of the later
// items that it depends on. A bucket hangs on that of the first of these, its parent.
// Entry s·size+x is candidate x in state s.
type bucket struct {
	item        int
	size        int
	ids         []int // the item's candidates, by x
	on, sizes   []int // items, and their numbers of candidates
	states      int
	cost, noise []float64 // by entry, what the item and couplings with it add
	kids        []int     // buckets that hang on it
	state       [][]int32 // by kid, then entry: the kid's state
	outline     []outline // by state
}

// outline is the convex frontier of a bucket and all that hangs on it, in one state:
// vertices by ascending cost.
type outline struct {
	cost, noise []float64
	pick        []int32 // candidate of the item
	kid         []int32 // vertex of each kid, len(kids) for each vertex
}

func newComponent(items []Item, members []int, couplings []Coupling, cost string) (*component, error) {
	place := map[int]int{}
	sizes := make([]int, len(members))
	near := make([][]bool, len(members))
	for p, i := range members {
		place[i], sizes[p] = p, len(items[i].allowed())
		near[p] = make([]bool, len(members))
	}
	for _, c := range couplings {
		for _, a := range c.Items {
			for _, b := range c.Items {
				near[place[a]][place[b]] = true
			}
		}
	}
	k := &component{}
	bucketOf := map[int]int{}
	for _, e := range eliminate(near, sizes) {
		b := bucket{item: members[e.item], size: sizes[e.item], states: 1}
		b.ids = items[b.item].allowed()
		for _, p := range e.on {
			b.on, b.sizes = append(b.on, members[p]), append(b.sizes, sizes[p])
			b.states *= sizes[p]
			if b.states*b.size > mostEntries {
				return nil, fmt.Errorf("alloc: item %d %q is coupled with %d others that are not decided before, in more than %d ways: %w",
					b.item, items[b.item].Name, len(e.on), mostEntries, errors.ErrUnsupported)
			}
		}
		n := b.states * b.size
		b.cost, b.noise = make([]float64, n), make([]float64, n)
		for q := range n {
			c := &items[b.item].Candidates[b.ids[q%b.size]]
			b.noise[q] = c.Noise
			b.cost[q], _ = c.cost(cost)
		}
		bucketOf[b.item] = len(k.buckets)
		k.buckets = append(k.buckets, b)
	}
	for _, c := range couplings {
		first := bucketOf[c.Items[0]]
		for _, i := range c.Items {
			first = min(first, bucketOf[i])
		}
		k.buckets[first].couple(&c, items, cost)
	}
	for q := range k.buckets {
		b := &k.buckets[q]
		if len(b.on) == 0 {
			continue
		}
		up := len(k.buckets)
		for _, i := range b.on {
			up = min(up, bucketOf[i])
		}
		parent := &k.buckets[up]
		parent.kids = append(parent.kids, q)
		state := make([]int32, len(parent.cost))
		for e := range state {
			s, unit := 0, 1
			for p, i := range b.on {
				s += unit * parent.value(e, i)
				unit *= b.sizes[p]
			}
			state[e] = int32(s)
		}
		parent.state = append(parent.state, state)
	}
	for q := range k.buckets {
		k.draw(q)
	}
	if len(k.root().outline[0].cost) == 0 {
		return nil, fmt.Errorf("alloc: couplings forbid all choices of item %d %q and those coupled with it", members[0], items[members[0]].Name)
	}
	return k, nil
}

func (k *component) root() *bucket { return &k.buckets[len(k.buckets)-1] }

// value is the place of an item's candidate among the allowed ones in an entry.
func (b *bucket) value(entry, item int) int {
	if item == b.item {
		return entry % b.size
	}
	s := entry / b.size
	for p, i := range b.on {
		if i == item {
			return s % b.sizes[p]
		}
		s /= b.sizes[p]
	}
	panic("alloc: an item that the bucket does not depend on")
}

// couple adds a coupling to the entries.
func (b *bucket) couple(c *Coupling, items []Item, cost string) {
	costs := c.Costs[cost]
	ids := make([][]int, len(c.Items))
	for p, i := range c.Items {
		ids[p] = items[i].allowed()
	}
	for e := range b.cost {
		q, unit := 0, 1
		for p, i := range c.Items {
			q += unit * ids[p][b.value(e, i)]
			unit *= len(items[i].Candidates)
		}
		if c.Noise != nil {
			b.noise[e] += c.Noise[q]
		}
		if costs != nil {
			b.cost[e] += costs[q]
		}
	}
}

// draw finds the outlines of a bucket from those of its kids.
func (k *component) draw(q int) {
	b := &k.buckets[q]
	b.outline = make([]outline, b.states)
	n := len(b.kids)
	var all outline
	var order []int
	for s := range b.outline {
		all.cost, all.noise, all.pick, all.kid = all.cost[:0], all.noise[:0], all.pick[:0], all.kid[:0]
		for x := range b.size {
			k.sum(b, s*b.size+x, &all)
		}
		order = slices.Grow(order[:0], len(all.cost))[:len(all.cost)]
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(i, j int) int {
			switch {
			case all.cost[i] < all.cost[j]:
				return -1
			case all.cost[i] > all.cost[j]:
				return 1
			}
			return cmp.Or(cmp.Compare(all.noise[i], all.noise[j]), cmp.Compare(i, j))
		})
		o := &b.outline[s]
		for _, i := range lowerHull(order, all.cost, all.noise) {
			o.cost, o.noise = append(o.cost, all.cost[i]), append(o.noise, all.noise[i])
			o.pick, o.kid = append(o.pick, all.pick[i]), append(o.kid, all.kid[i*n:(i+1)*n]...)
		}
	}
}

// sum adds the vertices of an entry: the outlines of its kids added up, edge after edge
// in the order of noise saved per cost.
func (k *component) sum(b *bucket, entry int, all *outline) {
	if math.IsInf(b.noise[entry], 1) {
		return
	}
	kids := make([]*outline, len(b.kids))
	at := make([]int32, len(kids))
	for i, q := range b.kids {
		kids[i] = &k.buckets[q].outline[b.state[i][entry]]
		if len(kids[i].cost) == 0 {
			return
		}
	}
	for {
		cost, noise := b.cost[entry], b.noise[entry]
		for i, o := range kids {
			cost += o.cost[at[i]]
			noise += o.noise[at[i]]
		}
		all.cost, all.noise = append(all.cost, cost), append(all.noise, noise)
		all.pick, all.kid = append(all.pick, int32(entry%b.size)), append(all.kid, at...)
		next := -1
		var saved, added float64
		for i, o := range kids {
			if p := int(at[i]); p+1 < len(o.cost) {
				dn, dc := o.noise[p]-o.noise[p+1], o.cost[p+1]-o.cost[p]
				if next < 0 || dn*added > saved*dc {
					next, saved, added = i, dn, dc
				}
			}
		}
		if next < 0 {
			return
		}
		at[next]++
	}
}

// lowerHull is those of points sorted by cost, then noise, that are vertices of the
// frontier of their mixtures.
func lowerHull(order []int, cost, noise []float64) (hull []int) {
	least := math.Inf(1)
	for _, p := range order {
		if noise[p] >= least {
			continue
		}
		least = noise[p]
		for n := len(hull); n > 1; n = len(hull) {
			a, b := hull[n-2], hull[n-1]
			if (noise[a]-noise[b])*(cost[p]-cost[b]) > (noise[b]-noise[p])*(cost[b]-cost[a]) {
				break
			}
			hull = hull[:n-1]
		}
		hull = append(hull, p)
	}
	return hull
}

// entries are the entries of each bucket at a vertex of the root.
func (k *component) entries(vertex int32) []int32 {
	list := make([]int32, len(k.buckets))
	type visit struct {
		bucket        int
		state, vertex int32
	}
	stack := []visit{{len(k.buckets) - 1, 0, vertex}}
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		b := &k.buckets[v.bucket]
		o := &b.outline[v.state]
		e := v.state*int32(b.size) + o.pick[v.vertex]
		list[v.bucket] = e
		for i, q := range b.kids {
			stack = append(stack, visit{q, b.state[i][e], o.kid[int(v.vertex)*len(b.kids)+i]})
		}
	}
	return list
}

// parted is the component for each candidate of an item that two vertices have different
// ones of: that of the bucket where they differ most. What has no choice is left out.
func (k *component) parted(from, to int32) (list []*component) {
	a, b := k.entries(from), k.entries(to)
	at, most := -1, -1.0
	for q := range k.buckets {
		x := &k.buckets[q]
		if int(a[q])%x.size == int(b[q])%x.size {
			continue
		}
		// What the item itself changes: the bucket, and those that read it.
		change := math.Abs(x.noise[a[q]] - x.noise[b[q]])
		if change > most {
			at, most = q, change
		}
	}
	for c := range k.buckets[at].size {
		w := &component{buckets: slices.Clone(k.buckets)}
		x := &w.buckets[at]
		x.noise = slices.Clone(x.noise)
		for e := range x.noise {
			if e%x.size != c {
				x.noise[e] = math.Inf(1)
			}
		}
		// What hangs on the bucket stays as it is.
		changed := make([]bool, len(w.buckets))
		changed[at] = true
		for q := at; q < len(w.buckets); q++ {
			for _, kid := range w.buckets[q].kids {
				changed[q] = changed[q] || changed[kid]
			}
			if changed[q] {
				w.draw(q)
			}
		}
		if len(w.root().outline[0].cost) > 0 {
			list = append(list, w)
		}
	}
	return list
}
