package main

import (
	"fmt"
	"slices"

	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/sense"
)

// uniformBeside is the plan to compare with, and its name: that of -against, the one
// that -raise began with, or the uniform plan of least predicted noise that is within
// the limits and, where only noise is limited, costs no more than c in what was
// minimized. If there is none it is the smallest, and the name says so.
func (a *analysis) uniformBeside(w *wish, c *sense.Choice) (quantlib.Plan, string, error) {
	most := slices.Max(w.activations)
	if w.against != 0 {
		p, err := a.study.Uniform(w.against, most)
		return p, uniformName(w.against, most), err
	}
	if w.raise >= 0 {
		p, err := a.study.Uniform(w.low, w.low)
		return p, uniformName(w.low, w.low), err
	}
	var best, least *sense.Choice
	var name, leastName string
	var last error
	for _, b := range w.weights {
		for _, act := range w.activations {
			p, err := a.study.Uniform(b, act)
			if err != nil {
				last = err // a width that the device lacks
				continue
			}
			u, err := a.table.Describe(p, quantlib.Plan{})
			if err != nil {
				return quantlib.Plan{}, "", err
			}
			if least == nil || u.Bytes < least.Bytes || u.Bytes == least.Bytes && u.Noise.Mean < least.Noise.Mean {
				least, leastName = &u, uniformName(b, act)
			}
			if w.within(&u, c) && (best == nil || u.Noise.Mean < best.Noise.Mean) {
				best, name = &u, uniformName(b, act)
			}
		}
	}
	switch {
	case best != nil:
		return best.Plan, name, nil
	case least != nil:
		return least.Plan, leastName + " (over the limit)", nil
	}
	return quantlib.Plan{}, "", fmt.Errorf("no uniform plan to compare with: %w", last)
}

// within tells whether u keeps the limits on costs and, where none is given, costs
// no more than c in what is minimized.
func (w *wish) within(u, c *sense.Choice) bool {
	l := w.quantLimits()
	l.Noise = 0
	if l != (quantlib.Limits{}) {
		return l.Meets(*u)
	}
	i := slices.Index(costNames(), w.minimize)
	return costs[i].of(u) <= costs[i].of(c)
}
