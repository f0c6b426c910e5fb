package hardware

import (
	"testing"

	"github.com/quantnb/quantnb/quantlib/quant"
)

func TestOffers(t *testing.T) {
	for _, c := range []struct {
		name   string
		o      Operand
		scheme string
		want   bool
	}{
		{"the usual format", GPU().Weights, "int8 per-channel", true},
		{"at another of its widths", GPU().Weights, "int4 per-channel", true},
		{"at a width that it lacks", GPU().Weights, "int6 per-channel", false},
		{"another granularity", GPU().Weights, "int8", false},
		{"a narrow range", GPU().Weights, "int8 narrow per-channel", false},
		{"another rounding", GPU().Weights, "int8 per-channel half-up", true},
		{"a seed", GPU().Weights, "int8 per-channel stochastic=3", true},
		{"an 8-bit float", GPU().Weights, "float8e4m3fn per-channel", true},
		{"an 8-bit float by groups", GPU().Weights, "float8e4m3fn per-group=32", false},
		{"an 8-bit float by channel of activations", GPU().Activations, "float8e5m2 per-channel", false},
		{"an 8-bit float of activations", GPU().Activations, "float8e5m2", true},
		{"an 8-bit float where there is none", NPU().Weights, "float8e5m2", false},
		{"float32", GPU().Weights, "float", true},
		{"float32 where there is none", NPU().Weights, "float", false},
		{"anything in simulation", Simulation().Weights, "uint3 per-group=64 pow2 toward-zero", true},
		{"float32 in simulation", Simulation().Activations, "float", true},
		{"but the format of biases", Simulation().Weights, "int32", false},
	} {
		s, err := quant.ParseScheme(c.scheme)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.o.Offers(s); got != c.want {
			t.Errorf("%s: %s is offered: %v", c.name, c.scheme, got)
		}
	}
	if Simulation().Weights.Offers(quant.Scheme{Bits: 99}) {
		t.Error("a format that does not exist is offered")
	}
}
