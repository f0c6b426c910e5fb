package main

import (
	"time"

	"golang.org/x/sys/cpu"
)

//go:noescape
func fmaPeakAVX2(n int)

//go:noescape
func fmaPeakAVX512(n int)

// peak is what one thread's multiply-add units can do at the moment, in
// GFLOP/s: the best of several short runs of independent multiply-adds with the
// widest vectors that the processor has. 0 means that it cannot be measured.
func peak() float64 {
	run, lanes := fmaPeakAVX2, 8
	switch {
	case cpu.X86.HasAVX512F:
		run, lanes = fmaPeakAVX512, 16
	case !cpu.X86.HasAVX2 || !cpu.X86.HasFMA:
		return 0
	}
	const n = 1 << 20
	best := time.Duration(1 << 62)
	for range 20 {
		start := time.Now()
		run(n)
		best = min(best, time.Since(start))
	}
	return 2 * 12 * float64(lanes) * n / best.Seconds() / 1e9
}
