package quantlib_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/hardware"
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
			f, want := simulated(t, study, p, 64)
			got := reopened(t, path, study, 64)
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
			f, want := simulated(t, study, pl, 32)
			if got := reopened(t, path, study, 32); !tensor.Equal(want, got) {
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
