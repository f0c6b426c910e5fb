package chart

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// layerNames gives n names as they are found in models, some of them long.
func layerNames(n int) []string {
	out := make([]string, n)
	for i := range out {
		switch i % 7 {
		case 0:
			out[i] = fmt.Sprintf("conv%d", i)
		case 3:
			out[i] = fmt.Sprintf("/features/features.%d/block/conv/depthwise/Conv", i)
		case 5:
			out[i] = fmt.Sprintf("resnet_model/batch_normalization_%d/FusedBatchNormV3__%d:0", i, 200+i)
		default:
			out[i] = fmt.Sprintf("block%d/expand/Conv", i)
		}
	}
	return out
}

// hostile names: markup, terminal escapes, a change of direction, broken UTF-8,
// nothing at all, and 500 characters.
func hostile() []string {
	return []string{
		`<script>alert("x")</script>`,
		"]]></title><img src=x onerror=alert(1)>&amp;",
		"\x1b[31mred\x00\x07\n\tend",
		"abc\u202egnp.exe\u2066",
		"\xff\xfe broken",
		"",
		strings.Repeat("deeply/nested/", 36) + "Conv",
		strings.Repeat("W", 500),
	}
}

func decibels(r *rand.Rand, n int, base float64) (v, e []float64) {
	v, e = make([]float64, n), make([]float64, n)
	for i := range v {
		v[i] = base + 14*r.Float64() - 8*math.Exp(-float64(i)/3)
		e[i] = 0.2 + r.Float64()
	}
	return v, e
}

func sampleBars(n int) BarData {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	w, we := decibels(r, n, 18)
	a, ae := decibels(r, n, 14)
	return BarData{
		Title: "Noise at the output with one layer at 4 bits", Subtitle: "exact, 512 images, ± standard error",
		Labels: layerNames(n), Name: "SQNR", Unit: "dB", Order: Ascending,
		Series: []Series{{"weights", w, we}, {"activations", a, ae}},
	}
}

func sampleHistogram(bits int) HistogramData {
	r := rand.New(rand.NewPCG(2, 3))
	edges := make([]float64, 129)
	for i := range edges {
		edges[i] = -1 + 7*float64(i)/128
	}
	bin := func(x float64) int { return min(max(int((x+1)/7*128), 0), 127) }
	n := 1 << bits
	lo, hi := -0.4, 3.6
	s := (hi - lo) / float64(n-1)
	levels := make([]float64, n)
	for i := range levels {
		levels[i] = lo + s*float64(i)
	}
	f, q := make([]float64, 128), make([]float64, 128)
	var sig, noise float64
	for range 200000 {
		x := r.ExpFloat64() * 0.55
		if r.IntN(5) == 0 {
			x = -0.2 * r.Float64()
		}
		c := math.RoundToEven((math.Min(math.Max(x, lo), hi) - lo) / s)
		y := levels[int(c)]
		f[bin(x)]++
		q[bin(y)]++
		sig += x * x
		noise += (x - y) * (x - y)
	}
	return HistogramData{
		Title: "Activation of block3/expand/Conv", Name: "activation",
		Float: Counts{edges, f}, Quantized: Counts{edges, q}, Levels: levels, Clip: []float64{lo, hi},
		Scheme: fmt.Sprintf("uint%d asymmetric, per tensor, MSE", bits), SQNR: 10 * math.Log10(sig/noise),
	}
}

func sampleCurve() CurveData {
	bits := []float64{2, 3, 4, 5, 6, 7, 8, 16}
	return CurveData{
		Title: "Accuracy against bits", Subtitle: "2,000 test images, uniform widths", Float: 92.35,
		Lines: []Line{
			{"weights only", bits, []float64{10.2, 48.1, 84.3, 90.6, 91.8, 92.2, 92.3, 92.35}, []float64{0.7, 1.1, 0.8, 0.6, 0.6, 0.6, 0.6, 0.6}},
			{"activations only", bits, []float64{31.0, 72.5, 88.7, 91.4, 92.1, 92.3, 92.35, 92.35}, nil},
			{"both", bits, []float64{10.0, 30.9, 79.2, 89.5, 91.5, 92.0, 92.2, 92.35}, nil},
		},
		Pareto: []Point{{"", 3.2, 70}, {"", 4.1, 87.5}, {"", 4.9, 91.2}, {"", 5.8, 92.1}},
		Plan:   &Point{"mixed {4, 8}", 4.9, 91.2},
	}
}

var nan = math.NaN()

// figures are the pictures that are held by golden images.
func figures() map[string]*Figure {
	h := hostile()
	odd := []float64{1, -5, math.Inf(1), nan, math.Inf(-1), 0, 30, 2}
	upright := sampleBars(6)
	upright.Vertical = true
	return map[string]*Figure{
		"bars-1":  Bars(sampleBars(1)),
		"bars-3":  Bars(sampleBars(3)),
		"bars-15": Bars(sampleBars(15)),
		"bars-60": Bars(sampleBars(60)),
		"bars-hostile": Bars(BarData{
			Title: h[0], Subtitle: h[6], Labels: h, Name: h[1], Unit: "dB",
			Series: []Series{{h[2], odd, nil}, {h[6], []float64{1, -5, 20, nan, 3, 0, 30, 2}, nil}},
		}),
		"bars-upright": Bars(upright),
		"histogram-2":  Histogram(sampleHistogram(2)),
		"histogram-4":  Histogram(sampleHistogram(4)),
		"histogram-8":  Histogram(sampleHistogram(8)),
		"curve":        Curve(sampleCurve()),
	}
}
