package f32

import "math"

// productGo writes the chains of one tile to c, row-major with stride NR:
//
//	c[r·NR + j] = chain over l < kn of a[l·MR + r] · b[l·NR + j]
//
// for r < m and j < n; it may write all MR×NR. It is the twin of the assembly
// kernels and gives the same bits. careful says that subnormal sums may be
// inexact.
func productGo(kn int, a, b, c []float32, m, n int, careful bool) {
	for r := 0; r < m; r += 2 {
		for j := 0; j < n; j += 4 {
			if careful || !product2x4(kn, a[r:], b[j:], c[r*NR+j:]) {
				careful2x4(kn, a[r:], b[j:], c[r*NR+j:])
			}
		}
	}
}

// product2x4 computes two rows and four columns of a tile. It gives up, and
// reports false, at the first sum that lies halfway between two float32 values
// when rounded to float64, where rounding twice may go wrong: about one in
// 2^29 sums.
//
// Products are exact in float64, so it does not matter whether the compiler
// fuses them with the addition.
func product2x4(kn int, a, b, c []float32) bool {
	var c00, c01, c02, c03, c10, c11, c12, c13 float64
	for range kn {
		if len(a) < 2 || len(b) < 4 {
			break
		}
		a0, a1 := float64(a[0]), float64(a[1])
		b0 := float64(b[0])
		s := a0*b0 + c00
		if halfway(s) {
			return false
		}
		c00 = float64(float32(s))
		s = a1*b0 + c10
		if halfway(s) {
			return false
		}
		c10 = float64(float32(s))
		b0 = float64(b[1])
		s = a0*b0 + c01
		if halfway(s) {
			return false
		}
		c01 = float64(float32(s))
		s = a1*b0 + c11
		if halfway(s) {
			return false
		}
		c11 = float64(float32(s))
		b0 = float64(b[2])
		s = a0*b0 + c02
		if halfway(s) {
			return false
		}
		c02 = float64(float32(s))
		s = a1*b0 + c12
		if halfway(s) {
			return false
		}
		c12 = float64(float32(s))
		b0 = float64(b[3])
		s = a0*b0 + c03
		if halfway(s) {
			return false
		}
		c03 = float64(float32(s))
		s = a1*b0 + c13
		if halfway(s) {
			return false
		}
		c13 = float64(float32(s))
		if len(a) < MR || len(b) < NR {
			break
		}
		a, b = a[MR:], b[NR:]
	}
	c = c[:NR+4]
	c[0], c[1], c[2], c[3] = float32(c00), float32(c01), float32(c02), float32(c03)
	c[NR], c[NR+1], c[NR+2], c[NR+3] = float32(c10), float32(c11), float32(c12), float32(c13)
	return true
}

func careful2x4(kn int, a, b, c []float32) {
	for r := range 2 {
		for j := range 4 {
			var s float32
			for l := range kn {
				s = fma(a[l*MR+r], b[l*NR+j], s)
			}
			c[r*NR+j] = s
		}
	}
}

// tinyFactor reports whether x has a non-zero entry below 2^-51. The last bit
// of any other number is worth 2^-74 or more, that of a product of two such
// numbers 2^-148, so that a sum of such products which is subnormal in float32
// is exact.
func tinyFactor(x []float32) bool {
	const limit = uint32(127-51) << 23
	for _, v := range x {
		if b := math.Float32bits(v) &^ (1 << 31); b-1 < limit-1 {
			return true
		}
	}
	return false
}

var inf = float32(math.Inf(1))
