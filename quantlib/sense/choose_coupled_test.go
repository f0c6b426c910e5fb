package sense

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/quantnb/quantnb/quantlib/alloc"
	"github.com/quantnb/quantnb/quantlib/plan"
)

// Several limits at once, on costs that couple ties.
func TestChooseUnderSeveralLimitsEqualsBruteForce(t *testing.T) {
	ctx := context.Background()
	widths := []int{2, 4, 8}
	compared := 0
	for seed := range uint64(5) {
		table := deviceTable(t, seed, widths...)
		var all []Choice
		every(table.m, widths, func(p plan.Plan) {
			c, err := table.Describe(p, plan.Plan{})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		})
		fast, slow, few, much := math.Inf(1), 0.0, math.Inf(1), 0.0
		for i := range all {
			fast, slow = min(fast, all[i].Seconds), max(slow, all[i].Seconds)
			few, much = min(few, all[i].BOPs), max(much, all[i].BOPs)
		}
		for _, x := range []float64{0.1, 0.3, 0.6} {
			for _, l := range []Limits{
				{Seconds: fast + (slow-fast)*x, BOPs: few + (much-few)*(0.7-x)},
				{Seconds: fast + (slow-fast)*x, Bytes: table.m.Uniform(4, 4).Bytes()},
				{BOPs: few + (much-few)*x, MeanWeightBits: 7 - 5*x},
				{Seconds: fast + (slow-fast)*x, BOPs: few + (much-few)*x, MeanActivationBits: 4},
			} {
				least, quick := math.Inf(1), math.Inf(1)
				for i := range all {
					if l.Meets(all[i]) {
						least, quick = min(least, all[i].Noise.Mean), min(quick, all[i].Seconds)
					}
				}
				got, err := table.Choose(ctx, Space{}, l)
				if math.IsInf(least, 1) {
					if !errors.As(err, new(*alloc.InfeasibleError)) {
						t.Errorf("seed %d, %+v: %v where brute force has no plan", seed, l, err)
					}
					continue
				}
				if err != nil {
					t.Fatalf("seed %d, %+v: %v", seed, l, err)
				}
				compared++
				if math.Abs(got.Noise.Mean-least) > slack*least || got.Gap != 0 || !l.Meets(got) {
					t.Errorf("seed %d, %+v: noise %v, gap %v, brute force %v", seed, l, got.Noise.Mean, got.Gap, least)
				}
				if got, err = table.Cheapest(ctx, Space{}, l, Latency); err != nil || math.Abs(got.Seconds-quick) > slack*quick || !l.Meets(got) {
					t.Errorf("seed %d, %+v: %v s, brute force %v; %v", seed, l, got.Seconds, quick, err)
				}
			}
		}
	}
	if compared < 30 {
		t.Errorf("%d choices compared: they test little", compared)
	}
}
