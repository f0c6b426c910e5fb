//go:build !noasm

package f32

import "sync"

//go:generate go -C gen run ./image -out ../image_amd64.s -pkg f32

// The declarations of the kernels in image_amd64.s; package gen/image says what
// each of them does.

//go:noescape
func direct6x16AVX2(kn, count int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher)

//go:noescape
func direct5x16AVX2(kn, count int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher)

//go:noescape
func direct4x16AVX2(kn, count int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher)

//go:noescape
func direct3x16AVX2(kn, count int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher)

//go:noescape
func direct2x16AVX2(kn, count int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher)

//go:noescape
func direct1x16AVX2(kn, count int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher)

//go:noescape
func direct6x17AVX2(kn, count int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher, b2, rest *float32)

//go:noescape
func winogradInAVX2(args *winogradIn)

//go:noescape
func winogradOutAVX2(args *winogradOut)

//go:noescape
func quantizeRowsAVX2(dst, x *float32, rows, n, dstStride, srcStride int, fin *finisher)

//go:noescape
func depthwise3x1AVX2(args *depthwiseArgs)

//go:noescape
func depthwise3x2AVX2(args *depthwiseArgs)

//go:noescape
func depthwise5x1AVX2(args *depthwiseArgs)

//go:noescape
func depthwise5x2AVX2(args *depthwiseArgs)

// depthwiseArgs is one channel. Places of the image are numbers: they may lie
// before its first element, where nothing is read.
type depthwiseArgs struct {
	dst         *float32
	x, zero     uintptr
	w           *float32
	height      int
	rowBytes    int
	top, rows   int // changed by the kernel
	out         int
	first, last *int32
	bias        float32
	fin         finisher
	lines       [11]uintptr
	wide        [25 * 8]float32
	masks       [2][6 * 8]int32
}

// depthwisePool keeps what is too large to be made for each convolution.
var depthwisePool = sync.Pool{New: func() any { return new(depthwiseArgs) }}

// giveBack leaves nothing behind that a points to outside itself.
func (a *depthwiseArgs) giveBack() {
	a.dst, a.w, a.x, a.zero = nil, nil, 0, 0
	depthwisePool.Put(a)
}

// direct computes n tiles of rows rows.
func direct(rows, kn, n int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher) {
	switch rows {
	case 1:
		direct1x16AVX2(kn, n, a, b0, b1, off, c, ldc, fin)
	case 2:
		direct2x16AVX2(kn, n, a, b0, b1, off, c, ldc, fin)
	case 3:
		direct3x16AVX2(kn, n, a, b0, b1, off, c, ldc, fin)
	case 4:
		direct4x16AVX2(kn, n, a, b0, b1, off, c, ldc, fin)
	case 5:
		direct5x16AVX2(kn, n, a, b0, b1, off, c, ldc, fin)
	case 6:
		direct6x16AVX2(kn, n, a, b0, b1, off, c, ldc, fin)
	}
}

func direct6x17(kn, n int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher, b2, rest *float32) {
	direct6x17AVX2(kn, n, a, b0, b1, off, c, ldc, fin, b2, rest)
}

func transformIn(args *winogradIn) { winogradInAVX2(args) }

func transformOut(args *winogradOut) { winogradOutAVX2(args) }

// quantizeRows fake-quantizes rows of n elements in place.
func quantizeRows(x []float32, rows, n, stride int, q Quantizer) {
	if rows <= 0 || n <= 0 {
		return
	}
	_ = x[(rows-1)*stride+n-1]
	whole := vectors(n)
	if whole > 0 {
		var f finisher
		f.grid(q, -inf, inf)
		quantizeRowsAVX2(&x[0], &x[0], rows, whole, stride, stride, &f)
	}
	if whole < n {
		for i := range rows {
			row := x[i*stride+whole : i*stride+n]
			fakeQuantizeGo(row, row, q.Scale, float32(q.Lo-q.Zero), float32(q.Hi-q.Zero))
		}
	}
}
