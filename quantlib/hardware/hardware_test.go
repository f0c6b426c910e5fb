package hardware

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/quant"
)

func TestBuiltinsAreValidAndSurviveJSON(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Builtin() {
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
		if p.Doc == "" || seen[p.Name] {
			t.Errorf("%q: no doc, or named twice", p.Name)
		}
		seen[p.Name] = true
		var first, second bytes.Buffer
		if err := p.Write(&first); err != nil {
			t.Fatal(err)
		}
		back, err := Read(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		if !reflect.DeepEqual(p, back) {
			t.Errorf("%s changes on its way through JSON:\n%+v\n%+v", p.Name, p, back)
		}
		if err := back.Write(&second); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s: JSON is not stable: %v", p.Name, err)
		}
		for _, o := range []Operand{p.Weights, p.Activations} {
			for _, b := range o.Widths {
				s, err := o.At(b)
				if err != nil || s.Width() != b {
					t.Errorf("%s at %d bits: %v %v", p.Name, b, s, err)
				}
			}
		}
		again, err := ByName(p.Name)
		if err != nil || again == p || !reflect.DeepEqual(again, p) {
			t.Errorf("ByName(%q): %v", p.Name, err)
		}
	}
	if _, err := ByName("tpu"); err == nil || !strings.Contains(err.Error(), "simulation, ort-cpu, gpu, npu, mcu") {
		t.Errorf("unknown name: %v", err)
	}
}

func TestErrorsNameTheField(t *testing.T) {
	const good = `{"name":"x","ops":{"Conv":{"inputs":["activation","weight"]}},
"weights":{"widths":[4,8],"scheme":"int8 per-channel"},
"activations":{"widths":[8],"scheme":"uint8"}`
	if _, err := Read(strings.NewReader(good + "}")); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, more, want string }{
		{"an unknown field", `,"memroy":1}`, `unknown field "memroy"`},
		{"a wrong type", ",\n" + `"memory":"fast"}`, `line 4: field "memory"`},
		{"a wrong type inside", `,"units":[{"weight":"8"}]}`, `field "units.weight"`},
		{"something after it", "}\n{}", "line 4: unexpected data"},
		{"cut short", `,"memory":`, "unexpected EOF"},
		{"an unknown role", `,"ops":{"Conv":{"inputs":["wieght"]}}}`, `ops.Conv.inputs[0]: unknown role "wieght"`},
		{"widths that fall", `,"storage":[8,4]}`, "storage: 4 after 8"},
		{"a width that is none", `,"storage":[24]}`, "storage: 24 bits"},
		{"a negative speed", `,"memory":-1}`, "memory: -1"},
		{"a unit without speed", `,"units":[{"weight":8,"activation":8}]}`, "units[0].macs: 0"},
		{"a unit twice", `,"units":[{"weight":8,"activation":8,"macs":1},{"weight":8,"activation":8,"macs":2}]}`, "units[1]: 8 by 8 bits has a unit already"},
		{"a scheme that is none", `,"weights":{"widths":[4],"scheme":"int99"}}`, "scheme"},
		{"a further format that is none", `,"activations":{"widths":[8],"scheme":"uint8","formats":["int99"]}}`, "int99"},
		{"a further format without codes", `,"activations":{"widths":[8],"scheme":"uint8","formats":["float8e5m2","float"]}}`, "activations.formats[1]"},
		{"a bias of no format", `,"biases":"int24"}`, "int24"},
		{"a tie of nothing", `,"ties":[{"ops":["Add"]}]}`, "ties[0]: ties neither"},
		{"two rules for one operator", `,"ties":[{"ops":["Add"],"inputs":true},{"ops":["Add"],"inputs":true}]}`, `ties[1].ops[0]: "Add"`},
		{"a pattern of one", `,"fuse":[{"name":"a","ops":["Conv"]}]}`, "fuse[0].ops"},
		{"an alternative without a name", `,"fuse":[{"name":"a","ops":["Conv","Relu|"]}]}`, "fuse[0].ops[1]"},
		{"computing and passing", `,"pass":["Conv"]}`, "pass[0]: Conv is in ops"},
		{"a measurement of nothing", `,"measured":[{"seconds":1}]}`, "measured[0]"},
		{"a measurement twice", `,"measured":[{"node":"a","seconds":1},{"node":"a","op":"Conv","seconds":2}]}`, "measured[1]: the same as measured[0]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Read(strings.NewReader(good + tc.more))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
	if err := (&Profile{Name: "y", Memory: math.NaN(), Launch: math.Inf(1)}).Validate(); err == nil ||
		!strings.Contains(err.Error(), "memory") || !strings.Contains(err.Error(), "launch") {
		t.Errorf("not all fields are named: %v", err)
	}
	if _, err := ReadMeasured(strings.NewReader(`[{"op":"Conv","seconds":-1}]`)); err == nil {
		t.Error("a negative time was taken")
	}
}

func TestWidthsRoundUpToWhatTheDeviceComputes(t *testing.T) {
	p := NPU()
	for _, tc := range []struct{ w, a, uw, ua int }{
		{4, 4, 4, 4}, {3, 4, 4, 4}, {6, 4, 8, 8}, {6, 8, 8, 8}, {4, 8, 4, 8}, {2, 8, 4, 8}, {8, 4, 8, 8},
	} {
		u, ok := p.Native(tc.w, tc.a)
		if !ok || u.Weight != tc.uw || u.Activation != tc.ua {
			t.Errorf("%d by %d bits runs as %d by %d, want %d by %d", tc.w, tc.a, u.Weight, u.Activation, tc.uw, tc.ua)
		}
	}
	if _, ok := p.Native(16, 16); ok {
		t.Error("16 bits have no unit, and one was found")
	}
	if u, ok := GPU().Native(0, 0); !ok || u.Weight != Float32 {
		t.Errorf("float32 runs as %+v", u)
	}
}

func TestRooflineOfOneLayer(t *testing.T) {
	p := &Profile{
		Name: "round", Units: []Unit{{8, 8, 1000}, {4, 4, 4000}}, Storage: []int{4, 8},
		Memory: 100, Pack: 50, Elementwise: 10, Launch: 1,
	}
	for _, tc := range []struct {
		name    string
		w       Work
		seconds float64
		bound   Bound
	}{
		{"compute: 5000 MACs at 1000/s", Work{MACs: 5000, Weights: 100, WeightBits: 8, InputBits: 8}, 1 + 5, ByCompute},
		{"narrower arithmetic is faster", Work{MACs: 20000, Weights: 100, WeightBits: 4, InputBits: 4}, 1 + 5, ByCompute},
		{"memory: 400 bytes at 100/s", Work{MACs: 1000, Weights: 400, WeightBits: 8, InputBits: 8}, 1 + 4, ByMemory},
		{"half the bits, half the bytes", Work{MACs: 1000, Weights: 800, WeightBits: 4, InputBits: 8}, 1 + 4, ByMemory},
		{"six bits run as eight, and are packed", Work{MACs: 2000, Weights: 200, WeightBits: 6, InputBits: 8}, 1 + 2 + 4, ByPacking},
		{"launch", Work{MACs: 100, WeightBits: 8, InputBits: 8}, 1 + 0.1, ByLaunch},
		{"no MACs: elements written", Work{Outputs: 40, OutputBits: 8, InputBits: 8}, 1 + 4, ByCompute},
		{"two activations", Work{MACs: 8000, Inputs: 100, InputBits: 4, OutputBits: 4}, 1 + 2, ByCompute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, b := p.Seconds(tc.w)
			if math.Abs(s-tc.seconds) > 1e-12 || b != tc.bound {
				t.Errorf("%v %q, want %v %q", s, b, tc.seconds, tc.bound)
			}
		})
	}
	if s, b := p.Seconds(Work{MACs: 1, WeightBits: 16, InputBits: 16}); s != 0 || b != Unknown {
		t.Errorf("what no unit covers takes %v %q", s, b)
	}
	if s, b := Simulation().Seconds(Work{MACs: 1e9, Weights: 1e6}); s != 0 || b != Unknown {
		t.Errorf("simulation takes %v %q", s, b)
	}
	p.Pack = 0 // it cannot pack: six bits are stored as eight
	if e := p.Estimate(Work{MACs: 2000, Weights: 200, WeightBits: 6, InputBits: 8}); e.Bytes != 200 || e.Packing != 0 {
		t.Errorf("without packing: %+v", e)
	}
}

// Fewer bits never take longer where nothing is packed, and the whole is never
// faster than either roof.
func TestRooflineIsMonotone(t *testing.T) {
	for _, p := range Builtin() {
		w := Work{MACs: 50e6, Weights: 300e3, Inputs: 200e3, Outputs: 100e3}
		before := 0.0
		for _, b := range []int{4, 8, 16, Float32} {
			w.WeightBits, w.InputBits, w.OutputBits = b, b, b
			e := p.Estimate(w)
			if e.Bound == Unknown {
				continue
			}
			if _, packed := p.Stored(b); packed {
				continue
			}
			if e.Seconds < before || e.Seconds < e.Memory || e.Seconds < e.Compute {
				t.Errorf("%s at %d bits: %+v after %v s", p.Name, b, e, before)
			}
			before = e.Seconds
		}
	}
}

func TestMeasuredGoesFirst(t *testing.T) {
	p := NPU()
	p.Measured = []Measurement{
		{Op: "Conv", Class: "3x3", Seconds: 1},
		{Op: "Conv", Class: "3x3", WeightBits: 4, Seconds: 2},
		{Op: "Conv", Class: "3x3", WeightBits: 4, ActivationBits: 8, Seconds: 3},
		{Node: "conv1", Seconds: 4},
		{Node: "conv1", ActivationBits: 4, Seconds: 5},
	}
	for _, tc := range []struct {
		w    Work
		want float64
	}{
		{Work{Node: "conv9", Op: "Conv", Class: "3x3", WeightBits: 8, InputBits: 8}, 1},
		{Work{Node: "conv9", Op: "Conv", Class: "3x3", WeightBits: 4, InputBits: 4}, 2},
		{Work{Node: "conv9", Op: "Conv", Class: "3x3", WeightBits: 4, InputBits: 8}, 3},
		{Work{Node: "conv1", Op: "Conv", Class: "3x3", WeightBits: 4, InputBits: 8}, 4},
		{Work{Node: "conv1", Op: "Conv", Class: "3x3", WeightBits: 4, InputBits: 4}, 5},
	} {
		if s, b := p.Seconds(tc.w); s != tc.want || b != ByMeasured {
			t.Errorf("%+v: %v %q, want %v", tc.w, s, b, tc.want)
		}
	}
	if _, b := p.Seconds(Work{Node: "x", Op: "Conv", Class: "5x5", MACs: 1, WeightBits: 4, InputBits: 4}); b == ByMeasured {
		t.Error("another class counts as measured")
	}
}

func TestRooflineRows(t *testing.T) {
	p := &Profile{Name: "r", Units: []Unit{{8, 8, 1000}}, Memory: 100}
	rows := p.Roofline([]Work{
		{Node: "a", MACs: 1000, Weights: 200, WeightBits: 8, InputBits: 8},
		{Node: "b", MACs: 10000, Weights: 200, WeightBits: 8, InputBits: 8},
	})
	if r := rows[0]; r.Intensity != 5 || r.Balance != 10 || r.Attainable != 500 || r.Bound != ByMemory || r.Node != "a" {
		t.Errorf("%+v", r)
	}
	if r := rows[1]; r.Intensity != 50 || r.Attainable != 1000 || r.Bound != ByCompute {
		t.Errorf("%+v", r)
	}
}

func TestFusedNodesAreOne(t *testing.T) {
	w := Fuse(
		Work{Node: "conv", Op: "Conv", MACs: 900, Weights: 9, Inputs: 100, Outputs: 50, WeightBits: 4, InputBits: 8, OutputBits: 8},
		Work{Op: "Add", Inputs: 100, Outputs: 50, InputBits: 8, OutputBits: 8}, // 50 come from the convolution
		Work{Op: "Relu", Inputs: 50, Outputs: 50, InputBits: 8, OutputBits: 4},
	)
	want := Work{Node: "conv", Op: "Conv", MACs: 900, Weights: 9, Inputs: 150, Outputs: 50, WeightBits: 4, InputBits: 8, OutputBits: 4}
	if w != want {
		t.Errorf("%+v, want %+v", w, want)
	}
}

func TestFusionPatterns(t *testing.T) {
	p := Simulation()
	for _, tc := range []struct {
		chain   string
		pattern string
		n       int
	}{
		{"Conv BatchNormalization Relu Conv", "conv-bn-activation", 3},
		{"Conv Relu", "conv-bn-activation", 2},
		{"Conv BatchNormalization", "conv-bn-activation", 2},
		{"Conv Add Relu MaxPool", "conv-add-activation", 3},
		{"Conv Add Conv", "conv-add-activation", 2},
		{"Conv Sigmoid Mul Conv", "conv-swish", 3},
		{"Sigmoid Mul", "swish", 2},
		{"Gemm Tanh", "gemm-activation", 2},
		{"MatMul Add Relu", "matmul-bias-activation", 3},
		{"Div Erf Add Mul Mul", "gelu", 5},
		{"ReduceMean Sub Pow ReduceMean Add Sqrt Div Mul Add", "layer-norm", 9},
		{"Conv Conv", "", 0},
		{"Relu Conv", "", 0},
		{"Conv", "", 0},
	} {
		if f, n := p.Fused(strings.Fields(tc.chain)); n != tc.n || f.Name != tc.pattern {
			t.Errorf("%s: %q covers %d, want %q %d", tc.chain, f.Name, n, tc.pattern, tc.n)
		}
	}
}

func TestRolesAndTies(t *testing.T) {
	p := ORTCPU()
	for _, tc := range []struct {
		op       string
		i        int
		constant bool
		want     Role
	}{
		{"Conv", 0, false, Activation}, {"Conv", 1, true, Weight}, {"Conv", 2, true, Bias}, {"Conv", 3, false, Keep},
		{"MatMul", 1, true, Weight}, {"MatMul", 1, false, Activation}, {"Shape", 0, false, Keep}, {"Conv", -1, false, Keep},
	} {
		if got := p.Role(tc.op, tc.i, tc.constant); got != tc.want {
			t.Errorf("%s input %d is %q, want %q", tc.op, tc.i, got, tc.want)
		}
	}
	if _, ok := p.Tie("Add"); ok {
		t.Error("a tie that the device does not need")
	}
	if tie, ok := NPU().Tie("Concat"); !ok || !tie.Inputs || !tie.Outputs || !tie.Scale {
		t.Errorf("Concat: %+v %v", tie, ok)
	}
	for _, op := range []string{"Add", "Sub", "Mul", "Div", "Sum", "Min", "Max", "Split", "Concat"} {
		if _, ok := Simulation().Tie(op); ok {
			t.Errorf("simulation ties %s", op)
		}
		if _, ok := GPU().Tie(op); !ok {
			t.Errorf("gpu does not tie %s", op)
		}
	}
	if !p.Passes("Reshape") || p.Passes("Conv") {
		t.Error("what passes")
	}
	if w := p.WeightsOf("MatMul").Widths; w[0] != 4 {
		t.Errorf("MatMul weights %v", w)
	}
	if _, err := p.WeightsOf("Conv").At(4); err == nil {
		t.Error("4-bit convolutions")
	}
	if s, err := Simulation().Weights.At(1); err != nil || !s.Binary() {
		t.Errorf("%v %v", s, err)
	}
	if s, err := Simulation().Activations.At(Float32); err != nil || s != (quant.Scheme{}) {
		t.Errorf("%v %v", s, err)
	}
}

func FuzzRead(f *testing.F) {
	for _, p := range Builtin() {
		var b bytes.Buffer
		if err := p.Write(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := p.Write(&b); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if _, err := Read(&b); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
	})
}
