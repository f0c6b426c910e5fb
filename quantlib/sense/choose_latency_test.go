package sense

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/alloc"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/plan"
)

// slowDevice makes every part of the roofline count on a tiny network.
func slowDevice() *hardware.Profile {
	p := hardware.Simulation()
	p.Name = "slow"
	p.Units = []hardware.Unit{{Weight: 4, Activation: 4, MACs: 4e6}, {Weight: 8, Activation: 8, MACs: 1e6}, {Weight: 32, Activation: 32, MACs: 2e5}}
	p.Storage, p.Pack, p.Memory, p.Elementwise, p.Launch = []int{4, 8, 32}, 1e6, 1e6, 1e6, 1e-5
	return p
}

func deviceTable(t *testing.T, seed uint64, widths ...int) *Table {
	t.Helper()
	table := handTable(t, seed, widths...)
	s, err := exec.New(table.m.Graph, exec.Options{Visible: table.m.Activations()})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Work(context.Background(), s, table.m, one{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	on, err := table.On(w, slowDevice())
	if err != nil {
		t.Fatal(err)
	}
	return on
}

func TestWorkCountsWhatTheShapesSay(t *testing.T) {
	table := deviceTable(t, 1, 2, 4, 8)
	tie := func(value string) int {
		for _, q := range table.m.Quantizers {
			if q.Value == value {
				return q.Tie
			}
		}
		return -1
	}
	for i, want := range []Unit{
		{Nodes: []string{"c1"}, Layer: 0, Weight: tie("w1"), Input: tie("x"), Output: -1,
			Work: hardware.Work{Node: "c1", Op: "Conv", MACs: handMACs[0], Weights: 144, Inputs: 72, Outputs: 288}},
		{Nodes: []string{"r1"}, Layer: -1, Weight: -1, Input: -1, Output: tie("b"),
			Work: hardware.Work{Node: "r1", Op: "Relu", Inputs: 288, Outputs: 288}},
		{Nodes: []string{"c2"}, Layer: 1, Weight: tie("w2"), Input: tie("b"), Output: -1,
			Work: hardware.Work{Node: "c2", Op: "Conv", MACs: handMACs[1], Weights: 72, Inputs: 288, Outputs: 288}},
		{Nodes: []string{"c3"}, Layer: 2, Weight: tie("w3"), Input: tie("b"), Output: -1,
			Work: hardware.Work{Node: "c3", Op: "Conv", MACs: handMACs[2], Weights: 64, Inputs: 288, Outputs: 288}},
		{Nodes: []string{"sum"}, Layer: -1, Weight: -1, Input: -1, Output: tie("h"),
			Work: hardware.Work{Node: "sum", Op: "Add", Inputs: 576, Outputs: 288}},
		{Nodes: []string{"fc"}, Layer: 3, Weight: tie("w4"), Input: tie("h"), Output: -1,
			Work: hardware.Work{Node: "fc", Op: "Gemm", MACs: handMACs[3], Weights: 1445, Inputs: 288, Outputs: 5}},
	} {
		got := table.work.Units[i]
		if len(got.Nodes) != 1 || got.Nodes[0] != want.Nodes[0] || got.Layer != want.Layer || got.Weight != want.Weight ||
			got.Input != want.Input || got.Output != want.Output || got.Work != want.Work {
			t.Errorf("unit %d is %+v, want %+v", i, got, want)
		}
	}
	if n := len(table.work.Units); n != 6 {
		t.Errorf("%d units, want 6: a Flatten does nothing", n)
	}
	if got := table.work.Elements[tie("b")]; got != 288 {
		t.Errorf("%d elements of b, want 288", got)
	}
}

func TestChooseUnderLatencyEqualsBruteForce(t *testing.T) {
	widths := []int{2, 4, 8}
	for seed := range uint64(4) {
		table := deviceTable(t, seed, widths...)
		fast, slow := math.Inf(1), 0.0
		every(table.m, widths, func(p plan.Plan) {
			fast, slow = min(fast, table.Latency(p)), max(slow, table.Latency(p))
		})
		if !(slow > 1.5*fast) {
			t.Fatalf("latencies %v..%v: widths hardly matter, which tests nothing", fast, slow)
		}
		for _, x := range []float64{0.3, 0.5, 0.8, 1} {
			for name, c := range map[string]struct {
				l    Limits
				acts []int
			}{
				"one activation width": {Limits{Seconds: fast + (slow-fast)*x}, []int{4}},
				"all":                  {Limits{Seconds: fast + (slow-fast)*x}, nil},
				"mean activation bits": {Limits{MeanActivationBits: 2 + 6*x}, nil},
				"both":                 {Limits{Seconds: fast + (slow-fast)*x, MeanActivationBits: 9 - 6*x, Bytes: table.m.Uniform(8, 8).Bytes() * 3 / 4}, nil},
			} {
				sp := Space{Activations: c.acts}
				least := math.Inf(1)
				every(table.m, widths, func(p plan.Plan) {
					for i, tie := range table.m.Ties {
						if c.acts != nil && tie.Role == plan.Activation && p.Tie(i).Width() != c.acts[0] {
							return
						}
					}
					truth := table.Latency(p)
					if c.l.Seconds > 0 && truth > c.l.Seconds*(1+slack) || c.l.Bytes > 0 && p.Bytes() > c.l.Bytes ||
						c.l.MeanActivationBits > 0 && table.MeanActivationBits(p) > c.l.MeanActivationBits*(1+slack) {
						return
					}
					n, err := table.Predict(p)
					if err != nil {
						t.Fatal(err)
					}
					least = min(least, n.Mean)
				})
				got, err := table.Choose(context.Background(), sp, c.l)
				if math.IsInf(least, 1) {
					if err == nil {
						t.Errorf("seed %d, %s at %v: a plan where brute force has none", seed, name, x)
					}
					continue
				}
				if err != nil {
					t.Fatalf("seed %d, %s at %v: %v", seed, name, x, err)
				}
				if math.Abs(got.Noise.Mean-least) > slack*least {
					t.Errorf("seed %d, %s at %v: noise %v, brute force %v", seed, name, x, got.Noise.Mean, least)
				}
				if got.Gap != 0 {
					t.Errorf("seed %d, %s at %v: a gap of %v", seed, name, x, got.Gap)
				}
				if c.l.Seconds > 0 && got.Seconds > c.l.Seconds*(1+slack) {
					t.Errorf("seed %d, %s at %v: %v s, limit %v", seed, name, x, got.Seconds, c.l.Seconds)
				}
			}
		}
	}
}

// The frontier is the Pareto set of all plans, and no plan that is chosen lies below
// it, whatever it was chosen for.
func TestLatencyFrontierIsTheParetoSetOfAllPlans(t *testing.T) {
	ctx := context.Background()
	widths := []int{2, 4, 8}
	for seed := range uint64(6) {
		table := deviceTable(t, seed, widths...)
		f, err := table.Frontier(ctx, Space{}, Latency)
		if err != nil {
			t.Fatal(err)
		}
		if f.Epsilon != 0 || len(f.Points) < 5 {
			t.Fatalf("seed %d: %d points, epsilon %v", seed, len(f.Points), f.Epsilon)
		}
		below := func(seconds, noise float64) bool {
			i := f.Within(seconds * (1 + slack))
			return i < 0 || f.Points[i].Noise > noise*(1+slack)
		}
		every(table.m, widths, func(p plan.Plan) {
			n, err := table.Predict(p)
			if err != nil {
				t.Fatal(err)
			}
			if below(table.Latency(p), n.Mean) {
				t.Fatalf("seed %d: a plan of %v s and noise %v lies below the frontier", seed, table.Latency(p), n.Mean)
			}
		})
		for i, x := range f.Points {
			c, err := f.Choice(i)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(c.Seconds-x.Cost) > slack*x.Cost || math.Abs(c.Noise.Mean-x.Noise) > slack*x.Noise {
				t.Fatalf("seed %d: point %d says %v, its plan %v s and noise %v", seed, i, x, c.Seconds, c.Noise.Mean)
			}
			if i > 0 && !(x.Cost > f.Points[i-1].Cost && x.Noise < f.Points[i-1].Noise) {
				t.Fatalf("seed %d: point %d, %v, does not follow %v", seed, i, x, f.Points[i-1])
			}
			if i%(1+len(f.Points)/12) != 0 {
				continue
			}
			least, err := table.Choose(ctx, Space{}, Limits{Seconds: x.Cost})
			if err != nil {
				t.Fatal(err)
			}
			fast, err := table.TargetNoise(ctx, Space{}, x.Noise*(1+slack), Latency)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(least.Noise.Mean-x.Noise) > slack*x.Noise || math.Abs(fast.Seconds-x.Cost) > slack*x.Cost {
				t.Errorf("seed %d: point %v; at its cost %v, at its noise %v s", seed, x, least.Noise.Mean, fast.Seconds)
			}
		}
	}
}

func TestLatencyFrontierAgreesWithChoose(t *testing.T) {
	table := deviceTable(t, 3, 2, 4, 8)
	for _, cost := range []string{Latency, MeanActivationBits} {
		f, err := table.Frontier(context.Background(), Space{}, cost)
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Points) < 5 {
			t.Fatalf("%s: %d points", cost, len(f.Points))
		}
		for i := 0; i < len(f.Points); i += max(1, len(f.Points)/7) {
			l := Limits{Seconds: f.Points[i].Cost}
			if cost == MeanActivationBits {
				l = Limits{MeanActivationBits: f.Points[i].Cost}
			}
			c, err := table.Choose(context.Background(), Space{}, l)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(c.Noise.Mean-f.Points[i].Noise) > slack*c.Noise.Mean {
				t.Errorf("%s %v: frontier %v, choice %v", cost, f.Points[i].Cost, f.Points[i].Noise, c.Noise.Mean)
			}
		}
	}
}

func TestBoundsHoldTies(t *testing.T) {
	table := deviceTable(t, 2, 2, 4, 8)
	ctx := context.Background()
	sp := Space{Bounds: []Bound{{Layers: "c*", LeastWeight: 4, MostActivation: 4}, {Layers: "fc", MostWeight: 4}}}
	for _, bits := range []float64{3, 3.5, 4, 6, 8} {
		c, err := table.Choose(ctx, sp, Limits{MeanWeightBits: bits})
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range table.m.Layers {
			w, a := c.Plan.Layer(i)
			if l.Name == "fc" && w.Width() > 4 || l.Name != "fc" && (w.Width() < 4 || a.Width() > 4) {
				t.Errorf("at %v bits: %s has %v and %v", bits, l.Name, w, a)
			}
		}
	}
	for name, c := range map[string]struct {
		sp   Space
		want string
	}{
		"a bound that matches nothing":      {Space{Bounds: []Bound{{Layers: "nothing", MostWeight: 4}}}, "nothing"},
		"a bound that excludes itself":      {Space{Bounds: []Bound{{Layers: "c1", LeastWeight: 8, MostWeight: 4}}}, "c1"},
		"a bound that leaves nothing":       {Space{Bounds: []Bound{{Layers: "c1", LeastWeight: 9}}}, "none of [2 4 8] bits"},
		"a limit that only float32 exceeds": {Space{Weights: []int{0}, Bounds: []Bound{{Layers: "c1", MostWeight: 16}}}, "none of [0] bits"},
	} {
		if _, err := table.Choose(ctx, c.sp, Limits{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
	// A pin goes before a bound.
	c, err := table.Choose(ctx, Space{Pins: []Pin{{"c1", 2, -1}}, Bounds: []Bound{{Layers: "*", LeastWeight: 4}}}, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if w, _ := c.Plan.Layer(0); w.Width() != 2 {
		t.Errorf("the pinned layer has %v", w)
	}
}

func TestLatencyWithoutFiguresIsAnError(t *testing.T) {
	table := handTable(t, 1, 2, 4, 8)
	ctx := context.Background()
	if _, err := table.Choose(ctx, Space{}, Limits{Seconds: 1}); err == nil || !strings.Contains(err.Error(), "Table.On") {
		t.Errorf("without shapes: %v", err)
	}
	on := deviceTable(t, 1, 2, 4, 8)
	none, err := on.On(on.work, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := none.Choose(ctx, Space{}, Limits{Seconds: 1}); err == nil || !strings.Contains(err.Error(), "simulation") {
		t.Errorf("a profile without figures: %v", err)
	}
	var infeasible *alloc.InfeasibleError
	if _, err := on.Choose(ctx, Space{}, Limits{Seconds: 1e-9}); err == nil || !strings.Contains(err.Error(), Latency) {
		t.Errorf("an impossible latency: %v", err)
	} else if !errors.As(err, &infeasible) {
		t.Errorf("an impossible latency: %v is no InfeasibleError", err)
	}
}
