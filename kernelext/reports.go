package nb

import (
	"sync"

	"github.com/quantnb/quantnb/kernelext/chart"
	"github.com/quantnb/quantnb/quantlib"
)

// SNRBars shows, for each layer, the SQNR in dB at the network's output when
// that layer alone runs at the given width: weight and activation side by side,
// the noisiest layer first, with one standard error over samples.
//
// It panics if the grid has no such width.
func SNRBars(g *quantlib.Grid, bits int) { Show(chart.SNRBars(g, bits, chart.Ascending)) }

// SNRBarsInOrder is [SNRBars] with the layers in the order they run.
func SNRBarsInOrder(g *quantlib.Grid, bits int) { Show(chart.SNRBars(g, bits, chart.GraphOrder)) }

// ActivationHistogram shows how the values that flow into a layer are spread
// (counts on a logarithmic axis), with the values that the codes stand for and
// the clip limits. Several histograms stand below each other.
func ActivationHistogram(h ...*quantlib.Histogram) {
	for _, x := range h {
		Show(chart.ActivationHistogram(x))
	}
}

// AccuracyCurve shows accuracy over uniform widths: weights alone, activations
// alone and both, beside the float network.
func AccuracyCurve(c *quantlib.Curve) { Show(chart.AccuracyCurve(c)) }

// HeatMap shows the SQNR in dB at the network's output, layers × widths, when
// one layer at a time is quantized.
func HeatMap(g *quantlib.Grid, mode quantlib.Mode) { Show(chart.GridHeat(g, mode)) }

// PlanWidths shows the bits that a plan gives to each layer.
func PlanWidths(p quantlib.Plan) { Show(chart.PlanWidths(p)) }

func init() { adapters = append(adapters, ofQuantlib) }

// ofQuantlib is the figure that Show makes of a report of quantlib.
func ofQuantlib(x any) (any, bool) {
	switch x := x.(type) {
	case *quantlib.Grid:
		if x != nil {
			return chart.GridHeat(x, quantlib.Both), true
		}
	case *quantlib.Histogram:
		if x != nil {
			return chart.ActivationHistogram(x), true
		}
	case *quantlib.Curve:
		if x != nil {
			return chart.AccuracyCurve(x), true
		}
	case quantlib.Plan:
		if x.Map() != nil {
			return chart.PlanWidths(x), true
		}
	}
	return nil, false
}

// Steps is a progress display for work in several named steps, as quantlib's
// Study reports it: each step has a bar of its own, as [Progress] draws it.
//
//	study := quantlib.Study{Progress: nb.Steps()}
func Steps() func(step string, done, total int) {
	var mu sync.Mutex
	bars := map[string]*Bar{}
	return func(step string, done, total int) {
		mu.Lock()
		b := bars[step]
		if b == nil {
			b = NewProgress(step)
			bars[step] = b
		}
		mu.Unlock()
		b.Update(done, total)
	}
}
