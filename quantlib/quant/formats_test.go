package quant

import (
	"math"
	"math/rand/v2"
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

func TestEveryFormatReachesItsSQNR(t *testing.T) {
	seen := map[Scheme]bool{}
	for _, row := range Formats {
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
		for _, s := range []Scheme{Int(b), Uint(b), {Bits: b, Unsigned: true}} {
			if !seen[s] {
				t.Errorf("no row for %v", s)
			}
		}
	}
}
