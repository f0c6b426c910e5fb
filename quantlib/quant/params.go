package quant

import (
	"fmt"
	"math"
)

// Params are the scales and zero points of a tensor, one for each granule of
// its Layout, in the layout's order.
type Params struct {
	Scale []float32
	Zero  []int32 // nil means 0 everywhere
}

// One returns the parameters of a tensor with one scale.
func One(scale float32, zero int32) Params {
	return Params{Scale: []float32{scale}, Zero: []int32{zero}}
}

// At returns the scale and the zero point of granule g.
func (p Params) At(g int) (scale float32, zero int32) {
	if p.Zero != nil {
		zero = p.Zero[g]
	}
	return p.Scale[g], zero
}

// Validate returns an error which names the granule that does not fit s, or
// nil. granules is what the layout asks for.
func (p Params) Validate(s Scheme, granules int) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if s.IsFloat32() {
		return nil
	}
	if len(p.Scale) != granules || p.Zero != nil && len(p.Zero) != granules {
		return fmt.Errorf("quant: %d scales and %d zero points for %d granules", len(p.Scale), len(p.Zero), granules)
	}
	lo, hi := s.zeros()
	for g, v := range p.Scale {
		if !(v > 0 && v <= math.MaxFloat32) {
			return fmt.Errorf("quant: granule %d: scale %v is not positive and finite", g, v)
		}
		if _, z := p.At(g); z < lo || z > hi {
			return fmt.Errorf("quant: granule %d: zero point %d of %v is not in %d..%d", g, z, s, lo, hi)
		}
	}
	return nil
}

// Quantize is the function Quantize for a tensor laid out as l: each element
// with the scale and the zero point of its granule. It panics as Quantize does,
// if a slice is not l.Len() long, and if p does not have l.Granules() scales.
func (p Params) Quantize(dst []int32, x []float32, l Layout, s Scheme) {
	checkLen(len(dst), len(x))
	p.check(len(x), l, s)
	l.Runs(func(g, from, to int) {
		scale, zero := p.At(g)
		quantizeRow(dst[from:to], x[from:to], scale, zero, s, from)
	})
}

// Dequantize is the function Dequantize for a tensor laid out as l. It panics
// as Params.Quantize does.
func (p Params) Dequantize(dst []float32, codes []int32, l Layout, s Scheme) {
	checkLen(len(dst), len(codes))
	p.check(len(codes), l, s)
	l.Runs(func(g, from, to int) {
		scale, zero := p.At(g)
		dequantizeRow(dst[from:to], codes[from:to], scale, zero, s)
	})
}

// FakeQuantize is the function FakeQuantize for a tensor laid out as l. dst may
// be x. With the zero Scheme it copies, whatever p and l are. It panics as
// Params.Quantize does.
func (p Params) FakeQuantize(dst, x []float32, l Layout, s Scheme) {
	checkLen(len(dst), len(x))
	if s.IsFloat32() {
		copy(dst, x)
		return
	}
	p.check(len(x), l, s)
	if len(p.Scale) == 1 {
		scale, zero := p.At(0)
		fakeRow(dst, x, scale, zero, s, 0)
		return
	}
	width, rows, ok := l.columns()
	if ok && s.Float == NotFloat && s.Round == HalfEven && s.Bits <= 16 && !s.Binary() {
		lo, hi := s.Range()
		for r := range rows {
			g, at := l.rowGranule(r), r*width
			var zero []int32
			if p.Zero != nil {
				zero = p.Zero[g : g+width]
			}
			fakeQuantizeColumns(dst[at:at+width], x[at:at+width], p.Scale[g:g+width], zero, lo, hi)
		}
		return
	}
	l.Runs(func(g, from, to int) {
		scale, zero := p.At(g)
		fakeRow(dst[from:to], x[from:to], scale, zero, s, from)
	})
}

func (p Params) check(n int, l Layout, s Scheme) {
	if n != l.Len() {
		panic(fmt.Sprintf("quant: %d elements, the layout has %d", n, l.Len()))
	}
	s.mustQuantize()
	if len(p.Scale) != l.Granules() || p.Zero != nil && len(p.Zero) != len(p.Scale) {
		panic(fmt.Sprintf("quant: %d scales and %d zero points for %d granules", len(p.Scale), len(p.Zero), l.Granules()))
	}
	for g := range p.Scale {
		s.checkParams(p.At(g))
	}
}

// zeros is the range of legal zero points.
func (s Scheme) zeros() (lo, hi int32) {
	if s.Float != NotFloat || s.Binary() || s.Bits == 32 {
		return 0, 0
	}
	return s.Range()
}

// ParamsFromRange returns the scale and the zero point with which s covers the
// interval lo..hi, widened to contain 0 where it does not. With codes loCode to
// hiCode:
//
//	symmetric     scale = max(|lo|, |hi|) / hiCode, zero = 0
//	              (the full range has one more code below; it is not counted on)
//	unsigned sym  scale = max(hi, 0) / hiCode, zero = 0; what is negative saturates to 0
//	asymmetric    scale = (hi-lo) / (hiCode-loCode), zero = clamp(even(loCode - lo/scale))
//	              (so both ends may move by half a step)
//	signed 1 bit  scale = max(|lo|, |hi|), which is mean|x| where lo and hi come from observe or Weights
//	float format  scale = max(|lo|, |hi|) / 448 or 57344
//	power of two  the scale is rounded up to one, so that the interval stays covered
//
// It is computed in float64 and rounded once. An interval of zeros alone gives
// scale 1 and the zero point of the value 0. Infinite ends are taken as
// ±MaxFloat32. The scale is never less than the smallest normal float32 nor so
// large that a code overflows.
//
// It panics if an end is NaN, lo > hi, or s is not valid or float32.
func ParamsFromRange(lo, hi float32, s Scheme) (scale float32, zero int32) {
	s.mustQuantize()
	if !(lo <= hi) {
		panic(fmt.Sprintf("quant: range %v..%v", lo, hi))
	}
	l := math.Max(-math.MaxFloat32, math.Min(float64(lo), 0))
	h := math.Min(math.MaxFloat32, math.Max(float64(hi), 0))
	loCode, hiCode := s.Range()
	switch {
	case s.Asymmetric:
		scale = s.safeScale((h - l) / float64(hiCode-loCode))
		z := math.RoundToEven(float64(loCode) - l/float64(scale))
		zero = int32(min(max(z, float64(loCode)), float64(hiCode)))
	case s.Unsigned:
		scale = s.safeScale(h / float64(hiCode))
	default:
		scale = s.safeScale(max(-l, h) / s.Max())
	}
	return scale, zero
}

// safeScale rounds a scale to float32 and keeps it where neither it nor any
// value overflows or becomes subnormal. Zero becomes 1.
func (s Scheme) safeScale(v float64) float32 {
	if v == 0 {
		return 1
	}
	// The largest value in units of the scale: 2^Bits bounds every integer code less its zero point.
	units := math.Ldexp(1, s.Bits)
	if s.Float != NotFloat {
		units = s.Float.Max()
	}
	if s.Bits == 1 {
		units = 1
	}
	v = min(max(v, 0x1p-126), math.MaxFloat32/units)
	if s.PowerOfTwo {
		fraction, e := math.Frexp(v)
		if fraction == 0.5 {
			e--
		}
		if p := math.Ldexp(1, e); p <= math.MaxFloat32/units {
			return float32(p)
		}
		return float32(math.Ldexp(1, e-1))
	}
	return float32(v)
}

// Reals returns the interval of numbers that the codes of s cover, which
// charts draw and clipping is counted against:
//
//	(loCode - zero)·scale .. (hiCode - zero)·scale
//
// It panics as Quantize does.
func (s Scheme) Reals(scale float32, zero int32) (lo, hi float32) {
	s.mustQuantize()
	s.checkParams(scale, zero)
	if s.Float != NotFloat {
		m := float32(s.Float.Max()) * scale
		return -m, m
	}
	l, h := s.Range()
	return float32(l-zero) * scale, float32(h-zero) * scale
}
