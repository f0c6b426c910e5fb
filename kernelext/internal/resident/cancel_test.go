package resident

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	q "github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/onnx"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	ops.Register("com.resident", "Slow", 1, func(c *ops.Call, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
		slowCalls.Add(1)
		time.Sleep(3 * time.Millisecond)
		out := c.Alloc(tensor.Float32, in[0].Shape()...)
		copy(out.F32(), in[0].F32())
		return []*tensor.Tensor{out}, nil
	})
}

// slowStudy is a network of a layer before and after a slow operator, on n images.
func slowStudy(t *testing.T, n int) *q.Study {
	t.Helper()
	weight := func(name string, seed uint64) *graph.Const {
		x := tensor.New(tensor.Float32, 4, 4)
		r := rand.New(rand.NewPCG(seed, 1))
		for i := range x.F32() {
			x.F32()[i] = float32(r.NormFloat64())
		}
		return &graph.Const{Name: name, Tensor: x}
	}
	value := func(name string) graph.Value {
		return graph.Value{Name: name, DType: tensor.Float32, Ranked: true, Dims: []graph.Dim{{Size: -1}, {Size: 4}}}
	}
	g, err := graph.New(graph.Parts{
		Model:  &graph.Model{IRVersion: 8, Opsets: map[string]int{"": 17, "com.resident": 1}},
		Inputs: []graph.Value{value("x")}, Outputs: []graph.Value{value("y")},
		Consts: []*graph.Const{weight("w1", 1), weight("w2", 2)},
		Nodes: []*graph.Node{
			{Name: "m1", Op: "MatMul", Inputs: []string{"x", "w1"}, Outputs: []string{"a"}},
			{Name: "slow", Domain: "com.resident", Op: "Slow", Inputs: []string{"a"}, Outputs: []string{"b"}},
			{Name: "m2", Op: "MatMul", Inputs: []string{"b", "w2"}, Outputs: []string{"y"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	pixels := make([]byte, 4*n)
	for i := range pixels {
		pixels[i] = byte(i * 37)
	}
	return &q.Study{Model: q.Must(q.Decode(q.Must(onnx.Encode(g)))), NoMemo: true,
		Calibration: q.Images{Pixels: pixels[:64], Shape: []int{4}, Divide: 255},
		Test:        q.Images{Pixels: pixels, Shape: []int{4}, Divide: 255}}
}

// quiet waits until nothing is counted any more, and is how much was until then.
func quiet(t *testing.T) int64 {
	t.Helper()
	for range 100 {
		n := slowCalls.Load()
		time.Sleep(50 * time.Millisecond)
		if slowCalls.Load() == n {
			return n
		}
	}
	t.Fatal("the work goes on")
	return 0
}

func TestWorkStopsWhenTheCellGoes(t *testing.T) {
	socket := serve(t, &Host{Build: "b", Bytes: 1 << 30})
	const images = 16 * 2000 // six seconds of a float pass and as much of a quantized one, on one thread
	s := slowStudy(t, images)
	c, err := open(t.Context(), socket, "b", s, 16)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p := q.Must(s.Uniform(8, 8))
	want, err := c.Measure(t.Context(), p, 16)
	if err != nil {
		t.Fatal(err)
	}
	before := quiet(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for slowCalls.Load() < before+20 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	start := time.Now()
	if _, err := c.Measure(ctx, p, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("a stopped measure: %v", err)
	}
	waited := time.Since(start)
	if n := quiet(t) - before; n < 20 || n > 2000 {
		t.Errorf("after the cell has gone, %d of some 4000 calls were made; its call took %v", n, waited)
	}
	// The client goes on, with what the host has kept.
	if got, err := c.Measure(t.Context(), p, 16); err != nil || got != want {
		t.Errorf("afterwards %+v %v, want %+v", got, err, want)
	}
	// A cell that goes while its study is made leaves nothing behind.
	s.Methods.Weight = q.MinMax{}
	before = slowCalls.Load()
	ctx, cancel = context.WithCancel(t.Context())
	go func() {
		for slowCalls.Load() < before+20 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := open(ctx, socket, "b", s, images); !errors.Is(err, context.Canceled) {
		t.Errorf("a stopped opening: %v", err)
	}
	if n := quiet(t) - before; n > 2000 {
		t.Errorf("after the cell has gone, %d calls were made", n)
	}
	if again, err := open(t.Context(), socket, "b", s, 16); err != nil {
		t.Errorf("after a stopped opening: %v", err)
	} else {
		again.Close()
	}
}
