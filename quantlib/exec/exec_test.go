package exec

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// network is x → conv → relu → (dw conv, 1×1 conv) → add → relu → gemm: fusions,
// a branch and a residual.
func network(t testing.TB) *graph.Graph {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	weight := func(shape ...int) *tensor.Tensor {
		w := tensor.New(tensor.Float32, shape...)
		for i := range w.F32() {
			w.F32()[i] = float32(r.NormFloat64() / 3)
		}
		return w
	}
	dim := func(n ...int) []graph.Dim {
		d := []graph.Dim{{Size: -1, Name: "N"}}
		for _, k := range n {
			d = append(d, graph.Dim{Size: k})
		}
		return d
	}
	value := func(name string, n ...int) graph.Value {
		return graph.Value{Name: name, DType: tensor.Float32, Dims: dim(n...), Ranked: true}
	}
	pads := graph.IntsAttr("pads", 1, 1, 1, 1)
	g, err := graph.New(graph.Parts{
		Name:   "small",
		Inputs: []graph.Value{value("x", 2, 6, 6)}, Outputs: []graph.Value{value("y", 5)},
		Consts: []*graph.Const{
			{Name: "w1", Tensor: weight(8, 2, 3, 3)}, {Name: "b1", Tensor: weight(8)},
			{Name: "w2", Tensor: weight(8, 1, 3, 3)}, {Name: "w3", Tensor: weight(8, 8, 1, 1)},
			{Name: "w4", Tensor: weight(5, 8*6*6)}, {Name: "b4", Tensor: weight(5)},
		},
		Nodes: []*graph.Node{
			{Name: "c1", Op: "Conv", Inputs: []string{"x", "w1", "b1"}, Outputs: []string{"a"}, Attrs: []graph.Attr{pads}},
			{Name: "r1", Op: "Relu", Inputs: []string{"a"}, Outputs: []string{"b"}},
			{Name: "c2", Op: "Conv", Inputs: []string{"b", "w2"}, Outputs: []string{"c"}, Attrs: []graph.Attr{pads, graph.IntAttr("group", 8)}},
			{Name: "c3", Op: "Conv", Inputs: []string{"b", "w3"}, Outputs: []string{"d"}},
			{Name: "sum", Op: "Add", Inputs: []string{"c", "d"}, Outputs: []string{"e"}},
			{Name: "r2", Op: "Relu", Inputs: []string{"e"}, Outputs: []string{"f"}},
			{Name: "flat", Op: "Flatten", Inputs: []string{"f"}, Outputs: []string{"h"}},
			{Name: "fc", Op: "Gemm", Inputs: []string{"h", "w4", "b4"}, Outputs: []string{"y"}, Attrs: []graph.Attr{graph.IntAttr("transB", 1)}},
		},
		Info:  []graph.Value{value("c", 8, 6, 6), value("d", 8, 6, 6)},
		Model: &graph.Model{Opsets: map[string]int{"": 13}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func input(n int) Values {
	r := rand.New(rand.NewPCG(3, uint64(4)))
	x := tensor.New(tensor.Float32, n, 2, 6, 6)
	for i := range x.F32() {
		x.F32()[i] = float32(r.NormFloat64())
	}
	return Values{"x": x}
}

func session(t *testing.T, o Options) *Session {
	t.Helper()
	s, err := New(network(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t *testing.T, f func(context.Context, Values) (Values, error), in Values) *tensor.Tensor {
	t.Helper()
	out, err := f(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out["y"]
}

func TestFusionAndThreadsDoNotChangeABit(t *testing.T) {
	plain := session(t, Options{NoFuse: true, Threads: 1})
	want := run(t, plain.Run, input(3))
	for _, threads := range []int{1, 2, 8} {
		s := session(t, Options{Threads: threads})
		if s.Calls() >= plain.Calls() {
			t.Errorf("%d calls with fusion, %d without", s.Calls(), plain.Calls())
		}
		for range 3 { // buffers are recycled from the second run on
			if got := run(t, s.Run, input(3)); !tensor.Equal(got, want) {
				t.Errorf("%d threads: got %v, want %v", threads, got.F32(), want.F32())
			}
		}
	}
}

func TestBatchEqualsItsSamples(t *testing.T) {
	s := session(t, Options{})
	all := input(4)
	want := run(t, s.Run, all)
	for i := range 4 {
		got := run(t, s.Run, Values{"x": all["x"].Slice(i, i+1)})
		if !tensor.Equal(got, want.Slice(i, i+1)) {
			t.Errorf("sample %d alone gives %v, in the batch %v", i, got.F32(), want.Slice(i, i+1).F32())
		}
	}
}

// coarse rounds to multiples of a step.
type coarse float64

func (c coarse) Quantize(dst, x []float32, shape []int) {
	for i, v := range x {
		dst[i] = float32(math.RoundToEven(float64(v)/float64(c)) * float64(c))
	}
}

func changes(s *Session) map[string]Change {
	halved := tensor.New(tensor.Float32, 8, 1, 3, 3)
	for i, v := range s.Graph().Const("w2").F32() {
		halved.F32()[i] = v / 2
	}
	return map[string]Change{
		"the input":         {Quantize: map[string]Quantizer{"x": coarse(0.5)}},
		"a branching value": {Quantize: map[string]Quantizer{"b": coarse(0.5)}},
		"a weight":          {Consts: Values{"w2": halved}},
		"weight and value":  {Consts: Values{"w2": halved}, Quantize: map[string]Quantizer{"f": coarse(1), "x": coarse(1)}},
		"behind a view":     {Quantize: map[string]Quantizer{"h": coarse(0.5)}},
		"the output":        {Quantize: map[string]Quantizer{"y": coarse(2)}},
		"nothing":           {},
	}
}

func TestRerunEqualsFullRun(t *testing.T) {
	s := session(t, Options{Visible: []string{"b", "f", "x"}})
	in := input(3)
	kept, err := s.Keep(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range changes(s) {
		v, err := s.With(c)
		if err != nil {
			t.Fatal(err)
		}
		want := run(t, v.Run, in)
		for range 2 {
			got, steps, err := v.Rerun(context.Background(), kept)
			if err != nil {
				t.Fatal(err)
			}
			if !tensor.Equal(got[0], want) {
				t.Errorf("%s: re-run gives %v, a whole run %v", name, got[0].F32(), want.F32())
			}
			if name == "nothing" && steps != 0 || name == "behind a view" && steps != 1 {
				t.Errorf("%s: %d steps", name, steps)
			}
		}
	}
	if got := run(t, s.Run, in); !tensor.Equal(got, kept.Output(0)) {
		t.Error("re-runs changed the kept values")
	}
}

func TestRerunStopsWhereNothingChanged(t *testing.T) {
	s := session(t, Options{Visible: []string{"b"}})
	kept, err := s.Keep(context.Background(), input(1))
	if err != nil {
		t.Fatal(err)
	}
	same := s.Graph().Const("w1").Clone()
	v, err := s.With(Change{Consts: Values{"w1": same}, Quantize: map[string]Quantizer{"b": coarse(math.SmallestNonzeroFloat32)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, steps, err := v.Rerun(context.Background(), kept); err != nil || steps != 0 {
		t.Errorf("%d steps, %v; want none", steps, err)
	}
}

func TestTapSeesEveryValue(t *testing.T) {
	s := session(t, Options{})
	seen := map[string]bool{}
	if _, err := s.Tap(context.Background(), input(1), func(name string, v *tensor.Tensor) { seen[name] = true }); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x", "a", "b", "c", "d", "e", "f", "h", "y"} {
		if !seen[name] {
			t.Errorf("tap did not see %q", name)
		}
	}
}

func TestErrorsNameThePlace(t *testing.T) {
	s := session(t, Options{})
	ctx := context.Background()
	for _, c := range []struct {
		name string
		in   Values
		want []string
	}{
		{"a missing input", Values{}, []string{`input "x" is missing`, "[N 2 6 6]"}},
		{"a wrong shape", Values{"x": tensor.New(tensor.Float32, 1, 3, 6, 6)}, []string{`input "x"`, "[1 3 6 6]", "[N 2 6 6]"}},
		{"a wrong type", Values{"x": tensor.New(tensor.Float64, 1, 2, 6, 6)}, []string{"float64", "float32"}},
		{"an unknown input", Values{"x": tensor.New(tensor.Float32, 1, 2, 6, 6), "z": tensor.New(tensor.Float32)}, []string{`no input "z"`}},
	} {
		_, err := s.Run(ctx, c.in)
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q lacks %q", c.name, err, w)
			}
		}
	}
	if _, err := s.With(Change{Quantize: map[string]Quantizer{"a": coarse(1)}}); err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Errorf("quantizing a fused value: %v", err)
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Run(stopped, input(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("a stopped run: %v", err)
	}
}

func TestMissingOperatorsAreAllReported(t *testing.T) {
	g, err := graph.New(graph.Parts{
		Inputs: []graph.Value{{Name: "x"}}, Outputs: []graph.Value{{Name: "z"}},
		Nodes: []*graph.Node{
			{Op: "Nonsense", Inputs: []string{"x"}, Outputs: []string{"y"}},
			{Op: "Other", Domain: "com.acme", Inputs: []string{"y"}, Outputs: []string{"z"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(g, Options{})
	if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "Nonsense") || !strings.Contains(err.Error(), "com.acme.Other") {
		t.Errorf("got %v", err)
	}
}

func TestConcurrentRunsAgree(t *testing.T) {
	s := session(t, Options{Threads: 2})
	want := run(t, s.Run, input(2))
	done := make(chan bool)
	for range 8 {
		go func() {
			out, err := s.Run(context.Background(), input(2))
			done <- err == nil && tensor.Equal(out["y"], want)
		}()
	}
	for range 8 {
		if !<-done {
			t.Error("a concurrent run gave other bits")
		}
	}
}
