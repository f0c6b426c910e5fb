package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	registerVJP("Add", addVJP)
	registerVJP("Sum", addVJP)
	registerVJP("Sub", func(c *Call, in, out []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
		res := addVJP(c, in, out, g, need)
		if res[1] != nil {
			y := c.Alloc(tensor.Float32, res[1].Shape()...)
			f32.ScaleBias(y.F32(), res[1].F32(), -1, 0)
			res[1] = y
		}
		return res
	})
	registerVJP("Mul", operands(
		func(d, x, y, z []float32) { copy(d, y) },
		func(d, x, y, z []float32) { copy(d, x) }))
	registerVJP("Div", operands(
		func(d, x, y, z []float32) {
			for i, v := range y {
				d[i] = 1 / v
			}
		},
		func(d, x, y, z []float32) {
			for i, v := range y {
				d[i] = -z[i] / v
			}
		}))
	registerVJP("Pow", operands(
		func(d, x, y, z []float32) {
			for i, v := range x {
				d[i] = 0
				if y[i] != 0 {
					d[i] = float32(float64(y[i]) * math.Pow(float64(v), float64(y[i])-1))
				}
			}
		},
		func(d, x, y, z []float32) {
			for i, v := range x {
				d[i] = 0
				if z[i] != 0 {
					d[i] = float32(float64(z[i]) * math.Log(float64(v)))
				}
			}
		}))
	registerVJP("Max", extremeVJP)
	registerVJP("Min", extremeVJP)
	registerVJP("Where", whereVJP)
	registerFlat("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor", "Not",
		"IsNaN", "IsInf", "ArgMax", "ArgMin", "Shape", "Size", "NonZero", "ConstantOfShape", "EyeLike")
}

// addVJP hands g to each operand, added up where it was broadcast.
func addVJP(c *Call, in, out []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
	res := make([]*tensor.Tensor, len(in))
	for j, t := range in {
		if need[j] {
			res[j] = c.sumTo(g, out[0].Shape(), t.Shape())
		}
	}
	return res
}

// operands is the product of a binary operator z = f(x, y); each function stores
// in d the derivative by one operand, from slices of the output's shape.
func operands(by ...func(d, x, y, z []float32)) pull {
	return func(c *Call, in, out []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
		shape := out[0].Shape()
		z := out[0].F32()
		x, y := stretch(c, in[0], shape).F32(), stretch(c, in[1], shape).F32()
		d := c.Scratch(len(z))
		res := make([]*tensor.Tensor, len(in))
		for j, f := range by {
			if need[j] {
				f(d, x, y, z)
				res[j] = c.sumTo(c.times(g, d), shape, in[j].Shape())
			}
		}
		return res
	}
}

// extremeVJP is that of Max and Min: each element belongs to the first operand
// that has its value.
func extremeVJP(c *Call, in, out []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
	shape := out[0].Shape()
	z := out[0].F32()
	taken := make([]bool, len(z))
	d := c.Scratch(len(z))
	res := make([]*tensor.Tensor, len(in))
	for j, t := range in {
		for i, v := range stretch(c, t, shape).F32() {
			d[i] = 0
			if v == z[i] && !taken[i] {
				d[i], taken[i] = 1, true
			}
		}
		if need[j] {
			res[j] = c.sumTo(c.times(g, d), shape, t.Shape())
		}
	}
	return res
}

func whereVJP(c *Call, in, out []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
	shape := out[0].Shape()
	cond := load[uint64](stretch(c, in[0], shape))
	d := c.Scratch(len(cond))
	res := make([]*tensor.Tensor, len(in))
	for j := 1; j <= 2; j++ {
		if !need[j] {
			continue
		}
		for i, v := range cond {
			d[i] = 0
			if (v != 0) == (j == 1) {
				d[i] = 1
			}
		}
		res[j] = c.sumTo(c.times(g, d), shape, in[j].Shape())
	}
	return res
}
