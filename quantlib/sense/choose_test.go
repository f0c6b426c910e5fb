package sense

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/alloc"
	"github.com/quantnb/quantnb/quantlib/plan"
)

func TestChooseEqualsBruteForce(t *testing.T) {
	widths := []int{2, 4, 8}
	for seed := range uint64(6) {
		table := handTable(t, seed, widths...)
		low, high := table.m.Uniform(2, 2), table.m.Uniform(8, 8)
		between := func(a, b, x float64) float64 { return a + (b-a)*x }
		for _, x := range []float64{0, 0.17, 0.5, 0.8, 1} {
			for name, l := range map[string]Limits{
				"bytes":          {Bytes: int(between(float64(low.Bytes()), float64(high.Bytes()), x))},
				"mean bits":      {MeanWeightBits: between(2, 8, x)},
				"BOPs":           {BOPs: between(table.BOPs(low), table.BOPs(high), x)},
				"bytes and BOPs": {Bytes: int(between(float64(low.Bytes()), float64(high.Bytes()), x)), BOPs: between(table.BOPs(low), table.BOPs(high), 1-x/2)},
			} {
				best := math.Inf(1)
				every(table.m, widths, func(p plan.Plan) {
					if l.Bytes > 0 && p.Bytes() > l.Bytes || l.MeanWeightBits > 0 && p.MeanBits() > l.MeanWeightBits*(1+slack) ||
						l.BOPs > 0 && table.BOPs(p) > l.BOPs*(1+slack) {
						return
					}
					n, err := table.Predict(p)
					if err != nil {
						t.Fatal(err)
					}
					best = min(best, n.Mean)
				})
				c, err := table.Choose(context.Background(), Space{}, l)
				if err != nil {
					t.Fatalf("seed %d, %s at %v: %v", seed, name, x, err)
				}
				if math.Abs(c.Noise.Mean-best) > slack*best {
					t.Errorf("seed %d, %s at %v: noise %v, brute force %v", seed, name, x, c.Noise.Mean, best)
				}
				if l.Bytes > 0 && c.Bytes > l.Bytes || l.BOPs > 0 && c.BOPs > l.BOPs*(1+slack) {
					t.Errorf("seed %d, %s at %v: the plan is beyond the limit: %v", seed, name, x, c)
				}
			}
		}
	}
}

func TestFrontierHoldsEveryUnbeatenPlan(t *testing.T) {
	widths := []int{2, 4, 8}
	table := handTable(t, 3, widths...)
	for _, cost := range []string{Bytes, MeanWeightBits, BOPs} {
		f, err := table.Frontier(context.Background(), Space{}, cost)
		if err != nil {
			t.Fatal(err)
		}
		price := func(p plan.Plan) float64 {
			switch cost {
			case Bytes:
				return float64(p.Bytes())
			case BOPs:
				return table.BOPs(p)
			}
			return p.MeanBits()
		}
		for i, x := range f.Points {
			p := f.Plan(i)
			n, err := table.Predict(p)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(n.Mean-x.Noise) > slack*x.Noise || math.Abs(price(p)-x.Cost) > slack*x.Cost {
				t.Errorf("%s, point %d: the plan has %v and %v, the point %v", cost, i, price(p), n.Mean, x)
			}
		}
		every(table.m, widths, func(p plan.Plan) {
			n, _ := table.Predict(p)
			i := f.Within(price(p) * (1 + slack))
			if i < 0 || f.Points[i].Noise > n.Mean*(1+slack) {
				t.Fatalf("%s: the frontier misses a plan of cost %v and noise %v:\n%v", cost, price(p), n.Mean, p)
			}
		})
		thin := f.Thin(5)
		if len(thin) < 2 || len(thin) > 5 || thin[0] != 0 || thin[len(thin)-1] != len(f.Points)-1 {
			t.Errorf("%s: thinned to %v of %d", cost, thin, len(f.Points))
		}
		if i := f.Below(f.Points[1].Noise); i != 1 {
			t.Errorf("%s: Below gives point %d, want 1", cost, i)
		}
	}
}

func TestInfeasibleNamesTheLimit(t *testing.T) {
	table := handTable(t, 1, 2, 4, 8)
	for _, c := range []struct {
		name string
		l    Limits
		want string
	}{
		{"bytes", Limits{Bytes: 10}, "bytes at most 10"},
		{"mean bits", Limits{MeanWeightBits: 1.5}, "mean weight bits at most 1.5"},
		{"BOPs", Limits{BOPs: 100}, "BOPs at most 100"},
		{"noise", Limits{Noise: 1e-12}, "noise at most 1e-12"},
	} {
		_, err := table.Choose(context.Background(), Space{}, c.l)
		var infeasible *alloc.InfeasibleError
		if !errors.As(err, &infeasible) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.want)
		}
	}
}

func TestSpaceIsObeyed(t *testing.T) {
	table := handTable(t, 2, 2, 4, 8)
	sp := Space{Weights: []int{2, 8}, Activations: []int{4}, Pins: []Pin{
		{Layers: "fc", Weight: 4, Activation: 0}, {Layers: "op:Conv", Weight: -1, Activation: 8}, {Layers: "c1", Weight: -1, Activation: 2}}}
	c, err := table.Choose(context.Background(), sp, Limits{MeanWeightBits: 5})
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range table.m.Layers {
		w, a := c.Plan.Layer(i)
		if l.Name == "fc" {
			if w.Width() != 4 || !a.IsFloat32() {
				t.Errorf("fc is pinned to 4 and float, got %v and %v", w, a)
			}
			continue
		}
		want := 8
		if l.Name == "c1" {
			want = 2
		}
		if w.Width() != 2 && w.Width() != 8 || a.Width() != want {
			t.Errorf("%s: %v and %v", l.Name, w, a)
		}
	}
	for name, bad := range map[string]Space{
		"width that was not measured":      {Weights: []int{3}},
		"pin at a width that was not":      {Pins: []Pin{{"fc", 5, -1}}},
		"pin of a layer that is not there": {Pins: []Pin{{"nothing", 4, 4}}},
		"activation that was not measured": {Activations: []int{16}},
	} {
		if _, err := table.Choose(context.Background(), bad, Limits{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestLayerAtEqualWidthsIsPredictedAsMeasured(t *testing.T) {
	table := handTable(t, 5, 2, 4, 8)
	only, err := table.m.Float().With("fc", 4, 4)
	if err != nil {
		t.Fatal(err)
	}
	n, err := table.Predict(only)
	if err != nil {
		t.Fatal(err)
	}
	if want := table.grid.At("fc", 4, Both).NSR; n != want {
		t.Errorf("predicted %v, measured %v", n, want)
	}
	mixed, _ := table.m.Float().With("fc", 4, 8)
	n, err = table.Predict(mixed)
	if err != nil {
		t.Fatal(err)
	}
	want := table.grid.At("fc", 4, Weight).NSR.Mean + table.grid.At("fc", 8, Activation).NSR.Mean
	if math.Abs(n.Mean-want) > slack*want {
		t.Errorf("predicted %v, want the sum %v", n.Mean, want)
	}
	odd, _ := table.m.Float().With("fc", 3, 8)
	if _, err := table.Predict(odd); err == nil {
		t.Error("a width that was not measured is predicted")
	}
}

func TestRaiseTakesTheWorstLayers(t *testing.T) {
	table := handTable(t, 4, 2, 4, 8)
	start := table.m.Uniform(2, 2)
	worst := table.grid.Worst(2, Both)
	last := math.Inf(1)
	for n := range len(worst) + 2 {
		c, err := table.Raise(start, 8, n)
		if err != nil {
			t.Fatal(err)
		}
		for k, name := range worst {
			i, _ := table.m.Layer(name)
			if w, _ := c.Plan.Layer(i); (w.Width() == 8) != (k < n) {
				t.Errorf("%d raised: %s (place %d) has %v", n, name, k, w)
			}
		}
		if c.Noise.Mean > last*(1+slack) {
			t.Errorf("%d raised: noise grows from %v to %v", n, last, c.Noise.Mean)
		}
		last = c.Noise.Mean
		if (c.Diff == "") != (n == 0) {
			t.Errorf("%d raised: diff %q", n, c.Diff)
		}
	}
	if c, _ := table.Raise(start, 8, 99); !c.Plan.Equal(table.m.Uniform(8, 8)) {
		t.Error("all raised is not the uniform plan")
	}
}

// measured makes a stand-in for Evaluate: top-1 falls with predicted noise.
func measured(table *Table) func(context.Context, plan.Plan) (Accuracy, error) {
	return func(_ context.Context, p plan.Plan) (Accuracy, error) {
		n, err := table.Predict(p)
		a := Accuracy{Labeled: true, Top1: Measure{Mean: 0.9 - n.Mean}}
		a.Noise.NSR, a.Noise.Cosine, a.Noise.Agreement = n, Measure{Mean: 1 - n.Mean}, Measure{Mean: 1 - n.Mean}
		return a, err
	}
}

func TestTargetIsTheCheapestAcceptedPoint(t *testing.T) {
	table := handTable(t, 6, 2, 4, 8)
	f, err := table.Frontier(context.Background(), Space{}, Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Points) > targetPoints {
		t.Fatalf("%d points: the test wants them all searched", len(f.Points))
	}
	thin := f.Thin(targetPoints)
	limit := f.Points[thin[len(thin)/2]].Noise * 1.0001
	for _, r := range []Rule{DropAtMost(limit), NoiseBelow(limit), CosineAbove(1 - limit), AgreementAbove(1 - limit)} {
		got, err := f.Target(context.Background(), r, measured(table))
		if err != nil {
			t.Fatal(err)
		}
		if want := thin[len(thin)/2]; got.Point != want {
			t.Errorf("%v: point %d, want %d", r, got.Point, want)
		}
		if got.Measured > 10 {
			t.Errorf("%v: %d plans measured", r, got.Measured)
		}
	}
	if _, err := f.Target(context.Background(), NoiseBelow(1e-15), measured(table)); err == nil || !strings.Contains(err.Error(), "noise < 1e-15") {
		t.Errorf("what cannot be met gives %v", err)
	}
}

func TestCheckFindsTheFactor(t *testing.T) {
	var points []CheckedPlan
	p := handNet(t).Float()
	for i := range 12 {
		x := math.Pow(2, float64(i))
		wobble := 1 + 0.01*float64(i%3-1)
		points = append(points, CheckedPlan{p, Measure{x, 0.05 * x}, Measure{1.5 * x * wobble, 0.01 * x}})
	}
	k, err := check(points)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(k.Factor-1.5) > 0.01 || k.Rank != 1 || k.Coverage != 0 || k.CorrectedCoverage != 1 || k.CorrectedSpread > 0.06 {
		t.Errorf("%+v", k)
	}
	if m := k.Correct(Measure{2, 0.1}); math.Abs(m.Mean-3) > 0.02 || m.StdErr < 0.15 || m.StdErr > 0.2 {
		t.Errorf("corrected to %v", m)
	}
	if _, err := check(points[:2]); err == nil {
		t.Error("two points are enough")
	}
}

func TestRanksOfEqualValuesAreShared(t *testing.T) {
	if r := Spearman([]float64{1, 2, 2, 3}, []float64{10, 20, 20, 30}); math.Abs(r-1) > slack {
		t.Errorf("equal order: %v", r)
	}
	if r := Spearman([]float64{1, 2, 3}, []float64{3, 2, 1}); math.Abs(r+1) > slack {
		t.Errorf("opposite order: %v", r)
	}
	if r := Spearman([]float64{1, math.NaN(), 3}, []float64{3, 2, 1}); !math.IsNaN(r) {
		t.Errorf("a NaN has the rank correlation %v", r)
	}
}

func TestAChoiceTellsItsGap(t *testing.T) {
	c, err := handTable(t, 1, 2, 4, 8).Choose(context.Background(), Space{}, Limits{MeanWeightBits: 4})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(c.String(), "search was ended") {
		t.Errorf("a proven plan says %q", c.String())
	}
	if c.Gap = 0.0021; !strings.Contains(c.String(), "no plan is better by more than 0.21 %") {
		t.Errorf("a plan with a gap says %q", c.String())
	}
}
