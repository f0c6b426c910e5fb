package quantlib_test

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib"
)

func TestAnalysisAgreesWithTheEvaluation(t *testing.T) {
	ctx := context.Background()
	study := newStudy(t, 64, 96)
	p := quantlib.Must(study.Uniform(4, 6))
	r, err := study.Analyse(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	a := quantlib.Must(study.Evaluate(ctx, p))
	out := r.Tensor(r.Outputs[0])
	if got, want := out.NSR, a.Noise.NSR.Mean; math.Abs(got-want) > 1e-9*want {
		t.Errorf("noise at the output is %v; Evaluate says %v", got, want)
	}
	if got, want := out.StdErr, a.Noise.NSR.StdErr; math.Abs(got-want) > 1e-6*want {
		t.Errorf("its standard error is %v; Evaluate says %v", got, want)
	}
	if r.Samples != samples(96) || !strings.Contains(r.String(), "logits") {
		t.Errorf("%d samples:\n%s", r.Samples, r)
	}
	v := quantlib.Must(study.Variable(ctx, out.Value, p))
	if v.NSR != out.NSR {
		t.Errorf("the same value alone has %v, in the network %v", v.NSR, out.NSR)
	}
	w := quantlib.Must(study.Parameters(ctx))
	layers := quantlib.Must(study.Model.Layers())
	if len(w.Weights) != len(layers) {
		t.Errorf("%d weights for %d layers", len(w.Weights), len(layers))
	}
}

func TestAnalysisIsStored(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", filepath.Join(t.TempDir(), "cache"))
	ctx := context.Background()
	ask := func() (string, int) {
		calls := 0
		study := newStudy(t, 32, 32)
		study.NoMemo = false
		study.Progress = func(string, int, int) { calls++ }
		p := quantlib.Must(study.Uniform(8, 8))
		r := quantlib.Must(study.Analyse(ctx, p))
		v := quantlib.Must(study.Variable(ctx, "logits", p))
		return r.String() + v.String(), calls
	}
	first, work := ask()
	second, again := ask()
	if first != second {
		t.Errorf("the stored report differs:\n%s\n%s", first, second)
	}
	if work == 0 || again != 0 {
		t.Errorf("%d calls of work, then %d; want some, then none", work, again)
	}
}

func TestAnalysisOfAnotherModelsPlanIsAnError(t *testing.T) {
	study, other := newStudy(t, 8, 8), newStudy(t, 8, 8)
	p := quantlib.Must(other.Uniform(8, 8))
	if _, err := study.Analyse(context.Background(), p); err == nil {
		t.Error("Analyse takes it")
	}
	if _, err := study.Variable(context.Background(), "logits", p); err == nil {
		t.Error("Variable takes it")
	}
	if err := study.Export(context.Background(), p, filepath.Join(t.TempDir(), "x.onnx")); err == nil {
		t.Error("Export takes it")
	}
}
