package sense

import (
	"fmt"
	"math"
	"slices"

	"github.com/quantnb/quantnb/quantlib/alloc"
)

// coupled is the table as items of one tie each, and what the widths of several ties
// add: seconds of units, BOPs of layers, and the noise of a layer whose operands were
// measured together.
func (t *Table) coupled(allowed [][]int, n needs) (*items, []alloc.Coupling, error) {
	it := &items{ties: len(t.m.Ties)}
	for tie := range t.m.Ties {
		g := t.groupOf(tie)
		var list []partial
		for _, b := range allowed[tie] {
			p := t.extend(partial{}, tie, b, n)
			if g != nil && len(g.layers) == 1 {
				p.noise = 0 // the coupling has it
			}
			list = append(list, p)
		}
		if err := it.add(t.m.Ties[tie].Name, finite(list), t); err != nil {
			return nil, nil, err
		}
		for _, c := range it.list[tie].Candidates {
			c.Costs[BOPs], c.Costs[Latency] = 0, 0 // couplings have them
		}
	}
	var list []alloc.Coupling
	for i := range t.groups {
		g := &t.groups[i]
		if len(g.layers) != 1 {
			continue
		}
		ties := slices.Concat(g.weights, g.acts)
		c := alloc.Coupling{Name: g.name, Items: ties}
		some := false
		it.combinations(ties, func(at func(tie int) int) {
			v := t.noise(g, at).Mean
			if math.IsNaN(v) {
				v = math.Inf(1)
			}
			some = some || !math.IsInf(v, 1)
			c.Noise = append(c.Noise, v)
		})
		if !some {
			return nil, nil, fmt.Errorf("sense: layer %s: %w", g.name, errNoWidth)
		}
		list = append(list, c)
	}
	if n.bops {
		for l := range t.m.Layers {
			ties := layerTies(t.m, t.m.Layers[l], Both)
			var bops []float64
			it.combinations(ties, func(at func(tie int) int) { bops = append(bops, t.layerBOPs(l, at)) })
			list = append(list, alloc.Coupling{Name: t.m.Layers[l].Name, Items: ties, Costs: map[string][]float64{BOPs: bops}})
		}
	}
	if !n.seconds {
		return it, list, nil
	}
	for i := range t.work.Units {
		u := &t.work.Units[i]
		var ties []int
		for _, tie := range []int{u.Weight, u.Input, u.Output} {
			if tie >= 0 && !slices.Contains(ties, tie) {
				ties = append(ties, tie)
			}
		}
		if len(ties) == 0 {
			s, _ := t.device.Seconds(u.At(nil))
			it.fixed += s
			continue
		}
		var seconds []float64
		it.combinations(ties, func(at func(tie int) int) {
			s, _ := t.device.Seconds(u.At(at))
			seconds = append(seconds, s)
		})
		list = append(list, alloc.Coupling{Name: u.Work.Node, Items: ties, Costs: map[string][]float64{Latency: seconds}})
	}
	return it, list, nil
}

// groupOf is the group of a tie, nil if it is in none.
func (t *Table) groupOf(tie int) *group {
	for g := range t.groups {
		if slices.Contains(t.groups[g].weights, tie) || slices.Contains(t.groups[g].acts, tie) {
			return &t.groups[g]
		}
	}
	return nil
}

// combinations calls f for each combination of the widths of ties, the first changing
// fastest. Items are ties.
func (it *items) combinations(ties []int, f func(at func(tie int) int)) {
	n := 1
	for _, tie := range ties {
		n *= len(it.picks[tie])
	}
	for q := range n {
		bits := map[int]int{}
		for _, tie := range ties {
			bits[tie] = it.picks[tie][q%len(it.picks[tie])].set[0].bits
			q /= len(it.picks[tie])
		}
		f(func(tie int) int { return bits[tie] })
	}
}
