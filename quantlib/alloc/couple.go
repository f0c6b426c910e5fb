package alloc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// A Coupling adds what depends on the candidates of several items at once, as the time
// of a layer does that reads at one item's width and writes at another's.
//
// Combination q of candidates is q = j_0 + n_0·(j_1 + n_1·(j_2 + …)), with j_k the
// candidate of item Items[k] and n_k how many candidates that has.
type Coupling struct {
	Name  string               // for errors
	Items []int                // by index, each at most once
	Noise []float64            // by combination, not negative; +Inf forbids one; nil adds none
	Costs map[string][]float64 // by name and combination, finite; what is not named adds none
}

// mostEntries bounds the table of an item that is eliminated: its candidates times the
// combinations of what it depends on then.
const mostEntries = 1 << 17

// CoupledFrontier is Frontier for items that couplings connect: totals are what the
// chosen candidates have and what the couplings add for them.
//
// Items are eliminated one after another: what an item adds at best depends on those
// that couplings connect it with, for each combination of whose candidates there is a
// list. It is exact, and fast where each item then depends on few others, as in a
// network, which is a chain with some branches. Where one depends on so many that its
// table would exceed 131,072 entries, the error wraps errors.ErrUnsupported.
//
// An edge that takes too long is parted by the candidates of an item, as in Frontier, or
// given up; Epsilon says what that means.
func CoupledFrontier(ctx context.Context, items []Item, couplings []Coupling, cost string) (*Pareto, error) {
	if cost == "" || cost == Noise {
		return nil, errors.New("alloc: a frontier needs the name of a cost")
	}
	if err := check(items, []string{Noise, cost}); err != nil {
		return nil, err
	}
	if err := checkCouplings(items, couplings, cost); err != nil {
		return nil, err
	}
	c, err := coupledCells(items, couplings, cost)
	if err != nil {
		return nil, err
	}
	return newPolygon(c).frontier(ctx, cost, coupledEffort, nil)
}

// checkCouplings returns an error that names the first coupling which cannot be used
// with the given costs.
func checkCouplings(items []Item, couplings []Coupling, costs ...string) error {
	for i := range couplings {
		for _, cost := range costs {
			if err := couplings[i].check(items, cost); err != nil {
				return fmt.Errorf("alloc: coupling %d %q: %w", i, couplings[i].Name, err)
			}
		}
	}
	return nil
}

// coupledCells makes the cells of a problem that was checked.
func coupledCells(items []Item, couplings []Coupling, cost string) (*cells, error) {
	bound := make([]bool, len(items))
	var comps []*component
	sets, own := connected(items, couplings)
	for k, set := range sets {
		c, err := newComponent(items, set, own[k], cost)
		if err != nil {
			return nil, err
		}
		comps = append(comps, c)
		for _, i := range set {
			bound[i] = true
		}
	}
	return newCells(items, cost, func(i int) bool { return bound[i] }, comps), nil
}

// values is what the coupling adds to a cost, or to noise, by combination; nil is nothing.
func (c *Coupling) values(name string) []float64 {
	if name == Noise {
		return c.Noise
	}
	return c.Costs[name]
}

func (c *Coupling) check(items []Item, cost string) error {
	n := 1
	for k, i := range c.Items {
		if i < 0 || i >= len(items) {
			return fmt.Errorf("item %d of %d", i, len(items))
		}
		if slices.Contains(c.Items[:k], i) {
			return fmt.Errorf("item %d twice", i)
		}
		if n *= len(items[i].Candidates); n > 1<<26 {
			return fmt.Errorf("%d items have too many combinations: %w", len(c.Items), errors.ErrUnsupported)
		}
	}
	if n == 1 && len(c.Items) == 0 {
		return errors.New("no items")
	}
	if c.Noise != nil && len(c.Noise) != n {
		return fmt.Errorf("noise of %d combinations of %d", len(c.Noise), n)
	}
	for q, v := range c.Noise {
		if !(v >= 0) {
			return fmt.Errorf("noise %v of combination %d is not a number from 0 up", v, q)
		}
	}
	if list := c.Costs[cost]; list != nil {
		if len(list) != n {
			return fmt.Errorf("cost %q of %d combinations of %d", cost, len(list), n)
		}
		for q, v := range list {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("cost %q of combination %d is %v", cost, q, v)
			}
		}
	}
	return nil
}

// connected parts the items that couplings connect into sets, each with its couplings.
func connected(items []Item, couplings []Coupling) (sets [][]int, own [][]Coupling) {
	root := make([]int, len(items))
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			i = root[i]
		}
		return i
	}
	touched := make([]bool, len(items))
	for _, c := range couplings {
		for _, i := range c.Items {
			touched[i] = true
			a, b := find(c.Items[0]), find(i)
			root[max(a, b)] = min(a, b)
		}
	}
	place := map[int]int{}
	for i := range items {
		if !touched[i] {
			continue
		}
		k, ok := place[find(i)]
		if !ok {
			k = len(sets)
			place[find(i)] = k
			sets, own = append(sets, nil), append(own, nil)
		}
		sets[k] = append(sets[k], i)
	}
	for _, c := range couplings {
		k := place[find(c.Items[0])]
		own[k] = append(own[k], c)
	}
	return sets, own
}

// elimination is an item and those of the later ones that it depends on when it is
// eliminated, in ascending order.
type elimination struct {
	item int
	on   []int
}

// eliminate orders items so that tables stay small, and so that what hangs on the last
// item has branches of about equal length: lists of halves are much shorter than the
// list of the whole. near tells which items are connected, by place; sizes are numbers
// of candidates.
func eliminate(near [][]bool, sizes []int) []elimination {
	n := len(sizes)
	neighbours := func(alive []bool, v int) (list []int) {
		for u := range n {
			if alive[u] && u != v && near[v][u] {
				list = append(list, u)
			}
		}
		return list
	}
	all := func() []bool { return slices.Repeat([]bool{true}, n) }
	// First what must be connected so that an order without larger tables exists.
	alive := all()
	for range n {
		best, least := -1, math.Inf(1)
		for v := range n {
			if !alive[v] {
				continue
			}
			table := float64(sizes[v])
			for _, u := range neighbours(alive, v) {
				table *= float64(sizes[u])
			}
			if table < least {
				best, least = v, table
			}
		}
		list := neighbours(alive, best)
		for _, a := range list {
			for _, b := range list {
				near[a][b] = true
			}
		}
		alive[best] = false
	}
	// Then any item may go whose neighbours are all connected: the one on which least
	// hangs.
	type hanging struct {
		on     []int
		weight int
	}
	var waiting []hanging
	var order []elimination
	alive = all()
	for range n {
		best, least := -1, math.MaxInt
		var on []int
		for v := range n {
			if !alive[v] {
				continue
			}
			weight := 1
			for _, h := range waiting {
				if slices.Contains(h.on, v) {
					weight += h.weight
				}
			}
			if weight >= least {
				continue
			}
			list := neighbours(alive, v)
			connected := true
			for k, a := range list {
				for _, b := range list[:k] {
					connected = connected && near[a][b]
				}
			}
			if connected {
				best, least, on = v, weight, list
			}
		}
		alive[best] = false
		waiting = slices.DeleteFunc(waiting, func(h hanging) bool { return slices.Contains(h.on, best) })
		waiting = append(waiting, hanging{on, least})
		order = append(order, elimination{best, on})
	}
	return order
}
