package ops

import (
	"context"
	"errors"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// ApplyWithin is Apply for nodes of files that nobody trusts: outputs and
// temporaries of more than the given number of bytes together are an error
// before they are made.
func ApplyWithin(bytes int, n *graph.Node, opset int, in ...*tensor.Tensor) ([]*tensor.Tensor, error) {
	op, err := Find(n.Domain, n.Op, opset)
	if err != nil {
		return nil, err
	}
	return op.Forward(&Call{Node: n, Opset: opset, Ctx: context.Background(), Host: &bounded{most: bytes, left: bytes}}, in)
}

// bounded is a Host on Go's heap that gives out a number of bytes.
type bounded struct{ most, left int }

// Alloc implements Host.
func (b *bounded) Alloc(dt tensor.DType, shape []int) *tensor.Tensor {
	n := product(shape)
	size := n * 16 // a string's header
	if dt != tensor.String {
		size = dt.Bytes(n)
	}
	if size > b.left {
		fail("an output of shape %v is larger than %d bytes", shape, b.most)
	}
	b.left -= size
	return tensor.New(dt, shape...)
}

// Reusable implements Host.
func (b *bounded) Reusable(*tensor.Tensor) bool { return false }

// Scratch implements Host.
func (b *bounded) Scratch(n int) []float32 { return b.Alloc(tensor.Float32, []int{n}).F32() }

// Cached implements Host.
func (b *bounded) Cached(_ any, make func() any) any { return make() }

// Constant implements Host.
func (b *bounded) Constant(*tensor.Tensor) bool { return false }

// Parallel implements Host.
func (b *bounded) Parallel(n int, f func(i int)) {
	for i := range n {
		f(i)
	}
}

// Threads implements Host.
func (b *bounded) Threads() int { return 1 }

// RunGraph implements Host.
func (b *bounded) RunGraph(context.Context, *graph.Graph, []*tensor.Tensor) ([]*tensor.Tensor, error) {
	return nil, fmt.Errorf("ops: a subgraph needs an executor: %w", errors.ErrUnsupported)
}
