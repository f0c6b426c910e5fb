package exec

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A Quantizer stores in dst the quantized form of x, which has the given shape.
// dst may be x. It must be safe for use by several goroutines.
type Quantizer interface {
	Quantize(dst, x []float32, shape []int)
}

// Uniform is a Quantizer that rounds to a uniform grid: an operator may then
// quantize what it makes in the same step, with the same bits. Grid is nil if
// this one does not.
type Uniform interface {
	Quantizer
	Grid() *ops.Grid
}

// A Change says how a Variant differs from its Session.
type Change struct {
	// Quantize gives the quantizers of float32 values by name. Every user of
	// the value, and the graph's output, sees the quantized form.
	Quantize map[string]Quantizer
	// Consts replaces constants by name, with tensors of the same shape.
	Consts Values
}

// A Variant is a session with changes. It is immutable and safe for concurrent
// use. The first run packs the replaced constants, which the variant keeps.
type Variant struct {
	s        *Session
	quantize []Quantizer
	grids    []*ops.Grid // of those that are uniform
	consts   []*tensor.Tensor
	changed  []int // slots whose constants differ
	isConst  map[*tensor.Tensor]bool
	cache    *shared  // of packed constants that differ; shared with what Restore makes of the variant
	base     *Variant // that Restore made this one of
}

// With makes a variant. A name that the session does not see is an error (see
// Options.Visible), and so is a constant of another type or shape.
func (s *Session) With(c Change) (*Variant, error) {
	v := &Variant{s: s, quantize: make([]Quantizer, len(s.names)), grids: make([]*ops.Grid, len(s.names)), consts: make([]*tensor.Tensor, len(s.names)), isConst: map[*tensor.Tensor]bool{}, cache: new(shared)}
	for _, name := range sorted(c.Quantize) {
		i, ok := s.slots[name]
		if !ok || !s.Sees(name) {
			return nil, fmt.Errorf("exec: the value %q cannot be quantized: it is not in the network, or fused into another step", name)
		}
		if s.consts[i] != nil {
			return nil, fmt.Errorf("exec: %q is a constant; replace it instead of quantizing it as it flows", name)
		}
		v.quantize[i] = c.Quantize[name]
		if u, ok := v.quantize[i].(Uniform); ok {
			v.grids[i] = u.Grid()
		}
	}
	for _, name := range sorted(c.Consts) {
		i, ok := s.slots[name]
		if !ok || s.consts[i] == nil {
			return nil, fmt.Errorf("exec: the network has no constant %q", name)
		}
		t, old := c.Consts[name], s.consts[i]
		if t.DType() != old.DType() || !tensor.SameShape(t.Shape(), old.Shape()) {
			return nil, fmt.Errorf("exec: constant %q is %v, its replacement %v", name, old, t)
		}
		v.consts[i] = t
		v.isConst[t] = true
		v.changed = append(v.changed, i)
	}
	return v, nil
}

// Restore is the variant with some of its values no longer quantized, and some
// of its constants as the session has them, by name. What it shares with v is
// packed once for both. A name that v does not change is an error.
func (v *Variant) Restore(names ...string) (*Variant, error) {
	r := &Variant{s: v.s, quantize: slices.Clone(v.quantize), grids: slices.Clone(v.grids), consts: slices.Clone(v.consts), isConst: v.isConst, cache: v.cache, base: v}
	for _, name := range names {
		i, ok := v.s.slots[name]
		if !ok || r.quantize[i] == nil && r.consts[i] == nil {
			return nil, fmt.Errorf("exec: the variant does not change %q", name)
		}
		r.quantize[i], r.grids[i], r.consts[i] = nil, nil, nil
	}
	r.changed = slices.DeleteFunc(slices.Clone(v.changed), func(i int) bool { return r.consts[i] == nil })
	return r, nil
}

func sorted[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Run is Session.Run with the changes.
func (v *Variant) Run(ctx context.Context, in Values) (Values, error) {
	return v.s.run(ctx, in, v, v.s.options.Threads)
}

// RunSingle is Run on the calling goroutine alone.
func (v *Variant) RunSingle(ctx context.Context, in Values) (Values, error) {
	return v.s.run(ctx, in, v, 1)
}

// RunSingle is Run on the calling goroutine alone.
func (s *Session) RunSingle(ctx context.Context, in Values) (Values, error) {
	return s.run(ctx, in, nil, 1)
}

// Rerun gives what Run would give for the inputs of kept, bit for bit, but
// computes only what the changes reach, on the calling goroutine alone. A value
// that comes out equal to the kept one is not followed further. steps counts
// the operator calls that were made.
//
// It panics unless the values were kept by the variant's session or, if the
// variant was made by Restore, by the variant that it was made of.
func (v *Variant) Rerun(ctx context.Context, kept *Kept) (out []*tensor.Tensor, steps int, err error) {
	switch {
	case kept.s != v.s:
		panic("exec: Rerun with values that another session kept")
	case kept.v != nil && kept.v != v.base:
		panic("exec: Rerun with values that another variant kept")
	}
	s, base := v.s, kept.v
	w := s.workers.Get()
	defer s.workers.Put(w)
	w.begin(1, false)
	defer w.reset()
	dirty := make([]bool, len(s.names))
	if base == nil {
		for _, i := range v.changed {
			dirty[i] = !tensor.Equal(v.consts[i], s.consts[i])
		}
	} else {
		for _, i := range base.changed {
			dirty[i] = v.consts[i] == nil && !tensor.Equal(base.consts[i], s.consts[i])
		}
	}
	// restored says that the kept value is quantized and the new one is not, so
	// that the kept one cannot be started from.
	restored := func(slot int) bool { return base != nil && base.quantize[slot] != nil && v.quantize[slot] == nil }
	quantize := func(slot int) error {
		if q := v.quantize[slot]; q != nil && (base == nil || w.vals[slot] != nil) {
			x := w.vals[slot]
			if x == nil {
				x = kept.vals[slot]
			}
			if x != nil && x.DType() == tensor.Float32 {
				if err := w.requantize(slot, x, q); err != nil {
					return err
				}
			}
		}
		if t := w.vals[slot]; t != nil {
			if dirty[slot] = !tensor.Equal(t, kept.vals[slot]); !dirty[slot] {
				w.drop(slot)
			}
		}
		return nil
	}
	for i, slot := range s.inSlots {
		if restored(slot) {
			w.set(slot, kept.in[i])
		}
		if err := quantize(slot); err != nil {
			return nil, steps, err
		}
	}
	for i := range s.steps {
		st := &s.steps[i]
		reached := st.op.Impure
		for _, o := range st.out {
			reached = reached || o >= 0 && restored(o)
		}
		for _, r := range st.reads() {
			reached = reached || dirty[r]
		}
		if reached {
			if err := w.step(ctx, i, st, v, kept); err != nil {
				return nil, steps, err
			}
			steps++
		}
		for _, o := range st.out {
			if o >= 0 && (reached || base == nil && v.quantize[o] != nil) {
				if err := quantize(o); err != nil {
					return nil, steps, err
				}
			}
		}
		for _, f := range st.free {
			w.drop(f)
		}
	}
	out, err = w.outputs(kept)
	return out, steps, err
}

// Calls is the number of operator calls of a whole run.
func (s *Session) Calls() int { return len(s.steps) }
