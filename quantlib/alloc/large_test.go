package alloc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// family draws large problems of one kind; see TestLarge.
type family struct {
	name string
	draw func(r *rand.Rand, items, candidates int) []Item
}

// network resembles a grid: noise falls by four with each bit with a spread per
// layer and cell, bytes are bits·params, bops bits·bits·macs, seconds a roofline
// of them.
func network(repeat bool) func(r *rand.Rand, items, candidates int) []Item {
	return func(r *rand.Rand, items, candidates int) []Item {
		var out []Item
		for i := range items {
			params := math.Round(math.Exp(r.Float64()*6 + 6))
			macs := math.Round(params * math.Exp(r.Float64()*6))
			if repeat && i%8 != 0 {
				params, macs = out[i-1].Candidates[0].Costs["bytes"]*8, out[i-1].Candidates[0].Costs["bops"]
			}
			level := math.Exp(3 * r.NormFloat64())
			it := Item{Name: fmt.Sprint("tie", i)}
			for j := range candidates {
				bits := float64(j + 1)
				it.Candidates = append(it.Candidates, Candidate{
					Noise: level * math.Pow(4, -bits) * math.Exp(0.2*r.NormFloat64()),
					Costs: map[string]float64{
						"bytes":   bits * params / 8,
						"bops":    bits * bits * macs,
						"seconds": max(bits*params/8/1e9, math.Exp2(math.Ceil(math.Log2(bits)))*macs/1e11) + 1e-6,
					},
				})
			}
			out = append(out, it)
		}
		return out
	}
}

func uncorrelated(r *rand.Rand, items, candidates int) []Item {
	var out []Item
	for range items {
		it := Item{}
		for range candidates {
			it.Candidates = append(it.Candidates, Candidate{Noise: r.Float64(), Costs: map[string]float64{
				"bytes": r.Float64(), "bops": r.Float64(), "seconds": r.Float64(),
			}})
		}
		out = append(out, it)
	}
	return out
}

// correlated has noise that is nearly a function of the costs, the hard kind of
// knapsack.
func correlated(r *rand.Rand, items, candidates int) []Item {
	var out []Item
	for range items {
		it := Item{}
		for range candidates {
			c := math.Round(1000 * r.Float64())
			it.Candidates = append(it.Candidates, Candidate{Noise: 1100 - c + math.Round(20*r.Float64()), Costs: map[string]float64{
				"bytes": c, "bops": math.Round(c + 100*r.Float64()), "seconds": math.Round(1000 * r.Float64()),
			}})
		}
		out = append(out, it)
	}
	return out
}

func identical(r *rand.Rand, items, candidates int) []Item {
	one := network(false)(r, 1, candidates)[0]
	return slices.Repeat([]Item{one}, items)
}

var families = []family{
	{"network", network(false)}, {"repeated blocks", network(true)}, {"uncorrelated", uncorrelated},
	{"strongly correlated", correlated}, {"identical", identical},
}

func largeProblem(f family, r *rand.Rand, limits int, at float64) Problem {
	p := Problem{Items: f.draw(r, 200, 16)}
	for _, name := range []string{"bytes", "bops", "seconds"}[:limits] {
		least, most, _ := reach(p.Items, name)
		p.Limits = append(p.Limits, Limit{Cost: name, Max: least + at*(most-least)})
	}
	return p
}

// TestLarge holds 200 items of 16 candidates to one second for one limit, where
// 1 to 200 ms are usual. With two limits the optimum is proved, mostly as fast,
// in the hardest of these cases in about a second. With three the proof may take
// far longer; what is returned when time is up has to be within largeGap.
func TestLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	const (
		most     = time.Second
		largeGap = 0.02 // of the noise; 0.013 seen
	)
	for _, f := range families {
		for limits := 1; limits <= 3; limits++ {
			for _, at := range []float64{0.15, 0.5} {
				r := rand.New(rand.NewPCG(uint64(limits), uint64(100*at)))
				p := largeProblem(f, r, limits, at)
				var s Solution
				var err error
				fastest := time.Hour
				for range 3 { // other programs share the machine
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(3-limits/3*2)*2*most)
					start := time.Now()
					s, err = Solve(ctx, p)
					cancel()
					fastest = min(fastest, time.Since(start))
					if err == nil && fastest < most || limits > 2 {
						break
					}
				}
				t.Logf("%-20s %d limits at %.2f: %8.2f ms, %8d nodes, %3d fixed, gap %.3g %v", f.name, limits, at,
					float64(fastest.Microseconds())/1e3, s.Nodes, s.Fixed, s.Gap/s.Objective, err)
				var none *InfeasibleError
				switch {
				case limits <= 2 && errors.As(err, &none):
				case limits <= 2 && (err != nil || s.Gap != 0 || limits == 1 && fastest > most):
					t.Errorf("%s, %d limits at %v: %v, gap %v, took %v", f.name, limits, at, err, s.Gap, fastest)
				case limits > 2 && err != nil && !errors.As(err, &none) && !(s.Gap <= largeGap*s.Objective):
					t.Errorf("%s, %d limits at %v: %v, gap %v of %v", f.name, limits, at, err, s.Gap, s.Objective)
				}
				if s.Choice != nil {
					checkFeasible(t, &p, &s)
				}
			}
		}
	}
}

// TestNodesBoundTheSearch: three tight limits in a bounded number of nodes, with
// the same result each time and a gap that is told.
func TestNodesBoundTheSearch(t *testing.T) {
	const largeGap = 0.003 // of the noise; 0.0013 seen
	for _, f := range families[:2] {
		p := largeProblem(f, rand.New(rand.NewPCG(3, 15)), 3, 0.15)
		p.Nodes = 1 << 19
		s, err := Solve(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		if !(s.Gap > 0 && s.Gap <= largeGap*s.Objective) || s.Bound > s.Objective || s.Nodes > 2*p.Nodes {
			t.Errorf("%s: gap %v of %v, %d nodes", f.name, s.Gap, s.Objective, s.Nodes)
		}
		checkFeasible(t, &p, &s)
		again, err := Solve(context.Background(), p)
		if err != nil || !slices.Equal(s.Choice, again.Choice) || s.Gap != again.Gap {
			t.Errorf("%s: another result the second time", f.name)
		}
	}
}

func BenchmarkSolve(b *testing.B) {
	for limits := 1; limits <= 2; limits++ {
		b.Run(fmt.Sprintf("network 200x16, %d limits", limits), func(b *testing.B) {
			p := largeProblem(families[0], rand.New(rand.NewPCG(1, 1)), limits, 0.25)
			for b.Loop() {
				if _, err := Solve(context.Background(), p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
