// Package opstest holds operators to the contract of ops.Forward.
//
//	func TestFastGelu(t *testing.T) {
//		opstest.Run(t, "com.acme", "FastGelu", 1, opstest.Case{
//			Name: "zero and one", In: …, Out: …, Abs: 1e-6,
//		})
//	}
package opstest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A Case is a call of the operator and what it must give.
type Case struct {
	Name  string
	Attrs []graph.Attr
	In    []*tensor.Tensor // nil where an optional input is absent
	Out   []*tensor.Tensor
	// Abs and Rel bound the error of floating-point elements: |got-want| is at most
	// Abs + Rel·|want|. NaN must be NaN, and an infinity the same. All else is equal.
	Abs, Rel float64
	// Fails says that these inputs are bad: there must be an error, and Out is not
	// looked at.
	Fails bool
}

// Run tests that the operator, at that version of its domain's set,
//
//   - gives each case's outputs: type, shape and elements;
//   - gives an error for cases that must fail;
//   - gives the same bits again, with any number of threads, in memory that holds
//     garbage, and with what it has cached of constants;
//   - changes no input, unless Call.Reuse gave it out, and may overwrite those;
//   - keeps nothing of its scratch memory in what it returns;
//   - does not panic where inputs are missing, empty, of another type, rank or size,
//     or hold NaN and infinities, but gives an error or a result.
//
// Without a case, and for an operator that is not registered, it fails.
func Run(t testing.TB, domain, op string, opset int, cases ...Case) {
	t.Helper()
	o, err := ops.Find(domain, op, opset)
	if err != nil {
		t.Errorf("opstest: %v", err)
		return
	}
	if len(cases) == 0 {
		t.Errorf("opstest: %s: no case", op)
	}
	shared := &host{threads: 2, cache: map[any]any{}} // of all cases, as a session is
	for _, c := range cases {
		r := runner{t: t, op: o, opset: opset, c: c, node: &graph.Node{Name: "test", Op: op, Domain: domain, Attrs: c.Attrs}}
		for i := range c.In {
			name := ""
			if c.In[i] != nil {
				name = fmt.Sprintf("x%d", i)
			}
			r.node.Inputs = append(r.node.Inputs, name)
		}
		for i := range max(1, len(c.Out)) {
			r.node.Outputs = append(r.node.Outputs, fmt.Sprintf("y%d", i))
		}
		r.run(shared)
	}
}

type runner struct {
	t     testing.TB
	op    *ops.Op
	opset int
	c     Case
	node  *graph.Node
}

func (r *runner) errorf(format string, args ...any) {
	r.t.Helper()
	r.t.Errorf("%s, %q: %s", r.node.Op, r.c.Name, fmt.Sprintf(format, args...))
}

// call runs the operator on in; a panic is reported, with what was done.
func (r *runner) call(what string, h *host, in []*tensor.Tensor) (out []*tensor.Tensor, err error) {
	r.t.Helper()
	defer func() {
		if p := recover(); p != nil {
			r.errorf("%s: it panics: %v", what, p)
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	c := &ops.Call{Node: r.node, Opset: r.opset, Ctx: context.Background()}
	if h != nil {
		c.Host = h
	}
	return r.op.Forward(c, in)
}

func (r *runner) run(shared *host) {
	r.t.Helper()
	in := copies(r.c.In)
	out, err := r.call("a plain call", nil, in)
	if r.c.Fails {
		if err == nil {
			r.errorf("bad inputs give no error")
		}
		return
	}
	if err != nil {
		r.errorf("%v", err)
		return
	}
	r.unchanged("a plain call", in)
	if err := r.same(out, r.c.Out); err != nil {
		r.errorf("%v", err)
		return
	}
	if r.op.Impure {
		return
	}
	out = copies(out)
	constants := copies(r.c.In) // the same tensors in each call
	for _, v := range []struct {
		what string
		h    *host
	}{
		{"the same call again", nil},
		{"with garbage in fresh memory", &host{threads: 1}},
		{"with 3 threads", &host{threads: 3}},
		{"with 3 threads that come in another order", &host{threads: 3, backwards: true}},
		{"with inputs that may be overwritten", &host{threads: 1, reuse: true}},
		{"after the other cases, with constants", shared},
		{"with cached constants", shared},
	} {
		in := copies(r.c.In)
		if v.h == shared {
			in = constants
		}
		if v.h != nil {
			v.h.given = in
		}
		got, err := r.call(v.what, v.h, in)
		if err != nil {
			r.errorf("%s: %v", v.what, err)
			continue
		}
		if v.h != nil {
			v.h.poison()
		}
		if !equal(got, out) {
			r.errorf("%s: other bits", v.what)
		}
		if v.h == nil || !v.h.reuse {
			r.unchanged(v.what, in)
		}
	}
	r.spoiled()
}

// unchanged holds inputs to what they were.
func (r *runner) unchanged(what string, in []*tensor.Tensor) {
	r.t.Helper()
	for i, x := range in {
		if x != nil && !tensor.Equal(x, r.c.In[i]) {
			r.errorf("%s: it changes input %d", what, i)
		}
	}
}

// spoiled calls the operator on inputs that do not belong to it.
func (r *runner) spoiled() {
	r.t.Helper()
	try := func(what string, in []*tensor.Tensor) {
		r.t.Helper()
		before := copies(in)
		out, err := r.call(what, nil, in)
		if err == nil && len(out) == 0 && len(r.c.Out) > 0 {
			r.errorf("%s: neither a result nor an error", what)
		}
		if !equal(before, in) {
			r.errorf("%s: it changes an input", what)
		}
	}
	try("without inputs", nil)
	for i, x := range r.c.In {
		if x == nil {
			continue
		}
		with := func(v *tensor.Tensor) []*tensor.Tensor {
			in := copies(r.c.In)
			in[i] = v
			return in
		}
		try(fmt.Sprintf("without input %d", i), with(nil))
		for _, dt := range []tensor.DType{tensor.Float32, tensor.Int64, tensor.Bool, tensor.String, tensor.Float16} {
			if dt != x.DType() {
				try(fmt.Sprintf("input %d of %v", i, dt), with(tensor.New(dt, x.Shape()...)))
			}
		}
		for _, shape := range shapes(x.Shape()) {
			try(fmt.Sprintf("input %d of shape %v", i, shape), with(tensor.New(x.DType(), shape...)))
		}
		if x.DType() == tensor.Float32 {
			bad := x.Clone()
			for k := range bad.F32() {
				bad.F32()[k] = []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32, 1e-45}[k%5]
			}
			try(fmt.Sprintf("NaN and infinities in input %d", i), with(bad))
		}
	}
}

// shapes is shapes near s that differ from it.
func shapes(s []int) [][]int {
	list := [][]int{{}, {0}, {1}, append([]int{2}, s...), append(slices.Clone(s), 0)}
	for d := range s {
		for _, size := range []int{0, s[d] + 1} {
			v := slices.Clone(s)
			v[d] = size
			list = append(list, v)
		}
		list = append(list, slices.Delete(slices.Clone(s), d, d+1))
	}
	return slices.DeleteFunc(list, func(v []int) bool { return slices.Equal(v, s) })
}

func copies(in []*tensor.Tensor) []*tensor.Tensor {
	out := make([]*tensor.Tensor, len(in))
	for i, x := range in {
		if x != nil {
			out[i] = x.Clone()
		}
	}
	return out
}

func equal(a, b []*tensor.Tensor) bool {
	return slices.EqualFunc(a, b, func(x, y *tensor.Tensor) bool {
		return x == nil && y == nil || x != nil && y != nil && tensor.Equal(x, y)
	})
}
