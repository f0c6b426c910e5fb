// Package rewrite turns graphs into graphs that compute the same: constants
// folded, batch normalizations folded into convolutions, identities removed.
//
// A Pass never changes the graph it is given.
package rewrite

import (
	"fmt"

	"github.com/quantnb/quantnb/quantlib/graph"
)

// A Pass is one rewriting, as a value that can be listed and documented.
type Pass struct {
	Name string
	Doc  string
	// Exact passes compute the same function, up to the rounding of float32;
	// others change what the network computes.
	Exact bool
	Run   func(g *graph.Graph) (*graph.Graph, error)
}

func (p *Pass) String() string { return p.Name }

// Apply runs passes one after the other. An error names the pass.
func Apply(g *graph.Graph, passes ...*Pass) (*graph.Graph, error) {
	for _, p := range passes {
		next, err := p.Run(g)
		if err != nil {
			return nil, fmt.Errorf("rewrite: %s: %w", p.Name, err)
		}
		g = next
	}
	return g, nil
}
