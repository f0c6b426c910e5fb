package quantlib_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/format"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// simulated and float run the study's first n test samples.
func simulated(t *testing.T, s *quantlib.Study, p quantlib.Plan, n int) (float, quantized *tensor.Tensor) {
	t.Helper()
	ctx := context.Background()
	m, err := s.Model.For(s.Profile)
	if err != nil {
		t.Fatal(err)
	}
	session, err := m.Session()
	if err != nil {
		t.Fatal(err)
	}
	st, err := s.Statistics(ctx)
	if err != nil {
		t.Fatal(err)
	}
	change, err := st.Change(p, s.Methods)
	if err != nil {
		t.Fatal(err)
	}
	v, err := session.With(change)
	if err != nil {
		t.Fatal(err)
	}
	in := firstSamples(t, session, s.Test, n)
	f, err := session.Run(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	q, err := v.Run(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	name := session.Graph().Outputs()[0].Name
	return f[name], q[name]
}

func firstSamples(t *testing.T, s *exec.Session, data calibrate.Samples, n int) exec.Values {
	t.Helper()
	in, err := data.Batch(0, n)
	if err != nil {
		t.Fatal(err)
	}
	if x := in[""]; x != nil {
		in = exec.Values{s.Graph().Inputs()[0].Name: x}
	}
	return in
}

// reopened runs an exported file on the same samples.
func reopened(t *testing.T, path string, s *quantlib.Study, n int) *tensor.Tensor {
	t.Helper()
	m, err := quantlib.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	session, err := exec.New(m.Graph(), exec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := session.Run(context.Background(), firstSamples(t, session, s.Test, n))
	if err != nil {
		t.Fatal(err)
	}
	return out[m.Graph().Outputs()[0].Name]
}

// Both do the same arithmetic on the same numbers, so every bit agrees. (Another
// runtime adds in another order: see the bench's command exported.)
func TestExportedFilesComputeWhatTheSimulationDoes(t *testing.T) {
	study := newStudy(t, 64, 64)
	for _, c := range []struct {
		name               string
		weight, activation int
	}{{"8 bits", 8, 8}, {"4 bits", 4, 4}, {"odd widths", 3, 5}, {"2 bits", 2, 8}, {"16 bits", 16, 16}, {"binary weights", 1, 8}, {"weights alone", 4, 0}, {"float", 0, 0}} {
		t.Run(c.name, func(t *testing.T) {
			p := quantlib.Must(study.Uniform(c.weight, c.activation))
			path := filepath.Join(t.TempDir(), "q.onnx")
			if err := study.Export(context.Background(), p, path); err != nil {
				t.Fatal(err)
			}
			f, want := simulated(t, study, p, samples(64))
			got := reopened(t, path, study, samples(64))
			if !tensor.Equal(want, got) {
				t.Errorf("the exported file is %.1f dB from the simulation, which is %.1f dB from float",
					quant.SQNR(want.F32(), got.F32()), quant.SQNR(f.F32(), want.F32()))
			}
			if c.weight+c.activation > 0 && tensor.Equal(f, want) {
				t.Error("quantization changes nothing")
			}
		})
	}
}

// Under a device's rules more operators are quantized, quantizers share scales, and
// biases have 32 bits.
func TestExportedFilesFollowTheProfile(t *testing.T) {
	for _, p := range hardware.Builtin() {
		t.Run(p.Name, func(t *testing.T) {
			study := newStudy(t, 32, 32)
			study.Profile = p
			pl := quantlib.Must(study.Uniform(8, 8))
			path := filepath.Join(t.TempDir(), "q.onnx")
			if err := study.Export(context.Background(), pl, path); err != nil {
				t.Fatal(err)
			}
			f, want := simulated(t, study, pl, samples(32))
			if got := reopened(t, path, study, samples(32)); !tensor.Equal(want, got) {
				t.Errorf("the exported file is %.1f dB from the simulation, which is %.1f dB from float",
					quant.SQNR(want.F32(), got.F32()), quant.SQNR(f.F32(), want.F32()))
			}
			m := quantlib.Must(quantlib.Open(path))
			biases := 0
			for _, n := range m.Graph().Nodes() {
				if x := m.Graph().Const(n.Input(0)); n.Op == "DequantizeLinear" && x != nil && x.DType() == tensor.Int32 {
					biases++
				}
			}
			if quantized := p.Biases.Bits == 32; quantized != (biases > 0) {
				t.Errorf("%d biases of 32 bits; the profile has them: %v", biases, quantized)
			}
		})
	}
}

// The reference networks, of opset 13, at widths whose types raise it to 21.
func TestExportedReferenceNetworksComputeWhatTheSimulationDoes(t *testing.T) {
	for i, c := range sharedModels {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "resnet8_large_cifar10" {
				long(t, "runs the largest")
			}
			study := &quantlib.Study{Model: openShared(t, c.name), NoMemo: true}
			x := tensor.New(tensor.Float32, append([]int{samples(8)}, c.shape...)...)
			lcg(x.F32(), uint32(i+1), float64(c.low), float64(c.high))
			study.Calibration = fixed{study.Model.Graph().Inputs()[0].Name, x}
			study.Test = study.Calibration
			for _, bits := range []int{8, 4} {
				p := quantlib.Must(study.Uniform(bits, bits))
				path := filepath.Join(t.TempDir(), "q.onnx")
				if err := study.Export(context.Background(), p, path); err != nil {
					t.Fatal(err)
				}
				_, want := simulated(t, study, p, samples(8))
				if got := reopened(t, path, study, samples(8)); !tensor.Equal(want, got) {
					t.Errorf("%d bits: the exported file is %.1f dB from the simulation", bits, quant.SQNR(want.F32(), got.F32()))
				}
			}
		})
	}
}

// fixed is samples at hand.
type fixed struct {
	input string
	x     *tensor.Tensor
}

func (f fixed) Len() int { return f.x.Dim(0) }

func (f fixed) Batch(lo, hi int) (exec.Values, error) {
	return exec.Values{f.input: f.x.Slice(lo, hi)}, nil
}

// Networks of opset 9, with weights in Constant nodes; see TestOCRNetworks. Their
// operators are written anew for opset 21.
func TestExportedOCRNetworksComputeWhatTheSimulationDoes(t *testing.T) {
	folder := os.Getenv("QUANTNB_OCR")
	if folder == "" {
		t.Skip("QUANTNB_OCR is not set; see TestOCRNetworks")
	}
	for name, shape := range map[string][]int{
		"ch_PP-OCRv4_rec_infer.onnx": {2, 3, 48, 160}, "ch_ppocr_mobile_v2.0_cls_infer.onnx": {2, 3, 48, 192}, "ch_PP-OCRv4_det_infer.onnx": {1, 3, 160, 160},
	} {
		t.Run(name, func(t *testing.T) {
			study := &quantlib.Study{Model: quantlib.Must(quantlib.Open(filepath.Join(folder, name))), NoMemo: true}
			x := tensor.New(tensor.Float32, shape...)
			lcg(x.F32(), 7, -1, 1)
			study.Calibration = fixed{study.Model.Graph().Inputs()[0].Name, x}
			study.Test = study.Calibration
			p := quantlib.Must(study.Uniform(4, 8))
			path := filepath.Join(t.TempDir(), "q.onnx")
			if err := study.Export(context.Background(), p, path); err != nil {
				t.Fatal(err)
			}
			f, want := simulated(t, study, p, shape[0])
			if got := reopened(t, path, study, shape[0]); !tensor.Equal(want, got) {
				t.Errorf("the exported file is %.1f dB from the simulation, which is %.1f dB from float", quant.SQNR(want.F32(), got.F32()), quant.SQNR(f.F32(), want.F32()))
			}
		})
	}
}

// A plan leaves for a device as an ONNX file, or as JSON for another tool. For a
// runtime without 4-bit types, the codes are kept in 8 bits.
func ExampleStudy_Export() {
	ctx := context.Background()
	calibration := demo.Calibration()
	study := &quantlib.Study{
		Model:       quantlib.Must(quantlib.Decode(demo.Model())),
		Calibration: quantlib.Images{Pixels: calibration.Pixels[:32*784], Shape: []int{1, 28, 28}, Divide: 255},
		NoMemo:      true,
	}
	p := quantlib.Must(quantlib.Must(study.Uniform(4, 8)).With("head/fc", 8, 8))
	dir := quantlib.Must(os.MkdirTemp("", "export"))
	defer os.RemoveAll(dir)
	fmt.Println(study.Export(ctx, p, filepath.Join(dir, "q.onnx")), study.Export(ctx, p, filepath.Join(dir, "q.json")))

	quantized := quantlib.Must(quantlib.Open(filepath.Join(dir, "q.onnx"))).Graph()
	fmt.Println("opset", quantized.Opset(""), quantized.Const("stem/conv/weight.folded_quantized"))

	old := quantlib.Must(format.QDQ{MaxOpset: 20}.Graph(quantlib.Must(study.Quantized(ctx, p))))
	fmt.Println("opset", old.Opset(""), old.Const("stem/conv/weight.folded_quantized"))
	// Output:
	// <nil> <nil>
	// opset 21 int4[16 1 3 3]
	// opset 13 int8[16 1 3 3]
}

// Where the noise of a plan comes from.
func ExampleStudy_Analyse() {
	ctx := context.Background()
	images := func(d demo.Images, n int) quantlib.Images {
		return quantlib.Images{Pixels: d.Pixels[:n*784], Shape: []int{1, 28, 28}, Divide: 255}
	}
	study := &quantlib.Study{
		Model:       quantlib.Must(quantlib.Decode(demo.Model())),
		Calibration: images(demo.Calibration(), 64), Test: images(demo.Test(), 64),
		Methods: quantlib.Methods{Activation: observe.Percentile{P: 0.8}}, // far too low
		NoMemo:  true,
	}
	report := quantlib.Must(study.Analyse(ctx, quantlib.Must(study.Uniform(8, 8))))
	fmt.Println(report.Hints[0].Kind, "at", report.Hints[0].Value)
	// Output: saturated range at input
}
