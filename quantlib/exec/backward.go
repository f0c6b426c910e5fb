package exec

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// KeepSingle runs the network with the changes on the calling goroutine alone and
// keeps every value.
func (v *Variant) KeepSingle(ctx context.Context, in Values) (*Kept, error) {
	return v.s.keep(ctx, in, v, 0, 1)
}

// A Gradient takes cotangents of some values of a session back to others: with
// g at y it gives gᵀ·∂y/∂v at each v, for several g at once. It is immutable and
// safe for concurrent use. See Session.Gradient.
type Gradient struct {
	s       *Session
	at      []int  // slots where cotangents come in
	of      []bool // slots they are wanted at
	pulls   []pullStep
	visited []int // slots that no pullStep makes or reads: cotangents that come in where they are wanted
}

// pullStep is a step on the way back.
type pullStep struct {
	step  *step
	vjp   ops.VJP
	need  []bool // by input
	carry bool   // to the residual
	done  []int  // values that no pullStep makes and no later one reads
}

// Gradient prepares the way back from the values at to the values of, which may
// be inputs, constants, and whatever lies between. It returns an error that names
// the place: a value that the session does not see (see Options.Visible), and,
// wrapping errors.ErrUnsupported, all operators between that have no
// vector-Jacobian product.
func (s *Session) Gradient(at, of []string) (*Gradient, error) {
	d := &Gradient{s: s, of: make([]bool, len(s.names))}
	from := make([]bool, len(s.names)) // depends on a value of
	for _, list := range [][]string{at, of} {
		for _, name := range list {
			if !s.Sees(name) {
				return nil, fmt.Errorf("exec: no gradient with the value %q: it is not in the network, or fused into another step", name)
			}
		}
	}
	for _, name := range of {
		d.of[s.slots[name]], from[s.slots[name]] = true, true
	}
	reached := make([]bool, len(s.steps))
	for i := range s.steps {
		st := &s.steps[i]
		if ops.Flat(st.node.Domain, st.node.Op) {
			continue
		}
		reached[i] = slices.ContainsFunc(st.reads(), func(slot int) bool { return from[slot] })
		for _, o := range st.out {
			if o >= 0 && reached[i] {
				from[o] = true
			}
		}
	}
	to := make([]bool, len(s.names)) // a value at depends on it
	for _, name := range at {
		d.at = append(d.at, s.slots[name])
		to[s.slots[name]] = true
	}
	earliest := map[int]int{} // the place in pulls that reads a slot last, on the way back
	var errs []error
	for i := len(s.steps) - 1; i >= 0; i-- {
		st := &s.steps[i]
		if !reached[i] || !slices.ContainsFunc(st.out, func(o int) bool { return o >= 0 && to[o] }) {
			continue
		}
		p := pullStep{step: st, need: make([]bool, len(st.in))}
		var err error
		if p.vjp, err = ops.FindVJP(st.node.Domain, st.node.Op); err != nil {
			errs = append(errs, fmt.Errorf("exec: node %v: %w", st.node, err))
		}
		read := func(slot int) bool {
			if slot < 0 || !from[slot] {
				return false
			}
			to[slot] = true
			earliest[slot] = len(d.pulls)
			return true
		}
		for k, slot := range st.in {
			p.need[k] = read(slot)
		}
		p.carry = read(st.residual)
		d.pulls = append(d.pulls, p)
	}
	if len(errs) > 0 {
		slices.Reverse(errs) // in the order of the graph
		return nil, errors.Join(errs...)
	}
	made := make([]bool, len(s.names))
	for _, p := range d.pulls {
		for _, o := range p.step.out {
			if o >= 0 {
				made[o] = true
			}
		}
	}
	for slot := range s.names {
		if i, ok := earliest[slot]; ok && !made[slot] {
			d.pulls[i].done = append(d.pulls[i].done, slot)
		} else if d.of[slot] && !ok && to[slot] {
			d.visited = append(d.visited, slot)
		}
	}
	return d, nil
}

// Run goes back through the values of one run. seeds are the cotangents, by the
// names that the Gradient was made for; each is [K, shape of the value…] with
// the same K, and one that is left out is zero. visit is shown the cotangents of
// each value asked for, [K, shape…], once and complete, in an order that is
// always the same; values that the seeds do not depend on are left out. The
// tensor is valid only until visit returns.
//
// A cotangent is held from its last user to its producer. It runs on the calling
// goroutine alone, and the same values and seeds give the same bits.
//
// It panics if another session kept the values.
func (d *Gradient) Run(ctx context.Context, kept *Kept, seeds Values, visit func(name string, g *tensor.Tensor)) (err error) {
	s := d.s
	if kept.s != s {
		panic("exec: Gradient.Run with values that another session kept")
	}
	w := s.workers.Get()
	defer s.workers.Put(w)
	w.begin(1, false)
	defer w.reset()
	w.variant, w.kept, w.changed = kept.v, kept, kept.v != nil
	b := &back{w: w, g: make([]*tensor.Tensor, len(s.names))}
	defer func() {
		for slot := range b.g {
			b.take(slot)
		}
	}()
	if err := b.seed(d, kept, seeds); err != nil {
		return err
	}
	show := func(slot int) {
		if d.of[slot] && b.g[slot] != nil {
			visit(s.names[slot], b.g[slot])
		}
	}
	for i := range d.pulls {
		p := &d.pulls[i]
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("exec: stopped on the way back at node %v: %w", p.step.node, err)
		}
		some := false
		for _, o := range p.step.out {
			if o >= 0 && b.g[o] != nil {
				show(o)
				some = true
			}
		}
		if some {
			if err := b.pull(ctx, p, kept); err != nil {
				return fmt.Errorf("exec: node %v: %w", p.step.node, err)
			}
		}
		for _, slot := range p.done {
			show(slot)
			b.take(slot)
		}
		for _, o := range p.step.out {
			if o >= 0 {
				b.take(o)
			}
		}
		b.settle()
	}
	for _, slot := range d.visited {
		show(slot)
	}
	return nil
}

// Calls is the number of operators that Run goes back through.
func (d *Gradient) Calls() int { return len(d.pulls) }

// back is one run on the way back.
type back struct {
	w *worker
	g []*tensor.Tensor // by slot
}

func (b *back) seed(d *Gradient, kept *Kept, seeds Values) error {
	probes := -1
	for _, name := range sorted(seeds) {
		slot, ok := d.s.slots[name]
		if !ok || !slices.Contains(d.at, slot) {
			return fmt.Errorf("exec: the gradient was not made for a cotangent of %q", name)
		}
		t, x := seeds[name], b.w.value(slot, kept.v, kept)
		if t.DType() != tensor.Float32 || t.Rank() != x.Rank()+1 || !tensor.SameShape(t.Shape()[1:], x.Shape()) || t.Dim(0) < 1 {
			return fmt.Errorf("exec: the cotangent of %q is %v, the value %v", name, t, x)
		}
		if probes >= 0 && probes != t.Dim(0) {
			return fmt.Errorf("exec: %d cotangents of %q, %d of another value", t.Dim(0), name, probes)
		}
		probes = t.Dim(0)
		b.g[slot] = t
		b.hold(t)
	}
	if probes < 0 {
		return errors.New("exec: a way back without cotangents")
	}
	return nil
}

// pull goes back through one step, what was fused into it first.
func (b *back) pull(ctx context.Context, p *pullStep, kept *Kept) error {
	st, w := p.step, b.w
	c := ops.Call{Node: st.node, Opset: st.opset, Ctx: ctx, Host: w}
	in, out, g := make([]*tensor.Tensor, len(st.in)), make([]*tensor.Tensor, len(st.out)), make([]*tensor.Tensor, len(st.out))
	for k, slot := range st.in {
		if slot >= 0 {
			if in[k] = w.value(slot, kept.v, kept); in[k] == nil {
				return fmt.Errorf("input %d: %q has no value", k, w.s.names[slot])
			}
		}
	}
	for k, slot := range st.out {
		if slot >= 0 {
			out[k], g[k] = kept.vals[slot], b.g[slot]
		}
	}
	if st.clamp && out[0].DType() != tensor.Float32 {
		return fmt.Errorf("the derivative of %v: %w", out[0].DType(), errors.ErrUnsupported)
	}
	if st.clamp {
		g[0] = ops.ClampVJP(&c, out[0], g[0], st.lo, st.hi)
	}
	res, err := b.call(p, &c, in, out, g)
	if err != nil {
		return err
	}
	if len(res) < len(in) {
		res = append(res, make([]*tensor.Tensor, len(in)-len(res))...)
	}
	// Until all are added up nobody may write to what another still reads.
	held := slices.Concat(res, g)
	for _, t := range held {
		b.hold(t)
	}
	if p.carry {
		b.add(st.residual, g[0])
	}
	for k, t := range res[:len(in)] {
		if t != nil && p.need[k] {
			b.add(st.in[k], t)
		}
	}
	for _, t := range held {
		b.drop(t)
	}
	return nil
}

func (b *back) call(p *pullStep, c *ops.Call, in, out, g []*tensor.Tensor) (res []*tensor.Tensor, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = internal(r)
		}
	}()
	return p.vjp(c, in, out, g, p.need)
}

// add adds a cotangent to that of a slot, in place where nobody else sees it.
func (b *back) add(slot int, t *tensor.Tensor) {
	old := b.g[slot]
	if old == nil {
		b.g[slot] = t
		b.hold(t)
		return
	}
	sum := old
	if buf, ok := old.Owner().(*buffer); !ok || buf.w != b.w || buf.refs != 1 {
		sum = b.w.Alloc(tensor.Float32, old.Shape())
		b.hold(sum)
		b.drop(old)
		b.g[slot] = sum
	}
	dst, x, y := sum.F32(), old.F32(), t.F32()
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] + y[i]
	}
}

func (b *back) hold(t *tensor.Tensor) {
	if t == nil {
		return
	}
	if buf, ok := t.Owner().(*buffer); ok && buf.w == b.w {
		buf.refs++
	}
}

// drop gives one hold up. Storage that was handed out in this step goes back
// when the step is settled, other storage at once.
func (b *back) drop(t *tensor.Tensor) {
	if t == nil {
		return
	}
	if buf, ok := t.Owner().(*buffer); ok && buf.w == b.w {
		if buf.refs--; buf.refs == 0 && !slices.Contains(b.w.fresh, buf) {
			b.w.release(buf)
		}
	}
}

// take empties a slot.
func (b *back) take(slot int) {
	b.drop(b.g[slot])
	b.g[slot] = nil
}

// settle takes back what the step has asked for and nobody holds.
func (b *back) settle() {
	w := b.w
	for _, buf := range w.fresh {
		if buf.refs == 0 {
			w.release(buf)
		}
	}
	w.fresh, w.used = w.fresh[:0], 0
}
