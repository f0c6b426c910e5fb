package chart

import (
	"math"
	"strconv"
	"strings"
)

// num writes v with at most d digits after the point, "n/a" for NaN, and a real
// minus sign and infinity.
func num(v float64, d int) string {
	switch {
	case math.IsNaN(v):
		return "n/a"
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "−∞"
	}
	s := strconv.FormatFloat(v, 'f', d, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return strings.Replace(s, "-", "−", 1)
}

// places is num with exactly d digits after the point.
func places(v float64, d int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return num(v, d)
	}
	s := strconv.FormatFloat(v, 'f', d, 64)
	if strings.Trim(s, "-0.") == "" {
		s = strings.TrimPrefix(s, "-")
	}
	return strings.Replace(s, "-", "−", 1)
}

// sig writes v with n significant digits, in scientific notation only where
// the plain one would be long.
func sig(v float64, n int) string {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return num(v, n)
	}
	e := int(math.Floor(math.Log10(math.Abs(v))))
	if e < -4 || e > 6 {
		m := v / math.Pow(10, float64(e))
		return num(m, n-1) + "e" + strings.Replace(strconv.Itoa(e), "-", "−", 1)
	}
	return num(v, max(0, n-1-e))
}

// prefixes of the International System that the axes use.
var prefixes = []struct {
	factor float64
	sign   string
}{
	{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}, {1e-3, "m"}, {1e-6, "µ"}, {1e-9, "n"},
}

// prefix chooses a prefix for values up to limit. Only units that take one are
// scaled: an axis in dB, bits or per cent stays as it is.
func prefix(unit string, limit float64) (factor float64, scaled string) {
	switch unit {
	case "B", "s", "J", "op/s", "B/s", "BOPs", "MACs", "op":
	default:
		return 1, unit
	}
	limit = math.Abs(limit)
	if limit == 0 || math.IsNaN(limit) || math.IsInf(limit, 0) {
		return 1, unit
	}
	for _, p := range prefixes {
		if limit >= p.factor*0.9999 {
			if p.factor < 1 && unit != "s" && unit != "J" {
				break
			}
			return p.factor, p.sign + unit
		}
	}
	return 1, unit
}

// named writes an axis title with its unit.
func named(name, unit string) string {
	name, unit = cut200(name), cut200(unit)
	switch {
	case unit == "":
		return name
	case name == "":
		return unit
	}
	return name + " (" + unit + ")"
}

func cut200(s string) string {
	if s == "" {
		return ""
	}
	return brief(s, 200)
}

var notANumber = math.NaN()

// Bits is a width in words: "1 bit", "8 bits".
func Bits(bits int) string {
	if bits == 1 {
		return "1 bit"
	}
	return strconv.Itoa(bits) + " bits"
}
