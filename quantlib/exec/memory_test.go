package exec

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/onnx"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// measured is a network with the shape of its input.
type measured struct {
	name  string
	g     *graph.Graph
	shape []int
}

// measuredNetworks are the network above, the embedded one and the reference
// networks where they are.
func measuredNetworks(t testing.TB, batch int) []measured {
	t.Helper()
	list := []measured{{"small", network(t), []int{batch, 2, 6, 6}}}
	g, err := onnx.Decode(demo.Model(), "")
	if err != nil {
		t.Fatal(err)
	}
	list = append(list, measured{"embedded", g, nil})
	files, err := filepath.Glob(filepath.Join(root(t), "..", "shared", "models", "*.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Log("the reference networks are absent")
	}
	for _, f := range files {
		g, err := onnx.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, measured{strings.TrimSuffix(filepath.Base(f), ".onnx"), g, nil})
	}
	for i, m := range list {
		if m.shape == nil {
			for _, d := range m.g.Inputs()[0].Dims {
				if d.Size < 0 {
					d.Size = batch
				}
				list[i].shape = append(list[i].shape, d.Size)
			}
		}
	}
	return list
}

// root is the folder of go.mod.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = filepath.Dir(dir)
	}
}

func (m measured) values() Values {
	x := tensor.New(tensor.Float32, m.shape...)
	for i := range x.F32() {
		x.F32()[i] = float32(i%17) / 17
	}
	return Values{m.g.Inputs()[0].Name: x}
}

// Beyond the prediction a worker and a session keep headers of buffers, keys of
// packed constants and lists of slots; the heap gives large objects whole pages
// of 8 KiB.
const (
	slackOfARun  = 64 << 10
	slackOfASlot = 2 << 10
)

func TestARunTakesTheMemoryThatWasPredicted(t *testing.T) {
	ctx := context.Background()
	for _, batch := range []int{1, 3} {
		for _, m := range measuredNetworks(t, batch) {
			for _, threads := range []int{1, 2, 8} {
				if testing.Short() && batch*threads > 2 {
					continue // 8 threads and large batches are slow with the twins
				}
				s, err := New(m.g, Options{Threads: threads})
				if err != nil {
					t.Fatal(err)
				}
				in := m.values()
				want, err := s.Memory(ctx, map[string][]int{m.g.Inputs()[0].Name: m.shape})
				if err != nil {
					t.Fatalf("%s: %v", m.name, err)
				}
				if s.Packed() != 0 {
					t.Errorf("%s: the prediction packed %d bytes", m.name, s.Packed())
				}
				for _, c := range m.g.Consts() {
					c.Tensor.Err() // loads, which is not the run's
				}
				w := newWorker(s)
				percent := debug.SetGCPercent(-1)
				var before, after runtime.MemStats
				runtime.GC()
				runtime.GC() // what pools held before goes with the second
				runtime.ReadMemStats(&before)
				w.begin(threads, false)
				if err := w.feed(in); err != nil {
					t.Fatal(err)
				}
				if err := w.run(ctx, nil, nil); err != nil {
					t.Fatal(err)
				}
				out, err := w.named(nil)
				if err != nil {
					t.Fatal(err)
				}
				w.reset()
				for range 3 { // what a helper holds that is on its way out goes with the second or third
					time.Sleep(time.Millisecond)
					runtime.GC()
				}
				runtime.ReadMemStats(&after)
				debug.SetGCPercent(percent)
				runtime.KeepAlive(w)
				runtime.KeepAlive(in)
				bytes := 0
				for _, t := range out {
					bytes += t.DType().Bytes(t.Len())
				}
				got := Memory{Live: w.peak, Values: len(w.arena.mem), Scratch: 4 * w.wanted, Packed: s.Packed(), Outputs: bytes}
				if got != want {
					t.Errorf("%s, batch %d, %d threads: the run took %+v, predicted was %+v", m.name, batch, threads, got, want)
				}
				if w.arena.end != 0 || len(w.arena.gaps) != 0 || w.live != 0 {
					t.Errorf("%s: after the run the arena ends at %d with gaps %v, %d bytes are in use", m.name, w.arena.end, w.arena.gaps, w.live)
				}
				heap, most := int(after.HeapAlloc)-int(before.HeapAlloc), want.Total()+slackOfARun+slackOfASlot*len(s.names)
				t.Logf("%s, batch %d, %d threads: %+v, heap %d, %d more, at most %d", m.name, batch, threads, want, heap, heap-want.Total(), most-want.Total())
				if heap < want.Total() || heap > most {
					t.Errorf("%s, batch %d, %d threads: the heap grew by %d bytes, predicted were %d and at most %d", m.name, batch, threads, heap, want.Total(), most)
				}
			}
		}
	}
}

func TestMemoryThatDependsOnValuesIsAnErrorThatNamesTheNode(t *testing.T) {
	g, err := graph.New(graph.Parts{
		Inputs:  []graph.Value{{Name: "x", DType: tensor.Float32}},
		Outputs: []graph.Value{{Name: "y"}},
		Nodes:   []*graph.Node{{Name: "where", Op: "NonZero", Inputs: []string{"x"}, Outputs: []string{"y"}}},
		Model:   &graph.Model{Opsets: map[string]int{"": 13}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(g, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Memory(context.Background(), map[string][]int{"x": {3, 4}})
	if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), `"where"`) {
		t.Errorf("got %v", err)
	}
	for name, shapes := range map[string]map[string][]int{
		"no input": {}, "an unknown input": {"x": {1}, "z": {1}}, "a negative size": {"x": {-1}}, "too large": {"x": {1 << 40, 1 << 40}},
	} {
		if _, err := s.Memory(context.Background(), shapes); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMemoryOfSubgraphsIsPredictedAndLeavesTheirArenasAlone(t *testing.T) {
	f := &flow{r: rand.New(rand.NewPCG(4, 11))}
	told := 0
	for range 40 {
		p := graph.Parts{Inputs: []graph.Value{{Name: "x", DType: tensor.Float32}}, Model: &graph.Model{Opsets: map[string]int{"": 13}}}
		p.Outputs = []graph.Value{{Name: f.steps(&p, []string{"x"}, 2)}}
		g, err := graph.New(p)
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(g, Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		x := tensor.New(tensor.Float32, 4, 70)
		want, err := s.Run(context.Background(), Values{"x": x})
		if err != nil {
			t.Fatal(err)
		}
		predicted, err := s.Memory(context.Background(), map[string][]int{"x": {4, 70}})
		if errors.Is(err, errors.ErrUnsupported) {
			continue // a branch that depends on values
		}
		if err != nil {
			t.Fatal(err)
		}
		told++
		if got := s.Packed(); got != predicted.Packed {
			t.Errorf("%d bytes are packed, predicted were %d", got, predicted.Packed)
		}
		again, err := s.Run(context.Background(), Values{"x": x})
		if err != nil {
			t.Fatal(err)
		}
		if y := p.Outputs[0].Name; !tensor.Equal(again[y], want[y]) {
			t.Error("the prediction changed what a run gives")
		}
	}
	if told < 5 {
		t.Errorf("%d networks were told", told)
	}
}

func TestWorkersGiveUpBuffersOfAnInputThatDoesNotComeAgain(t *testing.T) {
	m := residualNet(t, 16, 64)
	s, err := New(m.g, Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	w := s.workers.Get()
	once := func(batch int) {
		w.begin(1, false)
		defer w.reset()
		m.shape[0] = batch
		if err := w.feed(m.values()); err != nil {
			t.Fatal(err)
		}
		if err := w.run(context.Background(), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	once(8)
	large := len(w.arena.mem)
	for range spareRuns + 1 {
		once(1)
	}
	if len(w.arena.mem) > large/4 {
		t.Errorf("%d bytes are held of %d", len(w.arena.mem), large)
	}
}
