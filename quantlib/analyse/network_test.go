package analyse_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// uniform is n samples of each input, values in ±reach.
type uniform struct {
	n      int
	inputs map[string]input
	seed   uint64
}

type input struct {
	width int
	reach float64
}

func (u uniform) Len() int { return u.n }

func (u uniform) Batch(lo, hi int) (exec.Values, error) {
	v := exec.Values{}
	for name, in := range u.inputs {
		t := tensor.New(tensor.Float32, hi-lo, in.width)
		for i := lo; i < hi; i++ {
			r := rand.New(rand.NewPCG(u.seed, uint64(i)))
			for k := range in.width {
				t.F32()[(i-lo)*in.width+k] = float32((2*r.Float64() - 1) * in.reach)
			}
		}
		v[name] = t
	}
	return v, nil
}

// network has float32 inputs [N w], the nodes, and a MatMul of value "a" [N 8] by an
// ordinary weight.
func network(t *testing.T, inputs map[string]input, consts map[string][]float32, nodes ...*graph.Node) *plan.Map {
	t.Helper()
	weight := make([]float32, 8*4)
	for i := range weight {
		weight[i] = float32(math.Sin(float64(i + 1)))
	}
	p := graph.Parts{Model: &graph.Model{Opsets: map[string]int{"": 13}}, Outputs: []graph.Value{{Name: "y"}}}
	for _, name := range []string{"x", "z"} {
		if in, ok := inputs[name]; ok {
			p.Inputs = append(p.Inputs, graph.Value{Name: name, DType: tensor.Float32, Ranked: true, Dims: []graph.Dim{{Size: -1}, {Size: in.width}}})
		}
	}
	if consts["w"] == nil {
		p.Consts = append(p.Consts, &graph.Const{Name: "w", Tensor: tensor.Of(weight, 8, 4)})
	} else {
		p.Consts = append(p.Consts, &graph.Const{Name: "w", Tensor: tensor.Of(consts["w"], 8, 4)})
	}
	if c := consts["c"]; c != nil {
		p.Consts = append(p.Consts, &graph.Const{Name: "c", Tensor: tensor.Of(c, len(c))})
	}
	p.Nodes = append(nodes, &graph.Node{Name: "mul", Op: "MatMul", Inputs: []string{"a", "w"}, Outputs: []string{"y"}})
	g, err := graph.New(p)
	if err != nil {
		t.Fatal(err)
	}
	m, err := plan.Place(g)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func collect(t *testing.T, m *plan.Map, data calibrate.Samples) *calibrate.Stats {
	t.Helper()
	s, err := exec.New(m.Graph, exec.Options{Visible: m.Activations()})
	if err != nil {
		t.Fatal(err)
	}
	st, err := calibrate.Collect(context.Background(), s, m, data, calibrate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return st
}
