package chart

import (
	"fmt"
	"image/color"
	"math"
	"strings"
)

// A NetNode is a node of a drawn network.
type NetNode struct {
	Name  string
	Note  string  // a second line: "Conv · w4 a8"
	Value float64 // the error that gives the colour; NaN for none
}

// NetworkData describes a network and an error at each node.
type NetworkData struct {
	Title, Subtitle string
	Nodes           []NetNode
	Edges           [][2]int // from node, to node
	Name, Unit      string   // of the values: "SQNR", "dB"
	Digits          int      // after the point; 0 means 1, negative means none
	Silent          bool     // the notes say the values, which colour the boxes alone
}

// Network draws a graph in layers from top to bottom, each node coloured by its
// error. Tall graphs go on in a further column to the right, so that 60 nodes
// stay legible.
//
// It panics if an edge names a node that is not there, or if the edges form a
// cycle.
func Network(d NetworkData) *Figure {
	switch {
	case d.Digits == 0:
		d.Digits = 1
	case d.Digits < 0:
		d.Digits = 0
	}
	g := layout(len(d.Nodes), d.Edges)
	gw, gh := g.extent()
	f := &Figure{title: clean(d.Title)}
	f.w = math.Max(420, gw+2*margin+20+d.bar())
	f.h = math.Max(gh, d.barHeight()) + 2*margin + 80
	f.minW, f.minH = f.w, f.h // its parts have fixed sizes
	f.draw = func(p pen, w, h float64) { d.paint(p, w, h, g) }
	f.text, f.alt = d.words()
	return f
}

func (d NetworkData) values() []float64 {
	out := make([]float64, len(d.Nodes))
	for i, n := range d.Nodes {
		out[i] = n.Value
	}
	return out
}

// bar is the room for the colour bar, if there is anything to explain.
func (d NetworkData) bar() float64 {
	if _, _, ok := extent(false, d.values()); !ok {
		return 0
	}
	return 84
}

func (d NetworkData) barHeight() float64 {
	if d.bar() == 0 {
		return 0
	}
	return 120
}

func (d NetworkData) paint(p pen, w, h float64, g *layered) {
	top := p.header(w, d.Title, d.Subtitle, nil) + 14
	lo, hi, ok := extent(false, d.values())
	if lo == hi {
		hi = lo + 1
	}
	gw, gh := g.extent()
	// A larger picture than the natural one leaves room around the graph.
	off := xy{margin + 8 + math.Max(0, (w-d.bar()-2*margin-16-gw)/2), top}
	at := func(v int) xy { q := g.at(v); return xy{q.x + off.x, q.y + off.y} }
	lane := make([]int, len(g.left))
	for _, chain := range g.chains {
		d.edge(p, g, chain, at, off.y, gh, lane)
	}
	for v, n := range d.Nodes {
		q := at(v)
		col, edge := paper, axisC
		if !math.IsNaN(n.Value) && ok {
			t := (math.Min(math.Max(n.Value, lo), hi) - lo) / (hi - lo)
			col = heat(t)
		}
		x, y := q.x-nodeW/2, q.y-nodeH/2
		p.rect(x, y, nodeW, nodeH, col)
		p.stroke(box(x, y, nodeW, nodeH), true, 1, edge)
		d.inside(p, q, n, inkOn(col))
	}
	if ok {
		p.colourBar(w-margin-d.bar()+28, top, math.Min(220, h-margin-top), lo, hi, named(d.Name, d.Unit))
	}
}

// inside writes a node's name, and below it its note and value.
func (d NetworkData) inside(p pen, q xy, n NetNode, col color.Color) {
	second := n.Note
	if !math.IsNaN(n.Value) && !(d.Silent && second != "") {
		v := strings.TrimSpace(places(n.Value, d.Digits) + " " + d.Unit)
		if second != "" {
			second = short(second, nodeW-14-textWidth(v, 10, false), 10, false) + " · " + v
		} else {
			second = v
		}
	}
	if second == "" {
		p.text(q.x, q.y, label(n.Name, nodeW-8, 10.5), style{size: 10.5, col: col, align: center})
		return
	}
	p.text(q.x, q.y-7, short(orUnnamed(n.Name), nodeW-8, 10.5, true), style{size: 10.5, col: col, bold: true, align: center})
	p.text(q.x, q.y+7, short(second, nodeW-8, 10, false), style{size: 10, col: col, align: center})
}

func orUnnamed(s string) string {
	if s == "" {
		return unnamed
	}
	return s
}

// edge draws the way of an edge from the foot of a node to the head of another.
// From one column to the next it runs up the gutter, where lane counts the
// edges that do.
func (d NetworkData) edge(p pen, g *layered, chain []int, at func(int) xy, top, gh float64, lane []int) {
	col := soft
	for i := 1; i < len(chain); i++ {
		u, v := chain[i-1], chain[i]
		a, b := at(u), at(v)
		a.y += nodeH / 2
		b.y -= nodeH / 2
		if u >= g.real { // upright between the nodes of its layer
			p.line(a.x, a.y-nodeH, a.x, a.y, 1.1, col)
		}
		cu, cv := g.layer[u]/g.per, g.layer[v]/g.per
		if cu == cv {
			p.bend(a, b, col)
		} else {
			k := float64(lane[cv] % 5)
			lane[cv]++
			gx := at(v).x - g.x[v] + g.left[cv] - gutter/2 - 8 + k*4
			foot, head := top+gh+6+k*3, top-6-k*1.5
			p.stroke([]xy{a, {a.x, foot}, {gx, foot}, {gx, head}, {b.x, head}, b}, false, 1.1, col)
		}
		if v < g.real {
			p.fill([]xy{b, {b.x - 3, b.y - 6}, {b.x + 3, b.y - 6}}, col)
		}
	}
}

// bend draws a curve that leaves and arrives upright.
func (p pen) bend(a, b xy, col color.Color) {
	if math.Abs(a.x-b.x) < 0.5 {
		p.line(a.x, a.y, b.x, b.y, 1.1, col)
		return
	}
	m := (b.y - a.y) / 2
	const n = 14
	pts := make([]xy, n+1)
	for i := range pts {
		t := float64(i) / n
		s := 1 - t
		pts[i] = xy{
			s*s*s*a.x + 3*s*s*t*a.x + 3*s*t*t*b.x + t*t*t*b.x,
			s*s*s*a.y + 3*s*s*t*(a.y+m) + 3*s*t*t*(b.y-m) + t*t*t*b.y,
		}
	}
	p.stroke(pts, false, 1.1, col)
}

func (d NetworkData) words() (text, alt string) {
	into := make([][]string, len(d.Nodes))
	for _, e := range d.Edges {
		into[e[1]] = append(into[e[1]], brief(d.Nodes[e[0]].Name, 24))
	}
	var rows [][]string
	var said []string
	for i, n := range d.Nodes {
		v := places(n.Value, d.Digits)
		name := brief(n.Name, textName)
		rows = append(rows, []string{name, cut200(n.Note), v, brief(strings.Join(into[i], ", ")+" ", 80)})
		s := name + ": " + v
		if len(into[i]) > 0 {
			s += " after " + brief(strings.Join(into[i], ", "), 80)
		}
		said = append(said, s)
	}
	text = heading(d.Title, d.Subtitle) + grid([]string{"node", "", named(d.Name, d.Unit), "after"}, rows)
	alt = fmt.Sprintf("%sNetwork of %s and %s, coloured by %s. %s.", sentence(d.Title, d.Subtitle),
		count(len(d.Nodes), "node", "nodes"), count(len(d.Edges), "edge", "edges"), named(d.Name, d.Unit), strings.Join(said, "; "))
	return text, alt
}
