package tensor

import "fmt"

// DType is the type of a tensor's elements. Its values are those of ONNX's
// TensorProto.DataType: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
type DType uint8

const (
	Undefined   DType = 0
	Float32     DType = 1
	Uint8       DType = 2
	Int8        DType = 3
	Uint16      DType = 4
	Int16       DType = 5
	Int32       DType = 6
	Int64       DType = 7
	String      DType = 8
	Bool        DType = 9 // stored as a uint8 that is 0 or 1
	Float16     DType = 10
	Float64     DType = 11
	Uint32      DType = 12
	Uint64      DType = 13
	Complex64   DType = 14
	Complex128  DType = 15
	BFloat16    DType = 16
	Float8E4M3  DType = 17 // ONNX FLOAT8E4M3FN: no infinities, one NaN
	Float8E4M3Z DType = 18 // ONNX FLOAT8E4M3FNUZ: no infinities, no negative zero
	Float8E5M2  DType = 19
	Float8E5M2Z DType = 20 // ONNX FLOAT8E5M2FNUZ
	Uint4       DType = 21 // two elements a byte, the first in the low half
	Int4        DType = 22 // two elements a byte, the first in the low half
	Float4E2M1  DType = 23 // two elements a byte, the first in the low half
	Float8E8M0  DType = 24 // a power of two
	Uint2       DType = 25 // four elements a byte, the first in the lowest bits
	Int2        DType = 26 // four elements a byte, the first in the lowest bits
)

var dtypes = [...]struct {
	name string
	bits int
}{
	Undefined: {"undefined", 0},
	Float32:   {"float32", 32}, Uint8: {"uint8", 8}, Int8: {"int8", 8},
	Uint16: {"uint16", 16}, Int16: {"int16", 16}, Int32: {"int32", 32}, Int64: {"int64", 64},
	String: {"string", 0}, Bool: {"bool", 8}, Float16: {"float16", 16}, Float64: {"float64", 64},
	Uint32: {"uint32", 32}, Uint64: {"uint64", 64},
	Complex64: {"complex64", 64}, Complex128: {"complex128", 128}, BFloat16: {"bfloat16", 16},
	Float8E4M3: {"float8e4m3fn", 8}, Float8E4M3Z: {"float8e4m3fnuz", 8},
	Float8E5M2: {"float8e5m2", 8}, Float8E5M2Z: {"float8e5m2fnuz", 8},
	Uint4: {"uint4", 4}, Int4: {"int4", 4}, Float4E2M1: {"float4e2m1", 4},
	Float8E8M0: {"float8e8m0", 8}, Uint2: {"uint2", 2}, Int2: {"int2", 2},
}

// Known reports whether d is a type that this package can hold.
func (d DType) Known() bool { return d != Undefined && int(d) < len(dtypes) }

// Bits is the stored width of one element; 0 for String and unknown types.
func (d DType) Bits() int {
	if int(d) >= len(dtypes) {
		return 0
	}
	return dtypes[d].bits
}

// Bytes is the storage, in bytes, of n elements: ceil(n·Bits/8).
func (d DType) Bytes(n int) int { return (n*d.Bits() + 7) / 8 }

func (d DType) String() string {
	if int(d) >= len(dtypes) {
		return fmt.Sprintf("dtype(%d)", uint8(d))
	}
	return dtypes[d].name
}

// IsFloat reports whether d is a real floating-point type of any width.
func (d DType) IsFloat() bool {
	switch d {
	case Float32, Float16, Float64, BFloat16, Float8E4M3, Float8E4M3Z, Float8E5M2, Float8E5M2Z, Float4E2M1, Float8E8M0:
		return true
	}
	return false
}
