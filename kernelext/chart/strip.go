package chart

import (
	"fmt"
	"math"
	"strconv"
)

// Strip draws the bits of a plan in one row of cells for weights and one for
// activations, the layers from left to right in the order of the network: as
// wide as a page, however many layers there are. The layer marked, if it is not
// negative, has a frame and stands with its name above.
//
// It panics if Weight, or Activation if there is any, has not one width per
// label, or if there is no layer marked.
func Strip(d WidthData, marked int) *Figure {
	rows := [][]int{d.Weight}
	if d.Activation != nil {
		rows = append(rows, d.Activation)
	}
	for _, r := range rows {
		if len(r) != len(d.Labels) {
			panic(fmt.Sprintf("chart: Strip: %d widths for %d labels", len(r), len(d.Labels)))
		}
	}
	if marked >= len(d.Labels) {
		panic(fmt.Sprintf("chart: Strip: layer %d of %d is marked", marked, len(d.Labels)))
	}
	f := &Figure{title: clean(d.Title), w: 760, minW: 420, h: 2*margin + 26 + 26*float64(len(rows))}
	if d.Title != "" {
		f.h += 23
	}
	if d.Subtitle != "" {
		f.h += 19
	}
	f.minH = f.h * 0.9
	f.draw = func(p pen, w, h float64) { d.strip(p, w, h, rows, marked) }
	b := WidthBars(d)
	f.text, f.alt = b.text, b.alt
	if marked >= 0 {
		f.alt += " Marked is " + brief(d.Labels[marked], textName) + "."
	}
	return f
}

// stripNames are the rows' names.
var stripNames = [...]string{"weights", "activations"}

func (d WidthData) strip(p pen, w, h float64, rows [][]int, marked int) {
	top := p.header(w, d.Title, d.Subtitle, nil) + 18
	const left = margin + 76
	n := float64(max(1, len(d.Labels)))
	cw, ch := (w-left-margin)/n, math.Min(26, (h-margin-top)/float64(len(rows)))
	gap := 0.5
	if cw < 8 {
		gap = 0
	}
	for k, r := range rows {
		y := top + float64(k)*ch
		p.text(left-8, y+ch/2, stripNames[k], style{size: 11, col: soft, align: right})
		for i, bits := range r {
			x := left + float64(i)*cw
			// One bit is dark and sixteen are light, as on the heat map, where
			// noise is dark.
			v := math.NaN()
			if bits > 0 {
				v = math.Log2(float64(bits)) / 4
			}
			col := heat(v)
			p.rect(x+gap, y+0.5, cw-2*gap, ch-1, col)
			text := "–"
			if bits > 0 {
				text = strconv.Itoa(bits)
			}
			if size := math.Min(11, cw*0.75); size >= 6 && textWidth(text, size, false) <= cw {
				p.text(x+cw/2, y+ch/2, text, style{size: size, col: inkOn(col), align: center})
			}
		}
	}
	if marked < 0 {
		return
	}
	x := left + float64(marked)*cw
	p.stroke(box(x-0.5, top-1, cw+1, ch*float64(len(rows))+2), true, 2.4, palette[vermilion])
	name := short(orUnnamed(d.Labels[marked]), w-2*margin, 11, true)
	half := textWidth(name, 11, true) / 2
	at := math.Min(math.Max(x+cw/2, margin+half), w-margin-half)
	p.text(at, top-10, name, style{size: 11, col: ink, bold: true, align: center})
}
