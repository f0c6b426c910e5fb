package exec

import (
	"context"
	"slices"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// Kept is the values of one run, of the session or of a variant, for
// Variant.Rerun. It is read-only and may be shared.
type Kept struct {
	s    *Session
	v    *Variant // nil: of the session
	in   []*tensor.Tensor
	vals []*tensor.Tensor
}

// Keep runs the network and keeps every value that the session sees.
func (s *Session) Keep(ctx context.Context, in Values) (*Kept, error) {
	return s.keep(ctx, in, nil, 0, s.options.Threads)
}

// KeepSingle is Keep on the calling goroutine alone.
func (s *Session) KeepSingle(ctx context.Context, in Values) (*Kept, error) {
	return s.keep(ctx, in, nil, 0, 1)
}

// KeepFrom is Keep for variants of which none reaches a step before from (see
// First): values that only earlier steps use are not kept.
func (s *Session) KeepFrom(ctx context.Context, in Values, from int) (*Kept, error) {
	return s.keep(ctx, in, nil, from, s.options.Threads)
}

// KeepFrom runs the network with the changes and keeps its values for the
// variants that Restore makes of this one, of which none reaches a step before
// from.
func (v *Variant) KeepFrom(ctx context.Context, in Values, from int) (*Kept, error) {
	return v.s.keep(ctx, in, v, from, v.s.options.Threads)
}

func (s *Session) keep(ctx context.Context, in Values, v *Variant, from, threads int) (*Kept, error) {
	w := s.workers.Get()
	defer s.workers.Put(w)
	w.begin(threads, true)
	w.from = from
	defer w.reset()
	if err := w.feed(in); err != nil {
		return nil, err
	}
	k := &Kept{s: s, v: v}
	for _, slot := range s.inSlots {
		k.in = append(k.in, w.vals[slot])
	}
	if err := w.run(ctx, v, nil); err != nil {
		return nil, err
	}
	k.vals = slices.Clone(w.vals)
	return k, nil
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

// Drop gives up the values that no variant needs of which none reaches a step
// before from. It may run beside a Rerun of such variants.
func (k *Kept) Drop(from int) {
	for i := range min(from, len(k.s.steps)) {
		for _, slot := range k.s.steps[i].free {
			k.vals[slot] = nil
		}
	}
}

// First is the first step that a change of values or constants of these names may
// make run again: the first one that makes or reads one of them, and no later one
// than the first that is impure. It is Calls if there is none. Steps are numbered
// from 0.
func (s *Session) First(names ...string) int {
	differs := make([]bool, len(s.names))
	for _, name := range names {
		if i, ok := s.slots[name]; ok {
			differs[i] = true
		}
	}
	for i := range s.steps {
		st := &s.steps[i]
		if st.op.Impure {
			return i
		}
		for _, v := range append(st.reads(), st.out...) {
			if v >= 0 && differs[v] {
				return i
			}
		}
	}
	return len(s.steps)
}
