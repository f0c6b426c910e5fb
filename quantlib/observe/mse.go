package observe

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// MSE chooses the range whose codes have the least squared error Σ(xq-x)² on
// the values seen, rounding and clipping together, at the width, symmetry and
// rounding of the scheme. TestBruteForce compares it with a search over the raw
// values; README.md has the table.
type MSE struct{}

func (m MSE) String() string { return "mse" }

// New returns an observer.
func (m MSE) New(s quant.Scheme) Observer { return newCollected(m, s) }

// Range returns the range of the best scale and zero point.
func (m MSE) Range(c *Collector, s quant.Scheme) (lo, hi float32, err error) {
	if c.finite == 0 {
		return 0, 0, ErrNoData
	}
	return bestRange(c.cells(), float64(c.min), float64(c.max), s)
}

// bestRange is MSE.Range for values between least and greatest.
func bestRange(cells []cell, least, greatest float64, s quant.Scheme) (lo, hi float32, err error) {
	least, greatest = min(least, 0), max(greatest, 0)
	if s.Binary() {
		return binaryRange(cells)
	}
	if s.IsFloat32() || max(-least, greatest) < tiny {
		lo, hi = cover(float32(least), float32(greatest), s)
		return lo, hi, nil
	}
	if s.Unsigned && !s.Asymmetric {
		if greatest == 0 {
			return 0, 0, nil // all codes but 0 lie beyond the values
		}
		least = 0
	}
	m := newSearch(cells, least, greatest, s)
	if s.Asymmetric && least < 0 && greatest > 0 {
		lo, hi = m.twoSided()
	} else {
		lo, hi = m.oneSided()
	}
	return lo, hi, nil
}

// search is one search for a range: fine measures, coarse looks around.
type search struct {
	s               quant.Scheme
	least, greatest float64
	fine, coarse    *loss
	loCode, hiCode  float64
}

const (
	coarseWidth = 1.0 / 16 // of the cells with which the grid is searched
	perOctave   = 32       // grid points for each halving of the clip
	maxOctaves  = 60

	// tiny is a magnitude below which scales would not be normal numbers: the
	// range is min–max then, and the scale as small as it may be.
	tiny = 0x1p-100
)

func newSearch(cells []cell, least, greatest float64, s quant.Scheme) *search {
	lo, hi := s.Range()
	return &search{
		s: s, least: least, greatest: greatest,
		fine: newLoss(cells, s), coarse: newLoss(coarsen(cells, coarseWidth), s),
		loCode: float64(lo), hiCode: float64(hi),
	}
}

// oneSided searches the scale alone: the zero point is given by the scheme's
// symmetry or by values of one sign.
func (m *search) oneSided() (lo, hi float32) {
	zero, steps := 0.0, m.s.Max()
	if m.s.Asymmetric {
		zero, steps = m.loCode, m.hiCode-m.loCode
		if m.greatest == 0 {
			zero = m.hiCode
		}
	}
	most := max(-m.least, m.greatest) / steps
	scale, _ := m.bestScale(zero, most, perOctave)
	return m.reals(scale, zero, steps)
}

// reals returns the range that ParamsFromRange turns into scale and zero.
func (m *search) reals(scale, zero, steps float64) (lo, hi float32) {
	switch {
	case m.s.Asymmetric:
		lo, hi = float32((m.loCode-zero)*scale), float32((m.hiCode-zero)*scale)
	case m.s.Unsigned:
		hi = float32(steps * scale)
	default:
		hi = float32(steps * scale)
		lo = -hi
	}
	return max(lo, -math.MaxFloat32), min(hi, math.MaxFloat32)
}

// bestScale returns the scale of at most most with the least loss for a zero
// point, and the loss.
func (m *search) bestScale(zero, most float64, perOctave int) (scale, least float64) {
	if m.s.PowerOfTwo {
		return m.bestPower(zero, most)
	}
	best := math.Inf(1)
	h := hunt{
		f: func(scale float64) (float64, bool) {
			v, stop := m.grid(scale, zero, best)
			best = min(best, v)
			return v, stop
		},
		steps: maxOctaves * perOctave,
		ratio: math.Exp2(-1 / float64(perOctave)),
	}
	return h.from(most, func(scale float64) float64 {
		v, _ := m.fine.at(scale, zero)
		return v
	}, refinements)
}

// grid is the coarse loss; it stops where clipping alone costs more than best,
// as a smaller scale only clips more.
func (m *search) grid(scale, zero, best float64) (float64, bool) {
	v, clipped := m.coarse.at(scale, zero)
	return v, clipped > best
}

// bestPower tries the powers of two from the one that covers most downwards.
func (m *search) bestPower(zero, most float64) (scale, least float64) {
	fraction, e := math.Frexp(most)
	if fraction == 0.5 {
		e--
	}
	e = max(e, -126)
	scale, least = math.Ldexp(1, e), math.Inf(1)
	for i := e; i >= max(e-maxOctaves, -126); i-- {
		x := math.Ldexp(1, i)
		v, clipped := m.fine.at(x, zero)
		if v < least {
			scale, least = x, v
		}
		if clipped > least {
			break
		}
	}
	return scale, least
}
