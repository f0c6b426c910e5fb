package sense

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/quantnb/quantnb/quantlib/alloc"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// Space is the plans that may be chosen. The zero value is all widths of the
// grid, for weights and activations apart.
type Space struct {
	Weights, Activations []int // bits; 0 is float32; nil means the grid's widths. What the device lacks for a tensor is left out there
	Pins                 []Pin // later ones win
	Bounds               []Bound
	Before               plan.Plan
	// Before is what Choice.Diff compares with; the zero Plan is the float one.
}

// A Pin fixes the widths of layers; see Plan.With.
type Pin struct {
	Layers             string // a name, a path.Match pattern, or "op:Conv"
	Weight, Activation int    // bits; 0 is float32, negative leaves the choice
}

// A Bound keeps the widths of layers between bounds; 0 is none, and float32
// counts as 32 bits. Pins are not bounded.
type Bound struct {
	Layers                          string // as in Pin
	LeastWeight, MostWeight         int    // bits
	LeastActivation, MostActivation int
}

// Limits bound a plan from above; 0 means no limit.
type Limits struct {
	Bytes              int     // of all weights
	MeanWeightBits     float64 // over all weights
	MeanActivationBits float64 // over all elements of activations; needs Table.On
	BOPs               float64 // for one sample
	Seconds            float64 // for one sample; needs Table.On
	Noise              float64 // predicted noise-to-signal power
}

// Meets reports whether a choice is within all limits, but for rounding
// (alloc.Tolerance). What is not known of it (NaN) is within none.
func (l Limits) Meets(c Choice) bool {
	list, err := l.list()
	return err == nil && meets(c, list)
}

// list is the limits as the allocator takes them.
func (l Limits) list() (list []alloc.Limit, err error) {
	for _, x := range []struct {
		cost string
		max  float64
	}{
		{Bytes, float64(l.Bytes)}, {MeanWeightBits, l.MeanWeightBits}, {MeanActivationBits, l.MeanActivationBits},
		{BOPs, l.BOPs}, {Latency, l.Seconds}, {alloc.Noise, l.Noise},
	} {
		if x.max < 0 || math.IsNaN(x.max) {
			return nil, fmt.Errorf("sense: a limit of %v on %s", x.max, x.cost)
		}
		if x.max > 0 {
			list = append(list, alloc.Limit{Cost: x.cost, Max: x.max})
		}
	}
	return list, nil
}

// Choose is the plan of least predicted noise within the limits, proved so unless
// Choice.Gap says otherwise; of plans with equal noise the one that the allocator finds first, always the same. Limits
// that no plan meets are an error which wraps *alloc.InfeasibleError and names
// the limit and by how much it is missed.
func (t *Table) Choose(ctx context.Context, sp Space, l Limits) (Choice, error) {
	return t.solve(ctx, sp, l, alloc.Noise)
}

// Cheapest is the plan of least Bytes, MeanWeightBits, MeanActivationBits, BOPs or
// Latency within the limits.
// With Limits{Noise: x} it is the answer to: what does this quality cost?
func (t *Table) Cheapest(ctx context.Context, sp Space, l Limits, cost string) (Choice, error) {
	if err := knownCost(cost); err != nil {
		return Choice{}, err
	}
	return t.solve(ctx, sp, l, cost)
}

// TargetNoise is the plan of least cost whose predicted noise-to-signal power is
// at most noise.
func (t *Table) TargetNoise(ctx context.Context, sp Space, noise float64, cost string) (Choice, error) {
	if !(noise > 0) {
		return Choice{}, fmt.Errorf("sense: target noise of %v", noise)
	}
	return t.Cheapest(ctx, sp, Limits{Noise: noise}, cost)
}

func knownCost(cost string) error {
	known := []string{Bytes, MeanWeightBits, MeanActivationBits, BOPs, Latency}
	if !slices.Contains(known, cost) {
		return fmt.Errorf("sense: unknown cost %q; costs are %q", cost, known)
	}
	return nil
}

// needs is what costs a question asks about, beside those of weights.
type needs struct{ bops, seconds, activations bool }

func (n *needs) add(cost string) {
	n.bops = n.bops || cost == BOPs
	n.seconds = n.seconds || cost == Latency
	n.activations = n.activations || cost == MeanActivationBits
}

func (t *Table) solve(ctx context.Context, sp Space, l Limits, minimize string) (Choice, error) {
	limits, err := l.list()
	if err != nil {
		return Choice{}, err
	}
	var n needs
	n.add(minimize)
	for _, x := range limits {
		n.add(x.Cost)
	}
	allowed, err := t.ready(sp, n)
	if err != nil {
		return Choice{}, err
	}
	it, couplings, err := t.problem(ctx, allowed, n)
	if err != nil {
		return Choice{}, err
	}
	for i := range limits {
		if limits[i].Cost == Latency {
			limits[i].Max -= it.fixed
		}
	}
	s, err := alloc.Solve(ctx, alloc.Problem{Items: it.list, Couplings: couplings, Limits: limits, Minimize: minimize, Nodes: searchNodes / max(1, len(limits))})
	if err != nil {
		if it.fixed > 0 {
			err = fmt.Errorf("beside %.4g seconds of operators without a choice: %w", it.fixed, err)
		}
		return Choice{}, fmt.Errorf("sense: %w", err)
	}
	c, err := t.Describe(t.planOf(it.bits(s.Choice)), sp.Before)
	if s.Gap > 0 {
		if minimize == Latency {
			s.Objective += it.fixed
		}
		c.Gap = s.Gap / s.Objective
	}
	return c, err
}

// searchNodes bounds how long a choice takes, divided by the number of limits: a
// second or two for hundreds of ties under limits that compete, where the proof
// that nothing is better could take hours. See Choice.Gap.
const searchNodes = 1 << 21

// Raise starts from a low plan and gives the n layers that add the most
// predicted noise to it (weight and activations as the plan has them) the width
// of to bits, as a person does who reads the bars. Layers that are at that width
// already, or above, are passed over; of equally noisy ones the earlier is
// raised. What is tied to a raised layer is raised with it. A width that the
// grid has not measured is an error, as is a negative n.
func (t *Table) Raise(start plan.Plan, to, n int) (Choice, error) {
	if !slices.Contains(t.grid.Widths, to) && to != 0 {
		return Choice{}, fmt.Errorf("sense: the grid has not measured %d bits; its widths are %v", to, t.grid.Widths)
	}
	if n < 0 {
		return Choice{}, fmt.Errorf("sense: %d layers to raise", n)
	}
	bits, err := t.widths(start)
	if err != nil {
		return Choice{}, err
	}
	type ranked struct {
		ties  []int
		noise float64
	}
	var order []ranked
	for i, l := range t.m.Layers {
		r := ranked{ties: layerTies(t.m, l, Both)}
		one := group{layers: []int{i}}
		low := false
		for _, tie := range r.ties {
			low = low || width(bits[tie]) < width(to)
			if t.m.Ties[tie].Role == plan.Weight {
				one.weights = append(one.weights, tie)
			} else {
				one.acts = append(one.acts, tie)
			}
		}
		if !low {
			continue
		}
		r.noise = t.noise(&one, func(tie int) int { return bits[tie] }).Mean
		if math.IsNaN(r.noise) {
			r.noise = math.Inf(1) // what cannot be measured is worst
		}
		order = append(order, r)
	}
	slices.SortStableFunc(order, func(a, b ranked) int {
		switch {
		case a.noise > b.noise:
			return -1
		case a.noise < b.noise:
			return 1
		}
		return 0
	})
	p := start
	for _, r := range order[:min(n, len(order))] {
		for _, tie := range r.ties {
			if width(bits[tie]) < width(to) {
				if !offered(t.m, []int{tie}, to) {
					return Choice{}, fmt.Errorf("sense: the profile %q has no %d bits for the %v of %q; its widths are %v",
						t.m.Profile.Name, to, t.m.Ties[tie].Role, t.m.Ties[tie].Name, t.m.Widths(tie))
				}
				p = p.WithTie(tie, schemeOf(t.m, tie, to))
			}
		}
	}
	return t.Describe(p, start)
}

// allowed is the widths that each tie may take, in the space's order.
func (t *Table) allowed(sp Space) ([][]int, error) {
	for _, set := range [][]int{sp.Weights, sp.Activations} {
		for _, b := range set {
			if b != 0 && !slices.Contains(t.grid.Widths, b) {
				return nil, fmt.Errorf("sense: the grid has not measured %d bits; its widths are %v", b, t.grid.Widths)
			}
		}
	}
	// Two plans that differ everywhere tell which ties the pins have set.
	low, high := t.m.Float(), t.m.Float()
	for i := range t.m.Ties {
		low, high = low.WithTie(i, quant.Int(1)), high.WithTie(i, quant.Int(2))
	}
	for _, pin := range sp.Pins {
		for _, b := range []int{pin.Weight, pin.Activation} {
			if b > 0 && !slices.Contains(t.grid.Widths, b) {
				return nil, fmt.Errorf("sense: pin of %q: the grid has not measured %d bits; its widths are %v", pin.Layers, b, t.grid.Widths)
			}
		}
		var err error
		if low, err = low.With(pin.Layers, pin.Weight, pin.Activation); err != nil {
			return nil, fmt.Errorf("sense: pin: %w", err)
		}
		if high, err = high.With(pin.Layers, pin.Weight, pin.Activation); err != nil {
			return nil, fmt.Errorf("sense: pin: %w", err)
		}
	}
	bounds, err := t.bounds(sp.Bounds)
	if err != nil {
		return nil, err
	}
	list := make([][]int, len(t.m.Ties))
	for i, tie := range t.m.Ties {
		set := sp.Weights
		if tie.Role == plan.Activation {
			set = sp.Activations
		}
		if set == nil {
			set = t.grid.Widths
		}
		switch s := low.Tie(i); {
		case s == high.Tie(i) && s.IsFloat32():
			set = []int{0}
		case s == high.Tie(i):
			set = []int{s.Width()}
		case t.alone[i] == nil: // nothing computes with it
			set = []int{0}
		default:
			asked := set
			if set = within(bounds, i, tie.Role, set); len(set) == 0 && len(asked) > 0 {
				return nil, fmt.Errorf("sense: bounds leave the %v of %q none of %v bits", tie.Role, tie.Name, asked)
			}
		}
		asked := set
		set = slices.DeleteFunc(slices.Clone(set), func(b int) bool { return t.alone[i] != nil && !offered(t.m, []int{i}, b) })
		if len(set) == 0 && len(asked) > 0 {
			return nil, fmt.Errorf("sense: the profile %q has none of %v bits for the %v of %q; its widths are %v",
				t.m.Profile.Name, asked, tie.Role, tie.Name, t.m.Widths(i))
		}
		slices.Sort(set)
		list[i] = slices.Compact(set)
	}
	return list, nil
}

// tieBound is a Bound and the ties that it holds for.
type tieBound struct {
	Bound
	ties []bool
}

// bounds finds the ties of each bound. A selector that matches nothing is an
// error, and so is a bound that excludes itself.
func (t *Table) bounds(list []Bound) ([]tieBound, error) {
	var out []tieBound
	marked := t.m.Float()
	for i := range t.m.Ties {
		marked = marked.WithTie(i, quant.Int(1))
	}
	for _, b := range list {
		if b.MostWeight > 0 && b.LeastWeight > b.MostWeight || b.MostActivation > 0 && b.LeastActivation > b.MostActivation {
			return nil, fmt.Errorf("sense: bound of %q: at least %d and at most %d bits for weights, %d and %d for activations",
				b.Layers, b.LeastWeight, b.MostWeight, b.LeastActivation, b.MostActivation)
		}
		p, err := marked.With(b.Layers, 0, 0)
		if err != nil {
			return nil, fmt.Errorf("sense: bound: %w", err)
		}
		x := tieBound{b, make([]bool, len(t.m.Ties))}
		for i := range x.ties {
			x.ties[i] = p.Tie(i).IsFloat32()
		}
		out = append(out, x)
	}
	return out, nil
}

// within is what bounds leave of a tie's widths.
func within(list []tieBound, tie int, role plan.Role, set []int) []int {
	for _, b := range list {
		if !b.ties[tie] {
			continue
		}
		least, most := b.LeastWeight, b.MostWeight
		if role == plan.Activation {
			least, most = b.LeastActivation, b.MostActivation
		}
		set = slices.DeleteFunc(slices.Clone(set), func(bits int) bool {
			return width(bits) < least || most > 0 && width(bits) > most
		})
	}
	return set
}

var errNoWidth = errors.New("noise was not finite at any width")

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
