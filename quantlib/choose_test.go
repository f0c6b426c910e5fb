package quantlib_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/alloc"
	"github.com/quantnb/quantnb/quantlib/sense"
)

// few is a study with few samples.
func few(t testing.TB) *quantlib.Study {
	s := newStudy(t, 48, 200)
	s.Samples = samples(16)
	return s
}

var space = quantlib.Space{Weights: []int{2, 4, 8}, Activations: []int{4, 8}}

func TestLargerBudgetIsNeverNoisier(t *testing.T) {
	notShort(t)
	ctx := context.Background()
	s := few(t)
	table, err := s.Table(ctx, 2, 4, 8)
	if err != nil {
		t.Fatal(err)
	}
	m := table.Grid().Map()
	low, high := m.Uniform(2, 4), m.Uniform(8, 8)
	last := [3]float64{2: 0}
	step := 1
	if quick() {
		step = 4
	}
	for k := 0; k < 9; k += step {
		at := func(a, b float64) float64 { return a + (b-a)*float64(k)/8 }
		for i, l := range []quantlib.Limits{
			{Bytes: int(at(float64(low.Bytes()), float64(high.Bytes())))},
			{MeanWeightBits: at(2, 8)},
			{BOPs: at(table.BOPs(low), table.BOPs(high))},
		} {
			c, err := table.Choose(ctx, space, l)
			if err != nil {
				t.Fatalf("%+v: %v", l, err)
			}
			if k > 0 && c.Noise.Mean > last[i] {
				t.Errorf("%+v: noise grows from %v to %v", l, last[i], c.Noise.Mean)
			}
			last[i] = c.Noise.Mean
			if l.Bytes > 0 && c.Plan.Bytes() > l.Bytes ||
				l.MeanWeightBits > 0 && c.Plan.MeanBits() > l.MeanWeightBits+1e-9 ||
				l.BOPs > 0 && table.BOPs(c.Plan) > l.BOPs*(1+1e-9) {
				t.Errorf("%+v: beyond the limit: %v", l, c)
			}
		}
	}
	_, err = s.Choose(ctx, space, quantlib.Limits{Bytes: low.Bytes() - 1})
	var infeasible *alloc.InfeasibleError
	if !errors.As(err, &infeasible) || !strings.Contains(err.Error(), "bytes at most") {
		t.Errorf("too few bytes: %v", err)
	}
}

func TestThreadsDoNotChangeThePlans(t *testing.T) {
	notShort(t)
	ctx := context.Background()
	var first []string
	for _, threads := range append([]int{1}, threads(2, 8)...) {
		g := sweep(t, threads, sense.Config{Widths: []int{2, 4, 8}, Samples: 12, Batch: 5})
		table, err := sense.NewTable(g, nil)
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		f, err := table.Frontier(ctx, space, quantlib.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Thin(12) {
			keys = append(keys, fmt.Sprint(f.Points[i], f.Plan(i).Key()))
		}
		for _, bits := range []float64{3, 4, 5.5} {
			c, err := table.Choose(ctx, space, quantlib.Limits{MeanWeightBits: bits})
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, c.Plan.Key())
		}
		if first == nil {
			first = keys
		}
		if strings.Join(keys, "\n") != strings.Join(first, "\n") {
			t.Errorf("%d threads give other plans than one:\n%v\n%v", threads, keys, first)
		}
	}
}

func TestTargetDropIsMeasured(t *testing.T) {
	notShort(t)
	ctx := context.Background()
	s := few(t)
	const drop = 0.02
	got, err := s.Target(ctx, space, quantlib.Bytes, quantlib.DropAtMost(drop))
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Evaluate(ctx, got.Plan)
	if err != nil {
		t.Fatal(err)
	}
	if a.Top1 != got.Accuracy.Top1 || got.Float.Top1.Mean-a.Top1.Mean > drop+1e-9 {
		t.Errorf("found %v, measured %v, float %v", got.Accuracy, a, got.Float)
	}
	eight, err := s.Uniform(8, 8)
	if err != nil {
		t.Fatal(err)
	}
	if got.Bytes >= eight.Bytes() {
		t.Errorf("%d bytes, no fewer than 8 bits everywhere", got.Bytes)
	}
	if _, err := s.Target(ctx, space, quantlib.Bytes, quantlib.CosineAbove(1)); err == nil {
		t.Error("a cosine above 1 is met")
	}
}

// The sum of single layers' noise orders plans along the frontier almost as
// measuring does, and is off by less than what one bit makes (6 dB).
func TestPredictionMeetsMeasurement(t *testing.T) {
	k, err := few(t).Check(context.Background(), space, quantlib.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%v", k)
	if k.Rank < 0.95 || k.Bias < -6 || k.Bias > 6 || len(k.Points) < 8 {
		t.Errorf("rank correlation %.3f, bias %.2f dB over %d points", k.Rank, k.Bias, len(k.Points))
	}
}

func TestRaiseAndOpenSpaces(t *testing.T) {
	notShort(t)
	ctx := context.Background()
	s := few(t)
	s.Samples = 4
	c, err := s.Raise(ctx, 4, 8, 3)
	if err != nil {
		t.Fatal(err)
	}
	low := quantlib.Must(s.Uniform(4, 4))
	raised := 0
	for i := range c.Plan.Map().Layers {
		if w, _ := c.Plan.Layer(i); w.Bits == 8 {
			raised++
		}
	}
	if raised != 3 || c.Diff != c.Plan.Diff(low) || c.Bytes <= low.Bytes() {
		t.Errorf("%d layers raised: %v", raised, c)
	}
	for _, bad := range [][3]int{{0, 8, 1}, {8, 4, 1}, {4, 17, 1}, {4, 8, -1}} {
		if _, err := s.Raise(ctx, bad[0], bad[1], bad[2]); err == nil {
			t.Errorf("Raise%v: no error", bad)
		}
	}
	// Weights of a width that Grid does not measure by itself, activations open.
	c, err = s.Choose(ctx, quantlib.Space{Weights: []int{7}}, quantlib.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if c.MeanBits != 7 {
		t.Errorf("weights of %v bits, want 7", c.MeanBits)
	}
	if _, err := s.Choose(ctx, quantlib.Space{Weights: []int{0}, Activations: []int{0}}, quantlib.Limits{}); err == nil {
		t.Error("a space with nothing to choose: no error")
	}
}

// exampleStudy is the embedded network with few images, for speed.
func exampleStudy() *quantlib.Study {
	images := demo.Calibration()
	size := images.C * images.H * images.W
	return &quantlib.Study{
		Model: quantlib.Must(quantlib.Decode(demo.Model())),
		Calibration: quantlib.Images{
			Pixels: images.Pixels[:32*size], Shape: []int{images.C, images.H, images.W}, Divide: 255},
		Samples: 16, NoMemo: true,
	}
}

func ExampleStudy_Choose() {
	study := exampleStudy()
	four := quantlib.Must(study.Uniform(4, 8))
	choice := quantlib.Must(study.Choose(context.Background(), quantlib.Space{
		Weights: []int{2, 4, 8}, Activations: []int{8}, Before: four,
	}, quantlib.Limits{Bytes: four.Bytes()}))
	fmt.Println(four.Bytes(), "bytes before,", choice.Bytes, "after")
	fmt.Print(choice.Diff)
	// Output:
	// 24992 bytes before, 24816 after
	// stem/conv: weight int4 narrow per-channel → int8 narrow per-channel
	// block1/dw: weight int4 narrow per-channel → int8 narrow per-channel
	// block1/pw: weight int4 narrow per-channel → int8 narrow per-channel
	// se/reduce: weight int4 narrow per-channel → int2 narrow per-channel
}

func ExampleStudy_Frontier() {
	study := exampleStudy()
	front := quantlib.Must(study.Frontier(context.Background(), quantlib.Space{
		Weights: []int{4, 8}, Activations: []int{8},
	}, quantlib.MeanWeightBits))
	for _, i := range front.Thin(5) {
		p := front.Points[i]
		fmt.Printf("%.2f bits: SQNR %.0f dB\n", p.Cost, p.SQNR())
	}
	// Output:
	// 4.00 bits: SQNR 13 dB
	// 4.96 bits: SQNR 18 dB
	// 5.99 bits: SQNR 23 dB
	// 6.77 bits: SQNR 27 dB
	// 8.00 bits: SQNR 33 dB
}

func ExampleStudy_Raise() {
	study := exampleStudy()
	choice := quantlib.Must(study.Raise(context.Background(), 4, 8, 2))
	fmt.Print(choice.Diff)
	// Output:
	// stem/conv: weight int4 narrow per-channel → int8 narrow per-channel
	// stem/conv: activation uint4 → uint8
	// block1/dw: weight int4 narrow per-channel → int8 narrow per-channel
	// block1/dw: activation uint4 → uint8
}
