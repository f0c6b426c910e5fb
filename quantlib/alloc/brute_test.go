package alloc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// bruteForce is the least objective over all choices that meet the limits.
func bruteForce(p *Problem, objective string) (least float64, ok bool) {
	least = math.Inf(1)
	choice := make([]int, len(p.Items))
	var walk func(i int)
	walk = func(i int) {
		if i == len(p.Items) {
			for _, l := range p.Limits {
				_, _, scale := reach(p.Items, l.Cost)
				if total(p.Items, choice, l.Cost) > l.Max+slack(l.Max, scale) {
					return
				}
			}
			ok = true
			least = min(least, total(p.Items, choice, objective))
			return
		}
		for _, j := range p.Items[i].allowed() {
			choice[i] = j
			walk(i + 1)
		}
	}
	walk(0)
	return least, ok
}

// randomProblem draws problems of several kinds: noise that falls by four with
// each bit, free numbers, small integers with many ties, equal items, negative
// costs, and limits from impossible to loose.
func randomProblem(r *rand.Rand, maxItems, maxCandidates, maxLimits int) Problem {
	kind := r.IntN(5)
	p := Problem{}
	names := []string{"bytes", "bops", "seconds"}[:maxLimits]
	n := 1 + r.IntN(maxItems)
	for i := range n {
		it := Item{Name: fmt.Sprint("tie", i)}
		if kind == 3 && i > 0 && r.IntN(2) == 0 {
			it.Candidates = p.Items[r.IntN(i)].Candidates
			p.Items = append(p.Items, it)
			continue
		}
		size, sensitivity := math.Exp(2*r.NormFloat64()), math.Exp(2*r.NormFloat64())
		for j := range 1 + r.IntN(maxCandidates) {
			c := Candidate{Costs: map[string]float64{}}
			bits := float64(j + 1)
			switch kind {
			case 0, 3:
				c.Noise = sensitivity * math.Pow(4, -bits) * math.Exp(0.3*r.NormFloat64())
				for _, name := range names {
					c.Costs[name] = size * bits * math.Exp(0.2*r.NormFloat64())
				}
			case 1:
				c.Noise = r.Float64()
				for _, name := range names {
					c.Costs[name] = r.Float64()
				}
			case 2:
				c.Noise = float64(r.IntN(4))
				for _, name := range names {
					c.Costs[name] = float64(r.IntN(4))
				}
			case 4:
				c.Noise = 1e-6 * r.Float64()
				for _, name := range names {
					c.Costs[name] = 1e9 * r.NormFloat64()
				}
			}
			it.Candidates = append(it.Candidates, c)
		}
		if r.IntN(4) == 0 {
			for range 1 + r.IntN(len(it.Candidates)) {
				it.Allowed = append(it.Allowed, r.IntN(len(it.Candidates)))
			}
		}
		p.Items = append(p.Items, it)
	}
	if r.IntN(5) == 0 {
		p.Minimize = names[r.IntN(len(names))]
		names = append([]string{Noise}, names...)
	}
	for _, name := range names {
		if name == p.Minimize || r.IntN(6) == 0 {
			continue
		}
		least, most, _ := reach(p.Items, name)
		at := 1.2*r.Float64() - 0.1
		max := least + at*(most-least)
		if kind == 2 {
			max = math.Round(max)
		}
		if r.IntN(8) == 0 {
			max = least // exactly reachable, to the rounding of another order
		}
		p.Limits = append(p.Limits, Limit{Cost: name, Max: max})
	}
	return p
}

func TestEqualsBruteForce(t *testing.T) {
	const cases = 6000
	r := rand.New(rand.NewPCG(1, 2))
	feasible, infeasible, conflicts, proofs := 0, 0, 0, 0
	for i := range cases {
		p := randomProblem(r, 6, 5, 1+i%3)
		objective, err := p.check()
		if err != nil {
			t.Fatal(err)
		}
		want, ok := bruteForce(&p, objective)
		s, err := Solve(context.Background(), p)
		if !ok {
			infeasible++
			var e *InfeasibleError
			if !errors.As(err, &e) {
				t.Fatalf("case %d: no choice exists, got %v", i, err)
			}
			checkInfeasible(t, &p, e)
			if e.Conflict != nil {
				conflicts++
				if e.Conflict.Weights != nil {
					proofs++
				}
			}
			continue
		}
		feasible++
		if err != nil {
			t.Fatalf("case %d: %v\n%+v", i, err, p)
		}
		checkFeasible(t, &p, &s)
		if s.Gap != 0 || math.Abs(s.Objective-want) > 1e-11*math.Max(math.Abs(want), sumAbs(&p, objective)*1e-3) {
			t.Fatalf("case %d: got %v (gap %v), brute force %v\n%+v", i, s.Objective, s.Gap, want, p)
		}
	}
	if feasible < cases/3 || infeasible < cases/20 || conflicts < 20 || proofs < 10 {
		t.Fatalf("the cases are one-sided: %d feasible, %d infeasible, %d conflicts, %d proofs", feasible, infeasible, conflicts, proofs)
	}
	t.Logf("%d feasible, %d infeasible, of them %d conflicts, %d proved by one sum", feasible, infeasible, conflicts, proofs)
}

func sumAbs(p *Problem, name string) float64 {
	_, _, scale := reach(p.Items, name)
	return scale
}

func checkFeasible(t *testing.T, p *Problem, s *Solution) {
	t.Helper()
	if len(s.Choice) != len(p.Items) {
		t.Fatalf("choice %v for %d items", s.Choice, len(p.Items))
	}
	for i, j := range s.Choice {
		ok := false
		for _, a := range p.Items[i].allowed() {
			ok = ok || a == j
		}
		if !ok {
			t.Fatalf("item %d: candidate %d is not allowed", i, j)
		}
	}
	for _, l := range p.Limits {
		_, _, scale := reach(p.Items, l.Cost)
		if got := total(p.Items, s.Choice, l.Cost); got > l.Max+slack(l.Max, scale)*1.01 {
			t.Fatalf("%s is %v, limit %v", l.Cost, got, l.Max)
		}
	}
}

// checkInfeasible recomputes what the error claims.
func checkInfeasible(t *testing.T, p *Problem, e *InfeasibleError) {
	t.Helper()
	for k, l := range e.Limits {
		alone := *p
		alone.Limits = nil
		if least, _ := bruteForce(&alone, l.Cost); math.Abs(least-l.Least) > 1e-9*sumAbs(p, l.Cost) {
			t.Fatalf("least %s is %v, error says %v", l.Cost, least, l.Least)
		}
		if e.Conflict == nil {
			continue
		}
		others := *p
		others.Limits = nil
		for i, o := range p.Limits {
			if i != k {
				others.Limits = append(others.Limits, o)
			}
		}
		least, ok := bruteForce(&others, l.Cost)
		if ok != !math.IsNaN(l.Beside) || ok && math.Abs(least-l.Beside) > 1e-9*sumAbs(p, l.Cost) {
			t.Fatalf("least %s beside the others is %v %v, error says %v", l.Cost, least, ok, l.Beside)
		}
	}
	if c := e.Conflict; c != nil && c.Weights != nil {
		least, most := 0.0, 0.0
		for i := range p.Items {
			lo := math.Inf(1)
			for _, j := range p.Items[i].allowed() {
				sum := 0.0
				for k, w := range c.Weights {
					v, _ := p.Items[i].Candidates[j].cost(p.Limits[k].Cost)
					sum += w * v
				}
				lo = min(lo, sum)
			}
			least += lo
		}
		for k, w := range c.Weights {
			if w < 0 {
				t.Fatalf("weight %v is negative", w)
			}
			most += w * p.Limits[k].Max
		}
		if !(least > most) {
			t.Fatalf("the proof does not hold: %v <= %v", least, most)
		}
	}
}
