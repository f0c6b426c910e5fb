package ops_test

import (
	"math/rand/v2"
	"testing"

	"github.com/quantnb/quantnb/quantlib/ops"
)

func TestRoundingErrorIsFakeQuantizedLessOriginal(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	x, q, e := make([]float32, 5003), make([]float32, 5003), make([]float32, 5003)
	scale := make([]float32, len(x))
	for i := range x {
		x[i] = float32(r.NormFloat64())
		scale[i] = 0.01 + r.Float32()
	}
	ops.FakeQuantize(q, x, 0.1, 3, -8, 7)
	ops.RoundingError(e, x, 0.1, 3, -8, 7)
	for i := range x {
		if e[i] != q[i]-x[i] {
			t.Fatalf("element %d: %v, want %v", i, e[i], q[i]-x[i])
		}
	}
	x[0], x[1] = 0, -0.25
	ops.SignError(e, x, 0.75)
	for i, v := range x {
		want := 0.75 - v
		if v < 0 {
			want = -0.75 - v
		}
		if e[i] != want {
			t.Fatalf("sign of %v: %v, want %v", v, e[i], want)
		}
	}
	ops.RoundingErrorColumns(e, x, scale, -7, 7)
	for i := range x {
		ops.FakeQuantize(q[i:i+1], x[i:i+1], scale[i], 0, -7, 7)
		if e[i] != q[i]-x[i] {
			t.Fatalf("scale %d: %v, want %v", i, e[i], q[i]-x[i])
		}
	}
}
