package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("QuantizeLinear", 10, 2, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
		return one(quantizeLinear(c, in[0], in[1], In(in, 2)))
	})
	register("DequantizeLinear", 10, 2, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
		return one(dequantizeLinear(c, in[0], in[1], In(in, 2)))
	})
	register("DynamicQuantizeLinear", 11, 1, dynamicQuantizeLinear)
}

// codeRange is the least and the greatest code of an integer type.
func codeRange(dt tensor.DType) (lo, hi float64) {
	n := dt.Bits()
	if signed(dt) {
		return -math.Ldexp(1, n-1), math.Ldexp(1, n-1) - 1
	}
	if !unsigned(dt) {
		fail("%v is not a type of codes", dt)
	}
	return 0, math.Ldexp(1, n) - 1
}

// granules gives, for an element of x, its place among the scales: one for all,
// one per place along axis, or one per block of block_size along axis.
func granules(c *Call, x, scale *tensor.Tensor) func(i int) int {
	if scale.Len() == 1 && scale.Rank() <= 1 {
		return func(int) int { return 0 }
	}
	at := axis(c.Node.Int("axis", 1), x.Rank())
	n, run := x.Dim(at), product(x.Shape()[at+1:])
	block := int(c.Node.Int("block_size", 0))
	if block == 0 {
		if scale.Rank() != 1 || scale.Len() != n {
			fail("scale has shape %v for dimension %d of %v", scale.Shape(), at, x.Shape())
		}
		return func(i int) int { return i / run % n }
	}
	if block < 0 || scale.Rank() != x.Rank() {
		fail("scale has shape %v for blocks of %d of %v", scale.Shape(), block, x.Shape())
	}
	for d, v := range scale.Shape() {
		if d == at && v != (n+block-1)/block || d != at && v != x.Dim(d) {
			fail("scale has shape %v for blocks of %d of %v", scale.Shape(), block, x.Shape())
		}
	}
	per := scale.Dim(at)
	return func(i int) int { return (i/(n*run)*per+i/run%n/block)*run + i%run }
}

// quantizeLinear is QuantizeLinear: clamp(even(x/scale) + zero). The type of
// codes is that of zero, else output_dtype, else uint8. The division is done in
// the precision of the scale, or in the type that the precision attribute names.
// Float codes are x/scale rounded to their type, saturated unless saturate is 0.
// A NaN gets the code zero.
func quantizeLinear(c *Call, x, scale, zero *tensor.Tensor) *tensor.Tensor {
	to := tensor.DType(c.Node.Int("output_dtype", 0))
	switch {
	case zero != nil && to != tensor.Undefined && zero.DType() != to:
		fail("output_dtype is %v, the zero point %v", to, zero.DType())
	case zero != nil:
		to = zero.DType()
	case to == tensor.Undefined:
		to = tensor.Uint8
	}
	if zero != nil && zero.Len() != scale.Len() {
		fail("%d scales, %d zero points", scale.Len(), zero.Len())
	}
	place := granules(c, x, scale)
	out := c.Alloc(to, x.Shape()...)
	precision := tensor.DType(c.Node.Int("precision", 0))
	if precision == tensor.Undefined {
		precision = scale.DType()
	}
	src, scales := load[float64](x), load[float64](scale)
	ratio := func(i int) float64 { return quotient(precision, src[i], scales[place(i)]) }
	if to.IsFloat() {
		codes := make([]uint8, x.Len())
		saturate := c.Node.Int("saturate", 1) != 0
		if !smallFloat(to) {
			fail("%v is not a type of codes", to)
		}
		for i := range codes {
			v := ratio(i)
			if v == 0 {
				v = 0 // the zero point that is added turns -0 into 0
			}
			codes[i] = smallCode(to, v, saturate)
		}
		pack(out, codes)
		return out
	}
	lo, hi := codeRange(to)
	zeros := load64(zero)
	if x.DType() == tensor.Float32 && precision == tensor.Float32 && to.Bits() == 8 && c.Node.Int("block_size", 0) == 0 {
		quantizeBytes(c, hostBytes(out), x, scale, zeros, lo, hi)
		return out
	}
	codes := make([]int64, x.Len())
	for i := range codes {
		z := 0.0
		if zeros != nil {
			z = zeros[place(i)]
		}
		v := math.RoundToEven(ratio(i))
		if v != v {
			v = 0
		}
		codes[i] = int64(clamp(v+z, lo, hi))
	}
	store(out, codes)
	return out
}

// quantizeBytes is quantizeLinear of float32 to codes of a byte, with one scale
// for all or one for each place along axis.
func quantizeBytes(c *Call, dst []byte, x, scale *tensor.Tensor, zeros []float64, lo, hi float64) {
	src, scales := x.F32(), scale.F32()
	run := max(1, len(src))
	if len(scales) > 1 || scale.Rank() > 1 {
		run = product(x.Shape()[axis(c.Node.Int("axis", 1), x.Rank())+1:])
	}
	for at := 0; at < len(src); at += run {
		g := at / run % len(scales)
		s, z := scales[g], 0.0
		if zeros != nil {
			z = zeros[g]
		}
		row := src[at : at+run]
		out := dst[at : at+run]
		c.each(run, ordinary, func(first, last int) {
			for i, v := range row[first:last] {
				q := math.RoundToEven(float64(v / s))
				if q != q {
					q = 0
				}
				out[first+i] = byte(int(clamp(q+z, lo, hi)))
			}
		})
	}
}

// quotient is a/b rounded to the given type.
func quotient(dt tensor.DType, a, b float64) float64 {
	switch dt {
	case tensor.Float32:
		return float64(float32(a) / float32(b))
	case tensor.Float16:
		return float64(tensor.Float32FromBits16(bits16(a / b)))
	case tensor.BFloat16:
		return float64(tensor.Float32FromBFloat16(bitsBFloat16(a / b)))
	}
	return a / b
}

// dequantizeLinear is DequantizeLinear: (x - zero)·scale, in the type of the
// scale, or output_dtype.
func dequantizeLinear(c *Call, x, scale, zero *tensor.Tensor) *tensor.Tensor {
	to := tensor.DType(c.Node.Int("output_dtype", 0))
	if to == tensor.Undefined {
		to = scale.DType()
	}
	if zero != nil && (zero.Len() != scale.Len() || zero.DType() != x.DType()) {
		fail("zero point is %v %v, scale %v, input %v", zero.DType(), zero.Shape(), scale.Shape(), x.DType())
	}
	place := granules(c, x, scale)
	scales := load[float64](scale)
	zeros := make([]float64, scale.Len())
	if zero != nil {
		zeros = load[float64](zero)
	}
	src := load[float64](x)
	r := newResult[float64](c, to, x.Shape())
	single := scale.DType() == tensor.Float32
	for i, v := range src {
		g := place(i)
		r.data[i] = (v - zeros[g]) * scales[g]
		if single {
			r.data[i] = float64(float32(v-zeros[g]) * float32(scales[g]))
		}
	}
	return r.tensor()
}

// dynamicQuantizeLinear is DynamicQuantizeLinear: uint8 codes over the range of
// x with zero, and that scale and zero point.
func dynamicQuantizeLinear(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0].F32()
	var lo, hi float32
	for _, v := range x {
		lo, hi = min(lo, v), max(hi, v)
	}
	scale := (hi - lo) / 255
	zero := 0.0
	if scale > 0 {
		zero = clamp(math.RoundToEven(float64(-lo/scale)), 0, 255)
	}
	y := c.Alloc(tensor.Uint8, in[0].Shape()...)
	for i, v := range x {
		q := zero
		if scale > 0 {
			q = clamp(math.RoundToEven(float64(v/scale))+zero, 0, 255)
		}
		tensor.Data[uint8](y)[i] = uint8(q)
	}
	return []*tensor.Tensor{y, tensor.Scalar(scale), tensor.Scalar(uint8(zero))}
}
