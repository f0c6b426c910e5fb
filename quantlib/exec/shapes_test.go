package exec

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/onnx"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// untyped is g without the types of the values between nodes.
func untyped(t *testing.T, g *graph.Graph) *graph.Graph {
	t.Helper()
	u, err := graph.New(graph.Parts{Name: g.Name(), Nodes: g.Nodes(), Inputs: g.Inputs(), Outputs: g.Outputs(), Consts: g.Consts(), Model: g.Model()})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// checkShapes compares what is inferred without types with the shapes of a run,
// and gives how many values were inferred.
func checkShapes(t *testing.T, g *graph.Graph) int {
	t.Helper()
	const batch = 3
	g = untyped(t, g)
	known := inferShapes(g)
	in := Values{}
	for _, v := range g.Inputs() {
		shape := make([]int, len(v.Dims))
		for i, d := range v.Dims {
			if shape[i] = d.Size; d.Size < 0 {
				shape[i] = batch
			}
		}
		in[v.Name] = tensor.New(v.DType, shape...)
	}
	s, err := New(g, Options{})
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	_, err = s.Tap(context.Background(), in, func(name string, v *tensor.Tensor) {
		dims := known.of(name)
		if dims == nil {
			return
		}
		count++
		ok := len(dims) == v.Rank()
		for i := 0; ok && i < len(dims); i++ {
			ok = dims[i].Size == v.Dim(i) || dims[i].Size < 0 && v.Dim(i) == batch
		}
		if !ok {
			t.Errorf("%q is inferred as %v, and is %v", name, dims, v.Shape())
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return count
}

func TestInferredShapesAreThoseOfARun(t *testing.T) {
	if n := checkShapes(t, network(t)); n != 8 { // all but what Flatten makes; the output's is stated
		t.Errorf("%d shapes are known, want 8", n)
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "models", "*.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			g, err := onnx.Open(f)
			if os.IsNotExist(err) {
				t.Skip("the network is not here")
			} else if err != nil {
				t.Fatal(err)
			}
			if n := checkShapes(t, g); n < len(g.Inputs())+1 {
				t.Errorf("%d shapes are known", n)
			}
		})
	}
}

func TestResidualAddsFuseWithoutTypes(t *testing.T) {
	with := session(t, Options{Threads: 1})
	without, err := New(untyped(t, network(t)), Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if with.Calls() != without.Calls() || without.Calls() != 5 {
		t.Errorf("%d calls with types, %d without, want 5", with.Calls(), without.Calls())
	}
	if !tensor.Equal(run(t, with.Run, input(2)), run(t, without.Run, input(2))) {
		t.Error("outputs differ")
	}
}

func TestAddsThatMayBroadcastDoNotFuse(t *testing.T) {
	// The batch of one operand has no name: it may be a one.
	g := network(t)
	e := g.Edit()
	e.SetInputs(graph.Value{Name: "x", DType: tensor.Float32, Ranked: true, Dims: []graph.Dim{{Size: -1}, {Size: 2}, {Size: 6}, {Size: 6}}})
	h, err := e.Graph()
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(untyped(t, h), Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if s.Calls() != 7 {
		t.Errorf("%d calls, want 7: the add may have to broadcast", s.Calls())
	}
	if !tensor.Equal(run(t, s.Run, input(2)), run(t, session(t, Options{}).Run, input(2))) {
		t.Error("outputs differ")
	}
}
