package exec

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// worker is what one run needs beside the session: the values of the moment and
// the buffers they live in. It is an ops.Host. One goroutine uses it at a time.
type worker struct {
	s       *Session
	vals    []*tensor.Tensor
	arena   arena
	fresh   []*buffer // given out during this step
	scratch []float32
	used    int // of scratch, during this step
	threads int
	keep    bool // buffers go to the caller, none is recycled
	from    int  // with keep: values that only steps before it use are given up
	dying   map[*buffer]bool
	parent  *worker // of a subgraph's run
	variant *Variant
	kept    *Kept // float values that this run has not computed anew
	changed bool  // this step reads a constant that the variant replaces
	rounded int   // slot that the last step quantized itself, or -1
	live    int   // bytes in buffers that are in use
	peak    int   // the most of them in this run
	spare   int   // runs on end that needed little of the arena
	wanted  int   // elements of scratch that a step of this run asked for, at most
	team    *team // helps this run; nil before it is asked to
	dry     *dry  // set: nothing is computed (see Session.Memory)
}

// buffer is a part of a worker's arena. refs counts the slots that see it.
type buffer struct {
	mem      []byte // nil in a dry run
	at, size int    // in the arena
	refs     int
	apart    bool // mem is its own
	w        *worker
}

// pool keeps workers between runs with the arenas they have, so that a run
// allocates none however long ago the last one was; a collection of garbage does
// not empty it. It keeps as many as run at once, one for each processor at most.
type pool struct {
	s    *Session
	mu   sync.Mutex
	idle []*worker
}

// Get is the worker that rests for the shortest time, or a new one.
func (p *pool) Get() *worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		w := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return w
	}
	return newWorker(p.s)
}

// Put takes a worker back.
func (p *pool) Put(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) < runtime.GOMAXPROCS(0) {
		p.idle = append(p.idle, w)
	}
}

// After spareRuns runs that needed less than a quarter of the arena a worker gives
// it up: it is of an input that does not come again.
const spareRuns = 64

func (w *worker) trim() {
	held := len(w.arena.mem)
	if held <= 4*w.arena.most || held < 1<<20 {
		w.spare = 0
		return
	}
	if w.spare++; w.spare >= spareRuns {
		w.arena, w.spare = arena{}, 0
	}
}

func newWorker(s *Session) *worker {
	return &worker{s: s, vals: make([]*tensor.Tensor, len(s.names)), dying: map[*buffer]bool{}}
}

// Alloc implements ops.Host.
func (w *worker) Alloc(dt tensor.DType, shape []int) *tensor.Tensor {
	if dt == tensor.String || w.keep {
		return tensor.New(dt, shape...)
	}
	n, err := tensor.Elements(shape)
	if err != nil {
		panic(err)
	}
	b := w.arena.take(w, dt.Bytes(n), w.dry != nil)
	w.live += b.size
	w.peak = max(w.peak, w.live)
	w.fresh = append(w.fresh, b)
	if w.dry != nil {
		return w.dry.give(dt, shape, b)
	}
	return tensor.Wrap(dt, b.mem, shape...).WithOwner(b)
}

func (w *worker) release(b *buffer) {
	w.live -= b.size
	w.arena.give(b)
}

// Reusable implements ops.Host.
func (w *worker) Reusable(t *tensor.Tensor) bool {
	b, ok := t.Owner().(*buffer)
	ok = ok && b.w == w && b.refs == 1 && w.dying[b]
	if ok && w.dry != nil {
		w.dry.given = append(w.dry.given, t)
	}
	return ok
}

// Scratch implements ops.Host. Pieces of one step lie behind each other; one
// for which there is no room is made apart, and the next run has the room.
func (w *worker) Scratch(n int) []float32 {
	from := w.used
	w.used += n
	w.wanted = max(w.wanted, w.used)
	switch {
	case w.used <= len(w.scratch):
	case from == 0:
		w.scratch = make([]float32, n)
	default:
		return make([]float32, n)
	}
	return w.scratch[from:w.used:w.used]
}

// Cached implements ops.Host. What a step with a replaced constant makes is the
// variant's, and goes when the variant does.
func (w *worker) Cached(key any, make func() any) any {
	if w.dry != nil {
		return w.dry.cached(key, make)
	}
	cache := &w.s.cache
	if v, ok := cache.load(key); ok {
		return v
	}
	if w.changed {
		cache = w.variant.cache
		if v, ok := cache.load(key); ok {
			return v
		}
	}
	v := cache.loadOrStore(key, make())
	return v
}

// Constant implements ops.Host.
func (w *worker) Constant(t *tensor.Tensor) bool {
	return w.s.isConst[t] || w.dry != nil && w.dry.stands[t] || w.changed && w.variant.isConst[t]
}

// Threads implements ops.Host.
func (w *worker) Threads() int { return w.threads }

// Parallel implements ops.Host.
func (w *worker) Parallel(n int, f func(i int)) {
	workers := min(w.threads, n)
	if workers <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	if w.team == nil {
		w.team = newTeam(min(w.threads, runtime.GOMAXPROCS(0)) - 1)
	}
	w.team.run(n, f)
}

// RunGraph implements ops.Host.
func (w *worker) RunGraph(ctx context.Context, g *graph.Graph, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
	v, ok := w.s.subs.load(g)
	if !ok {
		s, err := build(g, Options{Threads: w.threads, NoFuse: w.s.options.NoFuse})
		if err != nil {
			return nil, err
		}
		v = w.s.subs.loadOrStore(g, s)
	}
	sub := v.(*Session)
	if len(in) != len(sub.inputs) {
		return nil, fmt.Errorf("exec: subgraph %q takes %d inputs, got %d", g.Name(), len(sub.inputs), len(in))
	}
	var c *worker
	if w.dry == nil {
		c = sub.workers.Get()
		defer sub.workers.Put(c)
	} else {
		c = newWorker(sub)
		c.dry = w.dry.sub()
		defer w.dry.join(c)
	}
	c.begin(w.threads, false)
	defer c.reset()
	c.parent = w
	defer func() { c.parent = nil }()
	for i, t := range in {
		c.vals[sub.inSlots[i]] = t
	}
	for _, name := range g.OuterNames() {
		t := w.find(name)
		if t == nil {
			return nil, fmt.Errorf("exec: subgraph %q: nothing around it makes %q", g.Name(), name)
		}
		c.vals[sub.slots[name]] = t
	}
	if err := c.run(ctx, nil, nil); err != nil {
		return nil, err
	}
	return c.outputs(nil)
}

// find is the value of a name here or around.
func (w *worker) find(name string) *tensor.Tensor {
	for ; w != nil; w = w.parent {
		if i, ok := w.s.slots[name]; ok {
			if t := w.vals[i]; t != nil {
				return t
			}
			if w.variant != nil && w.variant.consts[i] != nil {
				return w.variant.consts[i]
			}
			if t := w.s.consts[i]; t != nil {
				return t
			}
			if w.kept != nil && w.kept.vals[i] != nil {
				return w.kept.vals[i]
			}
		}
	}
	return nil
}

// begin makes the worker ready for a run.
func (w *worker) begin(threads int, keep bool) {
	w.threads, w.keep, w.from, w.peak, w.rounded, w.wanted = threads, keep, 0, 0, -1, 0
	w.arena.begin()
}

// reset gives all values up.
func (w *worker) reset() {
	if w.team != nil {
		w.team.end()
		w.team = nil
	}
	for _, b := range w.fresh { // of a step that failed; before slots give theirs up
		if b.refs == 0 {
			w.release(b)
		}
	}
	for i, t := range w.vals {
		if t != nil {
			w.drop(i)
		}
	}
	if !w.keep {
		w.arena.settle(w.dry != nil)
		w.trim()
	}
	clear(w.fresh[:cap(w.fresh)]) // whose storage may have been apart
	w.fresh, w.used, w.keep = w.fresh[:0], 0, false
	if w.dry == nil && w.wanted > len(w.scratch) {
		w.scratch = make([]float32, w.wanted)
	}
	w.variant, w.kept, w.changed = nil, nil, false
	clear(w.dying)
}

// set puts a tensor into a slot.
func (w *worker) set(slot int, t *tensor.Tensor) {
	w.vals[slot] = t
	if b, ok := t.Owner().(*buffer); ok && b.w == w {
		b.refs++
	}
}

// drop takes the tensor out of a slot and recycles its buffer if nobody else
// sees it.
func (w *worker) drop(slot int) {
	t := w.vals[slot]
	w.vals[slot] = nil
	if t == nil {
		return
	}
	if b, ok := t.Owner().(*buffer); ok && b.w == w {
		if b.refs--; b.refs == 0 {
			w.release(b)
		}
	}
}

// internal turns a panic of a kernel, which only a bad model can cause, into an
// error; runtime errors of our own making look the same, and are reported the
// same.
func internal(r any) error {
	if e, ok := r.(runtime.Error); ok {
		return fmt.Errorf("the operator failed on these inputs: %w", e)
	}
	if e, ok := r.(error); ok {
		return e
	}
	return fmt.Errorf("%v", r)
}
