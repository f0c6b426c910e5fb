package quantlib_test

import (
	"context"
	"errors"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	q "github.com/quantnb/quantnb/quantlib"
)

// A probe says of a plan what Evaluate says of it on the same samples.
func TestProbeEqualsEvaluate(t *testing.T) {
	ctx, shape := t.Context(), []int{1, 28, 28}
	test := demo.Test()
	s := &q.Study{
		Model:       q.Must(q.Decode(demo.Model())),
		Calibration: q.Images{Pixels: demo.Calibration().Pixels[:32*784], Shape: shape, Divide: 255},
		Test:        q.Images{Pixels: test.Pixels[:20*784], Labels: test.Labels[:20], Shape: shape, Divide: 255},
		NoMemo:      true,
	}
	p := q.Must(s.Probe(ctx, 0))
	if p.Samples() != 20 || p.Bytes() == 0 {
		t.Fatalf("the probe keeps %d bytes of %d samples, want all 20", p.Bytes(), p.Samples())
	}
	plan := q.Must(s.Uniform(8, 8))
	for _, pl := range []q.Plan{q.Must(s.Float()), plan, q.Must(plan.With("block1/dw", 2, 2)), q.Must(s.Uniform(4, 4))} {
		want := q.Must(s.Evaluate(ctx, pl))
		if got := q.Must(p.Evaluate(ctx, pl)); got != want {
			t.Errorf("the probe says %v, Evaluate %v", got, want)
		}
		if got := q.Must(p.All(ctx, pl)); got != want {
			t.Errorf("all samples say %v, Evaluate %v", got, want)
		}
		if got := q.Must(p.First(ctx, pl, 9)); got.Samples != 16 {
			t.Errorf("asked for 9 samples in batches of 8, measured on %d", got.Samples)
		}
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := p.Evaluate(stopped, plan); !errors.Is(err, context.Canceled) {
		t.Errorf("a stopped measurement gives %v", err)
	}
}
