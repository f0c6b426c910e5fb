package calibrate

import (
	"math"
	"math/rand/v2"
	"slices"
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

func TestABatchIsQuantizedAsItsSamples(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	shape := []int{5, 3, 7}
	x := make([]float32, 5*3*7)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	for _, s := range []quant.Scheme{
		quant.Uint(4), quant.FP8(quant.E5M2), {Bits: 4, Round: quant.Stochastic, Seed: 9},
		{Bits: 8, Float: quant.E4M3FN, Round: quant.Stochastic}, quant.Scheme{Bits: 3, Round: quant.Stochastic}.PerChannel(),
	} {
		f := fake{quant.One(0.25, 0), s, 1}
		if s.Granularity == quant.PerChannel {
			f.p = quant.Params{Scale: []float32{0.25, 0.5, 1}}
		}
		all, one := make([]float32, len(x)), make([]float32, 21)
		f.Quantize(all, x, shape)
		for k := range 5 {
			f.Quantize(one, x[k*21:][:21], []int{1, 3, 7})
			if !slices.Equal(one, all[k*21:][:21]) {
				t.Errorf("%v: sample %d of the batch is %v, alone %v", s, k, all[k*21:][:21], one)
			}
		}
		if s.Round == quant.Stochastic && slices.Equal(all[:21], all[21:42]) {
			t.Errorf("%v: two samples are alike", s)
		}
	}
}
