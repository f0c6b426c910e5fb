//go:build !noasm

package f32

// available returns the levels there are: all arm64 processors have NEON with
// fused multiply-adds.
func available() []level { return []level{portable, neon} }

func gemmRows(rows, kn, panels int, a, b, c *float32, ldc int, ep *tileEpilogue) {
	switch rows {
	case 1:
		gemm1x16NEON(kn, panels, a, b, c, ldc, ep)
	case 2:
		gemm2x16NEON(kn, panels, a, b, c, ldc, ep)
	case 3:
		gemm3x16NEON(kn, panels, a, b, c, ldc, ep)
	case 4:
		gemm4x16NEON(kn, panels, a, b, c, ldc, ep)
	case 5:
		gemm5x16NEON(kn, panels, a, b, c, ldc, ep)
	case 6:
		gemm6x16NEON(kn, panels, a, b, c, ldc, ep)
	}
}

// direct computes n tiles of rows rows.
func direct(rows, kn, n int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher) {
	switch rows {
	case 1:
		direct1x16NEON(kn, n, a, b0, b1, off, c, ldc, fin)
	case 2:
		direct2x16NEON(kn, n, a, b0, b1, off, c, ldc, fin)
	case 3:
		direct3x16NEON(kn, n, a, b0, b1, off, c, ldc, fin)
	case 4:
		direct4x16NEON(kn, n, a, b0, b1, off, c, ldc, fin)
	case 5:
		direct5x16NEON(kn, n, a, b0, b1, off, c, ldc, fin)
	case 6:
		direct6x16NEON(kn, n, a, b0, b1, off, c, ldc, fin)
	}
}

func direct6x17(kn, n int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *finisher, b2, rest *float32) {
	direct6x17NEON(kn, n, a, b0, b1, off, c, ldc, fin, b2, rest)
}

func transformIn(args *winogradIn) { winogradInNEON(args) }

func transformOut(args *winogradOut) { winogradOutNEON(args) }

func product6x8(kn int, a, b, c *float32) { product6x8NEON(kn, a, b, c) }

func columns1(kn int, a, b, out *float32) { columns1NEON(kn, a, b, out) }

func columns4(kn int, a, b, out *float32) { columns4NEON(kn, a, b, out) }

// fastRow computes row i of as many whole groups of four panels as there are
// from column j0 on, and returns the number of columns.
func (t *tiles) fastRow(i, j0, j1 int) int {
	if !assembly {
		return 0
	}
	j := j0
	for ; j+4*NR <= j1; j += 4 * NR {
		row64NEON(t.kn, &t.a[0], &t.b[(j-t.j0)*t.kn], &t.tmp[0])
		t.mergeRow(i, j, 4*NR)
	}
	return j - j0
}

// packFast packs one full panel, if there is a kernel for the strides.
func packFast(dst, a []float32, kn, stride, kstride, width int) bool {
	switch {
	case !assembly:
	case width == NR && stride == 1:
		copyRowsNEON(&dst[0], &a[0], kn, kstride)
		return true
	case width == MR && kstride == 1 && kn >= 4:
		n := kn &^ 3
		transpose6NEON(&dst[0], &a[0], n, stride)
		for l := n; l < kn; l++ {
			for r := range MR {
				dst[l*MR+r] = a[r*stride+l]
			}
		}
		return true
	case width == NR && kstride == 1 && kn >= 4:
		n := kn &^ 3
		for r := 0; r < NR; r += 4 {
			transpose4NEON(&dst[r], &a[r*stride], n, stride)
		}
		for l := n; l < kn; l++ {
			for r := range NR {
				dst[l*NR+r] = a[r*stride+l]
			}
		}
		return true
	}
	return false
}

// copyRuns fills a panel from runs of which none reaches beyond end in src. It
// may write up to NR elements behind the panel.
func copyRuns(panel, src []float32, off []int32, end int, base, at []int32, n int) {
	if !assembly || end > len(src) || cap(panel) < len(panel)+NR {
		copyRunsGo(panel, src, off, base, at, n)
		return
	}
	copyRunsNEON(&panel[0], &src[0], &off[0], len(off), &base[0], &at[0], len(base))
}

// whole reports whether there are rows of n elements for a kernel, and checks
// that the last of them lies in dst and src.
func whole(dst, src []float32, rows, n, dstStride, srcStride, step int) bool {
	if !assembly || rows <= 0 || n <= 0 {
		return false
	}
	_, _ = dst[(rows-1)*dstStride+n-1], src[(rows-1)*srcStride+(n-1)*step]
	return true
}

// fillRows copies rows of n elements, step apart, from src into planes, with
// rows of dst and src the given strides apart, and fake-quantizes them if q is
// set. Nothing is written behind a row.
func fillRows(dst, src []float32, rows, n, dstStride, srcStride, step int, pad float32, q *Quantizer) {
	if step > 2 || !whole(dst, src, rows, n, dstStride, srcStride, step) {
		fillRowsGo(dst, src, rows, n, dstStride, srcStride, step, q)
		return
	}
	switch {
	case q == nil && step == 1:
		fillRows1NEON(&dst[0], &src[0], rows, n, dstStride, srcStride)
	case q == nil:
		fillRows2NEON(&dst[0], &src[0], rows, n, dstStride, srcStride)
	case step == 1:
		fillRows1QuantizedNEON(&dst[0], &src[0], rows, n, dstStride, srcStride, q.Scale, float32(q.Lo-q.Zero), float32(q.Hi-q.Zero))
	default:
		fillRows2QuantizedNEON(&dst[0], &src[0], rows, n, dstStride, srcStride, q.Scale, float32(q.Lo-q.Zero), float32(q.Hi-q.Zero))
	}
}

// finishRows stores rows of n elements of src, stride apart, in dst without
// gaps, with bias added and clamped.
func finishRows(dst, src []float32, rows, n, stride int, bias, lo, hi float32) {
	if !whole(dst, src, rows, n, n, stride, 1) {
		finishRowsGo(dst, src, rows, n, stride, bias, lo, hi)
		return
	}
	finishRowsNEON(&dst[0], &src[0], rows, n, n, stride, bias, lo, hi)
}

// quantizeRows fake-quantizes rows of n elements in place.
func quantizeRows(x []float32, rows, n, stride int, q Quantizer) {
	lo, hi := float32(q.Lo-q.Zero), float32(q.Hi-q.Zero)
	switch {
	case !whole(x, x, rows, n, stride, stride, 1):
		quantizeRowsGo(x, rows, n, stride, q)
	case q.high != 0:
		quantizeRowsByInverseNEON(&x[0], &x[0], rows, n, stride, stride, q.Scale, lo*q.Scale, hi*q.Scale, q.high, q.low)
	default:
		quantizeRowsNEON(&x[0], &x[0], rows, n, stride, stride, q.Scale, lo, hi)
	}
}
