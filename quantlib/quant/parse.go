package quant

import (
	"fmt"
	"strconv"
	"strings"
)

var (
	roundingNames    = [...]string{HalfEven: "half-even", HalfUp: "half-up", HalfAway: "half-away", TowardZero: "toward-zero", Stochastic: "stochastic"}
	granularityNames = [...]string{PerTensor: "per-tensor", PerChannel: "per-channel", PerGroup: "per-group"}
	floatNames       = [...]string{NotFloat: "integer", E4M3FN: "float8e4m3fn", E5M2: "float8e5m2"}
)

func name(names []string, i uint8) string {
	if int(i) < len(names) {
		return names[i]
	}
	return "unknown(" + strconv.Itoa(int(i)) + ")"
}

// String returns the name that ParseScheme reads.
func (r Rounding) String() string { return name(roundingNames[:], uint8(r)) }

// String returns the name that ParseScheme reads.
func (g Granularity) String() string { return name(granularityNames[:], uint8(g)) }

// String returns ONNX's name of the type in lower case.
func (f Float) String() string { return name(floatNames[:], uint8(f)) }

// String returns the compact notation that ParseScheme reads back: the type,
// then what differs from the type's defaults.
//
//	float            not quantized
//	int4             signed, symmetric
//	int4 asym        signed, with a zero point
//	int8 narrow      codes -127..127
//	uint8            unsigned, with a zero point
//	uint8 sym        unsigned, zero point 0, for tensors without negative values
//	int1             sign(x)·scale
//	int4 per-channel, int4 per-group=32
//	int8 pow2, int8 toward-zero, int8 stochastic=7
//	float8e4m3fn, float8e5m2
func (s Scheme) String() string {
	if s.Bits == 0 && s == (Scheme{}) {
		return "float"
	}
	var b strings.Builder
	switch {
	case s.Float != NotFloat:
		b.WriteString(s.Float.String())
	case s.Unsigned:
		fmt.Fprintf(&b, "uint%d", s.Bits)
		if !s.Asymmetric {
			b.WriteString(" sym")
		}
	default:
		fmt.Fprintf(&b, "int%d", s.Bits)
		if s.Asymmetric {
			b.WriteString(" asym")
		}
	}
	if s.Narrow {
		b.WriteString(" narrow")
	}
	switch s.Granularity {
	case PerTensor:
	case PerGroup:
		fmt.Fprintf(&b, " per-group=%d", s.GroupSize)
	default:
		b.WriteString(" " + s.Granularity.String())
	}
	if s.PowerOfTwo {
		b.WriteString(" pow2")
	}
	switch s.Round {
	case HalfEven:
	case Stochastic:
		fmt.Fprintf(&b, " stochastic=%d", s.Seed)
	default:
		b.WriteString(" " + s.Round.String())
	}
	return b.String()
}

// ParseScheme reads the notation of String. Words may stand in any order after
// the type and be separated by spaces or commas; defaults may be spelled out
// ("int8 sym per-tensor half-even"); "float32" is "float". An unknown,
// repeated or contradicting word, and a scheme that does not Validate, is an
// error.
func ParseScheme(text string) (Scheme, error) {
	fail := func(format string, args ...any) (Scheme, error) {
		return Scheme{}, fmt.Errorf("quant: scheme %q: %s", text, fmt.Sprintf(format, args...))
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' })
	if len(words) == 0 {
		return fail("empty; the first word is a type like int4, uint8, float8e4m3fn or float")
	}
	var s Scheme
	switch head := words[0]; {
	case head == "float" || head == "float32":
		if len(words) > 1 {
			return fail("float has no settings, but %q follows", words[1])
		}
		return s, nil
	case head == E4M3FN.String():
		s = FP8(E4M3FN)
	case head == E5M2.String():
		s = FP8(E5M2)
	default:
		digits, unsigned := strings.CutPrefix(head, "uint")
		if !unsigned {
			var ok bool
			if digits, ok = strings.CutPrefix(head, "int"); !ok {
				return fail("unknown type %q; one of int1..int16, int32, uint1..uint16, float8e4m3fn, float8e5m2, float", head)
			}
		}
		bits, err := strconv.ParseUint(digits, 10, 8)
		if err != nil || bits == 0 || strconv.FormatUint(bits, 10) != digits {
			return fail("%q has no width; write int4 or uint8", head)
		}
		s = Int(int(bits))
		if unsigned {
			s = Uint(int(bits))
		}
	}
	const symmetry, narrow, granularity, scale, rounding = "symmetry", "narrow", "granularity", "scale", "rounding"
	seen := map[string]string{}
	for _, w := range words[1:] {
		key, value, hasValue := strings.Cut(w, "=")
		var aspect string
		switch key {
		case "sym", "asym":
			aspect, s.Asymmetric = symmetry, key == "asym"
		case "narrow":
			aspect, s.Narrow = narrow, true
		case "per-tensor", "per-channel", "per-group":
			aspect = granularity
			for i, n := range granularityNames {
				if n == key {
					s.Granularity = Granularity(i)
				}
			}
		case "pow2":
			aspect, s.PowerOfTwo = scale, true
		case "half-even", "half-up", "half-away", "toward-zero", "stochastic":
			aspect = rounding
			for i, n := range roundingNames {
				if n == key {
					s.Round = Rounding(i)
				}
			}
		default:
			return fail("unknown word %q", w)
		}
		if before, twice := seen[aspect]; twice {
			return fail("%q and %q both set the %s", before, w, aspect)
		}
		seen[aspect] = w
		var err error
		switch {
		case key == "per-group":
			s.GroupSize, err = strconv.Atoi(value)
		case key == "stochastic" && hasValue:
			s.Seed, err = strconv.ParseUint(value, 10, 64)
		case hasValue:
			return fail("%q takes no value", key)
		}
		if err != nil {
			return fail("%q has no number; write per-group=32 or stochastic=7", w)
		}
	}
	if err := s.validate(); err != nil {
		return fail("%v", err)
	}
	return s, nil
}

// MarshalText returns String, so that a Scheme is a JSON string and may be a
// map key. It fails where Validate does.
func (s Scheme) MarshalText() ([]byte, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return []byte(s.String()), nil
}

// UnmarshalText reads what ParseScheme reads.
func (s *Scheme) UnmarshalText(text []byte) error {
	v, err := ParseScheme(string(text))
	if err != nil {
		return err
	}
	*s = v
	return nil
}
