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
	if f.Version != gridVersion {
		return nil, fmt.Errorf("sense: stored grid is of version %d, not %d", f.Version, gridVersion)
	}
	widths, rows := len(f.Widths), 0
	for _, r := range f.Row {
		rows = max(rows, int(r)+1)
	}
	if len(f.Cells) != len(f.Layers)*widths*3 || len(f.TieCells) != len(f.Ties)*widths || len(f.Row) != len(f.Cells)+len(f.TieCells) {
		return nil, errors.New("sense: stored grid has cells missing")
	}
	for _, n := range []int{len(f.NSRs), len(f.Rises), len(f.Right)} {
		if n != 0 && n != rows*f.Samples {
			return nil, errors.New("sense: stored grid has samples missing")
		}
	}
	g := Grid(f)
	if m != nil {
		if len(m.Layers) != len(g.Layers) || len(m.Ties) != len(g.Ties) {
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
