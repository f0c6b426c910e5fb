//go:build !noasm

package f32

import (
	"runtime"
	"unsafe"
)

// wideImage is one channel of a depthwise convolution. Places of the image are
// numbers: they may lie before its first element, where nothing is read.
type wideImage struct {
	dst         *float32 // first output row
	x           uintptr  // the image's first row, less the padding at its left
	zero        uintptr  // a row of zeros, seen like x
	w           *float32
	height      int     // rows of the image
	rowBytes    int     // of the image
	top, rows   int     // first row that the next output row sees; output rows left; changed by the kernel
	out         int     // bytes of an output row
	vectors     int     // in an output row
	masks       *uint16 // for each vector: one for each load of a row, one for the store
	bias        float32
	lo, hi      float32
	quant       uint32 // non-zero: fake-quantize
	scale       float32
	least, most float32 // codes less the zero
}

// widest is the number of vectors in an output row that kernels are used for.
const widest = 64

// depthwiseWide is depthwise with AVX-512 for the usual kernels, without planes.
// It reports false where it cannot serve.
func depthwiseWide(dst, x []float32, f *Filter, c Conv, w window, ep *Epilogue, scratch []float32, c0, c1 int) bool {
	vectors := roundUp(w.ow, 16) / 16
	if w.kh != w.kw || w.sh != w.sw || w.dh != 1 || w.dw != 1 || w.kh != 3 && w.kh != 5 || w.sh > 2 ||
		vectors > widest || w.h == 0 || w.w == 0 || ep.Residual != nil || ep.ColBias != nil {
		return false
	}
	var masks [7 * widest]uint16
	w.wideMasks(masks[:])
	a := wideImage{height: w.h, rowBytes: 4 * w.w, out: 4 * w.ow, vectors: vectors, masks: &masks[0]}
	a.lo, a.hi, _ = ep.bounds()
	zero := scratch[:w.zeros()]
	clear(zero)
	a.zero = uintptr(unsafe.Pointer(&zero[0]))
	taps, area, plane, each := w.kh*w.kw, w.oh*w.ow, w.h*w.w, c.Filters/c.Groups
	for o := c0 * each; o < c1*each; o++ {
		a.dst, a.w = &dst[o*area : (o+1)*area][0], &f.taps[o*taps : (o+1)*taps][0]
		a.x = uintptr(unsafe.Pointer(&x[o/each*plane : (o/each+1)*plane][0])) - 4*uintptr(w.left)
		a.top, a.rows = -w.top, w.oh
		a.bias = negativeZero
		if ep.RowBias != nil {
			a.bias = ep.RowBias[o]
		}
		if n := len(ep.Quant); n > 0 {
			q := ep.Quant[o%n]
			q.check()
			a.quant, a.scale, a.least, a.most = 1, q.Scale, float32(q.Lo-q.Zero), float32(q.Hi-q.Zero)
		}
		switch {
		case w.kh == 3 && w.sh == 1:
			depthwise3x1AVX512(&a)
		case w.kh == 3:
			depthwise3x2AVX512(&a)
		case w.sh == 1:
			depthwise5x1AVX512(&a)
		default:
			depthwise5x2AVX512(&a)
		}
	}
	runtime.KeepAlive(x)
	runtime.KeepAlive(scratch)
	return true
}

// wideMasks stores, for each vector of an output row, the masks of what its
// loads may read, as the kernels make them, and of what it may store.
func (w window) wideMasks(masks []uint16) {
	at := 0
	for i := 0; i < w.ow; i += 16 {
		seen := func(place int) (m uint16) {
			for l := range 16 {
				if x := i*w.sw + place + l - w.left; x >= 0 && x < w.w {
					m |= 1 << l
				}
			}
			return m
		}
		for x := 0; x < w.kw; x += w.sw {
			masks[at] = seen(x)
			at++
			if w.sw == 2 {
				masks[at] = seen(x + 16)
				at++
			}
		}
		masks[at] = uint16(1<<min(16, w.ow-i) - 1)
		at++
	}
}
