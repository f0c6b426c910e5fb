package alloc

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
)

// bruteFrontier is the Pareto set by enumeration.
func bruteFrontier(items []Item, cost string) []Point {
	all := []Point{{}}
	for i := range items {
		var next []Point
		for _, p := range all {
			for _, j := range items[i].allowed() {
				c := items[i].Candidates[j]
				next = append(next, Point{p.Cost + c.Costs[cost], p.Noise + c.Noise})
			}
		}
		all = next
	}
	var front []Point
	for _, p := range all {
		beaten := false
		for _, q := range all {
			// Differences of rounding do not count.
			if q.Cost <= p.Cost+1e-12*math.Abs(p.Cost) && q.Noise < p.Noise*(1-1e-12) || q.Cost < p.Cost-1e-12*math.Abs(p.Cost) && q.Noise <= p.Noise*(1+1e-12) {
				beaten = true
				break
			}
		}
		if !beaten {
			front = append(front, p)
		}
	}
	return front
}

func TestFrontierEqualsBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		p := randomProblem(r, 5, 4, 1)
		f, err := Frontier(context.Background(), p.Items, "bytes")
		if err != nil {
			t.Fatal(err)
		}
		if f.Epsilon != 0 {
			t.Fatalf("epsilon %v for %d points", f.Epsilon, len(f.Points))
		}
		want := bruteFrontier(p.Items, "bytes")
		near := func(p, q Point) bool {
			return math.Abs(p.Cost-q.Cost) <= 1e-9*(1+math.Abs(q.Cost)) && math.Abs(p.Noise-q.Noise) <= 1e-9*q.Noise
		}
		for _, w := range want {
			found := false
			for _, g := range f.Points {
				found = found || near(g, w)
			}
			if !found {
				t.Fatalf("point %v is missing\n%v", w, f.Points)
			}
		}
		for i, g := range f.Points {
			found := false
			for _, w := range want {
				found = found || near(g, w)
			}
			if !found {
				t.Fatalf("point %v is not on the frontier", g)
			}
			choice := f.Choice(i)
			if c, n := total(p.Items, choice, "bytes"), total(p.Items, choice, Noise); c != g.Cost || n != g.Noise {
				t.Fatalf("choice %v has %v %v, point says %v", choice, c, n, g)
			}
			if i > 0 && !(g.Cost > f.Points[i-1].Cost && g.Noise < f.Points[i-1].Noise) {
				t.Fatalf("points %v and %v are not in order", f.Points[i-1], g)
			}
		}
	}
}

// Every budget's optimum lies on the frontier.
func TestFrontierAgreesWithSolve(t *testing.T) {
	items := network(false)(rand.New(rand.NewPCG(5, 6)), 30, 8)
	f, err := Frontier(context.Background(), items, "bytes")
	if err != nil {
		t.Fatal(err)
	}
	least, most, _ := reach(items, "bytes")
	for at := 0.0; at <= 1; at += 0.05 {
		limit := least + at*(most-least)
		s, err := Solve(context.Background(), Problem{Items: items, Limits: []Limit{{"bytes", limit}}})
		if err != nil {
			t.Fatal(err)
		}
		i, ok := f.Within(limit)
		if !ok {
			t.Fatalf("no point within %v", limit)
		}
		got := f.Points[i].Noise
		if got < s.Noise*(1-1e-11) || got > s.Noise*(1+f.Epsilon)*(1+1e-11) {
			t.Fatalf("at %v: frontier %v, epsilon %v, solve %v", limit, got, f.Epsilon, s.Noise)
		}
		back, ok := f.Below(s.Noise * (1 + f.Epsilon) * (1 + 1e-11))
		if !ok || f.Points[back].Cost > limit*(1+1e-11) {
			t.Fatalf("noise %v costs %v, want at most %v", s.Noise, f.Points[back].Cost, limit)
		}
	}
}

func TestFrontierReportsThinning(t *testing.T) {
	items := uncorrelated(rand.New(rand.NewPCG(7, 8)), 40, 6)
	exact, err := Frontier(context.Background(), items, "bytes")
	if err != nil {
		t.Fatal(err)
	}
	const most = 256
	thinned, err := frontier(context.Background(), items, "bytes", most)
	if err != nil {
		t.Fatal(err)
	}
	if exact.Epsilon != 0 || len(exact.Points) <= most {
		t.Fatalf("%d points, epsilon %v: the case does not test thinning", len(exact.Points), exact.Epsilon)
	}
	if !(thinned.Epsilon > 0) || len(thinned.Points) > most+maxCertify {
		t.Fatalf("%d points of %d, epsilon %v", len(thinned.Points), most, thinned.Epsilon)
	}
	for _, p := range exact.Points {
		i, ok := thinned.Within(p.Cost)
		if !ok || thinned.Points[i].Noise > p.Noise*(1+thinned.Epsilon)*(1+1e-12) {
			t.Fatalf("%v is not covered within %v", p, thinned.Epsilon)
		}
	}
}

// A frontier of 200 items is thinned; what is claimed of it holds all the same.
func TestLargeFrontierIsInOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	const most = 0.05 // 0.040 seen, 0.059 before the cheap end was exact
	items := network(false)(rand.New(rand.NewPCG(1, 1)), 200, 16)
	f, err := Frontier(context.Background(), items, "bytes")
	if err != nil {
		t.Fatal(err)
	}
	if !(f.Epsilon > 0 && f.Epsilon < most) {
		t.Errorf("epsilon %v, want below %v", f.Epsilon, most)
	}
	for i, p := range f.Points {
		if i > 0 && !(p.Cost > f.Points[i-1].Cost && p.Noise < f.Points[i-1].Noise) {
			t.Fatalf("point %d %v after %v", i, p, f.Points[i-1])
		}
		if i%500 == 0 {
			choice := f.Choice(i)
			if got := (Point{total(items, choice, "bytes"), total(items, choice, Noise)}); got != p {
				t.Errorf("point %d is %v, its choice %v", i, p, got)
			}
		}
	}
	for _, at := range []int{1, 50, 1000, 5000} {
		p := f.Points[at]
		s, err := Solve(context.Background(), Problem{Items: items, Limits: []Limit{{"bytes", p.Cost}}})
		if err != nil {
			t.Fatal(err)
		}
		if p.Noise > s.Noise*(1+f.Epsilon)*(1+1e-11) || at < 1000 && p.Noise > s.Noise*(1+1e-11) {
			t.Errorf("point %d has noise %v, the optimum %v, epsilon %v", at, p.Noise, s.Noise, f.Epsilon)
		}
	}
}

func BenchmarkFrontier(b *testing.B) {
	items := network(false)(rand.New(rand.NewPCG(1, 1)), 200, 16)
	for b.Loop() {
		f, err := Frontier(context.Background(), items, "bytes")
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(f.Epsilon, "epsilon")
		b.ReportMetric(float64(len(f.Points)), "points")
	}
}
