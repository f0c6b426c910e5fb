package chart

import (
	"fmt"
	"math"
	"strings"
)

// HeatData describes a table of values drawn as colours.
type HeatData struct {
	Title, Subtitle string
	Rows, Columns   []string    // layers; widths, say
	Values          [][]float64 // [len(Rows)][len(Columns)]; NaN is grey
	Name, Unit      string      // of the values: "SQNR", "dB"
	ColumnName      string      // "bits"
	Digits          int         // after the point; 0 means 1, negative means none
	Lo, Hi          float64     // the range of the colours; both 0 for that of the values
}

// HeatMap draws rows × columns as coloured cells with their values in them, and
// a bar that explains the colours. Values beyond its range take the colour at the
// end.
//
// It panics if Values has not one row per name and one value per column.
func HeatMap(d HeatData) *Figure {
	if len(d.Values) != len(d.Rows) {
		panic(fmt.Sprintf("chart: HeatMap: %d rows of values for %d names", len(d.Values), len(d.Rows)))
	}
	for i, r := range d.Values {
		if len(r) != len(d.Columns) {
			panic(fmt.Sprintf("chart: HeatMap: row %d has %d values for %d columns", i, len(r), len(d.Columns)))
		}
	}
	switch {
	case d.Digits == 0:
		d.Digits = 1
	case d.Digits < 0:
		d.Digits = 0
	}
	f := &Figure{title: clean(d.Title), draw: d.paint}
	head := 2.0*margin + 40
	if d.Title != "" {
		head += 23
	}
	if d.Subtitle != "" {
		head += 19
	}
	f.w = math.Max(480, 300+float64(len(d.Columns))*52)
	f.h = math.Max(head+20*float64(len(d.Rows)), head+120)
	f.minW, f.minH = math.Max(400, 230+float64(len(d.Columns))*38), math.Max(head+14*float64(len(d.Rows)), head+100)
	f.text, f.alt = d.words()
	return f
}

func (d HeatData) paint(p pen, w, h float64) {
	top := p.header(w, d.Title, d.Subtitle, nil)
	const bar = 92 // the colour bar with its labels
	names := labels(d.Rows, w*0.34, 11)
	column := short(d.ColumnName, w*0.2, 11, false)
	left := textWidth(column, 11, false)
	for _, n := range names {
		left = math.Max(left, textWidth(n, 11, false))
	}
	left += margin + 8
	top += 20
	cw := (w - left - bar - margin) / float64(max(1, len(d.Columns)))
	ch := math.Min(40, (h-margin-top)/float64(max(1, len(d.Rows))))
	lo, hi, ok := extent(false, d.Values...)
	if d.Lo != 0 || d.Hi != 0 {
		lo, hi = d.Lo, d.Hi
	} else if !ok {
		lo, hi = 0, 1
	}
	if lo == hi {
		hi = lo + 1
	}
	at := func(v float64) float64 {
		if math.IsNaN(v) {
			return v
		}
		return (math.Min(math.Max(v, lo), hi) - lo) / (hi - lo)
	}
	p.text(left-8, top-10, column, style{size: 11, col: soft, align: right})
	for j, c := range d.Columns {
		p.text(left+(float64(j)+0.5)*cw, top-10, label(c, cw-2, 11), style{size: 11, col: ink, align: center})
	}
	size := math.Min(11, ch*0.62)
	for i := range d.Rows {
		y := top + float64(i)*ch
		p.text(left-8, y+ch/2, names[i], style{size: 11, col: ink, align: right})
		for j, v := range d.Values[i] {
			col := heat(at(v))
			x := left + float64(j)*cw
			p.rect(x+0.5, y+0.5, cw-1, ch-1, col)
			p.text(x+cw/2, y+ch/2, short(places(v, d.Digits), cw-2, size, false), style{size: size, col: inkOn(col), align: center})
		}
	}
	p.colourBar(w-margin-bar+32, top, math.Min(220, h-margin-top), lo, hi, named(d.Name, d.Unit))
}

// colourBar explains the colours of heat between lo and hi, upwards.
func (p pen) colourBar(x, y, h, lo, hi float64, name string) {
	n := int(h)
	for i := range n {
		p.rect(x, y+float64(i), 12, 1.5, heat(1-(float64(i)+0.5)/float64(n)))
	}
	p.stroke(box(x, y, 12, h), true, 1, axisC)
	s := scale{lo: lo, hi: hi, a: y + h, b: y}
	for _, t := range linear(lo, hi, max(2, int(h/30)), 1) {
		p.line(x+12, s.at(t.v), x+16, s.at(t.v), 1, axisC)
		if math.Abs(t.v) >= 1e5 {
			t.label = sig(t.v, 3)
			if math.Abs(t.v) < 1e7 {
				t.label = num(t.v/1e6, 2) + "e6"
			}
		}
		p.text(x+19, s.at(t.v), t.label, style{size: 10, col: ink})
	}
	p.text(x-10, y+h/2, short(name, h, 11, false), style{size: 11, col: soft, align: center, turn: true})
}

func (d HeatData) words() (text, alt string) {
	head := []string{strings.TrimSpace("layer \\ " + cut200(d.ColumnName))}
	for _, c := range d.Columns {
		head = append(head, brief(c, 24))
	}
	var rows [][]string
	var said []string
	for i, r := range d.Rows {
		row := []string{brief(r, textName)}
		for _, v := range d.Values[i] {
			row = append(row, places(v, d.Digits))
		}
		rows = append(rows, row)
		said = append(said, row[0]+": "+strings.Join(row[1:], ", "))
	}
	text = heading(d.Title, d.Subtitle, named(d.Name, d.Unit)) + grid(head, rows)
	alt = fmt.Sprintf("%sHeat map of %s for %s by %s %s. %s.", sentence(d.Title, d.Subtitle), named(d.Name, d.Unit),
		count(len(d.Rows), "row", "rows"), cut200(d.ColumnName), strings.Join(head[1:], ", "), strings.Join(said, "; "))
	return text, alt
}
