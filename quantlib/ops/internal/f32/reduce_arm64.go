//go:build !noasm

package f32

import "math"

func sum(x []float32) float64 {
	var s [Lanes]float64
	n := vectors(len(x)) / Lanes * Lanes
	if n > 0 {
		sumNEON(&x[0], &s[0], n)
	}
	for i, v := range x[n:] {
		s[i%Lanes] += float64(v)
	}
	return lanes(&s)
}

func sumSquares(x []float32, c float64) float64 {
	var s [Lanes]float64
	n := vectors(len(x)) / Lanes * Lanes
	if n > 0 {
		sumSquaresNEON(&x[0], &s[0], n, c)
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
	if n > 0 {
		dotNEON(&x[0], &y[0], &s[0], n)
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
	if n > 0 {
		noiseSumsNEON(&f[0], &q[0], &s[0][0], n)
	}
	addNoise(&s, f[n:], q[n:])
	return Noise{lanes(&s[0]), lanes(&s[1]), lanes(&s[2]), lanes(&s[3])}
}

func minMax(x []float32) (lo, hi float32, bad int) {
	lo, hi = inf, -inf
	const block = 1 << 30 // so that counts fit
	for len(x) >= 16 && assembly {
		var out [48]float32 // least, greatest, count of each lane
		n := min(len(x), block) &^ 15
		minMaxNEON(&x[0], &out[0], n)
		bad += n
		for l := range 16 {
			lo, hi = min(lo, out[l]), max(hi, out[16+l])
			bad -= int(math.Float32bits(out[32+l]))
		}
		x = x[n:]
	}
	l, h, b := minMaxGo(x)
	return min(lo, l), max(hi, h), bad + b
}

func maximum(x []float32) float32 {
	n := vectors(len(x)) &^ 15
	if n == 0 {
		return maximumGo(x)
	}
	var out [17]float32
	maximumNEON(&x[0], &out[0], n)
	out[16] = maximumGo(x[n:])
	return maximumGo(out[:])
}

func taps(dst, src, w []float32, off []int32) {
	n := vectors(len(dst))
	if n > 0 {
		tapsNEON(&dst[0], &src[0], &w[0], &off[0], len(off), n)
	}
	tapsGo(dst[n:], src[n:], w, off)
}

func tapsMax(dst, src []float32, off []int32) {
	n := vectors(len(dst))
	if n > 0 {
		tapsMaxNEON(&dst[0], &src[0], &off[0], len(off), n)
	}
	tapsMaxGo(dst[n:], src[n:], off)
}

func tapsSum(dst, src []float32, off []int32) {
	n := vectors(len(dst))
	if n > 0 {
		tapsSumNEON(&dst[0], &src[0], &off[0], len(off), n)
	}
	tapsSumGo(dst[n:], src[n:], off)
}

// addProducts is addProductsGo for one, two or four sums and a multiple of Lanes
// elements.
func addProducts(sums [][Lanes]float32, x, g []float32, stride int, q *coder) {
	if !assembly {
		addProductsGo(sums, x, g, stride, q)
		return
	}
	_, lanes := g[(len(sums)-1)*stride+len(x)-1], &sums[0][0]
	if q == nil {
		switch len(sums) {
		case 1:
			products1NEON(&x[0], &g[0], stride, lanes, len(x))
		case 2:
			products2NEON(&x[0], &g[0], stride, lanes, len(x))
		case 4:
			products4NEON(&x[0], &g[0], stride, lanes, len(x))
		}
		return
	}
	switch len(sums) {
	case 1:
		errorProducts1NEON(&x[0], &g[0], stride, lanes, len(x), q.inverse, q.scale, q.lo, q.hi)
	case 2:
		errorProducts2NEON(&x[0], &g[0], stride, lanes, len(x), q.inverse, q.scale, q.lo, q.hi)
	case 4:
		errorProducts4NEON(&x[0], &g[0], stride, lanes, len(x), q.inverse, q.scale, q.lo, q.hi)
	}
}
