package alloc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func candidate(name string, noise, bytes float64) Candidate {
	return Candidate{Name: name, Noise: noise, Costs: map[string]float64{"bytes": bytes}}
}

func TestLargerBudgetNeverGivesMoreNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 20 {
		items := network(false)(r, 40, 8)
		before := math.Inf(1)
		least, most, _ := reach(items, "bytes")
		for step := range 40 {
			limit := least + (most-least)*float64(step)/39
			s, err := Solve(context.Background(), Problem{Items: items, Limits: []Limit{{"bytes", limit}, {"bops", 1e18}}})
			if err != nil {
				t.Fatal(err)
			}
			if s.Noise > before*(1+1e-11) {
				t.Fatalf("limit %v gives noise %v, a smaller one gave %v", limit, s.Noise, before)
			}
			before = s.Noise
		}
	}
}

func TestOptimumSurvivesPermutationAndScale(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 60 {
		items := network(false)(r, 25, 6)
		p := Problem{Items: items}
		for _, name := range []string{"bytes", "bops"} {
			least, most, _ := reach(items, name)
			p.Limits = append(p.Limits, Limit{name, least + 0.3*(most-least)})
		}
		want, err := Solve(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Solve(context.Background(), p)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(want) {
			t.Fatalf("second run: %v %v, first %v", again, err, want)
		}
		shuffled := p
		shuffled.Items = append([]Item(nil), items...)
		r.Shuffle(len(items), func(i, j int) {
			shuffled.Items[i], shuffled.Items[j] = shuffled.Items[j], shuffled.Items[i]
		})
		got, err := Solve(context.Background(), shuffled)
		if err != nil || math.Abs(got.Noise-want.Noise) > 1e-11*want.Noise {
			t.Fatalf("shuffled: %v %v, want %v", got.Noise, err, want.Noise)
		}
		const k, l = 1 << 20, 1.0 / (1 << 30) // powers of two: the same numbers, scaled
		scaled := Problem{Limits: []Limit{{"bytes", p.Limits[0].Max * l}, p.Limits[1]}}
		for _, it := range items {
			s := Item{Name: it.Name}
			for _, c := range it.Candidates {
				s.Candidates = append(s.Candidates, Candidate{Noise: c.Noise * k, Costs: map[string]float64{
					"bytes": c.Costs["bytes"] * l, "bops": c.Costs["bops"],
				}})
			}
			scaled.Items = append(scaled.Items, s)
		}
		got, err = Solve(context.Background(), scaled)
		if err != nil || math.Abs(got.Noise/k-want.Noise) > 1e-11*want.Noise {
			t.Fatalf("scaled: %v %v, want %v", got.Noise/k, err, want.Noise)
		}
	}
}

func TestPinsAndLimitsPerItem(t *testing.T) {
	four, eight := candidate("4", 10, 4), candidate("8", 1, 8)
	p := Problem{
		Items: []Item{
			{Name: "a", Candidates: []Candidate{four, eight}, Allowed: []int{0}},
			{Name: "b", Candidates: []Candidate{four, eight}},
		},
		Limits: []Limit{{"bytes", 100}},
	}
	s, err := Solve(context.Background(), p)
	if err != nil || fmt.Sprint(s.Choice) != "[0 1]" || s.Noise != 11 || s.Costs["bytes"] != 12 {
		t.Fatalf("%+v %v", s, err)
	}
	p.Minimize, p.Limits = "bytes", []Limit{{Noise, 11}}
	s, err = Solve(context.Background(), p)
	if err != nil || s.Objective != 12 || s.Gap != 0 {
		t.Fatalf("least bytes at noise 11: %+v %v", s, err)
	}
}

func TestTiesPreferTheLowerIndex(t *testing.T) {
	same := candidate("x", 1, 2)
	s, err := Solve(context.Background(), Problem{
		Items:  []Item{{Candidates: []Candidate{candidate("dear", 1, 3), same, same}}},
		Limits: []Limit{{"bytes", 2.5}},
	})
	if err != nil || s.Choice[0] != 1 {
		t.Fatalf("%v %v", s.Choice, err)
	}
}

func TestErrorsNameThePlace(t *testing.T) {
	ok := Item{Name: "ok", Candidates: []Candidate{candidate("4", 1, 1)}}
	for _, tc := range []struct {
		name string
		p    Problem
		want string
	}{
		{"an item without candidates", Problem{Items: []Item{ok, {Name: "conv2"}}}, `item 1 "conv2" has no candidates`},
		{"a cost nobody has", Problem{Items: []Item{ok}, Limits: []Limit{{"byte", 3}}}, `no cost "byte"`},
		{"NaN noise", Problem{Items: []Item{{Name: "n", Candidates: []Candidate{candidate("4", math.NaN(), 1)}}}}, `item 0 "n": candidate 0 "4": noise NaN`},
		{"negative noise", Problem{Items: []Item{{Candidates: []Candidate{candidate("4", -1, 1)}}}}, "noise -1"},
		{"an infinite cost", Problem{Items: []Item{{Candidates: []Candidate{candidate("4", 1, math.Inf(1))}}}, Limits: []Limit{{"bytes", 1}}}, `"bytes" is +Inf`},
		{"a NaN limit", Problem{Items: []Item{ok}, Limits: []Limit{{"bytes", math.NaN()}}}, `limit on "bytes" is NaN`},
		{"an allowed index out of range", Problem{Items: []Item{{Candidates: ok.Candidates, Allowed: []int{1}}}}, "allows candidate 1 of 1"},
		{"a limit out of reach", Problem{Items: []Item{ok, ok}, Limits: []Limit{{"bytes", 1.5}}}, "bytes at most 1.5, but the least is 2, 0.5 more"},
		{"minimising a missing cost", Problem{Items: []Item{ok}, Minimize: "seconds"}, `no cost "seconds"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Solve(context.Background(), tc.p)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

func TestStoppedSearchReturnsWhatItHas(t *testing.T) {
	p := largeProblem(families[0], rand.New(rand.NewPCG(3, 15)), 3, 0.15)
	ctx := &expiring{Context: context.Background(), left: 8}
	s, err := Solve(ctx, p)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	checkFeasible(t, &p, &s)
	if !(s.Gap > 0) || s.Bound > s.Objective || math.Abs(s.Objective-s.Gap-s.Bound) > 1e-12*s.Objective {
		t.Fatalf("objective %v, bound %v, gap %v", s.Objective, s.Bound, s.Gap)
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Frontier(done, p.Items, "bytes"); !errors.Is(err, context.Canceled) {
		t.Errorf("frontier: %v", err)
	}
}

// expiring is a context that ends at the left-th question.
type expiring struct {
	context.Context
	left int
}

func (e *expiring) Err() error {
	if e.left--; e.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestNoItems(t *testing.T) {
	s, err := Solve(context.Background(), Problem{})
	if err != nil || len(s.Choice) != 0 || s.Objective != 0 {
		t.Fatalf("%+v %v", s, err)
	}
}

func ExampleSolve() {
	// Two layers of 1000 and 100 weights; more bits, less noise.
	layer := func(name string, weights, noise float64) Item {
		it := Item{Name: name}
		for _, bits := range []float64{2, 4, 8} {
			it.Candidates = append(it.Candidates, Candidate{
				Name:  fmt.Sprint(bits),
				Noise: noise * math.Pow(4, -bits),
				Costs: map[string]float64{"bytes": bits * weights / 8},
			})
		}
		return it
	}
	p := Problem{
		Items:  []Item{layer("conv1", 100, 1), layer("fc", 1000, 1)},
		Limits: []Limit{{Cost: "bytes", Max: 700}},
	}
	s, err := Solve(context.Background(), p)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, j := range s.Choice {
		fmt.Println(p.Items[i].Name, p.Items[i].Candidates[j].Name)
	}
	fmt.Println(s.Costs["bytes"], "bytes")
	p.Limits[0].Max = 200
	_, err = Solve(context.Background(), p)
	fmt.Println(err)
	// Output:
	// conv1 8
	// fc 4
	// 600 bytes
	// alloc: no choice meets the limits: bytes at most 200, but the least is 275, 75 more
}
