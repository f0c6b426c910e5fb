//go:build !noasm

package f32

import "math"

func sum(x []float32) float64 {
	var s [Lanes]float64
	n := vectors(len(x)) / Lanes * Lanes
	if n > 0 {
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
	if n > 0 {
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
	if n > 0 {
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
	// In blocks that stay in the L1 cache while the kernel goes over them twice:
	// it takes eight of the lanes at a time. Lanes go on from block to block.
	n := vectors(len(f)) / Lanes * Lanes
	if n > 0 {
		noiseSumsAVX2(&f[0], &q[0], &s[0][0], n)
	}
	addNoise(&s, f[n:], q[n:])
	return Noise{lanes(&s[0]), lanes(&s[1]), lanes(&s[2]), lanes(&s[3])}
}

func minMax(x []float32) (lo, hi float32, bad int) {
	lo, hi = inf, -inf
	const block = 1 << 30 // so that counts fit
	for len(x) >= 8 && assembly {
		var out [24]float32
		n := vectors(min(len(x), block))
		minMaxAVX2(&x[0], &out[0], n)
		bad += n
		for l := range 8 {
			lo, hi = min(lo, out[l]), max(hi, out[8+l])
			bad -= int(math.Float32bits(out[16+l]))
		}
		x = x[n:]
	}
	l, h, b := minMaxGo(x)
	return min(lo, l), max(hi, h), bad + b
}

func maximum(x []float32) float32 {
	n := vectors(len(x))
	if n == 0 {
		return maximumGo(x)
	}
	var out [9]float32
	maximumAVX2(&x[0], &out[0], n)
	out[8] = maximumGo(x[n:])
	return maximumGo(out[:])
}

func taps(dst, src, w []float32, off []int32) {
	n := vectors(len(dst))
	if n > 0 {
		tapsAVX2(&dst[0], &src[0], &w[0], &off[0], len(off), n)
	}
	tapsGo(dst[n:], src[n:], w, off)
}

func tapsMax(dst, src []float32, off []int32) {
	n := vectors(len(dst))
	if n > 0 {
		tapsMaxAVX2(&dst[0], &src[0], &off[0], len(off), n)
	}
	tapsMaxGo(dst[n:], src[n:], off)
}

func tapsSum(dst, src []float32, off []int32) {
	n := vectors(len(dst))
	if n > 0 {
		tapsSumAVX2(&dst[0], &src[0], &off[0], len(off), n)
	}
	tapsSumGo(dst[n:], src[n:], off)
}

func copyStrided(dst, src []float32, stride int) {
	n := 0
	if stride == 2 {
		n = vectors(len(dst))
	}
	if n > 0 {
		everySecondAVX2(&dst[0], &src[0], n)
	}
	copyStridedGo(dst[n:], src[min(n*stride, len(src)):], stride)
}
