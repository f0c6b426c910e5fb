package tensor

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

var hostLittle = func() bool {
	x := uint16(1)
	return *(*byte)(unsafe.Pointer(&x)) == 1
}()

// setRaw takes aligned storage that t owns.
func (t *Tensor) setRaw(raw []byte) {
	t.setTyped(unsafe.Pointer(unsafe.SliceData(raw)), len(raw))
}

// setTyped takes size bytes of aligned host-order elements.
func (t *Tensor) setTyped(p unsafe.Pointer, size int) {
	t.typed = p
	if hostLittle || t.dtype.Bits() <= 8 {
		t.raw = unsafe.Slice((*byte)(p), size)
	}
	t.once.Do(func() {})
}

// materialize loads the bytes and makes the aligned host-order form.
func (t *Tensor) materialize() {
	raw := t.raw
	if raw == nil {
		var err error
		if raw, err = t.load(); err != nil {
			t.err = err
			return
		}
	}
	t.load = nil
	if want := t.dtype.Bytes(t.n); len(raw) != want {
		t.err = fmt.Errorf("tensor: %d bytes of data, want %d for %v %v", len(raw), want, t.dtype, t.shape)
		return
	}
	t.raw = raw
	word := wordSize(t.dtype)
	p := unsafe.Pointer(unsafe.SliceData(raw))
	if hostLittle && (word == 1 || uintptr(p)%uintptr(word) == 0) {
		t.typed = p
		return
	}
	aligned := alignedBytes(len(raw))
	copy(aligned, raw)
	if !hostLittle {
		swap(aligned, word)
	} else {
		t.raw = aligned
	}
	t.typed = unsafe.Pointer(unsafe.SliceData(aligned))
}

// littleEndian is the byte form of host-order elements on a big-endian host.
func (t *Tensor) littleEndian() []byte {
	b := append([]byte(nil), t.hostBytes()...)
	swap(b, wordSize(t.dtype))
	return b
}

// hostBytes is the storage in host order.
func (t *Tensor) hostBytes() []byte {
	t.must()
	return unsafe.Slice((*byte)(t.typed), t.dtype.Bytes(t.n))
}

// wordSize is the unit of byte order and alignment of a type, in bytes.
func wordSize(d DType) int {
	switch d {
	case Complex64:
		return 4
	case Complex128:
		return 8
	}
	return max(1, d.Bits()/8)
}

func swap(b []byte, word int) {
	for i := 0; i+word <= len(b); i += word {
		switch word {
		case 2:
			binary.BigEndian.PutUint16(b[i:], binary.LittleEndian.Uint16(b[i:]))
		case 4:
			binary.BigEndian.PutUint32(b[i:], binary.LittleEndian.Uint32(b[i:]))
		case 8:
			binary.BigEndian.PutUint64(b[i:], binary.LittleEndian.Uint64(b[i:]))
		}
	}
}

// natural is the dtype that Of gives to elements of type T.
func natural[T Element]() DType {
	var zero T
	switch any(zero).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case int8:
		return Int8
	case int16:
		return Int16
	case int32:
		return Int32
	case int64:
		return Int64
	case uint8:
		return Uint8
	case uint16:
		return Uint16
	case uint32:
		return Uint32
	case uint64:
		return Uint64
	case complex64:
		return Complex64
	default:
		return Complex128
	}
}

// holds reports whether elements of type T stand for the stored form of d.
func holds[T Element](d DType) bool {
	switch n := natural[T](); n {
	case Uint16:
		return d == Uint16 || d == Float16 || d == BFloat16
	case Uint8:
		return d == Uint8 || d == Bool || d.Bits() < 8 && d.Bits() > 0 || d.Bits() == 8 && d.IsFloat()
	case Int8:
		return d == Int8
	default:
		return d == n
	}
}
