package alloc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// randomCouplings draws couplings of one to three items, on items in any order: chains,
// cycles and items apart all occur. Some combinations are forbidden.
func randomCouplings(r *rand.Rand, items []Item, n int, forbid bool) (list []Coupling) {
	for range n {
		c := Coupling{Items: r.Perm(len(items))[:1+r.IntN(min(3, len(items)))], Costs: map[string][]float64{}}
		n := 1
		for _, i := range c.Items {
			n *= len(items[i].Candidates)
		}
		kind := r.IntN(3)
		for range n {
			if kind != 1 {
				c.Costs["bytes"] = append(c.Costs["bytes"], math.Round(8*r.Float64())/4-1)
			}
			if kind != 0 {
				v := r.Float64()
				if forbid && r.IntN(6) == 0 {
					v = math.Inf(1)
				}
				c.Noise = append(c.Noise, v)
			}
		}
		list = append(list, c)
	}
	return list
}

// coupledTotal is what a choice amounts to.
func coupledTotal(items []Item, couplings []Coupling, choice []int, cost string) Point {
	p := Point{total(items, choice, cost), total(items, choice, Noise)}
	for _, c := range couplings {
		q, unit := 0, 1
		for _, i := range c.Items {
			q += unit * choice[i]
			unit *= len(items[i].Candidates)
		}
		if c.Noise != nil {
			p.Noise += c.Noise[q]
		}
		if list := c.Costs[cost]; list != nil {
			p.Cost += list[q]
		}
	}
	return p
}

// every calls f with each choice of allowed candidates.
func every(items []Item, f func(choice []int)) {
	choice := make([]int, len(items))
	var at func(i int)
	at = func(i int) {
		if i == len(items) {
			f(choice)
			return
		}
		for _, j := range items[i].allowed() {
			choice[i] = j
			at(i + 1)
		}
	}
	at(0)
}

func TestCoupledFrontierEqualsBruteForce(t *testing.T) {
	ctx := context.Background()
	r := rand.New(rand.NewPCG(21, 22))
	empty, large := 0, 0
	for n := range 600 {
		p := randomProblem(r, 7, 4, 1)
		couplings := randomCouplings(r, p.Items, r.IntN(7), n%3 == 0)
		var all []Point
		every(p.Items, func(choice []int) {
			if x := coupledTotal(p.Items, couplings, choice, "bytes"); !math.IsInf(x.Noise, 1) {
				all = append(all, x)
			}
		})
		slices.SortFunc(all, func(a, b Point) int {
			return cmp.Or(cmp.Compare(a.Cost, b.Cost), cmp.Compare(a.Noise, b.Noise))
		})
		var want []Point
		for _, x := range all {
			// Differences of rounding do not count.
			k := len(want)
			if k > 0 && x.Noise >= want[k-1].Noise*(1-1e-12) {
				continue
			}
			if k > 0 && x.Cost <= want[k-1].Cost+1e-12*math.Abs(x.Cost) {
				want = want[:k-1]
			}
			want = append(want, x)
		}
		f, err := CoupledFrontier(ctx, p.Items, couplings, "bytes")
		if len(want) == 0 {
			empty++
			if err == nil || !strings.Contains(err.Error(), "forbid") {
				t.Fatalf("problem %d: %v where all choices are forbidden", n, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("problem %d: %v", n, err)
		}
		if f.Epsilon != 0 || len(f.Points) != len(want) {
			t.Fatalf("problem %d: %d points, epsilon %v, want %d points\n%v\n%v", n, len(f.Points), f.Epsilon, len(want), f.Points, want)
		}
		if len(want) > 15 {
			large++
		}
		near := func(p, q Point) bool {
			return math.Abs(p.Cost-q.Cost) <= 1e-9*(1+math.Abs(q.Cost)) && math.Abs(p.Noise-q.Noise) <= 1e-9*q.Noise
		}
		for i, x := range f.Points {
			if !near(x, want[i]) {
				t.Fatalf("problem %d: point %d is %v, want %v", n, i, x, want[i])
			}
			choice := f.Choice(i)
			if got := coupledTotal(p.Items, couplings, choice, "bytes"); !near(got, x) {
				t.Fatalf("problem %d: choice %v has %v, point says %v", n, choice, got, x)
			}
		}
		checkCoupledSolve(t, r, p.Items, couplings, want)
	}
	if empty == 0 || large < 20 {
		t.Errorf("%d cases without a choice, %d large: they test little", empty, large)
	}
}

// checkCoupledSolve compares optima under limits with the frontier.
func checkCoupledSolve(t *testing.T, r *rand.Rand, items []Item, couplings []Coupling, want []Point) {
	t.Helper()
	solve := func(minimize string, l Limit) (Solution, error) {
		return Solve(context.Background(), Problem{Items: items, Couplings: couplings, Minimize: minimize, Limits: []Limit{l}})
	}
	last := len(want) - 1
	for range 4 {
		i := r.IntN(len(want))
		right := want[i].Cost + 1
		if i < last {
			right = want[i+1].Cost
		}
		at := []float64{want[i].Cost, (want[i].Cost + right) / 2}[r.IntN(2)]
		s, err := solve(Noise, Limit{"bytes", at})
		if err != nil || s.Gap != 0 || math.Abs(s.Noise-want[i].Noise) > 1e-9*want[i].Noise {
			t.Fatalf("bytes at most %v: noise %v, gap %v, %v; want %v", at, s.Noise, s.Gap, err, want[i])
		}
		left := want[i].Noise * 2
		if i > 0 {
			left = want[i-1].Noise
		}
		at = []float64{want[i].Noise, (want[i].Noise + left) / 2}[r.IntN(2)]
		s, err = solve("bytes", Limit{Noise, at})
		if err != nil || s.Gap != 0 || math.Abs(s.Costs["bytes"]-want[i].Cost) > 1e-9*(1+math.Abs(want[i].Cost)) {
			t.Fatalf("noise at most %v: %v bytes, gap %v, %v; want %v", at, s.Costs, s.Gap, err, want[i])
		}
	}
	var none *InfeasibleError
	if _, err := solve(Noise, Limit{"bytes", want[0].Cost - 1}); !errors.As(err, &none) || math.Abs(none.Limits[0].Least-want[0].Cost) > 1e-9*(1+math.Abs(want[0].Cost)) {
		t.Fatalf("a limit below all: %v", err)
	}
	if _, err := solve("bytes", Limit{Noise, want[last].Noise / 2}); want[last].Noise > 0 && (!errors.As(err, &none) || math.Abs(none.Limits[0].Least-want[last].Noise) > 1e-9*want[last].Noise) {
		t.Fatalf("a limit on noise below all: %v", err)
	}
}

// chain is items in pairs as layers of a network have them: weights, and activations that
// take time where they are written and where they are read.
func chain(r *rand.Rand, layers, widths, skip int) (items []Item, couplings []Coupling) {
	bits := func(j int) float64 { return float64(2 + j) }
	level := make([]float64, 2*layers)
	for i := range 2 * layers {
		level[i] = math.Exp(1.5 * r.NormFloat64())
		it := Item{Name: fmt.Sprint("tie ", i)}
		for j := range widths {
			noise := level[i] * math.Pow(4, -bits(j)) * math.Exp(0.2*r.NormFloat64())
			it.Candidates = append(it.Candidates, Candidate{Noise: noise, Costs: map[string]float64{"seconds": 0}})
		}
		items = append(items, it)
	}
	for l := range layers {
		// Item 2l is the weight, 2l+1 the activation that layer l reads.
		in, out := 2*l+1, 2*((l+1)%layers)+1
		if skip > 0 && l%skip == skip-1 {
			in = 2*(l-skip+1) + 1
		}
		if in == out {
			continue
		}
		params, macs := math.Round(math.Exp(r.Float64()*4+6)), math.Exp(r.Float64()*4+9)
		c := Coupling{Items: []int{2 * l, in, out}, Costs: map[string][]float64{}}
		for q := range widths * widths * widths {
			w, a, o := bits(q%widths), bits(q/widths%widths), bits(q/widths/widths)
			c.Costs["seconds"] = append(c.Costs["seconds"], max(macs*math.Exp2(math.Ceil(math.Log2(max(w, a))))/1e3, w*params+(a+o)*2000))
		}
		couplings = append(couplings, c)
	}
	return items, couplings
}

// coupledTable is the frontier by adding layer after layer of a chain, with a list for
// each width of the first and of the last activation.
func coupledTable(items []Item, couplings []Coupling, cost string) []Point {
	layers := len(items) / 2
	n := len(items[0].Candidates)
	filter := func(list []Point) (out []Point) {
		slices.SortFunc(list, func(a, b Point) int { return cmp.Or(cmp.Compare(a.Cost, b.Cost), cmp.Compare(a.Noise, b.Noise)) })
		for _, p := range list {
			if k := len(out); k == 0 || p.Noise < out[k-1].Noise*(1-1e-13) {
				out = append(out, p)
			}
		}
		return out
	}
	var all []Point
	for first := range n {
		lists := make([][]Point, n) // by width of the activation that the next layer reads
		lists[first] = []Point{{0, items[1].Candidates[first].Noise}}
		for l := range layers {
			next := make([][]Point, n)
			for in := range n {
				for out := range n {
					noise := 0.0
					if l+1 == layers {
						if out != first {
							continue
						}
					} else {
						noise = items[2*l+3].Candidates[out].Noise
					}
					for w := range n {
						for _, p := range lists[in] {
							q := w + n*(in+n*out)
							next[out] = append(next[out], Point{p.Cost + couplings[l].Costs[cost][q], p.Noise + items[2*l].Candidates[w].Noise + noise})
						}
					}
				}
			}
			for out := range n {
				next[out] = filter(next[out])
			}
			lists = next
		}
		all = append(all, lists[first]...)
	}
	return filter(all)
}

// A ring of layers, where brute force cannot reach.
func TestCoupledFrontierEqualsTable(t *testing.T) {
	for seed := range uint64(8) {
		items, couplings := chain(rand.New(rand.NewPCG(seed, 1)), 5+int(seed), 3, 0)
		want := coupledTable(items, couplings, "seconds")
		var first []Point
		for _, threads := range []int{1, 2, 8} {
			old := runtime.GOMAXPROCS(threads)
			f, err := CoupledFrontier(context.Background(), items, couplings, "seconds")
			runtime.GOMAXPROCS(old)
			if err != nil || f.Epsilon != 0 {
				t.Fatalf("seed %d: epsilon %v, %v", seed, f.Epsilon, err)
			}
			if first == nil {
				first = f.Points
				t.Logf("%d layers: %d points", len(items)/2, len(f.Points))
			}
			if !slices.Equal(f.Points, first) {
				t.Errorf("seed %d: other points on %d threads", seed, threads)
			}
			if len(f.Points) != len(want) {
				t.Errorf("seed %d: %d points, want %d", seed, len(f.Points), len(want))
			}
			for _, w := range want {
				i, ok := f.Within(w.Cost * (1 + 1e-12))
				if !ok || f.Points[i].Noise > w.Noise*(1+1e-11) {
					t.Fatalf("seed %d: %v is missing", seed, w)
				}
			}
			for i, p := range f.Points {
				if got := coupledTotal(items, couplings, f.Choice(i), "seconds"); math.Abs(got.Cost-p.Cost) > 1e-11*p.Cost || math.Abs(got.Noise-p.Noise) > 1e-11*p.Noise {
					t.Fatalf("seed %d: the choice of %v has %v", seed, p, got)
				}
			}
		}
	}
}

// With little work edges are given up: Epsilon and the bounds of optima hold still.
func TestCoupledFrontierKeepsItsPromise(t *testing.T) {
	given := 0
	for seed := range uint64(6) {
		items, couplings := chain(rand.New(rand.NewPCG(seed, 2)), 9, 3, 0)
		c, err := coupledCells(items, couplings, "seconds")
		if err != nil {
			t.Fatal(err)
		}
		f, err := newPolygon(c).frontier(context.Background(), "seconds", effort{100, 1 << 9, 1 << 12, 1 << 12}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if f.Epsilon > 0 {
			given++
		}
		for _, w := range coupledTable(items, couplings, "seconds") {
			i, ok := f.Within(w.Cost * (1 + 1e-12))
			if !ok || f.Points[i].Noise > w.Noise*(1+f.Epsilon)*(1+1e-11) {
				t.Fatalf("seed %d: %v is not covered within %v", seed, w, f.Epsilon)
			}
			i, gap := f.best(Limit{"seconds", w.Cost}, func(p Point) bool { return p.Cost <= w.Cost*(1+1e-12) })
			if n := f.Points[i].Noise; n-gap > w.Noise*(1+1e-11) || n < w.Noise*(1-1e-11) {
				t.Fatalf("seed %d: noise %v, gap %v, the optimum is %v", seed, n, gap, w)
			}
			i, gap = f.best(Limit{Noise, w.Noise}, func(p Point) bool { return p.Noise <= w.Noise*(1+1e-12) })
			if c := f.Points[i].Cost; c-gap > w.Cost*(1+1e-11) || c < w.Cost*(1-1e-11) {
				t.Fatalf("seed %d: cost %v, gap %v, the optimum is %v", seed, c, gap, w)
			}
		}
	}
	if given < 3 {
		t.Errorf("%d frontiers with edges given up: the cases do not test them", given)
	}
}

func TestCouplingsThatAreWrong(t *testing.T) {
	items := uncorrelated(rand.New(rand.NewPCG(1, 2)), 24, 2)
	many := uncorrelated(rand.New(rand.NewPCG(1, 2)), 18, 2)
	var clique []Coupling
	for i := range many {
		for j := range i {
			clique = append(clique, Coupling{Items: []int{i, j}, Noise: make([]float64, 4)})
		}
	}
	for name, c := range map[string]struct {
		items []Item
		list  []Coupling
		want  string
	}{
		"no items":             {items, []Coupling{{Name: "x"}}, `coupling 0 "x": no items`},
		"an item out of range": {items, []Coupling{{Items: []int{24}}}, "item 24 of 24"},
		"an item twice":        {items, []Coupling{{Items: []int{3, 1, 3}}}, "item 3 twice"},
		"too few noises":       {items, []Coupling{{Items: []int{0, 1}, Noise: []float64{1, 2, 3}}}, "noise of 3 combinations of 4"},
		"negative noise":       {items, []Coupling{{Items: []int{0}, Noise: []float64{1, -1}}}, "noise -1 of combination 1"},
		"NaN":                  {items, []Coupling{{Items: []int{0}, Noise: []float64{math.NaN(), 1}}}, "noise NaN of combination 0"},
		"too few costs":        {items, []Coupling{{Items: []int{0}, Costs: map[string][]float64{"bytes": {1}}}}, `cost "bytes" of 1 combinations of 2`},
		"infinite cost":        {items, []Coupling{{Items: []int{0}, Costs: map[string][]float64{"bytes": {1, math.Inf(1)}}}}, `cost "bytes" of combination 1 is +Inf`},
		"all with all":         {many, clique, "in more than 131072 ways"},
	} {
		_, err := CoupledFrontier(context.Background(), c.items, c.list, "bytes")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if name == "all with all" && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v is not errors.ErrUnsupported", name, err)
		}
	}
	if _, err := CoupledFrontier(context.Background(), items, nil, Noise); err == nil {
		t.Error("no error for a frontier of noise against noise")
	}
}

func BenchmarkCoupledFrontier(b *testing.B) {
	for _, widths := range []int{3, 6} {
		b.Run(fmt.Sprintf("53 layers, %d widths", widths), func(b *testing.B) {
			items, couplings := chain(rand.New(rand.NewPCG(1, 1)), 53, widths, 3)
			for b.Loop() {
				f, err := CoupledFrontier(context.Background(), items, couplings, "seconds")
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(f.Epsilon, "epsilon")
				b.ReportMetric(float64(len(f.Points)), "points")
			}
		})
	}
}
