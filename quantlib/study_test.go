package quantlib_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// newStudy is the embedded model with the first images of its data.
func newStudy(t testing.TB, calibration, test int) *quantlib.Study {
	t.Helper()
	return &quantlib.Study{
		Model:       demoModel(t),
		Calibration: demoImages(demo.Calibration(), samples(calibration)),
		Test:        demoImages(demo.Test(), samples(test)),
		NoMemo:      true, // tests measure; they neither read nor fill the user's store
	}
}

func TestSharedModelsRunAtAnyBatch(t *testing.T) {
	for i, c := range sharedModels {
		t.Run(c.name, func(t *testing.T) {
			m := openShared(t, c.name)
			s, err := m.Session()
			if err != nil {
				t.Fatal(err)
			}
			input, output := m.Graph().Inputs()[0].Name, m.Graph().Outputs()[0].Name
			x := tensor.New(tensor.Float32, append([]int{3}, c.shape...)...)
			lcg(x.F32(), uint32(i+1), float64(c.low), float64(c.high))
			run := func(x *tensor.Tensor) *tensor.Tensor {
				t.Helper()
				out, err := s.Run(context.Background(), exec.Values{input: x})
				if err != nil {
					t.Fatal(err)
				}
				return out[output]
			}
			all := run(x)
			if all.Dim(0) != 3 {
				t.Fatalf("output %v for a batch of 3", all.Shape())
			}
			for k := range 3 {
				if one := run(x.Slice(k, k+1)); !tensor.Equal(one, all.Slice(k, k+1)) {
					t.Errorf("sample %d alone gives other bits than in the batch", k)
				}
			}
			if tensor.Equal(all.Slice(0, 1), all.Slice(1, 2)) {
				t.Error("two different samples give the same output")
			}
			layers, err := m.Layers()
			if err != nil || len(layers) == 0 {
				t.Errorf("layers %v, %v", layers, err)
			}
		})
	}
}

// maxStop is how long a call may go on after its context is cancelled. One
// operator call on one batch takes under a millisecond; the rest is the machine.
const maxStop = 2 * time.Second

func TestCancellationStopsLongCalls(t *testing.T) {
	for _, c := range []struct {
		name, what string
		call       func(context.Context, *quantlib.Study) error
	}{
		{"calibration", "calibrating", func(ctx context.Context, s *quantlib.Study) error { _, err := s.Statistics(ctx); return err }},
		{"the grid", "measuring layers", func(ctx context.Context, s *quantlib.Study) error { _, err := s.Grid(ctx); return err }},
		{"the curve", "measuring the curve", func(ctx context.Context, s *quantlib.Study) error { _, err := s.Curve(ctx); return err }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStudy(t, 256, 500)
			s.Calibration = demoImages(demo.Calibration(), 48) // more than are run together
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var at atomic.Int64
			s.Progress = func(what string, done, total int) {
				if what == c.what && at.CompareAndSwap(0, time.Now().UnixNano()) {
					cancel()
				}
			}
			err := c.call(ctx, s)
			if at.Load() == 0 {
				t.Fatalf("no progress of %q was reported", c.what)
			}
			if took := time.Since(time.Unix(0, at.Load())); took > maxStop {
				t.Errorf("it went on for %v", took)
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the error %v does not wrap context.Canceled", err)
			}
			s.Progress = nil
			if err := c.call(ctx, s); !errors.Is(err, context.Canceled) {
				t.Errorf("with a context that is done: %v", err)
			}
			if c.name == "calibration" {
				if err := c.call(context.Background(), s); err != nil {
					t.Errorf("a second try fails: %v", err)
				}
			}
		})
	}
}

func TestProgressReachesItsTotal(t *testing.T) {
	s := newStudy(t, 32, 50)
	s.Samples = 8
	last := map[string][2]int{}
	s.Progress = func(what string, done, total int) {
		if done < last[what][0] || done > total || total != last[what][1] && last[what][1] != 0 {
			t.Errorf("%s: %d of %d after %v", what, done, total, last[what])
		}
		last[what] = [2]int{done, total}
	}
	if _, err := s.Grid(context.Background(), 4); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Curve(context.Background(), 4); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"calibrating", "measuring layers", "measuring the curve"} {
		if l := last[what]; l[0] != l[1] || l[1] == 0 {
			t.Errorf("%s ended at %d of %d", what, l[0], l[1])
		}
	}
}

func TestBadStudiesAreErrors(t *testing.T) {
	images := func(change func(*quantlib.Images)) quantlib.Images {
		m := demoImages(demo.Calibration(), 16)
		change(&m)
		return m
	}
	for _, c := range []struct {
		name        string
		calibration quantlib.Samples
		want        string
	}{
		{"a torn sample", images(func(m *quantlib.Images) { m.Pixels, m.Labels = m.Pixels[:1000], nil }), "1000 pixels"},
		{"the wrong size", images(func(m *quantlib.Images) { m.Shape = []int{1, 14, 56} }), "[16 1 14 56]"},
		{"the wrong rank", images(func(m *quantlib.Images) { m.Shape = []int{784} }), "[16 784]"},
		{"the wrong channels", images(func(m *quantlib.Images) { m.Shape = []int{4, 14, 14} }), "[16 4 14 14]"},
		{"no shape", images(func(m *quantlib.Images) { m.Shape, m.Labels = nil, nil }), "shape"},
		{"a negative size", images(func(m *quantlib.Images) { m.Shape, m.Labels = []int{1, -28, 28}, nil }), "-28"},
		{"no samples", images(func(m *quantlib.Images) { m.Pixels, m.Labels = nil, nil }), ""},
		{"too few labels", images(func(m *quantlib.Images) { m.Labels = m.Labels[:5] }), "5 labels for 16 samples"},
		{"an unknown input", images(func(m *quantlib.Images) { m.Input = "pixels" }), `"input" is missing`},
		{"a mean per image", images(func(m *quantlib.Images) { m.Mean = []float32{1, 2, 3} }), "3 channels"},
		{"no data", nil, "Calibration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &quantlib.Study{Model: demoModel(t), Calibration: c.calibration, NoMemo: true}
			_, err := s.Grid(context.Background(), 4)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
	good := newStudy(t, 16, 16)
	for _, widths := range [][]int{{0}, {17}, {4, -1}} {
		if _, err := good.Grid(context.Background(), widths...); err == nil {
			t.Errorf("a grid of widths %v is no error", widths)
		}
		if _, err := good.Curve(context.Background(), widths...); err == nil {
			t.Errorf("a curve of widths %v is no error", widths)
		}
	}
	if _, err := good.Uniform(17, 4); err == nil {
		t.Error("17 bits are no error")
	}
	if _, err := good.Histogram(context.Background(), "block9/dw", 4); err == nil || !strings.Contains(err.Error(), "block1/dw") {
		t.Errorf("an unknown layer: %v; want an error that lists the layers", err)
	}
	if _, err := good.Histogram(context.Background(), "block1/dw", 0); err == nil {
		t.Error("a histogram at 0 bits is no error")
	}
	other := newStudy(t, 16, 16)
	p, err := other.Uniform(4, 4)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := good.Evaluate(context.Background(), p); err == nil {
		t.Error("a plan of another model is no error")
	}
	if _, err := good.Evaluate(context.Background(), quantlib.Plan{}); err == nil {
		t.Error("a plan of no model is no error")
	}
}

func TestMissingOperatorsAreListedAtOnce(t *testing.T) {
	g, err := graph.New(graph.Parts{
		Inputs: []graph.Value{{Name: "x"}}, Outputs: []graph.Value{{Name: "z"}},
		Nodes: []*graph.Node{
			{Name: "one", Op: "Frobnicate", Inputs: []string{"x"}, Outputs: []string{"a"}},
			{Name: "two", Op: "Relu", Inputs: []string{"a"}, Outputs: []string{"b"}},
			{Name: "three", Op: "Swish", Domain: "com.acme", Inputs: []string{"b"}, Outputs: []string{"z"}},
		},
		Model: &graph.Model{Opsets: map[string]int{"": 13, "com.acme": 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	m := quantlib.FromGraph(g)
	for what, call := range map[string]func() error{
		"Session": func() error { _, err := m.Session(); return err },
		"Map":     func() error { _, err := m.Map(); return err },
		"Layers":  func() error { _, err := m.Layers(); return err },
	} {
		err := call()
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v does not wrap errors.ErrUnsupported", what, err)
			continue
		}
		for _, want := range []string{`"one"`, "Frobnicate", `"three"`, "com.acme.Swish"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q lacks %q", what, err, want)
			}
		}
	}
}

func TestModelWithoutLayersRunsButCannotBeQuantized(t *testing.T) {
	g, err := graph.New(graph.Parts{
		Inputs: []graph.Value{{Name: "x", DType: tensor.Float32}}, Outputs: []graph.Value{{Name: "y"}},
		Nodes: []*graph.Node{{Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}}},
		Model: &graph.Model{Opsets: map[string]int{"": 13}},
	})
	if err != nil {
		t.Fatal(err)
	}
	m := quantlib.FromGraph(g)
	s, err := m.Session()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Run(context.Background(), exec.Values{"x": tensor.Of([]float32{-1, 2}, 2)})
	if err != nil || out["y"].F32()[0] != 0 || out["y"].F32()[1] != 2 {
		t.Errorf("got %v, %v", out, err)
	}
	if _, err := m.Map(); !errors.Is(err, plan.ErrNothing) {
		t.Errorf("Map: %v", err)
	}
}

func TestOpenReadAndDecodeAgree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "demo.onnx")
	if err := os.WriteFile(path, demo.Model(), 0o644); err != nil {
		t.Fatal(err)
	}
	opened, err := quantlib.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	read, err := quantlib.Read(bytes.NewReader(demo.Model()))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := opened.String(), read.String(); a != b || a != demoModel(t).String() {
		t.Errorf("Open gives\n%s\nRead\n%s", a, b)
	}
	for _, want := range []string{"input", "float32[N 1 28 28]", "logits", "float32[N 10]", "Conv", "opset 13"} {
		if !strings.Contains(opened.String(), want) {
			t.Errorf("%q lacks %q", opened.String(), want)
		}
	}
	if err := os.WriteFile(path, demo.Model()[:10000], 0o644); err != nil {
		t.Fatal(err)
	}
	for what, p := range map[string]string{"a truncated file": path, "no file": path + "x", "a folder": t.TempDir()} {
		if _, err := quantlib.Open(p); err == nil || !strings.Contains(err.Error(), filepath.Base(p)) {
			t.Errorf("%s: %v, want an error that names it", what, err)
		}
	}
}

func TestHistogramHoldsAllValues(t *testing.T) {
	s := newStudy(t, 32, 10)
	for _, bits := range []int{2, 4, 8} {
		h, err := s.Histogram(context.Background(), "block1/pw", bits)
		if err != nil {
			t.Fatal(err)
		}
		var sum float64
		for _, c := range h.Counts {
			sum += c
		}
		if n := float64(h.Stats.Count); math.Abs(sum-n) > 1e-6*n {
			t.Errorf("%d bits: the bins hold %v values of %v", bits, sum, n)
		}
		levels := h.Levels(1 << bits)
		if len(levels) != 1<<bits || math.Abs(levels[0]-h.ClipLo) > 1e-6 || math.Abs(levels[len(levels)-1]-h.ClipHi) > 1e-5 {
			t.Errorf("%d bits: %d levels %v..%v, clip limits %v..%v", bits, len(levels), levels[0], levels[len(levels)-1], h.ClipLo, h.ClipHi)
		}
		if h.Levels(1<<bits-1) != nil {
			t.Errorf("%d bits: more levels than asked for", bits)
		}
		if h.Clipped < 0 || h.Clipped > 0.2 || h.SQNR < 6*float64(bits)-10 || h.SQNR > 8*float64(bits)+10 {
			t.Errorf("%d bits: %.3g clipped, %.1f dB", bits, h.Clipped, h.SQNR)
		}
	}
}

func TestLabelsCountBehindAPointerToo(t *testing.T) {
	s := newStudy(t, 16, 50)
	test := s.Test.(quantlib.Images)
	s.Test = &test
	p, err := s.Float()
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Evaluate(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	if !a.Labeled || a.Top1.Mean < 0.8 {
		t.Errorf("got %v, want the labels' top-1", a)
	}
}

func TestWhatPrintsIsShort(t *testing.T) {
	ctx := t.Context()
	s := newStudy(t, 8, 10)
	s.Samples = 4
	grid := quantlib.Must(s.Grid(ctx, 4, 8))
	p, n, tests := quantlib.Must(s.Uniform(4, 8)), s.Calibration.Len(), s.Test.Len()
	for _, tt := range []struct {
		name string
		x    any
		says []string
	}{
		{"images", s.Calibration, []string{fmt.Sprint(n, " samples of shape [1 28 28], byte/255")}},
		{"normalized images", quantlib.Images{Pixels: make([]byte, 8), Shape: []int{2}, Divide: 255, Mean: []float32{0.5, 0.25}, Std: []float32{2, 4}, Labels: make([]byte, 4)},
			[]string{"4 samples of shape [2], (byte/255 − [0.5 0.25])/[2 4], with labels"}},
		{"a study", s, []string{"53 nodes", fmt.Sprint("calibration  ", n, " samples of"), fmt.Sprint("test         ", tests, " samples of"), "with labels", "profile      simulation", "exact, on at most 4 samples"}},
		{"an empty study", &quantlib.Study{}, []string{"without a model"}},
		{"where quantizers sit", quantlib.Must(s.Map()), []string{"17 layers, 33 quantizers"}},
		{"a grid", grid, []string{"4 bits", "head/fc"}},
		{"a table", quantlib.Must(s.Table(ctx, 4, 8)), []string{"4 bits", "head/fc", "latency on simulation"}},
		{"statistics", quantlib.Must(s.Statistics(ctx)), []string{fmt.Sprintf("over %d samples", n)}},
		{"a quantized network", quantlib.Must(s.Quantized(ctx, p)), []string{"int4", fmt.Sprintf("ranges of %d samples", n)}},
	} {
		text := fmt.Sprint(tt.x)
		for _, w := range tt.says {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %q in %q", tt.name, w, text)
			}
		}
		if len(text) > 4000 || strings.Contains(text, "0x") {
			t.Errorf("%s takes %d bytes to print, or shows an address: %.300q", tt.name, len(text), text)
		}
	}
}
