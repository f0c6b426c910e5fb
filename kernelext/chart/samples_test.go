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
		"heatmap-3":    HeatMap(sampleHeat(3)),
		"heatmap-60":   HeatMap(sampleHeat(60)),
		"widths-15":    WidthBars(sampleWidths(15)),
		"widths-60":    WidthBars(sampleWidths(60)),
		"strip-15":     Strip(sampleWidths(15), 4),
		"strip-60":     Strip(sampleWidths(60), 59),
		"network-8":    Network(sampleNetwork(8)),
		"frontier":     Frontier(sampleFrontier()),
		"scatter":      Scatter(sampleScatter()),
		"roofline-8":   Roofline(sampleRoofline(8)),
		"roofline-60":  Roofline(sampleRoofline(60)),
		"network-3":    Network(sampleNetwork(3)),
		"network-15":   Network(sampleNetwork(15)),
		"network-60":   Network(sampleNetwork(60)),
		"heatmap-hostile": HeatMap(HeatData{
			Title: h[1], Rows: h, Columns: h[:4], Name: h[0], Unit: "dB", ColumnName: h[6],
			Values: [][]float64{{1, 2, 3, 4}, {nan, math.Inf(1), math.Inf(-1), 0}, {1e9, 1, 1, 1}, {0, 0, 0, 0}, {1, 1, 1, 1}, {2, 2, 2, 2}, {3, 3, 3, 3}, {4, 4, 4, 4}},
		}),
		"network-hostile": hostileNetwork(h),
		"multiples": Multiples([]string{"2 bits", "4 bits", h[6]}, []*Figure{
			Histogram(sampleHistogram(2)), Histogram(sampleHistogram(4)), Histogram(sampleHistogram(8)),
		}),
		"empty-bars":      Bars(BarData{Title: "Nothing", Name: "SQNR", Unit: "dB"}),
		"empty-histogram": Histogram(HistogramData{}),
		"empty-curve":     Curve(CurveData{}),
		"empty-network":   Network(NetworkData{}),
	}
}

func sampleHeat(n int) HeatData {
	r := rand.New(rand.NewPCG(4, uint64(n)))
	d := HeatData{
		Title: "Noise at the output, one layer at a time", Subtitle: "weights only", Rows: layerNames(n),
		Columns: []string{"2", "3", "4", "5", "6", "7", "8", "16"}, Name: "SQNR", Unit: "dB", ColumnName: "bits",
	}
	for range n {
		base := 8 * r.Float64()
		var row []float64
		for _, b := range []float64{2, 3, 4, 5, 6, 7, 8, 16} {
			row = append(row, base+5.5*b-4)
		}
		d.Values = append(d.Values, row)
	}
	d.Values[n/2][0], d.Values[n/2][7] = nan, math.Inf(1)
	return d
}

func sampleWidths(n int) WidthData {
	d := WidthData{Title: "The plan", Subtitle: "mean 5.3 bits", Labels: layerNames(n), Weight: make([]int, n), Activation: make([]int, n)}
	for i := range n {
		d.Weight[i], d.Activation[i] = []int{8, 4, 4, 2}[i%4], []int{8, 4, 8}[i%3]
	}
	d.Activation[n-1] = 0
	return d
}

func sampleFrontier() FrontierData {
	var exact, uniform Line
	exact.Name, uniform.Name = "mixed {2 … 8}", "uniform"
	for i := range 40 {
		t := float64(i) / 39
		exact.X = append(exact.X, 22e3+80e3*t)
		exact.Y = append(exact.Y, math.Pow(10, -0.4-3.6*math.Pow(t, 0.7)))
	}
	for b := 2.0; b <= 8; b++ {
		uniform.X, uniform.Y = append(uniform.X, 12.9e3*b), append(uniform.Y, 0.8*math.Pow(4, 1.6-b))
	}
	return FrontierData{
		Title: "Noise against the size of the weights", Lines: []Line{exact, uniform},
		Others: []Point{{"rank and raise", 60e3, 0.02}}, Plan: &Point{"chosen plan", exact.X[19], exact.Y[19]}, Budget: 64e3,
		XName: "weights", XUnit: "B", YName: "noise-to-signal power",
	}
}

func sampleScatter() ScatterData {
	r := rand.New(rand.NewPCG(5, 6))
	d := ScatterData{Title: "Predicted and measured noise of 24 plans", Subtitle: "rank correlation 0.97", Unit: "dB"}
	for i := range 24 {
		x := 8 + 25*r.Float64()
		d.Points = append(d.Points, Point{fmt.Sprintf("plan %d of the frontier", i+1), x, x - 3*r.Float64()})
	}
	d.Points[7].Y -= 7
	return d
}

func sampleRoofline(n int) RooflineData {
	r := rand.New(rand.NewPCG(7, 8))
	d := RooflineData{
		Title: "Where the time goes", Subtitle: "mobile NPU, predicted", Bandwidth: 12.8e9,
		Roofs: []Roof{{"int8", 2e12}, {"int16", 5e11}},
	}
	for i, name := range layerNames(n) {
		x := math.Pow(10, 3.2*r.Float64())
		if i%5 == 4 { // some layers are alike
			x = d.Points[i-1].Intensity
		}
		roof := i % 2
		d.Points = append(d.Points, RoofPoint{name, x, math.Min(x*d.Bandwidth, d.Roofs[roof].Peak) * 0.95, roof})
	}
	return d
}

func sampleNetwork(n int) NetworkData {
	r := rand.New(rand.NewPCG(9, 10))
	d := NetworkData{Title: "The network, coloured by noise at 4 bits", Name: "SQNR", Unit: "dB"}
	names := layerNames(n)
	for i := range n {
		d.Nodes = append(d.Nodes, NetNode{names[i], []string{"Conv", "Add", "Mul"}[i%3] + " · w4 a8", 10 + 25*r.Float64()})
		switch {
		case i == 0:
		case i%7 == 5 && i >= 3: // a branch off an earlier node
			d.Edges = append(d.Edges, [2]int{i - 2, i})
		case i%7 == 6 && i >= 3: // which joins again
			d.Edges = append(d.Edges, [2]int{i - 1, i}, [2]int{i - 2, i})
		case i%9 == 8: // a shortcut
			d.Edges = append(d.Edges, [2]int{i - 1, i}, [2]int{i - 5, i})
		default:
			d.Edges = append(d.Edges, [2]int{i - 1, i})
		}
	}
	d.Nodes[0].Value = nan
	return d
}

func hostileNetwork(h []string) *Figure {
	d := NetworkData{Title: h[6], Subtitle: h[2], Name: h[1], Unit: "dB"}
	for i, n := range h {
		d.Nodes = append(d.Nodes, NetNode{n, h[(i+1)%len(h)], []float64{1, nan, math.Inf(1), math.Inf(-1)}[i%4]})
		if i > 0 {
			d.Edges = append(d.Edges, [2]int{0, i}, [2]int{i - 1, i})
		}
	}
	return Network(d)
}
