// Package tensor holds dense row-major arrays of ONNX's element types.
//
// A tensor's bytes are little-endian, as in an ONNX file, so that a tensor may
// be a view into a mapped file: nothing is copied until an element is asked
// for, and then only where the file's alignment or the host's byte order
// makes it necessary.
//
// Tensors are shared between goroutines. Who made a tensor may write its
// elements until it is handed on; after that it is read-only.
package tensor

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"
)

// MaxElements bounds the elements of one tensor: a claim above it is an error
// before memory is taken.
const MaxElements = 1 << 36

// A Tensor is a dense row-major array. The zero Tensor is not usable; see New,
// Of, FromBytes, Lazy and Strings.
type Tensor struct {
	dtype DType
	shape []int
	n     int
	strs  []string

	raw   []byte // little-endian elements; set at once, or by load
	load  func() ([]byte, error)
	once  sync.Once
	err   error
	typed unsafe.Pointer // aligned elements in host order, once loaded

	owner any // who recycles the storage; see WithOwner

	hollow bool // see Hollow
}

// New returns a tensor of zeros.
//
// It panics if dt cannot be held or shape is not valid (see Elements).
func New(dt DType, shape ...int) *Tensor {
	n := mustElements(shape)
	t := &Tensor{dtype: dt, shape: clone(shape), n: n}
	if dt == String {
		t.strs = make([]string, n)
		return t
	}
	t.setRaw(alignedBytes(dt.Bytes(n)))
	return t
}

// Element is a Go type that stands for the stored elements of a tensor.
// Float16 and BFloat16 are seen as uint16; Bool, the 8-bit floats and the
// packed types narrower than a byte as uint8.
type Element interface {
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | complex64 | complex128
}

// Of wraps data, which is not copied, as a tensor of the given shape.
//
// It panics if len(data) is not the product of shape.
func Of[T Element](data []T, shape ...int) *Tensor {
	n := mustElements(shape)
	if n != len(data) {
		panic(fmt.Sprintf("tensor: %d elements do not fill shape %v", len(data), shape))
	}
	t := &Tensor{dtype: natural[T](), shape: clone(shape), n: n}
	var zero T
	t.setTyped(unsafe.Pointer(unsafe.SliceData(data)), n*int(unsafe.Sizeof(zero)))
	return t
}

// Scalar returns a tensor of rank 0.
func Scalar[T Element](v T) *Tensor { return Of([]T{v}) }

// Strings wraps data, which is not copied, as a tensor of dtype String.
//
// It panics if len(data) is not the product of shape.
func Strings(data []string, shape ...int) *Tensor {
	if mustElements(shape) != len(data) {
		panic(fmt.Sprintf("tensor: %d strings do not fill shape %v", len(data), shape))
	}
	return &Tensor{dtype: String, shape: clone(shape), n: len(data), strs: data}
}

// FromBytes wraps little-endian elements, as ONNX's raw_data has them, without
// copying. A length that does not match dt and shape is an error.
func FromBytes(dt DType, raw []byte, shape ...int) (*Tensor, error) {
	t, err := Lazy(dt, shape, func() ([]byte, error) { return raw, nil })
	if err != nil {
		return nil, err
	}
	if want := dt.Bytes(t.n); len(raw) != want {
		return nil, fmt.Errorf("tensor: %d bytes of data, want %d for %v %v", len(raw), want, dt, shape)
	}
	t.raw = raw
	return t, nil
}

// Lazy returns a tensor whose little-endian bytes load gives at first use. load
// is called at most once. Err reports its error; element access panics with it.
func Lazy(dt DType, shape []int, load func() ([]byte, error)) (*Tensor, error) {
	n, err := Elements(shape)
	if err != nil {
		return nil, err
	}
	if !dt.Known() || dt == String {
		return nil, fmt.Errorf("tensor: element type %v has no byte form", dt)
	}
	return &Tensor{dtype: dt, shape: clone(shape), n: n, load: load}, nil
}

// ErrHollow is what access to the elements of a hollow tensor panics with.
var ErrHollow = errors.New("tensor: only type and shape are known, not the elements")

// Hollow returns a tensor that has a type and a shape but no elements, for who
// asks what an operator would make of such a tensor. Its Err is nil; access to
// elements panics with ErrHollow, and views of it are hollow.
//
// It panics if dt is String or shape is not valid (see Elements).
func Hollow(dt DType, shape ...int) *Tensor {
	if dt == String {
		panic("tensor: a hollow tensor of strings")
	}
	t := &Tensor{dtype: dt, shape: clone(shape), n: mustElements(shape), hollow: true}
	t.once.Do(func() {})
	return t
}

// IsHollow reports whether t has no elements to look at (see Hollow).
func (t *Tensor) IsHollow() bool { return t.hollow }

// Elements is the product of shape, 1 for rank 0. A negative dimension, or a
// product above MaxElements, is an error.
func Elements(shape []int) (int, error) {
	n, zero := 1, false
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("tensor: negative dimension in shape %v", shape)
		}
		if d == 0 {
			zero = true
			continue
		}
		if n > MaxElements/d {
			return 0, fmt.Errorf("tensor: shape %v has more than %d elements", shape, MaxElements)
		}
		n *= d
	}
	if zero {
		return 0, nil
	}
	return n, nil
}

func mustElements(shape []int) int {
	n, err := Elements(shape)
	if err != nil {
		panic(err)
	}
	return n
}

func clone(s []int) []int { return append(make([]int, 0, len(s)), s...) }

// DType is the element type.
func (t *Tensor) DType() DType { return t.dtype }

// Shape is the dimensions, outermost first; the caller must not change it.
func (t *Tensor) Shape() []int { return t.shape }

// Dim is dimension i; a negative i counts from the end.
func (t *Tensor) Dim(i int) int {
	if i < 0 {
		i += len(t.shape)
	}
	return t.shape[i]
}

// Rank is the number of dimensions.
func (t *Tensor) Rank() int { return len(t.shape) }

// Len is the number of elements.
func (t *Tensor) Len() int { return t.n }

// Err loads a lazy tensor and reports what went wrong, nil if nothing did.
func (t *Tensor) Err() error {
	if t.dtype == String {
		return nil
	}
	t.once.Do(t.materialize)
	return t.err
}

// Bytes is the little-endian form of the elements. The caller must not change
// it. It panics where Err is not nil or the type is String.
func (t *Tensor) Bytes() []byte {
	t.must()
	if t.raw == nil && t.n > 0 {
		return t.littleEndian()
	}
	return t.raw
}

// Strings is the elements of a tensor of dtype String; it panics for others.
func (t *Tensor) Strings() []string {
	if t.dtype != String {
		panic(fmt.Sprintf("tensor: Strings of a %v tensor", t.dtype))
	}
	return t.strs
}

// Data is the elements as stored. It panics if T does not stand for t's type
// (see Element) or t cannot be loaded (see Err).
func Data[T Element](t *Tensor) []T {
	if !holds[T](t.dtype) {
		var zero T
		panic(fmt.Sprintf("tensor: %T elements asked of a %v tensor", zero, t.dtype))
	}
	t.must()
	var zero T
	n := t.n
	if b := t.dtype.Bits(); b < 8 {
		n = t.dtype.Bytes(n)
	}
	if n == 0 {
		return []T{}
	}
	_ = zero
	return unsafe.Slice((*T)(t.typed), n)
}

// F32 is short for Data[float32].
func (t *Tensor) F32() []float32 { return Data[float32](t) }

// I64 is short for Data[int64].
func (t *Tensor) I64() []int64 { return Data[int64](t) }

// Reshape is a view of the same elements under another shape of equal Len; it
// panics for another Len.
func (t *Tensor) Reshape(shape ...int) *Tensor {
	if mustElements(shape) != t.n {
		panic(fmt.Sprintf("tensor: cannot reshape %v to %v", t.shape, shape))
	}
	v := &Tensor{dtype: t.dtype, shape: clone(shape), n: t.n, owner: t.owner, strs: t.strs, hollow: t.hollow}
	if t.dtype == String {
		return v
	}
	if t.hollow {
		v.once.Do(func() {})
		return v
	}
	t.must()
	v.raw, v.typed = t.raw, t.typed
	v.once.Do(func() {})
	return v
}

// Slice is a view of rows lo..hi of the outermost dimension.
//
// It panics for rank 0, for types narrower than a byte, or a bad range.
func (t *Tensor) Slice(lo, hi int) *Tensor {
	if len(t.shape) == 0 || lo < 0 || hi < lo || hi > t.shape[0] {
		panic(fmt.Sprintf("tensor: rows %d..%d of shape %v", lo, hi, t.shape))
	}
	shape := clone(t.shape)
	shape[0] = hi - lo
	row := 0
	if t.shape[0] > 0 {
		row = t.n / t.shape[0]
	}
	v := &Tensor{dtype: t.dtype, shape: shape, n: row * (hi - lo), owner: t.owner}
	if t.dtype == String {
		v.strs = t.strs[lo*row : hi*row]
		return v
	}
	if t.dtype.Bits() < 8 {
		panic(fmt.Sprintf("tensor: rows of packed type %v", t.dtype))
	}
	if t.hollow {
		h := Hollow(t.dtype, shape...)
		h.owner = t.owner
		return h
	}
	t.must()
	size := t.dtype.Bytes(row)
	v.once.Do(func() {})
	v.typed = t.typed
	if v.n > 0 {
		v.typed = unsafe.Add(t.typed, lo*size)
	}
	if t.raw != nil {
		v.raw = t.raw[lo*size : hi*size]
	}
	return v
}

// Clone is a deep copy.
func (t *Tensor) Clone() *Tensor {
	if t.dtype == String {
		return Strings(append([]string(nil), t.strs...), t.shape...)
	}
	c := New(t.dtype, t.shape...)
	copy(c.hostBytes(), t.hostBytes())
	return c
}

// Equal reports whether a and b have the same type, shape and bits; NaNs with
// equal bits are equal, 0 and -0 are not.
func Equal(a, b *Tensor) bool {
	if a.dtype != b.dtype || !SameShape(a.shape, b.shape) {
		return false
	}
	if a.dtype == String {
		for i := range a.strs {
			if a.strs[i] != b.strs[i] {
				return false
			}
		}
		return true
	}
	return string(a.hostBytes()) == string(b.hostBytes())
}

// SameShape reports whether a and b have the same rank and dimensions.
func SameShape(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// WithOwner marks t, and the views made of it from now on, as storage that
// owner recycles. The executor uses it to count who still needs a buffer.
func (t *Tensor) WithOwner(owner any) *Tensor { t.owner = owner; return t }

// Owner is what WithOwner set, or nil.
func (t *Tensor) Owner() any { return t.owner }

// Wrap returns a tensor over storage, which must be aligned to 8 bytes, hold
// host-order elements and have at least dt.Bytes(product of shape) bytes.
func Wrap(dt DType, storage []byte, shape ...int) *Tensor {
	n := mustElements(shape)
	size := dt.Bytes(n)
	if size > len(storage) || uintptr(unsafe.Pointer(unsafe.SliceData(storage)))&7 != 0 {
		panic(fmt.Sprintf("tensor: storage of %d bytes is too small or not aligned for %v %v", len(storage), dt, shape))
	}
	t := &Tensor{dtype: dt, shape: clone(shape), n: n}
	t.setTyped(unsafe.Pointer(unsafe.SliceData(storage)), size)
	return t
}

func (t *Tensor) String() string {
	return fmt.Sprintf("%v%v", t.dtype, t.shape)
}

func (t *Tensor) must() {
	if t.dtype == String {
		panic("tensor: a string tensor has no bytes")
	}
	if t.hollow {
		panic(ErrHollow)
	}
	t.once.Do(t.materialize)
	if t.err != nil {
		panic(t.err)
	}
}

func alignedBytes(n int) []byte {
	words := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(words)*8)[:n]
}
