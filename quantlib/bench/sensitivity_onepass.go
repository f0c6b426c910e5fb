package main

import (
	"context"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/sense"
)

// estimates are the one-pass scorers that are measured at 16 widths, by their number
// of probes. Two is what sense.OnePass takes where it is not told.
var estimates = []int{2, 4}

// wayBack is the multiply-adds of a one-pass scorer, over those of a forward pass of
// one sample: that pass, the cotangents of inputs and weights for each probe, and
// the products of errors with cotangents. What makes the errors is not counted, nor
// that nobody asks for the cotangent of an input of the network without a quantizer.
func wayBack(ctx context.Context, o *opened, data calibrate.Samples, probes, widths int) (float64, error) {
	macs, err := sense.MACs(ctx, o.session, o.m, data)
	if err != nil {
		return 0, err
	}
	in, err := data.Batch(0, 1)
	if err != nil {
		return 0, err
	}
	kept, err := o.session.KeepSingle(ctx, in)
	if err != nil {
		return 0, err
	}
	whole, back, elements := 0.0, 0.0, 0.0
	for i, l := range o.m.Layers {
		whole += float64(macs[i])
		back += float64(macs[i])
		if l.Weight >= 0 {
			back += float64(macs[i])
		}
	}
	for _, q := range o.m.Quantizers {
		t := kept.Value(q.Value)
		if t == nil && q.Role == plan.Weight {
			return 0, fmt.Errorf("the weight %q has no value", q.Value)
		}
		if t != nil {
			elements += float64(t.Len())
		}
	}
	return 1 + float64(probes)*(back+float64(widths)*elements)/whole, nil
}
