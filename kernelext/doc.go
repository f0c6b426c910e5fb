// Package nb shows things in a Go notebook.
//
//	nb.Show(fig)                       // pictures, tables, errors, reports
//	q.Config{Progress: nb.Progress("calibrating")}
//	nb.Flipbook([]int{2, 4, 8}, draw)  // a slider over drawn pictures
//	nb.Interact(nb.Context(), s, plan) // sliders under a plan, measured as they move
//	grid := nb.SoFar(study.Grid(nb.Context())) // what an interrupt leaves
//	r, err := nb.Resident(nb.Context(), s, 64) // a network kept open for all cells
//
// Whatever is shown takes the best form that the notebook has: a picture goes
// out as SVG, PNG and text in one bundle, so that a trusted notebook, an
// untrusted one and a terminal each find theirs. Every call waits until the
// notebook has taken the output, so nothing is lost when a cell ends at once.
// Outside a notebook the same calls print text.
//
// A cell is a program of its own: what an earlier one has found out comes from the
// store (see Study.NoMemo), and where that is not enough, from a process beside the
// kernel; see [Resident]. A new what-if on a ResNet-50 (102 MB, 4 images, weights
// and activations by least squared error), in seconds of processor time of the
// cell's program and that process, and by the clock, medians of five; on two threads
// of an AMD EPYC (Zen 3) that two to four other programs were using, so that the
// clock is for comparison alone:
//
//	                                    all layers     one layer
//	ranges of weights are searched     7.53   11.9    1.27   2.2
//	ranges of weights are stored       2.17    2.7    1.30   1.8
//	Resident, after the first cell     0.87   0.95    0.26   0.31
//
// Opening costs 0.01, a stored grid 0.07, stored statistics 0.09. The first cell that
// asks a session for this network takes 2.4 of processor time; about half of the 0.87
// are the convolutions of the four images, which run on all threads. Compiling the
// cell comes on top. The session took up to 1.5 GB.
//
// Names from models are data: they are escaped in HTML and SVG, and control
// characters are replaced in text.
package nb
