package sense

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sort"

	"github.com/quantnb/quantnb/quantlib/alloc"
	"github.com/quantnb/quantnb/quantlib/plan"
)

// A Frontier is the plans that no other plan beats in both predicted noise and
// one cost.
type Frontier struct {
	Cost  string // Bytes, MeanWeightBits, MeanActivationBits, BOPs or Latency
	Merit string // what the points' noise is instead; see Grid.Merit
	// Points are sorted by ascending cost, and so by descending noise.
	Points []FrontierPoint
	// Epsilon is 0 if Points is the whole set. Otherwise for every plan there is
	// a point of no greater cost and at most 1+Epsilon times its noise.
	Epsilon float64

	table  *Table
	items  *items
	pareto *alloc.Pareto // its points are Points
	before plan.Plan
}

// FrontierPoint is the totals of one plan.
type FrontierPoint struct {
	Cost  float64
	Noise float64 // predicted noise-to-signal power
}

// SQNR is the predicted one, in dB.
func (p FrontierPoint) SQNR() float64 { return -10 * math.Log10(p.Noise) }

// Frontier is the whole Pareto set between predicted noise and Bytes,
// MeanWeightBits, MeanActivationBits, BOPs or Latency. It may have many thousand
// points (see Thin). Where finding all of them takes too long, see Frontier.Epsilon: it
// happens with Latency where dozens of layers have a dozen widths and more, for weights
// and activations each. Choose with a limit is exact there. No
// plan of the space that is chosen under any limits lies below it where Epsilon is 0.
func (t *Table) Frontier(ctx context.Context, sp Space, cost string) (*Frontier, error) {
	if err := knownCost(cost); err != nil {
		return nil, err
	}
	var n needs
	n.add(cost)
	allowed, err := t.ready(sp, n)
	if err != nil {
		return nil, err
	}
	f := &Frontier{Cost: cost, Merit: t.grid.Merit, table: t, before: sp.Before}
	it, couplings, err := t.problem(ctx, allowed, n)
	if err != nil {
		return nil, err
	}
	var p *alloc.Pareto
	name, unit := cost, 1.0
	switch cost {
	case MeanWeightBits:
		name, unit = weightBits, float64(max(1, t.total))
	case MeanActivationBits:
		name, unit = activationBits, float64(max(1, t.elements))
	}
	if len(couplings) > 0 {
		p, err = alloc.CoupledFrontier(ctx, it.list, couplings, name)
	} else {
		p, err = alloc.Frontier(ctx, it.list, name)
	}
	if err != nil {
		return nil, fmt.Errorf("sense: %w", err)
	}
	f.Epsilon, f.items, f.pareto = p.Epsilon, it, p
	for _, x := range p.Points {
		f.Points = append(f.Points, FrontierPoint{x.Cost/unit + it.fixed, x.Noise})
	}
	return f, nil
}

// bits is the width of each tie at point i.
func (f *Frontier) bits(i int) []int { return f.items.bits(f.pareto.Choice(i)) }

// Plan is the plan of point i. It panics if there is no such point.
func (f *Frontier) Plan(i int) plan.Plan { return f.table.planOf(f.bits(i)) }

// Choice is the plan of point i, what it costs, and the diff to the plan before
// (Space.Before). It panics if there is no such point.
func (f *Frontier) Choice(i int) (Choice, error) { return f.table.Describe(f.Plan(i), f.before) }

// Within is the point of least noise that costs at most limit, -1 if there is
// none.
func (f *Frontier) Within(limit float64) int {
	most := limit + alloc.Tolerance*math.Abs(limit)
	return sort.Search(len(f.Points), func(i int) bool { return f.Points[i].Cost > most }) - 1
}

// Below is the cheapest point whose predicted noise is at most limit, -1 if
// there is none.
func (f *Frontier) Below(limit float64) int {
	i := sort.Search(len(f.Points), func(i int) bool { return f.Points[i].Noise <= limit })
	if i == len(f.Points) {
		return -1
	}
	return i
}

// Thin is at most n points for a display, ascending: the first and the last,
// and between them the best point within each of n evenly spaced costs. All are
// points of the frontier; only their number is smaller. It panics if n < 2.
func (f *Frontier) Thin(n int) []int {
	if n < 2 {
		panic(fmt.Sprintf("sense: a frontier thinned to %d points", n))
	}
	var list []int
	last := len(f.Points) - 1
	if last < 0 {
		return nil
	}
	lo, hi := f.Points[0].Cost, f.Points[last].Cost
	for k := range n {
		i := f.Within(lo + (hi-lo)*float64(k)/float64(n-1))
		switch k {
		case 0:
			i = 0
		case n - 1:
			i = last
		}
		if i >= 0 && (len(list) == 0 || i > list[len(list)-1]) {
			list = append(list, i)
		}
	}
	return list
}

// A Rule says whether a measured plan is good enough. Rules are values; see
// CosineAbove, NoiseBelow, AgreementAbove, DropAtMost and RiseAtMost.
type Rule interface {
	// Accepts judges a plan by its accuracy and that of the float network on the
	// same samples. An error says that the rule cannot be applied to them.
	Accepts(a, float Accuracy) (bool, error)
	String() string
}

// CosineAbove accepts a mean cosine between float and quantized output above it.
type CosineAbove float64

// Accepts implements Rule.
func (r CosineAbove) Accepts(a, _ Accuracy) (bool, error) {
	return a.Noise.Cosine.Mean > float64(r), nil
}
func (r CosineAbove) String() string { return fmt.Sprintf("cosine > %g", float64(r)) }

// NoiseBelow accepts a mean noise-to-signal power below it.
type NoiseBelow float64

// Accepts implements Rule.
func (r NoiseBelow) Accepts(a, _ Accuracy) (bool, error) { return a.Noise.NSR.Mean < float64(r), nil }
func (r NoiseBelow) String() string                      { return fmt.Sprintf("noise < %g", float64(r)) }

// AgreementAbove accepts a share of samples with the float network's greatest
// output above it.
type AgreementAbove float64

// Accepts implements Rule.
func (r AgreementAbove) Accepts(a, _ Accuracy) (bool, error) {
	return a.Noise.Agreement.Mean > float64(r), nil
}
func (r AgreementAbove) String() string { return fmt.Sprintf("agreement > %g", float64(r)) }

// DropAtMost accepts a top-1 that is lower than the float network's by at most
// this share (0.01 is one percentage point). It needs labels.
type DropAtMost float64

// Accepts implements Rule.
func (r DropAtMost) Accepts(a, float Accuracy) (bool, error) {
	if !a.Labeled || !float.Labeled {
		return false, errors.New("sense: a rule about top-1 needs samples with labels")
	}
	// Both are counts over the same n; a half of one count is beyond rounding.
	return float.Top1.Mean-a.Top1.Mean <= float64(r)+0.5e-9, nil
}
func (r DropAtMost) String() string { return fmt.Sprintf("top-1 drop <= %g", float64(r)) }

// RiseAtMost accepts a task loss that lies above the float network's by at most
// this much, in nats. It needs labels.
type RiseAtMost float64

// Accepts implements Rule.
func (r RiseAtMost) Accepts(a, _ Accuracy) (bool, error) {
	if !a.Labeled {
		return false, errors.New("sense: a rule about task loss needs samples with labels")
	}
	return a.Noise.Rise.Mean <= float64(r), nil
}
func (r RiseAtMost) String() string { return fmt.Sprintf("rise of the loss <= %g nats", float64(r)) }

// A Target is what Frontier.Target has found.
type Target struct {
	Choice
	Rule     string
	Accuracy Accuracy // measured, of the plan
	Float    Accuracy // measured, of the float network
	Point    int      // of the frontier
	Measured int      // plans measured, the float one included
}

// targetPoints is the points of the frontier among which Target searches.
const targetPoints = 128

// Target is the cheapest point of the frontier that a rule accepts, found by
// bisection over the frontier thinned to 128 points (see Thin) with measure,
// which is Evaluate with everything but the plan filled in. It measures the
// float network and about eight plans. The plan it returns was measured and
// accepted, and the next cheaper point was measured and refused, unless there is
// none; where the measured quality does not grow all along the frontier, an even
// cheaper point may be acceptable too.
// That the dearest point is refused is an error.
func (f *Frontier) Target(ctx context.Context, r Rule, measure func(context.Context, plan.Plan) (Accuracy, error)) (Target, error) {
	t := Target{Rule: r.String()}
	points := f.Thin(targetPoints)
	if len(points) == 0 {
		return t, errors.New("sense: the frontier has no points")
	}
	var err error
	if t.Float, err = measure(ctx, f.table.m.Float()); err != nil {
		return t, err
	}
	t.Measured = 1
	try := func(k int) (bool, error) {
		a, err := measure(ctx, f.Plan(points[k]))
		if err != nil {
			return false, err
		}
		t.Measured++
		ok, err := r.Accepts(a, t.Float)
		if ok && err == nil {
			t.Accuracy, t.Point = a, points[k]
		}
		return ok, err
	}
	lo, hi := -1, len(points)-1
	ok, err := try(hi)
	if err != nil {
		return t, err
	}
	if !ok {
		return t, fmt.Errorf("sense: %v is not met even by the plan of most %s, %g", r, f.Cost, f.Points[points[hi]].Cost)
	}
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		if ok, err = try(mid); err != nil {
			return t, err
		}
		if ok {
			hi = mid
		} else {
			lo = mid
		}
	}
	t.Choice, err = f.Choice(t.Point)
	return t, err
}
