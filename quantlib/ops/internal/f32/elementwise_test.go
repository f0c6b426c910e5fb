package f32

import (
	"math"
	"testing"
)

func TestElementwise(t *testing.T) {
	r := rng(31)
	for n := range 80 {
		x, y := wild(r, n), wild(r, n)
		for _, f := range []struct {
			name string
			f    func(dst, x, y []float32)
			one  func(x, y float32) float32
		}{
			{"add", Add, func(x, y float32) float32 { return x + y }},
			{"sub", Sub, func(x, y float32) float32 { return x - y }},
			{"mul", Mul, func(x, y float32) float32 { return x * y }},
			{"div", Div, func(x, y float32) float32 { return x / y }},
			{"scale and bias", func(dst, x, _ []float32) { ScaleBias(dst, x, 1.7, -0.3) }, func(x, _ float32) float32 { return float32(x*1.7) - 0.3 }},
			{"divide by one number", func(dst, x, _ []float32) { divideBy(dst, x, 0.7) }, func(x, _ float32) float32 { return x / 0.7 }},
			{"clip", func(dst, x, _ []float32) { Clip(dst, x, -0.5, 1.5) }, func(x, _ float32) float32 {
				if x != x {
					return x
				}
				return float32(math.Min(math.Max(float64(x), -0.5), 1.5))
			}},
			{"relu", func(dst, x, _ []float32) { Clip(dst, x, 0, inf) }, func(x, _ float32) float32 {
				if x < 0 {
					return 0
				}
				return x
			}},
		} {
			want, dst := make([]float32, n), make([]float32, n)
			for i := range want {
				want[i] = f.one(x[i], y[i])
			}
			f.f(dst, x, y)
			sameBits(t, f.name, dst, want)
			copy(dst, x)
			f.f(dst, dst, y)
			sameBits(t, f.name+" in place", dst, want)
		}
	}
}
