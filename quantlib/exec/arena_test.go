package exec

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func TestBuffersInUseNeverShareStorage(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 29))
	for range 200 {
		var a arena
		w := &worker{}
		seed := r.Uint64()
		for run := range 3 {
			s := rand.New(rand.NewPCG(seed, 0)) // the same needs in each run
			a.begin()
			type held struct {
				b    *buffer
				mark byte
			}
			var live []held
			inUse, most := 0, 0
			giveBack := func(i int) {
				h := live[i]
				if at := slices.IndexFunc(h.b.mem, func(v byte) bool { return v != h.mark }); at >= 0 {
					t.Fatalf("run %d: byte %d of %d was written by another", run, at, h.b.size)
				}
				inUse -= h.b.size
				a.give(h.b)
				live = slices.Delete(live, i, i+1)
			}
			for step := range 60 {
				if len(live) > 0 && s.IntN(2) == 0 {
					giveBack(s.IntN(len(live)))
					continue
				}
				n := s.IntN(1 << s.IntN(13))
				h := held{a.take(w, n, false), byte(step + 1)}
				if len(h.b.mem) < n || h.b.size < n {
					t.Fatalf("run %d: %d bytes, want %d", run, len(h.b.mem), n)
				}
				if run > 0 && h.b.apart {
					t.Errorf("run %d: a buffer has storage of its own", run)
				}
				for i := range h.b.mem {
					h.b.mem[i] = h.mark
				}
				live = append(live, h)
				inUse += h.b.size
				most = max(most, inUse)
			}
			for len(live) > 0 {
				giveBack(s.IntN(len(live)))
			}
			if a.end != 0 || len(a.gaps) != 0 {
				t.Fatalf("run %d: the empty arena ends at %d and has gaps %v", run, a.end, a.gaps)
			}
			a.settle(false)
			if a.most < most || len(a.mem) != a.most {
				t.Fatalf("run %d: %d bytes were in use, the arena had %d and has %d", run, most, a.most, len(a.mem))
			}
		}
	}
}

// Two buffers given back side by side make one gap, and the smallest gap that is
// large enough is taken.
func TestArenaJoinsGapsAndFillsTheSmallest(t *testing.T) {
	var a arena
	w := &worker{}
	var b []*buffer
	for _, n := range []int{128, 128, 64, 192, 64, 256, 64} {
		b = append(b, a.take(w, n, true))
	}
	a.give(b[0])
	a.give(b[1])
	a.give(b[3])
	a.give(b[5])
	if want := []span{{0, 256}, {320, 512}, {576, 832}}; !slices.Equal(a.gaps, want) {
		t.Fatalf("gaps are %v, want %v", a.gaps, want)
	}
	if got := a.take(w, 150, true); got.at != 320 || got.size != 192 {
		t.Errorf("150 bytes stand at %d and take %d, want 320 and 192", got.at, got.size)
	}
	if got := a.take(w, 300, true); got.at != 896 {
		t.Errorf("300 bytes stand at %d, want 896", got.at)
	}
}

// A step that fails when some of its outputs have slots gives each buffer back once.
func TestAFailedStepGivesEachBufferBackOnce(t *testing.T) {
	ops.Register("test.exec", "HalfDone", 1, func(c *ops.Call, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
		return []*tensor.Tensor{c.Alloc(tensor.Float32, 100)}, nil
	})
	g, err := graph.New(graph.Parts{
		Inputs:  []graph.Value{{Name: "x", DType: tensor.Float32}},
		Outputs: []graph.Value{{Name: "y"}, {Name: "z"}},
		Nodes:   []*graph.Node{{Name: "half", Op: "HalfDone", Domain: "test.exec", Inputs: []string{"x"}, Outputs: []string{"y", "z"}}},
		Model:   &graph.Model{Opsets: map[string]int{"": 13, "test.exec": 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(g, Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(s)
	for range 2 { // with storage apart, and in the arena
		w.begin(1, false)
		if err := w.feed(Values{"x": tensor.New(tensor.Float32, 1)}); err != nil {
			t.Fatal(err)
		}
		if err := w.run(context.Background(), nil, nil); err == nil || !strings.Contains(err.Error(), `"z"`) {
			t.Fatalf("the missing output gives %v", err)
		}
		w.reset()
		if w.live != 0 || w.arena.end != 0 || len(w.arena.gaps) != 0 {
			t.Errorf("%d bytes are in use, the arena ends at %d with gaps %v", w.live, w.arena.end, w.arena.gaps)
		}
		heads := slices.Clone(w.arena.heads)
		slices.SortFunc(heads, func(a, b *buffer) int { return a.at - b.at })
		if n := len(slices.Compact(heads)); n != len(w.arena.heads) {
			t.Errorf("a buffer was given back twice: %d of %d", n, len(w.arena.heads))
		}
	}
}
