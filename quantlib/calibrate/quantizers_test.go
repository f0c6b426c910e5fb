package calibrate

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quantnb/quantnb/quantlib/quant"
)

func TestQuantizersGiveTheSchemesBits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, 1003)
	for i := range x {
		x[i] = math.Float32frombits(r.Uint32())
		if i%2 == 0 {
			x[i] = float32(r.NormFloat64())
		}
	}
	rounds := func(s quant.Scheme, how quant.Rounding) quant.Scheme { s.Round = how; return s }
	for name, s := range map[string]quant.Scheme{
		"8 bits":           quant.Uint(8),
		"16 bits":          quant.Uint(16),
		"signed":           quant.Int(5),
		"one unsigned bit": quant.Uint(1),
		"binary":           quant.Int(1),
		"half up":          rounds(quant.Uint(4), quant.HalfUp),
		"stochastic":       rounds(quant.Uint(4), quant.Stochastic),
		"float of 8 bits":  quant.FP8(quant.E4M3FN),
		"left as it is":    {},
		"32 bits":          {Bits: 32},
	} {
		t.Run(name, func(t *testing.T) {
			p := quant.One(0.03, 0)
			want, got := make([]float32, len(x)), make([]float32, len(x))
			p.FakeQuantize(want, x, quant.Whole(len(x)), s)
			fake{p, s, 1}.Quantize(got, x, []int{len(x)})
			for i := range want {
				if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
					t.Fatalf("element %d: %g of %g, want %g", i, got[i], x[i], want[i])
				}
			}
		})
	}
}
