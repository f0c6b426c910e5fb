package chart

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// A layered is a directed graph without cycles, set in layers from top to
// bottom after Sugiyama, Tagawa and Toda (1981): each node lies below all that
// lead to it, an edge over several layers passes through dummy nodes, and the
// order within a layer is chosen to cross few edges. Tall graphs are folded
// into columns.
type layered struct {
	layer  []int   // of each node, dummies at the end
	rows   [][]int // nodes of each layer, left to right
	real   int     // the number of nodes that are not dummies
	next   [][]int // successors, each one layer below
	prev   [][]int
	chains [][]int // for each edge, the nodes that it passes, ends included
	x      []float64
	per    int // layers in a column
	width  []float64
	left   []float64 // of each column
}

const (
	nodeW, nodeH = 136.0, 32.0
	nodeGapX     = 14.0
	layerPitch   = 52.0
	dummyW       = 10.0
	gutter       = 34.0 // between columns
)

// layout panics if an edge names a node that is not there, or if the edges
// form a cycle.
func layout(n int, edges [][2]int) *layered {
	g := &layered{layer: make([]int, n), real: n}
	in := make([]int, n)
	succ := make([][]int, n)
	for _, e := range edges {
		for _, v := range e {
			if v < 0 || v >= n {
				panic(fmt.Sprintf("chart: Network: edge %v names node %d of %d", e, v, n))
			}
		}
		succ[e[0]] = append(succ[e[0]], e[1])
		in[e[1]]++
	}
	var queue []int
	for v := range n {
		if in[v] == 0 {
			queue = append(queue, v)
		}
	}
	done := 0
	for ; done < len(queue); done++ {
		v := queue[done]
		for _, u := range succ[v] {
			g.layer[u] = max(g.layer[u], g.layer[v]+1)
			if in[u]--; in[u] == 0 {
				queue = append(queue, u)
			}
		}
	}
	if done < n {
		panic("chart: Network: the edges form a cycle")
	}
	// A node that only feeds something far below (a constant) sits just above it.
	pred := make([]bool, n)
	for _, e := range edges {
		pred[e[1]] = true
	}
	for v := range n {
		if !pred[v] && len(succ[v]) > 0 {
			low := math.MaxInt
			for _, u := range succ[v] {
				low = min(low, g.layer[u])
			}
			g.layer[v] = low - 1
		}
	}
	g.subdivide(edges)
	g.order()
	g.fold()
	g.place()
	return g
}

// subdivide puts dummies on long edges.
func (g *layered) subdivide(edges [][2]int) {
	link := func(a, b int) {
		for len(g.next) < len(g.layer) {
			g.next, g.prev = append(g.next, nil), append(g.prev, nil)
		}
		g.next[a], g.prev[b] = append(g.next[a], b), append(g.prev[b], a)
	}
	g.next, g.prev = make([][]int, g.real), make([][]int, g.real)
	for _, e := range edges {
		chain := []int{e[0]}
		for l := g.layer[e[0]] + 1; l < g.layer[e[1]]; l++ {
			g.layer = append(g.layer, l)
			d := len(g.layer) - 1
			link(chain[len(chain)-1], d)
			chain = append(chain, d)
		}
		link(chain[len(chain)-1], e[1])
		g.chains = append(g.chains, append(chain, e[1]))
	}
	deep := 0
	for _, l := range g.layer {
		deep = max(deep, l+1)
	}
	g.rows = make([][]int, deep)
	for v, l := range g.layer {
		g.rows[l] = append(g.rows[l], v)
	}
}

// order sorts each layer by the mean place of its neighbours above, then
// below, and keeps the best of some rounds.
func (g *layered) order() {
	best, fewest := copyRows(g.rows), g.crossings()
	pos := make([]float64, len(g.layer))
	for round := 0; round < 12 && fewest > 0; round++ {
		near, from, to, by := g.prev, 0, len(g.rows), 1
		if round%2 == 1 {
			near, from, to, by = g.next, len(g.rows)-1, -1, -1
		}
		for l := from; l != to; l += by {
			row := g.rows[l]
			mean := make(map[int]float64, len(row))
			for i, v := range row {
				mean[v] = float64(i)
				if len(near[v]) > 0 {
					s := 0.0
					for _, u := range near[v] {
						s += pos[u]
					}
					mean[v] = s / float64(len(near[v]))
				}
			}
			slices.SortStableFunc(row, func(a, b int) int { return cmp.Compare(mean[a], mean[b]) })
			for i, v := range row {
				pos[v] = float64(i)
			}
		}
		if c := g.crossings(); c < fewest {
			best, fewest = copyRows(g.rows), c
		}
	}
	g.rows = best
}

func copyRows(rows [][]int) [][]int {
	out := make([][]int, len(rows))
	for i, r := range rows {
		out[i] = slices.Clone(r)
	}
	return out
}

// crossings counts the pairs of edges that cross.
func (g *layered) crossings() int {
	pos := make([]int, len(g.layer))
	for _, row := range g.rows {
		for i, v := range row {
			pos[v] = i
		}
	}
	n := 0
	for _, row := range g.rows {
		var ends [][2]int
		for _, v := range row {
			for _, u := range g.next[v] {
				ends = append(ends, [2]int{pos[v], pos[u]})
			}
		}
		for i, a := range ends {
			for _, b := range ends[:i] {
				if (a[0]-b[0])*(a[1]-b[1]) < 0 {
					n++
				}
			}
		}
	}
	return n
}

func (g *layered) size(v int) float64 {
	if v >= g.real {
		return dummyW
	}
	return nodeW
}

// rowWidth is the least width of a layer.
func (g *layered) rowWidth(l int) float64 {
	w := -nodeGapX
	for _, v := range g.rows[l] {
		w += g.size(v) + nodeGapX
	}
	return math.Max(w, 0)
}

// fold chooses the number of layers in a column, so that the picture is about
// a third wider than high.
func (g *layered) fold() {
	deep := len(g.rows)
	least := math.Inf(1)
	for columns := 1; columns <= max(1, deep/4); columns++ {
		per := max(1, (deep+columns-1)/columns)
		w := g.columns(per)
		h := float64(per) * layerPitch
		bad := math.Abs(math.Log(w / h / 1.3))
		if w > 1150 {
			bad += (w - 1150) / 300
		}
		if bad < least {
			least, g.per = bad, per
		}
	}
	if g.per == 0 {
		g.per = max(1, deep)
	}
	g.columns(g.per)
}

// columns sets the widths of columns of so many layers, and gives the sum.
func (g *layered) columns(per int) float64 {
	g.width, g.left = nil, nil
	sum := 0.0
	for l := 0; l < len(g.rows); l += per {
		w := nodeW
		for k := l; k < min(l+per, len(g.rows)); k++ {
			w = math.Max(w, g.rowWidth(k))
		}
		g.left = append(g.left, sum)
		g.width = append(g.width, w)
		sum += w + gutter
	}
	return sum - gutter
}

// place sets the middle of each node across its column: near its neighbours,
// in order, without overlap.
func (g *layered) place() {
	g.x = make([]float64, len(g.layer))
	for l, row := range g.rows {
		c := l / g.per
		at := g.left[c] + (g.width[c]-g.rowWidth(l))/2
		for _, v := range row {
			g.x[v] = at + g.size(v)/2
			at += g.size(v) + nodeGapX
		}
	}
	for round := range 16 {
		for k := range g.rows {
			l := k
			if round%2 == 1 {
				l = len(g.rows) - 1 - k
			}
			g.settle(l)
		}
	}
}

// settle moves the nodes of a layer towards the mean of their neighbours in the
// same column.
func (g *layered) settle(l int) {
	row, c := g.rows[l], l/g.per
	want := make([]float64, len(row))
	for i, v := range row {
		s, n := 0.0, 0.0
		for _, near := range [][]int{g.prev[v], g.next[v]} {
			for _, u := range near {
				if g.layer[u]/g.per == c {
					weight := 1.0
					if u >= g.real && v >= g.real {
						weight = 6 // long edges run straight
					}
					s, n = s+weight*g.x[u], n+weight
				}
			}
		}
		want[i] = g.x[v]
		if n > 0 {
			want[i] = s / n
		}
	}
	lo, hi := slices.Clone(want), slices.Clone(want)
	apart := func(i int) float64 { return (g.size(row[i-1])+g.size(row[i]))/2 + nodeGapX }
	for i := 1; i < len(row); i++ {
		lo[i] = math.Max(lo[i], lo[i-1]+apart(i))
	}
	for i := len(row) - 1; i > 0; i-- {
		hi[i-1] = math.Min(hi[i-1], hi[i]-apart(i))
	}
	for i, v := range row {
		g.x[v] = (lo[i] + hi[i]) / 2 // both keep the distances, and so does their mean
	}
	// Back into the column.
	edge := g.left[c]
	for i, v := range row {
		if i > 0 {
			edge = g.x[row[i-1]] + apart(i) - g.size(v)/2
		}
		g.x[v] = math.Max(g.x[v], edge+g.size(v)/2)
	}
	edge = g.left[c] + g.width[c]
	for i := len(row) - 1; i >= 0; i-- {
		if i < len(row)-1 {
			edge = g.x[row[i+1]] - apart(i+1) + g.size(row[i])/2
		}
		g.x[row[i]] = math.Min(g.x[row[i]], edge-g.size(row[i])/2)
	}
}

// extent gives the size of the drawing.
func (g *layered) extent() (w, h float64) {
	if len(g.rows) == 0 {
		return nodeW, nodeH
	}
	last := len(g.left) - 1
	return g.left[last] + g.width[last], float64(min(g.per, len(g.rows))-1)*layerPitch + nodeH
}

// at gives the middle of a node.
func (g *layered) at(v int) xy {
	return xy{g.x[v], float64(g.layer[v]%g.per)*layerPitch + nodeH/2}
}
