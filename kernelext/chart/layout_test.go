package chart

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestLayoutKeepsItsPromises draws many random graphs: edges run downwards,
// nodes of a layer stand in order without overlap, and all lie in their column.
func TestLayoutKeepsItsPromises(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		n := 1 + r.IntN(60)
		var edges [][2]int
		for v := 1; v < n; v++ {
			for range 1 + r.IntN(2) {
				edges = append(edges, [2]int{max(0, v-1-r.IntN(6)), v})
			}
		}
		g := layout(n, edges)
		for _, e := range edges {
			if g.layer[e[0]] >= g.layer[e[1]] {
				t.Fatalf("round %d: edge %v does not run downwards", round, e)
			}
		}
		for l, row := range g.rows {
			c := l / g.per
			for i, v := range row {
				if lo, hi := g.x[v]-g.size(v)/2, g.x[v]+g.size(v)/2; lo < g.left[c]-0.01 || hi > g.left[c]+g.width[c]+0.01 {
					t.Fatalf("round %d: node %d lies outside its column", round, v)
				}
				if i > 0 {
					if u := row[i-1]; g.x[u]+g.size(u)/2 > g.x[v]-g.size(v)/2 {
						t.Fatalf("round %d: nodes %d and %d overlap", round, u, v)
					}
				}
			}
		}
		if again := layout(n, edges); fmt.Sprint(again.x) != fmt.Sprint(g.x) {
			t.Fatalf("round %d: two layouts of a graph differ", round)
		}
	}
}

func TestLayoutOfALadderHasNoCrossings(t *testing.T) {
	// Two chains side by side, given in turns, joined at both ends.
	edges := [][2]int{{0, 2}, {0, 1}, {2, 4}, {1, 3}, {4, 6}, {3, 5}, {6, 7}, {5, 7}}
	if n := layout(8, edges).crossings(); n != 0 {
		t.Errorf("%d crossings", n)
	}
}

func TestLabelsDoNotOverlap(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	q := &placer{x1: 400, y1: 300}
	var boxes [][4]float64
	for range 40 {
		x, y, w, h := 400*r.Float64(), 300*r.Float64(), 20+40*r.Float64(), 11.5
		cx, cy, _, ok := q.label(x, y, w, h)
		if !ok {
			continue
		}
		b := [4]float64{cx - w/2, cy - h/2, cx + w/2, cy + h/2}
		if b[0] < 0 || b[1] < 0 || b[2] > 400 || b[3] > 300 {
			t.Errorf("a label lies outside: %v", b)
		}
		for _, o := range boxes {
			if b[0] < o[2] && o[0] < b[2] && b[1] < o[3] && o[1] < b[3] {
				t.Errorf("labels %v and %v overlap", b, o)
			}
		}
		boxes = append(boxes, b)
	}
	if len(boxes) < 30 {
		t.Errorf("only %d of 40 labels found room", len(boxes))
	}
}

// TestHeatGrowsLighter holds the colours to an order that needs no sense of
// hue: each is lighter than the one before.
func TestHeatGrowsLighter(t *testing.T) {
	last := -1.0
	for i := range 101 {
		c := heat(float64(i) / 100)
		l := 0.2126*float64(c.R) + 0.7152*float64(c.G) + 0.0722*float64(c.B)
		if l < last {
			t.Errorf("at %d %% the colour is darker than before", i)
		}
		last = l
	}
}
