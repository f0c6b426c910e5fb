package setup

import (
	"strings"
	"testing"
	"time"
)

const interruptImports = `import (
	"flag"
	"fmt"

	nb "github.com/quantnb/quantnb/kernelext"
	"github.com/quantnb/quantnb/notebooks/demo"
	q "github.com/quantnb/quantnb/quantlib"
)`

// interruptCell measures a grid that takes many seconds.
const interruptCell = `%%
shape, data := []int{1, 28, 28}, demo.Calibration()
study := &q.Study{
	Model:       q.Must(q.Decode(demo.Model())),
	Calibration: q.Images{Pixels: data.Pixels, Shape: shape, Divide: 255},
	Samples:     128,
}
fmt.Println("began")
grid := nb.SoFar(study.Grid(nb.Context(), 2, 3, 4, 5, 6, 7, 8))
n := 0
for _, c := range grid.Cells {
	if c.Valid {
		n++
	}
}
fmt.Println("measured", n, "of", len(grid.Cells))
if grid.At(grid.Layers[0], 4, q.Both).Valid {
	fmt.Println("worst:", grid.Worst(4, q.Both))
}`

// mostIdle is the longest time from an interrupt to an idle kernel: far less than
// the analysis would still take. On an idle machine it is 30 to 50 ms, which the
// test logs; with five programs to a processor it was seen to be 930.
const mostIdle = 5 * time.Second

// TestInterrupt stops a long analysis in the real kernel: it returns at once with
// what was measured, and the next run goes on from there.
func TestInterrupt(t *testing.T) {
	in := installed(t)
	t.Setenv("QUANTNB_MEMO", t.TempDir())
	type run struct {
		Status, Text string
		Seconds      float64
	}
	var got struct {
		Idle                  float64
		Stopped, Whole, Again run
	}
	drive(t, in, "interrupt.py", map[string]any{
		"cells": []string{interruptImports}, "long": interruptCell, "after": 2.5,
	}, &got)
	t.Logf("idle %.0f ms after the interrupt; the stopped run took %.1f s, the next %.1f s, the one after %.2f s",
		1e3*got.Idle, got.Stopped.Seconds, got.Whole.Seconds, got.Again.Seconds)
	t.Logf("stopped: %q", got.Stopped.Text)
	t.Logf("whole: %q", got.Whole.Text)
	if got.Idle > mostIdle.Seconds() {
		t.Errorf("the kernel is idle %.0f ms after the interrupt, want at most %v", 1e3*got.Idle, mostIdle)
	}
	for _, r := range []run{got.Stopped, got.Whole, got.Again} {
		if r.Status != "ok" {
			t.Errorf("a run ends with %q: %q", r.Status, r.Text)
		}
	}
	if s := got.Stopped.Text; !strings.Contains(s, "Interrupted: what follows") || strings.Contains(s, "measured 0 of") || !strings.Contains(s, "measured ") {
		t.Errorf("the stopped run says %q", s)
	}
	if strings.Contains(got.Whole.Text, "Interrupted") || got.Whole.Text != got.Again.Text {
		t.Errorf("the next run says %q, and once more %q", got.Whole.Text, got.Again.Text)
	}
}
