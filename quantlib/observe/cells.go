package observe

import (
	"cmp"
	"math"
	"slices"
)

// cell is a group of values that lie close together: how many, their mean, and
// the half-width √3·σ of the uniform density that has their variance. A cell of
// half-width 0 is a single value.
type cell struct {
	n, mean, half float64
}

// moments returns Σx and Σx² of the cell's values.
func (c cell) moments() (sum, square float64) {
	return c.n * c.mean, c.n * (c.mean*c.mean + c.half*c.half/3)
}

// cells returns the finite values of c in ascending order of their bins.
func (c *Collector) cells() []cell {
	var out []cell
	for i := exponents - 1; i >= 0; i-- {
		out = c.appendBlock(out, i, true)
	}
	if c.zeros > 0 {
		out = append(out, cell{n: float64(c.zeros)})
	}
	for i := range exponents {
		out = c.appendBlock(out, i, false)
	}
	return out
}

// appendBlock appends the bins of one binade, ascending.
func (c *Collector) appendBlock(out []cell, exponent int, negative bool) []cell {
	i := exponent
	if negative {
		i += exponents
	}
	block := c.blocks[i]
	if block == nil {
		return out
	}
	for j := range block {
		k := j
		if negative {
			k = len(block) - 1 - j
		}
		b := &block[k]
		if b.n == 0 {
			continue
		}
		base, ulp := c.binBase(exponent, k)
		n := float64(b.n)
		d := float64(b.sum) / n
		// The variance of integers; less than 1e-3 of a unit is rounding of the division.
		variance := float64(b.sq)/n - d*d
		half := 0.0
		if b.n > 1 && variance > 1e-3 {
			half = math.Sqrt(3*variance) * ulp
		}
		mean := base + (d+float64(int64(1)<<(22-c.fine)))*ulp
		if negative {
			mean = -mean
		}
		out = append(out, cell{n, mean, half})
	}
	return out
}

// binBase is the magnitude at which bin k of a binade begins, and the distance
// of neighbouring floats in it.
func (c *Collector) binBase(exponent, k int) (base, ulp float64) {
	fraction := float64(k) / float64(int64(1)<<c.fine)
	if exponent == 0 {
		return math.Ldexp(fraction, -126), 0x1p-149
	}
	return math.Ldexp(1+fraction, exponent-127), math.Ldexp(1, exponent-150)
}

// coarsen joins neighbouring cells of the same sign whose magnitudes differ by
// less than the factor 1+width, keeping count, mean and variance.
func coarsen(cells []cell, width float64) []cell {
	var out []cell
	var n, first, mean, m2 float64 // of the group: count, first mean, running mean, Σ(x-mean)²
	flush := func() {
		if n > 0 {
			out = append(out, cell{n, mean, math.Sqrt(3 * max(m2, 0) / n)})
		}
		n, m2 = 0, 0
	}
	for _, c := range cells {
		a, b := math.Abs(first), math.Abs(c.mean)
		if n > 0 && ((first < 0) != (c.mean < 0) || c.mean == 0 || first == 0 || max(a, b) > min(a, b)*(1+width)) {
			flush()
		}
		if n == 0 {
			first, mean = c.mean, c.mean
		}
		d := c.mean - mean
		total := n + c.n
		m2 += c.n*c.half*c.half/3 + d*d*n*c.n/total
		mean += d * c.n / total
		n = total
	}
	flush()
	return out
}

// magnitudes returns the cells of |x| in ascending order.
func magnitudes(cells []cell) []cell {
	out := make([]cell, len(cells))
	for i, c := range cells {
		c.mean = math.Abs(c.mean)
		out[i] = c
	}
	sortCells(out)
	return out
}

// sortCells sorts by the mean.
func sortCells(cells []cell) {
	slices.SortFunc(cells, func(a, b cell) int { return cmp.Compare(a.mean, b.mean) })
}

// meanMagnitude is mean|x|, summed in ascending order of the bins.
func meanMagnitude(cells []cell) float64 {
	var sum, n float64
	for _, c := range cells {
		sum += c.n * math.Abs(c.mean)
		n += c.n
	}
	return sum / n
}
