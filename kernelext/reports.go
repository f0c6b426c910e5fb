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
