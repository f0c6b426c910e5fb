package quant

import (
	"math"
	"testing"
)

func TestMeasures(t *testing.T) {
	for _, c := range []struct {
		name              string
		f, q              []float32
		nsr, cosine, mse_ float64
	}{
		{"equal", []float32{3, 4}, []float32{3, 4}, 0, 1, 0},
		{"one off by one", []float32{3, 4}, []float32{3, 5}, 1.0 / 25, 29 / (5 * math.Sqrt(34)), 0.5},
		{"opposite", []float32{3, 4}, []float32{-3, -4}, 4, -1, 50},
		{"both zero", []float32{0, 0}, []float32{0, 0}, 0, 1, 0},
		{"noise without signal", []float32{0, 0}, []float32{1, 0}, math.Inf(1), 0, 0.5},
		{"quantized to zero", []float32{1, 1}, []float32{0, 0}, 1, 0, 1},
		{"empty", nil, nil, 0, 1, 0},
		{"huge values do not overflow", []float32{1e30, 1e30}, []float32{1e30, 0}, 0.5, math.Sqrt(0.5), 5e59},
	} {
		t.Run(c.name, func(t *testing.T) {
			near := func(what string, got, want float64) {
				if got != want && !(math.Abs(got-want) <= 1e-6*math.Abs(want)) {
					t.Errorf("%s %v, want %v", what, got, want)
				}
			}
			near("NSR", NSR(c.f, c.q), c.nsr)
			near("cosine", Cosine(c.f, c.q), c.cosine)
			near("MSE", MSE(c.f, c.q), c.mse_)
			near("SQNR", SQNR(c.f, c.q), -10*math.Log10(c.nsr))
			near("power of SQNR", Power(SQNR(c.f, c.q)), c.nsr)
		})
	}
	if v := NSR([]float32{1, nan}, []float32{1, 1}); v == v {
		t.Errorf("NaN gives %v", v)
	}
}

func TestErrorsOfPartsAdd(t *testing.T) {
	f, q := []float32{1, 2, 3, 4, 5, 6}, []float32{1, 2, 4, 4, 5, 5}
	whole, parts := Compare(f, q), Compare(f[:4], q[:4]).Add(Compare(f[4:], q[4:]))
	if whole != parts {
		t.Errorf("%+v, in parts %+v", whole, parts)
	}
}
