package alloc

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
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
			if got := (Point{total(p.Items, choice, "bytes"), total(p.Items, choice, Noise)}); !near(got, g) {
				t.Fatalf("choice %v has %v, point says %v", choice, got, g)
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

func TestThinnedFrontierKeepsItsPromise(t *testing.T) {
	items := uncorrelated(rand.New(rand.NewPCG(7, 8)), 40, 6)
	exact, err := Frontier(context.Background(), items, "bytes")
	if err != nil {
		t.Fatal(err)
	}
	const most = 256
	list, err := thinnedFrontier(context.Background(), items, "bytes", most)
	if err != nil {
		t.Fatal(err)
	}
	thin := &Pareto{Cost: "bytes", Points: list.Points, Epsilon: list.Epsilon, thin: list}
	for i := range thin.Points {
		thin.from = append(thin.from, origin{byThin, int32(i)})
	}
	if exact.Epsilon != 0 || len(exact.Points) <= most {
		t.Fatalf("%d points, epsilon %v: the case does not test thinning", len(exact.Points), exact.Epsilon)
	}
	if !(thin.Epsilon > 0) || len(thin.Points) > most {
		t.Fatalf("%d points of %d, epsilon %v", len(thin.Points), most, thin.Epsilon)
	}
	checkPoints(t, items, thin, 1)
	for _, p := range exact.Points {
		i, ok := thin.Within(p.Cost * (1 + 1e-12))
		if !ok || thin.Points[i].Noise > p.Noise*(1+thin.Epsilon)*(1+1e-12) {
			t.Fatalf("%v is not covered within %v", p, thin.Epsilon)
		}
	}
	few, err := thinnedFrontier(context.Background(), items[:5], "bytes", most)
	if err != nil || few.Epsilon != 0 {
		t.Errorf("five items: epsilon %v, %v", few.Epsilon, err)
	}
}

// tableFrontier is the Pareto set by adding item after item to all partial choices that
// no other one beats.
func tableFrontier(items []Item, cost string) []Point {
	all := []Point{{}}
	for i := range items {
		var next []Point
		for _, p := range all {
			for _, j := range items[i].allowed() {
				c := items[i].Candidates[j]
				next = append(next, Point{p.Cost + c.Costs[cost], p.Noise + c.Noise})
			}
		}
		slices.SortFunc(next, func(a, b Point) int {
			return cmp.Or(cmp.Compare(a.Cost, b.Cost), cmp.Compare(a.Noise, b.Noise))
		})
		all = all[:0]
		for _, p := range next {
			if n := len(all); n == 0 || p.Noise < all[n-1].Noise*(1-1e-13) {
				all = append(all, p)
			}
		}
	}
	return all
}

// TestFrontierEqualsTable compares with a table where brute force cannot reach, with the
// work for one list as it is and with so little that edges are parted, or given up.
func TestFrontierEqualsTable(t *testing.T) {
	parted, given := 0, 0
	for n := range 36 {
		r := rand.New(rand.NewPCG(11, uint64(n)))
		f := families[n%len(families)]
		items := f.draw(r, 8+r.IntN(6), 2+r.IntN(5))
		if f.name == "identical" {
			items = append(items, network(false)(r, 4, 5)...)
		}
		want := tableFrontier(items, "bytes")
		for _, limit := range []int{plainEffort.list, 3000, 300} {
			f, err := newPolygon(apart(items, "bytes")).frontier(context.Background(), "bytes", effort{limit, plainEffort.edge, plainEffort.total, plainEffort.skim}, &spare{items, 1 << 6})
			if err != nil {
				t.Fatal(err)
			}
			if limit == plainEffort.list && f.Epsilon != 0 {
				t.Errorf("case %d: epsilon %v", n, f.Epsilon)
			}
			if f.Epsilon > 0 {
				given++
			}
			for i := range f.spans {
				if len(f.spans[i].fixed) > 0 {
					parted++
					break
				}
			}
			for _, w := range want {
				i, ok := f.Within(w.Cost * (1 + 1e-12))
				if !ok || f.Points[i].Noise > w.Noise*(1+f.Epsilon)*(1+1e-11) {
					t.Fatalf("case %d, limit %d: %v is not covered within %v", n, limit, w, f.Epsilon)
				}
			}
			if f.Epsilon == 0 && len(f.Points) != len(want) {
				t.Errorf("case %d, limit %d: %d points, want %d", n, limit, len(f.Points), len(want))
			}
			checkPoints(t, items, f, 1)
		}
	}
	t.Logf("%d parted, %d given up", parted, given)
	if parted < 20 || given < 5 {
		t.Errorf("%d frontiers with parted edges, %d with edges given up: the cases do not test them", parted, given)
	}
}

func TestFrontierIsTheSameOnAnyNumberOfThreads(t *testing.T) {
	items := layers(rand.New(rand.NewPCG(3, 3)), 40, 8)
	var want []Point
	for _, n := range []int{1, 2, 8} {
		old := runtime.GOMAXPROCS(n)
		f, err := newPolygon(apart(items, "bops")).frontier(context.Background(), "bops", effort{1 << 12, plainEffort.edge, plainEffort.total, plainEffort.skim}, &spare{items, 1 << 8})
		runtime.GOMAXPROCS(old)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = f.Points
		}
		if !slices.Equal(f.Points, want) {
			t.Errorf("%d threads: %d points, not the %d of one", n, len(f.Points), len(want))
		}
	}
}

// Costs of very different size, and noise that ends at none.
func TestFrontierOfUnequalScales(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for range 200 {
		var items []Item
		for range 3 + r.IntN(3) {
			it := Item{}
			scale, level := math.Pow(10, float64(r.IntN(9))), math.Pow(10, float64(r.IntN(9)))
			for j := range 4 {
				it.Candidates = append(it.Candidates, Candidate{Noise: level * float64(3-j) * (1 + r.Float64()), Costs: map[string]float64{"bytes": scale * (float64(j) + r.Float64() - 1)}})
			}
			items = append(items, it)
		}
		f, err := Frontier(context.Background(), items, "bytes")
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range tableFrontier(items, "bytes") {
			i, ok := f.Within(w.Cost + 1e-3)
			if !ok || f.Points[i].Noise > w.Noise*(1+1e-11) {
				t.Fatalf("%v is missing: %v", w, f.Points)
			}
		}
		checkPoints(t, items, f, 1)
	}
}

// checkPoints checks the order of points, and the choices of some.
func checkPoints(t *testing.T, items []Item, f *Pareto, each int) {
	t.Helper()
	_, _, scale := reach(items, f.Cost)
	for i, p := range f.Points {
		if i > 0 && !(p.Cost > f.Points[i-1].Cost && p.Noise < f.Points[i-1].Noise) {
			t.Fatalf("point %d %v after %v", i, p, f.Points[i-1])
		}
		if i%each == 0 {
			choice := f.Choice(i)
			c, n := total(items, choice, f.Cost), total(items, choice, Noise)
			if math.Abs(c-p.Cost) > 1e-12*scale || math.Abs(n-p.Noise) > 1e-12*n {
				t.Fatalf("point %d is %v, its choice %v %v", i, p, c, n)
			}
		}
	}
}

// The whole set of 200 items of 16 candidates, against Solve at some budgets.
func TestLargeFrontier(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	items := network(false)(rand.New(rand.NewPCG(1, 1)), 200, 16)
	f, err := Frontier(context.Background(), items, "bytes")
	if err != nil {
		t.Fatal(err)
	}
	// 1,744,493 seen, whether edges were parted or listed whole; rounding may join some.
	const least, most = 1_744_000, 1_745_000
	if f.Epsilon != 0 || len(f.Points) < least || len(f.Points) > most {
		t.Errorf("%d points, epsilon %v", len(f.Points), f.Epsilon)
	}
	checkPoints(t, items, f, 5003)
	changes := 0
	for i := range f.from[1:] {
		if f.from[i].span != f.from[i+1].span {
			changes++
		}
	}
	t.Logf("%d points, %d changes of list", len(f.Points), changes)
	if changes > len(f.Points)/50 {
		t.Errorf("%d times in %d points the choices of neighbours are in two lists", changes, len(f.Points))
	}
	r := rand.New(rand.NewPCG(2, 2))
	for range 30 {
		i := r.IntN(len(f.Points))
		p := f.Points[i]
		s, err := Solve(context.Background(), Problem{Items: items, Limits: []Limit{{"bytes", p.Cost}}})
		if err != nil || s.Gap != 0 {
			t.Fatal(s.Gap, err)
		}
		if math.Abs(p.Noise-s.Noise) > 1e-11*s.Noise {
			t.Errorf("point %d has noise %v, the optimum within its cost %v", i, p.Noise, s.Noise)
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
