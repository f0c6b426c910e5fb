package quantlib_test

import (
	"context"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// TestModelsOfOneBatchSizeAreStudied holds models whose file fixes the batch to
// the same figures as those that take any.
func TestModelsOfOneBatchSizeAreStudied(t *testing.T) {
	e := demoModel(t).Graph().Edit()
	in := demoModel(t).Graph().Inputs()[0]
	e.SetInputs(graph.Value{Name: in.Name, DType: tensor.Float32, Ranked: true,
		Dims: []graph.Dim{{Size: 1}, {Size: 1}, {Size: 28}, {Size: 28}}})
	g, err := e.Graph()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	any := newStudy(t, 3, 3)
	one := &quantlib.Study{Model: quantlib.FromGraph(g), Calibration: demoImages(demo.Calibration(), 3), Test: demoImages(demo.Test(), 3)}
	want, err := any.Grid(ctx, 4)
	if err != nil {
		t.Fatal(err)
	}
	got, err := one.Grid(ctx, 4)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want.Cells {
		if got.Cells[i].NSR != want.Cells[i].NSR {
			t.Fatalf("cell %d: noise %v with the batch fixed, %v without", i, got.Cells[i].NSR, want.Cells[i].NSR)
		}
	}
	pl, err := one.Uniform(8, 8)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.Evaluate(ctx, pl); err != nil {
		t.Error(err)
	}
	if _, err := one.Curve(ctx, 8); err != nil {
		t.Error(err)
	}
	if quick() {
		return
	}
	if _, err := one.Check(ctx, quantlib.Space{Weights: []int{2, 4, 8}, Activations: []int{8}}, quantlib.Bytes); err != nil {
		t.Error(err)
	}
}
