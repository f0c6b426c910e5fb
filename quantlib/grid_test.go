package quantlib_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/sense"
)

// sweep measures a small grid of the embedded model.
func sweep(t *testing.T, threads int, c sense.Config) *sense.Grid {
	t.Helper()
	return scoreWith(t, sense.Exact{}, threads, c)
}

func scoreWith(t *testing.T, scorer sense.Scorer, threads int, c sense.Config) *sense.Grid {
	t.Helper()
	m, err := demoModel(t).Map()
	if err != nil {
		t.Fatal(err)
	}
	s, err := exec.New(m.Graph, exec.Options{Threads: threads, Visible: m.Activations()})
	if err != nil {
		t.Fatal(err)
	}
	data := demoImages(demo.Calibration(), samples(48))
	c.Samples = min(c.Samples, data.Len())
	st, err := calibrate.Collect(context.Background(), s, m, data, calibrate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := scorer.Score(context.Background(), sense.Subject{Session: s, Stats: st, Data: bound{data, m.Graph.Inputs()[0].Name}}, c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// bound is images under the network's name for its input, with their labels.
type bound struct {
	quantlib.Images
	input string
}

func (b bound) Batch(lo, hi int) (exec.Values, error) {
	v, err := b.Images.Batch(lo, hi)
	return exec.Values{b.input: v[b.Input]}, err
}

func (b bound) Label(i int) int { return int(b.Labels[i]) }

// sameCells compares grids by their bits; NaN equals itself.
func sameCells(t *testing.T, what string, a, b *sense.Grid) {
	t.Helper()
	if len(a.Cells) != len(b.Cells) || len(a.Cells) == 0 {
		t.Fatalf("%s: %d and %d cells", what, len(a.Cells), len(b.Cells))
	}
	bits := func(c sense.Cell) (list []uint64) {
		for _, m := range []sense.Measure{c.NSR, c.Cosine, c.MSE, c.Agreement, c.Loss, c.Rise, c.Top1} {
			list = append(list, math.Float64bits(m.Mean), math.Float64bits(m.StdErr))
		}
		return append(list, uint64(c.Samples))
	}
	bad := 0
	listA, listB := append(append(slices.Clone(a.Cells), a.TieCells...), a.Float), append(append(slices.Clone(b.Cells), b.TieCells...), b.Float)
	if len(listA) != len(listB) || len(a.TieCells) == 0 {
		t.Fatalf("%s: %d and %d cells", what, len(listA), len(listB))
	}
	for i := range listA {
		x, y := bits(listA[i]), bits(listB[i])
		for k := range x {
			if x[k] != y[k] || listA[i].Valid != listB[i].Valid {
				if bad++; bad <= 3 {
					t.Errorf("%s: cell %d is %+v and %+v", what, i, listA[i], listB[i])
				}
				break
			}
		}
	}
	if bad > 3 {
		t.Errorf("%s: %d of %d cells differ", what, bad, len(listA))
	}
	same32 := func(x, y []float32) bool {
		return slices.EqualFunc(x, y, func(p, q float32) bool { return math.Float32bits(p) == math.Float32bits(q) })
	}
	if !same32(a.NSRs, b.NSRs) || !same32(a.Rises, b.Rises) || !slices.Equal(a.Right, b.Right) || !slices.Equal(a.Row, b.Row) {
		t.Errorf("%s: single samples differ", what)
	}
}

func TestGridEqualsNaiveRunBitForBit(t *testing.T) {
	c := sense.Config{Widths: []int{2, 4, 8}, Samples: 6, Batch: 4} // the last batch is smaller
	fast := sweep(t, 2, c)
	c.Naive = true
	naive := sweep(t, 2, c)
	sameCells(t, "re-run and whole run", fast, naive)
	if fast.Calls >= naive.Calls || naive.Calls != naive.Full || fast.Full != naive.Full {
		t.Errorf("%d of %d calls re-run, naive %d of %d", fast.Calls, fast.Full, naive.Calls, naive.Full)
	}
	noisy := 0
	for _, cell := range fast.Cells {
		if cell.Valid && cell.NSR.Mean > 0 {
			noisy++
		}
	}
	if noisy < len(fast.Cells)*9/10 {
		t.Errorf("only %d of %d cells have noise", noisy, len(fast.Cells))
	}
}

func TestThreadsDoNotChangeTheGrid(t *testing.T) {
	c := sense.Config{Widths: []int{3, 8}, Samples: 20}
	one := sweep(t, 1, c)
	for _, threads := range threads(2, 8) {
		sameCells(t, "threads", one, sweep(t, threads, c))
	}
}

func TestAllButOneEqualsNaiveRunBitForBit(t *testing.T) {
	notShort(t)
	c := sense.Config{Widths: []int{3, 8}, Samples: 6, Batch: 4}
	all := sense.Exact{DisableOne: true}
	fast := scoreWith(t, all, 2, c)
	for _, threads := range threads(1, 8) {
		sameCells(t, "threads", fast, scoreWith(t, all, threads, c))
	}
	c.Naive = true
	naive := scoreWith(t, all, 2, c)
	sameCells(t, "re-run and whole run", fast, naive)
	if fast.Calls >= naive.Calls || naive.Calls != naive.Full || fast.Full != naive.Full {
		t.Errorf("%d of %d calls re-run, naive %d of %d", fast.Calls, fast.Full, naive.Calls, naive.Full)
	}
	if quick() {
		return // few samples do not tell which layer is loudest
	}
	// At 8 bits a layer in float32 takes noise away; which layer helps most is for
	// the most part the one that adds most alone.
	one := sweep(t, 2, sense.Config{Widths: []int{8}, Samples: 48})
	without := scoreWith(t, all, 2, sense.Config{Widths: []int{8}, Samples: 48})
	loud, best := one.Worst(8, sense.Both)[0], ""
	for _, l := range without.Layers {
		if best == "" || without.At(l, 8, sense.Both).NSR.Mean < without.At(best, 8, sense.Both).NSR.Mean {
			best = l
		}
	}
	if loud != best {
		t.Errorf("layer %s adds most noise alone, but leaving %s out helps most", loud, best)
	}
}

func TestWholeLayersAreTheSameCellsForAThirdOfTheWork(t *testing.T) {
	c := sense.Config{Widths: []int{3, 8}, Samples: 20}
	for _, disable := range []bool{false, true} {
		all, whole := scoreWith(t, sense.Exact{DisableOne: disable}, 2, c), scoreWith(t, sense.Exact{DisableOne: disable, Whole: true}, 2, c)
		for _, l := range all.Layers {
			for _, bits := range c.Widths {
				if a, b := all.At(l, bits, sense.Both), whole.At(l, bits, sense.Both); a != b {
					t.Errorf("%s at %d bits: %+v among all cells, %+v among whole layers", l, bits, a, b)
				}
				if whole.At(l, bits, sense.Weight).Valid {
					t.Errorf("%s at %d bits: a cell of the weight alone", l, bits)
				}
			}
		}
		if whole.Calls*2 > all.Calls {
			t.Errorf("%d calls, not a third of %d", whole.Calls, all.Calls)
		}
		if _, err := sense.NewTable(whole, nil); err == nil {
			t.Error("a table of whole layers is no error")
		}
	}
}

func TestCellsHaveTaskLossAndPairedDifferences(t *testing.T) {
	g := sweep(t, 2, sense.Config{Widths: []int{2, 8}, Samples: 48})
	if !g.Labeled || !(g.Float.Loss.Mean > 0) || g.Float.Rise.Mean != 0 || g.Float.NSR.Mean != 0 || g.Float.Top1.Mean < 0.7 {
		t.Fatalf("float: %+v", g.Float)
	}
	for _, l := range g.Layers {
		c := g.At(l, 2, sense.Both)
		if d := c.Loss.Mean - g.Float.Loss.Mean - c.Rise.Mean; math.Abs(d) > 1e-12 {
			t.Errorf("%s: the loss lies %g above float, the rise is %g", l, c.Loss.Mean-g.Float.Loss.Mean, c.Rise.Mean)
		}
		a, b := sense.Place{Layer: l, Bits: 2, Mode: sense.Weight}, sense.Place{Layer: l, Bits: 8, Mode: sense.Weight}
		d, err := g.Compare(a, b)
		if err != nil {
			t.Fatal(err)
		}
		x, y := g.At(l, 2, sense.Weight), g.At(l, 8, sense.Weight)
		if want := x.NSR.Mean - y.NSR.Mean; math.Abs(d.NSR.Mean-want) > 1e-6*math.Abs(want) {
			t.Errorf("%s: paired difference %g, of means %g", l, d.NSR.Mean, want)
		}
		if want := x.Top1.Mean - y.Top1.Mean; math.Abs(d.Top1.Mean-want) > 1e-12 {
			t.Errorf("%s: paired difference of top-1 %g, of means %g", l, d.Top1.Mean, want)
		}
		if d, err := g.Compare(a, a); err != nil || d.NSR.Mean != 0 || d.NSR.StdErr != 0 {
			t.Errorf("%s: differs from itself by %+v, %v", l, d, err)
		}
	}
	// The error of a difference is that of pairs: by hand for one.
	layer := g.Layers[1]
	d, _ := g.Compare(sense.Place{Layer: layer, Bits: 2, Mode: sense.Both}, sense.Place{Layer: layer, Bits: 8, Mode: sense.Both})
	at := func(w int) []float32 {
		r := int(g.Row[(1*len(g.Widths)+w)*3+int(sense.Both)])
		return g.NSRs[r*g.Samples : (r+1)*g.Samples]
	}
	var mean, square float64
	for i := range g.Samples {
		mean += (float64(at(0)[i]) - float64(at(1)[i])) / float64(g.Samples)
	}
	for i := range g.Samples {
		v := float64(at(0)[i]) - float64(at(1)[i]) - mean
		square += v * v
	}
	want := math.Sqrt(square / float64(g.Samples-1) / float64(g.Samples))
	if math.Abs(d.NSR.StdErr-want) > 1e-9*want {
		t.Errorf("standard error %g, by hand %g", d.NSR.StdErr, want)
	}
}

func TestGridGrowsQuieterWithWidth(t *testing.T) {
	s := newStudy(t, 64, 10)
	s.Samples = 16
	g, err := s.Grid(context.Background(), 8, 4, 8, 16)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Widths) != 3 || g.Widths[0] != 4 || g.Widths[2] != 16 {
		t.Fatalf("widths %v, want them once each, ascending", g.Widths)
	}
	for _, layer := range g.Layers {
		for _, mode := range []quantlib.Mode{quantlib.Weight, quantlib.Activation, quantlib.Both} {
			a, b, c := g.At(layer, 4, mode), g.At(layer, 8, mode), g.At(layer, 16, mode)
			if !a.Valid {
				t.Errorf("%s, %v: nothing was measured", layer, mode)
				continue
			}
			// A step is 16 times finer, 24 dB, with each 4 bits; half of that is
			// left for the network's non-linearity, and above 100 dB float32 itself
			// is what is heard: 8 bits hold the pixels exactly.
			if b.SQNR() < a.SQNR()+12 || c.SQNR() < min(b.SQNR()+24, 100) {
				t.Errorf("%s, %v: %.1f dB at 4 bits, %.1f at 8, %.1f at 16", layer, mode, a.SQNR(), b.SQNR(), c.SQNR())
			}
		}
	}
	if worst := g.Worst(4, quantlib.Both); len(worst) != len(g.Layers) ||
		g.At(worst[0], 4, quantlib.Both).SQNR() > g.At(worst[len(worst)-1], 4, quantlib.Both).SQNR() {
		t.Errorf("Worst gives %v", worst)
	}
}

func TestWorstOfAnUnfinishedGrid(t *testing.T) {
	cell := func(noise float64) quantlib.Cell { return quantlib.Cell{NSR: sense.Measure{Mean: noise}, Valid: true} }
	none := quantlib.Cell{}
	g := &quantlib.Grid{Layers: []string{"a", "b", "c"}, Widths: []int{4, 8}, Cells: []quantlib.Cell{
		none, none, cell(0.1), none, none, none, // a at 4 bits: weight, activation, both; then at 8
		none, none, cell(0.3), none, none, none,
		none, none, none, none, none, none, // not reached
	}}
	if got := g.Worst(4, quantlib.Both); !slices.Equal(got, []string{"b", "a"}) {
		t.Errorf("of the layers that were measured the worst are %v, want b, a", got)
	}
	g.Cells[8] = cell(math.NaN())
	g.Cells[14] = cell(0.2)
	if got := g.Worst(4, quantlib.Both); !slices.Equal(got, []string{"b", "c", "a"}) {
		t.Errorf("with NaN for b the worst are %v, want b, c, a", got)
	}
	defer func() {
		if text := fmt.Sprint(recover()); !strings.Contains(text, "of 3 none has been measured at 8 bits, both") {
			t.Errorf("where nothing is measured Worst panics with %q", text)
		}
	}()
	t.Errorf("where nothing is measured Worst is %v, want a panic that says so", g.Worst(8, quantlib.Both))
}
