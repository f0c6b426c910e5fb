package quant

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// bestGaussianSQNR is the SQNR in dB of a unit Gaussian at the best scale: a
// grid of clips around the optimum, then finer ones.
func bestGaussianSQNR(s Scheme) float64 {
	const n = 1 << 14
	r := rand.New(rand.NewPCG(1, 2))
	x, q := make([]float32, n), make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
		if s.Unsigned && !s.Asymmetric {
			x[i] = float32(math.Abs(float64(x[i])))
		}
	}
	best, at := math.Inf(-1), 0.0
	try := func(clip float64) {
		scale, zero := ParamsFromRange(float32(-clip), float32(clip), s)
		FakeQuantize(q, x, scale, zero, s)
		if v := SQNR(x, q); v > best {
			best, at = v, clip
		}
	}
	for i := range 60 {
		try(5 * math.Exp2(-float64(i)/20))
	}
	center := at
	for i := -10; i <= 10; i++ {
		try(center * (1 + float64(i)/300))
	}
	return best
}

// Settings that any format may have beside it, with limits made as those of
// Formats: truncation costs 6 dB less what a smaller clip gives back, stochastic
// rounding 3 dB, a power of two up to what half a step of its exponent costs.
var settings = []Format{
	{"int2 pow2", Scheme{Bits: 2, PowerOfTwo: true}, "INT2", 8.0},
	{"int4 pow2", Scheme{Bits: 4, PowerOfTwo: true}, "INT4", 16.5},
	{"int8 pow2", Scheme{Bits: 8, PowerOfTwo: true}, "INT8", 39.5},
	{"int16 pow2", Scheme{Bits: 16, PowerOfTwo: true}, "INT16", 82.5},
	{"int2 half-up", Scheme{Bits: 2, Round: HalfUp}, "INT2", 8.0},
	{"int4 half-up", Scheme{Bits: 4, Round: HalfUp}, "INT4", 19.0},
	{"int8 half-up", Scheme{Bits: 8, Round: HalfUp}, "INT8", 39.5},
	{"int16 half-up", Scheme{Bits: 16, Round: HalfUp}, "INT16", 87.5},
	{"int2 half-away", Scheme{Bits: 2, Round: HalfAway}, "INT2", 8.0},
	{"int4 half-away", Scheme{Bits: 4, Round: HalfAway}, "INT4", 19.0},
	{"int8 half-away", Scheme{Bits: 8, Round: HalfAway}, "INT8", 39.5},
	{"int16 half-away", Scheme{Bits: 16, Round: HalfAway}, "INT16", 87.5},
	{"int2 toward-zero", Scheme{Bits: 2, Round: TowardZero}, "INT2", 5.5},
	{"int4 toward-zero", Scheme{Bits: 4, Round: TowardZero}, "INT4", 14.5},
	{"int8 toward-zero", Scheme{Bits: 8, Round: TowardZero}, "INT8", 34.5},
	{"int16 toward-zero", Scheme{Bits: 16, Round: TowardZero}, "INT16", 81.5},
	{"int2 stochastic=7", Scheme{Bits: 2, Round: Stochastic, Seed: 7}, "INT2", 6.5},
	{"int4 stochastic=7", Scheme{Bits: 4, Round: Stochastic, Seed: 7}, "INT4", 16.5},
	{"int8 stochastic=7", Scheme{Bits: 8, Round: Stochastic, Seed: 7}, "INT8", 37.0},
	{"int16 stochastic=7", Scheme{Bits: 16, Round: Stochastic, Seed: 7}, "INT16", 84.5},
	{"float8e4m3fn toward-zero", Scheme{Bits: 8, Float: E4M3FN, Round: TowardZero}, "FLOAT8E4M3FN", 25.0},
	{"float8e5m2 pow2", Scheme{Bits: 8, Float: E5M2, PowerOfTwo: true}, "FLOAT8E5M2", 25.0},
}

// TestGranulesReachTheirSQNR quantizes a weight [64, 256] whose rows differ in
// scale by 2^8 and whose blocks of 32 columns by 2^2, with min–max, along either
// axis: each finer granularity has its own limit, in dB.
func TestGranulesReachTheirSQNR(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const rows, columns = 64, 256
	w, turned := make([]float32, rows*columns), make([]float32, rows*columns)
	for i := range rows {
		for j := range columns {
			v := float32(r.NormFloat64() * math.Exp2(float64(i%9)+float64(j/32%3)))
			w[i*columns+j], turned[j*rows+i] = v, v
		}
	}
	q := make([]float32, len(w))
	for _, c := range []struct {
		scheme  string
		minSQNR float64
	}{
		{"int4", 9.5}, {"int4 per-channel", 14.5}, {"int4 per-group=128", 15}, {"int4 per-group=64", 17.5}, {"int4 per-group=32", 20},
		{"uint4 per-group=128", 17}, {"uint4 per-group=64", 19}, {"uint4 per-group=32", 21.5},
		{"int8 per-channel", 39.5}, {"int8 per-group=32", 44.5}, {"int3 narrow per-group=32", 12.5}, {"int4 per-group=32 pow2", 17},
		{"float8e4m3fn per-group=32", 32}, {"int1 per-group=32", 4},
	} {
		s, err := ParseScheme(c.scheme)
		if err != nil {
			t.Fatal(err)
		}
		var got [2]float64
		for k, x := range [][]float32{w, turned} {
			l := For([]int{rows, columns}, 0, 1, s)
			if k == 1 {
				l = For([]int{columns, rows}, 1, 0, s)
			}
			Weights(x, l, s).FakeQuantize(q, x, l, s)
			got[k] = SQNR(x, q)
		}
		t.Logf("%-26s %6.2f dB, limit %5.1f", c.scheme, got[0], c.minSQNR)
		if !(got[0] >= c.minSQNR) || got[0] > c.minSQNR+1.5 || math.Abs(got[1]-got[0]) > 1e-6 {
			t.Errorf("%s reaches %.2f dB, and %.2f dB turned; the limit is %.1f", c.scheme, got[0], got[1], c.minSQNR)
		}
	}
}

func TestEveryFormatReachesItsSQNR(t *testing.T) {
	seen := map[Scheme]bool{}
	for _, row := range slices.Concat(Formats, settings) {
		got := bestGaussianSQNR(row.Scheme)
		t.Logf("%-14s %6.2f dB, limit %5.1f", row.Name, got, row.MinSQNR)
		if !(got >= row.MinSQNR) {
			t.Errorf("%s reaches %.2f dB, the table promises %.1f", row.Name, got, row.MinSQNR)
		}
		// The limit is a limit: a format that is a bit better (6 dB) is another one.
		if got > row.MinSQNR+3 {
			t.Errorf("%s reaches %.2f dB, its limit of %.1f says nothing", row.Name, got, row.MinSQNR)
		}
		if s, err := ParseScheme(row.Name); err != nil || s != row.Scheme {
			t.Errorf("%s is the name of %v, %v", row.Name, s, err)
		}
		seen[row.Scheme] = true
	}
	for b := 1; b <= 16; b++ {
		list := []Scheme{Int(b), Uint(b), {Bits: b, Unsigned: true}}
		if b > 1 {
			list = append(list, Scheme{Bits: b, Narrow: true}, Scheme{Bits: b, Asymmetric: true})
		}
		for _, s := range list {
			if !seen[s] {
				t.Errorf("no row for %v", s)
			}
		}
	}
}
