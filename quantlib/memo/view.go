package memo

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// Number is a type whose slices can be stored as raw little-endian values.
type Number interface {
	float32 | float64 | int32 | int64 | uint32 | uint64
}

// littleEndian reports whether the machine stores numbers as files do.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// Bytes is x in little-endian order. On little-endian machines it shares x's
// memory: do not write to it, and do not change x while it is in use.
func Bytes[T Number](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	size := int(unsafe.Sizeof(x[0]))
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*size)
	if littleEndian {
		return raw
	}
	return swapped(raw, size)
}

// View is data, little-endian values, as numbers. Where the machine is
// little-endian and data is aligned, as payloads of this package are, it shares
// data's memory; otherwise it is a copy. It returns an error if the length is
// not a whole number of values.
func View[T Number](data []byte) ([]T, error) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	if len(data)%size != 0 {
		return nil, fmt.Errorf("memo: %d bytes are no whole number of %T", len(data), zero)
	}
	if len(data) == 0 {
		return nil, nil
	}
	if !littleEndian {
		data = swapped(data, size)
	}
	if p := unsafe.Pointer(&data[0]); uintptr(p)%unsafe.Alignof(zero) == 0 {
		return unsafe.Slice((*T)(p), len(data)/size), nil
	}
	out := make([]T, len(data)/size)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&out[0])), len(data)), data)
	return out, nil
}

// swapped is data with the bytes of each value in reverse order.
func swapped(data []byte, size int) []byte {
	out := make([]byte, len(data))
	for i := range data {
		out[i] = data[i-i%size+size-1-i%size]
	}
	return out
}
