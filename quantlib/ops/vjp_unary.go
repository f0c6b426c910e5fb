package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A slope is the derivative of an element-wise function, from its argument and
// its value.
type slope func(x, y float64) float64

// slopes are those of functions without attributes.
var slopes = map[string]slope{
	"Abs":        func(x, _ float64) float64 { return sign(x) },
	"Neg":        func(_, _ float64) float64 { return -1 },
	"Acos":       func(x, _ float64) float64 { return -1 / math.Sqrt(1-x*x) },
	"Acosh":      func(x, _ float64) float64 { return 1 / math.Sqrt(x*x-1) },
	"Asin":       func(x, _ float64) float64 { return 1 / math.Sqrt(1-x*x) },
	"Asinh":      func(x, _ float64) float64 { return 1 / math.Sqrt(x*x+1) },
	"Atan":       func(x, _ float64) float64 { return 1 / (1 + x*x) },
	"Atanh":      func(x, _ float64) float64 { return 1 / (1 - x*x) },
	"Cos":        func(x, _ float64) float64 { return -math.Sin(x) },
	"Cosh":       func(x, _ float64) float64 { return math.Sinh(x) },
	"Sin":        func(x, _ float64) float64 { return math.Cos(x) },
	"Sinh":       func(x, _ float64) float64 { return math.Cosh(x) },
	"Tan":        func(_, y float64) float64 { return 1 + y*y },
	"Exp":        func(_, y float64) float64 { return y },
	"Log":        func(x, _ float64) float64 { return 1 / x },
	"Sqrt":       func(_, y float64) float64 { return 0.5 / y },
	"Tanh":       func(_, y float64) float64 { return 1 - y*y },
	"Erf":        func(x, _ float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) },
	"Reciprocal": func(_, y float64) float64 { return -y * y },
	"Sigmoid":    func(_, y float64) float64 { return y * (1 - y) },
	"Softplus":   func(x, _ float64) float64 { return sigmoid(x) },
	"Softsign":   func(x, _ float64) float64 { return 1 / ((1 + math.Abs(x)) * (1 + math.Abs(x))) },
	"HardSwish": func(x, _ float64) float64 {
		switch {
		case x <= -3:
			return 0
		case x >= 3:
			return 1
		}
		return x/3 + 0.5
	},
	"Mish": func(x, _ float64) float64 {
		t := math.Tanh(softplus(x))
		return t + x*(1-t*t)*sigmoid(x)
	},
}

// sloping are those of functions of attributes.
var sloping = map[string]func(c *Call) slope{
	"LeakyRelu": func(c *Call) slope {
		a := float64(c.Node.Float("alpha", 0.01))
		return func(x, _ float64) float64 { return choose(x < 0, a, 1) }
	},
	"Elu": func(c *Call) slope {
		a := float64(c.Node.Float("alpha", 1))
		return func(x, _ float64) float64 { return choose(x < 0, a*math.Exp(x), 1) }
	},
	"Celu": func(c *Call) slope {
		a := float64(c.Node.Float("alpha", 1))
		return func(x, _ float64) float64 { return choose(x < 0, math.Exp(x/a), 1) }
	},
	"Selu": func(c *Call) slope {
		a, g := float64(c.Node.Float("alpha", 1.67326319217681884765625)), float64(c.Node.Float("gamma", 1.05070102214813232421875))
		return func(x, _ float64) float64 { return g * choose(x < 0, a*math.Exp(x), 1) }
	},
	"HardSigmoid": func(c *Call) slope {
		a := float64(c.Node.Float("alpha", 0.2))
		return func(_, y float64) float64 { return choose(y > 0 && y < 1, a, 0) }
	},
	"ThresholdedRelu": func(c *Call) slope {
		a := float64(c.Node.Float("alpha", 1))
		return func(x, _ float64) float64 { return choose(x > a, 1, 0) }
	},
	"Shrink": func(c *Call) slope {
		l := float64(c.Node.Float("lambd", 0.5))
		return func(x, _ float64) float64 { return choose(math.Abs(x) > l, 1, 0) }
	},
	"Gelu": func(c *Call) slope {
		if c.Node.Text("approximate", "none") == "tanh" {
			return func(x, _ float64) float64 {
				a := math.Sqrt(2 / math.Pi)
				t := math.Tanh(a * (x + 0.044715*x*x*x))
				return 0.5*(1+t) + 0.5*x*(1-t*t)*a*(1+3*0.044715*x*x)
			}
		}
		return func(x, _ float64) float64 {
			return 0.5*(1+math.Erf(x/math.Sqrt2)) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
		}
	},
	"Swish": func(c *Call) slope {
		a := float64(c.Node.Float("alpha", 1))
		return func(x, _ float64) float64 {
			s := sigmoid(a * x)
			return s + a*x*s*(1-s)
		}
	},
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

func choose(b bool, x, y float64) float64 {
	if b {
		return x
	}
	return y
}

func init() {
	for name, f := range slopes {
		registerVJP(name, sloped(func(*Call) slope { return f }))
	}
	for name, f := range sloping {
		registerVJP(name, sloped(f))
	}
	registerFlat("Sign", "Ceil", "Floor", "Round", "Hardmax", "QuantizeLinear")
	registerVJP("Relu", func(c *Call, in, out []*tensor.Tensor, g *tensor.Tensor, _ []bool) []*tensor.Tensor {
		return one(c.between(g, out[0].F32(), 0, float32(math.Inf(1))))
	})
	registerVJP("Clip", func(c *Call, in, out []*tensor.Tensor, g *tensor.Tensor, _ []bool) []*tensor.Tensor {
		lo, hi := clipBounds(c, in)
		return one(c.between(g, out[0].F32(), lo, hi))
	})
}

// sloped is g·f'(x).
func sloped(f func(c *Call) slope) pull {
	return func(c *Call, in, out []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
		if !need[0] {
			return make([]*tensor.Tensor, len(in))
		}
		x, y, at := in[0].F32(), out[0].F32(), f(c)
		d := c.Scratch(len(x))
		for i, v := range x {
			d[i] = float32(at(float64(v), float64(y[i])))
		}
		return one(c.times(g, d))
	}
}

func clipBounds(c *Call, in []*tensor.Tensor) (lo, hi float32) {
	lo, hi = float32(scalar(In(in, 1), math.Inf(-1))), float32(scalar(In(in, 2), math.Inf(1)))
	if a := c.Node.Attr("min"); a != nil {
		lo = a.F
	}
	if a := c.Node.Attr("max"); a != nil {
		hi = a.F
	}
	return lo, hi
}

// between is g where lo < y < hi and 0 elsewhere.
func (c *Call) between(g *tensor.Tensor, y []float32, lo, hi float32) *tensor.Tensor {
	out := c.Alloc(tensor.Float32, g.Shape()...)
	for k := range g.Dim(0) {
		f32.Between(out.F32()[k*len(y):][:len(y)], g.F32()[k*len(y):][:len(y)], y, lo, hi)
	}
	return out
}

// ClampVJP is the vector-Jacobian product of the clamp of an Epilogue: g where
// the value that came out is inside the bounds, and 0 elsewhere. y is that
// value, g is [K, shape of y…].
func ClampVJP(c *Call, y, g *tensor.Tensor, lo, hi float32) *tensor.Tensor {
	return c.between(g, y.F32(), lo, hi)
}
