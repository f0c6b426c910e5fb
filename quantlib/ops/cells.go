package ops

import (
	"unsafe"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// cells is the elements of a tensor that an operator moves without looking at
// them: strings, or bytes of a fixed size. Types narrower than a byte take one.
type cells struct {
	size int // bytes of an element; 0 for strings
	b    []byte
	s    []string
}

func cellsOf(t *tensor.Tensor) cells {
	if t.DType() == tensor.String {
		return cells{s: t.Strings()}
	}
	bits := t.DType().Bits()
	if bits < 8 {
		return cells{size: 1, b: unpack(t)}
	}
	return cells{size: bits / 8, b: hostBytes(t)}
}

// hostBytes is the storage of t, whose elements take at least a byte.
func hostBytes(t *tensor.Tensor) []byte {
	n := t.Len()
	if n == 0 {
		return nil
	}
	var p unsafe.Pointer
	switch t.DType() {
	case tensor.Float32:
		p = unsafe.Pointer(unsafe.SliceData(t.F32()))
	case tensor.Float64:
		p = unsafe.Pointer(unsafe.SliceData(tensor.Data[float64](t)))
	case tensor.Int8:
		p = unsafe.Pointer(unsafe.SliceData(tensor.Data[int8](t)))
	case tensor.Int16:
		p = unsafe.Pointer(unsafe.SliceData(tensor.Data[int16](t)))
	case tensor.Int32:
		p = unsafe.Pointer(unsafe.SliceData(tensor.Data[int32](t)))
	case tensor.Int64:
		p = unsafe.Pointer(unsafe.SliceData(t.I64()))
	case tensor.Uint16, tensor.Float16, tensor.BFloat16:
		p = unsafe.Pointer(unsafe.SliceData(tensor.Data[uint16](t)))
	case tensor.Uint32:
		p = unsafe.Pointer(unsafe.SliceData(tensor.Data[uint32](t)))
	case tensor.Uint64:
		p = unsafe.Pointer(unsafe.SliceData(tensor.Data[uint64](t)))
	case tensor.Complex64:
		p = unsafe.Pointer(unsafe.SliceData(tensor.Data[complex64](t)))
	case tensor.Complex128:
		p = unsafe.Pointer(unsafe.SliceData(tensor.Data[complex128](t)))
	default:
		p = unsafe.Pointer(unsafe.SliceData(tensor.Data[uint8](t)))
	}
	return unsafe.Slice((*byte)(p), n*t.DType().Bits()/8)
}

// newCells makes an output whose elements are not set; finish gives it once
// they are.
func newCells(c *Call, dt tensor.DType, shape []int) (cells, func() *tensor.Tensor) {
	n := product(shape)
	if dt == tensor.String {
		t := tensor.New(dt, shape...)
		return cells{s: t.Strings()}, func() *tensor.Tensor { return t }
	}
	t := c.Alloc(dt, shape...)
	if dt.Bits() < 8 {
		codes := make([]byte, n)
		return cells{size: 1, b: codes}, func() *tensor.Tensor { pack(t, codes); return t }
	}
	return cells{size: dt.Bits() / 8, b: hostBytes(t)}, func() *tensor.Tensor { return t }
}

// copy moves n elements.
func (d cells) copy(at int, src cells, from, n int) {
	if d.size == 0 {
		copy(d.s[at:at+n], src.s[from:from+n])
		return
	}
	copy(d.b[at*d.size:(at+n)*d.size], src.b[from*d.size:(from+n)*d.size])
}

// fill sets n elements to element 0 of v, to zero where v has none.
func (d cells) fill(at, n int, v cells) {
	if d.size == 0 {
		s := ""
		if len(v.s) > 0 {
			s = v.s[0]
		}
		for i := range d.s[at : at+n] {
			d.s[at+i] = s
		}
		return
	}
	b := d.b[at*d.size : (at+n)*d.size]
	if len(v.b) == 0 {
		clear(b)
		return
	}
	if n == 0 {
		return
	}
	done := copy(b, v.b[:d.size])
	for done < len(b) {
		done += copy(b[done:], b[:done])
	}
}

// from is the elements of d from place at on.
func (d cells) from(at int) cells {
	if d.size == 0 {
		return cells{s: d.s[at:]}
	}
	return cells{size: d.size, b: d.b[at*d.size:]}
}

// strided sets d, row-major of the given shape, to the elements of src at
// off + Σ index·step.
func (d cells) strided(shape []int, src cells, off int, step []int) {
	dims, steps := collapse(shape, step)
	switch d.size {
	case 0:
		stridedCopy(d.s, src.s, dims, off, steps)
	case 1:
		stridedCopy(d.b, src.b, dims, off, steps)
	case 2:
		stridedCopy(as[uint16](d.b), as[uint16](src.b), dims, off, steps)
	case 4:
		stridedCopy(as[uint32](d.b), as[uint32](src.b), dims, off, steps)
	case 8:
		stridedCopy(as[uint64](d.b), as[uint64](src.b), dims, off, steps)
	default:
		stridedCopy(as[[2]uint64](d.b), as[[2]uint64](src.b), dims, off, steps)
	}
}

// take sets element i of d to element from[i] of src, or to element 0 of fill
// where from[i] is negative (zero where fill has none).
func (d cells) take(src cells, from []int, fill cells) {
	switch d.size {
	case 0:
		takeOf(d.s, src.s, from, fill.s)
	case 1:
		takeOf(d.b, src.b, from, fill.b)
	case 2:
		takeOf(as[uint16](d.b), as[uint16](src.b), from, as[uint16](fill.b))
	case 4:
		takeOf(as[uint32](d.b), as[uint32](src.b), from, as[uint32](fill.b))
	case 8:
		takeOf(as[uint64](d.b), as[uint64](src.b), from, as[uint64](fill.b))
	default:
		takeOf(as[[2]uint64](d.b), as[[2]uint64](src.b), from, as[[2]uint64](fill.b))
	}
}

func as[T any](b []byte) []T {
	var zero T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(zero)))
}

func takeOf[T any](dst, src []T, from []int, fill []T) {
	var zero T
	if len(fill) > 0 {
		zero = fill[0]
	}
	for i, j := range from {
		if j < 0 {
			dst[i] = zero
		} else {
			dst[i] = src[j]
		}
	}
}

// collapse joins neighbouring dimensions that are one run, and drops those of
// size 1. A result has at least one dimension.
func collapse(shape, step []int) (dims, steps []int) {
	for i, n := range shape {
		if n == 1 {
			continue
		}
		if k := len(dims) - 1; k >= 0 && steps[k] == step[i]*n {
			dims[k] *= n
			steps[k] = step[i]
			continue
		}
		dims, steps = append(dims, n), append(steps, step[i])
	}
	if len(dims) == 0 {
		return []int{1}, []int{1}
	}
	return dims, steps
}

func stridedCopy[T any](dst, src []T, dims []int, off int, steps []int) {
	if len(dst) == 0 {
		return
	}
	last := len(dims) - 1
	n, step := dims[last], steps[last]
	idx := make([]int, last)
	for at := 0; at < len(dst); at += n {
		row := dst[at : at+n]
		switch step {
		case 1:
			copy(row, src[off:off+n])
		case 0:
			v := src[off]
			for i := range row {
				row[i] = v
			}
		default:
			j := off
			for i := range row {
				row[i] = src[j]
				j += step
			}
		}
		for k := last - 1; k >= 0; k-- {
			idx[k]++
			off += steps[k]
			if idx[k] < dims[k] {
				break
			}
			off -= steps[k] * dims[k]
			idx[k] = 0
		}
	}
}

// hollow is a hollow output, of hollow inputs: an executor that predicts what
// memory a run takes asks for such ones (see tensor.Hollow).
func (c *Call) hollow(dt tensor.DType, shape []int) *tensor.Tensor {
	product(shape)
	h := tensor.Hollow(dt, shape...)
	if c.Host != nil {
		h.WithOwner(c.Host.Alloc(dt, shape).Owner())
	}
	return h
}

// gather makes a tensor like t of another shape by take.
func gather(c *Call, t *tensor.Tensor, shape []int, from []int, fill *tensor.Tensor) *tensor.Tensor {
	if t.IsHollow() {
		return c.hollow(t.DType(), shape)
	}
	d, finish := newCells(c, t.DType(), shape)
	var f cells
	if fill != nil {
		f = cellsOf(fill)
	}
	d.take(cellsOf(t), from, f)
	return finish()
}

// view makes a tensor like t of another shape by strided.
func viewCopy(c *Call, t *tensor.Tensor, shape []int, off int, step []int) *tensor.Tensor {
	if t.IsHollow() {
		return c.hollow(t.DType(), shape)
	}
	d, finish := newCells(c, t.DType(), shape)
	d.strided(shape, cellsOf(t), off, step)
	return finish()
}
