package exec

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// countdown is a context that is over after a number of looks at it.
type countdown struct {
	context.Context
	left atomic.Int64
}

func (c *countdown) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// layer is a network of one node; weights are constants of the given shapes.
func layer(t testing.TB, op string, outputs int, weights [][]int, attrs ...graph.Attr) *graph.Graph {
	t.Helper()
	n := &graph.Node{Name: "layer", Op: op, Inputs: []string{"x"}, Attrs: attrs}
	p := graph.Parts{Model: &graph.Model{Opsets: map[string]int{"": 13}}, Inputs: []graph.Value{{Name: "x", DType: tensor.Float32}}}
	for i, shape := range weights {
		name := fmt.Sprint("w", i)
		p.Consts = append(p.Consts, &graph.Const{Name: name, Tensor: tensor.New(tensor.Float32, shape...)})
		n.Inputs = append(n.Inputs, name)
	}
	for i := range outputs {
		n.Outputs = append(n.Outputs, fmt.Sprint("y", i))
		p.Outputs = append(p.Outputs, graph.Value{Name: n.Outputs[i]})
	}
	p.Nodes = []*graph.Node{n}
	g, err := graph.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// The runs look at the context once before the layer, which is then over after
// four looks of the layer's own, or one if short: had it fewer, it would run to
// its end.
func TestLongLayersStopInTheMiddle(t *testing.T) {
	looks, counts := int64(5), []int{1, 2}
	if testing.Short() { // an emulated processor takes seconds from look to look
		looks, counts = 2, counts[1:]
	}
	for _, c := range []struct {
		name  string
		g     *graph.Graph
		shape []int
	}{
		{"product", layer(t, "MatMul", 1, [][]int{{2048, 2048}}), []int{1536, 2048}},
		{"product of one row block", layer(t, "MatMul", 1, [][]int{{8192, 4096}}), []int{200, 8192}},
		{"transposed product", layer(t, "Gemm", 1, [][]int{{2048, 2048}}, graph.IntAttr("transB", 1)), []int{1536, 2048}},
		{"convolution", layer(t, "Conv", 1, [][]int{{256, 256, 3, 3}}, graph.IntsAttr("pads", 1, 1, 1, 1)), []int{1, 256, 112, 112}},
		{"convolution of a batch", layer(t, "Conv", 1, [][]int{{8, 3, 3, 3}}), []int{32, 3, 8, 8}},
		{"convolution in three dimensions", layer(t, "Conv", 1, [][]int{{64, 64, 3, 3, 3}}, graph.IntsAttr("pads", 1, 1, 1, 1, 1, 1)), []int{1, 64, 32, 32, 32}},
		{"transposed convolution", layer(t, "ConvTranspose", 1, [][]int{{256, 256, 4, 4}}, graph.IntsAttr("strides", 2, 2)), []int{1, 256, 64, 64}},
		{"activation", layer(t, "Tanh", 1, nil), []int{8 << 20}},
		{"sum over rows", layer(t, "ReduceMax", 1, nil, graph.IntsAttr("axes", 1)), []int{16 << 10, 1024}},
		{"softmax", layer(t, "Softmax", 1, nil), []int{32 << 10, 256}},
		{"recurrence", layer(t, "LSTM", 1, [][]int{{1, 32, 8}, {1, 32, 8}}, graph.IntAttr("hidden_size", 8)), []int{64, 1, 8}},
	} {
		for _, threads := range counts {
			s, err := New(c.g, Options{Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			ctx := &countdown{Context: context.Background()}
			ctx.left.Store(looks)
			_, err = s.Run(ctx, Values{"x": tensor.New(tensor.Float32, c.shape...)})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s, %d threads: the layer ran to its end with %d looks at the context: %v", c.name, threads, looks-ctx.left.Load(), err)
				continue
			}
			if late := -ctx.left.Load(); late > int64(threads) {
				t.Errorf("%s, %d threads: %d units were begun after the context was over", c.name, threads, late-1)
			}
		}
	}
}

func TestLoopsStopBetweenRuns(t *testing.T) {
	body, err := graph.New(graph.Parts{
		Inputs:  []graph.Value{{Name: "i"}, {Name: "c"}, {Name: "v"}},
		Outputs: []graph.Value{{Name: "c"}, {Name: "w"}},
		Nodes:   []*graph.Node{{Op: "Add", Inputs: []string{"v", "v"}, Outputs: []string{"w"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	g, err := graph.New(graph.Parts{
		Inputs: []graph.Value{{Name: "x"}}, Outputs: []graph.Value{{Name: "y"}},
		Nodes: []*graph.Node{{Op: "Loop", Inputs: []string{"", "", "x"}, Outputs: []string{"y"}, Attrs: []graph.Attr{{Name: "body", Kind: graph.AttrGraph, G: body}}}},
		Model: &graph.Model{Opsets: map[string]int{"": 13}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(g, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := &countdown{Context: context.Background()}
	ctx.left.Store(1000) // the loop itself never ends
	if _, err := s.Run(ctx, Values{"x": tensor.Scalar(float32(0))}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if late := -ctx.left.Load(); late > 1 {
		t.Errorf("%d looks after the context was over", late)
	}
}

// BenchmarkCancel runs a network of long layers and stops it at different
// moments; ms are those from the stop to Run's return.
func BenchmarkCancel(b *testing.B) {
	m := residualNet(b, 256, 224)
	s, err := New(m.g, Options{Threads: 2})
	if err != nil {
		b.Fatal(err)
	}
	in := m.values()
	if _, err := s.Run(context.Background(), in); err != nil {
		b.Fatal(err)
	}
	var most, sum time.Duration
	n := 0
	for b.Loop() {
		n++
		ctx, cancel := context.WithCancel(context.Background())
		var at time.Time
		time.AfterFunc(time.Duration(n%20)*11*time.Millisecond, func() { at = time.Now(); cancel() })
		_, err := s.Run(ctx, in)
		if err == nil {
			cancel()
			continue
		}
		<-ctx.Done()
		took := time.Since(at)
		most, sum = max(most, took), sum+took
	}
	b.ReportMetric(most.Seconds()*1e3, "ms/worst")
	b.ReportMetric(sum.Seconds()*1e3/float64(n), "ms/mean")
}
