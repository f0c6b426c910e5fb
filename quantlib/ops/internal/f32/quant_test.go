package f32

import (
	"math"
	"testing"
)

// quantized is ONNX QuantizeLinear and DequantizeLinear, as simple as possible.
func quantized(x float32, q Quantizer) float32 {
	if x != x {
		return 0
	}
	c := math.RoundToEven(float64(x/q.Scale)) + float64(q.Zero)
	c = math.Max(float64(q.Lo), math.Min(float64(q.Hi), c))
	return float32(int32(c)-q.Zero) * q.Scale
}

func TestFakeQuantize(t *testing.T) {
	one := Quantizer{Scale: 1, Lo: -128, Hi: 127}
	nan := float32(math.NaN())
	rows := []struct {
		name string
		q    Quantizer
		x    float32
		want float32
	}{
		{"rounds half to even, down", one, 2.5, 2},
		{"rounds half to even, up", one, 3.5, 4},
		{"rounds negative half to even", one, -2.5, -2},
		{"saturates above", one, 1e9, 127},
		{"saturates below", one, -1e9, -128},
		{"saturates infinity", one, inf, 127},
		{"saturates negative infinity", one, -inf, -128},
		{"makes NaN zero", one, nan, 0},
		{"makes NaN zero with a zero point", Quantizer{Scale: 1, Zero: 7, Lo: 0, Hi: 15}, nan, 0},
		{"makes negative zero positive", one, float32(math.Copysign(0, -1)), 0},
		{"makes what rounds to zero positive", one, -0.3, 0},
		{"clamps codes, not values", Quantizer{Scale: 0.5, Zero: 3, Lo: 0, Hi: 7}, 100, 2},
		{"divides, does not multiply by a reciprocal", Quantizer{Scale: 0.1, Lo: -128, Hi: 127}, 0.35, quantized(0.35, Quantizer{Scale: 0.1, Lo: -128, Hi: 127})},
		{"overflowing quotient", Quantizer{Scale: 1e-30, Lo: -2, Hi: 1}, 1e20, 1e-30},
	}
	for _, r := range rows {
		dst := []float32{0}
		FakeQuantize(dst, []float32{r.x}, r.q)
		sameBits(t, r.name, dst, []float32{r.want})
	}
	g := rng(3)
	for _, q := range []Quantizer{one, {Scale: 0.037, Zero: 9, Lo: 0, Hi: 15}, {Scale: 1e-3, Zero: -20000, Lo: -32768, Hi: 32767}, {Scale: 3e-39, Lo: -8, Hi: 7}, {Scale: 0.2, Lo: 0, Hi: 1}} {
		for n := range 70 {
			x := wild(g, n)
			want := make([]float32, n)
			for i, v := range x {
				want[i] = quantized(v, q)
			}
			dst := make([]float32, n)
			FakeQuantize(dst, x, q)
			sameBits(t, "random", dst, want)
		}
	}
}

// Scaling values and scale by a power of two leaves codes unchanged.
func TestFakeQuantizeScalesByPowersOfTwo(t *testing.T) {
	x := normal(rng(4), 1000)
	q := Quantizer{Scale: 0.0371, Zero: 5, Lo: -32, Hi: 31}
	want, y, got := make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(x))
	FakeQuantize(want, x, q)
	for i := range x {
		y[i] = x[i] * 1024
		want[i] *= 1024
	}
	q.Scale *= 1024
	FakeQuantize(got, y, q)
	sameBits(t, "scaled", got, want)
}
