package f32

import (
	"math"
	"testing"
)

func TestNoiseSums(t *testing.T) {
	r := rng(11)
	for _, n := range []int{0, 1, 15, 16, 17, 1000, 100_003} {
		f, q := normal(r, n), normal(r, n)
		var s, e, d, p float64
		for i := range f {
			f, q := float64(f[i]), float64(q[i])
			s, e, d, p = s+f*f, e+(q-f)*(q-f), d+f*q, p+q*q
		}
		got := NoiseSums(f, q)
		near := func(what string, got, want float64) {
			if math.Abs(got-want) > 1e-12*float64(n+1) {
				t.Errorf("%d elements: %s is %v, want %v", n, what, got, want)
			}
		}
		near("signal", got.Signal, s)
		near("error", got.Error, e)
		near("dot", got.Dot, d)
		near("power", got.Power, p)
		near("Dot", Dot(f, q), d)
		near("SumSquares", SumSquares(f, 0), s)
		if got != noiseSumsGo(f, q) || Sum(f) != sumGo(f) || Dot(f, q) != dotGo(f, q) || SumSquares(f, 0.3) != sumSquaresGo(f, 0.3) {
			t.Errorf("%d elements: bits differ from the twins", n)
		}
	}
}

func TestNoiseOfEqualIsZero(t *testing.T) {
	x := normal(rng(12), 999)
	if n := NoiseSums(x, x); n.Error != 0 || n.Signal != n.Power || n.Signal != n.Dot {
		t.Errorf("x against itself: %+v", n)
	}
}

func TestMinMax(t *testing.T) {
	nan := float32(math.NaN())
	rows := []struct {
		name   string
		x      []float32
		lo, hi float32
		bad    int
	}{
		{"empty", nil, inf, -inf, 0},
		{"one", []float32{3}, 3, 3, 0},
		{"ignores NaN", []float32{nan, -1, nan, 2}, -1, 2, 2},
		{"ignores infinities", []float32{inf, -1, 2, -inf}, -1, 2, 2},
		{"nothing finite", []float32{inf, nan}, inf, -inf, 2},
	}
	for _, r := range rows {
		if lo, hi, bad := MinMax(r.x); lo != r.lo || hi != r.hi || bad != r.bad {
			t.Errorf("%s: %v, %v, %d", r.name, lo, hi, bad)
		}
	}
	g := rng(13)
	for n := range 100 {
		x := wild(g, n)
		lo, hi, bad := MinMax(x)
		wlo, whi, wbad := minMaxGo(x)
		if lo != wlo || hi != whi || bad != wbad {
			t.Fatalf("%v: %v, %v, %d, want %v, %v, %d", x, lo, hi, bad, wlo, whi, wbad)
		}
	}
}

func TestMaxPropagatesNaN(t *testing.T) {
	for n := 1; n < 50; n++ {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(math.NaN())
			if m := Max(x); m == m {
				t.Fatalf("%d elements, NaN at %d: %v", n, i, m)
			}
			x[i] = float32(i)
		}
	}
}

func TestHistogram(t *testing.T) {
	counts := make([]uint64, 4)
	bad := Histogram(counts, []float32{-1, -5, -0.6, 0, 0.49, 0.5, 1, 9, float32(math.NaN()), inf}, -1, 1)
	if want := [4]uint64{3, 0, 2, 3}; [4]uint64(counts) != want || bad != 2 {
		t.Errorf("%v and %d, want %v and 2", counts, bad, want)
	}
}
