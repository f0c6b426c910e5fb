package quant

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
// 2^16, with all three below 2^17 in magnitude. The quotient is clamped before
// it is rounded, which is the same as after, since the limits are integers. A
// result of zero is +0.
func fakeQuantizeRow(dst, x []float32, scale float32, zero, lo, hi int32) {
	least, most := float32(lo-zero), float32(hi-zero)
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = fake(v, scale, least, most)
	}
}

// fakeQuantizeColumns is fakeQuantizeRow with a scale and a zero point for each
// element. A nil zero is all zeros.
func fakeQuantizeColumns(dst, x, scale []float32, zero []int32, lo, hi int32) {
	dst, scale = dst[:len(x)], scale[:len(x)]
	if zero == nil {
		least, most := float32(lo), float32(hi)
		for i, v := range x {
			dst[i] = fake(v, scale[i], least, most)
		}
		return
	}
	zero = zero[:len(x)]
	for i, v := range x {
		dst[i] = fake(v, scale[i], float32(lo-zero[i]), float32(hi-zero[i]))
	}
}

func fake(v, scale, least, most float32) float32 {
	y := v / scale
	if y != y {
		y = 0
	}
	y = min(max(y, least), most)
	return ((y + magic) - magic) * scale
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
