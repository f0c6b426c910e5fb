package observe

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// loss computes the squared error Σ(xq-x)² that a scheme leaves on the values
// of cells. A cell narrow against the step counts as its mean plus its
// variance; in a wider one, x is spread evenly and the error is integrated in
// closed form, so that the result is right from 1 bit, where a step holds
// thousands of bins, to 16, where a bin holds hundreds of steps.
type loss struct {
	s      quant.Scheme
	cells  []cell
	lo, hi float64 // codes

	x, q   []float32 // values at mean ± σ and their images, of float formats
	weight []float64 // of each of x
}

func newLoss(cells []cell, s quant.Scheme) *loss {
	l := &loss{s: s, cells: cells}
	lo, hi := s.Range()
	l.lo, l.hi = float64(lo), float64(hi)
	if s.Float != quant.NotFloat {
		for _, c := range cells {
			// The two-point Gauss-Legendre rule: mean ± half/√3.
			d := c.half / math.Sqrt(3)
			l.x = append(l.x, float32(c.mean-d), float32(c.mean+d))
			l.weight = append(l.weight, c.n/2, c.n/2)
		}
		l.q = make([]float32, len(l.x))
	}
	return l
}

// at is the squared error of the given scale and zero point, and the part of
// it that stems from values beyond the codes. zero need not be an integer while
// a search is under way: the grid then still contains 0, and the ends lie
// between its points.
func (l *loss) at(scale, zero float64) (total, clipped float64) {
	if l.s.Float != quant.NotFloat {
		return l.atFloat(scale)
	}
	lo, hi := l.lo-zero, l.hi-zero
	var in, out float64
	for _, c := range l.cells {
		m, h := c.mean/scale, c.half/scale
		switch {
		case m-h >= hi:
			out += c.n * ((m-hi)*(m-hi) + h*h/3)
		case m+h <= lo:
			out += c.n * ((m-lo)*(m-lo) + h*h/3)
		case h < 0x1p-10:
			in += c.n * (l.point(m, lo, hi) + h*h/3)
		default:
			a, b := m-h, m+h
			density := c.n / (b - a)
			if b > hi {
				out += density * (b - hi) * (b - hi) * (b - hi) / 3
				b = hi
			}
			if a < lo {
				out += density * (lo - a) * (lo - a) * (lo - a) / 3
				a = lo
			}
			in += density * (l.integral(b) - l.integral(a))
		}
	}
	return (in + out) * scale * scale, out * scale * scale
}

// point is the squared rounding error at y, in steps, where lo <= y <= hi.
func (l *loss) point(y, lo, hi float64) float64 {
	switch l.s.Round {
	case quant.TowardZero:
		f := math.Abs(y)
		f -= math.Floor(f)
		return f * f
	case quant.Stochastic:
		f := y - math.Floor(y)
		return f * (1 - f)
	}
	d := y - min(max(math.RoundToEven(y), lo), hi)
	return d * d
}

// integral is ∫ of the squared rounding error from 0 to y, in steps; an odd
// function.
func (l *loss) integral(y float64) float64 {
	if l.s.Round != quant.TowardZero && l.s.Round != quant.Stochastic {
		k := math.RoundToEven(y)
		f := y - k
		return k/12 + f*f*f/3
	}
	a := math.Abs(y)
	k := math.Floor(a)
	f := a - k
	v := k/3 + f*f*f/3
	if l.s.Round == quant.Stochastic {
		v = k/6 + f*f/2 - f*f*f/3
	}
	return math.Copysign(v, y)
}

// atFloat is at for the float formats, whose own kernel rounds the points.
func (l *loss) atFloat(scale float64) (total, clipped float64) {
	if scale < 0x1p-126 {
		return math.Inf(1), math.Inf(1)
	}
	most := float32(l.s.Max() * scale)
	s := l.s
	if s.Round == quant.Stochastic {
		s.Round, s.Seed = quant.HalfEven, 0 // the order of scales is the same; the noise doubles
	}
	quant.FakeQuantize(l.q, l.x, float32(scale), 0, s)
	for i, x := range l.x {
		d := float64(l.q[i]) - float64(x)
		e := l.weight[i] * d * d
		total += e
		if x > most || x < -most {
			clipped += e
		}
	}
	return total, clipped
}
