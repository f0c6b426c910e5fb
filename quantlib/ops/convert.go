package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// wide is a class of arithmetic. Each element type is computed in one class:
// float16, bfloat16 and the 8-bit floats in float32, integers in int64 or
// uint64, bool in uint64.
type wide interface {
	float32 | float64 | int64 | uint64
}

// load is the elements of t in class T: t's own storage where that is its
// type, else a copy. A conversion that loses is that of Go.
func load[T wide](t *tensor.Tensor) []T {
	var zero T
	switch any(zero).(type) {
	case float32:
		if t.DType() == tensor.Float32 {
			return any(t.F32()).([]T)
		}
	case float64:
		if t.DType() == tensor.Float64 {
			return any(tensor.Data[float64](t)).([]T)
		}
	case int64:
		if t.DType() == tensor.Int64 {
			return any(t.I64()).([]T)
		}
	case uint64:
		if t.DType() == tensor.Uint64 {
			return any(tensor.Data[uint64](t)).([]T)
		}
	}
	dst := make([]T, t.Len())
	switch d := t.DType(); d {
	case tensor.Float32:
		convert(dst, t.F32())
	case tensor.Float64:
		convert(dst, tensor.Data[float64](t))
	case tensor.Int8:
		convert(dst, tensor.Data[int8](t))
	case tensor.Int16:
		convert(dst, tensor.Data[int16](t))
	case tensor.Int32:
		convert(dst, tensor.Data[int32](t))
	case tensor.Int64:
		convert(dst, t.I64())
	case tensor.Uint8, tensor.Bool:
		convert(dst, tensor.Data[uint8](t))
	case tensor.Uint16:
		convert(dst, tensor.Data[uint16](t))
	case tensor.Uint32:
		convert(dst, tensor.Data[uint32](t))
	case tensor.Uint64:
		convert(dst, tensor.Data[uint64](t))
	case tensor.Float16:
		for i, v := range tensor.Data[uint16](t) {
			dst[i] = T(tensor.Float32FromBits16(v))
		}
	case tensor.BFloat16:
		for i, v := range tensor.Data[uint16](t) {
			dst[i] = T(tensor.Float32FromBFloat16(v))
		}
	case tensor.Int4, tensor.Int2:
		for i, v := range unpack(t) {
			dst[i] = T(int8(v))
		}
	case tensor.Uint4, tensor.Uint2:
		convert(dst, unpack(t))
	case tensor.Float8E4M3, tensor.Float8E4M3Z, tensor.Float8E5M2, tensor.Float8E5M2Z, tensor.Float8E8M0, tensor.Float4E2M1:
		table := smallFloats(d)
		for i, v := range unpack(t) {
			dst[i] = T(table[v])
		}
	default:
		unsupported("%v elements", d)
	}
	return dst
}

func convert[T wide, S float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](dst []T, src []S) {
	for i, v := range src {
		dst[i] = T(v)
	}
}

// A result is an output under way: the kernel fills data, and tensor gives it
// the type it was asked for.
type result[T wide] struct {
	data []T
	out  *tensor.Tensor
}

// newResult makes an output of type dt, computed in class T; its elements are
// not set. It may take the storage of one of the candidates, see Call.Reuse.
func newResult[T wide](c *Call, dt tensor.DType, shape []int, candidates ...*tensor.Tensor) result[T] {
	product(shape)
	r := result[T]{out: c.Reuse(dt, shape, candidates...)}
	if r.data = own[T](r.out); r.data == nil {
		r.data = make([]T, r.out.Len())
	}
	return r
}

// own is the storage of t where its elements are of type T, else nil.
func own[T wide](t *tensor.Tensor) []T {
	var zero T
	var data any
	switch any(zero).(type) {
	case float32:
		if t.DType() == tensor.Float32 {
			data = t.F32()
		}
	case float64:
		if t.DType() == tensor.Float64 {
			data = tensor.Data[float64](t)
		}
	case int64:
		if t.DType() == tensor.Int64 {
			data = t.I64()
		}
	case uint64:
		if t.DType() == tensor.Uint64 {
			data = tensor.Data[uint64](t)
		}
	}
	d, _ := data.([]T)
	return d
}

// tensor is the finished output.
func (r result[T]) tensor() *tensor.Tensor {
	if own[T](r.out) == nil {
		store(r.out, r.data)
	}
	return r.out
}

// store writes src into t as elements of t's type. Integers wrap around as Go's
// conversions do; floats are rounded once, half to even, overflow to infinity
// or, where the type has none, to NaN. Floats become integers by truncation.
func store[T wide](t *tensor.Tensor, src []T) {
	switch d := t.DType(); d {
	case tensor.Float32:
		put(t.F32(), src)
	case tensor.Float64:
		put(tensor.Data[float64](t), src)
	case tensor.Int8:
		put(tensor.Data[int8](t), src)
	case tensor.Int16:
		put(tensor.Data[int16](t), src)
	case tensor.Int32:
		put(tensor.Data[int32](t), src)
	case tensor.Int64:
		put(t.I64(), src)
	case tensor.Uint8:
		put(tensor.Data[uint8](t), src)
	case tensor.Uint16:
		put(tensor.Data[uint16](t), src)
	case tensor.Uint32:
		put(tensor.Data[uint32](t), src)
	case tensor.Uint64:
		put(tensor.Data[uint64](t), src)
	case tensor.Bool:
		dst := tensor.Data[uint8](t)
		for i, v := range src {
			dst[i] = 0
			if v != 0 {
				dst[i] = 1
			}
		}
	case tensor.Float16:
		dst := tensor.Data[uint16](t)
		for i, v := range src {
			dst[i] = bits16(float64(v))
		}
	case tensor.BFloat16:
		dst := tensor.Data[uint16](t)
		for i, v := range src {
			dst[i] = bitsBFloat16(float64(v))
		}
	case tensor.Int4, tensor.Uint4, tensor.Int2, tensor.Uint2:
		codes := make([]uint8, len(src))
		for i, v := range src {
			codes[i] = uint8(int64(v))
		}
		pack(t, codes)
	case tensor.Float8E4M3, tensor.Float8E4M3Z, tensor.Float8E5M2, tensor.Float8E5M2Z, tensor.Float8E8M0, tensor.Float4E2M1:
		codes := make([]uint8, len(src))
		for i, v := range src {
			codes[i] = smallCode(d, float64(v), false)
		}
		pack(t, codes)
	default:
		unsupported("%v elements", d)
	}
}

// put converts with the semantics of a saturating machine only where Go leaves
// the result open: floats outside an integer's range.
func put[D float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64, T wide](dst []D, src []T) {
	var zero T
	switch any(zero).(type) {
	case float32, float64:
		var d D
		switch any(d).(type) {
		case float32, float64, int64, uint64:
		default: // narrow integers wrap around, by way of int64
			for i, v := range src {
				dst[i] = D(int64(v))
			}
			return
		}
	}
	for i, v := range src {
		dst[i] = D(v)
	}
}

// bits16 rounds to IEEE binary16, half to even.
func bits16(x float64) uint16 {
	b := math.Float64bits(x)
	sign := uint16(b>>48) & 0x8000
	a := math.Abs(x)
	switch {
	case a != a:
		return sign | 0x7e00
	case a >= 65520:
		return sign | 0x7c00
	case a < 1.0/(1<<14):
		return sign | uint16(math.RoundToEven(a*(1<<24)))
	}
	frac, exp := math.Frexp(a) // a = frac·2^exp, frac in [0.5, 1)
	m := uint16(math.RoundToEven(frac * (1 << 11)))
	return sign | uint16(exp+13)<<10 + m
}

// bitsBFloat16 rounds to bfloat16, half to even.
func bitsBFloat16(x float64) uint16 {
	if x != x {
		return 0x7fc0
	}
	f := float32(x)
	b := math.Float32bits(f)
	if d := x - float64(f); d != 0 && b&0xffff == 0x8000 {
		// f stands on a midpoint that x does not: lean to x's side.
		if (d > 0) == (f > 0) {
			b++
		} else {
			b--
		}
	}
	if b&0x7f800000 == 0x7f800000 {
		return uint16(b >> 16)
	}
	b += 0x7fff + b>>16&1
	return uint16(b >> 16)
}

// unpack is the codes of a tensor of up to 8 bits, one a byte, sign-extended
// for the signed integer types.
func unpack(t *tensor.Tensor) []uint8 {
	data := tensor.Data[uint8](t)
	width := t.DType().Bits()
	if width == 8 {
		return data
	}
	out := make([]uint8, t.Len())
	per, mask := 8/width, uint8(1)<<width-1
	signed := t.DType() == tensor.Int4 || t.DType() == tensor.Int2
	for i := range out {
		v := data[i/per] >> (i % per * width) & mask
		if signed && v>>(width-1) != 0 {
			v |= ^mask
		}
		out[i] = v
	}
	return out
}

// pack writes codes into a tensor of up to 8 bits; higher bits are dropped.
func pack(t *tensor.Tensor, codes []uint8) {
	data := tensor.Data[uint8](t)
	width := t.DType().Bits()
	if width == 8 {
		copy(data, codes)
		return
	}
	per, mask := 8/width, uint8(1)<<width-1
	clear(data)
	for i, v := range codes {
		data[i/per] |= v & mask << (i % per * width)
	}
}
