package ops

import (
	"errors"
	"fmt"
	"sort"
	"sync"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A VJP computes the vector-Jacobian product of one node: from cotangents of its
// outputs those of its inputs,
//
//	result[j] = Σ over i of (∂out[i]/∂in[j])ᵀ · g[i]
//
// for K cotangents at once. in and out are what Forward was given and returned.
// g has an element for each output, of shape [K, shape of out[i]…], nil where
// nothing depends on that output; at least one is not nil, and all have the same
// K ≥ 1. result has an element for each input, of shape [K, shape of in[j]…]. It
// is nil where need[j] is false, and where the output does not depend smoothly on
// the input, which is then taken as constant: integers (indices, shapes), and
// inputs that only choose.
//
// Values and cotangents are float32; others are an error that wraps
// errors.ErrUnsupported. Where a function has a kink, the derivative is one of
// the one-sided ones (that of Relu at 0 is 0), and a maximum that several
// elements share belongs to the first. Tensors given are read-only, and a result
// may be a view of one. The same arguments give the same bits, whatever the
// Host does.
//
// The VJP of an operator that Fuses reads no more than the shape of out, since
// an executor may hold what has become of it after the Epilogue.
type VJP func(c *Call, in, out, g []*tensor.Tensor, need []bool) ([]*tensor.Tensor, error)

var vjps = struct {
	sync.RWMutex
	by   map[string]VJP
	flat map[string]bool
}{by: map[string]VJP{}, flat: map[string]bool{}}

// RegisterVJP makes the vector-Jacobian product of an operator known, for all
// versions of it. The domain "" is ONNX's own.
//
// It panics if f is nil or the operator has one already.
func RegisterVJP(domain, name string, f VJP) {
	if f == nil {
		panic("ops: RegisterVJP: the function is nil")
	}
	vjps.Lock()
	defer vjps.Unlock()
	k := key(domain, name)
	if vjps.by[k] != nil {
		panic(fmt.Sprintf("ops: RegisterVJP called twice for %s", name))
	}
	vjps.by[k] = f
}

// FindVJP is the vector-Jacobian product of an operator. The error wraps
// errors.ErrUnsupported.
func FindVJP(domain, name string) (VJP, error) {
	vjps.RLock()
	defer vjps.RUnlock()
	if f := vjps.by[key(domain, name)]; f != nil {
		return f, nil
	}
	if !graph.IsStandard(domain) {
		name = domain + "." + name
	}
	return nil, fmt.Errorf("ops: operator %s has no derivative: %w", name, errors.ErrUnsupported)
}

// registerFlat makes operators of ONNX's own domain known whose outputs depend
// smoothly on no input: integers, comparisons, roundings.
func registerFlat(names ...string) {
	for _, name := range names {
		RegisterVJP("", name, func(_ *Call, in, _, _ []*tensor.Tensor, _ []bool) ([]*tensor.Tensor, error) {
			return make([]*tensor.Tensor, len(in)), nil
		})
		vjps.Lock()
		vjps.flat[key("", name)] = true
		vjps.Unlock()
	}
}

// Flat reports whether an operator is known whose derivative is zero wherever it
// exists, so that no cotangent comes through.
func Flat(domain, name string) bool {
	vjps.RLock()
	defer vjps.RUnlock()
	return vjps.flat[key(domain, name)]
}

// VJPs is the names of the operators of ONNX's own domain that have a
// vector-Jacobian product, sorted.
func VJPs() []string {
	vjps.RLock()
	defer vjps.RUnlock()
	var list []string
	for k := range vjps.by {
		if k[0] == 0 {
			list = append(list, k[1:])
		}
	}
	sort.Strings(list)
	return list
}

// A pull is the float32 part of a VJP of an operator with one output that
// matters, of which g is the cotangent. It reports bad models and data by fail.
type pull func(c *Call, in, out []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor

// registerVJP makes the product of an operator of ONNX's own domain known whose
// output 0 alone is differentiated: a cotangent for another is an error.
func registerVJP(name string, p pull) {
	registerPulls(name, func(c *Call, in, out, g []*tensor.Tensor, need []bool) []*tensor.Tensor {
		for i, t := range g {
			if t != nil && i > 0 {
				unsupported("the derivative of output %d of %s", i, c.Node.Op)
			}
		}
		return p(c, in, out, g[0], need)
	})
}

// registerPulls is registerVJP for operators with any number of outputs.
func registerPulls(name string, p func(c *Call, in, out, g []*tensor.Tensor, need []bool) []*tensor.Tensor) {
	RegisterVJP("", name, func(c *Call, in, out, g []*tensor.Tensor, need []bool) (res []*tensor.Tensor, err error) {
		forward := func(c *Call, _ []*tensor.Tensor) []*tensor.Tensor {
			for i, t := range g {
				switch {
				case t == nil:
				case t.DType() != tensor.Float32 || out[i].DType() != tensor.Float32:
					unsupported("the derivative of %s of %v", c.Node.Op, out[i].DType())
				case t.Rank() != out[i].Rank()+1 || t.Len() != t.Dim(0)*out[i].Len():
					fail("cotangent of shape %v for an output of shape %v", t.Shape(), out[i].Shape())
				}
			}
			for j, t := range in {
				if need[j] && (t == nil || t.DType() != tensor.Float32) {
					need = append([]bool(nil), need...)
					need[j] = false
				}
			}
			return p(c, in, out, g, need)
		}
		return checked(forward, 0)(c, in)
	})
}

// probes is a shape behind the axis of the cotangents.
func probes(k int, shape []int) []int { return append([]int{k}, shape...) }

// cotangent makes a result for input x, whose elements are not set.
func (c *Call) cotangent(k int, x *tensor.Tensor) *tensor.Tensor {
	return c.Alloc(tensor.Float32, probes(k, x.Shape())...)
}

// times is g with each of its K parts multiplied by d, element by element.
func (c *Call) times(g *tensor.Tensor, d []float32) *tensor.Tensor {
	out := c.Alloc(tensor.Float32, g.Shape()...)
	for k := range g.Dim(0) {
		f32.Mul(out.F32()[k*len(d):][:len(d)], g.F32()[k*len(d):][:len(d)], d)
	}
	return out
}

// sumTo adds up what broadcasting has copied: from K parts of shape wide those
// of shape narrow, which broadcasts to it. Sums are taken in float64. The result
// is g itself where the shapes are equal.
func (c *Call) sumTo(g *tensor.Tensor, wide, narrow []int) *tensor.Tensor {
	k := g.Dim(0)
	if tensor.SameShape(wide, narrow) {
		return g
	}
	out := c.Alloc(tensor.Float32, probes(k, narrow)...)
	n, m := product(wide), product(narrow)
	if n == m {
		copy(out.F32(), g.F32())
		return out
	}
	sums := make([]float64, m)
	w := newWalk(wide, narrow)
	step := w.step(0)
	for p := range k {
		src := g.F32()[p*n : (p+1)*n]
		clear(sums)
		if n > 0 {
			w.each(0, w.runs, func(at int, from []int) {
				row, to := src[at:at+w.n], from[0]
				if step == 0 {
					sums[to] += f32.Sum(row)
					return
				}
				for _, v := range row {
					sums[to] += float64(v)
					to += step
				}
			})
		}
		for i, s := range sums {
			out.F32()[p*m+i] = float32(s)
		}
	}
	return out
}
