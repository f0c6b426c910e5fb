package main

import (
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// codes is, for each input of integers that picks rows of a constant table, how many
// rows there are: tokens of a vocabulary, positions, kinds of segments. Where an
// input picks from several tables the smallest counts.
func codes(g *graph.Graph) map[string]int {
	found := map[string]int{}
	for _, v := range g.Inputs() {
		if v.DType == tensor.Int64 {
			if n := rows(g, v.Name, map[string]bool{}); n > 0 {
				found[v.Name] = n
			}
		}
	}
	return found
}

// rows is the fewest rows of the tables that a value picks from, on its own or in
// another shape; 0 if there is none.
func rows(g *graph.Graph, name string, seen map[string]bool) int {
	least := 0
	take := func(n int) {
		if n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	if seen[name] {
		return 0
	}
	seen[name] = true
	for _, n := range g.Consumers(name) {
		switch n.Op {
		case "Gather":
			table := g.Const(n.Input(0))
			axis := int(n.Int("axis", 0))
			if n.Input(1) == name && table != nil && 0 <= axis && axis < table.Rank() {
				take(table.Dim(axis))
			}
		case "Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten":
			if n.Input(0) == name {
				take(rows(g, n.Outputs[0], seen))
			}
		}
	}
	return least
}
