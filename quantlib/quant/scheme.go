package quant

import (
	"errors"
	"fmt"
)

// Scheme is a number format: how many codes there are, where zero lies, how
// values are rounded, and how many elements share one scale.
//
// It is a comparable value. The zero Scheme leaves a tensor in float32; the
// zero of every other field is the usual choice for weights, so
// Scheme{Bits: 4} is signed, symmetric, per tensor, rounding half to even.
type Scheme struct {
	Bits        int         // 1..16, 32 for biases; 0 means float32, not quantized
	Unsigned    bool        // codes start at 0
	Asymmetric  bool        // the zero point may be any code; otherwise it is 0
	Narrow      bool        // drop the lowest signed code, so that lo = -hi
	Granularity Granularity // what shares a scale
	GroupSize   int         // elements of the group axis that share a scale; PerGroup only
	PowerOfTwo  bool        // scales are powers of two, so rescaling is a shift
	Round       Rounding    // HalfEven unless said otherwise
	Seed        uint64      // of Stochastic rounding
	Float       Float       // a small float format instead of integers; Bits is then 8
}

// Granularity says what shares one scale and zero point.
type Granularity uint8

const (
	PerTensor  Granularity = iota // one for the whole tensor
	PerChannel                    // one for each index of the channel axis
	PerGroup                      // one for each channel and each GroupSize elements of the group axis
)

// Rounding says which of the two codes around x/scale is taken.
type Rounding uint8

const (
	HalfEven   Rounding = iota // nearest, ties to the even code; ONNX's rule
	HalfUp                     // nearest, ties toward +infinity: floor(y + 1/2)
	HalfAway                   // nearest, ties away from zero; C's round
	TowardZero                 // truncation
	Stochastic                 // up with a probability equal to the fraction; depends on Seed, index and value alone
)

// Float is a small floating-point format.
type Float uint8

const (
	NotFloat Float = iota // integer codes
	E4M3FN                // 4 exponent bits, bias 7, no infinities, largest value 448
	E5M2                  // 5 exponent bits, bias 15, largest value 57344
)

// Int returns the signed symmetric scheme of the given width, per tensor.
func Int(bits int) Scheme { return Scheme{Bits: bits} }

// Uint returns the unsigned asymmetric scheme of the given width, per tensor:
// the usual choice for activations. On a tensor without negative values its
// zero point is 0.
func Uint(bits int) Scheme { return Scheme{Bits: bits, Unsigned: true, Asymmetric: true} }

// FP8 returns the scheme of an 8-bit float format, per tensor.
func FP8(f Float) Scheme { return Scheme{Bits: 8, Float: f} }

// PerChannel returns s with one scale for each channel.
func (s Scheme) PerChannel() Scheme {
	s.Granularity, s.GroupSize = PerChannel, 0
	return s
}

// PerGroup returns s with one scale for each channel and size elements of the
// group axis.
func (s Scheme) PerGroup(size int) Scheme {
	s.Granularity, s.GroupSize = PerGroup, size
	return s
}

// PerTensor returns s with one scale for the whole tensor.
func (s Scheme) PerTensor() Scheme {
	s.Granularity, s.GroupSize = PerTensor, 0
	return s
}

// IsFloat32 reports whether s leaves the tensor as it is.
func (s Scheme) IsFloat32() bool { return s.Bits == 0 }

// Width is the number of bits that one element takes: Bits, or 32 for float32.
func (s Scheme) Width() int {
	if s.Bits == 0 {
		return 32
	}
	return s.Bits
}

// Binary reports whether s has the two codes -1 and +1 and no zero: one signed
// bit.
func (s Scheme) Binary() bool { return s.Bits == 1 && !s.Unsigned && s.Float == NotFloat }

// Range returns the least and the greatest code:
//
//	signed b bits    -2^(b-1) .. 2^(b-1)-1   (narrow: from -2^(b-1)+1)
//	unsigned b bits   0 .. 2^b-1
//	signed 1 bit     -1 and +1, nothing between
//	8-bit floats      0 .. 255, the bit patterns
//	float32           0, 0
func (s Scheme) Range() (lo, hi int32) {
	switch {
	case s.Bits == 0:
		return 0, 0
	case s.Float != NotFloat:
		return 0, 255
	case s.Binary():
		return -1, 1
	case s.Unsigned:
		return 0, int32(int64(1)<<s.Bits - 1)
	}
	half := int64(1) << (s.Bits - 1)
	lo, hi = int32(-half), int32(half-1)
	if s.Narrow {
		lo++
	}
	return lo, hi
}

// Max is the largest value in units of the scale: the greatest code of an
// integer scheme whose zero point is 0, 448 or 57344 of a float scheme.
func (s Scheme) Max() float64 {
	if s.Float != NotFloat {
		return s.Float.Max()
	}
	_, hi := s.Range()
	return float64(hi)
}

// Validate returns an error which names the field that makes no sense, or nil.
func (s Scheme) Validate() error {
	if err := s.validate(); err != nil {
		return fmt.Errorf("quant: scheme %+v: %w", plain(s), err)
	}
	return nil
}

// plain prints as a struct, not through String.
type plain Scheme

func (s Scheme) validate() error {
	if s.Bits == 0 {
		if s != (Scheme{}) {
			return errors.New("zero bits mean float32, which has no other settings")
		}
		return nil
	}
	switch {
	case s.Granularity > PerGroup:
		return fmt.Errorf("unknown granularity %d", s.Granularity)
	case s.Granularity == PerGroup && s.GroupSize < 1:
		return fmt.Errorf("group size %d; per group needs at least 1", s.GroupSize)
	case s.Granularity != PerGroup && s.GroupSize != 0:
		return fmt.Errorf("group size %d without per-group granularity", s.GroupSize)
	case s.Round > Stochastic:
		return fmt.Errorf("unknown rounding %d", s.Round)
	case s.Round != Stochastic && s.Seed != 0:
		return errors.New("a seed without stochastic rounding")
	case s.Float > E5M2:
		return fmt.Errorf("unknown float format %d", s.Float)
	}
	if s.Float != NotFloat {
		switch {
		case s.Bits != 8:
			return fmt.Errorf("%d bits; %v has 8", s.Bits, s.Float)
		case s.Unsigned || s.Asymmetric || s.Narrow:
			return fmt.Errorf("%v is signed and symmetric, with all codes", s.Float)
		}
		return nil
	}
	switch {
	case s.Bits == 32:
		if s.Unsigned || s.Asymmetric || s.Narrow {
			return errors.New("32 bits are for biases: signed and symmetric, with all codes")
		}
	case s.Bits < 1 || s.Bits > 16:
		return fmt.Errorf("%d bits; widths are 1..16, or 32 for biases", s.Bits)
	case s.Unsigned && s.Narrow:
		return errors.New("narrow is for signed codes")
	case s.Binary() && (s.Asymmetric || s.Narrow):
		return errors.New("one signed bit is sign(x)·scale: it has neither a zero point nor a narrow range")
	case s.Binary() && s.Round != HalfEven:
		return errors.New("one signed bit takes the sign: it has no rounding")
	}
	return nil
}

// mustValidate panics with Validate's error.
func (s Scheme) mustValidate() {
	if err := s.validate(); err != nil {
		panic(fmt.Sprintf("quant: scheme %+v: %v", plain(s), err))
	}
}
