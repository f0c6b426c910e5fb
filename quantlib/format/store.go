package format

import (
	"errors"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// container is an element type of ONNX that holds codes.
type container struct {
	dtype  tensor.DType
	lo, hi int32
	opset  int // from which QuantizeLinear and DequantizeLinear take it
}

// containers are in the order of preference: the narrowest first.
var containers = []container{
	{tensor.Int2, -2, 1, 25}, {tensor.Uint2, 0, 3, 25},
	{tensor.Int4, -8, 7, 21}, {tensor.Uint4, 0, 15, 21},
	{tensor.Int8, -128, 127, 13}, {tensor.Uint8, 0, 255, 13},
	{tensor.Int16, -1 << 15, 1<<15 - 1, 21}, {tensor.Uint16, 0, 1<<16 - 1, 21},
}

// containerOf is the narrowest type up to opset most that holds the codes of s.
func containerOf(s quant.Scheme, most int) (container, error) {
	need := 0 // the opset of the first type that is too new
	fit := func(c container) bool {
		if c.opset <= most {
			return true
		}
		if need == 0 {
			need = c.opset
		}
		return false
	}
	switch {
	case s.Float != quant.NotFloat:
		c := container{dtype: tensor.Float8E4M3, opset: 19}
		if s.Float == quant.E5M2 {
			c.dtype = tensor.Float8E5M2
		}
		if fit(c) {
			return c, nil
		}
	case s.Bits == 32:
		return container{dtype: tensor.Int32, opset: 13}, nil
	default:
		lo, hi := s.Range()
		for _, c := range containers {
			if (c.lo < 0) == !s.Unsigned && c.lo <= lo && hi <= c.hi && fit(c) {
				return c, nil
			}
		}
	}
	return container{}, fmt.Errorf("%v has no type in ONNX up to opset %d; opset %d has one: %w", s, most, need, errors.ErrUnsupported)
}

// pack is codes as a tensor of a container's type.
func pack(dt tensor.DType, codes []int32, shape ...int) *tensor.Tensor {
	raw := make([]byte, dt.Bytes(len(codes)))
	switch n := dt.Bits(); {
	case n < 8:
		per := 8 / n
		for i, c := range codes {
			raw[i/per] |= byte(c) & (1<<n - 1) << (i % per * n)
		}
	default:
		for i, c := range codes {
			for b := 0; b < n/8; b++ {
				raw[i*n/8+b] = byte(c >> (8 * b))
			}
		}
	}
	t, err := tensor.FromBytes(dt, raw, shape...)
	if err != nil {
		panic(err) // the lengths fit by construction
	}
	return t
}

// granules is how ONNX is told which elements share a scale.
type granules struct {
	axis, block int // of DequantizeLinear; block is 0 but for groups
	shape       []int
	place       []int // of each element of scale and zero point, among the granules
}

// granulesOf is that of a constant of the given shape. ONNX's blocks run along one
// axis and have a scale for each element of the others, so the scales of a group
// stand as often as the group has elements off its axis.
func granulesOf(shape []int, axis, group int, s quant.Scheme, l quant.Layout) granules {
	switch {
	case l.Granules() == 1 && s.Granularity != quant.PerGroup || len(shape) == 0 || s.Granularity == quant.PerTensor:
		return granules{axis: -1, place: []int{0}}
	case s.Granularity == quant.PerChannel || len(shape) == 1:
		g := granules{axis: axis, shape: []int{l.Granules()}}
		for i := range l.Granules() {
			g.place = append(g.place, i)
		}
		return g
	}
	g := granules{axis: group, block: s.GroupSize}
	n := 1
	for d, size := range shape {
		if d == group {
			size = (size + s.GroupSize - 1) / s.GroupSize
		}
		g.shape = append(g.shape, size)
		n *= size
	}
	for i := range n {
		// The place in the constant of the first element of this block.
		at, rest, stride := 0, i, 1
		for d := len(shape) - 1; d >= 0; d-- {
			index := rest % g.shape[d]
			rest /= g.shape[d]
			if d == group {
				index *= s.GroupSize
			}
			at += index * stride
			stride *= shape[d]
		}
		g.place = append(g.place, l.Granule(at))
	}
	return g
}
