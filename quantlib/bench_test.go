package quantlib_test

import (
	"context"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
)

func study(t testing.TB) *quantlib.Study {
	t.Helper()
	m, err := quantlib.Decode(demo.Model())
	if err != nil {
		t.Fatal(err)
	}
	c, e := demo.Calibration(), demo.Test()
	shape := []int{c.C, c.H, c.W}
	return &quantlib.Study{Model: m, NoMemo: true,
		Calibration: quantlib.Images{Pixels: c.Pixels, Shape: shape, Divide: 255},
		Test:        quantlib.Images{Pixels: e.Pixels, Shape: shape, Divide: 255, Labels: e.Labels}}
}

func BenchmarkEvaluate(b *testing.B) {
	s := study(b)
	ctx := context.Background()
	if _, err := s.Statistics(ctx); err != nil {
		b.Fatal(err)
	}
	p, err := s.Uniform(4, 4)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Evaluate(ctx, p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGrid(b *testing.B) {
	s := study(b)
	ctx := context.Background()
	if _, err := s.Statistics(ctx); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Grid(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
