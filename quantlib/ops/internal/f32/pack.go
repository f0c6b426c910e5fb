package f32

import (
	"fmt"
	"sync"
)

const (
	// KC is the length of a chain of multiply-adds: see the package comment.
	KC = 256
	// MR and NR are the height of a panel of A and the width of a panel of B.
	// Ranges of rows of a packed A start at multiples of MR, ranges of columns
	// of a packed B at multiples of NR. All processors share one layout.
	MR, NR = 6, 16

	mc = 96  // rows of A in one block; a multiple of MR, so that the block stays in L2
	nc = 256 // columns of B in one block; a multiple of NR
)

// Packed is a matrix in the order in which the kernels read it. It is
// read-only after it was made, and goroutines may share it.
//
// For each block of KC along k, for each panel of MR rows (or NR columns), the
// panel's entries lie with k outermost; the last panel is filled with zeros.
type Packed struct {
	n, k  int // rows of A or columns of B; length of the dot products
	width int // MR or NR
	data  []float32

	asked sync.Once
	small bool
}

// tiny reports whether some product of an entry may need the careful twin.
func (p *Packed) tiny() bool {
	p.asked.Do(func() { p.small = tinyFactor(p.data) })
	return p.small
}

// PackA packs the m×k matrix whose entry (i, l) is a[i·rowStride + l·colStride]
// as the left factor of a product. A row-major matrix has strides k and 1, a
// transposed one 1 and m.
//
// It panics if a is too short.
func PackA(a []float32, m, k, rowStride, colStride int) *Packed {
	return pack(a, m, k, rowStride, colStride, MR)
}

// PackB packs the k×n matrix whose entry (l, j) is b[l·rowStride + j·colStride]
// as the right factor of a product. A row-major matrix has strides n and 1, a
// transposed one 1 and k.
//
// It panics if b is too short.
func PackB(b []float32, k, n, rowStride, colStride int) *Packed {
	return pack(b, n, k, colStride, rowStride, NR)
}

func pack(a []float32, n, k, stride, kstride, width int) *Packed {
	if n < 0 || k < 0 || n > 0 && k > 0 && (n-1)*stride+(k-1)*kstride >= len(a) {
		panic(fmt.Sprintf("f32: cannot pack %d×%d with strides %d, %d from %d elements", n, k, stride, kstride, len(a)))
	}
	p := newPacked(n, k, width)
	padded := roundUp(n, width)
	for k0 := 0; k0 < k; k0 += KC {
		k1 := min(k0+KC, k)
		packStrided(p.data[padded*k0:], a, k0, k1, 0, n, stride, kstride, width)
	}
	return p
}

func newPacked(n, k, width int) *Packed {
	return &Packed{n: n, k: k, width: width, data: make([]float32, PackedBytes(n, k, width)/4)}
}

// packRows packs rows i0..i1 of a left factor, which are those of a; i0 is a
// multiple of MR.
func (p *Packed) packRows(a []float32, i0, i1 int) {
	for k0 := 0; k0 < p.k; k0 += KC {
		k1 := min(k0+KC, p.k)
		packStrided(p.block(k0, i0), a[k0:], 0, k1-k0, 0, i1-i0, p.k, 1, MR)
	}
}

// Bytes is the memory that p holds.
func (p *Packed) Bytes() int { return 4 * len(p.data) }

// PackedBytes is the Bytes of an m×k left factor that PackA packs, or of a k×m
// right factor that PackB packs, for panels of MR or NR.
func PackedBytes(m, k, width int) int { return 4 * (roundUp(m, width)*k + slack) }

// block returns the panels from entry i0 on, a multiple of the width, of the
// block of k that starts at k0.
func (p *Packed) block(k0, i0 int) []float32 {
	return p.data[roundUp(p.n, p.width)*k0+i0*(min(k0+KC, p.k)-k0):]
}

// slack is the number of elements that kernels may read behind a packed block.
const slack = 16

// packStrided packs entries i0..i1 (rows of A or columns of B) and k0..k1.
func packStrided(dst, a []float32, k0, k1, i0, i1, stride, kstride, width int) {
	kn := k1 - k0
	for i := i0; i < i1; i += width {
		w := min(width, i1-i)
		panel := dst[(i-i0)*kn : (i-i0)*kn+kn*width]
		switch {
		case w == width && packFast(panel, a[i*stride+k0*kstride:], kn, stride, kstride, width):
		case w < width:
			clear(panel)
			fallthrough
		case stride != 1:
			for c := range w {
				src := a[(i+c)*stride+k0*kstride:]
				for l := range kn {
					panel[l*width+c] = src[l*kstride]
				}
			}
		default:
			src := a[i+k0*kstride:]
			for l := range kn {
				copy(panel[l*width:l*width+width], src[l*kstride:l*kstride+width])
			}
		}
	}
}

// Source produces a factor of a product in packed form, a block at a time.
// Convolutions are products whose right factor comes from such a source.
type Source interface {
	// Pack writes the entries k0..k1 of the columns of B (or rows of A) i0..i1
	// in panels of NR (or MR): entry l of column i at
	//
	//	dst[(i-i0)/NR·NR·(k1-k0) + (l-k0)·NR + (i-i0)%NR]
	//
	// and zeros in the rest of the last panel.
	Pack(dst []float32, k0, k1, i0, i1 int)
}

// Operand is one factor of a product: exactly one of Packed, Data and Source
// is set.
type Operand struct {
	Packed *Packed

	Data                 []float32 // entry (row, col) at row·RowStride + col·ColStride
	RowStride, ColStride int

	Source Source

	// Quant, if set, fake-quantizes Data or what Source gives while it is
	// packed. Its zero must lie in Lo..Hi.
	Quant *Quantizer
}

func (o *Operand) pack(dst []float32, k0, k1, i0, i1, width int) []float32 {
	if o.Packed != nil {
		return o.Packed.block(k0, i0)
	}
	size := roundUp(i1-i0, width) * (k1 - k0)
	switch {
	case o.Source != nil:
		o.Source.Pack(dst[:size], k0, k1, i0, i1)
	case width == MR:
		packStrided(dst, o.Data, k0, k1, i0, i1, o.RowStride, o.ColStride, width)
	default:
		packStrided(dst, o.Data, k0, k1, i0, i1, o.ColStride, o.RowStride, width)
	}
	if o.Quant != nil {
		FakeQuantize(dst[:size], dst[:size], *o.Quant)
	}
	return dst
}

// tiny reports whether the twin must expect inexact subnormal sums with the
// first size elements of packed panels.
func (o *Operand) tiny(panels []float32, size int) bool {
	if o.Packed != nil {
		return o.Packed.tiny()
	}
	return tinyFactor(panels[:size])
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// Split returns the bounds of part p of n of 0..total, in multiples of unit
// (but for the end). Parts differ by at most one unit and may be empty.
func Split(p, n, total, unit int) (lo, hi int) {
	units := (total + unit - 1) / unit
	return min(units*p/n*unit, total), min(units*(p+1)/n*unit, total)
}
