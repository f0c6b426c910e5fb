package exec

import (
	"context"
	"fmt"
	"sort"
	"sync"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A Quantizer stores in dst the quantized form of x, which has the given shape.
// dst may be x. It must be safe for use by several goroutines.
type Quantizer interface {
	Quantize(dst, x []float32, shape []int)
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
	consts   []*tensor.Tensor
	changed  []int // slots whose constants differ
	isConst  map[*tensor.Tensor]bool
	cache    sync.Map // of packed constants that differ
}

// With makes a variant. A name that the session does not see is an error (see
// Options.Visible), and so is a constant of another type or shape.
func (s *Session) With(c Change) (*Variant, error) {
	v := &Variant{s: s, quantize: make([]Quantizer, len(s.names)), consts: make([]*tensor.Tensor, len(s.names)), isConst: map[*tensor.Tensor]bool{}}
	for _, name := range sorted(c.Quantize) {
		i, ok := s.slots[name]
		if !ok || !s.Sees(name) {
			return nil, fmt.Errorf("exec: the value %q cannot be quantized: it is not in the network, or fused into another step", name)
		}
		if s.consts[i] != nil {
			return nil, fmt.Errorf("exec: %q is a constant; replace it instead of quantizing it as it flows", name)
		}
		v.quantize[i] = c.Quantize[name]
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

// Kept is the float values of one run, for Variant.Rerun. It is read-only and
// may be shared.
type Kept struct {
	s    *Session
	vals []*tensor.Tensor
}

// Keep runs the network and keeps every value that the session sees.
func (s *Session) Keep(ctx context.Context, in Values) (*Kept, error) {
	return s.keep(ctx, in, s.options.Threads)
}

// KeepSingle is Keep on the calling goroutine alone.
func (s *Session) KeepSingle(ctx context.Context, in Values) (*Kept, error) {
	return s.keep(ctx, in, 1)
}

func (s *Session) keep(ctx context.Context, in Values, threads int) (*Kept, error) {
	w := s.workers.Get().(*worker)
	defer s.workers.Put(w)
	w.begin(threads, true)
	defer w.reset()
	if err := w.feed(in); err != nil {
		return nil, err
	}
	if err := w.run(ctx, nil, nil); err != nil {
		return nil, err
	}
	return &Kept{s, append([]*tensor.Tensor(nil), w.vals...)}, nil
}

// Value is a kept value, or a constant; nil where the session does not see it.
func (k *Kept) Value(name string) *tensor.Tensor {
	i, ok := k.s.slots[name]
	if !ok {
		return nil
	}
	if t := k.vals[i]; t != nil {
		return t
	}
	return k.s.consts[i]
}

// Output is output i of the graph.
func (k *Kept) Output(i int) *tensor.Tensor { return k.Value(k.s.names[k.s.outs[i]]) }

// Bytes is the memory that the kept values take.
func (k *Kept) Bytes() int {
	n := 0
	for _, t := range k.vals {
		if t != nil {
			n += t.DType().Bytes(t.Len())
		}
	}
	return n
}

// Rerun gives what Run would give for the inputs of kept, bit for bit, but
// computes only what the changes reach, on the calling goroutine alone. A value
// that comes out equal to the float one is not followed further. steps counts
// the operator calls that were made.
func (v *Variant) Rerun(ctx context.Context, kept *Kept) (out []*tensor.Tensor, steps int, err error) {
	if kept.s != v.s {
		panic("exec: Rerun with values that another session kept")
	}
	s := v.s
	w := s.workers.Get().(*worker)
	defer s.workers.Put(w)
	w.begin(1, false)
	defer w.reset()
	dirty := make([]bool, len(s.names))
	for _, i := range v.changed {
		dirty[i] = !tensor.Equal(v.consts[i], s.consts[i])
	}
	quantize := func(slot int) {
		if q := v.quantize[slot]; q != nil {
			x := w.vals[slot]
			if x == nil {
				x = kept.vals[slot]
			}
			if x != nil && x.DType() == tensor.Float32 {
				w.requantize(slot, x, q)
			}
		}
		if t := w.vals[slot]; t != nil {
			if dirty[slot] = !tensor.Equal(t, kept.vals[slot]); !dirty[slot] {
				w.drop(slot)
			}
		}
	}
	for _, slot := range s.inSlots {
		quantize(slot)
	}
	for i := range s.steps {
		st := &s.steps[i]
		reached := st.op.Impure
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
			if o >= 0 && (reached || v.quantize[o] != nil) {
				quantize(o)
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
