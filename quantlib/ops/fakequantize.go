package ops

import "github.com/quantnb/quantnb/quantlib/ops/internal/f32"

// FakeQuantize rounds x to the grid of a uniform quantizer:
//
//	dst[i] = (clamp(even(x[i]/scale)+zero, lo, hi) - zero)·scale
//
// with a float32 division and half rounded to even, as ONNX QuantizeLinear and
// DequantizeLinear do one after the other. A NaN becomes 0, infinities saturate,
// a result of zero is +0. dst may be x. It gives the bits of quant.FakeQuantize,
// several times as fast where there are assembly kernels.
//
// It panics if len(dst) != len(x), scale is not positive, zero is not in
// lo..hi, or hi-lo is 2^22 or more.
func FakeQuantize(dst, x []float32, scale float32, zero, lo, hi int32) {
	f32.FakeQuantize(dst, x, f32.Quantizer{Scale: scale, Zero: zero, Lo: lo, Hi: hi})
}
