package graph

import (
	"fmt"
	"strings"
)

// Printable makes a name from a file fit for a line of text: control characters
// become question marks.
func Printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, name)
}

// DimsString is dimensions as messages show them: "[N 1 28 28]", with a question
// mark for an unknown size without a name.
func DimsString(ds []Dim) string {
	parts := make([]string, len(ds))
	for i, d := range ds {
		switch {
		case d.Size >= 0:
			parts[i] = fmt.Sprint(d.Size)
		case d.Name != "":
			parts[i] = Printable(d.Name)
		default:
			parts[i] = "?"
		}
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// TypeString is the value's type as messages show it: "float32[N 1 28 28]".
func (v Value) TypeString() string { return v.DType.String() + DimsString(v.Dims) }
