// Package sense measures how much a network suffers from quantization: layer by
// layer and width by width (Grid), as a whole (Evaluate), and over widths
// (Curve).
package sense

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/quantnb/quantnb/quantlib/graph"
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

// A Cell is what was measured, or estimated, of one treatment of the network:
// with one layer or tie quantized, or, if the grid says so, all but one.
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
	// Loss is the cross-entropy −log p(label) in nats, Rise how far it lies above
	// the float network's on the same samples, with the error of the paired
	// difference, and Top1 the share of samples whose greatest output is their
	// label. They are of the first output, which is taken for logits unless a
	// Softmax or LogSoftmax makes it; all are zero without labels, and Loss and
	// Rise are NaN where a label is none of the classes.
	Loss, Rise, Top1 Measure
	// Samples is how many samples were averaged: fewer than the grid's where the
	// work was stopped.
	Samples int
	// Valid is false where the layer has nothing to quantize in this mode, the
	// device does not offer the width, or the work was stopped before.
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

// gridVersion is that of the stored form.
const gridVersion = 3

// Grid is the noise of every tie × width, and of every layer × width × mode. A
// tie is what takes one width: most ties are one tensor, and then a layer's cells
// for its weight and its activation are the ties' own; where a tie spans layers
// (see Shared), a layer's cell quantizes all of it, in the other layers too.
type Grid struct {
	Scorer   string // Key of what made it
	Merit    string // what NSR of a cell is where it is no noise at the output, in words; see Shown
	Disable  bool   // cells are of everything quantized but the layer or tie
	Whole    bool   // there are cells of layers as wholes only
	Layers   []string
	Ties     []string // by their place in Map.Ties
	Widths   []int    // bits, ascending
	Samples  int
	Methods  string
	Output   []string // the values that noise is measured at
	Labeled  bool     // cells have task loss and accuracy
	Float    Cell     // the float network; zero if the scorer does not run it
	Cells    []Cell   // [layer][width][mode]
	TieCells []Cell   // [tie][width]
	Shared   []bool   // by layer: a tie of it holds tensors of other layers too
	Calls    int      // operator calls that were made beyond the float passes
	Full     int      // operator calls that whole re-runs would have taken
	Found    int      // of the measurements (a row of cells for a batch), those found stored

	Version int
	Row     []int32   // by place in Cells, then in TieCells: its row in the following; -1 for none
	NSRs    []float32 // [row][sample]; nil where samples are not measured one by one
	Rises   []float32 // of the loss, alike; nil without labels
	Right   []bool    // alike

	m *plan.Map
}

// Map is where the quantizers sit; nil in a grid that was read from a file.
func (g *Grid) Map() *plan.Map { return g.m }

func (g *Grid) index(layer, width int, mode Mode) int {
	return (layer*len(g.Widths)+width)*3 + int(mode)
}

// Tie is the cell of a tie, by its place in Map.Ties, at a width in bits.
//
// It panics if the grid has no such tie or width.
func (g *Grid) Tie(tie, bits int) Cell {
	w := slices.Index(g.Widths, bits)
	if w < 0 || tie < 0 || tie >= len(g.Ties) {
		panic(fmt.Sprintf("sense: no cell for tie %d of %d at %d bits; widths are %v", tie, len(g.Ties), bits, g.Widths))
	}
	return g.TieCells[tie*len(g.Widths)+w]
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

// Worst is the layers ordered by their noise at a width: the noisiest first, NaN for
// more than any number, and alike ones in the network's order. Layers whose cell is
// not Valid are left out: those without that mode, and those that were not reached
// where the work was stopped. In a grid that quantizes all but the layer (Disable)
// those are first whose absence leaves the least noise.
//
// It panics if the grid has no such width or nothing was measured at it, so that
// there always is a first one.
func (g *Grid) Worst(bits int, mode Mode) []string {
	var names []string
	for _, name := range g.Layers {
		if g.At(name, bits, mode).Valid {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		panic(fmt.Sprintf("sense: no worst layer: of %d none has been measured at %d bits, %v; the work was stopped before, or what made the grid (%s) measures no such thing",
			len(g.Layers), bits, mode, g.Scorer))
	}
	noise := func(name string) float64 {
		if x := g.At(name, bits, mode).NSR.Mean; !math.IsNaN(x) {
			return x
		}
		return math.Inf(1)
	}
	slices.SortStableFunc(names, func(a, b string) int {
		if g.Disable {
			return cmp.Compare(noise(a), noise(b))
		}
		return cmp.Compare(noise(b), noise(a))
	})
	return names
}

// String is a table of SQNR in dB, layers × widths, both weight and activations
// quantized, or weights alone where the scorer knows nothing else; of scorers that do
// not speak of noise at the output, what they speak of (see Shown). A star marks
// layers that share a tie with others.
func (g *Grid) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	mode := g.Mode()
	name, of := g.Shown()
	fmt.Fprintf(w, "%s (dB)\t", name)
	for _, bits := range g.Widths {
		fmt.Fprintf(w, "%d bits\t", bits)
	}
	fmt.Fprintln(w)
	shared := false
	for i, name := range g.Layers {
		mark := ""
		if i < len(g.Shared) && g.Shared[i] {
			mark, shared = " *", true
		}
		fmt.Fprintf(w, "%s%s\t", graph.Printable(name), mark)
		for k := range g.Widths {
			if c := g.Cells[g.index(i, k, mode)]; c.Valid {
				fmt.Fprintf(w, "%.1f\t", c.SQNR())
			} else {
				fmt.Fprint(w, "–\t")
			}
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	if shared {
		b.WriteString("* shares a width with other layers; all that is tied to it is quantized\n")
	}
	if mode == Weight {
		b.WriteString("weights alone\n")
	}
	if g.Disable {
		b.WriteString("all layers quantized but the one of the row\n")
	}
	if g.Merit != "" {
		fmt.Fprintf(&b, "%s is %s\n", name, of)
	}
	fmt.Fprintf(&b, "%d samples", g.Samples)
	if g.Full > 0 {
		fmt.Fprintf(&b, "; %d of %d operator calls re-run", g.Calls, g.Full)
	}
	if g.Scorer != "" && g.Scorer != (Exact{}).Key() {
		fmt.Fprintf(&b, "; %s", g.Scorer)
	}
	b.WriteString("\n")
	return b.String()
}
