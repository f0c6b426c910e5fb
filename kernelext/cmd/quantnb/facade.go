package main

import (
	"context"

	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/sense"
)

// tableOf is the grid that a scorer makes, ready to be asked.
func tableOf(ctx context.Context, s *quantlib.Study, scorer string, bits []int) (*sense.Table, error) {
	return s.Table(ctx, bits...)
}

// checkOf measures plans along the frontier of a space.
func checkOf(ctx context.Context, s *quantlib.Study, t *sense.Table, sp quantlib.Space) (*quantlib.Checked, error) {
	return s.Check(ctx, sp, quantlib.Bytes)
}

// costNames are what -minimize takes.
func costNames() []string { return []string{quantlib.Bytes, "mean-bits", "bops"} }

// costOf is quantlib's name of a cost.
func costOf(name string) string {
	switch name {
	case "mean-bits":
		return quantlib.MeanWeightBits
	case "bops":
		return quantlib.BOPs
	}
	return name
}

// quantLimits is the limits as quantlib takes them.
func (w *wish) quantLimits() quantlib.Limits {
	return quantlib.Limits{Bytes: w.bytes, MeanWeightBits: w.meanBits, BOPs: w.bops, Noise: w.noise}
}
