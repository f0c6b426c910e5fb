//go:build !noasm

package f32

func gemmRows(rows, kn, panels int, a, b, c *float32, ldc int, ep *tileEpilogue) {
	switch rows {
	case 1:
		gemm1x16AVX2(kn, panels, a, b, c, ldc, ep)
	case 2:
		gemm2x16AVX2(kn, panels, a, b, c, ldc, ep)
	case 3:
		gemm3x16AVX2(kn, panels, a, b, c, ldc, ep)
	case 4:
		gemm4x16AVX2(kn, panels, a, b, c, ldc, ep)
	case 5:
		gemm5x16AVX2(kn, panels, a, b, c, ldc, ep)
	case 6:
		gemm6x16AVX2(kn, panels, a, b, c, ldc, ep)
	}
}

func product6x8(kn int, a, b, c *float32) { product6x8AVX2(kn, a, b, c) }

func columns1(kn int, a, b, out *float32) { columns1AVX2(kn, a, b, out) }

func columns4(kn int, a, b, out *float32) { columns4AVX2(kn, a, b, out) }

// packFast packs one full panel, if there is a kernel for the strides.
func packFast(dst, a []float32, kn, stride, kstride, width int) bool {
	switch {
	case !assembly:
	case width == NR && stride == 1:
		if wide {
			copyRowsAVX512(&dst[0], &a[0], kn, kstride)
		} else {
			copyRowsAVX2(&dst[0], &a[0], kn, kstride)
		}
		return true
	case width == MR && kstride == 1 && kn >= 4:
		n := kn &^ 3
		transpose6AVX2(&dst[0], &a[0], n, stride)
		for l := n; l < kn; l++ {
			for r := range MR {
				dst[l*MR+r] = a[r*stride+l]
			}
		}
		return true
	case width == NR && kstride == 1 && kn >= 4:
		n := kn &^ 3
		for r := 0; r < NR; r += 4 {
			transpose4AVX2(&dst[r], &a[r*stride], n, stride)
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

// fastRow computes row i of as many whole groups of four panels as there are
// from column j0 on, and returns the number of columns.
func (t *tiles) fastRow(i, j0, j1 int) int {
	if !assembly {
		return 0
	}
	j := j0
	if wide {
		for ; j+8*NR <= j1; j += 8 * NR {
			row128AVX512(t.kn, &t.a[0], &t.b[(j-t.j0)*t.kn], &t.tmp[0])
			t.mergeRow(i, j, 8*NR)
		}
	}
	for ; j+4*NR <= j1; j += 4 * NR {
		row64AVX2(t.kn, &t.a[0], &t.b[(j-t.j0)*t.kn], &t.tmp[0])
		t.mergeRow(i, j, 4*NR)
	}
	return j - j0
}

// copyRuns fills a panel from runs of which none reaches beyond end in src. It
// may write up to NR elements behind the panel.
func copyRuns(panel, src []float32, off []int32, end int, base, at []int32, n int) {
	if !assembly || end > len(src) || cap(panel) < len(panel)+NR {
		copyRunsGo(panel, src, off, base, at, n)
		return
	}
	if wide {
		copyRunsAVX512(&panel[0], &src[0], &off[0], len(off), &base[0], &at[0], len(base))
		return
	}
	copyRunsAVX2(&panel[0], &src[0], &off[0], len(off), &base[0], &at[0], len(base))
}

// finishRows stores rows of n elements of src, stride apart, in dst without
// gaps, with bias added and clamped. It may read and change src up to seven
// elements behind a row.
func finishRows(dst, src []float32, rows, n, stride int, bias, lo, hi float32) {
	if wide && n > 0 && rows > 0 {
		_, _ = dst[rows*n-1], src[(rows-1)*stride+n-1]
		finishRowsAVX512(&dst[0], &src[0], rows, n, n, stride, bias, lo, hi)
		return
	}
	if !assembly || (rows-1)*stride+roundUp(n, 8) > len(src) {
		finishRowsGo(dst, src, rows, n, stride, bias, lo, hi)
		return
	}
	_ = dst[rows*n-1]
	inside := 0 // rows that the kernel can write without leaving dst
	if whole := roundUp(n, 8); rows*n >= whole {
		inside = (rows*n-whole)/n + 1
		finishRowsAVX2(&dst[0], &src[0], inside, n, n, stride, bias, lo, hi)
	}
	for y := rows - 1; y >= inside; y-- { // backwards: a row spoils those behind it
		row := src[y*stride:]
		finishRowsAVX2(&row[0], &row[0], 1, n, n, stride, bias, lo, hi)
		copy(dst[y*n:(y+1)*n], row)
	}
}
