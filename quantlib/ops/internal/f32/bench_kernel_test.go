package f32

import (
	"fmt"
	"testing"
)

// BenchmarkTile multiplies what is packed and stays in the caches: the share of
// BenchmarkPeak that the kernels themselves reach. The sizes of a block are
// rows × columns × k.
func BenchmarkTile(b *testing.B) {
	for _, s := range [][3]int{{96, 16, 256}, {96, 32, 256}, {96, 256, 256}, {24, 64, 64}, {6, 32, 256}, {5, 32, 256}, {1, 128, 256}, {96, 1, 256}, {96, 4, 256}, {96, 8, 256}} {
		m, n, k := s[0], s[1], s[2]
		b.Run(fmt.Sprintf("%dx%dx%d", m, n, k), func(b *testing.B) {
			r := rng(1)
			t := tiles{
				kn: k, a: normal(r, roundUp(m, MR)*k+slack), b: normal(r, roundUp(n, NR)*k+slack),
				dst: make([]float32, m*n), ldc: n, tmp: make([]float32, tileLen),
			}
			for b.Loop() {
				t.run(0, m, 0, n)
			}
			gflops(b, m*n*k)
		})
	}
}

// BenchmarkPack measures what brings factors and images into the order in
// which kernels read them, in the caches.
func BenchmarkPack(b *testing.B) {
	const k, n = 64, 256
	r := rng(1)
	x, dst := normal(r, k*(n+64)), make([]float32, k*(n+64))
	off := make([]int32, k)
	for i := range off {
		off[i] = int32(i * n)
	}
	two := []int32{0, 3}
	q := Quantizer{Scale: 0.05, Lo: -128, Hi: 127}
	for _, f := range []struct {
		name  string
		bytes int
		f     func()
	}{
		{"rows of B", 8 * k * n, func() { packStrided(dst, x, 0, k, 0, n, 1, n, NR) }},
		{"columns of A", 8 * k * 252, func() { packStrided(dst, x, 0, k, 0, 252, k, 1, MR) }},
		{"columns of B", 8 * k * n, func() { packStrided(dst, x, 0, k, 0, n, k, 1, NR) }},
		{"one run", 8 * k * NR, func() { copyRuns(dst[:k*NR], x, off, len(x), two[:1], two[:1], NR) }},
		{"two runs", 8 * k * NR, func() { copyRuns(dst[:k*NR], x, off, len(x), two, two, NR) }},
		{"fill", 8 * k * 200, func() { fillRows(dst, x, k, 200, 202, 200, 1, 0, nil) }},
		{"fill by two", 12 * 32 * 200, func() { fillRows(dst, x, 32, 200, 202, 400, 2, 0, nil) }},
		{"fill quantized", 8 * k * 200, func() { fillRows(dst, x, k, 200, 202, 200, 1, 0, &q) }},
		{"fill by two quantized", 12 * 32 * 200, func() { fillRows(dst, x, 32, 200, 202, 400, 2, 0, &q) }},
		{"finish", 8 * k * 200, func() { finishRows(dst, x, k, 200, 204, 0.5, 0, 6) }},
		{"finish rows of 14", 8 * k * 14, func() { finishRows(dst, x, k, 14, 16, 0.5, 0, 6) }},
		{"quantize rows of 56", 8 * k * 56, func() { quantizeRows(dst, k, 56, 64, q) }},
	} {
		b.Run(f.name, func(b *testing.B) {
			for b.Loop() {
				f.f()
			}
			gbytes(b, f.bytes)
		})
	}
}

// BenchmarkTaps measures the rows of depthwise convolutions and pooling.
func BenchmarkTaps(b *testing.B) {
	const n = 4096
	r := rng(1)
	x, w, dst := normal(r, n+200), normal(r, 25), make([]float32, n)
	off := make([]int32, 25)
	for t := range off {
		off[t] = int32(t/5*30 + t%5)
	}
	for _, taps9 := range []int{9, 25} {
		w, off := w[:taps9], off[:taps9]
		b.Run(fmt.Sprintf("product of %d", taps9), func(b *testing.B) {
			for b.Loop() {
				taps(dst, x, w, off)
			}
			gflops(b, n*taps9)
		})
		b.Run(fmt.Sprintf("max of %d", taps9), func(b *testing.B) {
			for b.Loop() {
				tapsMax(dst, x, off)
			}
			gbytes(b, 4*n*taps9)
		})
		b.Run(fmt.Sprintf("sum of %d", taps9), func(b *testing.B) {
			for b.Loop() {
				tapsSum(dst, x, off)
			}
			gbytes(b, 4*n*taps9)
		})
	}
}
