package ops

import (
	"fmt"

	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
)

// FakeQuantize rounds x to the grid of a uniform quantizer:
//
//	dst[i] = (clamp(even(x[i]/scale)+zero, lo, hi) - zero)·scale
//
// with a float32 division and half rounded to even, as ONNX QuantizeLinear and
// DequantizeLinear do one after the other. A NaN becomes 0, infinities saturate,
// a result of zero is +0. dst may be x. It gives the bits of quant.FakeQuantize,
// several times as fast where there are assembly kernels.
//
// It panics if len(dst) != len(x), scale is not positive, zero is not in
// lo..hi, or hi-lo is 2^22 or more.
func FakeQuantize(dst, x []float32, scale float32, zero, lo, hi int32) {
	f32.FakeQuantize(dst, x, f32.Quantizer{Scale: scale, Zero: zero, Lo: lo, Hi: hi})
}

// A Grid is the uniform quantizer of a tensor, with one scale for all elements or
// one for each index of an axis. It is read-only.
type Grid struct {
	axis int
	each []f32.Quantizer
}

// NewGrid makes a grid of scales and zero points, one of each, or as many as the
// axis has indices; of a group of channels each has the group's. Codes are lo..hi.
//
// It panics if there are no scales or as many zero points, or if one of them is
// none that FakeQuantize takes.
func NewGrid(scale []float32, zero []int32, lo, hi int32, axis int) *Grid {
	if len(scale) == 0 || len(scale) != len(zero) {
		panic(fmt.Sprintf("ops: NewGrid: %d scales, %d zero points", len(scale), len(zero)))
	}
	g := &Grid{axis: axis, each: make([]f32.Quantizer, len(scale))}
	for i := range g.each {
		g.each[i] = f32.Quantizer{Scale: scale[i], Zero: zero[i], Lo: lo, Hi: hi}
		g.each[i] = g.each[i].WithInverse()
	}
	return g
}

// rounding is the quantizers of the rows that an operator makes: one for all, or
// one for each index of the axis, which is that of the rows, -1 where rows are
// not along an axis. It is nil where the executor wants none, or wants what the
// operator cannot do. It must be called once, and obeyed.
func (c *Call) rounding(axis, rows int) []f32.Quantizer {
	g := c.Grid
	if g == nil || len(g.each) > 1 && (g.axis != axis || len(g.each) != rows) {
		return nil
	}
	c.Quantized = true
	return g.each
}
