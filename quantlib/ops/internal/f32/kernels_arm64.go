//go:build !noasm

package f32

// available returns the levels there are: all arm64 processors have NEON with
// fused multiply-adds.
func available() []level { return []level{portable, neon} }

// productNEON is productGo for a whole tile.
//
//go:noescape
func productNEON(kn int, a, b, c *float32)

// tapsNEON is tapsGo for n a multiple of sixteen.
//
//go:noescape
func tapsNEON(dst, src, w *float32, off *int32, taps, n int)

// fast computes rows i0..i1 of the n columns from j on, which are one panel b.
func (t *tiles) fast(b []float32, i0, i1, j, n int) bool {
	if !assembly {
		return false
	}
	for i := i0; i < i1; i += MR {
		productNEON(t.kn, &t.a[(i-i0)*t.kn], &b[0], &t.tmp[0])
		t.merge(i, j, min(MR, i1-i), n)
	}
	return true
}

func taps(dst, src, w []float32, off []int32) {
	n := len(dst) &^ 15
	if !assembly {
		n = 0
	}
	if n > 0 {
		tapsNEON(&dst[0], &src[0], &w[0], &off[0], len(off), n)
	}
	tapsGo(dst[n:], src[n:], w, off)
}
