package alloc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// coupledProblem draws a problem with couplings in several costs, and limits of about the
// totals of a random choice, so that about half can be met together.
func coupledProblem(r *rand.Rand, limits int, forbid bool) Problem {
	p := randomProblem(r, 7, 4, 3)
	p.Limits = nil
	p.Couplings = randomCouplings(r, p.Items, 1+r.IntN(6), forbid)
	for i := range p.Couplings {
		for _, name := range []string{"bops", "seconds"} {
			n := 1
			for _, item := range p.Couplings[i].Items {
				n *= len(p.Items[item].Candidates)
			}
			if r.IntN(2) == 0 {
				continue
			}
			var list []float64
			for range n {
				list = append(list, math.Round(40*r.Float64())/10)
			}
			p.Couplings[i].Costs[name] = list
		}
	}
	choice := make([]int, len(p.Items))
	draw := func() {
		for i := range p.Items {
			a := p.Items[i].allowed()
			choice[i] = a[r.IntN(len(a))]
		}
	}
	draw()
	apart := r.IntN(2) == 0 // limits of different choices
	for _, name := range []string{"bytes", "bops", "seconds"}[:limits] {
		if apart {
			draw()
		}
		at := p.total(choice, name)
		p.Limits = append(p.Limits, Limit{name, at + 0.1*math.Abs(at)*r.NormFloat64()*float64(r.IntN(2))})
	}
	if r.IntN(3) == 0 {
		if n := p.total(choice, Noise); !math.IsInf(n, 1) {
			p.Limits = append(p.Limits, Limit{Noise, n})
		}
	}
	p.Minimize = []string{"", "", "bytes", "seconds"}[r.IntN(4)]
	return p
}

func TestSolveWithCouplingsEqualsBruteForce(t *testing.T) {
	ctx := context.Background()
	r := rand.New(rand.NewPCG(31, 32))
	solved, infeasible, proofs := 0, 0, 0
	for n := range 4000 {
		p := coupledProblem(r, r.IntN(4), n%4 == 0)
		objective := p.Minimize
		if objective == "" {
			objective = Noise
		}
		best, any := math.Inf(1), false
		least := make([]float64, len(p.Limits))
		for k := range least {
			least[k] = math.Inf(1)
		}
		every(p.Items, func(choice []int) {
			if math.IsInf(p.total(choice, Noise), 1) {
				return
			}
			any = true
			ok := true
			for k, l := range p.Limits {
				v := p.total(choice, l.Cost)
				least[k] = min(least[k], v)
				ok = ok && v <= l.Max+1e-12*math.Abs(l.Max)
			}
			if ok {
				best = min(best, p.total(choice, objective))
			}
		})
		s, err := Solve(ctx, p)
		var none *InfeasibleError
		switch {
		case !any:
			if err == nil || !strings.Contains(err.Error(), "forbid") {
				t.Fatalf("problem %d: %v where all is forbidden", n, err)
			}
		case math.IsInf(best, 1):
			if !errors.As(err, &none) {
				t.Fatalf("problem %d: %v, %v where no choice meets the limits", n, s, err)
			}
			infeasible++
			for k, l := range none.Limits {
				if math.Abs(l.Least-least[k]) > 1e-9*(1+math.Abs(least[k])) {
					t.Fatalf("problem %d: the least %s is %v, told %v", n, l.Cost, least[k], l.Least)
				}
			}
			if c := none.Conflict; c != nil && c.Weights != nil {
				proofs++
				if !(c.Least > c.Most) {
					t.Fatalf("problem %d: %v proves nothing", n, c)
				}
				every(p.Items, func(choice []int) {
					sum := 0.0
					for k, w := range c.Weights {
						sum += w * p.total(choice, p.Limits[k].Cost)
					}
					if !math.IsInf(p.total(choice, Noise), 1) && sum < c.Least-1e-9*math.Abs(c.Least) {
						t.Fatalf("problem %d: a choice of %v, the proof says at least %v", n, sum, c.Least)
					}
				})
			}
		default:
			if err != nil || s.Gap != 0 || math.Abs(s.Objective-best) > 1e-9*math.Abs(best)+1e-12 {
				t.Fatalf("problem %d: %v, gap %v, %v; want %v\n%+v", n, s.Objective, s.Gap, err, best, p)
			}
			if math.Abs(p.total(s.Choice, objective)-s.Objective) > 1e-12*math.Abs(best) {
				t.Fatalf("problem %d: the choice is not worth what is told", n)
			}
			solved++
		}
	}
	t.Logf("%d solved, %d infeasible, %d with a proof", solved, infeasible, proofs)
	if solved < 1600 || infeasible < 200 || proofs < 10 {
		t.Errorf("%d solved, %d infeasible, %d proofs: the cases test little", solved, infeasible, proofs)
	}
}

// Chains with two and three limits, whose bounds must hold where the search is ended.
func TestSolveWithCouplingsInBoundedWork(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(4) {
		items, couplings := chain(rand.New(rand.NewPCG(seed, 3)), 40, 4, 3)
		for i := range items {
			for j := range items[i].Candidates {
				items[i].Candidates[j].Costs["bytes"] = float64((i%2*3 + 1) * (j + 2) * 100)
			}
		}
		p := Problem{Items: items, Couplings: couplings}
		whole := func(name string, at float64) float64 {
			lo, hi := math.Inf(1), math.Inf(-1)
			for j := range 4 {
				v := p.total(slices.Repeat([]int{j}, len(items)), name)
				lo, hi = min(lo, v), max(hi, v)
			}
			return lo + at*(hi-lo)
		}
		p.Limits = []Limit{{"seconds", whole("seconds", 0.4)}, {"bytes", whole("bytes", 0.35)}}
		var before Solution
		for _, nodes := range []int{1 << 12, 1 << 16, 1 << 20} {
			p.Nodes = nodes
			s, err := Solve(ctx, p)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Solve(ctx, p)
			if err != nil || !slices.Equal(s.Choice, again.Choice) || s.Bound != again.Bound {
				t.Errorf("seed %d: another result the second time", seed)
			}
			for _, l := range p.Limits {
				if v := p.total(s.Choice, l.Cost); v > l.Max*(1+1e-11) {
					t.Errorf("seed %d: %s is %v, limit %v", seed, l.Cost, v, l.Max)
				}
			}
			if before.Choice != nil && (s.Objective > before.Objective || s.Objective < before.Bound*(1-1e-9) || s.Bound < before.Bound*(1-1e-9)) {
				t.Errorf("seed %d: %v in [%v, %v] after %v in [%v, %v]", seed, s.Objective, s.Bound, s.Objective, before.Objective, before.Bound, before.Objective)
			}
			t.Logf("seed %d, %d nodes: %v, gap %.2g, %d looked at", seed, nodes, s.Objective, s.Gap/s.Objective, s.Nodes)
			before = s
		}
		// A limit that is relaxed never makes it worse.
		p.Nodes = 1 << 16
		p.Limits[0].Max *= 1.05
		s, err := Solve(ctx, p)
		if err != nil || s.Bound > before.Objective {
			t.Errorf("seed %d: %v to %v with more time, %v before: %v", seed, s.Bound, s.Objective, before.Objective, err)
		}
	}
}

func BenchmarkSolveCoupled(b *testing.B) {
	for _, limits := range []int{1, 2} {
		b.Run(fmt.Sprintf("53 layers of 6 widths, %d limits", limits), func(b *testing.B) {
			items, couplings := chain(rand.New(rand.NewPCG(1, 1)), 53, 6, 3)
			for i := range items {
				for j := range items[i].Candidates {
					items[i].Candidates[j].Costs["bytes"] = float64((i%2*3 + 1) * (j + 2) * 100)
				}
			}
			p := Problem{Items: items, Couplings: couplings, Nodes: 1 << 20}
			for _, name := range []string{"seconds", "bytes"}[:limits] {
				lo, hi := p.total(make([]int, len(items)), name), p.total(slices.Repeat([]int{5}, len(items)), name)
				p.Limits = append(p.Limits, Limit{name, lo + 0.4*(hi-lo)})
			}
			for b.Loop() {
				s, err := Solve(context.Background(), p)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(s.Gap/s.Objective, "gap")
			}
		})
	}
}
