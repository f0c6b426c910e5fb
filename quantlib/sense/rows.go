package sense

import (
	"fmt"
	"math"
	"slices"

	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// A row is one treatment of the network and the cells that it answers: ties at a
// width, all of which the device has at it.
type row struct {
	ties  []int // ascending
	bits  int
	cells []int // places in Grid.Cells, or from len(Cells) on in Grid.TieCells
}

// newGrid is a grid of empty cells and the rows that fill them, layer by layer,
// each set of ties at a width once. With modes, only cells of layers in these are
// filled. Bad widths and an empty data set are errors.
func newGrid(s Subject, c Config, scorer string, modes ...Mode) (*Grid, []row, error) {
	m := s.Stats.Map()
	g := &Grid{Scorer: scorer, Widths: slices.Clone(c.widths(m)), Methods: c.Methods.String(), Version: gridVersion, m: m}
	slices.Sort(g.Widths)
	g.Widths = slices.Compact(g.Widths)
	for _, b := range g.Widths {
		if b < 1 || b > 16 {
			return nil, nil, fmt.Errorf("sense: width of %d bits; widths are 1..16", b)
		}
	}
	if g.Samples = c.limit(s.Data.Len()); g.Samples == 0 {
		return nil, nil, fmt.Errorf("sense: the data set is empty")
	}
	for _, l := range m.Layers {
		g.Layers = append(g.Layers, l.Name)
		g.Shared = append(g.Shared, shared(m, l))
	}
	for _, t := range m.Ties {
		g.Ties = append(g.Ties, t.Name)
	}
	for _, o := range s.Session.Graph().Outputs() {
		g.Output = append(g.Output, o.Name)
	}
	g.Cells = make([]Cell, len(g.Layers)*len(g.Widths)*3)
	g.TieCells = make([]Cell, len(g.Ties)*len(g.Widths))
	return g, g.rows(modes), nil
}

func (g *Grid) rows(modes []Mode) (rows []row) {
	ties := len(modes) == 0
	if ties {
		modes = []Mode{Weight, Activation, Both}
	}
	place := map[string]int{}
	g.Row = make([]int32, len(g.Cells)+len(g.TieCells))
	for i := range g.Row {
		g.Row[i] = -1
	}
	add := func(ties []int, bits, cell int) {
		if len(ties) == 0 || !offered(g.m, ties, bits) {
			return
		}
		key := fmt.Sprint(bits, ties)
		k, ok := place[key]
		if !ok {
			k = len(rows)
			place[key] = k
			rows = append(rows, row{ties: ties, bits: bits})
		}
		rows[k].cells = append(rows[k].cells, cell)
		g.Row[cell] = int32(k)
	}
	computed := make([]bool, len(g.Ties))
	for li, l := range g.m.Layers {
		for _, tie := range layerTies(g.m, l, Both) {
			computed[tie] = true
		}
		for wi, bits := range g.Widths {
			for _, mode := range modes {
				add(layerTies(g.m, l, mode), bits, g.index(li, wi, mode))
			}
		}
	}
	for tie := range g.Ties {
		for wi, bits := range g.Widths {
			if ties && computed[tie] {
				add([]int{tie}, bits, len(g.Cells)+tie*len(g.Widths)+wi)
			}
		}
	}
	return rows
}

// set stores what a row came to.
func (g *Grid) set(r row, c Cell) {
	for _, k := range r.cells {
		if k < len(g.Cells) {
			g.Cells[k] = c
		} else {
			g.TieCells[k-len(g.Cells)] = c
		}
	}
}

// A Place names a cell of a layer.
type Place struct {
	Layer string
	Bits  int
	Mode  Mode
}

// place is the name of a cell by its place in Cells.
func (g *Grid) place(cell int) Place {
	return Place{g.Layers[cell/3/len(g.Widths)], g.Widths[cell/3%len(g.Widths)], Mode(cell % 3)}
}

// A Difference is how one cell differs from another, sample by sample: the means
// of the differences and the standard errors of those means, which are smaller
// than those of either cell where both suffer from the same samples.
type Difference struct {
	NSR Measure
	// Loss and Top1 are zero without labels. Top1 is the difference of shares.
	Loss, Top1 Measure
}

// Compare is a minus b. A cell that was not measured sample by sample is an
// error; noises are kept as float32.
//
// It panics as At does if the grid has no such cell.
func (g *Grid) Compare(a, b Place) (Difference, error) {
	var at [2]int
	for i, p := range []Place{a, b} {
		c := g.At(p.Layer, p.Bits, p.Mode)
		r := int32(-1)
		if len(g.NSRs) > 0 {
			r = g.Row[g.index(slices.Index(g.Layers, p.Layer), slices.Index(g.Widths, p.Bits), p.Mode)]
		}
		if r < 0 || c.Samples != g.Samples {
			return Difference{}, fmt.Errorf("sense: layer %q at %d bits, %v: the grid (%s) has no noise of single samples", p.Layer, p.Bits, p.Mode, g.Scorer)
		}
		at[i] = int(r) * g.Samples
	}
	paired := func(x []float32) Measure {
		return measure(g.Samples, func(i int) float64 { return float64(x[at[0]+i]) - float64(x[at[1]+i]) })
	}
	d := Difference{NSR: paired(g.NSRs)}
	if g.Labeled {
		d.Loss = paired(g.Rises)
		d.Top1 = measure(g.Samples, func(i int) float64 { return indicator(g.Right[at[0]+i]) - indicator(g.Right[at[1]+i]) })
	}
	return d, nil
}

// keepSamples stores the scores of every row sample by sample; what was not
// measured is NaN.
func (g *Grid) keepSamples(scores [][]score, measured []int) {
	n := len(scores) * g.Samples
	g.NSRs = make([]float32, n)
	if g.Labeled {
		g.Rises, g.Right = make([]float32, n), make([]bool, n)
	}
	for r, list := range scores {
		for i, s := range list {
			if i >= measured[r] {
				s.nsr, s.rise = math.NaN(), math.NaN()
			}
			k := r*g.Samples + i
			g.NSRs[k] = float32(s.nsr)
			if g.Labeled {
				g.Rises[k], g.Right[k] = float32(s.rise), s.right
			}
		}
	}
}

// shared reports whether a tie of the layer holds what other layers compute with.
func shared(m *plan.Map, l plan.Layer) bool {
	for _, tie := range layerTies(m, l, Both) {
		for _, k := range m.Ties[tie].Members {
			for _, node := range m.Quantizers[k].Nodes {
				if node != l.Name {
					return true
				}
			}
		}
	}
	return false
}

// schemeOf is the format of a tie at a width which the device offers, or 0.
func schemeOf(m *plan.Map, tie, bits int) quant.Scheme {
	s, _ := m.SchemeAt(tie, bits)
	return s
}

// offered reports whether the device has a width for all of the ties.
func offered(m *plan.Map, ties []int, bits int) bool {
	return !slices.ContainsFunc(ties, func(tie int) bool {
		_, ok := m.SchemeAt(tie, bits)
		return !ok
	})
}

// layerTies is the ties that a mode quantizes, ascending; nil for none.
func layerTies(m *plan.Map, l plan.Layer, mode Mode) []int {
	var ties []int
	if l.Weight >= 0 && mode != Activation {
		ties = append(ties, m.Quantizers[l.Weight].Tie)
	}
	if mode != Weight {
		for _, a := range l.Activations {
			ties = append(ties, m.Quantizers[a].Tie)
		}
	}
	slices.Sort(ties)
	return slices.Compact(ties)
}
