package chart

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// An Order says how layers stand in a chart.
type Order int8

const (
	GraphOrder Order = iota // as the labels are given
	Ascending               // the least value first; NaN comes last
	Descending              // the greatest value first; NaN comes last
)

// A Series is one value per label.
type Series struct {
	Name   string
	Values []float64 // +Inf is drawn to the end of the axis; NaN as "n/a"
	Err    []float64 // standard errors; nil for none, NaN or 0 for a single one
}

// BarData describes a bar chart: a group of bars for each label.
type BarData struct {
	Title, Subtitle string
	Labels          []string
	Series          []Series
	Name, Unit      string // of the values: "SQNR", "dB"
	Order           Order  // by the least (greatest) value of a label's series
	Digits          int    // after the point in the values; 0 means 1, negative means none
	Vertical        bool   // upright bars, for a handful of labels
	Min, Max        float64
	// Min and Max widen the axis where it would not reach them.
}

// Bars draws grouped bars, one group per label: SQNR per layer in dB, say, for
// weights and activations side by side. Bars lie, names stand at the left, and
// the height grows with their number, so 60 layers stay readable.
//
// It panics if a series has not one value (and error, if any) per label.
func Bars(d BarData) *Figure {
	for _, s := range d.Series {
		if len(s.Values) != len(d.Labels) || s.Err != nil && len(s.Err) != len(d.Labels) {
			panic(fmt.Sprintf("chart: Bars: series %q has %d values and %d errors for %d labels", s.Name, len(s.Values), len(s.Err), len(d.Labels)))
		}
	}
	switch {
	case d.Digits == 0:
		d.Digits = 1
	case d.Digits < 0:
		d.Digits = 0
	}
	b := bars{BarData: d, order: order(d)}
	f := &Figure{title: clean(d.Title), w: 760, minW: 420}
	n, m := float64(len(d.Labels)), float64(max(1, len(d.Series)))
	f.h = b.top() + n*(m*barThick+barGap) + b.bottom()
	f.minH = b.top() + n*(m*7+3) + b.bottom()
	f.draw = b.lying
	if d.Vertical {
		f.w = math.Max(480, 90+n*(m*26+14))
		f.h, f.minH, f.minW = 420, 300, math.Max(300, 90+n*(m*14+6))
		f.draw = b.upright
	}
	f.text, f.alt = b.words()
	return f
}

// barThick is the thickness of a bar and barGap the space between groups, px.
const barThick, barGap = 11, 6

type bars struct {
	BarData
	order []int // of the labels, as drawn
}

// order sorts the labels, equal ones in their given order.
func order(d BarData) []int {
	idx := make([]int, len(d.Labels))
	for i := range idx {
		idx[i] = i
	}
	if d.Order == GraphOrder {
		return idx
	}
	rank := func(i int) float64 {
		best := math.NaN()
		for _, s := range d.Series {
			v := s.Values[i]
			if d.Order == Descending {
				v = -v
			}
			if math.IsNaN(best) || v < best {
				best = v
			}
		}
		return best
	}
	slices.SortStableFunc(idx, func(a, b int) int {
		x, y := rank(a), rank(b)
		switch {
		case x < y || math.IsNaN(y) && !math.IsNaN(x):
			return -1
		case x > y || math.IsNaN(x) && !math.IsNaN(y):
			return 1
		}
		return 0
	})
	return idx
}

func (b bars) keys() []key {
	if len(b.Series) < 2 {
		return nil
	}
	keys := make([]key, len(b.Series))
	for i, s := range b.Series {
		keys[i] = key{name: s.Name, kind: keyBox, n: i}
	}
	return keys
}

func (b bars) top() float64 {
	y := float64(margin) + 2
	if b.Title != "" {
		y += 23
	}
	if b.Subtitle != "" {
		y += 19
	}
	if len(b.Series) > 1 {
		y += 22
	}
	if b.long() {
		y += 18
	}
	return y
}

func (b bars) bottom() float64 { return bottom }

// long charts repeat the axis at their top.
func (b bars) long() bool { return len(b.Labels) > 20 }

// span gives the range of the axis, which holds zero, and whether a value is
// infinite. The error bars are inside.
func (b bars) span() (lo, hi float64) {
	lo, hi = math.Min(0, b.Min), math.Max(0, b.Max)
	for _, s := range b.Series {
		for i, v := range s.Values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				continue
			}
			e := 0.0
			if s.Err != nil && s.Err[i] > 0 && !math.IsInf(s.Err[i], 0) {
				e = s.Err[i]
			}
			lo, hi = math.Min(lo, v-e), math.Max(hi, v+e)
		}
	}
	if lo == hi {
		hi = 1
	}
	return lo, hi
}

func (b bars) lying(p pen, w, h float64) {
	top := p.header(w, b.Title, b.Subtitle, b.keys())
	if b.long() {
		top += 18
	}
	foot := h - b.bottom()
	names := make([]string, len(b.order))
	for row, i := range b.order {
		names[row] = b.Labels[i]
	}
	names = labels(names, w*0.36, 11)
	room := 0.0
	for row := range b.order {
		room = math.Max(room, textWidth(names[row], 11, false))
	}
	lo, hi := b.span()
	digit := textWidth(places(math.Max(-lo, hi), b.Digits), 10, false) + 10
	x := scale{lo: lo, hi: hi, a: margin + room + 8, b: w - margin - digit}
	if lo < 0 {
		x.a += digit
	}
	rows := float64(max(1, len(b.order)))
	pitch := (foot - top) / rows
	gap := pitch * barGap / (float64(max(1, len(b.Series)))*barThick + barGap)
	edge := margin + room + 8
	for row := range b.order {
		if row%2 == 1 {
			p.rect(margin/2, top+float64(row)*pitch, w-margin, pitch, stripe)
		}
	}
	factor, unit := prefix(b.Unit, math.Max(-lo, hi))
	for _, t := range linear(lo, hi, int((x.b-x.a)/70), factor) {
		p.line(x.at(t.v), top, x.at(t.v), foot+4, 1, rule)
		p.text(x.at(t.v), foot+13, t.label, style{size: 11, col: ink, align: center})
		if b.long() {
			p.text(x.at(t.v), top-8, t.label, style{size: 11, col: ink, align: center})
		}
	}
	p.line(x.at(0), top, x.at(0), foot+4, 1.2, axisC)
	p.text((x.a+x.b)/2, foot+30, named(b.Name, unit), style{size: 12, col: soft, align: center})
	thick := (pitch - gap) / float64(max(1, len(b.Series)))
	for row, i := range b.order {
		y := top + float64(row)*pitch
		p.text(edge-8, y+pitch/2, names[row], style{size: 11, col: ink, align: right})
		for k, s := range b.Series {
			b.bar(p, x, y+gap/2+float64(k)*thick, thick, s, i, k, factor)
		}
	}
}

// bar draws the lying bar of label i in series k.
func (b bars) bar(p pen, x scale, y, thick float64, s Series, i, k int, factor float64) {
	v := s.Values[i]
	mid := y + thick/2
	size := math.Min(10, thick+1)
	if math.IsNaN(v) {
		p.text(x.at(0)+4, mid, "n/a", style{size: size, col: soft})
		return
	}
	end := x.clamped(v)
	a, z := math.Min(x.at(0), end), math.Max(x.at(0), end)
	p.rect(a, y+0.5, z-a, thick-1, paint(k))
	if s.Err != nil && s.Err[i] > 0 && !math.IsInf(v, 0) {
		e0, e1 := x.clamped(v-s.Err[i]), x.clamped(v+s.Err[i])
		p.whisker(e0, mid, e1, mid, ink)
		a, z = math.Min(a, e0), math.Max(z, e1)
	}
	st := style{size: size, col: ink}
	at := z + 5
	if v < 0 {
		at, st.align = a-5, right
	}
	p.text(at, mid, places(v/factor, b.Digits), st)
}

// words gives the text and the alt text.
func (b bars) words() (text, alt string) {
	lo, hi := b.span()
	factor, unit := prefix(b.Unit, math.Max(-lo, hi))
	head := []string{"layer"}
	for _, s := range b.Series {
		head = append(head, strings.TrimSpace(brief(s.Name, 24)+" "+clean(unit)))
		if s.Err != nil {
			head = append(head, "±")
		}
	}
	var rows [][]string
	var items []string
	for _, i := range b.order {
		row := []string{brief(b.Labels[i], textName)}
		var said []string
		for _, s := range b.Series {
			v := places(s.Values[i]/factor, b.Digits)
			row = append(row, v)
			if s.Err != nil {
				e := places(s.Err[i]/factor, b.Digits+1)
				row = append(row, e)
				v += " ± " + e
			}
			if len(b.Series) > 1 {
				v = brief(s.Name, 24) + " " + v
			}
			said = append(said, v)
		}
		rows = append(rows, row)
		items = append(items, row[0]+": "+strings.Join(said, ", "))
	}
	sort := map[Order]string{GraphOrder: "in graph order", Ascending: "least first", Descending: "greatest first"}[b.Order]
	text = heading(b.Title, b.Subtitle) + grid(head, rows)
	alt = fmt.Sprintf("%sBar chart of %s for %s, %s. %s.", sentence(b.Title, b.Subtitle),
		named(b.Name, unit), count(len(b.Labels), "layer", "layers"), sort, strings.Join(items, "; "))
	return text, alt
}

// heading gives the title and second line as lines of a text.
func heading(lines ...string) string {
	out := ""
	for _, l := range lines {
		if l != "" {
			out += brief(l, 200) + "\n"
		}
	}
	return out
}

// sentence gives the title and second line as sentences of an alt text.
func sentence(parts ...string) string {
	out := ""
	for _, l := range parts {
		if l != "" {
			out += strings.TrimRight(brief(l, 200), ".") + ". "
		}
	}
	return out
}
