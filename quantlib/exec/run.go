package exec

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// Run computes the outputs for the given inputs. Inputs are only read; outputs
// belong to the caller. A missing or unknown input, a wrong type or a shape that
// does not fit the file's is an error which names the input.
func (s *Session) Run(ctx context.Context, in Values) (Values, error) {
	return s.run(ctx, in, nil, s.options.Threads)
}

// A Tap is shown each value as soon as it is computed, in the order of the
// steps, inputs first. The tensor is valid only until Tap returns.
type Tap func(name string, t *tensor.Tensor)

// Tap is Run that shows every value of the graph, fused ones included, to tap.
func (s *Session) Tap(ctx context.Context, in Values, tap Tap) (Values, error) {
	whole, err := s.whole()
	if err != nil {
		return nil, err
	}
	w := whole.workers.Get()
	defer whole.workers.Put(w)
	w.begin(whole.options.Threads, false)
	defer w.reset()
	if err := w.feed(in); err != nil {
		return nil, err
	}
	if err := w.run(ctx, nil, tap); err != nil {
		return nil, err
	}
	return w.named(nil)
}

func (s *Session) run(ctx context.Context, in Values, v *Variant, threads int) (Values, error) {
	w := s.workers.Get()
	defer s.workers.Put(w)
	w.begin(threads, false)
	defer w.reset()
	if err := w.feed(in); err != nil {
		return nil, err
	}
	if err := w.run(ctx, v, nil); err != nil {
		return nil, err
	}
	return w.named(nil)
}

// feed checks the inputs and puts them into their slots.
func (w *worker) feed(in Values) error {
	s := w.s
	symbols := map[string]int{}
	for i, v := range s.inputs {
		t := in[v.Name]
		if t == nil {
			return fmt.Errorf("exec: input %q is missing; given are %q, the network takes %s", v.Name, sorted(in), describe(s.inputs))
		}
		if v.DType != tensor.Undefined && v.DType != t.DType() {
			return fmt.Errorf("exec: input %q is %v, want %v", v.Name, t.DType(), v.DType)
		}
		if err := fits(v, t.Shape(), symbols); err != nil {
			return err
		}
		w.vals[s.inSlots[i]] = t
	}
	if len(in) > len(s.inputs) {
		for name := range in {
			if i, ok := s.slots[name]; !ok || w.vals[i] == nil {
				return fmt.Errorf("exec: the network has no input %q; it takes %s", name, describe(s.inputs))
			}
		}
	}
	return nil
}

// fits checks a shape against what the file says of an input. A named unknown
// dimension must have one size in all inputs.
func fits(v graph.Value, shape []int, symbols map[string]int) error {
	if !v.Ranked {
		return nil
	}
	bad := len(shape) != len(v.Dims)
	for i := 0; i < len(shape) && !bad; i++ {
		d := v.Dims[i]
		switch {
		case d.Size >= 0:
			bad = d.Size != shape[i]
		case d.Name != "":
			if n, ok := symbols[d.Name]; ok && n != shape[i] {
				return fmt.Errorf("exec: input %q: dimension %d (%s) is %d here and %d in another input", v.Name, i, d.Name, shape[i], n)
			}
			symbols[d.Name] = shape[i]
		}
	}
	if bad {
		return fmt.Errorf("exec: input %q: shape %v does not match %s", v.Name, shape, graph.DimsString(v.Dims))
	}
	return nil
}

func describe(vs []graph.Value) string {
	var b strings.Builder
	for i, v := range vs {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q %s", v.Name, v.TypeString())
	}
	return b.String()
}

// run does all steps, and shows inputs and values to tap where it is not nil.
func (w *worker) run(ctx context.Context, v *Variant, tap Tap) error {
	if v != nil {
		for _, slot := range w.s.inSlots {
			if q := v.quantize[slot]; q != nil {
				if err := w.requantize(slot, w.vals[slot], q); err != nil {
					return err
				}
			}
		}
	}
	if tap != nil {
		for i, slot := range w.s.inSlots {
			tap(w.s.inputs[i].Name, w.vals[slot])
		}
	}
	for i := range w.s.steps {
		st := &w.s.steps[i]
		if err := w.step(ctx, i, st, v, nil); err != nil {
			return err
		}
		if v != nil {
			for _, o := range st.out {
				if o >= 0 && v.quantize[o] != nil {
					if err := w.requantize(o, w.vals[o], v.quantize[o]); err != nil {
						return err
					}
				}
			}
		}
		if tap != nil {
			for _, o := range st.out {
				if o >= 0 {
					tap(w.s.names[o], w.vals[o])
				}
			}
		}
		if !w.keep || i < w.from {
			for _, f := range st.free {
				w.drop(f)
			}
		}
	}
	return nil
}

// value is what a step reads from a slot: this run's value, the variant's
// constant, a constant, or the kept float value.
func (w *worker) value(slot int, v *Variant, kept *Kept) *tensor.Tensor {
	if t := w.vals[slot]; t != nil {
		return t
	}
	if v != nil {
		if t := v.consts[slot]; t != nil {
			return t
		}
	}
	if t := w.s.consts[slot]; t != nil {
		return t
	}
	if kept != nil {
		return kept.vals[slot]
	}
	return nil
}

// step does one step and puts its outputs into their slots.
func (w *worker) step(ctx context.Context, i int, st *step, v *Variant, kept *Kept) (err error) {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("exec: stopped before node %v: %w", st.node, err)
	}
	in := make([]*tensor.Tensor, len(st.in))
	w.variant, w.kept, w.changed = v, kept, false
	for k, slot := range st.in {
		if slot < 0 {
			continue
		}
		w.changed = w.changed || v != nil && v.consts[slot] != nil
		t := w.value(slot, v, kept)
		if t == nil {
			return fmt.Errorf("exec: node %v: input %d: %q has no value", st.node, k, w.s.names[slot])
		}
		if w.dry != nil {
			t = w.dry.constant(w, t)
		}
		if err := t.Err(); err != nil {
			return fmt.Errorf("exec: node %v: input %d: %q: %w", st.node, k, w.s.names[slot], err)
		}
		in[k] = t
	}
	c := ops.Call{Node: st.node, Opset: st.opset, Ctx: ctx, Host: w}
	c.Epilogue = ops.Epilogue{Clamp: st.clamp, Lo: st.lo, Hi: st.hi}
	if st.residual >= 0 {
		c.Epilogue.Residual = w.value(st.residual, v, kept)
	}
	if !w.keep {
		for _, slot := range st.free {
			if t := w.vals[slot]; t != nil {
				if b, ok := t.Owner().(*buffer); ok && b.w == w {
					w.dying[b] = true
				}
			}
		}
	}
	w.rounded = -1
	if v != nil && st.op.Fuses && st.out[0] >= 0 {
		c.Grid = v.grids[st.out[0]]
	}
	out, err := w.call(st, &c, in)
	if w.dry != nil {
		if errors.Is(err, tensor.ErrHollow) {
			out, err = w.dry.outputs(st)
		}
		w.dry.given = w.dry.given[:0]
	}
	if err != nil {
		return fmt.Errorf("exec: node %v: %w", st.node, err)
	}
	if c.Quantized {
		w.rounded = st.out[0]
	}
	for k, slot := range st.out {
		if slot < 0 {
			continue
		}
		if k >= len(out) || out[k] == nil {
			return fmt.Errorf("exec: node %v: output %d %q was not computed", st.node, k, w.s.names[slot])
		}
		w.set(slot, out[k])
	}
	for _, b := range w.fresh {
		if b.refs == 0 {
			w.release(b)
		}
	}
	w.fresh, w.used = w.fresh[:0], 0
	clear(w.dying)
	return nil
}

func (w *worker) call(st *step, c *ops.Call, in []*tensor.Tensor) (out []*tensor.Tensor, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = internal(r)
		}
	}()
	return st.op.Forward(c, in)
}

// requantize replaces the value of a slot by its quantized form, in place where
// nobody else sees the storage, unless the step that made it has done so. A
// quantizer that panics, as one with a scale for each channel does where there
// are other channels, gives an error.
func (w *worker) requantize(slot int, x *tensor.Tensor, q Quantizer) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("exec: quantizing %q of shape %v: %w", w.s.names[slot], x.Shape(), internal(r))
		}
	}()
	if x.DType() != tensor.Float32 || slot == w.rounded {
		return nil
	}
	dst := x
	b, ok := x.Owner().(*buffer)
	if !ok || b.w != w || b.refs != 1 {
		dst = w.Alloc(tensor.Float32, x.Shape())
	}
	q.Quantize(dst.F32(), x.F32(), x.Shape())
	if dst != x {
		w.drop(slot)
		w.set(slot, dst)
	}
	w.fresh = w.fresh[:0]
	return nil
}

// outputs is copies of the outputs in the graph's order.
func (w *worker) outputs(kept *Kept) ([]*tensor.Tensor, error) {
	out := make([]*tensor.Tensor, len(w.s.outs))
	for i, slot := range w.s.outs {
		t := w.value(slot, nil, kept)
		if t == nil {
			return nil, fmt.Errorf("exec: output %q has no value", w.s.names[slot])
		}
		if b, ok := t.Owner().(*buffer); ok && b.w == w {
			if t.IsHollow() {
				t = tensor.Hollow(t.DType(), t.Shape()...)
			} else {
				t = t.Clone()
			}
		}
		out[i] = t
	}
	return out, nil
}

func (w *worker) named(kept *Kept) (Values, error) {
	out, err := w.outputs(kept)
	if err != nil {
		return nil, err
	}
	v := make(Values, len(out))
	for i, o := range w.s.g.Outputs() {
		v[o.Name] = out[i]
	}
	return v, nil
}

// Watch is RunSingle that shows the inputs and every value that the session
// sees to tap, and makes no copy of the outputs.
func (s *Session) Watch(ctx context.Context, in Values, tap Tap) error {
	w := s.workers.Get()
	defer s.workers.Put(w)
	w.begin(1, false)
	defer w.reset()
	if err := w.feed(in); err != nil {
		return err
	}
	return w.run(ctx, nil, tap)
}
