package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("Range", 11, 3, rangeOp)
	register("ConstantOfShape", 9, 1, constantOfShape)
	register("Constant", 1, 0, constant)
	register("EyeLike", 9, 1, eyeLike)
	register("Trilu", 14, 1, trilu)
	register("CumSum", 11, 2, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return one(cumulate(c, in, adding, 0)) })
	register("CumProd", 26, 2, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return one(cumulate(c, in, multiplying, 1)) })
	register("Dropout", 1, 1, dropout)
	windows := map[string][3]float64{"HannWindow": {0.5, 0.5, 0}, "HammingWindow": {25.0 / 46, 21.0 / 46, 0}, "BlackmanWindow": {0.42, 0.5, 0.08}}
	for name, a := range windows {
		register(name, 17, 1, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return one(cosineWindow(c, in[0], a)) })
	}
}

// rangeOp is Range: start, start+delta … before limit; element i is
// start + i·delta, computed in the widest type of its class.
func rangeOp(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	dt := in[0].DType()
	if dt.IsFloat() {
		start, limit, delta := scalar(in[0], 0), scalar(in[1], 0), scalar(in[2], 0)
		n := math.Ceil((limit - start) / delta)
		if delta == 0 || n != n || n > tensor.MaxElements {
			fail("Range from %v to %v by %v", start, limit, delta)
		}
		r := newResult[float64](c, dt, []int{int(max(0, n))})
		for i := range r.data {
			r.data[i] = start + float64(i)*delta
		}
		return one(r.tensor())
	}
	start, limit, delta := integer(in[0], 0), integer(in[1], 0), integer(in[2], 0)
	if delta == 0 {
		fail("Range from %v to %v by 0", start, limit)
	}
	n := int64(0)
	if (limit > start) == (delta > 0) && limit != start {
		span, by := limit-start, delta
		if by < 0 {
			span, by = -span, -by
		}
		n = (span-1)/by + 1
	}
	if n < 0 || n > tensor.MaxElements {
		fail("Range from %v to %v by %v", start, limit, delta)
	}
	r := newResult[int64](c, dt, []int{int(n)})
	for i := range r.data {
		r.data[i] = start + int64(i)*delta
	}
	return one(r.tensor())
}

// constantOfShape is ConstantOfShape: float32 zeros unless value says
// otherwise.
func constantOfShape(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	shape := sizes(integers(in[0]))
	v := c.Node.Tensor("value")
	if v == nil {
		v = tensor.Scalar(float32(0))
	}
	if v.Len() != 1 {
		fail("value has %d elements", v.Len())
	}
	d, finish := newCells(c, v.DType(), shape)
	d.fill(0, product(shape), cellsOf(v))
	return one(finish())
}

// constant is Constant. Graphs hold constants as values, so that it runs only
// for sparse ones and those whose attribute a function's call supplies.
func constant(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	for _, a := range c.Node.Attrs {
		if a.T != nil { // of a sparse tensor, too
			return one(a.T)
		}
		switch a.Kind {
		case graph.AttrFloat:
			return one(tensor.Scalar(a.F))
		case graph.AttrInt:
			return one(tensor.Scalar(a.I))
		case graph.AttrFloats:
			return one(tensor.Of(a.Floats, len(a.Floats)))
		case graph.AttrInts:
			return one(tensor.Of(a.Ints, len(a.Ints)))
		case graph.AttrString:
			return one(tensor.Strings([]string{a.S}))
		case graph.AttrStrings:
			return one(tensor.Strings(a.Strings, len(a.Strings)))
		}
	}
	unsupported("a sparse constant")
	return nil
}

// eyeLike is EyeLike: ones on the k-th diagonal.
func eyeLike(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	rank(x, "input", 2)
	r := newResult[float64](c, tensor.DType(c.Node.Int("dtype", int64(x.DType()))), x.Shape())
	clear(r.data)
	k := c.Node.Int("k", 0)
	for i := range x.Dim(0) {
		if j := int64(i) + k; j >= 0 && j < int64(x.Dim(1)) {
			r.data[i*x.Dim(1)+int(j)] = 1
		}
	}
	return one(r.tensor())
}

// trilu is Trilu: keeps the part above (or below) the k-th diagonal of each
// matrix.
func trilu(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	if x.Rank() < 2 {
		fail("Trilu of shape %v", x.Shape())
	}
	k := integer(In(in, 1), 0)
	upper := c.Node.Int("upper", 1) != 0
	h, w := x.Dim(-2), x.Dim(-1)
	from := make([]int, x.Len())
	for at := range from {
		i, j := int64(at/w%h), int64(at%w)
		from[at] = at
		if upper && j-i < k || !upper && j-i > k {
			from[at] = -1
		}
	}
	return one(gather(c, x, x.Shape(), from, nil))
}

// cumulate is CumSum or CumProd along an axis.
func cumulate(c *Call, in []*tensor.Tensor, a arithmetic, first int64) *tensor.Tensor {
	x := in[0]
	at := axis(integer(in[1], 0), x.Rank())
	switch dt := x.DType(); {
	case dt == tensor.Float64:
		return cumulateOf(c, x, at, a.f64, float64(first))
	case dt.IsFloat():
		return cumulateOf(c, x, at, a.f32, float32(first))
	case signed(dt):
		return cumulateOf(c, x, at, a.i64, first)
	default:
		return cumulateOf(c, x, at, a.u64, uint64(first))
	}
}

func cumulateOf[T wide](c *Call, x *tensor.Tensor, at int, f func(a, b T) T, first T) *tensor.Tensor {
	exclusive, reverse := c.Node.Int("exclusive", 0) != 0, c.Node.Int("reverse", 0) != 0
	r := newResult[T](c, x.DType(), x.Shape())
	src := load[T](x)
	n, step := x.Dim(at), product(x.Shape()[at+1:])
	for base := range src {
		if base/step%n != 0 {
			continue
		}
		sum := first
		for k := range n {
			i := base + k*step
			if reverse {
				i = base + (n-1-k)*step
			}
			if exclusive {
				r.data[i] = sum
			}
			sum = f(sum, src[i])
			if !exclusive {
				r.data[i] = sum
			}
		}
	}
	return r.tensor()
}

// dropout is Dropout in inference: x, and a mask that is all true. Training
// mode is refused, unless its ratio is zero.
func dropout(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	if t := In(in, 2); t != nil && integer(t, 0) != 0 && scalar(In(in, 1), 0.5) != 0 {
		unsupported("Dropout in training mode")
	}
	out := []*tensor.Tensor{x, nil}
	if c.Wants(1) {
		dt := tensor.Bool
		if c.Opset < 10 {
			dt = x.DType()
		}
		mask := newResult[float64](c, dt, x.Shape())
		for i := range mask.data {
			mask.data[i] = 1
		}
		out[1] = mask.tensor()
	}
	return out
}

// cosineWindow is a window of the signal operators:
// a0 - a1·cos(2πi/n) + a2·cos(4πi/n), n one less if it is not periodic.
func cosineWindow(c *Call, size *tensor.Tensor, a [3]float64) *tensor.Tensor {
	n := int(integer(size, 0))
	if n < 0 {
		fail("a window of %d elements", n)
	}
	period := float64(n)
	if c.Node.Int("periodic", 1) == 0 {
		period--
	}
	r := newResult[float64](c, tensor.DType(c.Node.Int("output_datatype", 1)), []int{n})
	for i := range r.data {
		t := 2 * math.Pi * float64(i) / period
		r.data[i] = a[0] - a[1]*math.Cos(t) + a[2]*math.Cos(2*t)
	}
	return r.tensor()
}
