package observe

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// Stats describe the values that a Collector has seen.
type Stats struct {
	Count, Zeros, NaN, Inf uint64 // Count is of the finite values, zeros included
	Min, Max               float64
	Mean, Std              float64 // of the population; exact but for float64 rounding
	MeanAbs                float64
	Skewness               float64 // third standardized moment; 0 of a constant
	Kurtosis               float64 // fourth standardized moment, 3 of a Gaussian; 0 of a constant
}

// Stats returns the moments. The third and the fourth take the values of a bin
// as spread evenly, which is exact to the square of a bin's width, 2^-14. It
// returns ErrNoData, with the counts filled in, if there is no finite value.
func (c *Collector) Stats() (Stats, error) {
	s := Stats{Count: c.finite, Zeros: c.zeros, NaN: c.nan, Inf: c.Inf()}
	if c.finite == 0 {
		return s, ErrNoData
	}
	s.Min, s.Max = float64(c.min), float64(c.max)
	cells := c.cells()
	n := float64(c.finite)
	var sum float64
	for _, k := range cells {
		sum += float64(k.n * k.mean)
	}
	s.Mean, s.MeanAbs = sum/n, meanMagnitude(cells)
	var m2, m3, m4 float64
	for _, k := range cells {
		d, v := k.mean-s.Mean, k.half*k.half/3
		d2 := d * d
		m2 += float64(k.n * (d2 + v))
		m3 += float64(k.n * (d*d2 + 3*d*v))
		m4 += float64(k.n * (d2*d2 + 6*d2*v + 1.8*v*v))
	}
	m2, m3, m4 = m2/n, m3/n, m4/n
	s.Std = math.Sqrt(m2)
	if m2 > 0 {
		s.Skewness, s.Kurtosis = m3/(m2*s.Std), m4/(m2*m2)
	}
	return s, nil
}

// Histogram counts the values in equal bins from lo to hi, for a chart. Values
// of a collector's bin are spread evenly over the place they take, so counts
// need not be integers; values outside count nowhere. It panics if lo is not
// less than hi or there is no bin.
func (c *Collector) Histogram(lo, hi float64, bins int) []float64 {
	if !(lo < hi) || bins < 1 {
		panic("observe: histogram without width")
	}
	out := make([]float64, bins)
	step := (hi - lo) / float64(bins)
	for _, k := range c.cells() {
		// A cell's values lie within the extremes, which its density may cross.
		a, b := (max(k.mean-k.half, float64(c.min))-lo)/step, (min(k.mean+k.half, float64(c.max))-lo)/step
		if b < 0 || a > float64(bins) {
			continue
		}
		if b-a < 1e-9 {
			if i := min(int(a), bins-1); a >= 0 {
				out[i] += k.n
			}
			continue
		}
		density := k.n / (b - a)
		for i := max(int(a), 0); i < bins && float64(i) < b; i++ {
			out[i] += density * max(0, min(b, float64(i+1))-max(a, float64(i)))
		}
	}
	return out
}

// Noise is the squared error Σ(xq-x)² that s with the given scale and zero
// point leaves on the values seen, as MSE estimates it, and the part of it that
// stems from clipping: a range can be judged without the values. The float32
// scheme has none. It panics if s is not valid or scale not positive.
func (c *Collector) Noise(scale float32, zero int32, s quant.Scheme) (total, clipped float64) {
	if err := s.Validate(); err != nil {
		panic(err)
	}
	if s.IsFloat32() {
		return 0, 0
	}
	if !(scale > 0) {
		panic("observe: scale is not positive")
	}
	cells := c.cells()
	if s.Binary() {
		a := float64(scale)
		for _, k := range cells {
			d := math.Abs(k.mean) - a
			total += k.n * (d*d + k.half*k.half/3)
		}
		return total, 0
	}
	return newLoss(cells, s).at(float64(scale), float64(zero))
}
