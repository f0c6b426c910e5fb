package rewrite_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/onnx"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/rewrite"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// maxRounding is the greatest difference that an exact pass may make, as a part
// of the range of the outputs: a hundred of float32's units of 6e-8, for a folded
// weight is rounded once more in each layer.
const maxRounding = 1e-5

func eval(n *graph.Node, opset int, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
	return ops.Apply(n, opset, in...)
}

func passes() []*rewrite.Pass {
	return []*rewrite.Pass{rewrite.RemoveIdentity, rewrite.FoldConstants(eval), rewrite.FoldBatchNorm}
}

// models are the embedded network and those that stand beside the project.
func models(t *testing.T) map[string]*graph.Graph {
	t.Helper()
	g, err := onnx.Decode(demo.Model(), "")
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]*graph.Graph{"embedded": g}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for root != filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		root = filepath.Dir(root)
	}
	paths, _ := filepath.Glob(filepath.Join(root, "..", "shared", "models", "*.onnx"))
	if len(paths) == 0 {
		t.Log("the reference networks, which the project may not carry, are absent: the embedded network alone")
	}
	for _, path := range paths {
		if list[filepath.Base(path)], err = onnx.Open(path); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// outputs runs g on a batch of two random samples.
func outputs(t *testing.T, g *graph.Graph) []*tensor.Tensor {
	t.Helper()
	s, err := exec.New(g, exec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	in := exec.Values{}
	for _, v := range g.Inputs() {
		shape := make([]int, len(v.Dims))
		for i, d := range v.Dims {
			if shape[i] = d.Size; d.Size < 0 {
				shape[i] = 2
			}
		}
		x := tensor.New(tensor.Float32, shape...)
		for i := range x.F32() {
			x.F32()[i] = r.Float32()
		}
		in[v.Name] = x
	}
	out, err := s.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	var list []*tensor.Tensor
	for _, v := range g.Outputs() {
		list = append(list, out[v.Name])
	}
	return list
}

func sameOutputs(t *testing.T, what string, before, after *graph.Graph) {
	t.Helper()
	a, b := outputs(t, before), outputs(t, after)
	if len(a) != len(b) {
		t.Fatalf("%s: %d outputs became %d", what, len(a), len(b))
	}
	for k := range a {
		if !tensor.SameShape(a[k].Shape(), b[k].Shape()) {
			t.Fatalf("%s: output %v became %v", what, a[k].Shape(), b[k].Shape())
		}
		x, y := a[k].F32(), b[k].F32()
		lo, hi, worst := x[0], x[0], 0.0
		for i := range x {
			lo, hi = min(lo, x[i]), max(hi, x[i])
			worst = max(worst, math.Abs(float64(x[i])-float64(y[i])))
		}
		if scale := max(float64(hi-lo), 1e-3); !(worst <= maxRounding*scale) {
			t.Errorf("%s: output %d moved by %.2g of its range", what, k, worst/scale)
		}
	}
}

func count(g *graph.Graph, op string) int {
	n := 0
	for _, node := range g.Nodes() {
		if node.Op == op {
			n++
		}
	}
	return n
}

func TestExactPassesKeepTheOutputs(t *testing.T) {
	for name, g := range models(t) {
		for _, p := range passes() {
			if !p.Exact {
				t.Errorf("%s is not said to be exact", p)
			}
			h, err := rewrite.Apply(g, p)
			if err != nil {
				t.Fatal(err)
			}
			sameOutputs(t, fmt.Sprintf("%s after %s", name, p), g, h)
		}
		nodes := len(g.Nodes())
		h, err := rewrite.Apply(g, passes()...)
		if err != nil {
			t.Fatal(err)
		}
		sameOutputs(t, name+" after all passes", g, h)
		if len(g.Nodes()) != nodes {
			t.Errorf("%s: the graph that was given changed", name)
		}
		again, err := rewrite.Apply(h, passes()...)
		if err != nil {
			t.Fatal(err)
		}
		if again != h {
			t.Errorf("%s: a second time changes it again", name)
		}
	}
}

func TestBatchNormsOfTheEmbeddedNetworkAllFold(t *testing.T) {
	g := models(t)["embedded"]
	if count(g, "BatchNormalization") == 0 {
		t.Fatal("there is none to fold")
	}
	h, err := rewrite.Apply(g, passes()...)
	if err != nil {
		t.Fatal(err)
	}
	if n := count(h, "BatchNormalization"); n != 0 {
		t.Errorf("%d of %d stay", n, count(g, "BatchNormalization"))
	}
	if count(h, "Conv") != count(g, "Conv") {
		t.Errorf("%d convolutions became %d", count(g, "Conv"), count(h, "Conv"))
	}
	for _, n := range g.Nodes() {
		if n.Op == "Conv" && (h.Node(n.Name) == nil || h.Node(n.Name).Op != "Conv") {
			t.Errorf("%v lost its name", n)
		}
	}
}

func TestConstantsFold(t *testing.T) {
	g := conv(t, func(p *graph.Parts) {
		p.Nodes = append(p.Nodes,
			&graph.Node{Name: "neg", Op: "Neg", Inputs: []string{"scale"}, Outputs: []string{"s1"}},
			&graph.Node{Name: "abs", Op: "Abs", Inputs: []string{"s1"}, Outputs: []string{"s2"}},
			&graph.Node{Name: "out", Op: "Abs", Inputs: []string{"bias"}, Outputs: []string{"z"}},
			&graph.Node{Name: "q", Op: "QuantizeLinear", Inputs: []string{"mean", "one"}, Outputs: []string{"codes"}},
			&graph.Node{Name: "noise", Op: "RandomNormalLike", Inputs: []string{"mean"}, Outputs: []string{"random"}},
			&graph.Node{Name: "live", Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"lx"}})
		p.Consts = append(p.Consts, &graph.Const{Name: "one", Tensor: tensor.Scalar(float32(1))})
		p.Nodes[1].Inputs[1] = "s2"
		p.Outputs = append(p.Outputs, graph.Value{Name: "z"}, graph.Value{Name: "codes"}, graph.Value{Name: "random"}, graph.Value{Name: "lx"})
	})
	h, err := rewrite.Apply(g, rewrite.FoldConstants(eval))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"neg", "abs", "out"} {
		if h.Node(name) != nil {
			t.Errorf("%s stays", name)
		}
	}
	for _, name := range []string{"layer", "bn", "q", "noise", "live"} {
		if h.Node(name) == nil {
			t.Errorf("%s was folded", name)
		}
	}
	for i, v := range h.Const("s2").F32() {
		if want := float32(math.Abs(float64(g.Const("scale").F32()[i]))); v != want {
			t.Errorf("element %d is %v, want %v", i, v, want)
		}
	}
	if h.Const("z") == nil || !h.IsOutput("z") {
		t.Error("a constant output is lost")
	}
	if h, err := rewrite.Apply(h, rewrite.FoldBatchNorm); err != nil || count(h, "BatchNormalization") != 0 {
		t.Errorf("with its scale folded, the normalization stays: %v", err)
	}
	refuse := func(*graph.Node, int, []*tensor.Tensor) ([]*tensor.Tensor, error) { return nil, errors.ErrUnsupported }
	if h, err := rewrite.Apply(g, rewrite.FoldConstants(refuse)); err != nil || h != g {
		t.Errorf("what eval refuses was changed: %v", err)
	}
	huge := func(*graph.Node, int, []*tensor.Tensor) ([]*tensor.Tensor, error) {
		big, err := tensor.Lazy(tensor.Float32, []int{1 << 30}, nil)
		return []*tensor.Tensor{big}, err
	}
	if h, err := rewrite.Apply(g, rewrite.FoldConstants(huge)); err != nil || h != g {
		t.Errorf("a result of 4 GiB was folded: %v", err)
	}
}

func TestSmallFilesDoNotGrowByFolding(t *testing.T) {
	for op, in := range map[string][]string{"ConstantOfShape": {"s"}, "Expand": {"o", "s"}, "Tile": {"o", "s"}} {
		for shape, folds := range map[int64]bool{10: true, 1 << 31: false, 1 << 35: false} {
			g, err := graph.New(graph.Parts{
				Outputs: []graph.Value{{Name: "y"}},
				Consts:  []*graph.Const{{Name: "s", Tensor: tensor.Of([]int64{shape}, 1)}, {Name: "o", Tensor: tensor.Of([]float32{1}, 1)}},
				Nodes:   []*graph.Node{{Op: op, Inputs: in, Outputs: []string{"y"}}},
				Model:   &graph.Model{Opsets: map[string]int{"": 13}},
			})
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			h, err := rewrite.Apply(g, rewrite.FoldConstants(eval))
			runtime.ReadMemStats(&after)
			if err != nil || (len(h.Nodes()) == 0) != folds {
				t.Errorf("%s of %d elements: %d nodes, %v", op, shape, len(h.Nodes()), err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
				t.Errorf("%s of %d elements: %d bytes were taken", op, shape, n)
			}
		}
	}
}

func TestIdentitiesAreTakenOut(t *testing.T) {
	g := conv(t, func(p *graph.Parts) {
		p.Nodes[0].Inputs[0], p.Nodes[1].Inputs[0] = "x3", "d"
		p.Nodes = append(p.Nodes,
			&graph.Node{Name: "i1", Op: "Identity", Inputs: []string{"x"}, Outputs: []string{"x1"}},
			&graph.Node{Name: "i2", Op: "Identity", Inputs: []string{"x1"}, Outputs: []string{"x2"}},
			&graph.Node{Name: "i3", Op: "Identity", Inputs: []string{"x2"}, Outputs: []string{"x3"}},
			&graph.Node{Name: "drop", Op: "Dropout", Inputs: []string{"c"}, Outputs: []string{"d"}},
			&graph.Node{Name: "masked", Op: "Dropout", Inputs: []string{"c"}, Outputs: []string{"e", "mask"}},
			&graph.Node{Name: "last", Op: "Identity", Inputs: []string{"x1"}, Outputs: []string{"z"}},
			&graph.Node{Name: "foreign", Op: "Identity", Domain: "com.acme", Inputs: []string{"x"}, Outputs: []string{"f"}})
		p.Outputs = append(p.Outputs, graph.Value{Name: "z"}, graph.Value{Name: "e"}, graph.Value{Name: "mask"}, graph.Value{Name: "f"})
	})
	h, err := rewrite.Apply(g, rewrite.RemoveIdentity)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"i1", "i2", "i3", "drop"} {
		if h.Node(name) != nil {
			t.Errorf("%s stays", name)
		}
	}
	for _, name := range []string{"last", "masked", "foreign"} {
		if h.Node(name) == nil {
			t.Errorf("%s was taken out: its output is wanted under its name, or it is no identity", name)
		}
	}
	if h.Node("layer").Inputs[0] != "x" || h.Node("last").Inputs[0] != "x" || h.Node("bn").Inputs[0] != "c" {
		t.Errorf("%v %v", h.Node("layer").Inputs, h.Node("last").Inputs)
	}
}

func TestThousandsOfIdentitiesAreQuick(t *testing.T) {
	const n = 3000
	p := graph.Parts{Inputs: []graph.Value{{Name: "v0"}}, Outputs: []graph.Value{{Name: "y"}}}
	for i := range n {
		p.Nodes = append(p.Nodes, &graph.Node{Op: "Identity", Inputs: []string{fmt.Sprint("v", i)}, Outputs: []string{fmt.Sprint("v", i+1)}})
	}
	p.Nodes = append(p.Nodes, &graph.Node{Op: "Relu", Inputs: []string{fmt.Sprint("v", n)}, Outputs: []string{"y"}})
	g, err := graph.New(p)
	if err != nil {
		t.Fatal(err)
	}
	h, err := rewrite.Apply(g, rewrite.RemoveIdentity)
	if err != nil || len(h.Nodes()) != 1 || h.Nodes()[0].Inputs[0] != "v0" {
		t.Errorf("%d nodes, %v", len(h.Nodes()), err)
	}
}

func TestAnErrorNamesThePass(t *testing.T) {
	bad := &rewrite.Pass{Name: "bad", Run: func(*graph.Graph) (*graph.Graph, error) { return nil, errors.ErrUnsupported }}
	_, err := rewrite.Apply(conv(t, nil), rewrite.RemoveIdentity, bad)
	if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "rewrite: bad: ") {
		t.Errorf("got %v", err)
	}
}
