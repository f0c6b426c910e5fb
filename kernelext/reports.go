package nb

import (
	"sync"

	"github.com/quantnb/quantnb/kernelext/chart"
	"github.com/quantnb/quantnb/quantlib"
)

// Figure is a picture that is drawn when it is shown or saved.
type Figure = chart.Figure

// SNRFigure is what [SNRBars] shows, for [Save], [Flipbook] and [Show].
func SNRFigure(g *quantlib.Grid, bits int) *Figure { return chart.SNRBars(g, bits, chart.Ascending) }

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

// Tried is a plan and what was measured of it, for [AccuracyCurve].
type Tried = chart.Tried

// AccuracyCurve shows accuracy over uniform widths: weights alone, activations
// alone and both, beside the float network. Plans that were measured stand at
// their mean bits a weight: those that no other beats are joined, and the one in
// hand is a star.
//
// It panics if more than one plan is in hand.
func AccuracyCurve(c *quantlib.Curve, plans ...Tried) {
	if len(plans) == 0 {
		Show(chart.AccuracyCurve(c))
		return
	}
	Show(chart.AccuracyCurveWith(c, plans))
}

// FrontierCurve shows predicted noise against the cost of a frontier; a choice
// is marked with a star.
func FrontierCurve(f *quantlib.Frontier, choice ...quantlib.Choice) {
	if len(choice) > 0 {
		Show(chart.FrontierOf(f, &choice[0]))
		return
	}
	Show(f)
}

// NetworkHeat shows the network as a graph, each layer coloured by the SQNR in dB
// at the output when it alone runs at the given width.
//
// It panics if the grid has no such width, or was read from a file and knows no
// network.
func NetworkHeat(g *quantlib.Grid, bits int, mode quantlib.Mode) {
	Show(chart.NetworkHeat(g, bits, mode))
}

// PlanNetwork shows the network as a graph with the bits of a plan.
func PlanNetwork(p quantlib.Plan) { Show(chart.PlanNetwork(p)) }

// HeatMap shows the SQNR in dB at the network's output, layers × widths, when
// one layer at a time is quantized.
func HeatMap(g *quantlib.Grid, mode quantlib.Mode) { Show(chart.GridHeat(g, mode)) }

// PlanWidths shows the bits that a plan gives to each layer.
func PlanWidths(p quantlib.Plan) { Show(chart.PlanWidths(p)) }

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
