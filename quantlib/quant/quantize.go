package quant

import (
	"fmt"
	"math"
)

// Quantize stores in dst the codes of x:
//
//	dst[i] = clamp(even(x[i]/scale)+zero, lo, hi)
//
// where even rounds half to even (or as s.Round says), lo and hi are s.Range(),
// and zero is a code, not a real number. A NaN gets the code zero; infinities
// saturate. One signed bit gives -1 for x < 0 and +1 otherwise, NaN included.
// A float format gives the bit pattern of x/scale: values beyond the largest
// saturate to it, infinities too; a NaN stays NaN (0x7F); signed zeros and
// subnormals are kept (OCP 8-bit Floating Point Specification, saturating
// mode: https://www.opencompute.org/documents/ocp-8-bit-floating-point-specification-ofp8-revision-1-0-2023-12-01-pdf-1).
//
// It is ONNX QuantizeLinear: https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html
//
// It panics if len(dst) != len(x), s is float32 or not valid, scale is not
// positive and finite, or zero is not one of s's codes (0 where s has no zero
// point).
func Quantize(dst []int32, x []float32, scale float32, zero int32, s Scheme) {
	checkLen(len(dst), len(x))
	s.mustQuantize()
	s.checkParams(scale, zero)
	quantizeRow(dst, x, scale, zero, s, 0)
}

// Dequantize stores in dst the numbers that the codes stand for:
//
//	dst[i] = float32(codes[i] - zero) · scale
//
// or, of a float format, the value of the bit pattern times scale.
// It is ONNX DequantizeLinear: https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html
// Codes outside s.Range() are not checked, except that a float format uses
// their low 8 bits. It panics as Quantize does.
func Dequantize(dst []float32, codes []int32, scale float32, zero int32, s Scheme) {
	checkLen(len(dst), len(codes))
	s.mustQuantize()
	s.checkParams(scale, zero)
	dequantizeRow(dst, codes, scale, zero, s)
}

// FakeQuantize stores in dst what Dequantize makes of Quantize's codes, to the
// bit, without the codes between:
//
//	dst[i] = (clamp(even(x[i]/scale)+zero, lo, hi) - zero) · scale
//
// dst may be x. A NaN becomes 0 (NaN in a float format, +scale at one signed
// bit). With the zero Scheme, which is float32, it copies. It panics as
// Quantize does.
func FakeQuantize(dst, x []float32, scale float32, zero int32, s Scheme) {
	checkLen(len(dst), len(x))
	if s.IsFloat32() {
		copy(dst, x)
		return
	}
	s.mustQuantize()
	s.checkParams(scale, zero)
	fakeRow(dst, x, scale, zero, s, 0)
}

// quantizeRow quantizes elements that share a scale; from is the index of the
// first one in the tensor, which stochastic rounding depends on.
func quantizeRow(dst []int32, x []float32, scale float32, zero int32, s Scheme, from int) {
	switch {
	case s.Binary():
		for i, v := range x {
			dst[i] = 1
			if v < 0 {
				dst[i] = -1
			}
		}
	case s.Float != NotFloat:
		for i, v := range x {
			dst[i] = int32(s.Float.encode(s.Float.round(v/scale, s, from+i, v)))
		}
	default:
		lo, hi := s.Range()
		for i, v := range x {
			dst[i] = s.code(v, scale, zero, lo, hi, from+i)
		}
	}
}

func dequantizeRow(dst []float32, codes []int32, scale float32, zero int32, s Scheme) {
	if s.Float != NotFloat {
		table := s.Float.table()
		for i, c := range codes {
			dst[i] = table[uint8(c)] * scale
		}
		return
	}
	for i, c := range codes {
		dst[i] = float32(c-zero) * scale
	}
}

// fakeRow fake-quantizes elements that share a scale.
func fakeRow(dst, x []float32, scale float32, zero int32, s Scheme, from int) {
	lo, hi := s.Range()
	switch {
	case s.Binary():
		binaryRow(dst, x, scale)
	case s.Float != NotFloat && s.Round == HalfEven:
		s.Float.fakeRow(dst, x, scale)
	case s.Float != NotFloat:
		for i, v := range x {
			dst[i] = s.Float.round(v/scale, s, from+i, v) * scale
		}
	case s.Round == HalfEven && s.Bits <= 16:
		fakeQuantizeRow(dst, x, scale, zero, lo, hi)
	default:
		for i, v := range x {
			dst[i] = float32(s.code(v, scale, zero, lo, hi, from+i)-zero) * scale
		}
	}
}

// code is the definition of integer quantization for every rounding and width.
func (s Scheme) code(x, scale float32, zero, lo, hi int32, index int) int32 {
	y := x / scale
	if y != y {
		return zero
	}
	r := s.Round.apply(float64(y), s.Seed, index, x) + float64(zero)
	switch {
	case r <= float64(lo):
		return lo
	case r >= float64(hi):
		return hi
	}
	return int32(r)
}

// apply rounds y to an integer; infinities stay. index and x only matter to
// stochastic rounding.
func (r Rounding) apply(y float64, seed uint64, index int, x float32) float64 {
	switch r {
	case HalfUp:
		return math.Floor(y + 0.5)
	case HalfAway:
		return math.Round(y)
	case TowardZero:
		return math.Trunc(y)
	case Stochastic:
		h := mix(seed ^ mix(uint64(index)) ^ uint64(math.Float32bits(x))<<32)
		return math.Floor(y + float64(h>>32)*0x1p-32)
	}
	return math.RoundToEven(y)
}

// mix is the finalizer of SplitMix64: https://doi.org/10.1145/2660193.2660195
func mix(h uint64) uint64 {
	h += 0x9E3779B97F4A7C15
	h = (h ^ h>>30) * 0xBF58476D1CE4E5B9
	h = (h ^ h>>27) * 0x94D049BB133111EB
	return h ^ h>>31
}

func checkLen(dst, src int) {
	if dst != src {
		panic(fmt.Sprintf("quant: destination has %d elements, source %d", dst, src))
	}
}

func (s Scheme) mustQuantize() {
	s.mustValidate()
	if s.IsFloat32() {
		panic("quant: the float32 scheme has no codes")
	}
}

// checkParams panics unless scale and zero fit s.
func (s Scheme) checkParams(scale float32, zero int32) {
	if !(scale > 0 && scale <= math.MaxFloat32) {
		panic(fmt.Sprintf("quant: scale %v is not positive and finite", scale))
	}
	lo, hi := s.zeros()
	if zero < lo || zero > hi {
		panic(fmt.Sprintf("quant: zero point %d of %v is not in %d..%d", zero, s, lo, hi))
	}
}
