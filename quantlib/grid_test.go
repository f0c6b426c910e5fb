package quantlib_test

import (
	"context"
	"math"
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
	m, err := demoModel(t).Map()
	if err != nil {
		t.Fatal(err)
	}
	s, err := exec.New(m.Graph, exec.Options{Threads: threads, Visible: m.Activations()})
	if err != nil {
		t.Fatal(err)
	}
	data := demoImages(demo.Calibration(), 48)
	st, err := calibrate.Collect(context.Background(), s, m, data, calibrate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := sense.Sweep(context.Background(), s, st, data, c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// sameCells compares grids by their bits; NaN equals itself.
func sameCells(t *testing.T, what string, a, b *sense.Grid) {
	t.Helper()
	if len(a.Cells) != len(b.Cells) || len(a.Cells) == 0 {
		t.Fatalf("%s: %d and %d cells", what, len(a.Cells), len(b.Cells))
	}
	bits := func(c sense.Cell) (list []uint64) {
		for _, m := range []sense.Measure{c.NSR, c.Cosine, c.MSE, c.Agreement} {
			list = append(list, math.Float64bits(m.Mean), math.Float64bits(m.StdErr))
		}
		return list
	}
	bad := 0
	for i := range a.Cells {
		x, y := bits(a.Cells[i]), bits(b.Cells[i])
		for k := range x {
			if x[k] != y[k] || a.Cells[i].Valid != b.Cells[i].Valid {
				if bad++; bad <= 3 {
					t.Errorf("%s: cell %d is %+v and %+v", what, i, a.Cells[i], b.Cells[i])
				}
				break
			}
		}
	}
	if bad > 3 {
		t.Errorf("%s: %d of %d cells differ", what, bad, len(a.Cells))
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
	for _, threads := range []int{2, 8} {
		sameCells(t, "threads", one, sweep(t, threads, c))
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
