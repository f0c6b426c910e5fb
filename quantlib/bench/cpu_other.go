//go:build !unix

package main

// cpuSeconds is not known here; ratios of it are printed as NaN.
func cpuSeconds() float64 { return 0 }
