package alloc

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestTable compares what a table says with all choices: equal where its lists hold
// everything, and never above where neighbours are joined.
func TestTable(t *testing.T) {
	const tolerance = 1e-12 // sums of a dozen numbers about one
	r := rand.New(rand.NewPCG(4, 31))
	exact, joined, ruled := 0, 0, 0
	for n := range 600 {
		in := &instance{m: 2, off: []int{0}, budget: []float64{1, 1}}
		for i := range 6 {
			for range 2 + r.IntN(3) {
				scale := math.Exp2(float64(-r.IntN(5)))
				o, c, d := r.Float64()*0.2*scale, r.Float64()*0.5*scale, r.Float64()*0.4
				if n%2 == 0 {
					c = math.Round(c*8) / 16 // whole proportion
				}
				in.o, in.id = append(in.o, snap(o, 1)), append(in.id, len(in.id))
				in.c = append(in.c, snap(c, 1), snap(d, 1))
			}
			in.off, in.item = append(in.off, len(in.o)), append(in.item, i)
		}
		lambda := []float64{0.01 + r.Float64(), r.Float64()}
		// By candidate, the least with limit 0 kept and limit 1 priced.
		via := make([]float64, len(in.o))
		for j := range via {
			via[j] = math.Inf(1)
		}
		least := math.Inf(1)
		pick := make([]int, 0, 6)
		var walk func(i int, o, c, d float64)
		walk = func(i int, o, c, d float64) {
			if i == in.items() {
				if c > 1 {
					return
				}
				v := o + lambda[1]*(d-1)
				least = min(least, v)
				for _, j := range pick {
					via[j] = min(via[j], v)
				}
				return
			}
			for j := in.off[i]; j < in.off[i+1]; j++ {
				pick = append(pick, j)
				walk(i+1, o+in.o[j], c+in.c[2*j], d+in.c[2*j+1])
				pick = pick[:i]
			}
		}
		walk(0, 0, 0, 0)
		for _, most := range []int{1 << 20, 4} {
			x := table{most: most}
			x.prepare(&node{in: in, lambda: lambda}, 0, least+0.1*r.Float64())
			excess, ok := x.backward()
			if !ok {
				continue
			}
			bound := x.base + excess
			switch {
			case bound > least+tolerance:
				t.Fatalf("case %d, %d marks: bound %v above the least %v", n, most, bound, least)
			case x.lost > 0:
				joined++
			case bound < least-tolerance:
				t.Fatalf("case %d: bound %v, the least is %v", n, bound, least)
			default:
				exact++
			}
			for j, v := range x.via() {
				if v += x.base; v > via[j]+tolerance && via[j] < x.base+x.gap-2*x.pad {
					t.Fatalf("case %d, %d marks: with candidate %d %v, the least is %v", n, most, j, v, via[j])
				} else if v > x.base+x.gap {
					ruled++
				}
			}
		}
	}
	if exact < 200 || joined < 50 || ruled < 500 {
		t.Errorf("%d exact, %d joined, %d candidates ruled out", exact, joined, ruled)
	}
	t.Logf("%d exact, %d joined, %d candidates ruled out", exact, joined, ruled)
}
