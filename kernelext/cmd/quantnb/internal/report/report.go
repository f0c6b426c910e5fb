// Package report gives what is known of a network's quantization three forms:
// columns of text, JSON, and one HTML file with pictures.
package report

import (
	"encoding/json"
	"io"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/quantnb/quantnb/kernelext/chart"
)

// Version is that of the JSON's fields. It goes up when one changes its meaning.
const Version = 1

// Report is what "quantnb analyse" and "quantnb plan" found. What was not asked
// for, or not reached, is absent.
type Report struct {
	Version int    `json:"version"`
	Verb    string `json:"verb"` // "analyse" or "plan"
	// Interrupted names the step that did not end; "" if all did.
	Interrupted string `json:"interrupted,omitempty"`
	// Warnings say what a reader must know before believing a figure.
	Warnings []string `json:"warnings,omitempty"`

	Model    Model     `json:"model"`
	Data     Data      `json:"data"`
	Settings Settings  `json:"settings"`
	Layers   []Layer   `json:"layers,omitempty"`
	Accuracy *Accuracy `json:"accuracy,omitempty"`
	Frontier *Frontier `json:"frontier,omitempty"`
	Plan     *Plan     `json:"plan,omitempty"`
	Check    *Check    `json:"check,omitempty"`
	Ties     []Tie     `json:"ties,omitempty"`
	Steps    []Step    `json:"steps,omitempty"`

	// Figures are the pictures of the HTML form, in order.
	Figures []Figure `json:"-"`
}

// Number is a float64 that JSON has no form for where it is infinite or not a
// number: there it is null.
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// Model is the network.
type Model struct {
	File       string   `json:"file"`
	Name       string   `json:"name"`
	Inputs     []string `json:"inputs"`
	Outputs    []string `json:"outputs"`
	Nodes      int      `json:"nodes"`
	Parameters int      `json:"parameters"`
	Bytes      int      `json:"bytes"` // of the parameters
}

// Data is the samples.
type Data struct {
	Calibration Set  `json:"calibration"`
	Test        *Set `json:"test,omitempty"` // nil: the calibration samples
}

// Set is one data set.
type Set struct {
	Source  string `json:"source"`
	Form    string `json:"form"`
	Samples int    `json:"samples"`
	Labeled bool   `json:"labeled"`
	Noise   bool   `json:"noise,omitempty"` // random numbers, not data
}

// Settings are what was asked.
type Settings struct {
	Bits    []int  `json:"bits"`
	Samples int    `json:"samples"` // that noise was measured on
	Scorer  string `json:"scorer"`
	Methods string `json:"methods"`
	Profile string `json:"profile"`
}

// Layer is one layer that is quantized.
type Layer struct {
	Name       string `json:"name"`
	Op         string `json:"op"`
	Tensor     string `json:"tensor,omitempty"` // its weight; "" without
	Parameters int    `json:"parameters"`
	MACs       int64  `json:"macs,omitempty"` // for one sample
	Cells      []Cell `json:"cells,omitempty"`
	Roof       *Roof  `json:"roofline,omitempty"`
}

// Cell is the noise at the network's output when only this layer is quantized.
type Cell struct {
	Bits      int    `json:"bits"`
	Mode      string `json:"mode"` // "weight", "activation", "both"
	Samples   int    `json:"samples"`
	Noise     Number `json:"noise"`     // Σ(q−f)²/Σf², mean over samples
	NoiseErr  Number `json:"noise_err"` // its standard error
	SQNR      Number `json:"sqnr"`      // dB; null without noise
	SQNRErr   Number `json:"sqnr_err"`  // dB
	Cosine    Number `json:"cosine"`
	Agreement Number `json:"agreement"` // share of samples with the float network's class
}

// Roof is where a layer stands under a device's limits.
type Roof struct {
	Bits      int    `json:"bits"` // of weights and activations
	Seconds   Number `json:"seconds"`
	Bound     string `json:"bound"`
	Bytes     Number `json:"bytes"`
	Intensity Number `json:"macs_per_byte"`
}

// Share is a mean with its standard error.
type Share struct {
	Mean Number `json:"mean"`
	Err  Number `json:"err"`
}

// Accuracy is over uniform widths.
type Accuracy struct {
	Samples int        `json:"samples"`
	What    string     `json:"what"` // "top-1" or "agreement with float"
	Float   Share      `json:"float"`
	Widths  []Accurate `json:"widths"`
}

// Accurate is one uniform width.
type Accurate struct {
	Bits        int   `json:"bits"`
	Weights     Share `json:"weights"`
	Activations Share `json:"activations"`
	Both        Share `json:"both"`
}

// Frontier is the best plans, thinned for display.
type Frontier struct {
	Cost   string  `json:"cost"`
	Total  int     `json:"total"` // points before thinning
	Points []Point `json:"points"`
}

// Point is one plan.
type Point struct {
	Cost  Number `json:"cost"`
	Noise Number `json:"noise"` // predicted
	SQNR  Number `json:"sqnr"`  // predicted, dB
}

// Plan is a plan and what it costs.
type Plan struct {
	Why      string      `json:"why"`
	Bytes    int         `json:"bytes"`
	MeanBits Number      `json:"mean_weight_bits"`
	BOPs     Number      `json:"bops"`
	Seconds  Number      `json:"seconds,omitempty"`
	SQNR     Number      `json:"predicted_sqnr"` // dB
	Accuracy *Measured   `json:"measured,omitempty"`
	Layers   []PlanLayer `json:"layers"`
	// Versus is the uniform plan it is compared with.
	Versus *Versus `json:"versus,omitempty"`
	// Float is the network that is not quantized.
	Float *Versus  `json:"float,omitempty"`
	Files []string `json:"files,omitempty"` // that it was written to
}

// Versus is a plan beside another.
type Versus struct {
	Name     string    `json:"name"`
	Bytes    int       `json:"bytes"`
	MeanBits Number    `json:"mean_weight_bits"`
	BOPs     Number    `json:"bops"`
	Seconds  Number    `json:"seconds,omitempty"`
	SQNR     Number    `json:"predicted_sqnr"` // dB
	Accuracy *Measured `json:"measured,omitempty"`
	Diff     []string  `json:"diff"`
}

// Measured is a plan with all of it quantized at once.
type Measured struct {
	Samples   int    `json:"samples"`
	Top1      *Share `json:"top1,omitempty"`
	Agreement Share  `json:"agreement"`
	SQNR      Number `json:"sqnr"` // dB
}

// PlanLayer is the formats of one layer.
type PlanLayer struct {
	Name       string `json:"name"`
	Tensor     string `json:"tensor,omitempty"` // its weight; "" without
	Weight     string `json:"weight,omitempty"`
	Activation string `json:"activation,omitempty"`
}

// Check is how well predictions met measurements along the frontier.
type Check struct {
	Plans             int    `json:"plans"`
	Samples           int    `json:"samples"`
	Bias              Number `json:"bias"`   // dB, measured over predicted
	Spread            Number `json:"spread"` // dB
	Rank              Number `json:"rank_correlation"`
	Coverage          Number `json:"coverage"` // of the error bars
	CorrectedSpread   Number `json:"corrected_spread"`
	CorrectedCoverage Number `json:"corrected_coverage"`
}

// Tie is quantizers that take one width, with the reasons.
type Tie struct {
	Name    string   `json:"name"`
	Role    string   `json:"role"`
	Values  []string `json:"values"`
	Reasons []string `json:"reasons"`
}

// Step is a part of the work, with the time it took.
type Step struct {
	Name    string `json:"name"`
	Seconds Number `json:"seconds"`
}

// Figure is a picture with its place in the page.
type Figure struct {
	Section string
	*chart.Figure
}

// JSON writes the report as indented JSON.
func (r *Report) JSON(w io.Writer) error {
	r.Version = Version
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Safe makes a name from a file fit for a terminal and a page: control and
// format characters, which can steer the one and turn the direction of the other,
// and broken UTF-8 become U+FFFD.
func Safe(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.Is(unicode.C, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return utf8.RuneError
		}
		return r
	}, s)
}
