package sense

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/plan"
)

// gridFile is a Grid without its methods, for gob.
type gridFile Grid

// MarshalBinary is the grid as bytes, which RestoreGrid reads.
func (g *Grid) MarshalBinary() ([]byte, error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode((*gridFile)(g)); err != nil {
		return nil, fmt.Errorf("sense: %w", err)
	}
	return b.Bytes(), nil
}

// RestoreGrid reads what MarshalBinary has written. m is where the quantizers
// of the grid's network sit, nil where that is not at hand.
func RestoreGrid(m *plan.Map, data []byte) (*Grid, error) {
	var f gridFile
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&f); err != nil {
		return nil, fmt.Errorf("sense: stored grid: %w", err)
	}
	if len(f.Cells) != len(f.Layers)*len(f.Widths)*3 {
		return nil, errors.New("sense: stored grid has cells missing")
	}
	g := Grid(f)
	if m != nil {
		if len(m.Layers) != len(g.Layers) {
			return nil, errors.New("sense: stored grid is of another network")
		}
		for i, l := range m.Layers {
			if l.Name != g.Layers[i] {
				return nil, fmt.Errorf("sense: stored grid has a layer %q where the network has %q", g.Layers[i], l.Name)
			}
		}
	}
	g.m = m
	return &g, nil
}
