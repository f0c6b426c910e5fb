package quantlib_test

import (
	"context"
	"testing"

	"github.com/quantnb/quantnb/quantlib"
)

// TestOutputsAreThoseThatEvaluateCounts counts right answers by hand.
func TestOutputsAreThoseThatEvaluateCounts(t *testing.T) {
	study := newStudy(t, 16, 40)
	test := study.Test.(quantlib.Images)
	ctx := context.Background()
	p := quantlib.Must(study.Uniform(4, 8))
	want, err := study.Evaluate(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	right, next := 0, 0
	err = study.Outputs(ctx, p, func(i int, out map[string][]float32) error {
		if i != next {
			t.Fatalf("sample %d comes after %d", i, next-1)
		}
		next++
		for _, x := range out {
			best := 0
			for k, v := range x {
				if v > x[best] {
					best = k
				}
			}
			if best == int(test.Labels[i]) {
				right++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := float64(right) / float64(next); got != want.Top1.Mean || next != want.Samples {
		t.Errorf("%d of %d right; Evaluate says %v of %d", right, next, want.Top1.Mean, want.Samples)
	}
}
