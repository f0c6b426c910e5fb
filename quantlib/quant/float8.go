package quant

import (
	"math"
	"sync"
)

// mantissa is the number of explicit mantissa bits of f.
func (f Float) mantissa() int {
	if f == E4M3FN {
		return 3
	}
	return 2
}

// least is the exponent of the smallest normal number; subnormals share its
// step.
func (f Float) least() int {
	if f == E4M3FN {
		return -6
	}
	return -14
}

// Max is the largest finite value: 448 of E4M3FN, 57344 of E5M2.
// It panics if f is not a float format.
func (f Float) Max() float64 {
	switch f {
	case E4M3FN:
		return 448
	case E5M2:
		return 57344
	}
	panic("quant: " + f.String() + " has no largest value")
}

// round is the value of f nearest to y as s.Round says, saturating; NaN stays.
// index and x only matter to stochastic rounding.
func (f Float) round(y float32, s Scheme, index int, x float32) float32 {
	if y != y {
		return y
	}
	most := f.Max()
	a := float64(y)
	if math.Abs(a) >= most {
		return float32(math.Copysign(most, a))
	}
	e := max(exponent(y), f.least())
	step := math.Ldexp(1, e-f.mantissa())
	r := s.Round.apply(a/step, s.Seed, index, x) * step
	return float32(math.Copysign(min(math.Abs(r), most), a))
}

// fakeRow is round with half to even, times scale, for a whole row: adding
// 1.5·2^23 steps rounds to a multiple of the step (see magic).
func (f Float) fakeRow(dst, x []float32, scale float32) {
	most, least, shift := float32(f.Max()), uint32(127+f.least()), uint32(23-f.mantissa())
	dst = dst[:len(x)]
	for i, v := range x {
		y := v / scale
		bits := math.Float32bits(y)
		if y != y {
			dst[i] = y * scale
			continue
		}
		a := min(math.Float32frombits(bits&^(1<<31)), most)
		e := max(math.Float32bits(a)>>23, least)
		m := math.Float32frombits((e+shift)<<23 | 1<<22)
		r := (a + m) - m
		dst[i] = math.Float32frombits(math.Float32bits(r)|bits&(1<<31)) * scale
	}
}

// exponent is floor(log2|y|) of a normal y, and -127 of zeros and subnormals.
func exponent(y float32) int { return int(math.Float32bits(y)>>23&0xFF) - 127 }

// encode is the bit pattern of a value that f can represent, or of NaN.
func (f Float) encode(v float32) uint8 {
	sign := uint8(math.Float32bits(v) >> 31 << 7)
	if v != v {
		return sign | 0x7F
	}
	m := f.mantissa()
	a := math.Abs(float64(v))
	e := exponent(v)
	if e < f.least() {
		return sign | uint8(math.Ldexp(a, m-f.least()))
	}
	return sign | uint8((e-f.least())<<m+int(math.Ldexp(a, m-e)))
}

// decode is the value of a bit pattern. E5M2 has infinities and several NaN,
// which encode never makes of a number.
func (f Float) decode(code uint8) float32 {
	m := f.mantissa()
	fraction := int(code) & (1<<m - 1)
	e := int(code&0x7F) >> m
	var v float64
	switch {
	case f == E4M3FN && code&0x7F == 0x7F, f == E5M2 && code&0x7F > 0x7C:
		return float32(math.NaN())
	case f == E5M2 && code&0x7F == 0x7C:
		v = math.Inf(1)
	case e == 0:
		v = math.Ldexp(float64(fraction), f.least()-m)
	default:
		v = math.Ldexp(float64(fraction+1<<m), e-1+f.least()-m)
	}
	if code >= 0x80 {
		v = -v
	}
	return float32(v)
}

var tables = [...]func() *[256]float32{
	E4M3FN: sync.OnceValue(func() *[256]float32 { return E4M3FN.makeTable() }),
	E5M2:   sync.OnceValue(func() *[256]float32 { return E5M2.makeTable() }),
}

// table holds the value of each bit pattern.
func (f Float) table() *[256]float32 { return tables[f]() }

func (f Float) makeTable() *[256]float32 {
	t := new([256]float32)
	for i := range t {
		t[i] = f.decode(uint8(i))
	}
	return t
}
