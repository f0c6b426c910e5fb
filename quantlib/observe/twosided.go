package observe

import "math"

// twoSided searches scale and zero point together, for values of both signs
// and a scheme with a free zero point.
//
// With few codes it tries every zero point. With many, a step of the zero point
// is a small part of the range: it clips both ends at the same magnitude first,
// then moves one end at a time, with the zero point taken as a real number; then
// it tries the zero points around.
func (m *search) twoSided() (lo, hi float32) {
	n := m.hiCode - m.loCode
	best := candidate{loss: math.Inf(1)}
	if n <= 15 || m.s.PowerOfTwo && n <= 255 {
		for zero := m.loCode; zero <= m.hiCode; zero++ {
			best = best.or(m.atZero(zero, perOctave))
		}
	} else {
		scale, zero := m.descend()
		near := math.RoundToEven(zero)
		for z := max(near-2, m.loCode); z <= min(near+2, m.hiCode); z++ {
			best = best.or(m.polish(scale, z))
		}
	}
	return m.reals(best.scale, best.zero, n)
}

type candidate struct{ scale, zero, loss float64 }

func (c candidate) or(o candidate) candidate {
	if o.loss < c.loss {
		return o
	}
	return c
}

// atZero is the best scale for a zero point.
func (m *search) atZero(zero float64, perOctave int) candidate {
	most := 0.0
	if below := zero - m.loCode; below > 0 {
		most = max(most, -m.least/below)
	}
	if above := m.hiCode - zero; above > 0 {
		most = max(most, m.greatest/above)
	}
	scale, v := m.bestScale(zero, most, perOctave)
	return candidate{scale, zero, v}
}

// polish is the best scale near a given one for a zero point.
func (m *search) polish(scale, zero float64) candidate {
	c := candidate{zero: zero, loss: math.Inf(1)}
	if m.s.PowerOfTwo {
		e := math.Floor(math.Log2(scale))
		for i := max(e-1, -126); i <= e+2; i++ {
			x := math.Exp2(i)
			v, _ := m.fine.at(x, zero)
			c = c.or(candidate{x, zero, v})
		}
		return c
	}
	try := func(x float64) float64 {
		v, _ := m.fine.at(x, zero)
		c = c.or(candidate{x, zero, v})
		return v
	}
	try(scale)
	golden(try, scale*0.97, scale*1.03, refinements)
	return c
}

// descend returns the scale and the real-valued zero point of the ends where
// the coarse loss is least.
func (m *search) descend() (scale, zero float64) {
	n := m.hiCode - m.loCode
	value := func(lo, hi float64) (float64, float64) {
		s := (hi - lo) / n
		return m.coarse.at(s, m.loCode-lo/s)
	}
	// end searches one end, most·2^(-i/perOctave), with the other fixed.
	end := func(f func(x float64) (float64, float64), most float64) (float64, float64) {
		best := math.Inf(1)
		h := hunt{f: func(x float64) (float64, bool) {
			v, clipped := f(x)
			best = min(best, v)
			return v, clipped > best
		}, steps: maxOctaves * perOctave, ratio: math.Exp2(-1.0 / perOctave)}
		return h.from(most, nil, refinements)
	}
	type ends struct{ lo, hi, loss float64 }
	best := ends{m.least, m.greatest, math.Inf(1)}
	both, _ := end(func(x float64) (float64, float64) {
		return value(max(m.least, -x), min(m.greatest, x))
	}, max(-m.least, m.greatest))
	for _, start := range []ends{{lo: m.least, hi: m.greatest}, {lo: max(m.least, -both), hi: min(m.greatest, both)}} {
		at := start
		at.loss = math.Inf(1)
		for range 8 {
			before := at.loss
			at.hi, _ = end(func(x float64) (float64, float64) { return value(at.lo, x) }, m.greatest)
			x, v := end(func(x float64) (float64, float64) { return value(-x, at.hi) }, -m.least)
			at.lo, at.loss = -x, v
			if at.loss > before*(1-1e-4) {
				break
			}
		}
		if at.loss < best.loss {
			best = at
		}
	}
	scale = (best.hi - best.lo) / n
	return scale, m.loCode - best.lo/scale
}
