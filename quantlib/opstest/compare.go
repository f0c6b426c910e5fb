package opstest

import (
	"fmt"
	"math"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// same compares within the case's tolerance.
func (r *runner) same(got, want []*tensor.Tensor) error {
	if len(got) < len(want) {
		return fmt.Errorf("%d outputs, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		switch {
		case w == nil:
		case g == nil:
			return fmt.Errorf("output %d is absent", i)
		case g.DType() != w.DType() || !tensor.SameShape(g.Shape(), w.Shape()):
			return fmt.Errorf("output %d is %v, want %v", i, g, w)
		case g.Err() != nil:
			return fmt.Errorf("output %d: %w", i, g.Err())
		default:
			if at, a, b, ok := r.near(g, w); !ok {
				return fmt.Errorf("output %d: element %d is %v, want %v (within %g + %g of it)", i, at, a, b, r.c.Abs, r.c.Rel)
			}
		}
	}
	return nil
}

// near reports whether all elements are, or else the first that is not.
func (r *runner) near(g, w *tensor.Tensor) (at int, a, b any, ok bool) {
	switch w.DType() {
	case tensor.Float32:
		return within(g.F32(), w.F32(), r.c)
	case tensor.Float64:
		return within(tensor.Data[float64](g), tensor.Data[float64](w), r.c)
	case tensor.Float16, tensor.BFloat16:
		widen := func(t *tensor.Tensor) []float32 {
			x := make([]float32, t.Len())
			for i, h := range tensor.Data[uint16](t) {
				x[i] = tensor.Float32FromBits16(h)
				if t.DType() == tensor.BFloat16 {
					x[i] = tensor.Float32FromBFloat16(h)
				}
			}
			return x
		}
		return within(widen(g), widen(w), r.c)
	case tensor.String:
		for i, s := range w.Strings() {
			if g.Strings()[i] != s {
				return i, g.Strings()[i], s, false
			}
		}
		return 0, nil, nil, true
	}
	x, y := g.Bytes(), w.Bytes()
	for i := range y {
		if x[i] != y[i] {
			n := max(1, w.DType().Bits()/8)
			k := i / n * n
			return k / n, fmt.Sprintf("% x", x[k:k+n]), fmt.Sprintf("% x", y[k:k+n]), false
		}
	}
	return 0, nil, nil, true
}

func within[T float32 | float64](g, w []T, c Case) (int, any, any, bool) {
	for i := range w {
		a, b := float64(g[i]), float64(w[i])
		if a == b || a != a && b != b {
			continue
		}
		if d := math.Abs(a - b); !(d <= c.Abs+c.Rel*math.Abs(b)) || math.IsInf(b, 0) {
			return i, a, b, false
		}
	}
	return 0, nil, nil, true
}
