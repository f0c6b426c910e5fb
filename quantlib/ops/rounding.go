package ops

import "github.com/quantnb/quantnb/quantlib/ops/internal/f32"

// RoundingError stores in dst what fake quantization adds to x:
//
//	dst[i] = FakeQuantize(x[i]) - x[i]
//
// rounded to float32; where both are within a factor of two of each other the
// difference is exact. dst must not be x. It panics as FakeQuantize does.
func RoundingError(dst, x []float32, scale float32, zero, lo, hi int32) {
	const block = 2048 // stays in the L1 cache
	for len(x) > block {
		RoundingError(dst[:block], x[:block], scale, zero, lo, hi)
		dst, x = dst[block:], x[block:]
	}
	f32.FakeQuantize(dst, x, f32.Quantizer{Scale: scale, Zero: zero, Lo: lo, Hi: hi})
	f32.Sub(dst, dst, x)
}

// RoundingErrorColumns is RoundingError with a scale for each element and zero
// points of 0:
//
//	dst[i] = clamp(even(x[i]/scale[i]), lo, hi)·scale[i] - x[i]
//
// It panics as FakeQuantize does, or if there are not as many scales as elements.
func RoundingErrorColumns(dst, x, scale []float32, lo, hi int32) {
	f32.Div(dst, x, scale)
	f32.FakeQuantize(dst, dst, f32.Quantizer{Scale: 1, Lo: lo, Hi: hi})
	f32.Mul(dst, dst, scale)
	f32.Sub(dst, dst, x)
}

// SignError stores in dst what binarization adds to x: scale - x where x is at
// least 0, and -scale - x where it is less than -2^-98·scale. Between them, where
// weights are zero for all purposes, the sign may be taken for either. dst must
// not be x.
//
// It panics if the lengths differ.
func SignError(dst, x []float32, scale float32) {
	f32.ScaleBias(dst, x, 0x1p100, scale)
	f32.Clip(dst, dst, -scale, scale)
	f32.Sub(dst, dst, x)
}

// Dot is Σ x·y, summed in float64 in a fixed order. It panics if the lengths
// differ.
func Dot(x, y []float32) float64 { return f32.Dot(x, y) }

// MostProducts is how many sums Products take at a time.
const MostProducts = f32.MostProducts

// Products are the sums Σ e·g of one factor with up to MostProducts others, for
// estimates: quicker than calls of Dot, in float32 lanes that Sum adds in float64.
// After n elements a sum is off by at most (n/16+runs)·2⁻²⁴·Σ|e·g|.
type Products struct{ p f32.Products }

// Add adds a run of e to the first n sums, of which k is with the elements of g
// from k·stride on. It panics if n is more than MostProducts or g too short.
func (p *Products) Add(e, g []float32, stride, n int) { p.p.Add(e, g, stride, n) }

// AddErrors adds a run of RoundingErrors of x. An element that lies in the middle
// between two codes, within 2⁻²³ of its own size, may be taken for either. It
// panics as Add and FakeQuantize do.
func (p *Products) AddErrors(x, g []float32, stride, n int, scale float32, zero, lo, hi int32) {
	p.p.AddErrors(x, g, stride, n, f32.Quantizer{Scale: scale, Zero: zero, Lo: lo, Hi: hi})
}

// Sum returns sum k, and sets it to zero.
func (p *Products) Sum(k int) float64 { return p.p.Sum(k) }
