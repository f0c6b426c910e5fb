package quant

import "math"

// magic is 1.5·2^23. Adding it to a float32 of magnitude at most 2^22 leaves no
// bits for a fraction, so the sum is rounded to an integer, half to even, by
// the addition itself; subtracting it is exact. See Hacker's Delight, 2nd ed.,
// 17-3.
const magic = 0x1.8p23

// fakeQuantizeRow stores in dst
//
//	(clamp(even(x[i]/scale)+zero, lo, hi) - zero) · scale
//
// with every operation in float32 and a NaN taken as 0. It is the inner loop of
// all integer formats up to 16 bits.
//
// Contract, which callers have checked: len(dst) == len(x), dst is x or does
// not overlap it; scale is positive and finite; lo <= zero <= hi and hi-lo <
// 2^16, with all three below 2^17 in magnitude. A result of zero is
// +0, as it is where integer codes lie between.
func fakeQuantizeRow(dst, x []float32, scale float32, zero, lo, hi int32) {
	least, most := limits(zero, lo, hi)
	dst = dst[:len(x)]
	for len(x) >= 4 && len(dst) >= 4 {
		a, b, c, d := x[0]/scale, x[1]/scale, x[2]/scale, x[3]/scale
		dst[0] = snap(a, least, most) * scale
		dst[1] = snap(b, least, most) * scale
		dst[2] = snap(c, least, most) * scale
		dst[3] = snap(d, least, most) * scale
		x, dst = x[4:], dst[4:]
	}
	for i, v := range x {
		dst[i] = snap(v/scale, least, most) * scale
	}
}

// fakeQuantizeColumns is fakeQuantizeRow with a scale and a zero point for each
// element. A nil zero is all zeros.
func fakeQuantizeColumns(dst, x, scale []float32, zero []int32, lo, hi int32) {
	dst, scale = dst[:len(x)], scale[:len(x)]
	if zero == nil {
		least, most := limits(0, lo, hi)
		for i, v := range x {
			dst[i] = snap(v/scale[i], least, most) * scale[i]
		}
		return
	}
	zero = zero[:len(x)]
	for i, v := range x {
		least, most := limits(zero[i], lo, hi)
		dst[i] = snap(v/scale[i], least, most) * scale[i]
	}
}

// limits are the bits of lo-zero and hi-zero after magic was added, which order
// as integers do.
func limits(zero, lo, hi int32) (least, most int32) {
	return int32(math.Float32bits(float32(lo-zero) + magic)), int32(math.Float32bits(float32(hi-zero) + magic))
}

// snap rounds y half to even and clamps it; NaN gives 0. The sum is clamped as
// an integer, without a branch: a y too large for magic to round lies beyond
// the limits anyhow, and a negative sum is a negative integer.
func snap(y float32, least, most int32) float32 {
	if y != y {
		y = 0
	}
	n := min(max(int32(math.Float32bits(y+magic)), least), most)
	return math.Float32frombits(uint32(n)) - magic
}

// binaryRow stores in dst sign(x[i])·scale, where the sign of zeros and NaN is
// +1. dst may be x.
func binaryRow(dst, x []float32, scale float32) {
	dst = dst[:len(x)]
	for i, v := range x {
		r := scale
		if v < 0 {
			r = -scale
		}
		dst[i] = r
	}
}
