// Package sense measures how much a network suffers from quantization: layer by
// layer and width by width (Grid), as a whole (Evaluate), and over widths
// (Curve).
package sense

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/quantnb/quantnb/quantlib/plan"
)

// Mode says what of a layer is quantized in a cell of the grid.
type Mode uint8

const (
	Weight     Mode = iota // its weight alone
	Activation             // the activations that flow into it alone
	Both                   // weight and activations
)

var modeNames = [...]string{"weight", "activation", "both"}

func (m Mode) String() string {
	if int(m) >= len(modeNames) {
		return fmt.Sprintf("mode(%d)", uint8(m))
	}
	return modeNames[m]
}

// A Measure is a mean over samples with its standard error, s/√n where s is the
// sample standard deviation; the error is NaN for a single sample.
type Measure struct {
	Mean, StdErr float64
}

// A Cell is the noise at the network's output when only one layer is quantized.
type Cell struct {
	// NSR is the noise-to-signal power Σ(q−f)²/Σf² of one sample, averaged over
	// samples (and over outputs, where there are several).
	NSR Measure
	// Cosine is the cosine between float and quantized output of one sample,
	// averaged alike.
	Cosine Measure
	// MSE is Σ(q−f)²/n of one sample, averaged alike.
	MSE Measure
	// Agreement is the share of samples with the same greatest output element.
	Agreement Measure
	// Valid is false where the layer has nothing to quantize in this mode, or
	// the device does not offer the width.
	Valid bool
}

// SQNR is −10·log10 of the mean noise-to-signal power, in dB; +Inf without noise.
func (c Cell) SQNR() float64 { return -10 * math.Log10(c.NSR.Mean) }

// SQNRErr is the standard error of SQNR in dB, by first order:
// 10/ln 10 · StdErr/Mean.
func (c Cell) SQNRErr() float64 {
	if c.NSR.Mean == 0 {
		return 0
	}
	return 10 / math.Ln10 * c.NSR.StdErr / c.NSR.Mean
}

// Grid is the noise of every layer × width × mode. It is exact: each cell is
// measured, not estimated.
type Grid struct {
	Layers  []string
	Widths  []int // bits, ascending
	Samples int
	Methods string
	Output  []string // the values that noise is measured at
	Cells   []Cell   // [layer][width][mode]
	Calls   int      // operator calls that were made beyond the float passes
	Full    int      // operator calls that whole re-runs would have taken

	m *plan.Map
}

// Map is where the quantizers sit; nil in a grid that was read from a file.
func (g *Grid) Map() *plan.Map { return g.m }

func (g *Grid) index(layer, width int, mode Mode) int {
	return (layer*len(g.Widths)+width)*3 + int(mode)
}

// At is the cell of a layer by name at a width in bits.
//
// It panics if the grid has no such layer or width.
func (g *Grid) At(layer string, bits int, mode Mode) Cell {
	l, w := slices.Index(g.Layers, layer), slices.Index(g.Widths, bits)
	if l < 0 || w < 0 || mode > Both {
		panic(fmt.Sprintf("sense: no cell for layer %q at %d bits, %v; widths are %v", layer, bits, mode, g.Widths))
	}
	return g.Cells[g.index(l, w, mode)]
}

// Worst is the layers ordered by their noise at a width, the noisiest first;
// layers without that mode are left out. It panics if the grid has no such width.
func (g *Grid) Worst(bits int, mode Mode) []string {
	var names []string
	for _, name := range g.Layers {
		if g.At(name, bits, mode).Valid {
			names = append(names, name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int {
		x, y := g.At(a, bits, mode).NSR.Mean, g.At(b, bits, mode).NSR.Mean
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	return names
}

// String is a table of SQNR in dB, layers × widths, both weight and activations
// quantized.
func (g *Grid) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "SQNR (dB)\t")
	for _, bits := range g.Widths {
		fmt.Fprintf(w, "%d bits\t", bits)
	}
	fmt.Fprintln(w)
	for i, name := range g.Layers {
		fmt.Fprintf(w, "%s\t", name)
		for k := range g.Widths {
			fmt.Fprintf(w, "%.1f\t", g.Cells[g.index(i, k, Both)].SQNR())
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	fmt.Fprintf(&b, "%d samples; %d of %d operator calls re-run\n", g.Samples, g.Calls, g.Full)
	return b.String()
}
