//go:build !noasm

package f32

// fast computes rows i0..i1 of the n columns from j on, which are one panel b.
func (t *tiles) fast(b []float32, i0, i1, j, n int) bool {
	if !assembly {
		return false
	}
	switch {
	case n == NR:
		t.columnPanel(b, i0, i1, j)
	case n <= 4:
		t.narrow(b, i0, i1, j, n)
	default:
		for i := i0; i < i1; i += MR {
			a := t.a[(i-i0)*t.kn:]
			if n <= 8 {
				product6x8AVX2(t.kn, &a[0], &b[0], &t.tmp[0])
			} else {
				ep := tileEpilogue{lo: -inf, hi: inf}
				gemm6x16AVX2(t.kn, 1, &a[0], &b[0], &t.tmp[0], NR, &ep)
			}
			t.merge(i, j, min(MR, i1-i), n)
		}
	}
	return true
}

// epilogue returns what a kernel does with a tile whose first element is (i, j).
func (t *tiles) epilogue(i, j int) tileEpilogue {
	ep := tileEpilogue{lo: -inf, hi: inf}
	if t.add {
		ep.add = 1
	}
	if t.ep != nil {
		ep.lo, ep.hi, _ = t.ep.bounds()
		if t.ep.RowBias != nil {
			ep.rowBias = &t.ep.RowBias[i]
		}
		if t.ep.ColBias != nil {
			ep.colBias = &t.ep.ColBias[j]
		}
		if t.ep.Residual != nil {
			ep.residual = &t.ep.Residual[i*t.ep.ResidualStride+j]
			ep.stride = t.ep.ResidualStride
		}
	}
	return ep
}

// columnPanel computes a whole panel of columns.
func (t *tiles) columnPanel(b []float32, i0, i1, j int) {
	ep := t.epilogue(i0, j)
	full := (i1 - i0) / MR
	if full > 0 {
		gemm6x16AVX2(t.kn, full, &t.a[0], &b[0], &t.dst[i0*t.ldc+j], t.ldc, &ep)
	}
	i := i0 + full*MR
	if i == i1 {
		return
	}
	if full > 0 {
		ep = t.epilogue(i, j)
	}
	a, c := &t.a[(i-i0)*t.kn], &t.dst[i*t.ldc+j]
	switch i1 - i {
	case 1:
		gemm1x16AVX2(t.kn, 1, a, &b[0], c, t.ldc, &ep)
	case 2:
		gemm2x16AVX2(t.kn, 1, a, &b[0], c, t.ldc, &ep)
	case 3:
		gemm3x16AVX2(t.kn, 1, a, &b[0], c, t.ldc, &ep)
	case 4:
		gemm4x16AVX2(t.kn, 1, a, &b[0], c, t.ldc, &ep)
	case 5:
		gemm5x16AVX2(t.kn, 1, a, &b[0], c, t.ldc, &ep)
	}
}

// narrow computes n <= 4 columns, with the rows in vector lanes.
func (t *tiles) narrow(b []float32, i0, i1, j, n int) {
	i := i0
	for i < i1 {
		a := t.a[(i-i0)*t.kn:]
		switch left := i1 - i; {
		case n == 1 && left > 7*MR:
			columns1AVX2(t.kn, &a[0], &b[0], &t.tmp[0])
			for p := range 8 {
				t.mergeColumns(t.tmp[8*p:], i+p*MR, j, min(MR, i1-i-p*MR), 1)
			}
			i += 8 * MR
		case left > MR:
			columns4AVX2(t.kn, &a[0], &b[0], &t.tmp[0])
			for p := range 2 {
				t.mergeColumns(t.tmp[32*p:], i+p*MR, j, min(MR, i1-i-p*MR), n)
			}
			i += 2 * MR
		default:
			product6x8AVX2(t.kn, &a[0], &b[0], &t.tmp[0])
			t.merge(i, j, left, n)
			i += MR
		}
	}
}

func (t *tiles) mergeColumns(src []float32, i, j, m, n int) {
	for r := range m {
		row := t.dst[(i+r)*t.ldc+j:][:n]
		for c := range row {
			if v := src[8*c+r]; t.add {
				row[c] += v
			} else {
				row[c] = v
			}
		}
	}
	if t.ep != nil {
		t.ep.apply(t.dst, t.ldc, i, i+m, j, j+n)
	}
}

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

// mergeRow is merge for n chains of one row.
func (t *tiles) mergeRow(i, j, n int) {
	row := t.dst[i*t.ldc+j:][:n]
	if t.add {
		Add(row, row, t.tmp[:n])
	} else {
		copy(row, t.tmp)
	}
	if t.ep != nil {
		t.ep.apply(t.dst, t.ldc, i, i+1, j, j+n)
	}
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
