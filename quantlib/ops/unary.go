package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A function is an element-wise operator: computed in float64 and rounded once,
// unless run does it in float32. Integers have a function of their own.
type function struct {
	f64 func(x float64) float64
	run func(dst, x []float32)
	i64 func(x int64) int64
	u64 func(x uint64) uint64
}

func (f function) apply(c *Call, x *tensor.Tensor) *tensor.Tensor {
	dt, shape := x.DType(), x.Shape()
	switch {
	case dt == tensor.Float32, dt.IsFloat() && dt != tensor.Float64:
		r := newResult[float32](c, dt, shape, x)
		src := load[float32](x)
		c.each(len(src), ordinary/4, func(lo, hi int) {
			if f.run != nil {
				f.run(r.data[lo:hi], src[lo:hi])
				return
			}
			dst := r.data[lo:hi]
			for i, v := range src[lo:hi] {
				dst[i] = float32(f.f64(float64(v)))
			}
		})
		return r.tensor()
	case dt == tensor.Float64:
		r := newResult[float64](c, dt, shape, x)
		src := load[float64](x)
		c.each(len(src), ordinary/4, func(lo, hi int) {
			dst := r.data[lo:hi]
			for i, v := range src[lo:hi] {
				dst[i] = f.f64(v)
			}
		})
		return r.tensor()
	case signed(dt) && f.i64 != nil:
		r := newResult[int64](c, dt, shape)
		for i, v := range load[int64](x) {
			r.data[i] = f.i64(v)
		}
		return r.tensor()
	case unsigned(dt) && f.u64 != nil:
		r := newResult[uint64](c, dt, shape)
		for i, v := range load[uint64](x) {
			r.data[i] = f.u64(v)
		}
		return r.tensor()
	}
	unsupported("%s of %v", c.Node.Op, dt)
	return nil
}

func same64(x uint64) uint64 { return x }

// functions are those without attributes.
var functions = map[string]function{
	"Abs": {f64: math.Abs, i64: func(x int64) int64 { return max(x, -x) }, u64: same64},
	"Neg": {f64: func(x float64) float64 { return -x }, i64: func(x int64) int64 { return -x }},
	"Sign": {
		f64: func(x float64) float64 {
			switch {
			case x > 0:
				return 1
			case x < 0:
				return -1
			}
			return x
		},
		i64: func(x int64) int64 { return min(max(x, -1), 1) },
		u64: func(x uint64) uint64 { return min(x, 1) },
	},
	"Acos": {f64: math.Acos}, "Acosh": {f64: math.Acosh}, "Asin": {f64: math.Asin}, "Asinh": {f64: math.Asinh},
	"Atan": {f64: math.Atan}, "Atanh": {f64: math.Atanh}, "Cos": {f64: math.Cos}, "Cosh": {f64: math.Cosh},
	"Sin": {f64: math.Sin}, "Sinh": {f64: math.Sinh}, "Tan": {f64: math.Tan},
	"Exp":   {f64: math.Exp, run: f32.Exp},
	"Log":   {f64: math.Log},
	"Sqrt":  {f64: math.Sqrt, run: sqrtRun},
	"Tanh":  {f64: math.Tanh, run: f32.Tanh},
	"Erf":   {f64: math.Erf, run: f32.Erf},
	"Ceil":  {f64: math.Ceil},
	"Floor": {f64: math.Floor},
	"Round": {f64: math.RoundToEven},
	"Reciprocal": {f64: func(x float64) float64 { return 1 / x }, run: func(dst, x []float32) {
		for i, v := range x {
			dst[i] = 1 / v
		}
	}},
	"Sigmoid":   {f64: sigmoid, run: f32.Sigmoid},
	"Softplus":  {f64: softplus},
	"Softsign":  {f64: func(x float64) float64 { return x / (1 + math.Abs(x)) }},
	"HardSwish": {f64: func(x float64) float64 { return x * clamp(x/6+0.5, 0, 1) }, run: hardSwishRun},
	"Mish":      {f64: func(x float64) float64 { return x * math.Tanh(softplus(x)) }},
	"Relu": {
		f64: func(x float64) float64 { return clamp(x, 0, math.Inf(1)) },
		run: func(dst, x []float32) { f32.Clip(dst, x, 0, float32(math.Inf(1))) },
		i64: func(x int64) int64 { return max(x, 0) }, u64: same64,
	},
}

// parametric are functions of attributes.
var parametric = map[string]func(c *Call) function{
	"LeakyRelu": func(c *Call) function {
		a := float64(c.Node.Float("alpha", 0.01))
		return function{f64: func(x float64) float64 {
			if x < 0 {
				return a * x
			}
			return x
		}}
	},
	"Elu": func(c *Call) function {
		a := float64(c.Node.Float("alpha", 1))
		return function{f64: func(x float64) float64 { return elu(x, a) }}
	},
	"Celu": func(c *Call) function {
		a := float64(c.Node.Float("alpha", 1))
		return function{f64: func(x float64) float64 { return max(0, x) + min(0, a*math.Expm1(x/a)) }}
	},
	"Selu": func(c *Call) function {
		a, g := float64(c.Node.Float("alpha", 1.67326319217681884765625)), float64(c.Node.Float("gamma", 1.05070102214813232421875))
		return function{f64: func(x float64) float64 { return g * elu(x, a) }}
	},
	"HardSigmoid": func(c *Call) function {
		a, b := c.Node.Float("alpha", 0.2), c.Node.Float("beta", 0.5)
		return function{
			f64: func(x float64) float64 { return clamp(float64(a)*x+float64(b), 0, 1) },
			run: func(dst, x []float32) {
				f32.ScaleBias(dst, x, a, b)
				f32.Clip(dst, dst, 0, 1)
			},
		}
	},
	"ThresholdedRelu": func(c *Call) function {
		a := float64(c.Node.Float("alpha", 1))
		return function{f64: func(x float64) float64 {
			if x > a {
				return x
			}
			return 0
		}}
	},
	"Shrink": func(c *Call) function {
		bias, l := float64(c.Node.Float("bias", 0)), float64(c.Node.Float("lambd", 0.5))
		f := func(x float64) float64 {
			switch {
			case x < -l:
				return x + bias
			case x > l:
				return x - bias
			}
			return 0
		}
		return function{f64: f, i64: func(x int64) int64 { return int64(f(float64(x))) }, u64: func(x uint64) uint64 { return uint64(f(float64(x))) }}
	},
	"Gelu": func(c *Call) function {
		if c.Node.Text("approximate", "none") == "tanh" {
			return function{f64: func(x float64) float64 {
				return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
			}}
		}
		return function{f64: func(x float64) float64 { return 0.5 * x * (1 + math.Erf(x/math.Sqrt2)) }, run: geluRun}
	},
	"Swish": func(c *Call) function {
		a := c.Node.Float("alpha", 1)
		return function{f64: func(x float64) float64 { return x * sigmoid(float64(a)*x) }}
	},
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// softplus is log(1 + e^x) without overflow.
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func elu(x, a float64) float64 {
	if x < 0 {
		return a * math.Expm1(x)
	}
	return x
}

// clamp keeps NaN.
func clamp(x, lo, hi float64) float64 {
	if x < lo {
		return lo
	}
	if x > hi {
		return hi
	}
	return x
}

func sqrtRun(dst, x []float32) {
	for i, v := range x {
		dst[i] = float32(math.Sqrt(float64(v)))
	}
}

// hardSwishRun is x·clamp(x/6 + 1/2, 0, 1) in blocks, so that dst may be x.
func hardSwishRun(dst, x []float32) {
	var buf [256]float32
	for len(x) > 0 {
		n := min(len(x), len(buf))
		b := buf[:n]
		f32.ScaleBias(b, x[:n], 1.0/6, 0.5)
		f32.Clip(b, b, 0, 1)
		f32.Mul(dst[:n], x[:n], b)
		dst, x = dst[n:], x[n:]
	}
}

// geluRun is x/2·(1 + erf(x/√2)), in blocks so that dst may be x.
func geluRun(dst, x []float32) {
	var buf [256]float32
	for len(x) > 0 {
		n := min(len(x), len(buf))
		b := buf[:n]
		for i, v := range x[:n] {
			b[i] = float32(float64(v) / math.Sqrt2)
		}
		f32.Erf(b, b)
		for i, v := range x[:n] {
			dst[i] = 0.5 * v * (1 + b[i])
		}
		dst, x = dst[n:], x[n:]
	}
}

func init() {
	since := map[string]int{"Sign": 9, "Erf": 9, "Round": 11, "HardSwish": 14, "Mish": 18, "Gelu": 20, "Swish": 24, "Celu": 12,
		"Acosh": 9, "Asinh": 9, "Atanh": 9, "Cosh": 9, "Sinh": 9, "Acos": 7, "Asin": 7, "Atan": 7, "Cos": 7, "Sin": 7, "Tan": 7,
		"Shrink": 9, "ThresholdedRelu": 10}
	for name, f := range functions {
		register(name, max(1, since[name]), 1, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return one(f.apply(c, in[0])) })
	}
	for name, f := range parametric {
		register(name, max(1, since[name]), 1, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return one(f(c).apply(c, in[0])) })
	}
	register("Clip", 1, 1, clip)
}

// clip is Clip: min(max(x, lo), hi); the limits are attributes before opset 11
// and inputs from then on.
func clip(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	dt := x.DType()
	lo, hi := In(in, 1), In(in, 2)
	if a := c.Node.Attr("min"); a != nil {
		lo = tensor.Scalar(a.F)
	}
	if a := c.Node.Attr("max"); a != nil {
		hi = tensor.Scalar(a.F)
	}
	switch {
	case signed(dt):
		r := newResult[int64](c, dt, x.Shape())
		clipOf(r.data, load[int64](x), limit[int64](lo), limit[int64](hi))
		return one(r.tensor())
	case unsigned(dt):
		r := newResult[uint64](c, dt, x.Shape())
		clipOf(r.data, load[uint64](x), limit[uint64](lo), limit[uint64](hi))
		return one(r.tensor())
	}
	a, b := scalar(lo, math.Inf(-1)), scalar(hi, math.Inf(1))
	return one(function{
		f64: func(v float64) float64 {
			if v < a {
				v = a
			}
			if v > b {
				v = b
			}
			return v
		},
		run: func(dst, x []float32) { f32.Clip(dst, x, float32(a), float32(b)) },
	}.apply(c, x))
}

func limit[T wide](t *tensor.Tensor) *T {
	if t == nil {
		return nil
	}
	scalar(t, 0) // fails unless there is one element
	return &load[T](t)[0]
}

func clipOf[T wide](dst, x []T, lo, hi *T) {
	for i, v := range x {
		if lo != nil {
			v = max(v, *lo)
		}
		if hi != nil {
			v = min(v, *hi)
		}
		dst[i] = v
	}
}
