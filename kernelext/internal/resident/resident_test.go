package resident

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/rand/v2"
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
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
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
	for name, change := range map[string]func(*q.Study){
		"the usual":         func(*q.Study) {},
		"a file":            func(s *q.Study) { s.Model = q.Must(q.Open(file)) },
		"other methods":     func(s *q.Study) { s.Methods = q.Methods{Weight: q.MinMax{}, Activation: q.Percentile{P: 0.999}} },
		"layers' outputs":   func(s *q.Study) { s.Methods.Weight = q.LayerOutput{Samples: 8} },
		"a device":          func(s *q.Study) { s.Profile = hardware.NPU() },
		"calibration alone": func(s *q.Study) { s.Test = nil },
		"normalized": func(s *q.Study) {
			m := *s.Test.(*q.Images)
			m.Mean, m.Std = []float32{0.1307}, []float32{0.3081}
			s.Test = m
		},
	} {
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
		if told == 0 && name != "a file" {
			t.Errorf("%s: no progress was told", name)
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

func TestHostileInputIsAnsweredOrDropped(t *testing.T) {
	h := &Host{Build: "b", Bytes: 1 << 30, Starting: 300 * time.Millisecond}
	socket := serve(t, h)
	var talk []byte // that of a cell that behaves, until the bytes of its model
	frame := func(kind byte, v any) []byte {
		data, ok := v.([]byte)
		if !ok {
			data, _ = json.Marshal(v)
		}
		return append(append(binary.LittleEndian.AppendUint32(nil, uint32(len(data))), kind), data...)
	}
	question, data, _, err := ask(embedded(4), 4)
	if err != nil {
		t.Fatal(err)
	}
	talk = append(frame(kindHello, hello{Protocol, "b"}), frame(kindOpen, question)...)
	wrong := question
	wrong.Model = strings.Repeat("0", 64)
	huge := question
	huge.Calibration.Pixels = 1 << 62
	negative := question
	negative.Test.Labels = -5
	garbage := append([]byte("this is not ONNX"), data[16:]...)
	of := question
	of.Model, of.Bytes = digestOf(garbage), len(garbage)
	open := func(q any) []byte { return append(frame(kindHello, hello{Protocol, "b"}), frame(kindOpen, q)...) }
	inputs := [][]byte{
		nil, {0}, {255, 255, 255, 255, 'h'}, frame('?', []byte("x")), frame(kindHello, []byte("{")), frame(kindHello, []byte("null")),
		talk, append(talk[:len(talk):len(talk)], frame(kindBytes, []byte("short"))...),
		append(talk[:len(talk):len(talk)], 255, 255, 255, 127, kindBytes),
		append(open(wrong), frame(kindBytes, data)...), append(open(of), frame(kindBytes, garbage)...),
		open(huge), open(negative), open(map[string]any{"Model": 7}), open(map[string]any{}),
	}
	for i := 0; i < len(talk); i += 1 + len(talk)/40 {
		inputs = append(inputs, talk[:i])
		bad := append([]byte(nil), talk...)
		bad[i] ^= 0xff
		inputs = append(inputs, bad)
	}
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		noise := make([]byte, r.IntN(500))
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		inputs = append(inputs, noise)
	}
	for i, in := range inputs {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatalf("after input %d: %v", i, err)
		}
		conn.Write(in)
		conn.(*net.UnixConn).CloseWrite()
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		buffer := make([]byte, 4096)
		for {
			if _, err := conn.Read(buffer); err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("input %d: the host neither answers nor hangs up", i)
				}
				break
			}
		}
		conn.Close()
	}
	// It serves on, and wrong measures end a conversation with a word.
	c, err := openStudy(t, socket)
	if err != nil {
		t.Fatal(err)
	}
	var refused errRefused
	for _, m := range []measure{{json.RawMessage(`{}`), 4}, {json.RawMessage(`[1]`), 4}, {json.RawMessage(`null`), -3}} {
		err := c.during(t.Context(), func() error {
			if err := writeJSON(c.w, kindMeasure, m); err != nil {
				return err
			}
			return readGob(c.r, kindAccuracy, &accuracy{}, nil)
		})
		if !errors.As(err, &refused) {
			t.Errorf("measure %+v: %v", m, err)
		}
	}
	if _, err := c.Measure(t.Context(), q.Must(embedded(4).Uniform(8, 8)), 4); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

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
