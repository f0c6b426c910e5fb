//go:build !noasm

package f32

import "testing"

// BenchmarkPeak measures what the multiply-add units can do, for the share of
// it that the others reach.
func BenchmarkPeak(b *testing.B) {
	peak, lanes := fmaPeakAVX2, 8
	switch chosen {
	case portable:
		b.Skip("no kernels")
	case avx512:
		peak, lanes = fmaPeakAVX512, 16
	}
	for b.Loop() {
		peak(1000)
	}
	gflops(b, 1000*96*lanes)
}
