//go:build !noasm

package f32

import (
	"runtime"
	"unsafe"
)

// depthwiseDirect is depthwise for the usual kernels, without planes. It reports
// false where it cannot serve.
func depthwiseDirect(dst, x []float32, f *Filter, c Conv, w window, ep *Epilogue, scratch []float32, c0, c1 int) bool {
	kernel := depthwiseKernel(w)
	if kernel == nil || ep.Residual != nil || ep.ColBias != nil {
		return false
	}
	a := depthwisePool.Get().(*depthwiseArgs)
	defer a.giveBack()
	w.edgeMasks(a.masks[0][:], 0)
	w.edgeMasks(a.masks[1][:], w.ow-8)
	a.first, a.last = &a.masks[0][0], &a.masks[1][0]
	zero := scratch[:w.zeros()]
	clear(zero)
	apart := scratch[len(zero):][:w.h*w.w+2*margin]
	spare := scratch[len(zero)+len(apart):]
	a.zero = uintptr(unsafe.Pointer(&zero[0]))
	a.height, a.rowBytes, a.out = w.h, 4*w.w, 4*w.ow
	taps, area, plane, each := w.kh*w.kw, w.oh*w.ow, w.h*w.w, c.Filters/c.Groups
	a.fin.set(ep)
	lo, hi, _ := ep.bounds()
	for o := c0 * each; o < c1*each; o++ {
		from := o / each * plane
		if w.inMemory(from, len(x)) {
			a.x = uintptr(unsafe.Pointer(&x[from])) - 4*uintptr(w.left)
		} else {
			if o%each == 0 {
				copy(apart[margin:], x[from:from+plane])
			}
			a.x = uintptr(unsafe.Pointer(&apart[margin-w.left]))
		}
		a.w = &f.taps[o*taps]
		a.top, a.rows = -w.top, w.oh
		a.bias = negativeZero
		if ep.RowBias != nil {
			a.bias = ep.RowBias[o]
		}
		if len(ep.Quant) > 1 {
			a.fin.grid(ep.Quant[o], lo, hi)
		}
		to := dst[o*area : (o+1)*area]
		if o*area+(w.oh-1)*w.ow+8 > c1*each*area && w.ow < 8 { // nothing may be written behind the last
			a.dst = &spare[:area+8][0]
			kernel(a)
			copy(to, spare)
		} else {
			a.dst = &to[0]
			kernel(a)
		}
	}
	runtime.KeepAlive(x)
	runtime.KeepAlive(scratch)
	return true
}

// inMemory reports whether the kernels, which read whole vectors at the ends of
// rows, stay inside x of n elements with the channel that begins at from.
func (w window) inMemory(from, n int) bool {
	reach := max(w.ow-8, 0)*w.sw + w.kw + 8*w.sw // of a row
	return from >= w.left && from+(w.h-1)*w.w-w.left+reach <= n
}

// depthwiseKernel is the kernel for the geometry, nil if there is none.
func depthwiseKernel(w window) func(*depthwiseArgs) {
	if !assembly || w.kh != w.kw || w.sh != w.sw || w.dh != 1 || w.dw != 1 || w.w == 0 || w.h == 0 {
		return nil
	}
	// Of the columns that the last position sees, over lie outside. The kernels mask
	// the outer taps of the first and the last vector of a row; no others may see
	// what lies outside.
	over := (w.ow-1)*w.sw + w.kw - w.left - w.w
	if w.left > w.kw/2 || over > w.kw/2 || over == 2 && w.ow%8 == 1 || w.left == 2 && w.sw == 1 && w.ow == 9 {
		return nil
	}
	switch {
	case w.kh == 3 && w.sh == 1:
		return depthwise3x1AVX2
	case w.kh == 3 && w.sh == 2:
		return depthwise3x2AVX2
	case w.kh == 5 && w.sh == 1:
		return depthwise5x1AVX2
	case w.kh == 5 && w.sh == 2:
		return depthwise5x2AVX2
	}
	return nil
}

// edgeMasks marks which elements of the loads for eight outputs from column o on
// lie inside the image.
func (w window) edgeMasks(m []int32, o int) {
	for l := range roundUp(w.kw, w.sw) {
		place := l
		if w.sw == 2 { // pairs of loads
			place = l/2*2 + l%2*8
		}
		for i := range 8 {
			m[8*l+i] = 0
			if at := o*w.sw + place + i - w.left; at >= 0 && at < w.w {
				m[8*l+i] = -1
			}
		}
	}
}
