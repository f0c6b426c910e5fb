package quantlib

import (
	"context"
	"fmt"
	"math"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// Histogram is how the values that flow into a layer are spread, and the codes
// that quantization offers them.
type Histogram struct {
	Layer  string
	Value  string    // name of the tensor
	Lo, Hi float64   // the first bin begins at Lo, the last ends at Hi
	Counts []float64 // of values, by bin; all bins have the same width
	Codes  []float64 // of values, by the code that they take, ascending; nil beyond 12 bits, and for sign codes
	Scheme quant.Scheme
	Scale  float64
	Zero   int
	// ClipLo and ClipHi are the least and the greatest value that a code stands for.
	ClipLo, ClipHi float64
	// Clipped is the share of values beyond the clip limits by more than half a step.
	Clipped float64
	SQNR    float64 // dB, of these values alone; as expected of values spread evenly over the statistics' fine bins
	Stats   observe.Stats
}

// Levels is the values that the codes stand for, ascending; nil where there are
// more than max.
func (h *Histogram) Levels(max int) []float64 {
	lo, hi := h.Scheme.Range()
	if int(hi)-int(lo)+1 > max {
		return nil
	}
	var levels []float64
	for c := int(lo); c <= int(hi); c++ {
		levels = append(levels, float64(c-h.Zero)*h.Scale)
	}
	return levels
}

// Histogram is the spread of the (first) activation that flows into a layer
// over the calibration samples, and the grid that quantization at the given
// width lays over it.
func (s *Study) Histogram(ctx context.Context, layer string, bits int) (*Histogram, error) {
	if bits < 1 || bits > 16 {
		return nil, fmt.Errorf("quantlib: width of %d bits; widths are 1..16", bits)
	}
	p, err := s.parts()
	if err != nil {
		return nil, err
	}
	i, err := p.m.Layer(layer)
	if err != nil {
		return nil, err
	}
	if len(p.m.Layers[i].Activations) == 0 {
		return nil, fmt.Errorf("quantlib: layer %q has no activation to quantize", layer)
	}
	st, err := s.statistics(ctx, p)
	if err != nil {
		return nil, err
	}
	return histogram(ctx, st, layer, p.m.Layers[i].Activations[0], bits, s.Methods)
}

const (
	histogramBins = 256
	mostBins      = 2048
)

// edges sets Lo and Hi, and returns the number of bins between them: about
// histogramBins over all values and codes, placed so that the clip limits are
// edges of bins, unless values lie so far out that this would take more than
// mostBins.
func (h *Histogram) edges() int {
	least, most := min(h.Stats.Min, h.ClipLo), max(h.Stats.Max, h.ClipHi)
	inside := h.ClipHi - h.ClipLo
	if inside > 0 {
		step := inside / max(1, math.Round(histogramBins*inside/(most-least)))
		below, above := math.Ceil((h.ClipLo-least)/step), math.Ceil((most-h.ClipLo)/step)
		if below+above <= mostBins {
			h.Lo, h.Hi = h.ClipLo-below*step, h.ClipLo+above*step
			return int(below + above)
		}
	}
	h.Lo, h.Hi = least, most
	if least == most {
		h.Hi++
	}
	return histogramBins
}

// mostCodes is the greatest number of codes that are counted one by one.
const mostCodes = 1 << 12

// codes counts the values that round to each code; those beyond the clip limits
// take the first and the last.
func (h *Histogram) codes(c *observe.Collector) []float64 {
	lo, hi := h.Scheme.Range()
	n := int(hi) - int(lo) + 1
	if n > mostCodes || h.Scheme.Binary() || h.Scheme.Float != quant.NotFloat || h.Scale <= 0 {
		return nil
	}
	first, last := h.ClipLo-h.Scale/2, h.ClipHi+h.Scale/2
	counts := c.Histogram(first, last, n)
	if h.Stats.Min < first {
		counts[0] += c.Histogram(h.Stats.Min, first, 1)[0]
	}
	if h.Stats.Max > last {
		counts[n-1] += c.Histogram(last, h.Stats.Max, 1)[0]
	}
	return counts
}

func histogram(ctx context.Context, st *calibrate.Stats, layer string, quantizer, bits int, m Methods) (*Histogram, error) {
	mp := st.Map()
	if err := mp.Check(0, bits); err != nil {
		return nil, err
	}
	pl := mp.Uniform(0, bits)
	h := &Histogram{Layer: layer, Value: mp.Quantizers[quantizer].Value, Scheme: pl.Scheme(quantizer)}
	params, err := st.ParamsContext(ctx, quantizer, h.Scheme, m)
	if err != nil {
		return nil, err
	}
	scale, zero := params.At(0)
	h.Scale, h.Zero = float64(scale), int(zero)
	lo, hi := h.Scheme.Reals(scale, zero)
	h.ClipLo, h.ClipHi = float64(lo), float64(hi)
	c := st.Value(h.Value)
	if h.Stats, err = c.Stats(); err != nil {
		return nil, fmt.Errorf("quantlib: layer %q: %w", layer, err)
	}
	bins := h.edges()
	h.Counts = c.Histogram(h.Lo, h.Hi, bins)
	h.Codes = h.codes(c)
	noise, _ := c.Noise(scale, zero, h.Scheme)
	signal := float64(h.Stats.Count) * (h.Stats.Mean*h.Stats.Mean + h.Stats.Std*h.Stats.Std)
	h.SQNR = quant.Decibel(noise / signal)
	half := h.Scale / 2
	total, inside := float64(h.Stats.Count), 0.0
	if a, b := h.ClipLo-half, h.ClipHi+half; total > 0 {
		inside = c.Histogram(a, b, 1)[0]
		h.Clipped = max(0, 1-inside/total)
	}
	return h, nil
}
