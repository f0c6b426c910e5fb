package chart

import "fmt"

// WidthData describes the widths of a plan.
type WidthData struct {
	Title, Subtitle string
	Labels          []string
	Weight          []int // bits; 0 where a layer has no such tensor
	Activation      []int // bits, or nil
}

// WidthBars draws the bits of each layer's weights and activations, in the
// order of the network. A layer that stays in float is given 32 bits.
//
// It panics if Weight, or Activation if there is any, has not one width per
// label.
func WidthBars(d WidthData) *Figure {
	b := BarData{Title: d.Title, Subtitle: d.Subtitle, Labels: d.Labels, Name: "width", Unit: "bits", Digits: -1, Max: 8}
	add := func(name string, bits []int) {
		if len(bits) != len(d.Labels) {
			panic(fmt.Sprintf("chart: WidthBars: %d %s widths for %d labels", len(bits), name, len(d.Labels)))
		}
		s := Series{Name: name}
		for _, v := range bits {
			if v == 0 {
				s.Values = append(s.Values, notANumber)
				continue
			}
			s.Values = append(s.Values, float64(v))
		}
		b.Series = append(b.Series, s)
	}
	add("weights", d.Weight)
	if d.Activation != nil {
		add("activations", d.Activation)
	}
	return Bars(b)
}
