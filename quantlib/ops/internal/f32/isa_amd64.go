//go:build !noasm

package f32

import "golang.org/x/sys/cpu"

// available returns the levels that the processor has and whose registers the
// operating system saves. AVX-512 means its parts F, BW, DQ and VL.
func available() []level {
	levels := []level{portable}
	x := &cpu.X86
	if x.HasAVX2 && x.HasFMA {
		levels = append(levels, avx2)
		if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasBMI2 {
			levels = append(levels, avx512)
		}
	}
	return levels
}
