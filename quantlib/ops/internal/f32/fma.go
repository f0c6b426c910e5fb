package f32

import "math"

// fma returns a·b + c rounded once to float32, half to even: the operation of
// VFMADD and FMLA, for all inputs including subnormal, infinite and NaN ones.
//
// The product of two float32 values is exact in float64. The sum is rounded to
// odd in float64 first, so that the second rounding, to float32, sees on which
// side of a midpoint the exact sum lies. Boldo and Melquiond, "Emulation of
// FMA and correctly rounded sums: proved algorithms using rounding to odd",
// IEEE Transactions on Computers 57 (2008); 53 >= 2·24+2 bits suffice.
func fma(a, b, c float32) float32 {
	p, z := float64(a)*float64(b), float64(c)
	s := p + z
	return roundSum(p, z, s)
}

// roundSum returns the float32 nearest to the exact p + z, where s is their
// float64 sum.
func roundSum(p, z, s float64) float32 {
	// Knuth's two-sum: s + e == p + z exactly.
	t := s - p
	e := (p - (s - t)) + (z - t)
	if e == 0 || e != e {
		return float32(s) // exact, or infinite or NaN
	}
	b := math.Float64bits(s)
	if b&1 == 0 {
		if (e > 0) == (s > 0) {
			b++
		} else {
			b--
		}
	}
	return float32(math.Float64frombits(b))
}

// halfway reports whether the low 29 bits of s, those that float32 lacks, say
// exactly one half: only then can rounding s to float32 differ from rounding
// the exact sum, as long as the result is not subnormal.
func halfway(s float64) bool {
	return math.Float64bits(s)&0x1fffffff == 0x10000000
}
