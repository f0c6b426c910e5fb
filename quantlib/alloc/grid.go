package alloc

import (
	"cmp"
	"math"
	"slices"
)

// gridDims is in how many costs combinations are looked up; further ones are
// compared one by one.
const gridDims = 3

// grid finds the combinations of a half whose costs lie in a window.
type grid struct {
	dims  int
	cost  [gridDims]int // which cost
	cells [gridDims]int
	lo, w [gridDims]float64 // first cell's start, width
	start []int32           // by cell, its first row
	rows  []float64         // regret, objective, costs
	of    []int32           // by row, the combination
}

const rowHead = 2 // regret and objective in front of a row's costs

// newGrid sorts the combinations of a half into cells about as wide as half a
// window, no more cells than a few for each combination.
func newGrid(h *half, lambda []float64, reach float64) *grid {
	m, n := len(lambda), len(h.regret)
	g := &grid{}
	lo, spread := make([]float64, m), make([]float64, m)
	var order []int
	for k, l := range lambda {
		if !(l > 0) {
			continue // a budget without a price may be left unused
		}
		hi := math.Inf(-1)
		lo[k] = math.Inf(1)
		for e := range n {
			lo[k], hi = min(lo[k], h.c[e*m+k]), max(hi, h.c[e*m+k])
		}
		spread[k] = hi - lo[k]
		order = append(order, k)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(spread[b]*lambda[b], spread[a]*lambda[a]) })
	g.dims = min(gridDims, len(order))
	total := 1
	for q := range g.cells {
		g.cells[q] = 1
		if q >= g.dims {
			continue
		}
		k := order[q]
		most := math.Pow(float64(4*n+16)/float64(total), 1/float64(g.dims-q))
		g.cost[q], g.lo[q] = k, lo[k]
		g.cells[q] = int(min(most, 2*spread[k]*lambda[k]/reach)) + 1
		g.w[q] = max(spread[k]/float64(g.cells[q])*(1+1e-9), fixedPoint)
		total *= g.cells[q]
	}
	cell := make([]int32, n)
	g.start = make([]int32, total+1)
	for e := range n {
		at := 0
		for q := range g.cells {
			x := 0
			if q < g.dims {
				x = min(g.cells[q]-1, int((h.c[e*m+g.cost[q]]-g.lo[q])/g.w[q]))
			}
			at = at*g.cells[q] + x
		}
		cell[e] = int32(at)
		g.start[at+1]++
	}
	for q := range total {
		g.start[q+1] += g.start[q]
	}
	next := slices.Clone(g.start)
	g.rows, g.of = make([]float64, n*(rowHead+m)), make([]int32, n)
	for _, e := range h.byRegret() {
		at := int(next[cell[e]])
		next[cell[e]]++
		row := g.rows[at*(rowHead+m) : (at+1)*(rowHead+m)]
		row[0], row[1] = h.regret[e], h.o[e]
		copy(row[rowHead:], h.c[int(e)*m:(int(e)+1)*m])
		g.of[at] = e
	}
	return g
}

// cellPad widens a window against rounding, in cells.
const cellPad = 1e-9

// window is the cells of what costs at most need and leaves less than rest,
// priced at λ, of each budget; ok is false if there is none.
func (g *grid) window(need, lambda []float64, rest float64) (from, to [gridDims]int, ok bool) {
	for q := range g.dims {
		k := g.cost[q]
		hi := (need[k]-g.lo[q])/g.w[q] + cellPad
		lo := (need[k]-rest/lambda[k]-g.lo[q])/g.w[q] - cellPad
		if hi < 0 || lo >= float64(g.cells[q]) {
			return from, to, false
		}
		from[q], to[q] = int(max(0, lo)), int(min(float64(g.cells[q]-1), hi))
	}
	return from, to, true
}
