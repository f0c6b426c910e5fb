package observe

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// KL chooses the clip T whose codes lose the least information (entropy
// calibration, https://on-demand.gputechconf.com/gtc/2017/presentation/s7310-8-bit-inference-with-tensorrt.pdf):
//
//	Σ over codes Σ over bins of p·log(p/p̄) + P·log(P/Q) − P + Q
//
// in nats. p is the number of values in a bin, of 2048 equal ones from 0 to the
// largest magnitude on each side that has values, and p̄ its mean over the occupied
// bins of a code within the clip; P is the values of a code with those beyond the clip and
// Q without them, both plus 1/64. The first part is what rounding hides, the
// second what the codes at the ends tell wrongly.
//
// Values are counted as a smooth density (straight lines between the middles of
// bins that hold n^0.8/4 of n values, see density): of bare counts, rounding would
// seem to lose half a nat for each bin, by chance alone, which at 8 bits is
// hundreds of times what it loses of the density, and more at 11.
//
// The rule holds at any width: where no two bins share a code, from 12 or 13
// bits on, rounding loses nothing that the bins could show, and T is the largest
// magnitude. It weighs information, not squared error: values far out that are
// fewer than the codes' detail is worth are clipped, wherever they lie; for those
// take MSE. TestKLAtEveryWidth has the limits. Zeros, which every scheme keeps, are
// left out. One T serves both ends of an asymmetric range, -T and T where the
// values reach so far.
type KL struct{}

// klBins is the number of bins from 0 to the largest magnitude.
const klBins = 2048

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
	most := max(-least, greatest)
	if s.IsFloat32() || most < tiny {
		lo, hi = cover(least, greatest, s)
		return lo, hi, nil
	}
	clipped := func(clip float64) (lo, hi float32) {
		return cover(max(least, -float32(clip)), min(greatest, float32(clip)), s)
	}
	k := c.klHistogram(float64(least), float64(greatest), float64(most))
	if s.Round == quant.Stochastic {
		s.Round, s.Seed = quant.HalfEven, 0
	}
	const octaves, perOctave = 11, 16 // down to a single bin
	clip, _ := SearchClip(func(clip float64) float64 {
		lo, hi := clipped(clip)
		scale, zero := quant.ParamsFromRange(lo, hi, s)
		return k.divergence(scale, zero, s)
	}, float64(most), octaves, perOctave)
	lo, hi = clipped(clip)
	return lo, hi, nil
}

// klHistogram is the reference of the divergence.
type klHistogram struct {
	mass   []float64 // values in each bin, of the smooth density
	total  float64
	step   float64   // width of a bin
	center []float32 // of each bin
	image  []float32 // of each center; overwritten by each divergence
}

// klHistogram integrates the density of the values but for the zeros over equal
// bins from least to greatest.
func (c *Collector) klHistogram(least, greatest, most float64) *klHistogram {
	step := most / klBins
	from, to := int(math.Floor(least/step)), int(math.Ceil(greatest/step))
	from, to = max(from, -klBins), min(to, klBins)
	k := &klHistogram{step: step, mass: make([]float64, to-from), image: make([]float32, to-from)}
	for i := range k.mass {
		k.center = append(k.center, float32((float64(from+i)+0.5)*step))
	}
	for _, l := range c.density() {
		l.spread(k.mass, float64(from)*step, step)
	}
	for _, n := range k.mass {
		k.total += n
	}
	return k
}

// divergence is Σ p·log(p/q) in nats, as the comment of KL has it.
func (k *klHistogram) divergence(scale float32, zero int32, s quant.Scheme) float64 {
	if k.total == 0 {
		return 0
	}
	quant.FakeQuantize(k.image, k.center, scale, zero, s)
	lo, hi := s.Reals(scale, zero)
	low, high := float64(lo)-k.step, float64(hi)+k.step // a rounded zero point moves both ends
	sum := 0.0
	for i := 0; i < len(k.image); {
		// The bins i..j-1 round to one code; n values of them are within the clip.
		j, n, out, bins := i, 0.0, 0.0, 0
		for ; j < len(k.image) && k.image[j] == k.image[i]; j++ {
			if x := float64(k.center[j]); x < low || x > high {
				out += k.mass[j]
				continue
			}
			if k.mass[j] > 0 {
				n += k.mass[j]
				bins++
			}
		}
		for m := i; m < j && bins > 1; m++ {
			if p, x := k.mass[m], float64(k.center[m]); p > 0 && x >= low && x <= high {
				sum += p * math.Log(p*float64(bins)/n)
			}
		}
		if out > 0 {
			q := n + trace
			sum += (q+out)*math.Log1p(out/q) - out
		}
		i = j
	}
	if sum < 1e-9*k.total {
		return 0 // what is left is rounding
	}
	return sum / k.total
}

// trace is what every code holds beside its values, so that values beyond a code
// that has none are not infinitely bad.
const trace = 1.0 / 64
