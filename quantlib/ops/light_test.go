package ops_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/onnx"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// TestONNXLight runs the whole networks of ONNX's tests, whose weights are made
// by ConstantOfShape, on the input that those tests use: i/n for element i of n.
func TestONNXLight(t *testing.T) {
	if testing.Short() {
		t.Skip("whole networks take seconds")
	}
	files := vectors(t, "light/")
	for _, name := range slices.Sorted(maps.Keys(files)) {
		model, ok := strings.CutSuffix(name, ".onnx")
		if !ok {
			continue
		}
		t.Run(strings.TrimPrefix(model, "light/"), func(t *testing.T) {
			g, err := onnx.Decode(files[name], "")
			if err != nil {
				t.Fatal(err)
			}
			var in []*tensor.Tensor
			for _, v := range g.Inputs() {
				var shape []int
				for _, d := range v.Dims {
					shape = append(shape, max(d.Size, 1))
				}
				x := tensor.New(tensor.Float32, shape...)
				for i := range x.F32() {
					x.F32()[i] = float32(float64(i) / float64(x.Len()))
				}
				in = append(in, x)
			}
			got, err := (&machine{}).run(context.Background(), g, in)
			if err != nil {
				t.Fatal(err)
			}
			_, want, err := onnx.DecodeTensor(files[model+"_output_0.pb"])
			if err != nil {
				t.Fatal(err)
			}
			if err := same(got[0], want); err != nil {
				t.Error(err)
			}
		})
	}
}
