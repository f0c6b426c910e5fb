package sense

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/quantnb/quantnb/quantlib/alloc"
)

// branchNodes bounds the steps of a search over outside widths.
const branchNodes = 1 << 9

// outside is the ties with a choice on which units of other groups depend, by place.
func (t *Table) outside(allowed [][]int) []int {
	var list []int
	for g, units := range t.units {
		own := &t.groups[g]
		for _, i := range units {
			u := &t.work.Units[i]
			for _, tie := range []int{u.Weight, u.Input, u.Output} {
				if tie >= 0 && len(allowed[tie]) > 1 && !slices.Contains(own.acts, tie) && !slices.Contains(own.weights, tie) {
					list = append(list, tie)
				}
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// secondsOf is Latency of widths by tie.
func (t *Table) secondsOf(bits []int) float64 {
	return t.work.Seconds(t.device, func(tie int) int { return bits[tie] })
}

// blame is the tie with a choice whose width makes widths take the most longer than
// reckoned at the fastest; -1 where they take no longer.
func (t *Table) blame(bits []int, allowed [][]int) int {
	more := map[int]float64{}
	for g, units := range t.units {
		own := &t.groups[g]
		inside := func(tie int) bool { return slices.Contains(own.acts, tie) || slices.Contains(own.weights, tie) }
		at := func(tie int) int { return bits[tie] }
		for _, i := range units {
			u := &t.work.Units[i]
			s, _ := t.device.Seconds(u.At(at))
			d := s - t.seconds(i, inside, at, allowed, true)
			if d <= 0 {
				continue
			}
			for _, tie := range []int{u.Weight, u.Input, u.Output} {
				if tie >= 0 && !inside(tie) && len(allowed[tie]) > 1 {
					more[tie] += d
				}
			}
		}
	}
	worst, most := -1, 0.0
	for _, tie := range t.outside(allowed) {
		if more[tie] > most {
			worst, most = tie, more[tie]
		}
	}
	return worst
}

// fixed is allowed with one tie at each of its widths.
func fixed(allowed [][]int, tie int) (list [][][]int) {
	for _, b := range allowed[tie] {
		one := slices.Clone(allowed)
		one[tie] = []int{b}
		list = append(list, one)
	}
	return list
}

// settled is allowed with the ties outside at the widths of bits.
func (t *Table) settled(allowed [][]int, bits []int) [][]int {
	list := slices.Clone(allowed)
	for _, tie := range t.outside(allowed) {
		list[tie] = []int{bits[tie]}
	}
	return list
}

// branch is solve where units of a group depend on the widths of others. The node
// of least bound goes first, of equals the earlier.
func (t *Table) branch(ctx context.Context, sp Space, allowed [][]int, n needs, limits []alloc.Limit, minimize string) (Choice, error) {
	type node struct {
		allowed [][]int
		bound   float64
	}
	var best Choice
	least := math.Inf(1)
	offer := func(bits []int) error {
		c, err := t.Describe(t.planOf(bits), sp.Before)
		if err != nil {
			return err
		}
		value := c.Noise.Mean
		if minimize != alloc.Noise {
			value = c.cost(minimize)
		}
		if value < least && meets(c, limits) {
			best, least = c, value
		}
		return nil
	}
	nodes := searchNodes / max(1, len(limits))
	made := madeItems{}
	// dive solves what is left where the outside widths are those of bits.
	dive := func(allowed [][]int, bits []int) error {
		it, err := t.itemsOf(ctx, t.settled(allowed, bits), n, false, made)
		if err != nil {
			return err
		}
		s, err := t.solveItems(ctx, it, n, limits, minimize, nodes)
		if errors.As(err, new(*alloc.InfeasibleError)) {
			return nil
		}
		if err != nil {
			return err
		}
		nodes -= s.Nodes
		return offer(it.bits(s.Choice))
	}
	open := []node{{allowed, math.Inf(-1)}}
	var refused error
	solved := 0
	for len(open) > 0 && solved < branchNodes && nodes > 0 {
		at := 0
		for i := range open {
			if open[i].bound < open[at].bound {
				at = i
			}
		}
		x := open[at]
		open = slices.Delete(open, at, at+1)
		if x.bound >= least*(1-alloc.Tolerance) {
			continue
		}
		it, err := t.itemsOf(ctx, x.allowed, n, true, made)
		if err != nil {
			return Choice{}, err
		}
		s, err := t.solveItems(ctx, it, n, limits, minimize, nodes)
		solved++
		var infeasible *alloc.InfeasibleError
		if errors.As(err, &infeasible) {
			if refused == nil {
				refused = err // of the root: no widths at all meet the limits
			}
			continue
		}
		if err != nil {
			return Choice{}, err
		}
		if refused == nil {
			refused = errNotTogether
		}
		nodes -= s.Nodes
		bound := s.Bound
		if minimize == Latency {
			bound += it.fixed
		}
		if x.bound = max(x.bound, bound); x.bound >= least*(1-alloc.Tolerance) {
			continue
		}
		bits := it.bits(s.Choice)
		if err := offer(bits); err != nil {
			return Choice{}, err
		}
		tie := t.blame(bits, x.allowed)
		if tie < 0 && s.Gap == 0 {
			continue // what it found is what it costs
		}
		if tie < 0 {
			open = append(open, node{nil, x.bound}) // not proved
			break
		}
		if err := dive(x.allowed, bits); err != nil {
			return Choice{}, err
		}
		for _, a := range fixed(x.allowed, tie) {
			open = append(open, node{a, x.bound})
		}
	}
	open = slices.DeleteFunc(open, func(x node) bool { return x.bound >= least*(1-alloc.Tolerance) })
	if math.IsInf(least, 1) || len(open) > 0 {
		// Widths that meet the limits at their slowest meet them in truth.
		it, err := t.itemsOf(ctx, allowed, n, false, made)
		if err != nil {
			return Choice{}, err
		}
		s, err := t.solveItems(ctx, it, n, limits, minimize, searchNodes/max(1, len(limits)))
		if err == nil {
			err = offer(it.bits(s.Choice))
		}
		if err != nil && (math.IsInf(least, 1) || !errors.As(err, new(*alloc.InfeasibleError))) {
			if refused != nil && refused != errNotTogether {
				err = refused
			}
			return Choice{}, err
		}
	}
	bound := least
	for _, x := range open {
		bound = min(bound, x.bound)
	}
	if bound < least*(1-alloc.Tolerance) {
		best.Gap = (least - bound) / least
	}
	return best, nil
}

// errNotTogether stands for limits that can be met where widths count at their
// fastest.
var errNotTogether = errors.New("sense: limits that widths meet one by one")

// cost is one of the costs by name.
func (c *Choice) cost(name string) float64 {
	switch name {
	case Bytes:
		return float64(c.Bytes)
	case MeanWeightBits:
		return c.MeanBits
	case MeanActivationBits:
		return c.ActivationBits
	case BOPs:
		return c.BOPs
	case Latency:
		return c.Seconds
	}
	return c.Noise.Mean
}

// meets reports whether a choice is within limits.
func meets(c Choice, limits []alloc.Limit) bool {
	for _, l := range limits {
		if !(c.cost(l.Cost) <= l.Max*(1+alloc.Tolerance)) {
			return false
		}
	}
	return true
}
