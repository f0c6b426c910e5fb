package chart

import (
	"fmt"
	"math"
	"strings"
)

// Multiples sets figures side by side, each under its name: a still form of a
// flipbook. There are as many columns as make the sheet about as wide as high.
//
// It panics if there is not one name for each figure.
func Multiples(names []string, figs []*Figure) *Figure {
	if len(names) != len(figs) {
		panic(fmt.Sprintf("chart: Multiples: %d names for %d figures", len(names), len(figs)))
	}
	cellW, cellH := 1.0, 1.0
	for _, f := range figs {
		cellW, cellH = math.Max(cellW, f.w), math.Max(cellH, f.h)
	}
	const head = 24
	n := max(1, len(figs))
	cols := min(n, max(1, int(math.Ceil(math.Sqrt(float64(n)*(cellH+head)/cellW)))))
	rows := (n + cols - 1) / cols
	k := math.Min(1, 1200/(float64(cols)*cellW)) // the sheet's width is bounded
	w, h := math.Ceil(float64(cols)*cellW*k)+2*margin, math.Ceil(float64(rows)*(cellH*k+head))+2*margin
	out := &Figure{title: "", w: w, h: h, minW: w, minH: h}
	out.draw = func(p pen, w, h float64) {
		cw, ch := (w-2*margin)/float64(cols), (h-2*margin)/float64(rows)
		for i, f := range figs {
			x, y := margin+float64(i%cols)*cw, margin+float64(i/cols)*ch
			p.text(x+6, y+head/2, short(names[i], cw-12, 13, true), style{size: 13, col: ink, bold: true})
			s := math.Min(cw/cellW, (ch-head)/cellH)
			p.c.Push()
			p.c.Translate(p.pt(x, y+head+f.h*s))
			p.c.Scale(s, s)
			f.paintOn(p.c, f.w, f.h)
			p.c.Pop()
		}
	}
	var alt, text strings.Builder
	for i, f := range figs {
		fmt.Fprintf(&alt, "%s: %s ", brief(names[i], textName), f.alt)
		fmt.Fprintf(&text, "— %s —\n%s\n", brief(names[i], textName), f.text)
	}
	out.alt, out.text = strings.TrimSpace(alt.String()), text.String()
	return out
}
