package rewrite_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/rewrite"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// Constants that grow by broadcasting, by products and by repetition stay as the
// file has them, and little memory and time is spent to see that.
func TestSmallConstantsDoNotGrowIntoLargeOnes(t *testing.T) {
	column, row := tensor.New(tensor.Float32, 1<<16, 1), tensor.New(tensor.Float32, 1, 1<<16)
	square, few := tensor.New(tensor.Float32, 1<<11, 1<<11), tensor.New(tensor.Float32, 1<<8)
	node := func(op, out string, in ...string) *graph.Node {
		return &graph.Node{Name: out, Op: op, Inputs: in, Outputs: []string{out}}
	}
	doubled := []*graph.Node{node("Flatten", "d0", "few")}
	for i := range 60 {
		n := node("Concat", fmt.Sprint("d", i+1), fmt.Sprint("d", i), fmt.Sprint("d", i))
		n.Attrs = []graph.Attr{graph.IntAttr("axis", 0)}
		doubled = append(doubled, n)
	}
	var spread []*graph.Node
	for i := range 100 {
		spread = append(spread, node("Expand", fmt.Sprint("e", i), "one", "shape"))
	}
	var products []*graph.Node
	for i := range 100 {
		products = append(products, node("MatMul", fmt.Sprint("m", i), fmt.Sprint("m", i-1), "square"))
	}
	products[0].Inputs[0] = "square"
	for _, c := range []struct {
		name  string
		nodes []*graph.Node
		left  [2]int // nodes that stay, at least and at most
		most  uint64 // bytes that may be allocated
	}{
		{"an outer sum", []*graph.Node{node("Add", "y", "column", "row")}, [2]int{1, 1}, 1 << 20},
		{"an outer comparison", []*graph.Node{node("Less", "y", "column", "row")}, [2]int{1, 1}, 1 << 20},
		{"an outer product", []*graph.Node{node("MatMul", "y", "column", "row")}, [2]int{1, 1}, 1 << 20},
		{"an outer choice", []*graph.Node{node("Where", "y", "yes", "column", "row")}, [2]int{1, 1}, 1 << 20},
		{"sixty doublings", doubled, [2]int{44, 50}, 600 << 20},
		{"a hundred expansions", spread, [2]int{85, 95}, 600 << 20},
		{"products without end", products, [2]int{100, 100}, 1 << 20},
	} {
		p := graph.Parts{
			Consts: []*graph.Const{{Name: "column", Tensor: column}, {Name: "row", Tensor: row}, {Name: "square", Tensor: square}, {Name: "few", Tensor: few},
				{Name: "shape", Tensor: tensor.Of([]int64{1 << 13, 1 << 8}, 2)}, {Name: "one", Tensor: tensor.New(tensor.Float32, 1)}, {Name: "yes", Tensor: tensor.New(tensor.Bool, 1)}},
			Nodes: c.nodes, Model: &graph.Model{Opsets: map[string]int{"": 13}},
		}
		for _, n := range c.nodes {
			p.Outputs = append(p.Outputs, graph.Value{Name: n.Outputs[0]})
		}
		if c.name != "products without end" {
			p.Consts = append(p.Consts[:2:2], p.Consts[3:]...)
		}
		g, err := graph.New(p)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		h, err := rewrite.Apply(g, rewrite.FoldConstants(func(n *graph.Node, opset int, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
			return ops.ApplyWithin(rewrite.MaxFolded, n, opset, in...)
		}))
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		total := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %d of %d nodes stay, %d bytes, %v", c.name, len(h.Nodes()), len(c.nodes), total, took)
		if n := len(h.Nodes()); n < c.left[0] || n > c.left[1] {
			t.Errorf("%s: %d of %d nodes stay, want %v", c.name, n, len(c.nodes), c.left)
		}
		if total > c.most {
			t.Errorf("%s: %d bytes were allocated, at most %d may be", c.name, total, c.most)
		}
	}
}
