package sense

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/plan"
)

// Costs of a plan, as the names of what Cheapest and Frontier weigh.
const (
	Bytes              = "bytes"                // of all weights, as Plan.Bytes
	MeanWeightBits     = "mean weight bits"     // as Plan.MeanBits
	MeanActivationBits = "mean activation bits" // over the elements of activations; see Table.On
	BOPs               = "BOPs"                 // Σ MACs·bits_w·bits_a for one sample; float32 counts as 32 bits
	Latency            = "seconds"              // for one sample; see Table.On
)

// floatBits is the width of an operand that is not quantized.
const floatBits = 32

// A Table is a grid made ready to answer what a plan costs and which plan is
// best. It predicts a plan's noise as a sum of what was measured apart:
//
//	noise = Σ over groups of noise(group)
//
// A group is a set of ties that layers have in common, directly or through
// others: the weight of a layer and the activation that flows into it, with all
// other layers that read the same activation. The noise of a group is that of
// its ties quantized alone, added up; where the group is just one layer and its
// operands have equal widths, it is the noise that was measured with both.
// That errors of different tensors add up in power is an assumption, which
// Check tests. Measured along frontiers of {2, 4, 8}-bit weights: within 1.2 dB
// at all sizes on the embedded network; on an 8-layer ResNet for CIFAR-10 within
// 3 dB above 2.4 mean bits, 4 dB off with all at 2, where noise is as strong as
// the signal. A plan that wins by less than that in prediction should be measured
// before it is believed.
//
// A Table is read-only and safe for concurrent use.
type Table struct {
	grid   *Grid
	m      *plan.Map
	macs   []int64
	groups []group
	alone  [][]Measure // noise of a tie alone, by tie, then width of the grid; nil where there is none
	params []int       // weights, by tie
	total  int         // weights of the network

	factor []float64 // of the noise of each tie; nil means 1. See Correct

	work     *Workload         // nil without shapes
	device   *hardware.Profile // whose latency counts
	elements int64             // of activations
}

// group is ties coupled through layers.
type group struct {
	name    string
	weights []int // ties
	acts    []int // ties
	layers  []int
}

// NewTable makes a table of a grid. macs is the multiply-accumulates by layer,
// as MACs counts them; without (nil), questions about BOPs are errors. A grid
// that was read without its network (see RestoreGrid) is an error.
func NewTable(g *Grid, macs []int64) (*Table, error) {
	if g.m == nil {
		return nil, errors.New("sense: the grid does not know its network")
	}
	if g.Disable {
		return nil, fmt.Errorf("sense: a table needs the noise of each tie alone, not that of all others (%s)", g.Scorer)
	}
	if g.Whole {
		return nil, fmt.Errorf("sense: a table needs the noise of each tie alone, not only of whole layers (%s)", g.Scorer)
	}
	if macs != nil && len(macs) != len(g.Layers) {
		return nil, fmt.Errorf("sense: multiply-accumulates of %d layers for a grid of %d", len(macs), len(g.Layers))
	}
	t := &Table{grid: g, m: g.m, macs: macs}
	t.couple()
	t.measureTies()
	t.params = make([]int, len(t.m.Ties))
	for _, q := range t.m.Quantizers {
		if q.Role == plan.Weight {
			t.params[q.Tie] += int(product(q.Shape))
			t.total += int(product(q.Shape))
		}
	}
	return t, nil
}

// Grid is what the table was made of.
func (t *Table) Grid() *Grid { return t.grid }

// couple finds the groups: connected sets of ties.
func (t *Table) couple() {
	root := make([]int, len(t.m.Ties))
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			i = root[i]
		}
		return i
	}
	for _, l := range t.m.Layers {
		ties := layerTies(t.m, l, Both)
		for _, b := range ties[1:] {
			x, y := find(ties[0]), find(b)
			root[max(x, y)] = min(x, y)
		}
	}
	place := map[int]int{}
	for i, tie := range t.m.Ties {
		r := find(i)
		k, ok := place[r]
		if !ok {
			k = len(t.groups)
			place[r] = k
			t.groups = append(t.groups, group{})
		}
		g := &t.groups[k]
		if tie.Role == plan.Weight {
			g.weights = append(g.weights, i)
		} else {
			g.acts = append(g.acts, i)
		}
	}
	for i, l := range t.m.Layers {
		g := &t.groups[place[find(layerTies(t.m, l, Both)[0])]]
		g.layers = append(g.layers, i)
		if len(g.layers) > 1 {
			g.name += " + "
		}
		g.name += l.Name
	}
}

// measureTies takes the noise of each tie alone from the grid.
func (t *Table) measureTies() {
	t.alone = make([][]Measure, len(t.m.Ties))
	for _, l := range t.m.Layers {
		for _, tie := range layerTies(t.m, l, Both) {
			if t.alone[tie] != nil {
				continue
			}
			for _, bits := range t.grid.Widths {
				c := t.grid.Tie(tie, bits)
				if !c.Valid { // the device has no such width there
					c.NSR = Measure{math.NaN(), math.NaN()}
				}
				t.alone[tie] = append(t.alone[tie], c.NSR)
			}
		}
	}
}

// tieNoise is the noise of a tie alone, times its factor; none in float32. A width
// is the grid's, or 0.
func (t *Table) tieNoise(tie, bits int) Measure {
	if bits == 0 || t.alone[tie] == nil {
		return Measure{}
	}
	n := t.alone[tie][slices.Index(t.grid.Widths, bits)]
	if t.factor != nil {
		n.Mean *= t.factor[tie]
		n.StdErr *= t.factor[tie]
	}
	return n
}

// noise is what a group adds with the widths that at gives its ties. Widths must
// be the grid's, or 0. Standard errors are added up, which bounds that of the
// sum however much the terms depend on each other.
func (t *Table) noise(g *group, at func(tie int) int) Measure {
	var sum Measure
	plain := 0.0
	for _, ties := range [][]int{g.weights, g.acts} {
		for _, tie := range ties {
			if bits := at(tie); bits != 0 {
				n := t.tieNoise(tie, bits)
				sum.Mean += n.Mean
				sum.StdErr += n.StdErr
				plain += t.alone[tie][slices.Index(t.grid.Widths, bits)].Mean
			}
		}
	}
	if len(g.layers) != 1 {
		return sum
	}
	bits, equal := -1, true
	for _, ties := range [][]int{g.weights, g.acts} {
		for _, tie := range ties {
			equal = equal && (bits < 0 || bits == at(tie))
			bits = at(tie)
		}
	}
	if w := slices.Index(t.grid.Widths, bits); equal && w >= 0 {
		n := t.grid.Cells[t.grid.index(g.layers[0], w, Both)].NSR
		if t.factor != nil && plain > 0 {
			n.Mean *= sum.Mean / plain
			n.StdErr *= sum.Mean / plain
		}
		return n
	}
	return sum
}

// tieBytes is the storage of a weight tie, as Plan.Bytes counts it.
func (t *Table) tieBytes(tie, bits int) float64 {
	sum := 0
	for _, k := range t.m.Ties[tie].Members {
		sum += (int(product(t.m.Quantizers[k].Shape))*bits + 7) / 8
	}
	return float64(sum)
}

// layerBOPs is MACs·bits·bits of a layer's two operands.
func (t *Table) layerBOPs(layer int, at func(tie int) int) float64 {
	l := t.m.Layers[layer]
	bits, operands := float64(t.macs[layer]), 0
	count := func(k int) {
		bits *= float64(width(at(t.m.Quantizers[k].Tie)))
		operands++
	}
	if l.Weight >= 0 {
		count(l.Weight)
	}
	for _, a := range l.Activations {
		count(a)
	}
	for ; operands < 2; operands++ {
		bits *= floatBits
	}
	return bits
}

func width(bits int) int {
	if bits == 0 {
		return floatBits
	}
	return bits
}

// widths is the width of each tie under a plan. Formats that the grid has not
// measured are an error.
func (t *Table) widths(p plan.Plan) ([]int, error) {
	if p.Map() != t.m {
		return nil, errors.New("sense: the plan is of another network than the grid")
	}
	bits := make([]int, len(t.m.Ties))
	for i, tie := range t.m.Ties {
		s := p.Tie(i)
		if s.IsFloat32() {
			continue
		}
		bits[i] = s.Width()
		if t.alone[i] == nil || !slices.Contains(t.grid.Widths, bits[i]) || s != schemeOf(t.m, i, bits[i]) {
			return nil, fmt.Errorf("sense: %v of %q: the grid has not measured %v; its widths are %v", tie.Role, tie.Name, s, t.grid.Widths)
		}
	}
	return bits, nil
}

// Predict is the noise-to-signal power that the table expects of a plan, with a
// bound of its standard error. A plan with a format that the grid has not
// measured is an error.
func (t *Table) Predict(p plan.Plan) (Measure, error) {
	bits, err := t.widths(p)
	if err != nil {
		return Measure{}, err
	}
	var sum Measure
	for i := range t.groups {
		n := t.noise(&t.groups[i], func(tie int) int { return bits[tie] })
		sum.Mean += n.Mean
		sum.StdErr += n.StdErr
	}
	return sum, nil
}

// BOPs is the bit operations of a plan for one sample, Σ MACs·bits_w·bits_a; NaN
// without MACs. It panics if the plan is of another network.
func (t *Table) BOPs(p plan.Plan) float64 {
	t.own(p)
	if t.macs == nil {
		return math.NaN()
	}
	sum := 0.0
	for i := range t.m.Layers {
		sum += t.layerBOPs(i, func(tie int) int { return p.Tie(tie).Width() })
	}
	return sum
}

// planOf is the plan that gives each tie a width.
func (t *Table) planOf(bits []int) plan.Plan {
	p := t.m.Float()
	for i, b := range bits {
		if b != 0 {
			p = p.WithTie(i, schemeOf(t.m, i, b))
		}
	}
	return p
}

// A Choice is a plan and what it costs.
type Choice struct {
	Plan           plan.Plan
	Diff           string  // to the plan before, one line for each layer that changes; see Plan.Diff
	Bytes          int     // of the weights
	MeanBits       float64 // of the weights
	ActivationBits float64 // mean over the elements of activations; NaN without shapes
	BOPs           float64 // for one sample; NaN without MACs
	Seconds        float64 // for one sample; NaN without a device, 0 where it has no figures
	Noise          Measure // predicted noise-to-signal power at the output
	Merit          string  // what Noise is instead, of a grid that does not speak of noise; see Grid.Merit
	// Gap is 0 if no plan within the limits is better, by prediction. Otherwise the
	// search was ended, and none is better by more than this part of what was made
	// small: it happens with hundreds of ties under several limits.
	Gap float64
}

// SQNR is the predicted one, in dB.
func (c Choice) SQNR() float64 { return -10 * math.Log10(c.Noise.Mean) }

// String is the costs, then the diff.
func (c Choice) String() string {
	ops := ""
	if !math.IsNaN(c.BOPs) {
		ops = fmt.Sprintf(", %.4g BOPs", c.BOPs)
	}
	if c.Seconds > 0 {
		ops += fmt.Sprintf(", %.4g ms", 1e3*c.Seconds)
	}
	gap := ""
	if c.Gap > 0 {
		gap = fmt.Sprintf(" (the search was ended: no plan is better by more than %.2g %%)", 100*c.Gap)
	}
	return fmt.Sprintf("%d bytes, %.2f bits a weight%s, %s%s\n%s", c.Bytes, c.MeanBits, ops, c.Quality(), gap, c.Diff)
}

// Quality is the predicted SQNR in words, or what the grid has instead.
func (c Choice) Quality() string {
	if c.Merit != "" {
		return fmt.Sprintf("%s %.4g", c.Merit, c.Noise.Mean)
	}
	return fmt.Sprintf("predicted SQNR %.1f dB", c.SQNR())
}

// Describe says what a plan costs and how it differs from the plan before; the
// zero Plan stands for the float one. A plan that the grid cannot predict is an
// error.
func (t *Table) Describe(p, before plan.Plan) (Choice, error) {
	if before.Map() == nil {
		before = t.m.Float()
	}
	if before.Map() != t.m {
		return Choice{}, errors.New("sense: the plan before is of another network than the grid")
	}
	n, err := t.Predict(p)
	if err != nil {
		return Choice{}, err
	}
	return Choice{
		Plan: p, Diff: p.Diff(before), Bytes: p.Bytes(), MeanBits: p.MeanBits(), ActivationBits: t.MeanActivationBits(p),
		BOPs: t.BOPs(p), Seconds: t.Latency(p), Noise: n, Merit: t.grid.Merit,
	}, nil
}
