package exec

import (
	"context"
	"testing"

	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// channels is a uniform quantizer with a scale for each index of axis 1, or one.
type channels struct {
	scale  []float32
	zero   []int32
	lo, hi int32
}

func (c channels) Quantize(dst, x []float32, shape []int) {
	if len(c.scale) == 1 {
		ops.FakeQuantize(dst, x, c.scale[0], c.zero[0], c.lo, c.hi)
		return
	}
	inner := 1
	for _, n := range shape[2:] {
		inner *= n
	}
	for i := 0; i < len(x); i += inner {
		k := i / inner % shape[1]
		ops.FakeQuantize(dst[i:i+inner], x[i:i+inner], c.scale[k], c.zero[k], c.lo, c.hi)
	}
}

// uniform is the same, done by the operator that makes the value.
type uniform struct{ channels }

func (u uniform) Grid() *ops.Grid { return ops.NewGrid(u.scale, u.zero, u.lo, u.hi, 1) }

func TestQuantizationInTheStepThatMakesTheValueGivesTheSameBits(t *testing.T) {
	one := channels{[]float32{0.13}, []int32{3}, 0, 15}
	each, groups := channels{lo: -8, hi: 7}, channels{lo: -8, hi: 7}
	for i := range 8 {
		each.scale, each.zero = append(each.scale, 0.05+0.02*float32(i)), append(each.zero, int32(i-4))
		groups.scale, groups.zero = append(groups.scale, 0.05+0.1*float32(i/4)), append(groups.zero, 0)
	}
	in := input(3)
	for name, qs := range map[string]map[string]channels{
		"convolution and Relu":           {"b": one},
		"depthwise":                      {"c": one},
		"residual":                       {"f": one},
		"product":                        {"y": one},
		"all":                            {"x": one, "b": one, "c": one, "f": one, "h": one, "y": one},
		"by channel":                     {"b": each, "c": each, "d": each},
		"by groups of channels":          {"b": groups, "c": groups, "f": groups},
		"by channel, residual and views": {"f": each, "h": one},
	} {
		var visible []string
		apart, together := Change{Quantize: map[string]Quantizer{}}, Change{Quantize: map[string]Quantizer{}}
		for value, q := range qs {
			visible = append(visible, value)
			apart.Quantize[value], together.Quantize[value] = q, uniform{q}
		}
		var want *tensor.Tensor
		for _, threads := range []int{1, 2, 8} {
			s := session(t, Options{Visible: visible, Threads: threads})
			for _, c := range []Change{apart, together} {
				v, err := s.With(c)
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					got := run(t, v.Run, in)
					if want == nil {
						want = got
					}
					if !tensor.Equal(got, want) {
						t.Errorf("%s, %d threads: got %v, want %v", name, threads, got.F32(), want.F32())
					}
				}
				kept, err := s.Keep(context.Background(), in)
				if err != nil {
					t.Fatal(err)
				}
				out, _, err := v.Rerun(context.Background(), kept)
				if err != nil {
					t.Fatal(err)
				}
				if !tensor.Equal(out[0], want) {
					t.Errorf("%s, %d threads, re-run: got %v, want %v", name, threads, out[0].F32(), want.F32())
				}
			}
		}
	}
}

// counted says how often it is asked to quantize.
type counted struct {
	uniform
	calls *int
}

func (c counted) Quantize(dst, x []float32, shape []int) {
	*c.calls++
	c.channels.Quantize(dst, x, shape)
}

func TestOperatorsQuantizeWhatTheyCan(t *testing.T) {
	for _, r := range []struct {
		value string
		q     channels
		calls int
	}{
		{"b", channels{[]float32{0.5}, []int32{0}, -8, 7}, 0},
		{"y", channels{[]float32{0.5}, []int32{0}, -8, 7}, 0},
		{"x", channels{[]float32{0.5}, []int32{0}, -8, 7}, 1},                       // an input
		{"h", channels{[]float32{0.5}, []int32{0}, -8, 7}, 1},                       // a view
		{"y", channels{[]float32{1, 1, 1, 1, 1}, []int32{0, 0, 0, 0, 0}, -8, 7}, 1}, // columns, not rows, have scales
	} {
		calls := 0
		s := session(t, Options{Visible: []string{r.value}})
		v, err := s.With(Change{Quantize: map[string]Quantizer{r.value: counted{uniform{r.q}, &calls}}})
		if err != nil {
			t.Fatal(err)
		}
		run(t, v.Run, input(1))
		if calls != r.calls {
			t.Errorf("%q with %d scales: quantized apart %d times, want %d", r.value, len(r.q.scale), calls, r.calls)
		}
	}
}
