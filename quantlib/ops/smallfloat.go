package ops

import (
	"math"
	"sync"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A smallFormat is a float of at most 8 bits: sign, exponent, mantissa.
// Sources: OCP 8-bit Floating Point Specification 1.0, OCP Microscaling
// Formats 1.0, and https://onnx.ai/onnx/technical/float8.html.
type smallFormat struct {
	exp, man, bias int
	inf            bool  // the highest exponent is infinity and NaN
	nan            uint8 // the NaN that a conversion gives, without sign
	unsignedZero   bool  // the code of -0 is the only NaN
	top            uint8 // code of the greatest finite value
}

var smallFormats = map[tensor.DType]smallFormat{
	tensor.Float8E4M3:  {exp: 4, man: 3, bias: 7, nan: 0x7f, top: 0x7e},
	tensor.Float8E4M3Z: {exp: 4, man: 3, bias: 8, nan: 0x80, unsignedZero: true, top: 0x7f},
	tensor.Float8E5M2:  {exp: 5, man: 2, bias: 15, inf: true, nan: 0x7e, top: 0x7b},
	tensor.Float8E5M2Z: {exp: 5, man: 2, bias: 16, nan: 0x80, unsignedZero: true, top: 0x7f},
	tensor.Float4E2M1:  {exp: 2, man: 1, bias: 1, top: 0x7},
}

var smallTables sync.Map // tensor.DType → *[256]float64

// smallFloats is the value of each code.
func smallFloats(d tensor.DType) *[256]float64 {
	if t, ok := smallTables.Load(d); ok {
		return t.(*[256]float64)
	}
	t := new([256]float64)
	if d == tensor.Float8E8M0 {
		for i := range 255 {
			t[i] = math.Ldexp(1, i-127)
		}
		t[255] = math.NaN()
	} else {
		f := smallFormats[d]
		half := 1 << (f.exp + f.man)
		for i := range 2 * half {
			v := f.value(uint8(i & (half - 1)))
			if i >= half {
				v = -v
			}
			if f.unsignedZero && i == half {
				v = math.NaN()
			}
			t[i] = v
		}
	}
	smallTables.Store(d, t)
	return t
}

// value of a code without its sign.
func (f smallFormat) value(code uint8) float64 {
	e, m := int(code)>>f.man, int(code)&(1<<f.man-1)
	if code > f.top {
		if f.inf && m == 0 {
			return math.Inf(1)
		}
		return math.NaN()
	}
	if e == 0 {
		return math.Ldexp(float64(m), 1-f.bias-f.man)
	}
	return math.Ldexp(float64(m+1<<f.man), e-f.bias-f.man)
}

// smallCode rounds x to the nearest value of d, half to an even code. What lies
// beyond the greatest value becomes that value where saturate is set (infinity
// too), and else infinity, or NaN where the type has no infinity. Float4E2M1
// always saturates and turns NaN into -0; Float8E8M0 is always
// positive, rounds up, and always saturates.
func smallCode(d tensor.DType, x float64, saturate bool) uint8 {
	if d == tensor.Float8E8M0 {
		return powerCode(x, "up", saturate)
	}
	f := smallFormats[d]
	sign := uint8(0)
	signBit := uint8(1) << (f.exp + f.man)
	if math.Signbit(x) {
		sign = signBit
	}
	a := math.Abs(x)
	if a != a {
		if d == tensor.Float4E2M1 {
			return signBit
		}
		if f.unsignedZero {
			return f.nan
		}
		return sign | f.nan
	}
	code := f.round(a)
	if d == tensor.Float4E2M1 {
		return sign | min(code, f.top)
	}
	if code > f.top {
		switch {
		case saturate:
			return sign | f.top
		case f.inf:
			return sign | (f.top + 1)
		case f.unsignedZero:
			return f.nan
		}
		return sign | f.nan
	}
	if code == 0 && f.unsignedZero {
		return 0
	}
	return sign | code
}

// round gives the code nearest to a >= 0, above top where that overflows.
func (f smallFormat) round(a float64) uint8 {
	if a == 0 {
		return 0
	}
	if a >= 2*f.value(f.top) {
		return f.top + 1
	}
	_, e := math.Frexp(a) // a in [2^(e-1), 2^e)
	e = max(e-1, 1-f.bias)
	m := int(math.RoundToEven(math.Ldexp(a, f.man-e))) // mantissa with the leading one, or subnormal
	code := (e+f.bias-1)<<f.man + m
	return uint8(min(code, int(f.top)+1))
}

// powerCode is x as a power of two in Float8E8M0, its code the exponent plus
// 127: rounded up, down, or to the nearest ("nearest", half up).
func powerCode(x float64, mode string, saturate bool) uint8 {
	if x != x || math.IsInf(x, 0) && !saturate || x < 0 {
		return 255
	}
	if x == 0 {
		return 0
	}
	if math.IsInf(x, 1) {
		return 254
	}
	frac, e := math.Frexp(x)
	e-- // x = 2·frac · 2^e, 2·frac in [1, 2)
	switch {
	case mode == "up" && frac > 0.5, mode == "nearest" && frac >= 0.75:
		e++
	}
	code := e + 127
	if code > 254 {
		if saturate {
			return 254
		}
		return 255
	}
	return uint8(max(code, 0))
}
