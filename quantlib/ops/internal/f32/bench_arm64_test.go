//go:build !noasm

package f32

import "testing"

// BenchmarkPeak measures what the multiply-add units can do, for the share of
// it that the others reach.
func BenchmarkPeak(b *testing.B) {
	if chosen == portable {
		b.Skip("no kernels")
	}
	for b.Loop() {
		fmaPeakNEON(1000)
	}
	gflops(b, 1000*96*4)
}
