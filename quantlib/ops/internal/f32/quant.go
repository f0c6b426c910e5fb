package f32

import (
	"fmt"
	"math"
)

// Quantizer is one uniform grid: the reals (c-Zero)·Scale for the codes c of
// Lo..Hi.
type Quantizer struct {
	Scale        float32 // positive
	Zero, Lo, Hi int32   // Lo <= Zero <= Hi, Hi-Lo < 2^22

	high, low float32 // of 1/Scale, where WithInverse allows it
}

// WithInverse is q, quantizing in fewer cycles where that gives the same bits:
// the quotient x/Scale is taken as x·high + x·low, rounded once, where high and
// low are the inverse and what it lacks.
//
// Both quotients lie within one unit in the last place of the exact one, so that
// they round to the same integer unless x is within four such units of the middle
// between two codes. These few are all tried; a quantizer of more than 2^10 codes,
// or a scale near the ends of the range, stays as it is.
func (q Quantizer) WithInverse() Quantizer {
	q.check()
	if q.Hi-q.Lo >= 1<<10 || q.Scale < 1e-20 || q.Scale > 1e20 {
		return q
	}
	high := 1 / q.Scale
	low := float32((1 - float64(high)*float64(q.Scale)) / float64(q.Scale))
	const magic = 1.5 * (1 << 23)
	round := func(v float32) float32 { return float32(v+magic) - magic }
	for c := q.Lo - q.Zero; c < q.Hi-q.Zero; c++ {
		x := float32((float64(c) + 0.5) * float64(q.Scale))
		for range 4 {
			x = math.Nextafter32(x, -inf)
		}
		for range 9 {
			if round(x/q.Scale) != round(fma(x, high, float32(x*low))) {
				return q
			}
			x = math.Nextafter32(x, inf)
		}
	}
	q.high, q.low = high, low
	return q
}

func (q Quantizer) check() {
	if !(q.Scale > 0) || q.Zero < q.Lo || q.Zero > q.Hi || int64(q.Hi)-int64(q.Lo) >= 1<<22 {
		panic(fmt.Sprintf("f32: invalid quantizer: scale %g, zero %d in %d..%d", q.Scale, q.Zero, q.Lo, q.Hi))
	}
}

// FakeQuantize rounds x to the grid of q:
//
//	dst[i] = (clamp(even(x[i]/scale)+zero, lo, hi) - zero)·scale
//
// with a float32 division and half rounded to even, as ONNX QuantizeLinear and
// DequantizeLinear do one after the other. A NaN becomes 0; zero is never
// negative. dst may be x.
//
// It panics if len(dst) != len(x) or q is invalid, or if its zero lies outside
// lo..hi.
func FakeQuantize(dst, x []float32, q Quantizer) {
	q.check()
	sameLen(len(dst), len(x))
	fakeQuantize(dst, x, q.Scale, float32(q.Lo-q.Zero), float32(q.Hi-q.Zero))
}

// fakeQuantizeGo clamps to lo..hi, codes less the zero, before it rounds,
// which is the same since the bounds are integers.
func fakeQuantizeGo(dst, x []float32, scale, lo, hi float32) {
	const magic = 1.5 * (1 << 23) // has units as last bits; adding it rounds half to even
	dst = dst[:len(x)]
	for i, v := range x {
		r := v / scale
		if r != r {
			r = 0
		}
		r = clamp1(r, lo, hi)
		r = float32(r+magic) - magic
		dst[i] = r * scale
	}
}

// quantizeRowsGo fake-quantizes rows of n elements in place.
func quantizeRowsGo(x []float32, rows, n, stride int, q Quantizer) {
	for i := range rows {
		row := x[i*stride : i*stride+n]
		FakeQuantize(row, row, q)
	}
}

func sameLen(n, m int) {
	if n != m {
		panic(fmt.Sprintf("f32: lengths %d and %d differ", n, m))
	}
}
