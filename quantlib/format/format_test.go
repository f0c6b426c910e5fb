package format_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/format"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// small is a network of one layer, [N 4] → [N 2], with a plan for it.
func small(t *testing.T, opset int, weight, activation quant.Scheme) *format.Network {
	t.Helper()
	dims := func(n int) []graph.Dim { return []graph.Dim{{Size: -1, Name: "N"}, {Size: n}} }
	g, err := graph.New(graph.Parts{
		Model:   &graph.Model{IRVersion: 8, Opsets: map[string]int{"": opset}},
		Inputs:  []graph.Value{{Name: "x", DType: tensor.Float32, Ranked: true, Dims: dims(4)}},
		Outputs: []graph.Value{{Name: "y", DType: tensor.Float32, Ranked: true, Dims: dims(2)}},
		Consts:  []*graph.Const{{Name: "w", Tensor: tensor.Of([]float32{1, -0.5, 0.25, -1, 0.3, -0.7, 0.9, 0.1}, 4, 2)}},
		Nodes: []*graph.Node{
			{Name: "relu", Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"r"}},
			{Name: "mul", Op: "MatMul", Inputs: []string{"r", "w"}, Outputs: []string{"y"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := plan.Place(g)
	if err != nil {
		t.Fatal(err)
	}
	p := m.Float()
	for i, tie := range m.Ties {
		if tie.Role == plan.Weight {
			p = p.WithTie(i, weight)
		} else {
			p = p.WithTie(i, activation)
		}
	}
	n := &format.Network{Plan: p, Params: make([]quant.Params, len(m.Quantizers))}
	for i := range m.Quantizers {
		s := p.Scheme(i)
		if s.IsFloat32() {
			continue
		}
		if w := n.Const(i); w != nil {
			n.Params[i] = quant.Weights(w.F32(), n.Layout(i), s)
		} else {
			n.Params[i] = quant.One(quant.ParamsFromRange(0, 6, s))
			if s.Granularity == quant.PerChannel {
				n.Params[i] = quant.Params{Scale: []float32{0.1, 0.2, 0.3, 0.4}}
			}
		}
	}
	return n
}

// shape is a line for each node of the quantized graph.
func shape(g *graph.Graph) string {
	var b strings.Builder
	for _, n := range g.Nodes() {
		b.WriteString(n.Op)
		for _, in := range n.Inputs {
			if t := g.Const(in); t != nil {
				b.WriteString(" " + t.String())
			} else {
				b.WriteString(" " + in)
			}
		}
		for _, a := range n.Attrs {
			b.WriteString(" " + a.Name)
		}
		b.WriteString(" -> " + strings.Join(n.Outputs, " ") + "\n")
	}
	return b.String()
}

func TestQuantizersBecomePairs(t *testing.T) {
	narrow := func(s quant.Scheme) quant.Scheme { s.Narrow = true; return s }
	for _, c := range []struct {
		name   string
		w, a   quant.Scheme
		most   int // MaxOpset
		opset  int // of the file
		expect []string
	}{
		{"8 bits in opset 13", quant.Int(8).PerChannel(), quant.Uint(8), 0, 13, []string{
			"DequantizeLinear int8[4 2] float32[2] int8[2] axis -> w",
			"Relu x -> r_float",
			"QuantizeLinear r_float float32[] uint8[] -> r_quantized",
			"DequantizeLinear r_quantized float32[] uint8[] -> r",
			"MatMul r w -> y"}},
		{"one scale", quant.Int(8), quant.Scheme{}, 0, 13, []string{"DequantizeLinear int8[4 2] float32[] int8[] -> w", "Relu x -> r"}},
		{"4 bits in opset 21", quant.Int(4), quant.Uint(4), 0, 21, []string{
			"DequantizeLinear int4[4 2] float32[] int4[] -> w",
			"QuantizeLinear r_float float32[] uint4[] -> r_quantized"}},
		{"2 bits in opset 25", quant.Int(2), quant.Uint(2), 0, 25, []string{"DequantizeLinear int2[4 2]", "QuantizeLinear r_float float32[] uint2[]"}},
		{"one bit", quant.Int(1), quant.Uint(1), 0, 25, []string{"DequantizeLinear int2[4 2]", "Clip r_float float32[] float32[] -> r_clipped", "QuantizeLinear r_clipped float32[] uint2[]"}},
		{"odd widths are narrowed by a Clip", quant.Int(3), quant.Uint(5), 0, 21, []string{
			"DequantizeLinear int4[4 2]", "Clip r_float float32[] float32[] -> r_clipped", "QuantizeLinear r_clipped float32[] uint8[]"}},
		{"a narrow range is narrowed too", quant.Scheme{}, narrow(quant.Int(8)), 0, 13, []string{"Clip r_float", "QuantizeLinear r_clipped float32[] int8[]"}},
		{"16 bits", quant.Int(16), quant.Uint(12), 0, 21, []string{"DequantizeLinear int16[4 2]", "Clip r_float", "QuantizeLinear r_clipped float32[] uint16[]"}},
		{"4 bits for a runtime without them", quant.Int(4), quant.Uint(4), 20, 13, []string{
			"DequantizeLinear int8[4 2]", "Clip r_float float32[] float32[] -> r_clipped", "QuantizeLinear r_clipped float32[] uint8[]"}},
		{"groups along the rows", quant.Int(8).PerGroup(3), quant.Scheme{}, 0, 21, []string{"DequantizeLinear int8[4 2] float32[2 2] int8[2 2] axis block_size -> w"}},
		{"a scale for each channel that flows", quant.Scheme{}, quant.Int(8).PerChannel(), 0, 13, []string{
			"QuantizeLinear r_float float32[4] int8[4] axis -> r_quantized", "DequantizeLinear r_quantized float32[4] int8[4] axis -> r"}},
		{"FP8", quant.FP8(quant.E4M3FN), quant.FP8(quant.E5M2), 0, 19, []string{"DequantizeLinear float8e4m3fn[4 2]", "QuantizeLinear r_float float32[] float8e5m2[]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := small(t, 11, c.w, c.a)
			g, err := format.QDQ{MaxOpset: c.most}.Graph(n)
			if err != nil {
				t.Fatal(err)
			}
			got := shape(g)
			for _, line := range c.expect {
				if !strings.Contains(got, line) {
					t.Errorf("no %q in\n%s", line, got)
				}
			}
			if strings.Contains(got, "Clip") != slices.ContainsFunc(c.expect, func(s string) bool { return strings.Contains(s, "Clip") }) {
				t.Errorf("a Clip where none is due, or none:\n%s", got)
			}
			if g.Opset("") != c.opset || g.Model().IRVersion < 7 {
				t.Errorf("opset %d, IR version %d; want opset %d", g.Opset(""), g.Model().IRVersion, c.opset)
			}
			if shape(n.Graph()) != "Relu x -> r\nMatMul r float32[4 2] -> y\n" || n.Graph().Opset("") != 11 {
				t.Error("the float network has changed")
			}
			kept := g.Model().Metadata
			if p, err := n.Plan.Map().ReadPlan([]byte(kept[len(kept)-1].Value)); err != nil || !p.Equal(n.Plan) {
				t.Errorf("the plan in the metadata: %v", err)
			}
		})
	}
}

// A scale for each channel belongs to the axis of the channels, with the codes that
// quant makes.
func TestCodesAndScalesAreThoseOfTheSimulation(t *testing.T) {
	n := small(t, 13, quant.Int(4).PerChannel(), quant.Scheme{})
	g, err := format.QDQ{}.Graph(n)
	if err != nil {
		t.Fatal(err)
	}
	d := g.Producer("w")
	codes, scale := g.Const(d.Inputs[0]), g.Const(d.Inputs[1])
	if d.Int("axis", -9) != 1 || !slices.Equal(scale.F32(), n.Params[0].Scale) {
		t.Errorf("axis %d, scales %v; want axis 1, %v", d.Int("axis", -9), scale.F32(), n.Params[0].Scale)
	}
	want := n.Codes(0)
	for i, b := range codes.Bytes() {
		for k := range 2 {
			if got := int32(int8(b>>(4*k)<<4) >> 4); got != want[2*i+k] {
				t.Errorf("code %d is %d, want %d", 2*i+k, got, want[2*i+k])
			}
		}
	}
}

func TestWhatONNXCannotExpressIsAnError(t *testing.T) {
	up := quant.Uint(8)
	up.Round = quant.HalfUp
	for _, c := range []struct {
		name string
		w, a quant.Scheme
		most int
		say  string
	}{
		{"other rounding of activations", quant.Int(8), up, 0, `"r": uint8 half-up`},
		{"the sign of activations", quant.Int(8), quant.Int(1), 0, "sign"},
		{"16 bits before opset 21", quant.Int(16), quant.Uint(8), 20, "opset 21"},
		{"FP8 before opset 19", quant.FP8(quant.E5M2), quant.Scheme{}, 18, "opset 19"},
		{"groups before opset 21", quant.Int(8).PerGroup(2), quant.Scheme{}, 20, "opset 21"},
		{"odd widths for each channel that flows", quant.Int(8), quant.Int(5).PerChannel(), 0, "each channel"},
		{"groups of what flows", quant.Int(8), quant.Int(8).PerGroup(2), 0, "not constant"},
		{"an opset nobody knows", quant.Int(8), quant.Uint(8), 26, "opset 26"},
		{"an opset before scales for channels", quant.Int(8), quant.Uint(8), 12, "opset 12"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := format.QDQ{MaxOpset: c.most}.Graph(small(t, 11, c.w, c.a))
			if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), c.say) {
				t.Errorf("error %v, want one that says %q and wraps ErrUnsupported", err, c.say)
			}
		})
	}
}

func TestParametersThatDoNotFitAreAnError(t *testing.T) {
	n := small(t, 13, quant.Int(8).PerChannel(), quant.Uint(8))
	good := n.Params[0]
	for name, p := range map[string]quant.Params{
		"too few scales": quant.One(1, 0), "a negative scale": {Scale: []float32{1, -1}}, "a foreign zero point": {Scale: good.Scale, Zero: []int32{0, 300}}, "none": {},
	} {
		n.Params[0] = p
		for _, e := range []format.Exporter{format.QDQ{}.Export, format.JSON} {
			if err := e(io.Discard, n); err == nil || !strings.Contains(err.Error(), `weight "w"`) {
				t.Errorf("%s: error %v", name, err)
			}
		}
	}
}

func TestJSONHoldsWhatAnotherToolNeeds(t *testing.T) {
	n := small(t, 13, quant.Int(4).PerChannel(), quant.Uint(8))
	n.Methods, n.Samples = "minmax", 7
	var b bytes.Buffer
	if err := format.JSON(&b, n); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Format, Methods string
		Samples         int
		Plan            json.RawMessage
		Quantizers      []struct {
			Value, Role, Scheme, Granularity string
			Bits, Low, High, Axis            int
			Shape                            []int
			Scale                            []float32
			Zero                             []int32
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if p, err := n.Plan.Map().ReadPlan(got.Plan); err != nil || !p.Equal(n.Plan) {
		t.Errorf("the plan is not read again: %v", err)
	}
	w, x := got.Quantizers[0], got.Quantizers[1]
	if w.Value != "w" || w.Role != "weight" || w.Bits != 4 || w.Low != -8 || w.High != 7 || w.Axis != 1 ||
		!slices.Equal(w.Shape, []int{4, 2}) || !slices.Equal(w.Scale, n.Params[0].Scale) || len(w.Zero) != 2 {
		t.Errorf("the weight is %+v", w)
	}
	if x.Value != "r" || x.Granularity != "tensor" || x.High != 255 || !slices.Equal(x.Scale, n.Params[1].Scale) || len(x.Zero) != 1 {
		t.Errorf("the activation is %+v", x)
	}
	if got.Methods != "minmax" || got.Samples != 7 {
		t.Errorf("methods %q, %d samples", got.Methods, got.Samples)
	}
}

func TestSaveLeavesNothingBehindWhenItFails(t *testing.T) {
	up := quant.Uint(8)
	up.Round = quant.HalfUp
	bad, good := small(t, 13, quant.Int(8), up), small(t, 13, quant.Int(8), quant.Uint(8))
	dir := t.TempDir()
	path := filepath.Join(dir, "q.onnx")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := format.Save(path, bad); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("error %v", err)
	}
	if err := format.Save(filepath.Join(dir, "q.tflite"), good); err == nil || !strings.Contains(err.Error(), ".json, .onnx") {
		t.Errorf("an unknown extension: %v", err)
	}
	if err := format.Save(filepath.Join(dir, "absent", "q.onnx"), good); err == nil {
		t.Error("a folder that is not there is no error")
	}
	data, _ := os.ReadFile(path)
	list, _ := os.ReadDir(dir)
	if string(data) != "before" || len(list) != 1 {
		t.Errorf("%q and %d files are left", data, len(list))
	}
	if err := format.Save(path, good); err != nil {
		t.Fatal(err)
	}
	if g, b, err := format.Open(path); err != nil || len(g.Nodes()) != 5 || len(b) == 0 {
		t.Errorf("opened again: %v", err)
	}
}

func TestRegistering(t *testing.T) {
	parser := func([]byte, string) (*graph.Graph, error) { return nil, errors.New("byte 0: not that format") }
	exporter := func(io.Writer, *format.Network) error { return nil }
	format.RegisterParser(".FormatTest", parser)
	format.RegisterExporter(".formattest", exporter)
	if got := format.Parsers(); !slices.Equal(got, []string{".formattest", ".onnx"}) {
		t.Errorf("parsers %v", got)
	}
	if got := format.Exporters(); !slices.Equal(got, []string{".formattest", ".json", ".onnx"}) {
		t.Errorf("exporters %v", got)
	}
	for name, f := range map[string]func(){
		"a nil parser":         func() { format.RegisterParser(".nil", nil) },
		"a nil exporter":       func() { format.RegisterExporter(".nil", nil) },
		"a parser again":       func() { format.RegisterParser(".formattest", parser) },
		"an exporter again":    func() { format.RegisterExporter(".FORMATTEST", exporter) },
		"a built-in parser":    func() { format.RegisterParser(".onnx", parser) },
		"no extension":         func() { format.RegisterParser("", parser) },
		"no dot":               func() { format.RegisterParser("acme", parser) },
		"two dots":             func() { format.RegisterExporter(".tar.gz", exporter) },
		"a slash in extension": func() { format.RegisterExporter("./x", exporter) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it does not panic")
				}
			}()
			f()
		})
	}
	path := filepath.Join(t.TempDir(), "net.formattest")
	if err := os.WriteFile(path, []byte("?"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := format.Open(path); err == nil || !strings.Contains(err.Error(), "net.formattest: byte 0") {
		t.Errorf("a file that the parser refuses: %v", err)
	}
	other := filepath.Join(filepath.Dir(path), "net.other")
	if err := os.WriteFile(other, []byte("?"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := format.Open(other); err == nil || !strings.Contains(err.Error(), ".formattest, .onnx") {
		t.Errorf("a file of unknown extension: %v", err)
	}
	if _, _, err := format.Open(filepath.Join(filepath.Dir(path), "absent.formattest")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
