package sense

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/quantnb/quantnb/quantlib/plan"
)

// truth is a measured world in which noise does not add up as a table expects:
// the noise of each tie counts by a factor of its own.
func truth(t *Table, factor func(tie int) float64) func(plan.Plan) Measure {
	return func(p plan.Plan) Measure {
		s, err := t.shares(p)
		if err != nil {
			panic(err)
		}
		n := 0.0
		for tie, v := range s {
			n += factor(tie) * v
		}
		return Measure{n, n / 20}
	}
}

func TestCorrectionLearnsWhatPlansShow(t *testing.T) {
	widths := []int{2, 4, 8}
	table := handTable(t, 5, widths...)
	world := truth(table, func(tie int) float64 { return []float64{2, 1, 0.5, 1.5, 0.7}[tie%5] })
	var all, shown []CheckedPlan
	k := 0
	every(table.m, widths, func(p plan.Plan) {
		n, err := table.Predict(p)
		if err != nil {
			t.Fatal(err)
		}
		c := CheckedPlan{Plan: p, Predicted: n, Measured: world(p)}
		all = append(all, c)
		if k%59 == 0 {
			shown = append(shown, c)
		}
		k++
	})
	corrected, err := table.Correct(shown)
	if err != nil {
		t.Fatal(err)
	}
	off := func(t *Table) float64 {
		square := 0.0
		for _, c := range all {
			n, _ := t.Predict(c.Plan)
			d := 10 * math.Log10(c.Measured.Mean/n.Mean)
			square += d * d
		}
		return math.Sqrt(square / float64(len(all)))
	}
	before, after := off(table), off(corrected)
	t.Logf("%d plans of %d shown: %.2f dB off before, %.2f after", len(shown), len(all), before, after)
	if !(before > 1) || !(after < before/4) {
		t.Errorf("predictions are %.2f dB off before, %.2f after", before, after)
	}
	// What was shown again and again is met; a single table is not disturbed by
	// measurements that agree with it.
	exact := truth(table, func(int) float64 { return 1 })
	var agree []CheckedPlan
	for _, c := range shown {
		c.Measured = exact(c.Plan)
		agree = append(agree, c)
	}
	same, err := table.Correct(agree)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all[:50] {
		a, _ := table.Predict(c.Plan)
		b, _ := same.Predict(c.Plan)
		if math.Abs(a.Mean-b.Mean) > 1e-6*a.Mean {
			t.Errorf("a prediction of %v moves to %v, though all that was measured agrees", a.Mean, b.Mean)
		}
	}
	if _, err := table.Correct(nil); err == nil {
		t.Error("a correction by nothing is no error")
	}
}

func TestRefineBeatsChoiceAndUniformPlans(t *testing.T) {
	widths := []int{2, 4, 8}
	for seed := range uint64(5) {
		table := handTable(t, seed, widths...)
		world := truth(table, func(tie int) float64 { return math.Exp(1.5 * math.Sin(float64(7*tie)+float64(seed))) })
		count := 0
		measure := func(_ context.Context, p plan.Plan) (Accuracy, error) {
			count++
			return Accuracy{Noise: Cell{NSR: world(p), Valid: true}}, nil
		}
		for _, bits := range []float64{2.5, 4, 5.5} {
			sp, l := Space{Activations: []int{4, 8}}, Limits{MeanWeightBits: bits}
			count = 0
			r, err := table.Refine(context.Background(), sp, l, 20, measure)
			if err != nil {
				t.Fatal(err)
			}
			if count != len(r.Tried) || count > 20 {
				t.Errorf("%d plans measured, %d told of, at most 20 asked for", count, len(r.Tried))
			}
			if r.MeanBits > bits*(1+slack) {
				t.Errorf("%v bits on average, limit %v", r.MeanBits, bits)
			}
			first, err := table.Choose(context.Background(), sp, l)
			if err != nil {
				t.Fatal(err)
			}
			got := world(r.Plan).Mean
			if got > world(first.Plan).Mean || got != r.Accuracy.Noise.NSR.Mean || !r.Tried[r.First].Plan.Equal(first.Plan) {
				t.Errorf("seed %d at %v bits: the refined plan has %v, the first choice %v", seed, bits, got, world(first.Plan).Mean)
			}
			for _, w := range widths {
				if u := table.m.Uniform(w, 8); float64(w) <= bits && got > world(u).Mean {
					t.Errorf("seed %d at %v bits: the refined plan has %v, uniform %d bits %v", seed, bits, got, w, world(u).Mean)
				}
			}
			// How near it comes to the best of all plans.
			best := math.Inf(1)
			every(table.m, widths, func(p plan.Plan) {
				for i, tie := range table.m.Ties {
					if tie.Role == plan.Activation && p.Tie(i).Width() == 2 {
						return
					}
				}
				if p.MeanBits() <= bits*(1+slack) {
					best = min(best, world(p).Mean)
				}
			})
			// 1 dB: ties in which noise counts up to 4.5 times as much are found out
			// from 20 of hundreds of plans.
			if d := 10 * math.Log10(got/best); d > 1 {
				t.Errorf("seed %d at %v bits: %.2f dB from the best of all plans", seed, bits, d)
			}
		}
	}
	table := handTable(t, 1, widths...)
	fail := errors.New("cannot measure")
	if _, err := table.Refine(context.Background(), Space{}, Limits{}, 0, func(context.Context, plan.Plan) (Accuracy, error) { return Accuracy{}, fail }); !errors.Is(err, fail) {
		t.Errorf("got %v, want the error of measuring", err)
	}
}
