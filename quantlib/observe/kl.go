package observe

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// KL chooses the clip T whose codes lose the least information (entropy
// calibration, https://on-demand.gputechconf.com/gtc/2017/presentation/s7310-8-bit-inference-with-tensorrt.pdf):
// the divergence Σ p·log(p/q) of the values clipped at T, with what lies beyond
// added to the last bin, from their quantized image, in which the mass of each
// code is spread evenly over the occupied bins that round to it.
//
// Bins wider than a step are cut at the steps, so that the rule holds at any
// width: where a step is narrower than every bin, rounding loses nothing and T is
// the largest magnitude. Zeros, which every scheme keeps, are left out. One T
// serves both ends of an asymmetric range, -T and T where the values reach so far.
type KL struct{}

func (m KL) String() string { return "kl" }

// New returns an observer.
func (m KL) New(s quant.Scheme) Observer { return newCollected(m, s) }

// Range returns the range of the best clip.
func (m KL) Range(c *Collector, s quant.Scheme) (lo, hi float32, err error) {
	if c.finite == 0 {
		return 0, 0, ErrNoData
	}
	if s.Binary() {
		return binaryRange(c.cells())
	}
	least, greatest := min(c.min, 0), max(c.max, 0)
	if s.Unsigned && !s.Asymmetric {
		least = 0
	}
	if s.IsFloat32() || least == greatest {
		lo, hi = cover(least, greatest, s)
		return lo, hi, nil
	}
	bins := c.densities(least < 0)
	most := float64(max(-least, greatest))
	const octaves, perOctave = 12, 16
	clip, _ := SearchClip(func(clip float64) float64 {
		lo, hi := cover(max(least, -float32(clip)), min(greatest, float32(clip)), s)
		scale, zero := quant.ParamsFromRange(lo, hi, s)
		return divergence(bins, clip, grid(s, scale, zero))
	}, most, octaves, perOctave)
	lo, hi = cover(max(least, -float32(clip)), min(greatest, float32(clip)), s)
	return lo, hi, nil
}

// density is an occupied bin from a to b with n values.
type density struct{ a, b, n float64 }

// densities returns the occupied bins in ascending order, without zero, and
// without negative values where they are not wanted.
func (c *Collector) densities(negative bool) []density {
	var out []density
	if negative {
		for e := exponents - 1; e >= 0; e-- {
			block := c.blocks[exponents+e]
			for k := len(block) - 1; k >= 0; k-- {
				if n := block[k].n; n > 0 {
					base, _ := c.binBase(e, k)
					out = append(out, density{-base - c.binWidth(e), -base, float64(n)})
				}
			}
		}
	}
	for e := range exponents {
		for k, b := range c.blocks[e] {
			if b.n > 0 {
				base, _ := c.binBase(e, k)
				out = append(out, density{base, base + c.binWidth(e), float64(b.n)})
			}
		}
	}
	return out
}

// grid returns the function which gives the upper boundary of the code that y
// rounds to, and +Inf from the last code on.
func grid(s quant.Scheme, scale float32, zero int32) func(y float64) float64 {
	if s.Float != quant.NotFloat {
		return floatGrid(s, float64(scale))
	}
	l, h := s.Range()
	lo, hi, step := float64(l-zero), float64(h-zero), float64(scale)
	return func(y float64) float64 {
		k := max(math.Floor(y/step+0.5), lo)
		b := (k + 0.5) * step
		if b <= y { // y lies on the boundary, up to rounding
			k++
			b = (k + 0.5) * step
		}
		if k >= hi {
			return math.Inf(1)
		}
		return b
	}
}

// floatGrid is grid for the float formats.
func floatGrid(s quant.Scheme, scale float64) func(y float64) float64 {
	var codes []int32
	for c := int32(0); c < 256; c++ {
		codes = append(codes, c)
	}
	values := make([]float32, len(codes))
	quant.Dequantize(values, codes, 1, 0, s)
	// The positive values ascend with their codes, up to the largest.
	var bounds []float64
	for i := 0; float64(values[i]) < s.Max(); i++ {
		bounds = append(bounds, (float64(values[i])+float64(values[i+1]))/2*scale)
	}
	return func(y float64) float64 {
		if y < 0 {
			for i := len(bounds) - 1; i >= 0; i-- {
				if -bounds[i] > y {
					return -bounds[i]
				}
			}
		}
		for _, b := range bounds {
			if b > y {
				return b
			}
		}
		return math.Inf(1)
	}
}

// divergence is Σ p·log(p/q) in nats of the bins clipped to ±clip, where next
// gives the upper boundary of the code at a place.
func divergence(bins []density, clip float64, next func(y float64) float64) float64 {
	// The bins within the clip. Those beyond add to the first and the last of them.
	from, to := 0, len(bins)
	var below, above, total float64
	for ; from < to && bins[from].a < 0 && -bins[from].b >= clip; from++ {
		below += bins[from].n
	}
	for ; to > from && bins[to-1].a >= clip; to-- {
		above += bins[to-1].n
	}
	for _, b := range bins {
		total += b.n
	}
	if from == to {
		return math.Inf(1)
	}
	inside := total - below - above
	sum, extra := 0.0, 0.0
	var atoms []density // pieces of the code that is under way
	flush := func() {
		var n, width float64
		for _, a := range atoms {
			n += a.n
			width += a.b - a.a
		}
		for _, a := range atoms {
			q := n * (a.b - a.a) / width
			sum += a.n * math.Log(a.n/q)
		}
		atoms = atoms[:0]
	}
	bound := next(bins[from].a)
	for i := from; i < to; i++ {
		b := bins[i]
		for b.a >= bound {
			flush()
			bound = next(b.a)
		}
		if bound < b.b { // cut at the first boundary and at the last: what lies between is even
			d := b.n / (b.b - b.a)
			atoms = append(atoms, density{b.a, bound, d * (bound - b.a)})
			flush()
			start := lastBoundary(bound, b.b, next)
			bound = next(start)
			b = density{start, b.b, d * (b.b - start)}
		}
		if b.b > b.a {
			atoms = append(atoms, b)
		}
	}
	flush()
	// Mass from beyond the clip sits where the image has only the bin's own.
	for _, e := range [...]struct{ mass, at float64 }{{below, bins[from].n}, {above, bins[to-1].n}} {
		if e.mass > 0 {
			extra += (e.mass + e.at) * math.Log((e.mass+e.at)/e.at)
		}
	}
	// p sums to total, q to inside: normalizing both adds log(inside/total).
	return (sum+extra)/total + math.Log(inside/total)
}

// lastBoundary is the greatest boundary at or below end, given one below it.
func lastBoundary(bound, end float64, next func(y float64) float64) float64 {
	// Most bins hold few steps; a wide one is entered near its end.
	if after := next(end - (end-bound)*0x1p-10); after <= end {
		bound = after
	} else if b := next(bound); b <= end && b-bound < (end-bound)/4 {
		step := b - bound
		bound += math.Floor((end-bound)/step-1) * step
	}
	for {
		b := next(bound)
		if b > end || b <= bound {
			return bound
		}
		bound = b
	}
}
