package exec

import (
	"context"
	"errors"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// Memory is what running a network takes beside its file and its inputs, in
// bytes.
type Memory struct {
	Live    int // values and temporaries at the moment of the run that has most
	Values  int // the arena: they and the gaps between them; at least Live
	Scratch int // of operators, on all threads
	Packed  int // constants in the order the kernels read them: once for all runs of the session
	Outputs int // copies that the caller gets
}

// Total is what a session with one run at a time takes from Go's heap. A run
// beside it takes Values, Scratch and Outputs again.
func (m Memory) Total() int { return m.Values + m.Scratch + m.Packed + m.Outputs }

// Memory predicts what a run on inputs of these shapes takes. Nothing is
// computed but the shapes, and the values of small integer tensors of which
// shapes are made; no constant is packed. Subgraphs count at what they take when
// they run.
//
// Values is known to a session when its first run has ended; that run recycles
// buffers by their sizes, and may take some times as much.
//
// Values, Scratch and Packed are those of Run and Session.Threads. Storage that
// operators take from Go's heap besides, which float32 networks for images,
// audio and text hardly do, is not counted. A shape that depends on the values
// of inputs, and an operator that does not tell the shape of its output before
// it looks at them, is an error that names the node and wraps
// errors.ErrUnsupported.
func (s *Session) Memory(ctx context.Context, shapes map[string][]int) (Memory, error) {
	in := Values{}
	for name, shape := range shapes {
		dt := tensor.Float32
		for _, v := range s.inputs {
			if v.Name == name && v.DType != tensor.Undefined {
				dt = v.DType
			}
		}
		if _, err := tensor.Elements(shape); err != nil {
			return Memory{}, fmt.Errorf("exec: input %q: %w", name, err)
		}
		if dt == tensor.String {
			in[name] = tensor.New(dt, shape...)
		} else {
			in[name] = tensor.Hollow(dt, shape...)
		}
	}
	w := newWorker(s)
	w.dry = newDry()
	w.begin(s.options.Threads, false)
	if err := w.feed(in); err != nil {
		return Memory{}, err
	}
	if err := w.run(ctx, nil, nil); err != nil {
		return Memory{}, err
	}
	m := Memory{Live: w.peak, Values: w.arena.most, Scratch: 4 * max(w.wanted, w.dry.scratch)}
	for _, n := range w.dry.held {
		m.Live, m.Values = m.Live+n, m.Values+n
	}
	for _, n := range w.dry.packed {
		m.Packed += n
	}
	for _, slot := range s.outs {
		if t := w.value(slot, nil, nil); t != nil {
			m.Outputs += t.DType().Bytes(t.Len())
		}
	}
	return m, nil
}

// dry is what a worker knows that computes nothing but shapes. Operators run as
// they are, on hollow tensors, and are stopped at the first element they ask
// for: by then they have asked for their outputs and their scratch memory.
// Tensors so small that a shape may be made of them are real.
type dry struct {
	given   []*tensor.Tensor                  // in this step, by Alloc and Reuse
	packed  map[any]int                       // bytes by key
	held    map[*Session]int                  // bytes in the arenas of subgraphs
	scratch int                               // elements, of subgraphs
	hollow  map[*tensor.Tensor]*tensor.Tensor // for large constants, which stay in the file
	stands  map[*tensor.Tensor]bool           // the hollow ones of them
	none    bool                              // tensors are real only where they hold integers of 64 bits
}

// real is the most bytes of a tensor whose elements a dry run computes if it
// can.
const real = 4096

// small is the most bytes of a constant that a dry run looks at: biases are,
// weights are not.
const small = 64 << 10

func (d *dry) give(dt tensor.DType, shape []int, b *buffer) *tensor.Tensor {
	var t *tensor.Tensor
	if b.size <= real && (!d.none || dt == tensor.Int64) {
		t = tensor.New(dt, shape...)
	} else {
		t = tensor.Hollow(dt, shape...)
	}
	t.WithOwner(b)
	d.given = append(d.given, t)
	return t
}

// constant is what an operator sees of a value: a hollow tensor where it is a
// large constant.
func (d *dry) constant(w *worker, t *tensor.Tensor) *tensor.Tensor {
	if !w.s.isConst[t] || t.DType() == tensor.String || t.DType().Bytes(t.Len()) <= small {
		return t
	}
	h := d.hollow[t]
	if h == nil {
		h = tensor.Hollow(t.DType(), t.Shape()...)
		d.hollow[t], d.stands[h] = h, true
	}
	return h
}

// cached counts what would be packed, and packs only what cannot tell its size.
func (d *dry) cached(key any, make func() any) any {
	sized, ok := key.(interface{ PackedBytes() int })
	if !ok {
		v := make()
		if b, ok := v.(interface{ Bytes() int }); ok {
			d.packed[key] = b.Bytes()
		}
		return v
	}
	d.packed[key] = sized.PackedBytes()
	panic(tensor.ErrHollow)
}

// outputs is hollow tensors for the outputs of a step that was stopped.
func (d *dry) outputs(st *step) ([]*tensor.Tensor, error) {
	wanted := 0
	for _, o := range st.out {
		if o >= 0 {
			wanted++
		}
	}
	if wanted != len(d.given) {
		return nil, fmt.Errorf("what it makes is not known before the run: %w", errors.ErrUnsupported)
	}
	out := make([]*tensor.Tensor, len(st.out))
	k := 0
	for i, o := range st.out {
		if o >= 0 {
			t := d.given[k]
			out[i] = tensor.Hollow(t.DType(), t.Shape()...).WithOwner(t.Owner())
			k++
		}
	}
	return out, nil
}

// sub is the state of a subgraph's run.
func (d *dry) sub() *dry {
	return &dry{packed: d.packed, held: d.held, hollow: d.hollow, stands: d.stands, none: d.none}
}

func newDry() *dry {
	return &dry{packed: map[any]int{}, held: map[*Session]int{}, hollow: map[*tensor.Tensor]*tensor.Tensor{}, stands: map[*tensor.Tensor]bool{}}
}

// join adds what the run of a subgraph took. A graph has one arena however
// often it runs; its buffers are those of the run that needed most.
func (d *dry) join(c *worker) {
	d.held[c.s] = max(d.held[c.s], c.arena.most)
	d.scratch = max(d.scratch, c.wanted, c.dry.scratch)
}

// Packed is the bytes of constants that the session has packed so far for its
// kernels.
func (s *Session) Packed() int {
	n := packedBytes(&s.cache)
	s.subs.each(func(sub any) { n += sub.(*Session).Packed() })
	return n
}

func packedBytes(cache *shared) int {
	n := 0
	cache.each(func(v any) {
		if b, ok := v.(interface{ Bytes() int }); ok {
			n += b.Bytes()
		}
	})
	return n
}
