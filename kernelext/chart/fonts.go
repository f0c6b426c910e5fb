package chart

import (
	"sync"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// px is the length of a CSS pixel.
const px = vg.Inch / 96

// The fonts are parsed at the first use, not when the program starts.
var (
	regular = sync.OnceValue(func() *opentype.Font { return parseFont(liberationsansregular.TTF) })
	heavy   = sync.OnceValue(func() *opentype.Font { return parseFont(liberationsansbold.TTF) })
)

func parseFont(ttf []byte) *opentype.Font {
	f, err := opentype.Parse(ttf)
	if err != nil {
		panic("chart: the built-in font is damaged: " + err.Error())
	}
	return f
}

// face gives Liberation Sans at a size in pixels.
func face(size float64, bold bool) font.Face {
	f := font.Face{
		Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Length(size) * px},
	}
	if bold {
		f.Font.Weight = xfont.WeightBold
		f.Face = heavy()
	} else {
		f.Face = regular()
	}
	return f
}

// textWidth gives the width of s in pixels.
func textWidth(s string, size float64, bold bool) float64 {
	f := face(size, bold)
	return float64(f.Width(s) / px)
}
