package exec

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// perRun is the objects and bytes that a run allocates, outputs included, once
// its buffers are there.
func perRun(t testing.TB, s *Session, in Values, runs int) (objects, bytes, grown int) {
	t.Helper()
	w := newWorker(s)
	once := func() {
		w.begin(s.options.Threads, false)
		defer w.reset()
		if err := w.feed(in); err != nil {
			t.Fatal(err)
		}
		if err := w.run(context.Background(), nil, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := w.named(nil); err != nil {
			t.Fatal(err)
		}
	}
	once()
	once()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var before, after runtime.MemStats
	held, scratch := len(w.arena.mem), len(w.scratch)
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range runs {
		once()
	}
	runtime.ReadMemStats(&after)
	objects, bytes = int(after.Mallocs-before.Mallocs)/runs, int(after.TotalAlloc-before.TotalAlloc)/runs
	runtime.GC()
	runtime.ReadMemStats(&after)
	if len(w.arena.mem) != held || len(w.scratch) != scratch {
		t.Errorf("the arena went from %d to %d bytes, scratch from %d to %d elements", held, len(w.arena.mem), scratch, len(w.scratch))
	}
	runtime.KeepAlive(w)
	runtime.KeepAlive(in)
	return objects, bytes, int(after.HeapAlloc) - int(before.HeapAlloc)
}

// A run's records: headers of tensors, shapes, a list of inputs and a few
// closures for each step, and a goroutine for each thread of a step.
const (
	stepObjects = 40
	stepBytes   = 5 << 10
)

func TestAThousandRunsTakeNoMoreMemoryThanTwo(t *testing.T) {
	for _, m := range measuredNetworks(t, 1) {
		for _, threads := range []int{1, 2} {
			runs := 20
			if testing.Short() {
				runs = 3
			}
			if m.name == "embedded" && !testing.Short() {
				runs = 1000
			}
			s, err := New(m.g, Options{Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			objects, bytes, grown := perRun(t, s, m.values(), runs)
			t.Logf("%s, %d threads: %d steps, %d objects and %d bytes a run; %d bytes more after %d", m.name, threads, s.Calls(), objects, bytes, grown, runs)
			if objects > threads*stepObjects*s.Calls() || bytes > threads*stepBytes*s.Calls() {
				t.Errorf("%s, %d threads: a run allocates %d objects and %d bytes in %d steps", m.name, threads, objects, bytes, s.Calls())
			}
			if grown > 64<<10 {
				t.Errorf("%s, %d threads: %d runs left %d bytes behind", m.name, threads, runs, grown)
			}
		}
	}
}

// residualNet is four residual blocks of 3×3 convolutions between a strided
// stem, a pooling and a product, on images of the given width.
func residualNet(t testing.TB, channels, width int) measured {
	t.Helper()
	p := graph.Parts{Model: &graph.Model{Opsets: map[string]int{"": 13}},
		Inputs:  []graph.Value{{Name: "x", DType: tensor.Float32, Ranked: true, Dims: []graph.Dim{{Size: -1, Name: "N"}, {Size: 3}, {Size: width}, {Size: width}}}},
		Outputs: []graph.Value{{Name: "y", DType: tensor.Float32}}}
	r := rand.New(rand.NewPCG(5, 6))
	weight := func(shape ...int) string {
		w := tensor.New(tensor.Float32, shape...)
		for i := range w.F32() {
			w.F32()[i] = float32(r.NormFloat64() / 10)
		}
		name := fmt.Sprint("w", len(p.Consts))
		p.Consts = append(p.Consts, &graph.Const{Name: name, Tensor: w})
		return name
	}
	node := func(op string, in []string, attrs ...graph.Attr) string {
		out := fmt.Sprint(op, len(p.Nodes))
		p.Nodes = append(p.Nodes, &graph.Node{Name: out, Op: op, Inputs: in, Outputs: []string{out}, Attrs: attrs})
		return out
	}
	pads := graph.IntsAttr("pads", 1, 1, 1, 1)
	x := node("Conv", []string{"x", weight(channels, 3, 3, 3)}, pads, graph.IntsAttr("strides", 2, 2))
	for range 4 {
		y := node("Relu", []string{node("Conv", []string{x, weight(channels, channels, 3, 3)}, pads)})
		y = node("Conv", []string{y, weight(channels, channels, 3, 3)}, pads)
		x = node("Relu", []string{node("Add", []string{y, x})})
	}
	x = node("Flatten", []string{node("GlobalAveragePool", []string{x})})
	p.Nodes = append(p.Nodes, &graph.Node{Name: "y", Op: "Gemm", Inputs: []string{x, weight(channels, 10)}, Outputs: []string{"y"}})
	g, err := graph.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return measured{"residual", g, []int{1, 3, width, width}}
}

func TestWhatARunAllocatesDoesNotGrowWithTheModel(t *testing.T) {
	var objects, bytes [2]int
	for i, m := range []measured{residualNet(t, 8, 16), residualNet(t, 32, 32)} {
		s, err := New(m.g, Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		objects[i], bytes[i], _ = perRun(t, s, m.values(), 10)
	}
	// Values and weights are 16 times as large.
	t.Logf("%d objects, %d bytes; large: %d objects, %d bytes", objects[0], bytes[0], objects[1], bytes[1])
	if objects[1] > objects[0]+5 || bytes[1] > bytes[0]+bytes[0]/2 {
		t.Errorf("a run allocates %d objects of %d bytes, in the large network %d of %d", objects[0], bytes[0], objects[1], bytes[1])
	}
}
