package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// An arithmetic is a binary operator in each class; nil where it has none.
type arithmetic struct {
	f32 func(a, b float32) float32
	f64 func(a, b float64) float64
	i64 func(a, b int64) int64
	u64 func(a, b uint64) uint64
	run func(dst, x, y []float32) bool
}

func addOf[T wide](a, b T) T { return a + b }
func subOf[T wide](a, b T) T { return a - b }
func mulOf[T wide](a, b T) T { return a * b }
func divOf[T wide](a, b T) T { return a / b }

// divInt truncates toward zero; a zero divisor fails.
func divInt[T int64 | uint64](a, b T) T {
	if b == 0 {
		fail("integer division by zero")
	}
	return a / b
}

// minOf and maxOf are NaN if an argument is.
func minOf[T wide](a, b T) T {
	if a != a || a < b {
		return a
	}
	return b
}

func maxOf[T wide](a, b T) T {
	if a != a || a > b {
		return a
	}
	return b
}

var (
	adding = arithmetic{addOf[float32], addOf[float64], addOf[int64], addOf[uint64], func(dst, x, y []float32) bool {
		switch {
		case len(x) == len(dst) && len(y) == len(dst):
			f32.Add(dst, x, y)
		case len(x) == len(dst) && len(y) == 1:
			f32.ScaleBias(dst, x, 1, y[0])
		case len(x) == 1 && len(y) == len(dst):
			f32.ScaleBias(dst, y, 1, x[0])
		default:
			return false
		}
		return true
	}}
	subtracting = arithmetic{subOf[float32], subOf[float64], subOf[int64], subOf[uint64], func(dst, x, y []float32) bool {
		switch {
		case len(x) == len(dst) && len(y) == len(dst):
			f32.Sub(dst, x, y)
		case len(x) == len(dst) && len(y) == 1:
			f32.ScaleBias(dst, x, 1, -y[0])
		default:
			return false
		}
		return true
	}}
	multiplying = arithmetic{mulOf[float32], mulOf[float64], mulOf[int64], mulOf[uint64], func(dst, x, y []float32) bool {
		negativeZero := float32(math.Copysign(0, -1))
		switch {
		case len(x) == len(dst) && len(y) == len(dst):
			f32.Mul(dst, x, y)
		case len(x) == len(dst) && len(y) == 1:
			f32.ScaleBias(dst, x, y[0], negativeZero)
		case len(x) == 1 && len(y) == len(dst):
			f32.ScaleBias(dst, y, x[0], negativeZero)
		default:
			return false
		}
		return true
	}}
	dividing = arithmetic{divOf[float32], divOf[float64], divInt[int64], divInt[uint64], func(dst, x, y []float32) bool {
		switch {
		case len(x) == len(dst) && len(y) == len(dst):
			f32.Div(dst, x, y)
		case len(x) == len(dst) && len(y) == 1:
			divByScalar(dst, x, y[0])
		default:
			return false
		}
		return true
	}}
	least    = arithmetic{f32: minOf[float32], f64: minOf[float64], i64: minOf[int64], u64: minOf[uint64]}
	greatest = arithmetic{f32: maxOf[float32], f64: maxOf[float64], i64: maxOf[int64], u64: maxOf[uint64]}
)

// divByScalar stores x[i]/d in dst, which may be x: a division, not a
// multiplication by 1/d, which rounds twice.
func divByScalar(dst, x []float32, d float32) {
	var block [256]float32
	for i := range block {
		block[i] = d
	}
	for len(x) > 0 {
		n := min(len(x), len(block))
		f32.Div(dst[:n], x[:n], block[:n])
		dst, x = dst[n:], x[n:]
	}
}

// apply computes x op y, of the type of x, broadcast.
func (a arithmetic) apply(c *Call, x, y *tensor.Tensor) *tensor.Tensor {
	if x.DType() != y.DType() {
		fail("operands are %v and %v", x.DType(), y.DType())
	}
	shape := broadcastShape(x.Shape(), y.Shape())
	switch dt := x.DType(); {
	case dt == tensor.Float64 && a.f64 != nil:
		r := newResult[float64](c, dt, shape, reusable(shape, x, y)...)
		binary(c, r.data, shape, load[float64](x), x.Shape(), load[float64](y), y.Shape(), a.f64, nil)
		return r.tensor()
	case dt.IsFloat() && a.f32 != nil:
		r := newResult[float32](c, dt, shape, reusable(shape, x, y)...)
		binary(c, r.data, shape, load[float32](x), x.Shape(), load[float32](y), y.Shape(), a.f32, a.run)
		return r.tensor()
	case signed(dt) && a.i64 != nil:
		r := newResult[int64](c, dt, shape)
		binary(serial(c), r.data, shape, load[int64](x), x.Shape(), load[int64](y), y.Shape(), a.i64, nil)
		return r.tensor()
	case unsigned(dt) && a.u64 != nil:
		r := newResult[uint64](c, dt, shape)
		binary(serial(c), r.data, shape, load[uint64](x), x.Shape(), load[uint64](y), y.Shape(), a.u64, nil)
		return r.tensor()
	}
	unsupported("%s of %v", c.Node.Op, x.DType())
	return nil
}

// serial is c with one thread: work that may fail must not run elsewhere.
func serial(c *Call) *Call {
	s := *c
	s.Host = nil
	return &s
}

// reusable is those operands whose every element is read just before the
// output's element at the same place is written: not those that stretch.
func reusable(shape []int, t ...*tensor.Tensor) []*tensor.Tensor {
	var out []*tensor.Tensor
	for _, x := range t {
		if tensor.SameShape(x.Shape(), shape) {
			out = append(out, x)
		}
	}
	return out
}

func signed(d tensor.DType) bool {
	switch d {
	case tensor.Int8, tensor.Int16, tensor.Int32, tensor.Int64, tensor.Int4, tensor.Int2:
		return true
	}
	return false
}

func unsigned(d tensor.DType) bool {
	switch d {
	case tensor.Uint8, tensor.Uint16, tensor.Uint32, tensor.Uint64, tensor.Uint4, tensor.Uint2:
		return true
	}
	return false
}

// oldBroadcast is y shaped for the broadcasting of opsets before 7, where
// attributes say that y stretches and along which axis it lies.
func oldBroadcast(c *Call, x, y *tensor.Tensor) *tensor.Tensor {
	a := c.Node.Attr("axis")
	if c.Opset >= 7 || a == nil || c.Node.Int("broadcast", 0) == 0 {
		return y
	}
	at := axis(a.I, x.Rank())
	shape := append([]int(nil), y.Shape()...)
	for len(shape)+at < x.Rank() {
		shape = append(shape, 1)
	}
	return y.Reshape(shape...)
}

func init() {
	for name, a := range map[string]arithmetic{"Add": adding, "Sub": subtracting, "Mul": multiplying, "Div": dividing} {
		register(name, 1, 2, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
			return one(a.apply(c, in[0], oldBroadcast(c, in[0], in[1])))
		})
	}
	for name, a := range map[string]arithmetic{"Min": least, "Max": greatest, "Sum": adding, "Mean": adding} {
		register(name, 1, 1, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
			t := in[0]
			for _, y := range in[1:] {
				if y == nil {
					fail("an input is absent")
				}
				t = a.apply(serial(c), t, y)
			}
			if name == "Mean" && len(in) > 1 {
				n := tensor.New(t.DType())
				store(n, []float64{float64(len(in))})
				t = dividing.apply(serial(c), t, n)
			}
			return one(t)
		})
	}
	register("Mod", 10, 2, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return one(modulo(c, in[0], in[1])) })
	register("Pow", 1, 2, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return one(power(c, in[0], in[1])) })
	register("PRelu", 1, 2, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return one(prelu(c, in[0], in[1])) })
}

// modulo is Mod: with fmod the remainder has the sign of the dividend, as C's
// fmod, else that of the divisor, as Python's %.
func modulo(c *Call, x, y *tensor.Tensor) *tensor.Tensor {
	if c.Node.Int("fmod", 0) != 0 {
		return arithmetic{
			f32: func(a, b float32) float32 { return float32(math.Mod(float64(a), float64(b))) },
			f64: math.Mod, i64: remInt[int64], u64: remInt[uint64],
		}.apply(c, x, y)
	}
	floor := func(a, b float64) float64 {
		m := math.Mod(a, b)
		if m != 0 && (m < 0) != (b < 0) {
			m += b
		}
		return m
	}
	return arithmetic{
		f32: func(a, b float32) float32 { return float32(floor(float64(a), float64(b))) },
		f64: floor,
		i64: func(a, b int64) int64 {
			m := remInt(a, b)
			if m != 0 && (m < 0) != (b < 0) {
				m += b
			}
			return m
		},
		u64: remInt[uint64],
	}.apply(c, x, y)
}

func remInt[T int64 | uint64](a, b T) T {
	if b == 0 {
		fail("integer division by zero")
	}
	return a % b
}

// power is Pow: x^y of the type of x. Float exponents are computed in float64;
// integer powers of integers are exact, modulo the type's range.
func power(c *Call, x, y *tensor.Tensor) *tensor.Tensor {
	shape := broadcastShape(x.Shape(), y.Shape())
	dt := x.DType()
	if !dt.IsFloat() && !y.DType().IsFloat() {
		r := newResult[int64](c, dt, shape)
		binary(c, r.data, shape, load[int64](x), x.Shape(), load[int64](y), y.Shape(), powInt, nil)
		return r.tensor()
	}
	if dt == tensor.Float32 && y.Len() == 1 {
		e := scalar(y, 0)
		r := newResult[float32](c, dt, shape, reusable(shape, x)...)
		src := x.F32()
		c.each(len(src), ordinary/4, func(lo, hi int) { powScalar(r.data[lo:hi], src[lo:hi], e) })
		return r.tensor()
	}
	r := newResult[float64](c, dt, shape)
	binary(c, r.data, shape, load[float64](x), x.Shape(), load[float64](y), y.Shape(), math.Pow, nil)
	return r.tensor()
}

func powScalar(dst, x []float32, e float64) {
	switch e {
	case 2:
		f32.Mul(dst, x, x)
	case 0.5:
		for i, v := range x {
			dst[i] = float32(math.Pow(float64(v), 0.5))
		}
	case 3:
		for i, v := range x {
			d := float64(v)
			dst[i] = float32(d * d * d)
		}
	default:
		for i, v := range x {
			dst[i] = float32(math.Pow(float64(v), e))
		}
	}
}

func powInt(a, b int64) int64 {
	if b < 0 {
		switch a {
		case 1:
			return 1
		case -1:
			return 1 - 2*(b&1)
		}
		return 0
	}
	p := int64(1)
	for ; b > 0; b >>= 1 {
		if b&1 != 0 {
			p *= a
		}
		a *= a
	}
	return p
}

// prelu is PRelu: slope·x where x < 0, else x. The slope stretches to x; before
// opset 7 a slope of [C] lies along axis 1.
func prelu(c *Call, x, slope *tensor.Tensor) *tensor.Tensor {
	if s := slope.Shape(); c.Opset < 7 && len(s) == 1 && x.Rank() > 2 && s[0] == x.Dim(1) {
		shape := make([]int, x.Rank()-1)
		for i := range shape {
			shape[i] = 1
		}
		shape[0] = s[0]
		slope = slope.Reshape(shape...)
	}
	broadcastSteps(slope.Shape(), x.Shape())
	return arithmetic{f32: preluOf[float32], f64: preluOf[float64], i64: preluOf[int64], u64: preluOf[uint64]}.apply(c, x, slope)
}

func preluOf[T wide](x, s T) T {
	if x < 0 {
		return s * x
	}
	return x
}
