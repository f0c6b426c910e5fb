package tensor

import (
	"math"
)

// Float32FromBits16 widens an IEEE binary16 value.
func Float32FromBits16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, frac := uint32(h>>10)&31, uint32(h&0x3ff)
	switch {
	case exp == 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	}
	f := float32(frac) * (1.0 / (1 << 24))
	if sign != 0 {
		f = -f
	}
	return f
}

// Float32FromBFloat16 widens a bfloat16 value.
func Float32FromBFloat16(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }
