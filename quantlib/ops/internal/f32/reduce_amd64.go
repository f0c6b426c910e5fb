//go:build !noasm

package f32

import "math"

func sum(x []float32) float64 {
	var s [Lanes]float64
	n := vectors(len(x)) / Lanes * Lanes
	switch {
	case n == 0:
	case wide:
		sumAVX512(&x[0], &s[0], n)
	default:
		sumAVX2(&x[0], &s[0], n)
	}
	for i, v := range x[n:] {
		s[i%Lanes] += float64(v)
	}
	return lanes(&s)
}

func sumSquares(x []float32, c float64) float64 {
	var s [Lanes]float64
	n := vectors(len(x)) / Lanes * Lanes
	switch {
	case n == 0:
	case wide:
		sumSquaresAVX512(&x[0], &s[0], n, c)
	default:
		sumSquaresAVX2(&x[0], &s[0], n, c)
	}
	for i, v := range x[n:] {
		d := float64(v) - c
		s[i%Lanes] += float64(d * d)
	}
	return lanes(&s)
}

func dot(x, y []float32) float64 {
	var s [Lanes]float64
	n := vectors(len(x)) / Lanes * Lanes
	switch {
	case n == 0:
	case wide:
		dotAVX512(&x[0], &y[0], &s[0], n)
	default:
		dotAVX2(&x[0], &y[0], &s[0], n)
	}
	y = y[n:]
	for i, v := range x[n:] {
		s[i%Lanes] += float64(v) * float64(y[i])
	}
	return lanes(&s)
}

func noiseSums(f, q []float32) Noise {
	var s [4][Lanes]float64
	n := vectors(len(f)) / Lanes * Lanes
	switch {
	case n == 0:
	case wide:
		noiseSumsAVX512(&f[0], &q[0], &s[0][0], n)
	default:
		noiseSumsAVX2(&f[0], &q[0], &s[0][0], n)
	}
	addNoise(&s, f[n:], q[n:])
	return Noise{lanes(&s[0]), lanes(&s[1]), lanes(&s[2]), lanes(&s[3])}
}

func minMax(x []float32) (lo, hi float32, bad int) {
	lo, hi = inf, -inf
	const block = 1 << 30 // so that counts fit
	for len(x) >= 16 && assembly {
		var out [48]float32 // least, greatest, count of each lane
		n, lanes := min(len(x), block)&^15, 8
		if wide {
			minMaxAVX512(&x[0], &out[0], n)
			lanes = 16
		} else {
			minMaxAVX2(&x[0], &out[0], n)
		}
		bad += n
		for l := range lanes {
			lo, hi = min(lo, out[l]), max(hi, out[lanes+l])
			bad -= int(math.Float32bits(out[2*lanes+l]))
		}
		x = x[n:]
	}
	l, h, b := minMaxGo(x)
	return min(lo, l), max(hi, h), bad + b
}

func maximum(x []float32) float32 {
	var out [17]float32
	n := vectors(len(x))
	switch {
	case n == 0:
		return maximumGo(x)
	case n >= 16 && wide:
		n &^= 15
		maximumAVX512(&x[0], &out[0], n)
		out[16] = maximumGo(x[n:])
		return maximumGo(out[:])
	}
	maximumAVX2(&x[0], &out[0], n)
	out[8] = maximumGo(x[n:])
	return maximumGo(out[:9])
}

func taps(dst, src, w []float32, off []int32) {
	if wide && len(dst) > 0 {
		tapsAVX512(&dst[0], &src[0], &w[0], &off[0], len(off), len(dst))
		return
	}
	n := vectors(len(dst))
	if n > 0 {
		tapsAVX2(&dst[0], &src[0], &w[0], &off[0], len(off), n)
	}
	tapsGo(dst[n:], src[n:], w, off)
}

func tapsMax(dst, src []float32, off []int32) {
	if wide && len(dst) > 0 {
		tapsMaxAVX512(&dst[0], &src[0], &off[0], len(off), len(dst))
		return
	}
	n := vectors(len(dst))
	if n > 0 {
		tapsMaxAVX2(&dst[0], &src[0], &off[0], len(off), n)
	}
	tapsMaxGo(dst[n:], src[n:], off)
}

func tapsSum(dst, src []float32, off []int32) {
	if wide && len(dst) > 0 {
		tapsSumAVX512(&dst[0], &src[0], &off[0], len(off), len(dst))
		return
	}
	n := vectors(len(dst))
	if n > 0 {
		tapsSumAVX2(&dst[0], &src[0], &off[0], len(off), n)
	}
	tapsSumGo(dst[n:], src[n:], off)
}

// masks holds eight true words, then eight false ones.
var masks = [16]int32{-1, -1, -1, -1, -1, -1, -1, -1}

// fillRows copies rows of n elements, step apart, from src into planes, with
// rows of dst and src the given strides apart, and fake-quantizes them if q is
// set. It may write pad up to seven elements behind a row.
func fillRows(dst, src []float32, rows, n, dstStride, srcStride, step int, pad float32, q *Quantizer) {
	if !assembly || step > 2 || n == 0 || !wide && (rows-1)*dstStride+roundUp(n, 8) > len(dst) {
		fillRowsGo(dst, src, rows, n, dstStride, srcStride, step, q)
		return
	}
	_ = src[(rows-1)*srcStride+(n-1)*step]
	if wide {
		_ = dst[(rows-1)*dstStride+n-1]
		switch {
		case q == nil && step == 1:
			fillRows1AVX512(&dst[0], &src[0], rows, n, dstStride, srcStride)
		case q == nil:
			fillRows2AVX512(&dst[0], &src[0], rows, n, dstStride, srcStride)
		case step == 1:
			fillRows1QuantizedAVX512(&dst[0], &src[0], rows, n, dstStride, srcStride, q.Scale, float32(q.Lo-q.Zero), float32(q.Hi-q.Zero))
		default:
			fillRows2QuantizedAVX512(&dst[0], &src[0], rows, n, dstStride, srcStride, q.Scale, float32(q.Lo-q.Zero), float32(q.Hi-q.Zero))
		}
		return
	}
	last := (n-1)%8 + 1 // elements of the last vector
	m0, m1, mask := &masks[8-last], &masks[8-last], &masks[8-last]
	if step == 2 {
		m0, m1 = &masks[8-min(8, 2*last-1)], &masks[8-max(0, 2*last-8)]
	}
	switch {
	case q == nil && step == 1:
		fillRows1AVX2(&dst[0], &src[0], rows, n, dstStride, srcStride, m0, m1, mask, pad)
	case q == nil:
		fillRows2AVX2(&dst[0], &src[0], rows, n, dstStride, srcStride, m0, m1, mask, pad)
	case step == 1:
		fillRows1QuantizedAVX2(&dst[0], &src[0], rows, n, dstStride, srcStride, m0, m1, mask, pad, q.Scale, float32(q.Lo-q.Zero), float32(q.Hi-q.Zero))
	default:
		fillRows2QuantizedAVX2(&dst[0], &src[0], rows, n, dstStride, srcStride, m0, m1, mask, pad, q.Scale, float32(q.Lo-q.Zero), float32(q.Hi-q.Zero))
	}
}

// addProducts is addProductsGo for one, two or four sums and a multiple of Lanes
// elements.
func addProducts(sums [][Lanes]float32, x, g []float32, stride int, q *coder) {
	if !assembly {
		addProductsGo(sums, x, g, stride, q)
		return
	}
	_, lanes := g[(len(sums)-1)*stride+len(x)-1], &sums[0][0]
	switch {
	case q == nil && wide:
		switch len(sums) {
		case 1:
			products1AVX512(&x[0], &g[0], stride, lanes, len(x))
		case 2:
			products2AVX512(&x[0], &g[0], stride, lanes, len(x))
		case 4:
			products4AVX512(&x[0], &g[0], stride, lanes, len(x))
		}
	case q == nil:
		switch len(sums) {
		case 1:
			products1AVX2(&x[0], &g[0], stride, lanes, len(x))
		case 2:
			products2AVX2(&x[0], &g[0], stride, lanes, len(x))
		case 4:
			products4AVX2(&x[0], &g[0], stride, lanes, len(x))
		}
	case wide:
		switch len(sums) {
		case 1:
			errorProducts1AVX512(&x[0], &g[0], stride, lanes, len(x), q.inverse, q.scale, q.lo, q.hi)
		case 2:
			errorProducts2AVX512(&x[0], &g[0], stride, lanes, len(x), q.inverse, q.scale, q.lo, q.hi)
		case 4:
			errorProducts4AVX512(&x[0], &g[0], stride, lanes, len(x), q.inverse, q.scale, q.lo, q.hi)
		}
	default:
		switch len(sums) {
		case 1:
			errorProducts1AVX2(&x[0], &g[0], stride, lanes, len(x), q.inverse, q.scale, q.lo, q.hi)
		case 2:
			errorProducts2AVX2(&x[0], &g[0], stride, lanes, len(x), q.inverse, q.scale, q.lo, q.hi)
		case 4:
			errorProducts4AVX2(&x[0], &g[0], stride, lanes, len(x), q.inverse, q.scale, q.lo, q.hi)
		}
	}
}
