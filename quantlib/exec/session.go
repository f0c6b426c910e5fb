// Package exec runs graphs: whole, or only what lies downstream of a change.
//
// A Session is a graph made ready to run: operators found, activation functions
// fused into the operator before them, the last use of each value known. It is
// immutable and serves any number of runs at once; weights are packed once and
// shared. A Variant is a session with some values quantized or some constants
// replaced. Keep runs the float network and keeps its values; Variant.Rerun then
// computes only what the changes reach.
//
// A run gives the same bits on any number of threads. It stops within
// milliseconds of its context: between steps, and inside long ones.
//
// What a run takes is known before it from the shapes alone (Session.Memory):
// packed weights, and an arena of buffers which workers keep from run to run, so
// that a run allocates only records of its steps, 2 to 5 KB for each. ResNet-50,
// a file of 102 MB, takes 129 MB of packed weights, 14 MB of values and 2 MB of
// scratch memory on one thread for one image. Its first run packs, in 140 ms of
// 353 ms of a Zen 1 core's time. Packed weights are not kept in files: to read
// a second file as large as the model and to check its sum takes about as long.
package exec

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// Options are the settings of a Session. The zero value is useful.
type Options struct {
	// Threads is how many goroutines one Run may use; 0 means GOMAXPROCS.
	Threads int
	// NoFuse keeps every value of the graph visible, at some cost in time.
	NoFuse bool
	// Visible names values that must not disappear in a fusion, because a
	// Variant will quantize them or a Tap reads them.
	Visible []string
}

// Values are tensors by name.
type Values map[string]*tensor.Tensor

// A Session runs one graph. See New.
type Session struct {
	g       *graph.Graph
	options Options
	slots   map[string]int // place of a value by name
	names   []string       // name of a value by place
	consts  []*tensor.Tensor
	isConst map[*tensor.Tensor]bool
	steps   []step
	inputs  []graph.Value
	inSlots []int
	outs    []int
	last    []int // the last step that uses a value; len(steps) for outputs

	cache   shared // of packed constants
	subs    shared // *graph.Graph → *Session
	workers pool
	whole   func() (*Session, error) // the same without fusion, for taps
}

// step is one operator call, with what was fused into it.
type step struct {
	node     *graph.Node
	op       *ops.Op
	opset    int
	in, out  []int // slots; -1 where absent
	outer    []int // slots that subgraphs of the node read
	free     []int // slots nobody needs after this step
	residual int   // slot to add, or -1
	clamp    bool
	lo, hi   float32
	fused    []*graph.Node // done in the same step, in order
}

// New makes g ready to run. Operators that are not known are all reported at
// once, in an error that wraps errors.ErrUnsupported.
func New(g *graph.Graph, o Options) (*Session, error) {
	return build(g, o)
}

func build(g *graph.Graph, o Options) (*Session, error) {
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	s := &Session{g: g, options: o, slots: map[string]int{}, isConst: map[*tensor.Tensor]bool{}, inputs: g.Inputs()}
	for _, c := range g.Consts() {
		s.consts[s.slot(c.Name)] = c.Tensor
		s.isConst[c.Tensor] = true
	}
	for _, v := range s.inputs {
		s.inSlots = append(s.inSlots, s.slot(v.Name))
	}
	for _, name := range g.OuterNames() {
		s.slot(name)
	}
	if err := missing(g); err != nil {
		return nil, err
	}
	s.compile(g)
	for _, v := range g.Outputs() {
		s.outs = append(s.outs, s.slot(v.Name))
	}
	s.lifetimes()
	s.workers.s = s
	s.whole = sync.OnceValues(func() (*Session, error) {
		o := s.options
		o.NoFuse = true
		return build(s.g, o)
	})
	return s, nil
}

// missing reports all operators of g and its subgraphs that nobody registered.
func missing(g *graph.Graph) error {
	type place struct {
		err   error
		nodes []string
	}
	found := map[string]*place{}
	var order []string
	var visit func(g *graph.Graph)
	visit = func(g *graph.Graph) {
		for _, n := range g.Nodes() {
			if _, err := ops.Find(n.Domain, n.Op, opset(g, n)); err != nil {
				k := err.Error()
				if found[k] == nil {
					found[k] = &place{err: err}
					order = append(order, k)
				}
				found[k].nodes = append(found[k].nodes, fmt.Sprintf("%q", n.Name))
			}
			for _, a := range n.Attrs {
				if a.G != nil {
					visit(a.G)
				}
			}
		}
	}
	visit(g)
	var errs []error
	for _, k := range order {
		p := found[k]
		at := p.nodes[0]
		if len(p.nodes) > 1 {
			at = fmt.Sprintf("%s and %d more", at, len(p.nodes)-1)
		}
		errs = append(errs, fmt.Errorf("exec: node %s: %w", at, p.err))
	}
	return errors.Join(errs...)
}

// opset is the version of the operator set that n is written for. A domain the
// file does not name counts as version 1.
func opset(g *graph.Graph, n *graph.Node) int { return max(1, g.Opset(n.Domain)) }

func (s *Session) slot(name string) int {
	if i, ok := s.slots[name]; ok {
		return i
	}
	i := len(s.names)
	s.slots[name] = i
	s.names = append(s.names, name)
	s.consts = append(s.consts, nil)
	return i
}

func (s *Session) slotOrNone(name string) int {
	if name == "" {
		return -1
	}
	return s.slot(name)
}

// compile turns nodes into steps, fusing where it may.
func (s *Session) compile(g *graph.Graph) {
	tail := map[*graph.Node]*chain{} // by the last node of a chain
	inner := map[*graph.Node]bool{}  // nodes that a later place of the chain runs
	if !s.options.NoFuse {
		known := inferShapes(g)
		for _, n := range g.Nodes() {
			if inner[n] || tail[n] != nil {
				continue
			}
			if c := s.chain(g, known, n, inner); c != nil {
				for _, m := range c.nodes[:len(c.nodes)-1] {
					inner[m] = true
				}
				tail[c.nodes[len(c.nodes)-1]] = c
			}
		}
	}
	for _, n := range g.Nodes() {
		if inner[n] {
			continue
		}
		head := n
		st := step{residual: -1, hi: float32(math.Inf(1)), lo: float32(math.Inf(-1))}
		if c := tail[n]; c != nil {
			head = c.nodes[0]
			st.fused, st.clamp = c.nodes[1:], c.clamp
			if c.clamp {
				st.lo, st.hi = c.lo, c.hi
			}
			if c.residual != "" {
				st.residual = s.slot(c.residual)
			}
		}
		st.node, st.opset = head, opset(g, head)
		st.op, _ = ops.Find(head.Domain, head.Op, st.opset)
		for _, in := range head.Inputs {
			st.in = append(st.in, s.slotOrNone(in))
		}
		for _, o := range n.Outputs {
			st.out = append(st.out, s.slotOrNone(o))
		}
		for _, a := range head.Attrs {
			if a.G != nil {
				for _, name := range a.G.OuterNames() {
					st.outer = append(st.outer, s.slot(name))
				}
			}
		}
		s.steps = append(s.steps, st)
	}
}

// lifetimes finds after which step each value can be given up.
func (s *Session) lifetimes() {
	s.last = make([]int, len(s.names))
	for i := range s.last {
		s.last[i] = -1
	}
	for i := range s.steps {
		for _, v := range s.steps[i].reads() {
			s.last[v] = i
		}
		for _, v := range s.steps[i].out {
			if v >= 0 && s.last[v] < 0 {
				s.last[v] = i
			}
		}
	}
	for _, v := range s.outs {
		s.last[v] = len(s.steps)
	}
	for v, i := range s.last {
		if i >= 0 && i < len(s.steps) && s.consts[v] == nil {
			s.steps[i].free = append(s.steps[i].free, v)
		}
	}
}

// reads is the slots that a step reads, each at least once.
func (st *step) reads() []int {
	var r []int
	for _, v := range st.in {
		if v >= 0 {
			r = append(r, v)
		}
	}
	r = append(r, st.outer...)
	if st.residual >= 0 {
		r = append(r, st.residual)
	}
	return r
}

// Graph is the graph that the session runs.
func (s *Session) Graph() *graph.Graph { return s.g }

// Threads is how many goroutines one Run may use.
func (s *Session) Threads() int { return s.options.Threads }

// Sees reports whether the value exists while the session runs: it is in the
// graph, and no fusion has swallowed it.
func (s *Session) Sees(name string) bool {
	i, ok := s.slots[name]
	if !ok {
		return false
	}
	if s.consts[i] != nil || slices.Contains(s.inSlots, i) {
		return true
	}
	for k := range s.steps {
		if slices.Contains(s.steps[k].out, i) {
			return true
		}
	}
	return false
}
