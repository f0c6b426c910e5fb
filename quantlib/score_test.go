package quantlib_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/sense"
)

const (
	// minRank is the least rank correlation of one-pass grids with exact ones over
	// all layers at 4 bits and more.
	minRank = 0.98
	// ranksWithin and ratiosWithin are for the weights at single widths. Of ten
	// layers two neighbours that change places cost 0.012.
	ranksWithin = 0.9
)

// ratiosWithin bounds the median of estimated over exact noise: with 64 samples
// and 8 probes the estimates spread by some 10 % about it.
var ratiosWithin = [2]float64{0.85, 1.18}

func cifar(t *testing.T, n int) quantlib.Images {
	t.Helper()
	return quantlib.Images{
		Pixels: sharedBytes(t, "data", "cifar10_test1000_images_u8_nchw.bin")[:n*3072], Shape: []int{3, 32, 32},
		Labels: sharedBytes(t, "data", "cifar10_test1000_labels_u8.bin")[:n],
	}
}

// TestOnePassRanksLayersAsExactMeasurementDoes on trained networks, before their
// softmax.
func TestOnePassRanksLayersAsExactMeasurementDoes(t *testing.T) {
	long(t, "measures three networks exactly")
	for _, name := range []string{"demo", "resnet8_cifar10", "resnet8_large_cifar10"} {
		t.Run(name, func(t *testing.T) {
			var s *quantlib.Study
			if name == "demo" {
				s = &quantlib.Study{Model: demoModel(t), Calibration: demoImages(demo.Calibration(), 64)}
			} else {
				m, err := openShared(t, name).Logits()
				if err != nil {
					t.Fatal(err)
				}
				s = &quantlib.Study{Model: m, Calibration: cifar(t, 64)}
			}
			s.NoMemo = true
			if name == "resnet8_large_cifar10" {
				s.Samples = 24 // exact measurement of 64 takes 20 seconds
			}
			widths := []int{2, 4, 6, 8}
			exact, err := s.Score(context.Background(), quantlib.Exact{}, widths...)
			if err != nil {
				t.Fatal(err)
			}
			fast, err := s.Score(context.Background(), quantlib.OnePass{Probes: 8}, widths...)
			if err != nil {
				t.Fatal(err)
			}
			for _, mode := range []quantlib.Mode{quantlib.Weight, quantlib.Activation, quantlib.Both} {
				r, err := quantlib.RankCorrelation(fast, exact, mode, 4, 6, 8)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%v:\n%v", mode, r)
				if !(r.Rank >= minRank) {
					t.Errorf("%v: rank correlation %.3f over all widths, want %v", mode, r.Rank, minRank)
				}
				for seed := range uint64(3) { // as few probes as it takes by itself
					few, err := s.Score(context.Background(), quantlib.OnePass{Seed: seed}, widths...)
					if err != nil {
						t.Fatal(err)
					}
					f, err := quantlib.RankCorrelation(few, exact, mode, 4, 6, 8)
					if err != nil {
						t.Fatal(err)
					}
					t.Logf("%v, seed %d, two probes: %.4f", mode, seed, f.Rank)
					if mode != quantlib.Activation && !(f.Rank >= minRank) {
						t.Errorf("%v: rank correlation %.3f with two probes and seed %d, want %v", mode, f.Rank, seed, minRank)
					}
				}
				for _, at := range r.Widths {
					if at.Ratio < ratiosWithin[0] || at.Ratio > ratiosWithin[1] || at.Rank < ranksWithin && mode == quantlib.Weight {
						t.Errorf("%v at %d bits: rank correlation %.3f, ratio %.2f", mode, at.Bits, at.Rank, at.Ratio)
					}
				}
			}
		})
	}
}

// TestScorersGiveWhatTheTableNeeds chooses weights by each scorer.
func TestScorersGiveWhatTheTableNeeds(t *testing.T) {
	notShort(t)
	for _, scorer := range []quantlib.Scorer{quantlib.OnePass{}, quantlib.HAWQ{Probes: 2}, quantlib.ClosedForm{}, quantlib.Random{Seed: 3}} {
		s := newStudy(t, 32, 10)
		s.Samples, s.Scorer = 16, scorer
		c, err := s.Choose(context.Background(), quantlib.Space{Weights: []int{2, 4, 8}, Activations: []int{0}}, quantlib.Limits{MeanWeightBits: 4})
		if err != nil {
			t.Errorf("%s: %v", scorer.Key(), err)
			continue
		}
		if bits := c.Plan.MeanBits(); bits > 4 || bits < 2 || math.IsNaN(c.Noise.Mean) {
			t.Errorf("%s: a plan of %.2f bits and noise %v", scorer.Key(), bits, c.Noise)
		}
	}
}

// TestGridsSayWhatTheyHave: figures that a scorer does not give are not printed as if
// it did.
func TestGridsSayWhatTheyHave(t *testing.T) {
	const bits = 4
	for _, c := range []struct {
		scorer quantlib.Scorer
		has    []quantlib.Metric
		head   string
		says   string
	}{
		{quantlib.Exact{}, []quantlib.Metric{quantlib.MetricSQNR, quantlib.MetricCosine, quantlib.MetricMSE, quantlib.MetricAgreement, quantlib.MetricLoss, quantlib.MetricTop1}, "SQNR (dB)", "re-run"},
		{quantlib.OnePass{Probes: 2}, []quantlib.Metric{quantlib.MetricSQNR, quantlib.MetricMSE}, "SQNR (dB)", "one pass"},
		{quantlib.HAWQ{GaussNewton: true}, nil, "score (dB)", "in nats"},
		{quantlib.ClosedForm{}, nil, "score (dB)", "weight's own"},
		{quantlib.Random{}, nil, "score (dB)", "random"},
	} {
		s := newStudy(t, 16, 10)
		s.Samples = 8
		g, err := s.Score(context.Background(), c.scorer, bits, 8)
		if err != nil {
			t.Fatal(err)
		}
		for m := quantlib.MetricSQNR; m <= quantlib.MetricTop1; m++ {
			if got, want := g.Has(m), slices.Contains(c.has, m); got != want {
				t.Errorf("%s: metric %d: %v, want %v", c.scorer.Key(), m, got, want)
			}
		}
		text := g.String()
		if !strings.Contains(text, c.head) || !strings.Contains(text, c.says) || strings.Contains(text, "NaN") {
			t.Errorf("%s prints\n%s", c.scorer.Key(), text)
		}
		if first := strings.Fields(strings.Split(text, "\n")[1]); first[1] == "–" {
			t.Errorf("%s prints nothing of the first layer:\n%s", c.scorer.Key(), text)
		}
		table, err := sense.NewTable(g, nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := table.Choose(context.Background(), quantlib.Space{Weights: []int{4, 8}, Activations: []int{0}}, quantlib.Limits{MeanWeightBits: 6})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(p.String(), "SQNR") != (c.head == "SQNR (dB)") {
			t.Errorf("%s: a plan says %q", c.scorer.Key(), p.String())
		}
	}
}

// TestEveryTestModelHasAWayBack holds all operators of the models at hand to
// having a derivative.
func TestEveryTestModelHasAWayBack(t *testing.T) {
	models := map[string]*quantlib.Model{"demo": demoModel(t)}
	for _, m := range sharedModels {
		t.Run(m.name, func(t *testing.T) { models[m.name] = openShared(t, m.name) })
	}
	for name, m := range models {
		places, err := m.Map()
		if err != nil {
			t.Fatal(err)
		}
		s, err := m.Session()
		if err != nil {
			t.Fatal(err)
		}
		var of, at []string
		for _, q := range places.Quantizers {
			of = append(of, q.Value)
		}
		for _, o := range s.Graph().Outputs() {
			at = append(at, o.Name)
		}
		if _, err := s.Gradient(at, of); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLogitsAreWhatTheSoftmaxTakes(t *testing.T) {
	m := openShared(t, "resnet8_cifar10")
	l, err := m.Logits()
	if err != nil {
		t.Fatal(err)
	}
	if same, err := l.Logits(); err != nil || same != l {
		t.Errorf("a network without softmax is changed: %v", err)
	}
	data := cifar(t, 4)
	data.Input = m.Graph().Inputs()[0].Name
	in, err := data.Batch(0, 4)
	if err != nil {
		t.Fatal(err)
	}
	var out [2][]float32
	for i, x := range []*quantlib.Model{m, l} {
		s, err := x.Session()
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.Run(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = v[s.Graph().Outputs()[0].Name].F32()
	}
	for i := range 4 {
		sum := 0.0
		for _, z := range out[1][i*10 : i*10+10] {
			sum += math.Exp(float64(z))
		}
		for k, p := range out[0][i*10 : i*10+10] {
			if want := math.Exp(float64(out[1][i*10+k])) / sum; math.Abs(float64(p)-want) > 1e-5 {
				t.Errorf("image %d, class %d: probability %v, by the logits %v", i, k, p, want)
			}
		}
	}
}

func TestScoreStopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := newStudy(t, 8, 8)
	if _, err := s.Score(ctx, quantlib.OnePass{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func ExampleStudy_Score() {
	model := quantlib.Must(quantlib.Decode(demo.Model()))
	images := demo.Calibration()
	study := quantlib.Study{Model: model, NoMemo: true, Samples: 32, Calibration: quantlib.Images{
		Pixels: images.Pixels[:64*28*28], Shape: []int{1, 28, 28}, Divide: 255}}
	ctx := context.Background()
	fast := quantlib.Must(study.Score(ctx, quantlib.OnePass{}, 4, 8))
	exact := quantlib.Must(study.Score(ctx, quantlib.Exact{}, 4, 8))
	r := quantlib.Must(quantlib.RankCorrelation(fast, exact, quantlib.Weight))
	fmt.Println(r.Rank > 0.98)
	// Output: true
}
