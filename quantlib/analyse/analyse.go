// Package analyse looks for the reason why a network suffers from quantization:
// how its weights are spread (Parameters), how one value is (Variable), and where
// in the network noise arises and grows when a whole plan is in force (Network).
// What it finds remarkable it says as a Hint.
//
// It stands beside sense, which measures how much a network suffers; neither
// imports the other.
package analyse

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/observe"
)

// A Kind says what a Hint is about.
type Kind string

const (
	// OutlierChannel: one channel is far wider than most, and all share a scale.
	OutlierChannel Kind = "outlier channel"
	// UnbalancedConcat: what a Concat joins differs much in width, and has one scale.
	UnbalancedConcat Kind = "unbalanced concat"
	// Saturated: most of a value's quantization noise comes from clipping.
	Saturated Kind = "saturated range"
	// NarrowCalibration: values go far beyond what the calibration samples showed.
	NarrowCalibration Kind = "calibration narrower than validation"
)

// A Hint is a likely cause of noise.
type Hint struct {
	Kind  Kind
	Value string  // the tensor
	Node  string  // the layer, or the Concat
	Ratio float64 // how far beyond the ordinary; what of is in Text
	Text  string  // in words
}

// When hints are given.
const (
	// A channel that is 8 times as wide as the median leaves the others 3 bits less.
	minOutlier = 8.0
	// So does an input of a Concat that is 8 times as wide as another.
	minUnbalanced = 8.0
	// The best clip of a Gaussian or a Laplacian takes less than half of the noise.
	minSaturated = 0.75
	// A range that is half as wide again costs more than half a bit; and one value
	// in a thousand beyond it is no accident of the samples.
	minWider      = 1.5
	minBeyond     = 1e-3
	histogramBins = 128
)

// Moments describe the values of a tensor.
type Moments struct {
	Count          uint64 // finite values
	NonFinite      uint64 // NaN and infinities, left out of the rest
	Min, Max       float64
	Mean, Std      float64 // of the population
	Skew, Kurtosis float64 // third and fourth standardized moment; 3 is a Gaussian's kurtosis, 0 that of a constant
}

// A Histogram counts values in equal bins from Lo to Hi.
type Histogram struct {
	Lo, Hi float64
	Counts []float64 // need not be whole: values of a fine bin are spread over it
}

// summary is the moments and the histogram of what c has seen.
func summary(c *observe.Collector) (Moments, Histogram) {
	s, err := c.Stats()
	m := Moments{Count: s.Count, NonFinite: s.NaN + s.Inf}
	if err != nil {
		return m, Histogram{}
	}
	m.Min, m.Max, m.Mean, m.Std, m.Skew, m.Kurtosis = s.Min, s.Max, s.Mean, s.Std, s.Skewness, s.Kurtosis
	h := Histogram{Lo: m.Min, Hi: m.Max}
	if !(h.Lo < h.Hi) {
		h.Lo, h.Hi = h.Lo-0.5, h.Hi+0.5
	}
	if !(h.Lo < h.Hi) { // a constant whose unit in the last place is more than 1
		return m, Histogram{}
	}
	h.Counts = c.Histogram(h.Lo, h.Hi, histogramBins)
	return m, h
}

// median is the middle one of x, the lower of two; 0 of none.
func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	x = slices.Sorted(slices.Values(x))
	return x[(len(x)-1)/2]
}

// widest is the channel with the greatest reach, and how it compares with the
// median of the channels that are not all zeros.
func widest(reach []float64) (channel int, ratio float64) {
	var live []float64
	for i, v := range reach {
		if v > 0 {
			live = append(live, v)
		}
		if v > reach[channel] {
			channel = i
		}
	}
	if len(live) < 2 {
		return channel, 1
	}
	return channel, reach[channel] / median(live)
}

// table writes rows of cells, the first ones' names to the left.
type table struct {
	b strings.Builder
	w *tabwriter.Writer
}

func newTable(head ...string) *table {
	t := &table{}
	t.w = tabwriter.NewWriter(&t.b, 0, 0, 2, ' ', 0)
	t.row(head...)
	return t
}

func (t *table) row(cells ...string) { fmt.Fprintln(t.w, strings.Join(cells, "\t")) }

func (t *table) String() string { t.w.Flush(); return t.b.String() }

func number(v float64) string {
	if v == 0 || math.Abs(v) >= 1e-3 && math.Abs(v) < 1e5 {
		return fmt.Sprintf("%.4g", v)
	}
	return fmt.Sprintf("%.2e", v)
}

func decibel(v float64) string {
	if v != v {
		return "-"
	}
	return fmt.Sprintf("%.1f", v)
}

func hints(b *strings.Builder, list []Hint) {
	for _, h := range list {
		fmt.Fprintf(b, "%s: %s\n", h.Kind, graph.Printable(h.Text))
	}
}
