package opstest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// host is an executor that is as unkind as ops.Host allows.
type host struct {
	threads   int
	backwards bool             // calls of Parallel begin with the last
	reuse     bool             // the inputs' storage may be taken
	given     []*tensor.Tensor // inputs of the call
	cache     map[any]any      // nil: nothing is constant

	mu      sync.Mutex
	scratch [][]float32
}

// Alloc implements ops.Host, with garbage for elements.
func (h *host) Alloc(dt tensor.DType, shape []int) *tensor.Tensor {
	t := tensor.New(dt, shape...)
	if dt == tensor.String {
		return t
	}
	if dt == tensor.Bool {
		return t // its bytes are 0 or 1
	}
	b := make([]byte, dt.Bytes(t.Len())+8)
	for i := range b {
		b[i] = 0xA5
	}
	g, err := tensor.FromBytes(dt, b[:dt.Bytes(t.Len())], shape...)
	if err != nil {
		return t
	}
	return g.Clone() // storage of its own, aligned
}

// Reusable implements ops.Host.
func (h *host) Reusable(t *tensor.Tensor) bool { return h.reuse && slices.Contains(h.given, t) }

// Scratch implements ops.Host, with garbage for elements.
func (h *host) Scratch(n int) []float32 {
	x := make([]float32, n)
	spoil(x)
	h.mu.Lock()
	h.scratch = append(h.scratch, x)
	h.mu.Unlock()
	return x
}

func spoil(x []float32) {
	for i := range x {
		x[i] = -7e33
	}
}

// poison overwrites what the call had as scratch memory.
func (h *host) poison() {
	for _, x := range h.scratch {
		spoil(x)
	}
	h.scratch = nil
}

// Cached implements ops.Host.
func (h *host) Cached(key any, make func() any) any {
	h.mu.Lock()
	v, ok := h.cache[key]
	h.mu.Unlock()
	if ok {
		return v
	}
	v = make()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cache[key] = v
	return v
}

// Constant implements ops.Host.
func (h *host) Constant(t *tensor.Tensor) bool { return h.cache != nil }

// Threads implements ops.Host.
func (h *host) Threads() int { return h.threads }

// Parallel implements ops.Host.
func (h *host) Parallel(n int, f func(i int)) {
	if h.backwards || h.threads == 1 {
		for i := range n {
			if h.backwards {
				i = n - 1 - i
			}
			f(i)
		}
		return
	}
	var wg sync.WaitGroup
	failed := make(chan any, n)
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer func() {
				if p := recover(); p != nil {
					failed <- p
				}
			}()
			f(i)
		}()
	}
	wg.Wait()
	select {
	case p := <-failed:
		panic(p)
	default:
	}
}

// RunGraph implements ops.Host.
func (h *host) RunGraph(context.Context, *graph.Graph, []*tensor.Tensor) ([]*tensor.Tensor, error) {
	return nil, errors.ErrUnsupported
}
