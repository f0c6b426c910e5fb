package quantlib

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/quantnb/quantnb/quantlib/hardware"
)

// defaultSamples is how many Grid measures on where a Study does not say.
const defaultSamples = 64

// String tells of the samples in a line: how many, their shape, what is done to the
// bytes, and whether they have labels.
func (m Images) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d samples of shape %v", m.Len(), m.Shape)
	value := "byte"
	if m.Divide != 0 && m.Divide != 1 {
		value = fmt.Sprintf("byte/%g", m.Divide)
	}
	if m.Mean != nil {
		value = fmt.Sprintf("%s − %v", value, m.Mean)
	}
	if m.Std != nil {
		value = fmt.Sprintf("(%s)/%v", value, m.Std)
	}
	if value != "byte" {
		fmt.Fprintf(&b, ", %s", value)
	}
	if m.Labels != nil {
		b.WriteString(", with labels")
	}
	return b.String()
}

// String tells of the model, the data and the settings, a line for each; those that
// are left to their defaults say what these are.
func (s *Study) String() string {
	if s.Model == nil {
		return "a study without a model\n"
	}
	var b strings.Builder
	b.WriteString(s.Model.String())
	samples := func(what string, d Samples, none string) {
		text := none
		switch d := d.(type) {
		case nil:
		case fmt.Stringer:
			text = d.String()
		default:
			text = fmt.Sprintf("%d samples (%T)", d.Len(), d)
		}
		fmt.Fprintf(&b, "%-12s %s\n", what, text)
	}
	samples("calibration", s.Calibration, "none")
	samples("test", s.Test, "the calibration samples")
	profile := hardware.Simulation()
	if s.Profile != nil {
		profile = s.Profile
	}
	scorer := "exact"
	if s.Scorer != nil {
		scorer = s.Scorer.Key()
	}
	fmt.Fprintf(&b, "%-12s %v\n%-12s %s\n%-12s %s, on at most %d samples\n", "ranges", s.Methods, "profile", profile.Name,
		"noise", scorer, cmp.Or(s.Samples, defaultSamples))
	return b.String()
}
