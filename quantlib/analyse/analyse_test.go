package analyse_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/analyse"
	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func kinds(list []analyse.Hint) []analyse.Kind {
	var k []analyse.Kind
	for _, h := range list {
		k = append(k, h.Kind)
	}
	return k
}

// Each row provokes one hint and no other; its twin, the same but for the cause,
// provokes none.
func TestHintsNameTheCause(t *testing.T) {
	x := map[string]input{"x": {8, 1}}
	scaled := []*graph.Node{{Name: "scale", Op: "Mul", Inputs: []string{"x", "c"}, Outputs: []string{"a"}}}
	joined := []*graph.Node{{Name: "join", Op: "Concat", Inputs: []string{"x", "z"}, Outputs: []string{"a"}, Attrs: []graph.Attr{graph.IntAttr("axis", 1)}}}
	relu := []*graph.Node{{Name: "relu", Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"a"}}}
	flat := []float32{1, 1, 1, 1, 1, 1, 1, 1}
	uneven := slices.Clone(flat)
	uneven[5] = 20
	type network1 struct {
		inputs map[string]input
		consts map[string][]float32
		test   map[string]input // nil: as inputs
		method observe.Shared
	}
	for _, c := range []struct {
		kind      analyse.Kind
		nodes     []*graph.Node
		bad, good network1
		node      string
		say       string
	}{
		{analyse.OutlierChannel, scaled,
			network1{inputs: x, consts: map[string][]float32{"c": uneven}}, network1{inputs: x, consts: map[string][]float32{"c": flat}},
			"scale", `channel 5 of "a" reaches 19`},
		{analyse.UnbalancedConcat, joined,
			network1{inputs: map[string]input{"x": {6, 1}, "z": {2, 0.05}}}, network1{inputs: map[string]input{"x": {6, 1}, "z": {2, 0.5}}},
			"join", `"z" loses 4.`},
		{analyse.Saturated, relu,
			network1{inputs: x, method: observe.Percentile{P: 0.7}}, network1{inputs: x, method: observe.MinMax{}},
			"relu", `that it clips`},
		{analyse.NarrowCalibration, relu,
			network1{inputs: x, test: map[string]input{"x": {8, 3}}}, network1{inputs: x, test: map[string]input{"x": {8, 1}}},
			"relu", `3.0 times as far as in calibration`},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			report := func(n network1) *analyse.Report {
				t.Helper()
				m := network(t, n.inputs, n.consts, c.nodes...)
				st := collect(t, m, uniform{64, n.inputs, 1})
				if n.test == nil {
					n.test = n.inputs
				}
				method := n.method
				if method == nil {
					method = observe.MinMax{}
				}
				r, err := analyse.Network(context.Background(), st, m.Uniform(8, 8), uniform{64, n.test, 2},
					analyse.Config{Methods: calibrate.Methods{Activation: method}})
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			bad, good := report(c.bad), report(c.good)
			if got := kinds(bad.Hints); !slices.Equal(got, []analyse.Kind{c.kind}) {
				t.Fatalf("hints %v, want %v alone: %v", got, c.kind, bad.Hints)
			}
			if h := bad.Hints[0]; h.Node != c.node || h.Value != "a" || !strings.Contains(h.Text, c.say) {
				t.Errorf("the hint is %+v; want node %s, value a and the words %q", h, c.node, c.say)
			}
			if !strings.Contains(bad.String(), string(c.kind)+": ") {
				t.Errorf("the report does not say so:\n%s", bad)
			}
			if len(good.Hints) > 0 {
				t.Errorf("without the cause there are hints %v", good.Hints)
			}
		})
	}
}

func TestWeightsWithAnOutlierChannelAreNamed(t *testing.T) {
	x := map[string]input{"x": {8, 1}}
	relu := &graph.Node{Name: "relu", Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"a"}}
	w := make([]float32, 32)
	for i := range w {
		w[i] = float32(math.Cos(float64(i)))
	}
	r, err := analyse.Weights(network(t, x, map[string][]float32{"w": w}, relu))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Hints) > 0 || len(r.Weights) != 1 || len(r.Weights[0].Channels) != 4 || r.Weights[0].Axis != 1 {
		t.Fatalf("an even weight: %+v", r)
	}
	for i := 2; i < len(w); i += 4 {
		w[i] *= 30 // the third of four columns
	}
	r, err = analyse.Weights(network(t, x, map[string][]float32{"w": w}, relu))
	if err != nil {
		t.Fatal(err)
	}
	if got := kinds(r.Hints); !slices.Equal(got, []analyse.Kind{analyse.OutlierChannel}) || !strings.Contains(r.Hints[0].Text, "channel 2") || r.Hints[0].Node != "mul" {
		t.Errorf("hints %v", r.Hints)
	}
	if s := r.String(); !strings.Contains(s, "2: 3") || !strings.Contains(s, "outlier channel: ") {
		t.Errorf("the report:\n%s", s)
	}
}

// The moments of a weight's channel against their definition.
func TestWeightMoments(t *testing.T) {
	w := make([]float32, 32)
	for i := 0; i < 32; i += 4 { // the first column: seven ones and a nine
		w[i] = 1
	}
	w[28] = 9
	x := map[string]input{"x": {8, 1}}
	r, err := analyse.Weights(network(t, x, map[string][]float32{"w": w}, &graph.Node{Name: "relu", Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"a"}}))
	if err != nil {
		t.Fatal(err)
	}
	c := r.Weights[0].Channels[0]
	want := analyse.Spread{Moments: analyse.Moments{Count: 8, Min: 1, Max: 9, Mean: 2, Std: math.Sqrt(7), Skew: 6 / math.Sqrt(7), Kurtosis: 43.0 / 7}, Peak: math.Sqrt(7)}
	for _, v := range []struct {
		name      string
		got, want float64
	}{{"min", c.Min, want.Min}, {"max", c.Max, want.Max}, {"mean", c.Mean, want.Mean}, {"std", c.Std, want.Std},
		{"skew", c.Skew, want.Skew}, {"kurtosis", c.Kurtosis, want.Kurtosis}, {"peak", c.Peak, want.Peak}, {"outliers", c.OutlierRatio, 0}} {
		if math.Abs(v.got-v.want) > 1e-12 {
			t.Errorf("%s %v, want %v", v.name, v.got, v.want)
		}
	}
	zeros := r.Weights[0].Channels[1]
	if zeros.Std != 0 || zeros.Kurtosis != 0 || zeros.Peak != 0 || zeros.Count != 8 {
		t.Errorf("a channel of zeros: %+v", zeros)
	}
}

// twoLayers is Relu and two products.
func twoLayers(t *testing.T) (*plan.Map, map[string]input) {
	x := map[string]input{"x": {8, 1}}
	m := network(t, x, map[string][]float32{"c": {0.1, -0.2, 0.3, 0, 0.5, -0.1, 0.2, 0.05}},
		&graph.Node{Name: "relu", Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"r"}},
		&graph.Node{Name: "add", Op: "Add", Inputs: []string{"r", "c"}, Outputs: []string{"a"}},
		&graph.Node{Name: "shape", Op: "Shape", Inputs: []string{"x"}, Outputs: []string{"s"}})
	return m, x
}

// The report's numbers against both networks run here.
func TestReportAgreesWithBothNetworks(t *testing.T) {
	ctx := context.Background()
	m, x := twoLayers(t)
	st := collect(t, m, uniform{32, x, 1})
	p, test := m.Uniform(4, 4), uniform{33, x, 2}
	r, err := analyse.Network(ctx, st, p, test, analyse.Config{Batch: 7})
	if err != nil {
		t.Fatal(err)
	}
	s, err := exec.New(m.Graph, exec.Options{NoFuse: true})
	if err != nil {
		t.Fatal(err)
	}
	change, err := st.Change(p, calibrate.Methods{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.With(change)
	if err != nil {
		t.Fatal(err)
	}
	in, _ := test.Batch(0, 33)
	float, err := s.Keep(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	err = v.Watch(ctx, in, func(name string, q *tensor.Tensor) {
		if q.DType() != tensor.Float32 {
			return
		}
		names = append(names, name)
		f, d := float.Value(name).F32(), make([]float64, q.Len())
		var mean, nsr float64
		lo, hi := math.Inf(1), math.Inf(-1)
		for i := range d {
			d[i] = float64(q.F32()[i] - f[i])
			mean += d[i] / float64(len(d))
			lo, hi = min(lo, float64(f[i])), max(hi, float64(f[i]))
		}
		size := q.Len() / 33
		for i := range 33 {
			nsr += quant.NSR(f[i*size:(i+1)*size], q.F32()[i*size:(i+1)*size]) / 33
		}
		got := r.Tensor(name)
		if got == nil {
			t.Fatalf("no %q in the report", name)
		}
		if math.Abs(got.NSR-nsr) > 1e-9*nsr || math.Abs(got.Noise.Mean-mean) > 1e-7 || got.Signal.Min != lo || got.Signal.Max != hi {
			t.Errorf("%s: NSR %v, noise mean %v, range %v..%v; want %v, %v, %v..%v", name, got.NSR, got.Noise.Mean, got.Signal.Min, got.Signal.Max, nsr, mean, lo, hi)
		}
		if got.Signal.Count != uint64(len(f)) || math.Abs(got.Cosine-quant.Cosine(f, q.F32())) > 1e-12 {
			t.Errorf("%s: %d values, cosine %v", name, got.Signal.Count, got.Cosine)
		}
		var sum float64
		for _, n := range got.SignalHistogram.Counts {
			sum += n
		}
		if math.Abs(sum-float64(len(f))) > 1e-6*sum {
			t.Errorf("%s: the histogram counts %v of %d values", name, sum, len(f))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != len(r.Tensors) || r.Tensor("s") != nil {
		t.Errorf("the report has %d values, the network %d of float32", len(r.Tensors), len(names))
	}
	a := r.Tensor("a")
	if a.Scheme != quant.Uint(4) || !(a.Own > 0) || a.Op != "Add" || math.IsNaN(a.OwnSQNR()) {
		t.Errorf("the quantized value is %+v", a)
	}
	if x := r.Tensor("x"); x.NSR != 0 || !math.IsNaN(x.Own) || x.Op != "" {
		t.Errorf("the input, which has no quantizer, is %+v", x)
	}
}

func TestAnalysisIsTheSameOnAnyNumberOfThreads(t *testing.T) {
	m, x := twoLayers(t)
	st := collect(t, m, uniform{32, x, 1})
	var want *analyse.Report
	for _, threads := range []int{1, 2, 3, 8} {
		r, err := analyse.Network(context.Background(), st, m.Uniform(3, 3), uniform{101, x, 2}, analyse.Config{Threads: threads, Batch: 4})
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = r
		}
		if a, b := fmt.Sprintf("%v %v", r.Tensors, r.Hints), fmt.Sprintf("%v %v", want.Tensors, want.Hints); a != b {
			t.Errorf("%d threads give other bits than 1", threads)
		}
	}
}

func TestVariableHasBothHistograms(t *testing.T) {
	m, x := twoLayers(t)
	st := collect(t, m, uniform{32, x, 1})
	v, err := analyse.Value(context.Background(), st, m.Uniform(8, 2), "a", uniform{64, x, 2}, analyse.Config{})
	if err != nil {
		t.Fatal(err)
	}
	used := 0
	for _, n := range v.QuantizedBins.Counts {
		if n > 0 {
			used++
		}
	}
	if used > 4 || used < 2 || len(v.FloatBins.Counts) != len(v.QuantizedBins.Counts) || v.FloatBins.Lo != v.QuantizedBins.Lo {
		t.Errorf("%d of %d bins hold quantized values; 2 bits have 4 codes", used, len(v.QuantizedBins.Counts))
	}
	if s := v.String(); !strings.Contains(s, "noise") || !strings.Contains(s, "64 samples") {
		t.Errorf("the report:\n%s", s)
	}
	r, err := analyse.Network(context.Background(), st, m.Uniform(8, 2), uniform{64, x, 2}, analyse.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(*r.Tensor("a"), v.Tensor) {
		t.Errorf("the report on the network says otherwise: %+v, %+v", *r.Tensor("a"), v.Tensor)
	}
	for name, say := range map[string]string{"ghost": "no value", "w": "constant", "s": "not float32", "A": `there are "a"`} {
		if _, err := analyse.Value(context.Background(), st, m.Uniform(8, 2), name, uniform{64, x, 2}, analyse.Config{}); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: error %v, want one that says %q", name, err, say)
		}
	}
}

// failing data has no batch 3.
type failing struct{ uniform }

func (f failing) Batch(lo, hi int) (exec.Values, error) {
	if lo >= 12 {
		return nil, errors.New("no such file")
	}
	return f.uniform.Batch(lo, hi)
}

func TestBadDataIsAnErrorThatNamesTheSamples(t *testing.T) {
	m, x := twoLayers(t)
	st := collect(t, m, uniform{32, x, 1})
	for _, threads := range []int{1, 3} {
		_, err := analyse.Network(context.Background(), st, m.Uniform(8, 8), failing{uniform{64, x, 2}}, analyse.Config{Batch: 4, Threads: threads})
		if err == nil || !strings.Contains(err.Error(), "no such file") || !strings.Contains(err.Error(), "samples ") {
			t.Errorf("%d threads: %v", threads, err)
		}
	}
	if _, err := analyse.Network(context.Background(), st, m.Uniform(8, 8), uniform{0, x, 2}, analyse.Config{}); !errors.Is(err, observe.ErrNoData) {
		t.Errorf("no samples: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := analyse.Network(ctx, st, m.Uniform(8, 8), uniform{64, x, 2}, analyse.Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is done: %v", err)
	}
}

// maxGrowth is what 16 times as many samples may add to the heap; keeping the values
// of one tensor alone would add 4 MB.
const maxGrowth = 1 << 20 // bytes

func TestMemoryDoesNotGrowWithTheSamples(t *testing.T) {
	m, x := twoLayers(t)
	st := collect(t, m, uniform{32, x, 1})
	live := func(n int) uint64 {
		var most uint64
		_, err := analyse.Network(context.Background(), st, m.Uniform(8, 8), uniform{n, x, 2}, analyse.Config{Threads: 1, Batch: 256, Progress: func(done, total int) {
			if done == total {
				runtime.GC()
				var s runtime.MemStats
				runtime.ReadMemStats(&s)
				most = s.HeapAlloc
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		return most
	}
	few, many := live(1<<13), live(1<<17)
	if many > few+maxGrowth {
		t.Errorf("the heap grows from %d to %d bytes", few, many)
	}
}
