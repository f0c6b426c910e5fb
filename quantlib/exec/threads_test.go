package exec

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func TestWholeNetworksGiveTheSameBitsOnAnyThreads(t *testing.T) {
	for _, batch := range []int{1, 3} {
		if testing.Short() && batch > 1 {
			continue
		}
		for _, m := range append(measuredNetworks(t, batch), residualNet(t, 40, 24)) {
			if m.name == "residual" {
				m.shape[0] = batch
			}
			in := m.values()
			name := m.g.Outputs()[0].Name
			var want *tensor.Tensor
			for _, threads := range []int{1, 2, 8} {
				s, err := New(m.g, Options{Threads: threads})
				if err != nil {
					t.Fatal(err)
				}
				for range 2 { // the second run recycles buffers
					out, err := s.Run(context.Background(), in)
					if err != nil {
						t.Fatalf("%s: %v", m.name, err)
					}
					if want == nil {
						want = out[name]
					}
					if !tensor.Equal(out[name], want) {
						t.Errorf("%s, batch %d: %d threads give other bits than one", m.name, batch, threads)
					}
				}
			}
		}
	}
}

// flow draws networks of element-wise steps and products on float32[4,70] in
// which If, Loop and Scan stand inside each other and use values from around
// them.
type flow struct {
	r     *rand.Rand
	count int
}

func (f *flow) name(prefix string) string {
	f.count++
	return fmt.Sprint(prefix, f.count)
}

// steps appends nodes that make a value of visible ones; it returns its name.
func (f *flow) steps(p *graph.Parts, visible []string, depth int) string {
	pick := func() string { return visible[f.r.IntN(len(visible))] }
	add := func(op, out string, in []string, attrs ...graph.Attr) string {
		p.Nodes = append(p.Nodes, &graph.Node{Name: f.name(op), Op: op, Inputs: in, Outputs: []string{out}, Attrs: attrs})
		visible = append(visible, out)
		return out
	}
	constant := func(t *tensor.Tensor) string {
		c := f.name("c")
		p.Consts = append(p.Consts, &graph.Const{Name: c, Tensor: t})
		return c
	}
	body := func(inputs []string, make func(q *graph.Parts, visible []string) []string) *graph.Graph {
		q := graph.Parts{Name: f.name("g"), Outer: map[string]bool{}, Model: p.Model}
		for _, v := range visible {
			q.Outer[v] = true
		}
		for _, in := range inputs {
			q.Inputs = append(q.Inputs, graph.Value{Name: in})
		}
		for _, o := range make(&q, append([]string(nil), visible...)) {
			q.Outputs = append(q.Outputs, graph.Value{Name: o})
		}
		g, err := graph.New(q)
		if err != nil {
			panic(err)
		}
		return g
	}
	last := pick()
	for range 2 + f.r.IntN(4) {
		kind := f.r.IntN(8)
		if depth == 0 {
			kind %= 5
		}
		out := f.name("v")
		switch kind {
		case 0:
			last = add([]string{"Tanh", "Sigmoid", "Relu", "Softmax"}[f.r.IntN(4)], out, []string{pick()})
		case 1, 2:
			last = add([]string{"Add", "Sub", "Mul", "Max"}[f.r.IntN(4)], out, []string{pick(), pick()})
		case 3, 4:
			w := tensor.New(tensor.Float32, 70, 70)
			for i := range w.F32() {
				w.F32()[i] = float32(f.r.NormFloat64() / 8)
			}
			last = add("MatMul", out, []string{pick(), constant(w)})
		case 5: // If, on the sign of a mean
			sum := add("ReduceMean", f.name("s"), []string{pick()}, graph.IntAttr("keepdims", 0))
			visible = visible[:len(visible)-1]
			cond := add("Greater", f.name("b"), []string{sum, constant(tensor.Scalar(float32(f.r.NormFloat64() / 10)))})
			visible = visible[:len(visible)-1]
			branch := func() *graph.Graph {
				return body(nil, func(q *graph.Parts, v []string) []string { return []string{f.steps(q, v, depth-1)} })
			}
			last = add("If", out, []string{cond}, graph.Attr{Name: "then_branch", Kind: graph.AttrGraph, G: branch()},
				graph.Attr{Name: "else_branch", Kind: graph.AttrGraph, G: branch()})
		case 6: // Loop over a carried value
			state := f.name("l")
			i, c := f.name("i"), f.name("k")
			g := body([]string{i, c, state}, func(q *graph.Parts, v []string) []string {
				return []string{c, f.steps(q, append(v, state), depth-1)}
			})
			last = add("Loop", out, []string{constant(tensor.Scalar(int64(1 + f.r.IntN(3)))), "", pick()}, graph.Attr{Name: "body", Kind: graph.AttrGraph, G: g})
		case 7: // Scan over rows, which a sum spreads over the value carried along
			state, row := f.name("t"), f.name("r")
			g := body([]string{state, row}, func(q *graph.Parts, v []string) []string {
				both := f.name("u")
				q.Nodes = append(q.Nodes, &graph.Node{Name: f.name("Add"), Op: "Add", Inputs: []string{state, row}, Outputs: []string{both}})
				return []string{f.steps(q, append(v, both), depth-1)}
			})
			last = add("Scan", out, []string{pick(), pick()}, graph.IntAttr("num_scan_inputs", 1), graph.Attr{Name: "body", Kind: graph.AttrGraph, G: g})
		}
	}
	return last
}

func TestRandomControlFlowGivesTheSameBitsOnAnyThreads(t *testing.T) {
	kinds := map[string]int{}
	for seed := range uint64(60) {
		f := &flow{r: rand.New(rand.NewPCG(seed, 11))}
		p := graph.Parts{Inputs: []graph.Value{{Name: "x", DType: tensor.Float32}}, Model: &graph.Model{Opsets: map[string]int{"": 13}}}
		p.Outputs = []graph.Value{{Name: f.steps(&p, []string{"x"}, 2)}}
		g, err := graph.New(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range g.Nodes() {
			kinds[n.Op]++
		}
		x := tensor.New(tensor.Float32, 4, 70)
		for i := range x.F32() {
			x.F32()[i] = float32(f.r.NormFloat64())
		}
		var want *tensor.Tensor
		for _, o := range []Options{{Threads: 1, NoFuse: true}, {Threads: 1}, {Threads: 2}, {Threads: 8}} {
			s, err := New(g, o)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				out, err := s.Run(context.Background(), Values{"x": x})
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				y := out[p.Outputs[0].Name]
				if want == nil {
					want = y
				}
				if !tensor.Equal(y, want) {
					t.Errorf("seed %d, %+v: the bits differ", seed, o)
				}
			}
		}
	}
	for _, op := range []string{"If", "Loop", "Scan"} {
		if kinds[op] < 10 {
			t.Errorf("%d nodes of %s", kinds[op], op)
		}
	}
}
