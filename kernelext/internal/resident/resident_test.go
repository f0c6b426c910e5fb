package resident

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quantnb/quantnb/notebooks/demo"
	q "github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/onnx"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// serve runs a host until the test ends.
func serve(t *testing.T, h *Host) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "quantnb-test-")
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder of the socket has the mode %v, %v", info.Mode(), err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the host does not end")
		}
		os.RemoveAll(dir)
	})
	return filepath.Join(dir, socketName)
}

// softmax is the file of the demo network with a Softmax at its end.
func softmax(t *testing.T) []byte {
	t.Helper()
	g := q.Must(q.Decode(demo.Model())).Graph()
	out, e := g.Outputs()[0], g.Edit()
	e.Append(&graph.Node{Name: "softmax", Op: "Softmax", Inputs: []string{out.Name}, Outputs: []string{"probabilities"}})
	e.SetOutputs(graph.Value{Name: "probabilities", DType: out.DType, Ranked: true, Dims: out.Dims})
	data, err := onnx.Encode(q.Must(e.Graph()))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// embedded is a study of the demo network on a few images.
func embedded(test int) *q.Study {
	shape, data := []int{1, 28, 28}, demo.Test()
	return &q.Study{
		Model:       q.Must(q.Decode(demo.Model())),
		Calibration: q.Images{Pixels: demo.Calibration().Pixels[:16*784], Shape: shape, Divide: 255},
		Test:        &q.Images{Pixels: data.Pixels[:test*784], Labels: data.Labels[:test], Shape: shape, Divide: 255},
		NoMemo:      true,
	}
}

func TestAnswersAreThoseOfTheProbe(t *testing.T) {
	h := &Host{Build: "b", Bytes: 1 << 30}
	socket := serve(t, h)
	ctx := t.Context()
	file := filepath.Join(t.TempDir(), "demo.onnx")
	if err := os.WriteFile(file, demo.Model(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*q.Study)
	}{
		{"the usual", func(*q.Study) {}},
		// The same bytes, whose study is there by now.
		{"a file", func(s *q.Study) { s.Model = q.Must(q.Open(file)) }},
		{"without its softmax", func(s *q.Study) { s.Model = q.Must(q.Must(q.Decode(softmax(t))).Logits()) }},
		{"other methods", func(s *q.Study) { s.Methods = q.Methods{Weight: q.MinMax{}, Activation: q.Percentile{P: 0.999}} }},
		{"layers' outputs", func(s *q.Study) { s.Methods.Weight = q.LayerOutput{Samples: 8} }},
		{"a device", func(s *q.Study) { s.Profile = hardware.NPU() }},
		{"calibration alone", func(s *q.Study) { s.Test = nil }},
		{"normalized", func(s *q.Study) {
			m := *s.Test.(*q.Images)
			m.Mean, m.Std = []float32{0.1307}, []float32{0.3081}
			s.Test = m
		}},
	} {
		name, change := c.name, c.change
		s, told := embedded(20), 0
		change(s)
		probe := q.Must(s.Probe(ctx, 12))
		s.Progress = func(string, int, int) { told++ }
		c, err := open(ctx, socket, "b", s, 12)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.Samples() != probe.Samples() || c.Bytes() != probe.Bytes() {
			t.Errorf("%s: %d samples, %d bytes; want %d, %d", name, c.Samples(), c.Bytes(), probe.Samples(), probe.Bytes())
		}
		if held := name == "a file" || name == "without its softmax"; held != (told == 0) {
			t.Errorf("%s: progress was told %d times, and the study was there: %v", name, told, held)
		}
		for _, p := range []q.Plan{q.Must(s.Float()), q.Must(s.Uniform(8, 8)), q.Must(q.Must(s.Uniform(8, 8)).With("block1/dw", 4, 4))} {
			for _, n := range []int{12, 3, 0} {
				want, err := probe.First(ctx, p, max(n, 1))
				if n == 0 {
					want, err = probe.All(ctx, p)
				}
				if err != nil {
					t.Fatal(err)
				}
				if got, err := c.Measure(ctx, p, n); err != nil || got != want {
					t.Errorf("%s: %d samples: %+v %v, want %+v", name, n, got, err, want)
				}
			}
		}
		told = 0
		again, err := open(ctx, socket, "b", s, 12) // as the next cell does
		if err != nil || told > 0 {
			t.Errorf("%s: once more: %v, progress %d times", name, err, told)
		}
		c.Close()
		again.Close()
	}
	h.keep.mu.Lock()
	defer h.keep.mu.Unlock()
	models := map[*model]bool{}
	for _, s := range h.keep.studies {
		models[s.model] = true
	}
	if n := len(h.keep.studies); n != 6 || len(models) != 1 {
		t.Errorf("%d studies of %d models are kept, want 6 of one", n, len(models))
	}
}

func TestOtherSourcesDoNotTalk(t *testing.T) {
	socket := serve(t, &Host{Build: "b", Bytes: 1 << 30})
	nameless := serve(t, &Host{Bytes: 1 << 30})
	for _, c := range []struct{ socket, build string }{{socket, "another"}, {socket, ""}, {nameless, ""}} {
		if _, err := open(t.Context(), c.socket, c.build, embedded(8), 8); !errors.Is(err, errVersion) && (err == nil || !strings.Contains(err.Error(), "different sources")) {
			t.Errorf("build %q: %v", c.build, err)
		}
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	writeJSON(bufio.NewWriter(conn), kindHello, hello{Protocol + 1, "b"})
	var w welcome
	r := bufio.NewReader(conn)
	if err := readGob(r, kindWelcome, &w, nil); err != nil || w.Protocol != Protocol {
		t.Errorf("%+v %v", w, err)
	}
	var refused errRefused
	if err := readGob(r, kindReady, &ready{}, nil); !errors.As(err, &refused) {
		t.Errorf("another protocol: %v", err)
	}
}

func TestSourcesTellTheirDigest(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module m", "quantlib/a.go": "package a", "quantlib/b/b.s": "TEXT", "quantlib/a_test.go": "x", "kernelext/internal/resident/r.go": "package r",
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	first := q.Must(Sources(root))
	write := func(name string) string {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(name)), []byte("changed"), 0o600); err != nil {
			t.Fatal(err)
		}
		return q.Must(Sources(root))
	}
	if write("quantlib/a_test.go") != first {
		t.Error("a test changes the digest")
	}
	for _, name := range []string{"go.mod", "quantlib/a.go", "quantlib/b/b.s", "kernelext/internal/resident/r.go", "quantlib/new.go"} {
		if next := write(name); next == first {
			t.Errorf("%s does not change the digest", name)
		} else {
			first = next
		}
	}
	if Build() == "" {
		t.Error("a program that is compiled in its checkout does not know its sources")
	}
	if _, err := Sources(t.TempDir()); err == nil {
		t.Error("an empty folder has sources")
	}
}

func TestMemoryIsLimited(t *testing.T) {
	ctx := t.Context()
	small := serve(t, &Host{Build: "b", Bytes: 100 << 10})
	if _, err := open(ctx, small, "b", embedded(8), 8); err == nil || !strings.Contains(err.Error(), BytesVariable) {
		t.Errorf("a study larger than the limit: %v", err)
	}
	// Room for the model and two of three studies.
	first, err := open(ctx, serve(t, &Host{Build: "b", Bytes: 1 << 30}), "b", embedded(8), 8)
	if err != nil {
		t.Fatal(err)
	}
	one := int64(first.Bytes()) + first.question.size()
	h := &Host{Build: "b", Bytes: modelBytes(len(demo.Model())) + 2*one + one/2}
	socket := serve(t, h)
	kept := func() (n int) {
		h.keep.mu.Lock()
		defer h.keep.mu.Unlock()
		return len(h.keep.studies)
	}
	study := func(method observe.Method) *q.Study {
		s := embedded(8)
		s.Methods.Activation = method
		return s
	}
	told := func(s *q.Study) bool {
		worked := false
		s.Progress = func(string, int, int) { worked = true }
		c, err := open(ctx, socket, "b", s, 8)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			h.keep.mu.Lock()
			held := 0
			for _, s := range h.keep.studies {
				held += s.holders
			}
			h.keep.mu.Unlock()
			if held == 0 {
				break
			}
		}
		return worked
	}
	a, b, c := q.MSE{}, q.MinMax{}, q.KL{}
	for i, step := range []struct {
		m      observe.Method
		worked bool
	}{{a, true}, {b, true}, {a, false}, {c, true}, {a, false}, {b, true}} {
		if got := told(study(step.m)); got != step.worked {
			t.Errorf("step %d: made anew %v, want %v", i, got, step.worked)
		}
		if kept() > 2 {
			t.Errorf("step %d: %d studies are kept", i, kept())
		}
	}
	// What cells hold stays, and another is refused.
	holds := [2]*Client{}
	for i, m := range []observe.Method{a, b} {
		if holds[i], err = open(ctx, socket, "b", study(m), 8); err != nil {
			t.Fatal(err)
		}
		defer holds[i].Close()
	}
	if _, err := open(ctx, socket, "b", study(c), 8); err == nil {
		t.Error("a third study is taken while two are held")
	}
}

func TestLimits(t *testing.T) {
	for text, want := range map[string]int64{"off": 0, "1": 1, "500M": 500 << 20, "8G": 8 << 30, "3K": 3 << 10} {
		if got, err := Limit(text); err != nil || got != want {
			t.Errorf("%q: %d %v", text, got, err)
		}
	}
	for _, text := range []string{"-1", "0", "much", "G", "9999999999G", "1.5G"} {
		if got, err := Limit(text); err == nil {
			t.Errorf("%q: %d", text, got)
		}
	}
	if n, err := Limit(""); err != nil || n <= 0 || n > mostBytes {
		t.Errorf("without a text: %d %v", n, err)
	}
}

// slow counts its calls, each of which takes a while.
var slowCalls atomic.Int64

func openStudy(t *testing.T, socket string) (*Client, error) {
	return open(t.Context(), socket, "b", embedded(4), 4)
}

// own is code of the cell's.
type own struct{ observe.MSE }

type ownSamples struct{ q.Images }

func (s ownSamples) Batch(lo, hi int) (exec.Values, error) { return s.Images.Batch(lo, hi) }

func TestCodeOfTheCellStaysThere(t *testing.T) {
	for name, change := range map[string]func(*q.Study){
		"a method": func(s *q.Study) { s.Methods.Weight = own{} },
		"a keyed rule": func(s *q.Study) {
			s.Methods.Activation = observe.Func("k", func(s quant.Scheme) observe.Observer { return observe.MSE{}.New(s) })
		},
		"samples":        func(s *q.Study) { s.Calibration = ownSamples{} },
		"a graph":        func(s *q.Study) { s.Model = q.FromGraph(s.Model.Graph()) },
		"a nil data set": func(s *q.Study) { s.Test = (*q.Images)(nil) },
	} {
		s := embedded(4)
		change(s)
		if _, err := open(t.Context(), "/nowhere", "b", s, 4); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv(SocketVariable, "")
	if _, err := Open(t.Context(), embedded(4), 4); !errors.Is(err, ErrNoHost) {
		t.Errorf("without a host: %v", err)
	}
}
