package sense

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// handNet is four layers: c1 feeds both c2 (depthwise) and c3 with one
// activation, whose sum feeds fc.
func handNet(t *testing.T) *plan.Map {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	weight := func(shape ...int) *tensor.Tensor {
		w := tensor.New(tensor.Float32, shape...)
		for i := range w.F32() {
			w.F32()[i] = float32(r.NormFloat64() / 3)
		}
		return w
	}
	value := func(name string, n ...int) graph.Value {
		d := []graph.Dim{{Size: -1, Name: "N"}}
		for _, k := range n {
			d = append(d, graph.Dim{Size: k})
		}
		return graph.Value{Name: name, DType: tensor.Float32, Dims: d, Ranked: true}
	}
	pads := graph.IntsAttr("pads", 1, 1, 1, 1)
	g, err := graph.New(graph.Parts{
		Name:   "hand",
		Inputs: []graph.Value{value("x", 2, 6, 6)}, Outputs: []graph.Value{value("y", 5)},
		Consts: []*graph.Const{
			{Name: "w1", Tensor: weight(8, 2, 3, 3)}, {Name: "w2", Tensor: weight(8, 1, 3, 3)},
			{Name: "w3", Tensor: weight(8, 8, 1, 1)}, {Name: "w4", Tensor: weight(5, 8*6*6)}, {Name: "b4", Tensor: weight(5)},
		},
		Nodes: []*graph.Node{
			{Name: "c1", Op: "Conv", Inputs: []string{"x", "w1"}, Outputs: []string{"a"}, Attrs: []graph.Attr{pads}},
			{Name: "r1", Op: "Relu", Inputs: []string{"a"}, Outputs: []string{"b"}},
			{Name: "c2", Op: "Conv", Inputs: []string{"b", "w2"}, Outputs: []string{"c"}, Attrs: []graph.Attr{pads, graph.IntAttr("group", 8)}},
			{Name: "c3", Op: "Conv", Inputs: []string{"b", "w3"}, Outputs: []string{"d"}},
			{Name: "sum", Op: "Add", Inputs: []string{"c", "d"}, Outputs: []string{"e"}},
			{Name: "flat", Op: "Flatten", Inputs: []string{"e"}, Outputs: []string{"h"}},
			{Name: "fc", Op: "Gemm", Inputs: []string{"h", "w4", "b4"}, Outputs: []string{"y"}, Attrs: []graph.Attr{graph.IntAttr("transB", 1)}},
		},
		Model: &graph.Model{Opsets: map[string]int{"": 13}},
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := plan.Place(g)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// one is a single sample for handNet.
type one struct{}

func (one) Len() int { return 1 }
func (one) Batch(lo, hi int) (exec.Values, error) {
	return exec.Values{"x": tensor.New(tensor.Float32, hi-lo, 2, 6, 6)}, nil
}

var handMACs = []int64{8 * 36 * 2 * 9, 8 * 36 * 9, 8 * 36 * 8, 5 * 8 * 36}

func TestMACsCountWhatTheShapesSay(t *testing.T) {
	m := handNet(t)
	s, err := exec.New(m.Graph, exec.Options{Visible: m.Activations()})
	if err != nil {
		t.Fatal(err)
	}
	macs, err := MACs(context.Background(), s, m, one{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range handMACs {
		if macs[i] != want {
			t.Errorf("%s: %d, want %d", m.Layers[i].Name, macs[i], want)
		}
	}
}

// handTable is a table of made-up noise, which falls with the width, not quite
// additive in Both.
func handTable(t *testing.T, seed uint64, widths ...int) *Table {
	t.Helper()
	m := handNet(t)
	r := rand.New(rand.NewPCG(seed, 7))
	g := &Grid{Widths: widths, Samples: 4, m: m}
	tie := map[int]float64{}
	for _, l := range m.Layers {
		g.Layers = append(g.Layers, l.Name)
		for _, k := range layerTies(m, l, Both) {
			if tie[k] == 0 {
				tie[k] = math.Exp(2 * r.NormFloat64())
			}
		}
	}
	for _, l := range m.Layers {
		for _, b := range widths {
			for _, mode := range []Mode{Weight, Activation, Both} {
				sum := 0.0
				for _, k := range layerTies(m, l, mode) {
					sum += tie[k] * math.Pow(4, -float64(b))
				}
				if mode == Both {
					sum *= 0.9
				}
				g.Cells = append(g.Cells, Cell{NSR: Measure{sum, sum / 10}, Valid: true})
			}
		}
	}
	for k := range m.Ties {
		g.Ties = append(g.Ties, m.Ties[k].Name)
		for _, b := range widths {
			noise := tie[k] * math.Pow(4, -float64(b))
			g.TieCells = append(g.TieCells, Cell{NSR: Measure{noise, noise / 10}, Valid: true})
		}
	}
	table, err := NewTable(g, handMACs)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// every calls f with each plan whose widths are of the set.
func every(m *plan.Map, widths []int, f func(plan.Plan)) {
	n := 1
	for range m.Ties {
		n *= len(widths)
	}
	for c := range n {
		p := m.Float()
		for i := range m.Ties {
			p = p.WithTie(i, schemeOf(m, i, widths[c%len(widths)]))
			c /= len(widths)
		}
		f(p)
	}
}

// slack is relative rounding of sums taken in different orders.
const slack = 1e-9
