package observe

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quantnb/quantnb/quantlib/quant"
)

func stored(t testing.TB, c *Collector) []byte {
	t.Helper()
	b, err := c.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMergingInAnyOrderGivesTheSameBits(t *testing.T) {
	x := draw(20_000, 1, distributions[4].draw)
	x[3], x[4], x[5], x[6] = float32(math.NaN()), float32(math.Inf(1)), 0, 1e-42
	whole := NewCollector()
	for i := range 100 {
		whole.ObserveBatch(i, x[i*200:(i+1)*200])
	}
	want := stored(t, whole)
	r := rand.New(rand.NewPCG(1, 1))
	for range 5 {
		parts := []*Collector{NewCollector(), NewCollector(), NewCollector()}
		for _, i := range r.Perm(100) {
			parts[r.IntN(3)].ObserveBatch(i, x[i*200:(i+1)*200])
		}
		all := NewCollector()
		for _, i := range r.Perm(3) {
			if err := all.Merge(parts[i]); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(stored(t, all), want) {
			t.Fatal("another order gives other bits")
		}
	}
	if err := whole.Merge(NewChannels(1)[0]); err == nil {
		t.Error("collectors of different bins were merged")
	}
}

func TestStoredCollectors(t *testing.T) {
	for _, c := range []*Collector{NewCollector(), NewChannels(1)[0]} {
		for _, x := range [][]float32{nil, {0}, {float32(math.NaN())}, gaussian(5000, 2), {1e-44, -math.MaxFloat32, math.MaxFloat32}} {
			c.Observe(x)
			data := stored(t, c)
			var back Collector
			if err := back.UnmarshalBinary(data); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(stored(t, &back), data) {
				t.Error("another collector came back")
			}
			for cut := range data {
				if cut > 300 && cut%997 != 0 {
					continue
				}
				if err := back.UnmarshalBinary(data[:cut]); err == nil {
					t.Fatalf("%d of %d bytes were taken for a whole", cut, len(data))
				}
			}
			if err := back.UnmarshalBinary(append(data, 0)); err == nil {
				t.Error("a byte after the end was not noticed")
			}
		}
	}
}

func FuzzUnmarshalCollector(f *testing.F) {
	c := NewCollector()
	f.Add(stored(f, c))
	c.Observe([]float32{1, 2, 3, -4, 0, 1e30})
	f.Add(stored(f, c))
	f.Fuzz(func(t *testing.T, data []byte) {
		var c Collector
		if c.UnmarshalBinary(data) != nil {
			return
		}
		for _, m := range methods {
			lo, hi, err := m.Range(&c, quant.Uint(8))
			if err == nil && !(lo <= 0 && hi >= 0) {
				t.Errorf("%v: range %v..%v", m, lo, hi)
			}
		}
	})
}

func TestChannelsSeeTheirOwnValues(t *testing.T) {
	for _, inner := range []int{1, 3, 16} {
		const channels, n = 4, 5
		x := gaussian(n*channels*inner, 4)
		got := NewChannels(channels)
		got.ObserveBatch(0, x, inner)
		for k := range channels {
			want := NewChannels(1)[0]
			for i, v := range x {
				if i/inner%channels == k {
					want.ObserveBatch(0, []float32{v})
				}
			}
			if !bytes.Equal(stored(t, got[k]), stored(t, want)) {
				t.Errorf("inner %d: channel %d differs", inner, k)
			}
		}
	}
}

func TestMovingAverage(t *testing.T) {
	c := NewCollector()
	for i, v := range []float32{1, 2, 4} {
		c.ObserveBatch(i*10, []float32{v, -v / 2})
	}
	lo, hi, err := MovingAverage{Decay: 0.5}.Range(c, quant.Uint(8))
	// 1 → 1.5 → 2.75
	if lo != -1.375 || hi != 2.75 || err != nil {
		t.Errorf("%v..%v, %v", lo, hi, err)
	}
	// The last 1024 batches are kept, whatever the order.
	a, b := NewCollector(), NewCollector()
	for i := range 3000 {
		a.ObserveBatch(i, []float32{float32(i)})
		b.ObserveBatch(2999-i, []float32{float32(2999 - i)})
	}
	if !bytes.Equal(stored(t, a), stored(t, b)) || len(a.batches) != keepBatches {
		t.Errorf("%d batches; the order matters", len(a.batches))
	}
}

func TestPercentile(t *testing.T) {
	x := make([]float32, 10_001)
	for i := range x {
		x[i] = float32(i-2000) / 8000 // -0.25 .. 1
	}
	c := NewCollector()
	c.Observe(x)
	for _, k := range []struct {
		p      float64
		s      quant.Scheme
		lo, hi float64
	}{
		{1, quant.Uint(8), -0.25, 1},
		{0.99, quant.Uint(8), -0.25 + 0.0125, 1 - 0.0125},
		{0.99, quant.Int(8), -1 + 0.0125, 1 - 0.0125},
		{0.75, quant.Scheme{Bits: 4, Unsigned: true}, 0, 0.6875},
	} {
		lo, hi, err := Percentile{k.p}.Range(c, k.s)
		if err != nil || math.Abs(float64(lo)-k.lo) > 0x1p-7 || math.Abs(float64(hi)-k.hi) > 0x1p-7 {
			t.Errorf("%v %v: %v..%v, %v; want %v..%v", k.p, k.s, lo, hi, err, k.lo, k.hi)
		}
	}
}

func TestScalingByAPowerOfTwoScalesTheRange(t *testing.T) {
	x := gaussian(5000, 9)
	y := make([]float32, len(x))
	for i := range x {
		y[i] = x[i] * 0x1p20
	}
	a, b := NewCollector(), NewCollector()
	a.Observe(x)
	b.Observe(y)
	for _, m := range methods {
		for _, s := range everyScheme() {
			l, h, err := m.Range(a, s)
			l2, h2, err2 := m.Range(b, s)
			if err != nil || err2 != nil || l2 != l*0x1p20 || h2 != h*0x1p20 {
				t.Errorf("%v %v: %v..%v scaled is %v..%v", m, s, l, h, l2/0x1p20, h2/0x1p20)
			}
		}
	}
}

func TestStats(t *testing.T) {
	x := gaussian(200_000, 10)
	c := NewCollector()
	c.Observe(x)
	c.Observe([]float32{0, float32(math.NaN())})
	s, err := c.Stats()
	if err != nil {
		t.Fatal(err)
	}
	var sum, square, third, fourth, abs float64
	for _, v := range x {
		sum += float64(v)
		abs += math.Abs(float64(v))
	}
	n := float64(len(x) + 1)
	mean := sum / n
	for _, v := range append(x, 0) {
		d := float64(v) - mean
		square += d * d
		third += d * d * d
		fourth += d * d * d * d
	}
	variance := square / n
	for _, k := range []struct {
		what            string
		got, want, near float64
	}{
		{"mean", s.Mean, mean, 1e-12},
		{"std", s.Std, math.Sqrt(variance), 1e-9},
		{"mean of magnitudes", s.MeanAbs, abs / n, 1e-9},
		{"skewness", s.Skewness, third / n / math.Pow(variance, 1.5), 1e-5},
		{"kurtosis", s.Kurtosis, fourth / n / variance / variance, 1e-4},
		{"count", float64(s.Count), n, 0}, {"NaN", float64(s.NaN), 1, 0}, {"zeros", float64(s.Zeros), 1, 0},
	} {
		if !(math.Abs(k.got-k.want) <= k.near) {
			t.Errorf("%s %v, want %v", k.what, k.got, k.want)
		}
	}
	total := 0.0
	for _, v := range c.Histogram(-6, 6, 37) {
		total += v
	}
	if math.Abs(total-n) > 1e-6*n {
		t.Errorf("the histogram holds %v of %v values", total, n)
	}
}

func TestNoiseIsWhatTheQuantizerMakes(t *testing.T) {
	x := draw(1<<16, 11, distributions[1].draw)
	q := make([]float32, len(x))
	c := NewCollector()
	c.Observe(x)
	for _, s := range everyScheme() {
		if s.Round == quant.Stochastic {
			continue
		}
		scale, zero := quant.ParamsFromRange(-3, 4, s)
		quant.FakeQuantize(q, x, scale, zero, s)
		want := quant.Compare(x, q).Noise
		got, _ := c.Noise(scale, zero, s)
		if s.Binary() {
			continue // bins below mean|x| are taken at their means, as the sign decides
		}
		if math.Abs(got/want-1) > 0.02 {
			t.Errorf("%v: estimated %.5g, measured %.5g", s, got, want)
		}
	}
}

func TestSearchClip(t *testing.T) {
	for _, best := range []float64{0.9, 0.5, 0.03} {
		clip, _ := SearchClip(func(c float64) float64 { return math.Abs(math.Log(c / best)) }, 1, 8, 8)
		if math.Abs(clip/best-1) > 0.01 {
			t.Errorf("clip %v, want %v", clip, best)
		}
	}
	if clip, _ := SearchClip(func(float64) float64 { return 1 }, 5, 4, 4); clip != 5 {
		t.Errorf("a loss that does not care clips at %v of 5", clip)
	}
	if clip, least := SearchClip(func(c float64) float64 {
		if c > 0.4 {
			return math.NaN()
		}
		return 1 - c
	}, 1, 4, 8); math.Abs(clip-0.4) > 0.01 || least != 1-clip {
		t.Errorf("beside NaN: clip %v, loss %v", clip, least)
	}
}

func BenchmarkObserve(b *testing.B) {
	x := gaussian(1<<14, 1)
	c := NewCollector()
	for b.Loop() {
		c.ObserveBatch(0, x)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(x)), "ns/element")
}

func BenchmarkMethods(b *testing.B) {
	c := NewCollector()
	c.Observe(gaussian(1<<18, 1))
	for _, m := range methods {
		for _, s := range []quant.Scheme{quant.Int(4), quant.Uint(8), quant.Int(16)} {
			b.Run(m.String()+" "+s.String(), func(b *testing.B) {
				for b.Loop() {
					m.Range(c, s)
				}
			})
		}
	}
}
