package alloc

import (
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
	couplings   []*Coupling
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

// newBuckets makes the buckets of items that couplings connect, in the order of
// elimination.
func newBuckets(items []Item, members []int, couplings []Coupling) ([]bucket, error) {
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
	var list []bucket
	bucketOf := map[int]int{}
	for _, e := range eliminate(near, sizes) {
		b := bucket{item: members[e.item]}
		for _, p := range e.on {
			b.on = append(b.on, members[p])
		}
		bucketOf[b.item] = len(list)
		list = append(list, b)
	}
	for i := range couplings {
		first := len(list)
		for _, item := range couplings[i].Items {
			first = min(first, bucketOf[item])
		}
		list[first].couplings = append(list[first].couplings, &couplings[i])
	}
	for q := range list {
		up := len(list)
		for _, i := range list[q].on {
			up = min(up, bucketOf[i])
		}
		if up < len(list) {
			list[up].kids = append(list[up].kids, q)
		}
	}
	return list, allow(list, items)
}

// allow sets the sizes of tables, and what leads from one to the other, to the
// candidates that items allow.
func allow(list []bucket, items []Item) error {
	for q := range list {
		b := &list[q]
		b.ids, b.sizes, b.states = items[b.item].allowed(), nil, 1
		b.size = len(b.ids)
		for _, i := range b.on {
			n := len(items[i].allowed())
			b.sizes = append(b.sizes, n)
			if b.states *= n; b.states*b.size > mostEntries {
				return fmt.Errorf("alloc: item %d %q is coupled with %d others that are not decided before, in more than %d ways: %w",
					b.item, items[b.item].Name, len(b.on), mostEntries, errors.ErrUnsupported)
			}
		}
	}
	for q := range list {
		b := &list[q]
		b.state = make([][]int32, len(b.kids))
		for i, k := range b.kids {
			kid := &list[k]
			b.state[i] = make([]int32, b.states*b.size)
			for e := range b.state[i] {
				s, unit := 0, 1
				for p, item := range kid.on {
					s += unit * b.value(e, item)
					unit *= kid.sizes[p]
				}
				b.state[i][e] = int32(s)
			}
		}
	}
	return nil
}

func newComponent(items []Item, members []int, couplings []Coupling, cost string) (*component, error) {
	list, err := newBuckets(items, members, couplings)
	if err != nil {
		return nil, err
	}
	k := &component{buckets: list}
	for q := range k.buckets {
		b := &k.buckets[q]
		b.cost, b.noise = b.totals(items, cost), b.totals(items, Noise)
		k.draw(q)
	}
	if len(k.root().outline[0].cost) == 0 {
		return nil, forbidden(items, members[0])
	}
	return k, nil
}

func forbidden(items []Item, first int) error {
	return fmt.Errorf("alloc: couplings forbid all choices of item %d %q and those coupled with it", first, items[first].Name)
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

// totals is what the item and the couplings in the bucket add to a cost, or to noise, by
// entry.
func (b *bucket) totals(items []Item, cost string) []float64 {
	list := make([]float64, b.states*b.size)
	for e := range list {
		list[e], _ = items[b.item].Candidates[b.ids[e%b.size]].cost(cost)
	}
	for _, c := range b.couplings {
		add := c.values(cost)
		if add == nil {
			continue
		}
		ids := make([][]int, len(c.Items))
		for p, i := range c.Items {
			ids[p] = items[i].allowed()
		}
		for e := range list {
			q, unit := 0, 1
			for p, i := range c.Items {
				q += unit * ids[p][b.value(e, i)]
				unit *= len(items[i].Candidates)
			}
			list[e] += add[q]
		}
	}
	return list
}

// drawWork is how many pairs of combinations are looked at in the time of one vertex.
const drawWork = 8

// draw finds the outlines of a bucket from those of its kids. It returns how many vertices
// of these it looked at.
func (k *component) draw(q int) (looked int) {
	b := &k.buckets[q]
	b.outline = make([]outline, b.states)
	n := len(b.kids)
	var all outline
	var order, ends []int
	for s := range b.outline {
		all.cost, all.noise, all.pick, all.kid = all.cost[:0], all.noise[:0], all.pick[:0], all.kid[:0]
		ends = ends[:0]
		for x := range b.size {
			k.sum(b, s*b.size+x, &all)
			ends = append(ends, len(all.cost))
		}
		looked += len(all.cost)
		order = all.sorted(order, ends)
		o := &b.outline[s]
		for _, i := range lowerHull(order, all.cost, all.noise) {
			o.cost, o.noise = append(o.cost, all.cost[i]), append(o.noise, all.noise[i])
			o.pick, o.kid = append(o.pick, all.pick[i]), append(o.kid, all.kid[i*n:(i+1)*n]...)
		}
	}
	return looked
}

// sorted is the places of vertices by cost, then noise, of runs that are sorted and end at
// ends, which is overwritten.
func (o *outline) sorted(order, ends []int) []int {
	order = slices.Grow(order[:0], len(o.cost))[:len(o.cost)]
	for i := range order {
		order[i] = i
	}
	order, _ = mergeRuns(order, nil, ends, func(a, b *int) bool {
		x, y := *a, *b
		return o.cost[x] < o.cost[y] || o.cost[x] == o.cost[y] && o.noise[x] <= o.noise[y]
	})
	return order
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
func (k *component) parted(from, to int32) (list []*component, work int) {
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
				work += drawWork * w.draw(q)
			}
		}
		if len(w.root().outline[0].cost) > 0 {
			list = append(list, w)
		}
	}
	return list, work
}
