package observe

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quantnb/quantnb/quantlib/quant"
)

var methods = []Shared{MinMax{}, MovingAverage{}, Percentile{}, MSE{}, KL{}}

// everyScheme lists symmetric, asymmetric and unsigned schemes of all widths,
// and the float formats.
func everyScheme() []quant.Scheme {
	list := []quant.Scheme{quant.FP8(quant.E4M3FN), quant.FP8(quant.E5M2)}
	for b := 1; b <= 16; b++ {
		list = append(list, quant.Int(b), quant.Uint(b), quant.Scheme{Bits: b, Unsigned: true}, quant.Scheme{Bits: b, PowerOfTwo: true})
		if b > 1 {
			list = append(list, quant.Scheme{Bits: b, Asymmetric: true}, quant.Scheme{Bits: b, Narrow: true},
				quant.Scheme{Bits: b, Round: quant.TowardZero}, quant.Scheme{Bits: b, Unsigned: true, Asymmetric: true, PowerOfTwo: true})
		}
	}
	return list
}

func gaussian(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func TestDegenerateTensors(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, m := range methods {
		for _, s := range everyScheme() {
			c := NewCollector()
			c.Observe(nil)
			c.Observe([]float32{nan, inf, -inf})
			if _, _, err := m.Range(c, s); !errors.Is(err, ErrNoData) {
				t.Errorf("%v %v: without data: error %v", m, s, err)
			}
			c.Observe(make([]float32, 10))
			if lo, hi, err := m.Range(c, s); lo != 0 || hi != 0 || err != nil {
				t.Errorf("%v %v: zeros: %v..%v, %v", m, s, lo, hi, err)
			}
			for _, v := range []float32{3, -3, 1e-40, math.MaxFloat32, -math.MaxFloat32} {
				c := NewCollector()
				c.Observe([]float32{v, v, v, nan})
				lo, hi, err := m.Range(c, s)
				if err != nil || !(lo <= 0 && 0 <= hi) {
					t.Errorf("%v %v: constant %v: %v..%v, %v", m, s, v, lo, hi, err)
					continue
				}
				scale, zero := quant.ParamsFromRange(lo, hi, s)
				q := make([]float32, 1)
				quant.FakeQuantize(q, []float32{v}, scale, zero, s)
				reachable := v > 0 || !s.Unsigned || s.Asymmetric
				if limit := 1e-6 * math.Abs(float64(v)); reachable && !s.PowerOfTwo && s.Round == quant.HalfEven && math.Abs(float64(v)) > 1e-30 && math.Abs(float64(v)) < 1e38 && math.Abs(float64(q[0]-v)) > limit {
					t.Errorf("%v %v: constant %v becomes %v (range %v..%v)", m, s, v, q[0], lo, hi)
				}
			}
		}
	}
}
