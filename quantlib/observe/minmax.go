package observe

import (
	"fmt"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// MinMax covers every finite value: lo = min(0, min x), hi = max(0, max x),
// made symmetric where the scheme is. Nothing is clipped; one outlier widens
// every step.
type MinMax struct{}

// MovingAverage smooths the extremes of the batches in the order of their
// numbers, so that one odd batch counts little:
//
//	lo = Decay·lo + (1-Decay)·min(batch), likewise hi
//
// starting with the first batch. Batches without a finite value are skipped. It
// looks at the last 1024 batches, whose weight in all is 1 - Decay^1023.
type MovingAverage struct {
	Decay float64 // in 0..1; 0 means 0.9
}

// Percentile covers the part P of the values: lo and hi are the quantiles 1-P
// and P, or hi the quantile P of |x| where the scheme is symmetric. Quantiles
// are exact to the width of a bin, 2^-7 of the value. P = 1 is MinMax.
type Percentile struct {
	P float64 // in (0.5, 1]; 0 means 0.9999
}

func (m MinMax) String() string { return "minmax" }

func (m MovingAverage) String() string {
	if m.Decay == 0 {
		m.Decay = defaultDecay
	}
	return fmt.Sprintf("movingaverage(%v)", m.Decay)
}

func (m Percentile) String() string {
	if m.P == 0 {
		m.P = defaultPercentile
	}
	return fmt.Sprintf("percentile(%v)", m.P)
}

const (
	defaultDecay      = 0.9
	defaultPercentile = 0.9999
)

// New returns an observer.
func (m MinMax) New(s quant.Scheme) Observer { return newCollected(m, s) }

// New returns an observer. It panics if Decay is not in 0..1.
func (m MovingAverage) New(s quant.Scheme) Observer { m.check(); return newCollected(m, s) }

// New returns an observer. It panics if P is neither 0 nor in (0.5, 1].
func (m Percentile) New(s quant.Scheme) Observer { m.check(); return newCollected(m, s) }

func (m MovingAverage) check() {
	if !(m.Decay >= 0 && m.Decay <= 1) {
		panic(fmt.Sprintf("observe: decay %v is not in 0..1", m.Decay))
	}
}

func (m Percentile) check() {
	if m.P != 0 && !(m.P > 0.5 && m.P <= 1) {
		panic(fmt.Sprintf("observe: percentile %v is not in (0.5, 1]", m.P))
	}
}

// Range returns the extremes. At one signed bit, as of every method here, it is
// ±mean|x|, which has the least squared error.
func (m MinMax) Range(c *Collector, s quant.Scheme) (lo, hi float32, err error) {
	if c.finite == 0 {
		return 0, 0, ErrNoData
	}
	if s.Binary() {
		return binaryRange(c.cells())
	}
	lo, hi = cover(min(c.min, 0), max(c.max, 0), s)
	return lo, hi, nil
}

// Range returns the averages. It panics if Decay is not in 0..1.
func (m MovingAverage) Range(c *Collector, s quant.Scheme) (lo, hi float32, err error) {
	m.check()
	if c.finite == 0 {
		return 0, 0, ErrNoData
	}
	if s.Binary() {
		return binaryRange(c.cells())
	}
	decay := m.Decay
	if decay == 0 {
		decay = defaultDecay
	}
	l, h := float64(c.batches[0].lo), float64(c.batches[0].hi)
	for _, b := range c.batches[1:] {
		// The conversions keep the compiler from fusing into one rounding.
		l = float64(decay*l) + float64((1-decay)*float64(b.lo))
		h = float64(decay*h) + float64((1-decay)*float64(b.hi))
	}
	lo, hi = cover(min(float32(l), 0), max(float32(h), 0), s)
	return lo, hi, nil
}

// Range returns the quantiles. It panics if P is neither 0 nor in (0.5, 1].
func (m Percentile) Range(c *Collector, s quant.Scheme) (lo, hi float32, err error) {
	m.check()
	if c.finite == 0 {
		return 0, 0, ErrNoData
	}
	cells := c.cells()
	if s.Binary() {
		return binaryRange(cells)
	}
	p := m.P
	if p == 0 {
		p = defaultPercentile
	}
	if s.Asymmetric || s.Unsigned || s.IsFloat32() {
		lo, hi = c.clamp(quantile(cells, 1-p)), c.clamp(quantile(cells, p))
		lo, hi = cover(min(lo, 0), max(hi, 0), s)
		return lo, hi, nil
	}
	hi = min(float32(quantile(magnitudes(cells), p)), max(-c.min, c.max))
	return -hi, hi, nil
}

// clamp rounds to float32, within the extremes.
func (c *Collector) clamp(v float64) float32 { return min(max(float32(v), c.min), c.max) }

// quantile is the value below which the part p of the cells' values lies,
// taken as spread evenly over each cell.
func quantile(cells []cell, p float64) float64 {
	var total float64
	for _, c := range cells {
		total += c.n
	}
	target, below := p*total, 0.0
	for _, c := range cells {
		if below+c.n >= target {
			return c.mean + c.half*(2*(target-below)/c.n-1)
		}
		below += c.n
	}
	last := cells[len(cells)-1]
	return last.mean + last.half
}

// binaryRange is ±mean|x|.
func binaryRange(cells []cell) (lo, hi float32, err error) {
	a := float32(meanMagnitude(cells))
	return -a, a, nil
}
