package sense

import (
	"context"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
)

// A Scorer fills a grid: it says of every tie and width how much noise it adds,
// by measuring, as Exact does, or by an estimate. Scorers are values with a
// useful zero; their grids have the same layers, widths, modes and ties, and so
// can be ranked, compared and made into plans alike.
type Scorer interface {
	// Score makes the grid. Stopping ctx stops the work; the error wraps
	// ctx.Err. The result has the same bits on any number of threads.
	Score(ctx context.Context, s Subject, c Config) (*Grid, error)
	// Key names the scorer with all its settings: equal keys, subjects and
	// configurations give equal bits. It is what a grid's Scorer says.
	Key() string
}

// A Subject is what a scorer measures: a network made ready to run, what is
// known of its activations, and samples. Data that is calibrate.Labeled adds
// task loss and accuracy.
type Subject struct {
	Session *exec.Session
	Stats   *calibrate.Stats
	Data    calibrate.Samples
}

// Exact measures every cell.
type Exact struct {
	// DisableOne quantizes everything at the cell's width but the tie (or, in the
	// layers' cells, the layer's ties of that mode), which stays in float32: the
	// cell says what is left of the noise without it. The zero value quantizes
	// the tie alone.
	DisableOne bool
	// Whole measures layers as wholes, weight and activations at once, and nothing
	// else: a third of the work where the question is which layers suffer. A table,
	// and so a plan, needs the noise of each tie alone and can't be made of it.
	Whole bool
}

// Key implements Scorer.
func (e Exact) Key() string {
	key := "exact"
	if e.DisableOne {
		key += ", disable one"
	}
	if e.Whole {
		key += ", whole layers"
	}
	return key
}
