package alloc

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// TestLimitsLeftOut compares with brute force where limits have no price in the
// relaxation: searches without them whose best choice is within them, and searches
// that have to be repeated with them.
func TestLimitsLeftOut(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 7))
	names := []string{"bytes", "bops", "seconds", "activation bits"}
	within, broken := 0, 0
	for range 300 {
		p := Problem{Items: layers(r, 6, 4)}
		at := 0.1 + 0.7*r.Float64()
		for _, name := range names {
			least, most, _ := reach(p.Items, name)
			p.Limits = append(p.Limits, Limit{Cost: name, Max: least + (at+0.02*r.NormFloat64())*(most-least)})
		}
		want, ok := bruteForce(&p, Noise)
		s, err := Solve(context.Background(), p)
		var none *InfeasibleError
		if !ok {
			if !errors.As(err, &none) {
				t.Errorf("no choice, but %v", err)
			}
			continue
		}
		if err != nil || s.Gap != 0 || math.Abs(s.Objective-want) > 1e-11*want {
			t.Fatalf("%v, gap %v, %v, want %v", s.Objective, s.Gap, err, want)
		}
		checkFeasible(t, &p, &s)

		// The same from the search that leaves limits out.
		run := run{ctx: context.Background(), in: newInstance(&p, Noise, false)}
		in := run.in
		top := 0.0
		for i := range p.Items {
			top = max(top, p.Items[i].Candidates[0].Noise)
		}
		sc, ok := in.scaled(top * 6)
		if !ok {
			continue
		}
		d := sc.dual(0, sc.budget, nil, math.Inf(1), false)
		kept := 0
		for _, l := range d.lambda {
			if l > 0 {
				kept++
			}
		}
		if kept == in.m {
			continue
		}
		upper, err := run.branch(sc, math.Inf(1), top*6, d)
		got := in.base + upper*top*6
		if err != nil || math.Abs(got-want) > 1e-9*want && upper >= rescale {
			t.Fatalf("branch: %v, %v, want %v", got, err, want)
		}
		if run.branches > 1 {
			broken++
		} else {
			within++
		}
	}
	t.Logf("%d within the limits left out, %d not", within, broken)
	if within < 30 || broken < 4 {
		t.Errorf("%d within the limits left out, %d not", within, broken)
	}
}
