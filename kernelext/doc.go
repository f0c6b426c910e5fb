// Package nb shows things in a Go notebook.
//
//	nb.Show(fig)                       // pictures, tables, errors, reports
//	q.Config{Progress: nb.Progress("calibrating")}
//	nb.Flipbook([]int{2, 4, 8}, draw)  // a slider over drawn pictures
//	nb.Interact(nb.Context(), s, plan) // sliders under a plan, measured as they move
//	grid := nb.SoFar(study.Grid(nb.Context())) // what an interrupt leaves
//
// Whatever is shown takes the best form that the notebook has: a picture goes
// out as SVG, PNG and text in one bundle, so that a trusted notebook, an
// untrusted one and a terminal each find theirs. Every call waits until the
// notebook has taken the output, so nothing is lost when a cell ends at once.
// Outside a notebook the same calls print text.
//
// Names from models are data: they are escaped in HTML and SVG, and control
// characters are replaced in text.
package nb
