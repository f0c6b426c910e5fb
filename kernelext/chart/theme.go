package chart

import (
	"image/color"
	"math"
)

var (
	paper  = color.NRGBA{0xff, 0xff, 0xff, 0xff} // the card
	border = color.NRGBA{0xd0, 0xd7, 0xde, 0xff}
	stripe = color.NRGBA{0xf6, 0xf8, 0xfa, 0xff} // every second row
	rule   = color.NRGBA{0xe1, 0xe4, 0xe8, 0xff} // grid lines
	axisC  = color.NRGBA{0x6e, 0x77, 0x81, 0xff}
	ink    = color.NRGBA{0x1f, 0x23, 0x28, 0xff} // 16:1 on the card
	soft   = color.NRGBA{0x57, 0x60, 0x6a, 0xff} // 6:1 on the card
)

// palette is Okabe and Ito's, without the yellow, which is too light for lines
// on white: https://jfly.uni-koeln.de/color/
var palette = [...]color.NRGBA{
	{0x00, 0x72, 0xb2, 0xff}, // blue
	{0xe6, 0x9f, 0x00, 0xff}, // orange
	{0x00, 0x9e, 0x73, 0xff}, // green
	{0xd5, 0x5e, 0x00, 0xff}, // vermilion
	{0xcc, 0x79, 0xa7, 0xff}, // purple
	{0x56, 0xb4, 0xe9, 0xff}, // sky
	{0x1f, 0x23, 0x28, 0xff}, // ink
}

const (
	blue, orange, green, vermilion, purple, sky = 0, 1, 2, 3, 4, 5
)

func paint(i int) color.NRGBA { return palette[i%len(palette)] }

// cividis holds ten colours close to those of the map by Nuñez, Anderton and
// Renslow (2018), https://doi.org/10.1371/journal.pone.0199239, dark to light;
// between them the colours are interpolated.
var cividis = [...][3]float64{
	{0, 34, 78}, {18, 53, 112}, {59, 73, 108}, {87, 93, 109}, {112, 113, 115},
	{138, 134, 120}, {165, 156, 116}, {195, 179, 105}, {225, 204, 85}, {254, 232, 56},
}

// heat gives the colour of t in 0..1; t is clamped, and NaN is grey.
func heat(t float64) color.NRGBA {
	if math.IsNaN(t) {
		return rule
	}
	t = math.Min(math.Max(t, 0), 1) * float64(len(cividis)-1)
	i := min(int(t), len(cividis)-2)
	f := t - float64(i)
	var c [3]uint8
	for k := range c {
		c[k] = uint8(math.Round(cividis[i][k]*(1-f) + cividis[i+1][k]*f))
	}
	return color.NRGBA{c[0], c[1], c[2], 0xff}
}

// inkOn gives black or white, whichever has the greater contrast with c.
func inkOn(c color.NRGBA) color.NRGBA {
	lin := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	// The two contrasts, (l + 0.05)/(0.016 + 0.05) and 1.05/(l + 0.05), are equal at 0.213.
	if l := 0.2126*lin(c.R) + 0.7152*lin(c.G) + 0.0722*lin(c.B); l > 0.213 {
		return ink
	}
	return paper
}

// tint mixes c with the paper; t = 1 is c.
func tint(c color.NRGBA, t float64) color.NRGBA {
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a)*t + float64(b)*(1-t))) }
	return color.NRGBA{mix(c.R, paper.R), mix(c.G, paper.G), mix(c.B, paper.B), 0xff}
}
