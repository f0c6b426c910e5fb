package exec

import (
	"context"
	"testing"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

func TestRestoredVariantRerunsFromItsBase(t *testing.T) {
	s := session(t, Options{Visible: []string{"b", "f", "x", "y"}})
	in, ctx := input(3), context.Background()
	halved := func(name string) *tensor.Tensor {
		c := s.Graph().Const(name).Clone()
		for i := range c.F32() {
			c.F32()[i] /= 2
		}
		return c
	}
	full := Change{
		Quantize: map[string]Quantizer{"x": coarse(0.5), "b": coarse(0.5), "f": coarse(0.25), "h": coarse(0.5), "y": coarse(0.125)},
		Consts:   Values{"w1": halved("w1"), "w2": halved("w2"), "w4": halved("w4")},
	}
	base, err := s.With(full)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		restore []string
		first   int // 0 c1+r1, 1 c3, 2 c2+sum+r2, 3 flat, 4 fc
	}{
		{"nothing", nil, 5},
		{"the input", []string{"x"}, 0},
		{"a branching value", []string{"b"}, 0},
		{"a weight", []string{"w2"}, 2},
		{"a value behind a view", []string{"h"}, 3},
		{"weight and value", []string{"w4", "f"}, 2},
		{"the output", []string{"y"}, 4},
		{"all", []string{"x", "b", "f", "h", "y", "w1", "w2", "w4"}, 0},
	} {
		v, err := base.Restore(c.restore...)
		if err != nil {
			t.Fatal(err)
		}
		first := s.First(c.restore...)
		if first != c.first {
			t.Errorf("%s: the first step is %d, want %d", c.name, first, c.first)
		}
		fresh := Change{Quantize: map[string]Quantizer{}, Consts: Values{}}
		left := map[string]bool{}
		for _, name := range c.restore {
			left[name] = true
		}
		for name, q := range full.Quantize {
			if !left[name] {
				fresh.Quantize[name] = q
			}
		}
		for name, w := range full.Consts {
			if !left[name] {
				fresh.Consts[name] = w
			}
		}
		plain, err := s.With(fresh)
		if err != nil {
			t.Fatal(err)
		}
		want := run(t, plain.Run, in)
		kept, err := base.KeepFrom(ctx, in, first)
		if err != nil {
			t.Fatal(err)
		}
		got, steps, err := v.Rerun(ctx, kept)
		if err != nil {
			t.Fatal(err)
		}
		if !tensor.Equal(got[0], want) {
			t.Errorf("%s: re-run gives %v, a whole run %v", c.name, got[0].F32(), want.F32())
		}
		if steps > s.Calls()-first {
			t.Errorf("%s: %d steps from step %d of %d", c.name, steps, first, s.Calls())
		}
		if again := run(t, v.Run, in); !tensor.Equal(again, want) {
			t.Errorf("%s: a whole run of the restored variant gives %v, want %v", c.name, again.F32(), want.F32())
		}
	}
	if _, err := base.Restore("w3"); err == nil {
		t.Error("restoring what was not changed is no error")
	}
	float, err := s.Keep(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := base.Restore("x")
	got, _, err := v.Rerun(ctx, float)
	if err != nil {
		t.Fatal(err)
	}
	if want := run(t, v.Run, in); !tensor.Equal(got[0], want) {
		t.Error("a restored variant re-run from float values gives other bits than a whole run")
	}
	other, err := s.With(full)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := other.KeepFrom(ctx, in, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("re-running from another variant's values does not panic")
		}
	}()
	v.Rerun(ctx, kept)
}

func TestValuesBeforeTheFirstStepAreNotNeeded(t *testing.T) {
	s := session(t, Options{Visible: []string{"b", "f", "x"}})
	in, ctx := input(2), context.Background()
	all, err := s.Keep(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range changes(s) {
		v, err := s.With(c)
		if err != nil {
			t.Fatal(err)
		}
		want, _, err := v.Rerun(ctx, all)
		if err != nil {
			t.Fatal(err)
		}
		first := s.First(append(sorted(c.Consts), sorted(c.Quantize)...)...)
		part, err := s.KeepFrom(ctx, in, first)
		if err != nil {
			t.Fatal(err)
		}
		dropped, err := s.Keep(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		dropped.Drop(first)
		if part.Bytes() != dropped.Bytes() || first > 0 && part.Bytes() >= all.Bytes() {
			t.Errorf("%s: kept from step %d: %d bytes, after Drop %d, all %d", name, first, part.Bytes(), dropped.Bytes(), all.Bytes())
		}
		for _, kept := range []*Kept{part, dropped} {
			got, _, err := v.Rerun(ctx, kept)
			if err != nil {
				t.Fatal(err)
			}
			if !tensor.Equal(got[0], want[0]) {
				t.Errorf("%s: from fewer values: %v, want %v", name, got[0].F32(), want[0].F32())
			}
		}
	}
}
