package calibrate

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// noise is samples of [3, 4, 4], drawn from a generator of their number; the
// channels differ in magnitude.
type noise int

func (n noise) Len() int { return int(n) }

func (n noise) Batch(lo, hi int) (exec.Values, error) {
	x := make([]float32, 0, (hi-lo)*48)
	for i := lo; i < hi; i++ {
		r := rand.New(rand.NewPCG(uint64(i), 1))
		for k := range 48 {
			x = append(x, float32(r.NormFloat64()*math.Exp2(float64(2*(k/16)))))
		}
	}
	return exec.Values{"x": tensor.Of(x, hi-lo, 3, 4, 4)}, nil
}

func floats(seed uint64, shape ...int) *tensor.Tensor {
	t := tensor.New(tensor.Float32, shape...)
	r := rand.New(rand.NewPCG(seed, 2))
	for i := range t.F32() {
		t.F32()[i] = float32(r.NormFloat64())
	}
	return t
}

// joined has two branches that meet in a Concat, one of them scaled by a constant:
// under hardware.NPU the Concat's operands share a scale.
func joined(t *testing.T) *graph.Graph {
	t.Helper()
	big := floats(1, 4, 3, 1, 1)
	for i := range big.F32() {
		big.F32()[i] *= 10
	}
	value := func(name string) graph.Value { return graph.Value{Name: name, DType: tensor.Float32} }
	x := value("x")
	x.Ranked, x.Dims = true, []graph.Dim{{Size: -1}, {Size: 3}, {Size: 4}, {Size: 4}}
	g, err := graph.New(graph.Parts{
		Model:  &graph.Model{Opsets: map[string]int{"": 17}},
		Inputs: []graph.Value{x},
		Consts: []*graph.Const{
			{Name: "w1", Tensor: big}, {Name: "w2", Tensor: floats(2, 4, 3, 1, 1)},
			{Name: "w3", Tensor: floats(3, 2, 8, 3, 3)}, {Name: "w4", Tensor: floats(4, 2, 4, 1, 1)},
			{Name: "s", Tensor: tensor.Of([]float32{1, 0.5, 2, 3}, 1, 4, 1, 1)},
		},
		Nodes: []*graph.Node{
			{Name: "c1", Op: "Conv", Inputs: []string{"x", "w1"}, Outputs: []string{"a"}},
			{Name: "r1", Op: "Relu", Inputs: []string{"a"}, Outputs: []string{"b"}},
			{Name: "c2", Op: "Conv", Inputs: []string{"x", "w2"}, Outputs: []string{"c"}},
			{Name: "mul", Op: "Mul", Inputs: []string{"c", "s"}, Outputs: []string{"d"}},
			{Name: "join", Op: "Concat", Inputs: []string{"b", "d"}, Outputs: []string{"e"}, Attrs: []graph.Attr{graph.IntAttr("axis", 1)}},
			{Name: "c3", Op: "Conv", Inputs: []string{"e", "w3"}, Outputs: []string{"y"}},
			{Name: "c4", Op: "Conv", Inputs: []string{"b", "w4"}, Outputs: []string{"y2"}},
			{Name: "c5", Op: "Conv", Inputs: []string{"d", "w4"}, Outputs: []string{"y3"}},
		},
		Outputs: []graph.Value{value("y"), value("y2"), value("y3")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// setup places quantizers, and makes a session that sees them.
func setup(t *testing.T, g *graph.Graph, p *hardware.Profile, threads int) (*exec.Session, *plan.Map) {
	t.Helper()
	m, err := plan.PlaceFor(g, p)
	if err != nil {
		t.Fatal(err)
	}
	s, err := exec.New(g, exec.Options{Visible: m.Activations(), Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	return s, m
}

func collect(t *testing.T, s *exec.Session, m *plan.Map, data Samples, c Config) *Stats {
	t.Helper()
	st, err := Collect(t.Context(), s, m, data, c)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func quantizer(t *testing.T, m *plan.Map, value string) int {
	t.Helper()
	for i, q := range m.Quantizers {
		if q.Value == value {
			return i
		}
	}
	t.Fatalf("no quantizer on %q", value)
	return 0
}

func TestAnyNumberOfWorkersObservesTheSame(t *testing.T) {
	g := joined(t)
	var want []byte
	for _, threads := range []int{1, 2, 3, 8} {
		s, m := setup(t, g, hardware.NPU(), threads)
		st := collect(t, s, m, noise(37), Config{Batch: 3, Channels: true})
		got, err := st.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d threads observe something else than one", threads)
		}
		back, err := Restore(m, got)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := back.MarshalBinary(); err != nil || !bytes.Equal(again, want) {
			t.Errorf("what was stored comes back as something else: %v", err)
		}
		for cut := range len(got) {
			if cut%9973 == 0 || cut > len(got)-4 {
				// Without its last part, statistics by channel are those of tensors.
				if r, err := Restore(m, got[:cut]); err == nil && r.ByChannel() {
					t.Fatalf("%d of %d bytes were taken", cut, len(got))
				}
			}
		}
	}
}

func TestQuantizersThatShareAScaleHaveTheRangeOfAll(t *testing.T) {
	s, m := setup(t, joined(t), hardware.NPU(), 2)
	st := collect(t, s, m, noise(20), Config{Channels: true})
	if sets := m.ScaleTies(); len(sets) != 1 || len(sets[0]) != 3 {
		t.Fatalf("scale ties %v, want one of b, d and e", sets)
	}
	b, d, e := quantizer(t, m, "b"), quantizer(t, m, "d"), quantizer(t, m, "e")
	for _, method := range []observe.Shared{observe.MinMax{}, observe.MSE{}, observe.KL{}, observe.Percentile{}, observe.MovingAverage{}} {
		for _, scheme := range []quant.Scheme{quant.Uint(8), quant.Int(4)} {
			var got [3]quant.Params
			for i, k := range []int{d, e, b} {
				var err error
				if got[i], err = st.Params(k, scheme, Methods{Activation: method}); err != nil {
					t.Fatal(err)
				}
			}
			s0, z0 := got[0].At(0)
			for _, p := range got[1:] {
				if s, z := p.At(0); s != s0 || z != z0 {
					t.Errorf("%v at %v: %v %d beside %v %d", method, scheme, s, z, s0, z0)
				}
			}
		}
	}
	// The extremes of the three are those of the Concat's output.
	p, err := st.Params(b, quant.Uint(8), Methods{Activation: observe.MinMax{}})
	if err != nil {
		t.Fatal(err)
	}
	lo, hi, err := st.Value("e").Extremes()
	if err != nil {
		t.Fatal(err)
	}
	scale, zero := quant.ParamsFromRange(lo, hi, quant.Uint(8))
	if s, z := p.At(0); s != scale || z != zero {
		t.Errorf("min-max gives b %v %d, the Concat's extremes %v %d", s, z, scale, zero)
	}
	// By channel, 4 and 8 of them cannot be shared.
	if _, err := st.Params(b, quant.Uint(8).PerChannel(), Methods{}); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("channels of different number: %v", err)
	}
	// Under a profile that does not ask, each has its own.
	free := hardware.NPU()
	for i := range free.Ties {
		free.Ties[i].Scale = false
	}
	s, m = setup(t, joined(t), free, 2)
	st = collect(t, s, m, noise(20), Config{})
	pb, err1 := st.Params(quantizer(t, m, "b"), quant.Uint(8), Methods{})
	pd, err2 := st.Params(quantizer(t, m, "d"), quant.Uint(8), Methods{})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if pb.Scale[0] < 2*pd.Scale[0] {
		t.Errorf("without scale ties b has %v and d %v, which is a tenth as wide", pb.Scale[0], pd.Scale[0])
	}
}

func TestConstantActivationsAreQuantized(t *testing.T) {
	g := joined(t)
	s, m := setup(t, g, hardware.NPU(), 2)
	st := collect(t, s, m, noise(20), Config{Channels: true})
	k := quantizer(t, m, "s")
	if q := m.Quantizers[k]; !q.Const || q.Role != plan.Activation {
		t.Fatalf("the scale of the Mul: %+v", q)
	}
	for _, scheme := range []quant.Scheme{quant.Uint(2), quant.Uint(8), quant.Uint(4).PerChannel(), quant.Int(1)} {
		params, err := st.Params(k, scheme, Methods{Activation: observe.MinMax{}})
		if err != nil {
			t.Fatal(err)
		}
		old := g.Const("s")
		want := make([]float32, 4)
		params.FakeQuantize(want, old.F32(), quant.For(old.Shape(), 1, 1, scheme), scheme)
		c, err := st.Change(m.Float().WithTie(m.Quantizers[k].Tie, scheme), Methods{Activation: observe.MinMax{}})
		if err != nil {
			t.Fatal(err)
		}
		got := c.Consts["s"]
		if got == nil || !tensor.Equal(got, tensor.Of(want, 1, 4, 1, 1)) {
			t.Errorf("%v: %v, want %v", scheme, got, want)
		}
		if _, err := s.With(c); err != nil {
			t.Errorf("%v: %v", scheme, err)
		}
	}
}

func TestActivationsTakeAScaleForEachChannel(t *testing.T) {
	s, m := setup(t, joined(t), hardware.Simulation(), 2)
	x := quantizer(t, m, "x")
	plain := collect(t, s, m, noise(20), Config{})
	if _, err := plain.Params(x, quant.Uint(8).PerChannel(), Methods{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("channels that were not observed: %v", err)
	}
	st := collect(t, s, m, noise(20), Config{Channels: true})
	for _, scheme := range []quant.Scheme{quant.Uint(4), quant.Int(8), quant.FP8(quant.E4M3FN), quant.Int(1)} {
		p, err := st.Params(x, scheme.PerChannel(), Methods{})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Scale) != 3 || p.Scale[1] < 3*p.Scale[0] || p.Scale[2] < 3*p.Scale[1] {
			t.Errorf("%v: scales %v of channels that are four times as wide each", scheme, p.Scale)
		}
		batch, err := noise(20).Batch(0, 20)
		if err != nil {
			t.Fatal(err)
		}
		in := batch["x"].F32()
		got := [2]quant.Error{}
		for i, sch := range []quant.Scheme{scheme, scheme.PerChannel()} {
			c, err := st.Change(m.Float().WithTie(m.Quantizers[x].Tie, sch), Methods{})
			if err != nil {
				t.Fatal(err)
			}
			out := make([]float32, len(in))
			c.Quantize["x"].Quantize(out, in, []int{20, 3, 4, 4})
			got[i] = quant.Compare(in, out)
		}
		if scheme.Float == quant.NotFloat && got[1].Noise >= got[0].Noise {
			t.Errorf("%v: noise %g by channel, %g with one scale", scheme, got[1].Noise, got[0].Noise)
		}
	}
	if _, err := st.Params(x, quant.Uint(8).PerGroup(32), Methods{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("groups of activations: %v", err)
	}
}

func TestCollectErrors(t *testing.T) {
	s, m := setup(t, joined(t), hardware.Simulation(), 1)
	if _, err := Collect(t.Context(), s, m, noise(0), Config{}); !errors.Is(err, observe.ErrNoData) {
		t.Errorf("no samples: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Collect(ctx, s, m, noise(9), Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	st := collect(t, s, m, noise(2), Config{})
	_, other := setup(t, joined(t), hardware.Simulation(), 1)
	if _, err := st.Change(other.Float(), Methods{}); err == nil {
		t.Error("a plan of another map was taken")
	}
}
