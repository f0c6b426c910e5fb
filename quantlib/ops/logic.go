package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("Equal", 1, 2, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return one(equal(c, in[0], in[1])) })
	comparisons := map[string]comparison{
		"Less":           {lessOf[float64], lessOf[int64], lessOf[uint64]},
		"LessOrEqual":    {atMostOf[float64], atMostOf[int64], atMostOf[uint64]},
		"Greater":        {moreOf[float64], moreOf[int64], moreOf[uint64]},
		"GreaterOrEqual": {atLeastOf[float64], atLeastOf[int64], atLeastOf[uint64]},
	}
	for name, f := range comparisons {
		since := 1
		if len(name) > 7 {
			since = 12
		}
		register(name, since, 2, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
			return one(f.apply(c, in[0], oldBroadcast(c, in[0], in[1])))
		})
	}
	logic := map[string]func(a, b uint64) uint64{
		"And": func(a, b uint64) uint64 { return a & b }, "Or": func(a, b uint64) uint64 { return a | b },
		"Xor": func(a, b uint64) uint64 { return a ^ b },
	}
	for name, f := range logic {
		register(name, 1, 2, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
			y := oldBroadcast(c, in[0], in[1])
			return one(bits(c, in[0], y, []tensor.DType{tensor.Bool}, f))
		})
		register("Bitwise"+name, 18, 2, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
			return one(bits(c, in[0], in[1], nil, f))
		})
	}
	register("BitShift", 11, 2, bitShift)
	register("Not", 1, 1, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
		if in[0].DType() != tensor.Bool {
			fail("Not of %v", in[0].DType())
		}
		out := c.Alloc(tensor.Bool, in[0].Shape()...)
		for i, v := range tensor.Data[uint8](in[0]) {
			tensor.Data[uint8](out)[i] = v ^ 1
		}
		return one(out)
	})
	register("BitwiseNot", 18, 1, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
		if in[0].DType().IsFloat() {
			fail("BitwiseNot of %v", in[0].DType())
		}
		r := newResult[int64](c, in[0].DType(), in[0].Shape())
		for i, v := range load[int64](in[0]) {
			r.data[i] = ^v
		}
		return one(r.tensor())
	})
	register("IsNaN", 9, 1, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
		return one(test(c, in[0], func(v float64) bool { return v != v }))
	})
	register("IsInf", 10, 1, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
		up, down := c.Node.Int("detect_positive", 1) != 0, c.Node.Int("detect_negative", 1) != 0
		return one(test(c, in[0], func(v float64) bool { return up && math.IsInf(v, 1) || down && math.IsInf(v, -1) }))
	})
	register("Where", 9, 3, where)
	register("NonZero", 9, 1, nonZero)
}

func lessOf[T wide](a, b T) bool    { return a < b }
func atMostOf[T wide](a, b T) bool  { return a <= b }
func moreOf[T wide](a, b T) bool    { return a > b }
func atLeastOf[T wide](a, b T) bool { return a >= b }

// A comparison is a relation in each class.
type comparison struct {
	f64 func(a, b float64) bool
	i64 func(a, b int64) bool
	u64 func(a, b uint64) bool
}

func (f comparison) apply(c *Call, x, y *tensor.Tensor) *tensor.Tensor {
	if x.DType() != y.DType() {
		fail("comparison of %v and %v", x.DType(), y.DType())
	}
	switch dt := x.DType(); {
	case dt.IsFloat():
		return relation(c, x, y, f.f64)
	case unsigned(dt), dt == tensor.Bool:
		return relation(c, x, y, f.u64)
	default:
		return relation(c, x, y, f.i64)
	}
}

func relation[T wide](c *Call, x, y *tensor.Tensor, f func(a, b T) bool) *tensor.Tensor {
	shape := broadcastShape(x.Shape(), y.Shape())
	r := newResult[uint64](c, tensor.Bool, shape)
	binary(c, r.data, shape, load[T](x), x.Shape(), load[T](y), y.Shape(), func(a, b T) uint64 {
		if f(a, b) {
			return 1
		}
		return 0
	}, nil)
	return r.tensor()
}

func equal(c *Call, x, y *tensor.Tensor) *tensor.Tensor {
	y = oldBroadcast(c, x, y)
	if x.DType() != tensor.String {
		return comparison{
			func(a, b float64) bool { return a == b }, func(a, b int64) bool { return a == b }, func(a, b uint64) bool { return a == b },
		}.apply(c, x, y)
	}
	if y.DType() != tensor.String {
		fail("comparison of %v and %v", x.DType(), y.DType())
	}
	shape := broadcastShape(x.Shape(), y.Shape())
	a, b := stretch(c, x, shape).Strings(), stretch(c, y, shape).Strings()
	out := c.Alloc(tensor.Bool, shape...)
	for i := range a {
		tensor.Data[uint8](out)[i] = 0
		if a[i] == b[i] {
			tensor.Data[uint8](out)[i] = 1
		}
	}
	return out
}

// bits computes f on broadcast integers of one of the types, nil: any integer.
func bits(c *Call, x, y *tensor.Tensor, types []tensor.DType, f func(a, b uint64) uint64) *tensor.Tensor {
	dt := x.DType()
	if dt != y.DType() || types != nil && dt != types[0] || types == nil && !signed(dt) && !unsigned(dt) {
		fail("%s of %v and %v", c.Node.Op, dt, y.DType())
	}
	shape := broadcastShape(x.Shape(), y.Shape())
	r := newResult[uint64](c, dt, shape)
	binary(c, r.data, shape, load[uint64](x), x.Shape(), load[uint64](y), y.Shape(), f, nil)
	return r.tensor()
}

// bitShift is BitShift of unsigned integers.
func bitShift(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	if !unsigned(in[0].DType()) {
		fail("BitShift of %v", in[0].DType())
	}
	left := c.Node.Text("direction", "") == "LEFT"
	return one(bits(c, in[0], in[1], nil, func(a, b uint64) uint64 {
		if left {
			return a << b
		}
		return a >> b
	}))
}

func test(c *Call, x *tensor.Tensor, f func(v float64) bool) *tensor.Tensor {
	out := c.Alloc(tensor.Bool, x.Shape()...)
	dst := tensor.Data[uint8](out)
	for i, v := range load[float64](x) {
		dst[i] = 0
		if f(v) {
			dst[i] = 1
		}
	}
	return out
}

// where is Where: x where the condition holds, else y, all broadcast.
func where(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	cond, x, y := in[0], in[1], in[2]
	if cond.DType() != tensor.Bool || x.DType() != y.DType() {
		fail("Where with %v, %v, %v", cond.DType(), x.DType(), y.DType())
	}
	shape := broadcastShape(cond.Shape(), x.Shape(), y.Shape())
	d, finish := newCells(c, x.DType(), shape)
	a, b := cellsOf(x), cellsOf(y)
	choose := tensor.Data[uint8](cond)
	w := newWalk(shape, cond.Shape(), x.Shape(), y.Shape())
	if product(shape) == 0 {
		return one(finish())
	}
	w.each(0, w.runs, func(at int, from []int) {
		for i := 0; i < w.n; {
			v := choose[from[0]+i*w.step(0)]
			j := i + 1
			for j < w.n && choose[from[0]+j*w.step(0)] == v {
				j++
			}
			src, k := b, 2
			if v != 0 {
				src, k = a, 1
			}
			switch w.step(k) {
			case 1:
				d.copy(at+i, src, from[k]+i, j-i)
			default:
				for ; i < j; i++ {
					d.copy(at+i, src, from[k]+i*w.step(k), 1)
				}
			}
			i = j
		}
	})
	return one(finish())
}

// nonZero is NonZero: the coordinates of the elements that are not zero, one
// column each, in row-major order.
func nonZero(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	var hits []int
	for i, v := range load[float64](x) {
		if v != 0 {
			hits = append(hits, i)
		}
	}
	out := c.Alloc(tensor.Int64, x.Rank(), len(hits))
	for j, i := range hits {
		for d, p := range position(i, x.Shape()) {
			out.I64()[d*len(hits)+j] = int64(p)
		}
	}
	return one(out)
}
