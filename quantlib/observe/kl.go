package observe

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// KL chooses the clip T whose codes lose the least information (entropy
// calibration, https://on-demand.gputechconf.com/gtc/2017/presentation/s7310-8-bit-inference-with-tensorrt.pdf):
// the divergence Σ p·log(p/q) of the values from their quantized image, over
// 2048 equal bins from 0 to the largest magnitude, on each side that has values.
// In the image, the mass of each code is spread evenly over the occupied bins
// that round to it. A code that takes values from beyond the clip spreads over
// all of its bins, empty ones too, so that clipping loses information by the
// same measure as rounding, and no clip is too small to be compared.
//
// The rule holds at any width: where no two bins share a code, from 12 or 13
// bits on, rounding loses nothing that the bins could show, and T is the largest
// magnitude. Zeros, which every scheme keeps, are left out. One T serves both
// ends of an asymmetric range, -T and T where the values reach so far.
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
	counts []float64
	total  float64
	center []float32 // of each bin
	image  []float32 // of each center; overwritten by each divergence
}

// klHistogram counts the values from least to greatest but for the zeros.
func (c *Collector) klHistogram(least, greatest, most float64) *klHistogram {
	step := most / klBins
	counts := c.Histogram(-most, most, 2*klBins)
	counts[klBins] = max(0, counts[klBins]-float64(c.zeros))
	from, to := int(math.Floor(least/step)), int(math.Ceil(greatest/step))
	from, to = max(from, -klBins), min(to, klBins)
	k := &klHistogram{counts: counts[klBins+from : klBins+to]}
	for i, n := range k.counts {
		k.total += n
		k.center = append(k.center, float32((float64(from+i)+0.5)*step))
	}
	k.image = make([]float32, len(k.center))
	return k
}

// divergence is Σ p·log(p/q) in nats.
func (k *klHistogram) divergence(scale float32, zero int32, s quant.Scheme) float64 {
	quant.FakeQuantize(k.image, k.center, scale, zero, s)
	lo, hi := s.Reals(scale, zero)
	sum := 0.0
	for i := 0; i < len(k.image); {
		// The bins i..j-1 round to one code.
		j, occupied, n := i, 0.0, 0.0
		for ; j < len(k.image) && k.image[j] == k.image[i]; j++ {
			n += k.counts[j]
			if k.counts[j] > 0 {
				occupied++
			}
		}
		if j-i > 1 && n > 0 {
			if k.center[i] < lo || k.center[j-1] > hi {
				occupied = float64(j - i)
			}
			for _, p := range k.counts[i:j] {
				if p > 0 {
					sum += p * math.Log(p*occupied/n)
				}
			}
		}
		i = j
	}
	if k.total == 0 || sum < 1e-9*k.total {
		return 0 // what is left is rounding
	}
	return sum / k.total
}
