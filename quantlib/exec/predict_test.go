package exec_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/onnx"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A prediction is right or an error: for every operator, on ONNX's own cases.
func TestPredictedShapesAreThoseOfARun(t *testing.T) {
	if testing.Short() {
		t.Skip("runs ONNX's cases")
	}
	ctx := context.Background()
	told := 0
	cases := load(t)
	for name, files := range cases {
		g, err := onnx.Decode(files["model.onnx"], "")
		if err != nil {
			continue
		}
		s, err := exec.New(g, exec.Options{NoFuse: true})
		if err != nil || s.Calls() == 0 {
			continue
		}
		in, shapes := exec.Values{}, map[string][]int{}
		for i, v := range g.Inputs() {
			_, x, err := onnx.DecodeTensor(files[fmt.Sprintf("test_data_set_0/input_%d.pb", i)])
			if err != nil {
				break
			}
			in[v.Name], shapes[v.Name] = x, x.Shape()
		}
		if len(in) < len(g.Inputs()) {
			continue
		}
		hollow := exec.Values{}
		for name, x := range in {
			if hollow[name] = x; x.DType() != tensor.String && x.DType() != tensor.Int64 {
				hollow[name] = tensor.Hollow(x.DType(), x.Shape()...)
			}
		}
		predicted, err := exec.Predict(ctx, s, hollow)
		if errors.Is(err, errors.ErrUnsupported) {
			continue
		}
		if err != nil {
			continue // a case that does not run either
		}
		real, err := s.Run(ctx, in)
		if err != nil {
			continue
		}
		told++
		for i, o := range g.Outputs() {
			a, b := predicted[i], real[o.Name]
			if a.DType() != b.DType() || !tensor.SameShape(a.Shape(), b.Shape()) {
				t.Errorf("%s: predicted %v, the run gives %v", name, a, b)
			}
		}
	}
	t.Logf("%d of %d cases are told", told, len(cases))
	if told < 600 {
		t.Errorf("only %d of %d cases are told", told, len(cases))
	}
}
