package ops

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A kernel is a Forward that reports bad models and data by fail.
type kernel func(c *Call, in []*tensor.Tensor) []*tensor.Tensor

// failure is the error that fail carries out of a kernel.
type failure struct{ error }

// fail leaves the running kernel with an error.
func fail(format string, args ...any) {
	panic(failure{fmt.Errorf(format, args...)})
}

// unsupported leaves the running kernel with an error that wraps
// errors.ErrUnsupported.
func unsupported(format string, args ...any) {
	panic(failure{fmt.Errorf(format+": %w", append(args, errors.ErrUnsupported)...)})
}

// checked makes a Forward of k: the first least inputs must be there, all
// inputs must load, and a failure, or an index that a bad shape led astray,
// becomes an error.
func checked(k kernel, least int) Forward {
	return func(c *Call, in []*tensor.Tensor) (out []*tensor.Tensor, err error) {
		defer func() {
			switch r := recover().(type) {
			case nil:
			case failure:
				err = r.error
			case runtime.Error:
				err = fmt.Errorf("inputs do not fit together: %v", r)
			case error:
				err = r
			default:
				panic(r)
			}
		}()
		for i := range max(least, len(in)) {
			t := In(in, i)
			if t == nil {
				if i < least {
					return nil, fmt.Errorf("input %d is absent", i)
				}
				continue
			}
			if e := t.Err(); e != nil {
				return nil, fmt.Errorf("input %d: %w", i, e)
			}
		}
		return k(c, in), nil
	}
}

// register makes a kernel of ONNX's own domain known, which needs its first
// least inputs.
func register(name string, since, least int, k kernel) {
	RegisterOp(Op{Name: name, Since: since, Forward: checked(k, least)})
}

// one is the result of an operator with one output.
func one(t *tensor.Tensor) []*tensor.Tensor { return []*tensor.Tensor{t} }

// axis makes a place of rank out of an ONNX axis, where negative ones count
// from the end.
func axis(a int64, rank int) int {
	if a < int64(-rank) || a >= int64(rank) {
		fail("axis %d of rank %d", a, rank)
	}
	if a < 0 {
		a += int64(rank)
	}
	return int(a)
}

// axes makes places of a list of ONNX axes; a repeated one fails.
func axes(list []int64, rank int) []int {
	out := make([]int, len(list))
	seen := make([]bool, rank)
	for i, a := range list {
		out[i] = axis(a, rank)
		if seen[out[i]] {
			fail("axis %d is given twice", a)
		}
		seen[out[i]] = true
	}
	return out
}

// integers is the elements of an integer tensor; nil for nil.
func integers(t *tensor.Tensor) []int64 {
	if t == nil {
		return nil
	}
	switch t.DType() {
	case tensor.Int64:
		return t.I64()
	case tensor.Int32, tensor.Int16, tensor.Int8, tensor.Uint8, tensor.Uint16, tensor.Uint32, tensor.Uint64, tensor.Bool:
		return load[int64](t)
	}
	fail("%v elements where integers are wanted", t.DType())
	return nil
}

// listArg is a list that older versions have as an attribute and newer ones as
// input i; nil where it is absent.
func listArg(c *Call, in []*tensor.Tensor, name string, i int) []int64 {
	if t := In(in, i); t != nil {
		return integers(t)
	}
	return c.Node.Ints(name)
}

// scalar is the only element of t as a float64, def for nil.
func scalar(t *tensor.Tensor, def float64) float64 {
	if t == nil {
		return def
	}
	if t.Len() != 1 {
		fail("%d elements where one is wanted", t.Len())
	}
	return load[float64](t)[0]
}

// integer is the only element of t, def for nil.
func integer(t *tensor.Tensor, def int64) int64 {
	if t == nil {
		return def
	}
	if t.Len() != 1 {
		fail("%d elements where one is wanted", t.Len())
	}
	return integers(t)[0]
}

// maxOutput is the most elements that an operator makes, so that a few numbers
// in a hostile model cannot ask for all memory.
const maxOutput = 1 << 31

// product is the number of elements of a shape; above maxOutput it fails.
func product(shape []int) int {
	n, err := tensor.Elements(shape)
	if err != nil {
		fail("%v", err)
	}
	if n > maxOutput {
		fail("shape %v has more than %d elements", shape, maxOutput)
	}
	return n
}

// sizes makes dimensions of integers; negative ones fail.
func sizes(list []int64) []int {
	out := make([]int, len(list))
	for i, v := range list {
		if v < 0 || v > tensor.MaxElements {
			fail("dimension %d in %v", v, list)
		}
		out[i] = int(v)
	}
	product(out)
	return out
}

// strides is the row-major step of each dimension.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

// rank fails if t has another rank.
func rank(t *tensor.Tensor, name string, n int) {
	if t.Rank() != n {
		fail("%s has shape %v, want rank %d", name, t.Shape(), n)
	}
}

// parts calls f for consecutive ranges that cover 0..n, perhaps at the same
// time. Ranges are of at least least elements, but for the last.
func (c *Call) parts(n, least int, f func(part, lo, hi int)) {
	p := c.partCount(n, least)
	if p <= 1 {
		if n > 0 {
			f(0, 0, n)
		}
		return
	}
	c.Parallel(p, func(i int) {
		if lo, hi := n*i/p, n*(i+1)/p; lo < hi {
			f(i, lo, hi)
		}
	})
}

// partCount is the number of ranges that parts makes.
func (c *Call) partCount(n, least int) int {
	return max(1, min(c.Threads(), n/max(1, least)))
}

// ordinary is the number of elements from which element-wise work is worth
// another thread: at 1 ns each it outweighs the 20..50 µs of waking one.
const ordinary = 1 << 16
