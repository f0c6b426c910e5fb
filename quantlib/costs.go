package quantlib

import (
	"context"
	"errors"
	"fmt"
)

// Costs is what a plan costs, for one sample of the study's data.
type Costs struct {
	Bytes              int     // of the weights, see plan.Plan.Bytes
	MeanWeightBits     float64 // over all weights
	MeanActivationBits float64 // over all activations that have a quantizer, by their elements
	BOPs               int64   // Σ MACs·bits·bits, see plan.Plan.BOPs
	Seconds            float64 // predicted; 0 where the study's Profile has no figures, or none for all units at these widths
}

// Costs is what a plan costs. It runs nothing but one sample, once, for the shapes.
func (s *Study) Costs(ctx context.Context, pl Plan) (Costs, error) {
	p, err := s.parts()
	if err != nil {
		return Costs{}, err
	}
	if pl.Map() != p.m {
		return Costs{}, errors.New("quantlib: the plan is of another model or profile than the study's")
	}
	w, err := s.workload(ctx, p)
	if err != nil {
		return Costs{}, err
	}
	width := func(tie int) int { return pl.Tie(tie).Width() }
	c := Costs{
		Bytes:              pl.Bytes(),
		MeanWeightBits:     pl.MeanBits(),
		MeanActivationBits: pl.MeanActivationBits(w.Elements),
		BOPs:               pl.BOPs(w.MACs),
	}
	if w.Known(p.m.Profile, width) {
		c.Seconds = w.Seconds(p.m.Profile, width)
	}
	return c, nil
}

// String is the costs in one line.
func (c Costs) String() string {
	text := fmt.Sprintf("%d bytes, %.2f bits a weight, %.2f bits an activation, %.4g BOPs",
		c.Bytes, c.MeanWeightBits, c.MeanActivationBits, float64(c.BOPs))
	if c.Seconds > 0 {
		text += fmt.Sprintf(", %.4g ms", 1e3*c.Seconds)
	}
	return text
}
