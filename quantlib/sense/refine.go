package sense

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quantnb/quantnb/quantlib/alloc"
	"github.com/quantnb/quantnb/quantlib/plan"
)

// Refined is what Table.Refine has found.
type Refined struct {
	Choice                 // of the best plan, predicted by the corrected table
	Accuracy Accuracy      // measured, of that plan
	Tried    []CheckedPlan // in the order they were measured; Predicted is without correction
	// First is the place in Tried of the plan that the table alone would have
	// chosen, and Best that of the plan returned.
	First, Best int
	Table       *Table // corrected by Tried
}

// String says what refining gained.
func (r Refined) String() string {
	var b strings.Builder
	first, best := r.Tried[r.First], r.Tried[r.Best]
	fmt.Fprintf(&b, "%d plans measured; the first choice, predicted %.1f dB, has %.1f dB; the best %.1f dB\n",
		len(r.Tried), sqnr(first.Predicted), sqnr(first.Measured), sqnr(best.Measured))
	b.WriteString(r.Choice.String())
	return b.String()
}

func sqnr(m Measure) float64 { return -10 * math.Log10(m.Mean) }

// Refine chooses, measures what it chose, corrects the table by all that was
// measured so far (see Correct), and chooses again, until tries plans have been
// measured (0 means 24) or nothing new is found. Measured first are the table's
// own choice and up to four plans with one width for the weights and one for the
// activations that the space and the limits allow. Choices are made within the
// limits and within 95, 90, 85 and 80 % of them in turn, since a plan of less cost
// can be the better one where noise does not add up. When all that leads to plans
// which were measured before, the neighbours of the best one (one width changed, or
// two) follow, the best predicted first.
//
// It returns the plan of least measured noise. That is never more than the noise
// of the table's own choice or of a uniform plan within the limits, on the samples
// that measure uses: Probe.Evaluate, or Evaluate with everything but the plan
// filled in. Measure on the samples of the grid, not on those that the result
// will be judged by. A limit on predicted noise counts without the correction.
//
// Unlike Choose, whose predicted noise never grows when a limit is relaxed, Refine
// measures other plans then, and the best of these can be a little noisier.
func (t *Table) Refine(ctx context.Context, sp Space, l Limits, tries int, measure func(context.Context, plan.Plan) (Accuracy, error)) (Refined, error) {
	if tries <= 0 {
		tries = 24
	}
	r := refinement{t: t, sp: sp, l: l, measure: measure, seen: map[string]int{}}
	first, err := t.Choose(ctx, sp, l)
	if err != nil {
		return Refined{}, err
	}
	if r.allowed, err = t.allowed(sp); err != nil {
		return Refined{}, err
	}
	if err := r.try(ctx, first.Plan); err != nil {
		return Refined{}, err
	}
	for _, p := range r.uniform() {
		if len(r.tried) >= tries {
			break
		}
		if err := r.try(ctx, p); err != nil {
			return Refined{}, err
		}
	}
	corrected := t
	for {
		if corrected, err = t.Correct(r.tried); err != nil {
			corrected = t // plans without noise: nothing to learn
		}
		if len(r.tried) >= tries {
			break
		}
		next, err := r.choose(ctx, corrected)
		if err == nil && next.Map() == nil {
			next, err = r.neighbour(corrected)
		}
		if err != nil {
			return Refined{}, err
		}
		if next.Map() == nil {
			break
		}
		if err := r.try(ctx, next); err != nil {
			return Refined{}, err
		}
	}
	best := r.best()
	out := Refined{Accuracy: r.accuracy[best], Tried: r.tried, Best: best, Table: corrected}
	out.Choice, err = corrected.Describe(r.tried[best].Plan, sp.Before)
	return out, err
}

// tighter is the parts of the limits under which plans are chosen, in turn. A
// plan of less cost can have less noise than predictions expect.
var tighter = []float64{1, 0.95, 0.9, 0.85, 0.8}

// choose is what the corrected table chooses within the limits, or parts of them,
// and was not measured yet; the zero Plan if there is nothing.
func (r *refinement) choose(ctx context.Context, corrected *Table) (plan.Plan, error) {
	for i := range tighter {
		l, x := r.l, tighter[(i+len(r.tried))%len(tighter)]
		l.Bytes = int(x * float64(l.Bytes))
		l.MeanWeightBits *= x
		l.MeanActivationBits *= x
		l.BOPs *= x
		l.Seconds *= x
		c, err := corrected.Choose(ctx, r.sp, l)
		if errors.As(err, new(*alloc.InfeasibleError)) {
			continue
		}
		if err != nil {
			return plan.Plan{}, err
		}
		if _, known := r.seen[c.Plan.Key()]; !known && r.within(c.Plan) {
			return c.Plan, nil
		}
	}
	return plan.Plan{}, nil
}

type refinement struct {
	t        *Table
	sp       Space
	l        Limits
	allowed  [][]int
	measure  func(context.Context, plan.Plan) (Accuracy, error)
	seen     map[string]int
	tried    []CheckedPlan
	accuracy []Accuracy
}

// try measures a plan that was not measured before.
func (r *refinement) try(ctx context.Context, p plan.Plan) error {
	if _, known := r.seen[p.Key()]; known {
		return nil
	}
	n, err := r.t.Predict(p)
	if err != nil {
		return err
	}
	a, err := r.measure(ctx, p)
	if err != nil {
		return err
	}
	r.seen[p.Key()] = len(r.tried)
	r.tried = append(r.tried, CheckedPlan{Plan: p, Predicted: n, Measured: a.Noise.NSR})
	r.accuracy = append(r.accuracy, a)
	return nil
}

// best is the first of the plans with the least measured noise.
func (r *refinement) best() int {
	best := 0
	for i, p := range r.tried {
		if p.Measured.Mean < r.tried[best].Measured.Mean {
			best = i
		}
	}
	return best
}

// uniform is the plans with one width for weights and one for activations, the
// widest first, that are of the space and within the limits.
func (r *refinement) uniform() (list []plan.Plan) {
	widths := append([]int{0}, r.t.grid.Widths...)
	type scored struct {
		p     plan.Plan
		noise float64
	}
	var found []scored
	for _, w := range widths {
		for _, a := range widths {
			p, ok := r.t.m.Float(), true
			for tie, set := range r.allowed {
				bits := w
				if r.t.m.Ties[tie].Role == plan.Activation {
					bits = a
				}
				if len(set) == 1 {
					bits = set[0] // pinned
				}
				ok = ok && slices.Contains(set, bits)
				if bits != 0 && ok {
					p = p.WithTie(tie, schemeOf(r.t.m, tie, bits))
				}
			}
			if ok && r.within(p) {
				n, err := r.t.Predict(p)
				if err == nil {
					found = append(found, scored{p, n.Mean})
				}
			}
		}
	}
	slices.SortStableFunc(found, func(a, b scored) int { return cmp.Compare(a.noise, b.noise) })
	for _, s := range found[:min(len(found), 4)] {
		list = append(list, s.p)
	}
	return list
}

// within reports whether a plan meets the limits.
func (r *refinement) within(p plan.Plan) bool {
	c, err := r.t.Describe(p, plan.Plan{})
	return err == nil && r.l.Meets(c)
}

// neighbour is the plan of least corrected noise among those that were not
// measured, are within the limits, and differ from the best measured one in one
// tie, or in one that rises and one that falls; the zero Plan if there is none.
func (r *refinement) neighbour(corrected *Table) (best plan.Plan, err error) {
	start := r.tried[r.best()].Plan
	bits, err := r.t.widths(start)
	if err != nil {
		return best, err
	}
	least := math.Inf(1)
	consider := func(p plan.Plan) {
		if _, known := r.seen[p.Key()]; known {
			return
		}
		if n, err := corrected.Predict(p); err == nil && n.Mean < least && r.within(p) {
			best, least = p, n.Mean
		}
	}
	type move struct{ tie, bits int }
	var up, down []move
	for tie, set := range r.allowed {
		for _, b := range set {
			switch at := slices.Index(set, bits[tie]); {
			case at < 0 || b == bits[tie]:
			case width(b) > width(bits[tie]):
				up = append(up, move{tie, b})
			default:
				down = append(down, move{tie, b})
			}
		}
	}
	apply := func(p plan.Plan, m move) plan.Plan { return p.WithTie(m.tie, schemeOf(r.t.m, m.tie, m.bits)) }
	for _, u := range up {
		consider(apply(start, u))
	}
	for _, d := range down {
		lower := apply(start, d)
		consider(lower)
		if len(up)*len(down) > maxCandidates {
			continue
		}
		for _, u := range up {
			if u.tie != d.tie {
				consider(apply(lower, u))
			}
		}
	}
	return best, nil
}
