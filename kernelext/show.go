package nb

import (
	"fmt"

	"gonum.org/v1/plot/vg/draw"

	"github.com/quantnb/quantnb/kernelext/chart"
)

// Show displays values below the cell, one after the other, each in the best
// form that the notebook has:
//
//   - a [chart.Figure]: a picture (SVG, PNG) with its numbers as text
//   - a gonum plot, or anything with Draw(draw.Canvas)
//   - an [image.Image]
//   - a [Table], or [][]string whose first row is the head
//   - anything with MIMEBundle() map[string]any, as quantlib's reports have
//   - [HTML] and [Markdown]
//   - an error: its message in a box; it does not stop the cell
//   - everything else as text: String() where there is one
//
// Outside a notebook Show prints the text to standard output.
func Show(x ...any) {
	for _, v := range x {
		if figs, ok := v.([]*chart.Figure); ok {
			for _, f := range figs {
				deliver(bundleOf(f))
			}
			continue
		}
		deliver(bundleOf(v))
	}
}

// Save writes a figure, a gonum plot, or a value that Show draws as a figure to
// a file; the name's end (.png, .svg, .pdf) chooses the format. The size is in
// pixels of 1/96 inch; a side of 0 takes the natural size or follows from the
// other side.
func Save(path string, x any, width, height float64) error {
	for _, adapt := range adapters {
		if y, ok := adapt(x); ok {
			x = y
			break
		}
	}
	switch x := x.(type) {
	case *chart.Figure:
		if x != nil {
			return x.Save(path, width, height)
		}
	case interface{ Draw(draw.Canvas) }:
		return chart.FromPlot(x, width, height, "").Save(path, width, height)
	}
	return fmt.Errorf("nb: save %s: %T is not a figure", path, x)
}
