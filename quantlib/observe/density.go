package observe

import "math"

// linear is a density of values between two points, with a straight line between
// its heights there, in values per unit.
type linear struct{ a, b, at, bt float64 }

// integral is the number of values from x to y, both within a..b.
func (l linear) integral(x, y float64) float64 {
	slope := (l.bt - l.at) / (l.b - l.a)
	return (y - x) * (l.at + slope*((x+y)/2-l.a))
}

// spread adds the density to equal bins from lo on.
func (l linear) spread(bins []float64, lo, step float64) {
	first := max(0, int((l.a-lo)/step))
	for i := first; i < len(bins); i++ {
		x, y := max(l.a, lo+float64(i)*step), min(l.b, lo+float64(i+1)*step)
		if y > x {
			bins[i] += l.integral(x, y)
		}
		if lo+float64(i+1)*step >= l.b {
			return
		}
	}
}

// A density's bins are closed at this many values, n^0.8/4 of n in all: about as
// wide as makes the least error of a frequency polygon (Scott, Multivariate Density
// Estimation, 1992, chapter 4), whose bins have the width 2.15·σ·n^-0.2. Beyond the mean
// magnitude a bin also ends where its magnitudes have grown by a quarter, so that
// tails keep their shape.
const (
	densityPower  = 0.8
	densityPart   = 0.25
	densityGrowth = 1.25
)

// density is a smooth density of the values of c but for the zeros, on each side
// of 0 by itself: straight lines between the middles of bins that hold enough
// values for their counts to say more of the density than of chance.
func (c *Collector) density() []linear {
	var cells []cell
	n := 0.0
	for _, k := range c.cells() {
		if k.mean != 0 {
			cells, n = append(cells, k), n+k.n
		}
	}
	if n == 0 {
		return nil
	}
	split := 0
	for split < len(cells) && cells[split].mean < 0 {
		split++
	}
	most, mean := max(1, densityPart*math.Pow(n, densityPower)), meanMagnitude(cells)
	// Both sides go outwards from 0, in magnitudes.
	var out []linear
	below := make([]cell, split)
	for i := range below {
		below[i] = cells[split-1-i]
		below[i].mean = -below[i].mean
	}
	for _, l := range sideDensity(below, float64(-c.min), mean, most) {
		out = append(out, linear{-l.b, -l.a, l.bt, l.at})
	}
	return append(out, sideDensity(cells[split:], float64(c.max), mean, most)...)
}

// densityBin is n values from a to b.
type densityBin struct{ a, b, n float64 }

func (b densityBin) height() float64 { return b.n / (b.b - b.a) }

// sideDensity is the density of ascending positive cells up to end. Each bin holds
// exactly its values.
func sideDensity(cells []cell, end, mean, most float64) []linear {
	var out []linear
	bins := densityBins(cells, end, mean, most)
	for i, b := range bins {
		// The height in the middle, and halfway to those of the neighbours at the edges.
		middle, before, after := (b.a+b.b)/2, b.height(), b.height()
		between := func(o densityBin) float64 {
			t := (b.b - b.a) / (b.b - b.a + o.b - o.a)
			return b.height() + t*(o.height()-b.height())
		}
		if i > 0 {
			before = between(bins[i-1])
		}
		if i+1 < len(bins) {
			after = between(bins[i+1])
		}
		if b.n == 0 {
			continue
		}
		l, r := linear{b.a, middle, before, b.height()}, linear{middle, b.b, b.height(), after}
		f := b.n / (l.integral(b.a, middle) + r.integral(middle, b.b))
		out = append(out, linear{l.a, l.b, l.at * f, l.bt * f}, linear{r.a, r.b, r.at * f, r.bt * f})
	}
	return out
}

// densityBins joins ascending positive cells up to end to bins that hold most values
// or, beyond mean, have grown; what is far from any value there is a bin of none.
func densityBins(cells []cell, end, mean, most float64) []densityBin {
	const reach = 1.0 / 16 // of its magnitude, as far as a cell stands for values around it
	var bins []densityBin
	at := densityBin{}
	for i, k := range cells {
		a, b := (k.mean-k.half)*(1-reach), min(end, (k.mean+k.half)*(1+reach))
		if i > 0 {
			last := cells[i-1]
			a = max(a, (last.mean+last.half+k.mean-k.half)/2)
		}
		if i+1 < len(cells) {
			next := cells[i+1]
			b = min(b, (k.mean+k.half+next.mean-next.half)/2)
		}
		switch {
		case i == 0:
			at.a = max(0, min(a, k.mean-k.half))
		case at.n == 0 && a > at.a:
			if at.a >= mean {
				bins = append(bins, densityBin{at.a, a, 0})
				at.a = a
			}
		case at.n > 0 && a > at.b && at.b >= mean:
			bins = append(bins, at, densityBin{at.b, a, 0})
			at = densityBin{a: a}
		}
		at.n, at.b = at.n+k.n, b
		if (at.n >= most || at.a >= mean && at.b >= densityGrowth*at.a || i == len(cells)-1) && at.b > at.a {
			bins = append(bins, at)
			at = densityBin{a: at.b}
		}
	}
	return bins
}
