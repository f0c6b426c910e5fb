package chart

import (
	"fmt"
	"math"
	"strings"

	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/plan"
)

// NetworkHeat draws the network of a grid, each layer coloured by the SQNR at the
// output when it alone runs at the given width. Operators without widths of their
// own that only pass on what one layer made, as a Relu after a convolution, are
// named in its box.
//
// It panics if the grid has no such width, or was read from a file and knows no
// network.
func NetworkHeat(g *quantlib.Grid, bits int, mode quantlib.Mode) *Figure {
	if g.Map() == nil {
		panic("chart: NetworkHeat of a grid without its network")
	}
	d := networkOf(g.Map(), func(layer string) (note string, value float64) {
		c := g.At(layer, bits, mode)
		if !c.Valid {
			return "", math.NaN()
		}
		return "", c.SQNR()
	})
	name, of := shown(g)
	d.Title = fmt.Sprintf("%s when %s: %v", of, runs(g, bits), mode)
	d.Subtitle = gridNote(g)
	d.Name, d.Unit = name, "dB"
	return Network(d)
}

// PlanNetwork draws a network with the widths that a plan gives to each layer,
// coloured by the bits of its weights (of its activations where it has none).
func PlanNetwork(p quantlib.Plan) *Figure {
	d := networkOf(p.Map(), func(layer string) (note string, value float64) {
		i, err := p.Map().Layer(layer)
		if err != nil {
			return "", math.NaN()
		}
		w, a := p.Layer(i)
		l := p.Map().Layers[i]
		var parts []string
		value = math.NaN()
		if len(l.Activations) > 0 {
			parts, value = append(parts, fmt.Sprintf("a%d", a.Width())), float64(a.Width())
		}
		if l.Weight >= 0 {
			parts, value = append([]string{fmt.Sprintf("w%d", w.Width())}, parts...), float64(w.Width())
		}
		return strings.Join(parts, " "), value
	})
	d.Title = "The network and the bits of its layers"
	d.Subtitle = fmt.Sprintf("weights: %d bytes, %.2f bits on average", p.Bytes(), p.MeanBits())
	d.Name, d.Unit, d.Digits, d.Silent = "width", "bits", -1, true
	return Network(d)
}

// networkOf is the graph of a map. Nodes that have one source, and are its only
// user, are drawn inside it unless they are layers.
func networkOf(m *plan.Map, about func(layer string) (note string, value float64)) NetworkData {
	nodes := m.Graph.Nodes()
	maker := map[string]int{} // of a value
	for i, n := range nodes {
		for _, o := range n.Outputs {
			if o != "" {
				maker[o] = i
			}
		}
	}
	users := map[string]int{}
	sources := make([][]int, len(nodes))
	for i, n := range nodes {
		seen := map[int]bool{}
		for _, v := range reads(n) {
			users[v]++
			if k, ok := maker[v]; ok && !seen[k] {
				seen[k] = true
				sources[i] = append(sources[i], k)
			}
		}
	}
	for _, o := range m.Graph.Outputs() {
		users[o.Name]++
	}
	layer := map[string]bool{}
	for _, l := range m.Layers {
		layer[l.Name] = true
	}
	at := make([]int, len(nodes)) // place in d.Nodes
	inside := map[int][]string{}  // operators drawn in a node, by place in d.Nodes
	var d NetworkData
	for i, n := range nodes {
		if src := sources[i]; len(src) == 1 && !layer[n.Name] && users[onlyOutput(nodes[src[0]])] == 1 {
			at[i] = at[src[0]]
			inside[at[i]] = append(inside[at[i]], n.Op)
			continue
		}
		at[i] = len(d.Nodes)
		box := NetNode{Name: n.Name, Note: n.Op, Value: math.NaN()}
		if layer[n.Name] {
			note, value := about(n.Name)
			if box.Value = value; note != "" {
				box.Note = note + " " + n.Op
			}
		}
		d.Nodes = append(d.Nodes, box)
		seen := map[int]bool{}
		for _, k := range sources[i] {
			if !seen[at[k]] {
				seen[at[k]] = true
				d.Edges = append(d.Edges, [2]int{at[k], at[i]})
			}
		}
	}
	for k := range d.Nodes {
		switch ops := inside[k]; len(ops) {
		case 0:
		case 1:
			d.Nodes[k].Note += " + " + ops[0]
		default:
			d.Nodes[k].Note += fmt.Sprintf(" + %d more", len(ops))
		}
	}
	return d
}

// reads is the values that a node takes, those of its subgraphs included.
func reads(n *graph.Node) []string {
	list := append([]string(nil), n.Inputs...)
	for _, a := range n.Attrs {
		if a.G != nil {
			list = append(list, a.G.OuterNames()...)
		}
	}
	return list
}

// onlyOutput is the value that a node makes, "" where there are several.
func onlyOutput(n *graph.Node) string {
	if len(n.Outputs) != 1 {
		return ""
	}
	return n.Outputs[0]
}
