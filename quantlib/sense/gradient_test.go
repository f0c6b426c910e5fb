package sense

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// drawn is n random samples of a shape, with or without labels.
type drawn struct {
	n     int
	name  string
	shape []int
}

func (d drawn) Len() int { return d.n }

func (d drawn) Batch(lo, hi int) (exec.Values, error) {
	t := tensor.New(tensor.Float32, append([]int{hi - lo}, d.shape...)...)
	size := t.Len() / (hi - lo)
	for i := lo; i < hi; i++ {
		r := rand.New(rand.NewPCG(17, uint64(i)))
		for k := range size {
			t.F32()[(i-lo)*size+k] = float32(r.NormFloat64())
		}
	}
	return exec.Values{d.name: t}, nil
}

type labeled struct{ drawn }

func (l labeled) Label(i int) int { return i % 3 }

// subject is a network with statistics of its samples.
func subject(t *testing.T, m *plan.Map, data calibrate.Samples, threads int) Subject {
	t.Helper()
	s, err := exec.New(m.Graph, exec.Options{Threads: threads, Visible: m.Activations()})
	if err != nil {
		t.Fatal(err)
	}
	st, err := calibrate.Collect(context.Background(), s, m, data, calibrate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return Subject{s, st, data}
}

func score1(t *testing.T, sc Scorer, s Subject, c Config) *Grid {
	t.Helper()
	g, err := sc.Score(context.Background(), s, c)
	if err != nil {
		t.Fatal(err)
	}
	if g.Scorer != sc.Key() {
		t.Errorf("the grid's scorer is %q, the key %q", g.Scorer, sc.Key())
	}
	return g
}

// linear is y = softmaxless W·x, after which everything is known.
func linear(t *testing.T, tail string) *plan.Map {
	t.Helper()
	value := func(name string, n int) graph.Value {
		return graph.Value{Name: name, DType: tensor.Float32, Ranked: true, Dims: []graph.Dim{{Size: -1, Name: "N"}, {Size: n}}}
	}
	r := rand.New(rand.NewPCG(1, 2))
	w := tensor.New(tensor.Float32, 4, 7)
	for i := range w.F32() {
		w.F32()[i] = float32(r.NormFloat64() / 3)
	}
	nodes := []*graph.Node{{Name: "fc", Op: "Gemm", Inputs: []string{"x", "w"}, Outputs: []string{"y"}, Attrs: []graph.Attr{graph.IntAttr("transB", 1)}}}
	if tail != "" {
		nodes[0].Outputs[0] = "a"
		nodes = append(nodes, &graph.Node{Name: "tail", Op: tail, Inputs: []string{"a"}, Outputs: []string{"y"}})
	}
	g, err := graph.New(graph.Parts{Inputs: []graph.Value{value("x", 7)}, Outputs: []graph.Value{value("y", 4)},
		Consts: []*graph.Const{{Name: "w", Tensor: w}}, Nodes: nodes, Model: &graph.Model{Opsets: map[string]int{"": 13}}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := plan.Place(g)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestOnePassIsExactWhereTheNetworkIsLinear: with as many probes as outputs, what
// is left is the rounding of float32, and in Both the product of the two errors.
func TestOnePassIsExactWhereTheNetworkIsLinear(t *testing.T) {
	s := subject(t, linear(t, ""), drawn{9, "x", []int{7}}, 2)
	c := Config{Widths: []int{1, 2, 4, 8}}
	exact, fast := score1(t, Exact{}, s, c), score1(t, OnePass{Probes: 4}, s, c)
	for i, want := range exact.Cells {
		got := fast.Cells[i]
		mode := exact.place(i).Mode
		tolerance := 1e-3
		if mode == Both {
			if exact.place(i).Bits == 1 {
				continue // errors as large as the values: their product is all that matters
			}
			tolerance = math.Sqrt(want.NSR.Mean)
		}
		if got.Valid != want.Valid || math.Abs(got.NSR.Mean/want.NSR.Mean-1) > tolerance {
			t.Errorf("%v: %v, exactly %v", exact.place(i), got.NSR, want.NSR)
		}
		if mode != Both && (math.Abs(got.NSR.StdErr/want.NSR.StdErr-1) > tolerance || math.Abs(got.MSE.Mean/want.MSE.Mean-1) > tolerance) {
			t.Errorf("%v: error bar %v and MSE %v, exactly %v and %v", exact.place(i), got.NSR.StdErr, got.MSE, want.NSR.StdErr, want.MSE)
		}
		if !math.IsNaN(got.Cosine.Mean) || !math.IsNaN(got.Agreement.Mean) {
			t.Errorf("%v: cosine %v and agreement %v were not estimated", exact.place(i), got.Cosine, got.Agreement)
		}
	}
	if !slices.Equal(fast.Ties, exact.Ties) || len(fast.NSRs) != len(exact.NSRs) {
		t.Errorf("ties %v and %d noises, exactly %v and %d", fast.Ties, len(fast.NSRs), exact.Ties, len(exact.NSRs))
	}
}

// TestProbesAverageToTheWhole: over many seeds a single probe's mean is what all
// probes give, within four standard errors.
func TestProbesAverageToTheWhole(t *testing.T) {
	s := subject(t, handNet(t), drawn{2, "x", []int{2, 6, 6}}, 2)
	c := Config{Widths: []int{4}}
	all := score1(t, OnePass{Probes: 8}, s, c) // 5 outputs
	const seeds = 200
	sums, squares := make([]float64, len(all.Cells)), make([]float64, len(all.Cells))
	for seed := range uint64(seeds) {
		for i, cell := range score1(t, OnePass{Probes: 1, Seed: seed}, s, c).Cells {
			sums[i] += cell.NSR.Mean
			squares[i] += cell.NSR.Mean * cell.NSR.Mean
		}
	}
	for i, cell := range all.Cells {
		mean := sums[i] / seeds
		bar := math.Sqrt((squares[i]/seeds - mean*mean) / seeds)
		if cell.Valid && math.Abs(mean-cell.NSR.Mean) > 4*bar {
			t.Errorf("%v: single probes give %.4g ± %.2g, all %.4g", all.place(i), mean, bar, cell.NSR.Mean)
		}
	}
}

func TestScorersGiveTheSameBitsOnAnyNumberOfThreads(t *testing.T) {
	for _, sc := range []Scorer{OnePass{}, HAWQ{Probes: 3}, HAWQ{GaussNewton: true}, ClosedForm{}, Random{}} {
		c := Config{Widths: []int{2, 8}, Batch: 3}
		one := score1(t, sc, subject(t, handNet(t), labeled{drawn{7, "x", []int{2, 6, 6}}}, 1), c)
		for _, threads := range []int{2, 8} {
			many := score1(t, sc, subject(t, handNet(t), labeled{drawn{7, "x", []int{2, 6, 6}}}, threads), c)
			for i := range one.Cells {
				if a, b := one.Cells[i].NSR, many.Cells[i].NSR; math.Float64bits(a.Mean) != math.Float64bits(b.Mean) {
					t.Errorf("%s, %v: %v on one thread, %v on %d", sc.Key(), one.place(i), a, b, threads)
				}
			}
		}
	}
}

// TestHAWQFindsTheTraceOfASoftmaxRegression, which is known: for logits W·x the
// Hessian of the cross-entropy by W is (diag p - ppᵀ) ⊗ xxᵀ, whose trace is
// Σ p(1-p)·‖x‖², whatever the labels.
func TestHAWQFindsTheTraceOfASoftmaxRegression(t *testing.T) {
	for _, tail := range []string{"", "Softmax", "LogSoftmax"} {
		m := linear(t, tail)
		data := labeled{drawn{8, "x", []int{7}}}
		s := subject(t, m, data, 2)
		in, _ := data.Batch(0, 8)
		want, x, w := 0.0, in["x"].F32(), m.Graph.Const("w").F32()
		for i := range 8 {
			var p [4]float64
			sum, square := 0.0, 0.0
			for k := range p {
				z := 0.0
				for j := range 7 {
					z += float64(w[k*7+j]) * float64(x[i*7+j])
				}
				p[k] = math.Exp(z)
				sum += p[k]
			}
			for j := range 7 {
				square += float64(x[i*7+j]) * float64(x[i*7+j])
			}
			for k := range p {
				want += p[k] / sum * (1 - p[k]/sum) * square / 8
			}
		}
		g := score1(t, HAWQ{Probes: 400}, s, Config{Widths: []int{4}})
		p, err := s.Stats.Params(m.Layers[0].Weight, schemeOf(m, m.Quantizers[m.Layers[0].Weight].Tie, 4), calibrate.Methods{})
		if err != nil {
			t.Fatal(err)
		}
		q := make([]float32, len(w))
		scheme := schemeOf(m, m.Quantizers[m.Layers[0].Weight].Tie, 4)
		p.FakeQuantize(q, w, layout(m.Quantizers[m.Layers[0].Weight], scheme, []int{4, 7}), scheme)
		want *= quant.Compare(w, q).Noise / 28
		got := g.At("fc", 4, Weight).NSR
		if math.Abs(got.Mean-want) > 4*got.StdErr || got.StdErr > 0.1*want {
			t.Errorf("after %q: %.4g ± %.2g, want %.4g", tail, got.Mean, got.StdErr, want)
		}
		for _, mode := range []Mode{Activation, Both} {
			if g.At("fc", 4, mode).Valid {
				t.Errorf("%v has a score", mode)
			}
		}
		// All classes at once leave the rounding of float32.
		whole := score1(t, HAWQ{GaussNewton: true}, s, Config{Widths: []int{4}}).At("fc", 4, Weight).NSR
		if math.Abs(whole.Mean-want) > 1e-4*want {
			t.Errorf("after %q, by Gauss-Newton: %.6g, want %.6g", tail, whole.Mean, want)
		}
		// Without labels the trace of a softmax regression is the same.
		s.Data = data.drawn
		own := score1(t, HAWQ{Probes: 400}, s, Config{Widths: []int{4}}).At("fc", 4, Weight).NSR
		if math.Abs(own.Mean-want) > 4*own.StdErr {
			t.Errorf("after %q, own answers: %.4g ± %.2g, want %.4g", tail, own.Mean, own.StdErr, want)
		}
	}
}

func TestHAWQNeedsClasses(t *testing.T) {
	s := subject(t, linear(t, ""), labeled{drawn{4, "x", []int{7}}}, 1)
	s.Data = bad{s.Data.(labeled)}
	if _, err := (HAWQ{}).Score(context.Background(), s, Config{}); err == nil || !strings.Contains(err.Error(), "label 9 of 4 classes") {
		t.Errorf("a label that is no class gives %v", err)
	}
}

type bad struct{ labeled }

func (bad) Label(int) int { return 9 }

func TestClosedFormIsTheWeightsOwnNoise(t *testing.T) {
	m := handNet(t)
	s := subject(t, m, drawn{2, "x", []int{2, 6, 6}}, 1)
	g := score1(t, ClosedForm{}, s, Config{Widths: []int{1, 3, 8}})
	for _, l := range m.Layers {
		for _, bits := range g.Widths {
			q := m.Quantizers[l.Weight]
			p := m.Float().WithTie(q.Tie, schemeOf(m, q.Tie, bits))
			change, err := s.Stats.Change(p, calibrate.Methods{})
			if err != nil {
				t.Fatal(err)
			}
			want := quant.NSR(m.Graph.Const(q.Value).F32(), change.Consts[q.Value].F32())
			if got := g.At(l.Name, bits, Weight).NSR.Mean; math.Abs(got/want-1) > 1e-6 {
				t.Errorf("%s at %d bits: %v, want %v", l.Name, bits, got, want)
			}
		}
	}
}

func TestOnePassErrorIsQuantizedLessFloat(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	x := make([]float32, 40*130)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	narrow := quant.Int(4).PerChannel()
	narrow.Narrow = true
	for _, c := range []struct {
		name string
		s    quant.Scheme
		l    quant.Layout
	}{
		{"one scale", quant.Uint(5), quant.Whole(len(x))},
		{"a scale for each row", narrow, quant.Channels([]int{40, 130}, 0)},
		{"a scale for each column", narrow, quant.Channels([]int{40, 130}, 1)},
		{"a scale and a zero point for each column", quant.Uint(4).PerChannel(), quant.Channels([]int{40, 130}, 1)},
		{"runs of nine", narrow, quant.Channels([]int{520, 10}, 0)},
		{"groups along the rows", narrow, quant.Groups([]int{40, 130}, 0, 1, 32)},
		{"groups along the columns", narrow, quant.Groups([]int{40, 130}, 1, 0, 16)},
		{"signs", quant.Int(1).PerChannel(), quant.Channels([]int{40, 130}, 0)},
		{"signs by column", quant.Int(1).PerChannel(), quant.Channels([]int{40, 130}, 1)},
	} {
		p := quant.Weights(x, c.l, c.s)
		want := make([]float32, len(x))
		p.FakeQuantize(want, x, c.l, c.s)
		rd := rounding{p, c.s, c.l}
		next := 0
		rd.each(x, make([]float32, errorBlock), func(at int, e []float32) {
			if at != next {
				t.Fatalf("%s: block at %d, want %d", c.name, at, next)
			}
			for i, v := range e {
				if want := want[at+i] - x[at+i]; v != want {
					t.Fatalf("%s: element %d: %v, want %v", c.name, at+i, v, want)
				}
			}
			next += len(e)
		})
		if next != len(x) {
			t.Errorf("%s: %d of %d elements", c.name, next, len(x))
		}
	}
}

func TestRankCorrelationByHand(t *testing.T) {
	grid := func(widths []int, layers []string, nsr ...float64) *Grid {
		g := &Grid{Widths: widths, Layers: layers, Cells: make([]Cell, 3*len(widths)*len(layers))}
		for i, v := range nsr {
			g.Cells[3*i] = Cell{Valid: v != 0, NSR: Measure{Mean: v}}
		}
		return g
	}
	a := grid([]int{2, 4}, []string{"p", "q", "r"}, 8, 1, 4, 2, 2, 3)
	b := grid([]int{2, 4, 8}, []string{"r", "q", "p", "s"}, 1, 3, 9, 2, 2, 9, 16, 1, 9, 1, 1, 1)
	r, err := RankCorrelation(a, b, Weight)
	if err != nil {
		t.Fatal(err)
	}
	// At 2 bits p, q, r are 8, 4, 2 and 16, 2, 1; at 4 bits 1, 2, 3 and 1, 2, 3.
	if len(r.Widths) != 2 || r.Widths[0].Rank != 1 || r.Widths[0].Ratio != 2 || r.Widths[1].Rank != 1 || r.Widths[1].Ratio != 1 || r.Cells != 6 {
		t.Errorf("ranking %+v", r)
	}
	if r, err = RankCorrelation(a, b, Weight, 4); err != nil || r.Cells != 3 || r.Rank != 1 {
		t.Errorf("at 4 bits %+v, %v", r, err)
	}
	if _, err = RankCorrelation(a, b, Weight, 8); err == nil {
		t.Error("a width that one grid lacks is taken")
	}
	if r, err = RankCorrelation(a, b, Both); err != nil || r.Cells != 0 || !math.IsNaN(r.Rank) || !math.IsNaN(r.Ratio) {
		t.Errorf("without cells %+v, %v", r, err)
	}
}

func TestOnePassStopsWithItsContext(t *testing.T) {
	s := subject(t, handNet(t), drawn{4, "x", []int{2, 6, 6}}, 2)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, sc := range []Scorer{OnePass{}, HAWQ{}, ClosedForm{}} {
		if _, err := sc.Score(ctx, s, Config{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error is %v", sc.Key(), err)
		}
	}
}
