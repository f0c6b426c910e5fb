package ops_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A host runs parts at the same time, caches what is packed, gives out memory
// that is not zero, and gives inputs away for reuse.
type host struct {
	threads int
	reuse   bool
	mu      sync.Mutex
	cache   map[any]any
}

func (h *host) Alloc(dt tensor.DType, shape []int) *tensor.Tensor {
	t := tensor.New(dt, shape...)
	if dt == tensor.Float32 {
		for i := range t.F32() {
			t.F32()[i] = 1e30 // what an arena may hold
		}
	}
	return t
}
func (h *host) Reusable(*tensor.Tensor) bool { return h.reuse }
func (h *host) Scratch(n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = 1e30
	}
	return s
}
func (h *host) Cached(key any, make func() any) any {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cache == nil {
		h.cache = map[any]any{}
	}
	if h.cache[key] == nil {
		h.cache[key] = make()
	}
	return h.cache[key]
}
func (h *host) Constant(*tensor.Tensor) bool { return !h.reuse }
func (h *host) Threads() int                 { return h.threads }
func (h *host) Parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}
func (h *host) RunGraph(context.Context, *graph.Graph, []*tensor.Tensor) ([]*tensor.Tensor, error) {
	panic("no subgraph here")
}

func random(g *rand.Rand, shape ...int) *tensor.Tensor {
	t := tensor.New(tensor.Float32, shape...)
	for i := range t.F32() {
		t.F32()[i] = float32(g.NormFloat64())
	}
	return t
}

func node(op string, in int, attrs ...graph.Attr) *graph.Node {
	n := &graph.Node{Name: "n", Op: op, Outputs: []string{"y"}, Attrs: attrs}
	for range in {
		n.Inputs = append(n.Inputs, "x")
	}
	return n
}

// call runs one node on a host, with copies of the inputs.
func call(t *testing.T, h ops.Host, n *graph.Node, opset int, ep ops.Epilogue, in ...*tensor.Tensor) *tensor.Tensor {
	t.Helper()
	op, err := ops.Find(n.Domain, n.Op, opset)
	if err != nil {
		t.Fatal(err)
	}
	var args []*tensor.Tensor
	for _, x := range in {
		args = append(args, x.Clone())
	}
	out, err := op.Forward(&ops.Call{Node: n, Opset: opset, Ctx: context.Background(), Host: h, Epilogue: ep}, args)
	if err != nil {
		t.Fatalf("%v: %v", n, err)
	}
	return out[0]
}

type sample struct {
	name string
	node *graph.Node
	in   []*tensor.Tensor
}

// samples is operators large enough to be split over threads.
func samples() []sample {
	g := rand.New(rand.NewPCG(1, 2))
	r := func(shape ...int) *tensor.Tensor { return random(g, shape...) }
	ints, f := graph.IntsAttr, graph.IntAttr
	return []sample{
		{"convolution, one image", node("Conv", 3, ints("pads", 1, 1, 1, 1)), []*tensor.Tensor{r(1, 8, 40, 40), r(16, 8, 3, 3), r(16)}},
		{"convolution, five images", node("Conv", 2, ints("strides", 2, 2)), []*tensor.Tensor{r(5, 8, 21, 20), r(16, 8, 3, 3)}},
		{"depthwise convolution", node("Conv", 2, f("group", 16), ints("pads", 1, 1, 1, 1)), []*tensor.Tensor{r(1, 16, 40, 40), r(16, 1, 3, 3)}},
		{"convolution in three dimensions", node("Conv", 3, f("group", 2)), []*tensor.Tensor{r(2, 4, 9, 10, 11), r(6, 2, 3, 2, 3), r(6)}},
		{"transposed convolution", node("ConvTranspose", 3, f("group", 2), ints("strides", 2, 2)), []*tensor.Tensor{r(2, 4, 9, 10), r(4, 3, 3, 3), r(6)}},
		{"Gemm", node("Gemm", 3, f("transB", 1)), []*tensor.Tensor{r(100, 300), r(70, 300), r(70)}},
		{"Gemm of one row", node("Gemm", 3), []*tensor.Tensor{r(1, 700), r(700, 500), r(500)}},
		{"MatMul of batches", node("MatMul", 2), []*tensor.Tensor{r(6, 70, 80), r(6, 80, 90)}},
		{"MatMul by one matrix", node("MatMul", 2), []*tensor.Tensor{r(6, 70, 80), r(80, 90)}},
		{"Softmax", node("Softmax", 1), []*tensor.Tensor{r(400, 300)}},
		{"Softmax across", node("Softmax", 1, f("axis", 1)), []*tensor.Tensor{r(4, 30, 700)}},
		{"LayerNormalization", node("LayerNormalization", 3), []*tensor.Tensor{r(300, 300), r(300), r(300)}},
		{"BatchNormalization", node("BatchNormalization", 5), []*tensor.Tensor{r(2, 8, 90, 90), r(8), r(8), r(8), positive(r(8))}},
		{"MaxPool", node("MaxPool", 1, ints("kernel_shape", 3, 3)), []*tensor.Tensor{r(2, 8, 60, 60)}},
		{"AveragePool", node("AveragePool", 1, ints("kernel_shape", 3, 3), ints("pads", 1, 1, 1, 1)), []*tensor.Tensor{r(2, 8, 60, 60)}},
		{"GlobalAveragePool", node("GlobalAveragePool", 1), []*tensor.Tensor{r(2, 8, 100, 100)}},
		{"Add", node("Add", 2), []*tensor.Tensor{r(300, 500), r(300, 500)}},
		{"Mul per channel", node("Mul", 2), []*tensor.Tensor{r(2, 8, 100, 100), r(2, 8, 1, 1)}},
		{"Sub from a stretched operand", node("Sub", 2), []*tensor.Tensor{r(500), r(300, 500)}},
		{"Div by a number", node("Div", 2), []*tensor.Tensor{r(300, 500), r(1)}},
		{"Relu", node("Relu", 1), []*tensor.Tensor{r(300, 500)}},
		{"HardSigmoid", node("HardSigmoid", 1), []*tensor.Tensor{r(300, 500)}},
		{"HardSwish", node("HardSwish", 1), []*tensor.Tensor{r(300, 500)}},
		{"Gelu", node("Gelu", 1), []*tensor.Tensor{r(300, 500)}},
		{"Sigmoid", node("Sigmoid", 1), []*tensor.Tensor{r(300, 500)}},
		{"Pow", node("Pow", 2), []*tensor.Tensor{positive(r(300, 500)), r(1)}},
		{"ReduceMean of rows", node("ReduceMean", 2), []*tensor.Tensor{r(300, 500), tensor.Of([]int64{1}, 1)}},
		{"ReduceMax of columns", node("ReduceMax", 2), []*tensor.Tensor{r(300, 500), tensor.Of([]int64{0}, 1)}},
		{"Resize", node("Resize", 3, graph.StringAttr("mode", "linear")), []*tensor.Tensor{r(2, 8, 60, 60), r(0), tensor.Of([]float32{1, 1, 2, 2}, 4)}},
		{"Attention", node("Attention", 3), []*tensor.Tensor{r(2, 4, 20, 16), r(2, 2, 20, 16), r(2, 2, 20, 16)}},
		{"InstanceNormalization", node("InstanceNormalization", 3), []*tensor.Tensor{r(2, 8, 90, 90), r(8), r(8)}},
	}
}

func positive(t *tensor.Tensor) *tensor.Tensor {
	for i, v := range t.F32() {
		t.F32()[i] = v*v + 0.1
	}
	return t
}

const opset = 23

func TestSameBitsForAnyHost(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			want := call(t, nil, s.node, opset, ops.Epilogue{}, s.in...)
			for _, h := range []*host{{threads: 1}, {threads: 2}, {threads: 3}, {threads: 8}, {threads: 1, reuse: true}, {threads: 3, reuse: true}} {
				for range 2 { // the second run finds what the first one cached
					if got := call(t, h, s.node, opset, ops.Epilogue{}, s.in...); !tensor.Equal(got, want) {
						t.Errorf("%d threads, reuse %v: other bits than on the heap", h.threads, h.reuse)
					}
				}
			}
		})
	}
}

func TestBatchEqualsSingleImages(t *testing.T) {
	for _, s := range samples() {
		n := s.in[0].Dim(0)
		switch s.node.Op {
		case "Conv", "ConvTranspose", "MaxPool", "AveragePool", "BatchNormalization", "InstanceNormalization", "Gemm", "LayerNormalization", "Relu", "GlobalAveragePool":
		default:
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			want := call(t, nil, s.node, opset, ops.Epilogue{}, s.in...)
			for i := range min(n, 7) {
				in := append([]*tensor.Tensor{s.in[0].Slice(i, i+1)}, s.in[1:]...)
				if got := call(t, nil, s.node, opset, ops.Epilogue{}, in...); !tensor.Equal(got, want.Slice(i, i+1)) {
					t.Errorf("image %d alone gives other bits than in a batch of %d", i, n)
				}
			}
		})
	}
}

func TestEpilogueEqualsAddThenClip(t *testing.T) {
	g := rand.New(rand.NewPCG(3, 4))
	for _, s := range samples() {
		op, err := ops.Find("", s.node.Op, opset)
		if err != nil {
			t.Fatal(err)
		}
		if !op.Fuses {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			plain := call(t, nil, s.node, opset, ops.Epilogue{}, s.in...)
			res := random(g, plain.Shape()...)
			sum := call(t, nil, node("Add", 2), opset, ops.Epilogue{}, plain, res)
			want := call(t, nil, node("Clip", 3), opset, ops.Epilogue{}, sum, tensor.Scalar(float32(-0.25)), tensor.Scalar(float32(1.5)))
			for _, h := range []ops.Host{nil, &host{threads: 3}} {
				got := call(t, h, s.node, opset, ops.Epilogue{Residual: res, Clamp: true, Lo: -0.25, Hi: 1.5}, s.in...)
				if !tensor.Equal(got, want) {
					t.Error("the fused step gives other bits than Add and Clip after it")
				}
			}
		})
	}
}
