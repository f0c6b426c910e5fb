package observe

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// Weights returns the parameters that m chooses for a tensor that is at hand as
// a whole, one for each granule of l. Up to 4096 values to a granule are
// searched as they are, by MSE; more go through a Collector. NaN and infinities
// are left out; a granule without a finite value is taken as all zeros. Zero is
// nil where s is symmetric. It panics if len(w) != l.Len() or s is not valid or
// float32. Use quant.Weights for min–max.
func Weights(w []float32, l quant.Layout, s quant.Scheme, m Shared) (quant.Params, error) {
	if len(w) != l.Len() {
		panic("observe: weights do not fit their layout")
	}
	n := l.Granules()
	p := quant.Params{Scale: make([]float32, n)}
	if s.Asymmetric {
		p.Zero = make([]int32, n)
	}
	values := gather(w, l)
	for g, x := range values {
		lo, hi, err := granuleRange(x, s, m)
		if err != nil {
			return quant.Params{}, err
		}
		scale, zero := quant.ParamsFromRange(lo, hi, s)
		p.Scale[g] = scale
		if p.Zero != nil {
			p.Zero[g] = zero
		}
	}
	return p, nil
}

// gather returns the finite values of each granule, in memory order.
func gather(w []float32, l quant.Layout) [][]float32 {
	values := make([][]float32, l.Granules())
	if len(values) == 0 {
		return values
	}
	for g := range values {
		values[g] = make([]float32, 0, len(w)/len(values))
	}
	l.Runs(func(g, from, to int) {
		for _, v := range w[from:to] {
			if v >= -math.MaxFloat32 && v <= math.MaxFloat32 {
				values[g] = append(values[g], v)
			}
		}
	})
	return values
}

func granuleRange(x []float32, s quant.Scheme, m Shared) (lo, hi float32, err error) {
	if len(x) == 0 {
		return 0, 0, nil
	}
	if _, mse := m.(MSE); !mse || len(x) > 4096 {
		c := &Collector{fine: tensorFine}
		c.Observe(x)
		return m.Range(c, s)
	}
	cells := make([]cell, len(x))
	least, greatest := 0.0, 0.0
	for i, v := range x {
		cells[i] = cell{n: 1, mean: float64(v)}
		least, greatest = min(least, float64(v)), max(greatest, float64(v))
	}
	sortCells(cells)
	return bestRange(cells, least, greatest, s)
}
