package sense

import (
	"context"
	"errors"
	"slices"

	"github.com/quantnb/quantnb/quantlib/alloc"
	"github.com/quantnb/quantnb/quantlib/plan"
)

// piece is a part of a group: ties that layers or units still couple where those
// without a choice couple nothing.
type piece struct {
	group
	units []int
}

// unitsOf is the units whose seconds a group has; none without a device.
func (t *Table) unitsOf(group int) []int {
	if t.units == nil {
		return nil
	}
	return t.units[group]
}

// pieces parts a group of several layers, whose ties' noise adds up.
func (t *Table) pieces(of int, allowed [][]int) []piece {
	g := &t.groups[of]
	root := map[int]int{}
	for _, tie := range slices.Concat(g.weights, g.acts) {
		root[tie] = tie
	}
	find := func(tie int) int {
		for root[tie] != tie {
			tie = root[tie]
		}
		return tie
	}
	// home is the tie of a layer or unit whose piece it belongs to; ties that have a
	// choice come together there.
	home := func(ties ...int) int {
		first, open := -1, -1
		for _, tie := range ties {
			if _, inside := root[tie]; !inside {
				continue
			}
			if first < 0 {
				first = tie
			}
			if len(allowed[tie]) < 2 {
				continue
			}
			if open < 0 {
				open = tie
			}
			a, b := find(open), find(tie)
			root[max(a, b)] = min(a, b)
		}
		if open >= 0 {
			return open
		}
		return first
	}
	layerHome, unitHome := make([]int, len(g.layers)), make([]int, len(t.unitsOf(of)))
	for i, l := range g.layers {
		layerHome[i] = home(layerTies(t.m, t.m.Layers[l], Both)...)
	}
	for i, k := range t.unitsOf(of) {
		u := &t.work.Units[k]
		unitHome[i] = home(u.Weight, u.Input, u.Output)
	}
	place := map[int]int{}
	var list []piece
	for _, tie := range slices.Concat(g.weights, g.acts) {
		r := find(tie)
		k, ok := place[r]
		if !ok {
			k = len(list)
			place[r] = k
			list = append(list, piece{group: group{name: t.m.Ties[tie].Name, apart: true}})
		}
		p := &list[k]
		if t.m.Ties[tie].Role == plan.Weight {
			p.weights = append(p.weights, tie)
		} else {
			p.acts = append(p.acts, tie)
		}
	}
	for i, l := range g.layers {
		p := &list[place[find(layerHome[i])]]
		p.layers = append(p.layers, l)
	}
	for i, k := range t.unitsOf(of) {
		p := &list[place[find(unitHome[i])]]
		p.units = append(p.units, k)
	}
	return list
}

// shared is the tie with a choice that most layers of a group have in common.
func (t *Table) shared(g *group, allowed [][]int) int {
	best, most := -1, 0
	for _, tie := range slices.Concat(g.weights, g.acts) {
		n := 0
		for _, l := range g.layers {
			if slices.Contains(layerTies(t.m, t.m.Layers[l], Both), tie) {
				n++
			}
		}
		if n > most && len(allowed[tie]) > 1 {
			best, most = tie, n
		}
	}
	return best
}

// mostFixed is how many ties are fixed at each of their widths in turn, because a group
// has too many candidates otherwise.
const mostFixed = 2

// search is solve for given widths and several limits. Where a group has too many
// candidates, the tie that couples most of it takes each of its widths in turn.
func (t *Table) search(ctx context.Context, sp Space, allowed [][]int, n needs, limits []alloc.Limit, minimize string, depth int) (Choice, error) {
	c, err := t.searchOnce(ctx, sp, allowed, n, limits, minimize)
	var many *tooMany
	if !errors.As(err, &many) || many.tie < 0 || depth == mostFixed {
		return c, err
	}
	value := func(c *Choice) float64 {
		if minimize == alloc.Noise {
			return c.Noise.Mean
		}
		return c.cost(minimize)
	}
	var best Choice
	var refused error
	found := false
	bound := 0.0
	for _, a := range fixed(allowed, many.tie) {
		c, err := t.search(ctx, sp, a, n, limits, minimize, depth+1)
		if errors.As(err, new(*alloc.InfeasibleError)) {
			if refused == nil || missed(err) < missed(refused) {
				refused = err
			}
			continue
		}
		if err != nil {
			return Choice{}, err
		}
		if low := value(&c) * (1 - c.Gap); !found || low < bound {
			bound = low
		}
		if !found || value(&c) < value(&best) {
			best, found = c, true
		}
	}
	if !found {
		return Choice{}, refused
	}
	if best.Gap = 0; bound < value(&best)*(1-alloc.Tolerance) {
		best.Gap = 1 - bound/value(&best)
	}
	return best, nil
}

// missed is by how much of them limits are missed that cannot be met alone.
func missed(err error) (sum float64) {
	var e *alloc.InfeasibleError
	if errors.As(err, &e) {
		for _, l := range e.Limits {
			if !l.Alone && l.Max > 0 {
				sum += l.Least/l.Max - 1
			}
		}
	}
	return sum
}
