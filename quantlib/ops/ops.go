// Package ops computes ONNX operators on tensors, one function for each.
//
// A Forward is given a node's inputs and returns its outputs. It asks the Call
// for memory and threads, so that an executor can recycle buffers; with a zero
// Host (see Apply) it takes them from Go's heap.
package ops

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A Forward computes the outputs of one node. in has an element for each of
// the node's inputs, nil where an optional one is absent, and trailing absent
// ones may be left out (see Call.In). It returns an element for each output of
// the node, nil where the node's output has no name.
//
// Inputs are read-only, unless Call.Reuse gave one out. An output may be an
// input, or a view of one. The same inputs give the same bits, whatever the
// Host does. A bad model or bad data is an error, which the executor prefixes
// with the node's name. opstest.Run holds an operator to this.
type Forward func(c *Call, in []*tensor.Tensor) ([]*tensor.Tensor, error)

// A Call is one run of one node.
type Call struct {
	Node  *graph.Node
	Opset int             // version of the operator set of the node's domain
	Ctx   context.Context // never nil; long loops look at it now and then
	Host  Host            // nil: Go's heap, one thread

	// Epilogue is what the executor wants done to output 0 in the same step.
	// It is set only for operators registered with Fuses.
	Epilogue Epilogue

	// Grid, if set, is what output 0 is to be rounded to after the epilogue,
	// where it is float32. An operator that does so sets Quantized; the executor
	// does it after the others.
	Grid      *Grid
	Quantized bool
}

// An Epilogue is applied to each element of an output in this order: add the
// residual, then clamp to Lo..Hi where Clamp is set. Relu is Lo = 0, Hi = +Inf.
// The clamp is that of Clip: NaN stays NaN.
type Epilogue struct {
	Residual *tensor.Tensor // nil, or of the output's shape
	Clamp    bool
	Lo, Hi   float32
}

// A Host gives a Call its memory and threads.
type Host interface {
	// Alloc returns a tensor whose elements are not set.
	Alloc(dt tensor.DType, shape []int) *tensor.Tensor
	// Reusable reports whether nobody but this call needs t's storage.
	Reusable(t *tensor.Tensor) bool
	// Scratch returns n float32 that are not set and are taken back when the
	// call returns.
	Scratch(n int) []float32
	// Cached returns what make made for key the first time. Keys are comparable
	// values that hold a tensor of constant content, such as packed weights.
	Cached(key any, make func() any) any
	// Constant reports whether t is a constant, so that Cached is worth its cost.
	Constant(t *tensor.Tensor) bool
	// Parallel calls f(0) … f(n-1), perhaps at the same time, and waits.
	Parallel(n int, f func(i int))
	// Threads is how many calls Parallel runs at once, at least 1.
	Threads() int
	// RunGraph runs a subgraph of the node; outer values are found by name.
	RunGraph(ctx context.Context, g *graph.Graph, in []*tensor.Tensor) ([]*tensor.Tensor, error)
}

// In is input i, nil where it is absent.
func In(in []*tensor.Tensor, i int) *tensor.Tensor {
	if i < len(in) {
		return in[i]
	}
	return nil
}

// Alloc returns a tensor whose elements are not set.
func (c *Call) Alloc(dt tensor.DType, shape ...int) *tensor.Tensor {
	if c.Host == nil {
		return tensor.New(dt, shape...)
	}
	return c.Host.Alloc(dt, shape)
}

// Reuse returns a tensor of the given type and shape whose elements are not
// set. It takes the storage of one of the candidates where nobody else needs
// it and the size in bytes is equal: then writing an element overwrites the
// candidate's, so it is for operators that read each element before they
// write the same place.
func (c *Call) Reuse(dt tensor.DType, shape []int, candidates ...*tensor.Tensor) *tensor.Tensor {
	if c.Host == nil {
		return tensor.New(dt, shape...)
	}
	for _, t := range candidates {
		if t != nil && t.DType() == dt && tensor.SameShape(t.Shape(), shape) && c.Host.Reusable(t) {
			return t
		}
	}
	return c.Host.Alloc(dt, shape)
}

// Scratch returns n float32 that are not set and belong to this call.
func (c *Call) Scratch(n int) []float32 {
	if c.Host == nil {
		return make([]float32, n)
	}
	return c.Host.Scratch(n)
}

// Cached returns what make makes for key, which must hold the tensor that it is
// made of; for a constant tensor it is made once.
func (c *Call) Cached(t *tensor.Tensor, key any, make func() any) any {
	if c.Host == nil || !c.Host.Constant(t) {
		return make()
	}
	return c.Host.Cached(key, make)
}

// Parallel calls f(0) … f(n-1), perhaps at the same time, and waits.
func (c *Call) Parallel(n int, f func(i int)) {
	if c.Host == nil {
		for i := range n {
			f(i)
		}
		return
	}
	c.Host.Parallel(n, f)
}

// Threads is how many calls Parallel runs at once, at least 1.
func (c *Call) Threads() int {
	if c.Host == nil {
		return 1
	}
	return c.Host.Threads()
}

// RunGraph runs a subgraph of the node, as If, Loop and Scan do.
func (c *Call) RunGraph(g *graph.Graph, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
	if c.Host == nil {
		return nil, fmt.Errorf("ops: %v: a subgraph needs an executor: %w", c.Node, errors.ErrUnsupported)
	}
	return c.Host.RunGraph(c.Ctx, g, in)
}

// Wants reports whether output i has a name.
func (c *Call) Wants(i int) bool { return c.Node.Output(i) != "" }

// Apply runs one node on Go's heap with one thread. A missing operator is an
// error that wraps errors.ErrUnsupported.
func Apply(n *graph.Node, opset int, in ...*tensor.Tensor) ([]*tensor.Tensor, error) {
	op, err := Find(n.Domain, n.Op, opset)
	if err != nil {
		return nil, err
	}
	return op.Forward(&Call{Node: n, Opset: opset, Ctx: context.Background()}, in)
}

// An Op is a registered operator, from version Since on.
type Op struct {
	Domain, Name string
	Since        int
	Forward      Forward
	Fuses        bool // Forward obeys Call.Epilogue
	Impure       bool // equal inputs may give different outputs (RandomNormal)
}

var registry = struct {
	sync.RWMutex
	ops map[string][]*Op // by key, Since descending
}{ops: map[string][]*Op{}}

func key(domain, name string) string {
	if graph.IsStandard(domain) {
		domain = ""
	}
	return domain + "\x00" + name
}

// Register makes an operator known, from version since of its domain on. The
// domain "" is ONNX's own.
//
// It panics if f is nil or the same version is there already.
func Register(domain, name string, since int, f Forward) {
	RegisterOp(Op{Domain: domain, Name: name, Since: since, Forward: f})
}

// RegisterOp is Register with all that can be said of an operator.
func RegisterOp(op Op) {
	if op.Forward == nil {
		panic("ops: Register: forward is nil")
	}
	if op.Name == "" || op.Since < 1 {
		panic(fmt.Sprintf("ops: Register: operator %q since version %d", op.Name, op.Since))
	}
	if op.Domain == "ai.onnx" {
		op.Domain = ""
	}
	registry.Lock()
	defer registry.Unlock()
	k := key(op.Domain, op.Name)
	list := registry.ops[k]
	i := sort.Search(len(list), func(i int) bool { return list[i].Since <= op.Since })
	if i < len(list) && list[i].Since == op.Since {
		panic(fmt.Sprintf("ops: Register called twice for %s version %d", op.Name, op.Since))
	}
	list = append(list, nil)
	copy(list[i+1:], list[i:])
	list[i] = &op
	registry.ops[k] = list
}

// Find is the newest version of an operator that opset allows. The error wraps
// errors.ErrUnsupported and says which versions there are.
func Find(domain, name string, opset int) (*Op, error) {
	registry.RLock()
	defer registry.RUnlock()
	list := registry.ops[key(domain, name)]
	for _, op := range list {
		if op.Since <= opset {
			return op, nil
		}
	}
	full := name
	if !graph.IsStandard(domain) {
		full = domain + "." + name
	}
	if len(list) > 0 {
		return nil, fmt.Errorf("ops: %s at opset %d (known from %d on): %w", full, opset, list[len(list)-1].Since, errors.ErrUnsupported)
	}
	return nil, fmt.Errorf("ops: operator %s: %w", full, errors.ErrUnsupported)
}

// All is the registered operators, sorted by domain, name and version.
func All() []Op {
	registry.RLock()
	defer registry.RUnlock()
	var all []Op
	for _, list := range registry.ops {
		for _, op := range list {
			all = append(all, *op)
		}
	}
	sort.Slice(all, func(i, j int) bool {
		a, b := all[i], all[j]
		if c := strings.Compare(a.Domain, b.Domain); c != 0 {
			return c < 0
		}
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c < 0
		}
		return a.Since < b.Since
	})
	return all
}
