//go:build !noasm

package f32

// runWide computes rows i0..i1 and columns j0..j1 with AVX-512: two panels of
// columns at a time, and edges under a mask. A few packed columns that are left
// are cheaper with the rows in vector lanes.
func (t *tiles) runWide(i0, i1, j0, j1 int) {
	for j := j0; j < j1; {
		n := min(2*NR, j1-j)
		switch whole := (j1 - j) / (2 * NR); {
		case t.kn <= sweepable && whole > 1 && (t.ep == nil || t.ep.ColBias == nil):
			t.wideSweep(i0, i1, j, whole)
			n = whole * 2 * NR
		case n <= 4 && t.off == nil:
			t.narrow(t.b[(j-t.j0)*t.kn:], i0, i1, j, n)
			if t.ep != nil && t.fused {
				t.ep.quantize(t.dst, t.ldc, i0, i1, j, j+n)
			}
		case n <= NR+4 && t.off == nil:
			n = min(n, NR)
			fallthrough
		default:
			t.wideColumns(i0, i1, j, n)
		}
		j += n
	}
}

// wideTile returns what a kernel does with the tile of n columns, at most 2·NR,
// whose first element is (i, j).
func (t *tiles) wideTile(i, j, n int) wideTile {
	w := wideTile{lo: -inf, hi: inf, mask: uint32(1<<n - 1)}
	if n == NR {
		w.mask = 1<<32 - 1
	}
	if t.add {
		w.add = 1
	}
	switch {
	case t.off == nil:
		b := t.b[(j-t.j0)*t.kn:]
		w.b0 = &b[0]
		if n > NR {
			w.b1 = &b[NR*t.kn]
		}
	default:
		w.b0 = &t.src[j]
		if n > NR {
			w.b1 = &t.src[j+NR]
		}
	}
	if t.ep == nil {
		return w
	}
	w.lo, w.hi, _ = t.ep.bounds()
	if t.ep.RowBias != nil {
		w.rowBias = &t.ep.RowBias[i]
	}
	if t.ep.ColBias != nil {
		w.colBias = &t.ep.ColBias[j]
	}
	if t.ep.Residual != nil {
		w.residual = &t.ep.Residual[i*t.ep.ResidualStride+j]
		w.stride = t.ep.ResidualStride
	}
	if t.fused {
		q := t.ep.Quant[0]
		q.check()
		w.quant, w.scale, w.least, w.most = 1, q.Scale, float32(q.Lo-q.Zero), float32(q.Hi-q.Zero)
	}
	return w
}

// wideColumns computes n columns, at most 2·NR: tiles of two panels of A, then
// one of one panel and one of what is left.
func (t *tiles) wideColumns(i0, i1, j, n int) {
	for i := i0; i < i1; {
		rows, count := wideRows(i, i1)
		w := t.wideTile(i, j, n)
		w.stepBias = 4 * rows
		t.wideRun(rows, count, n, t.a[(i-i0)*t.kn:], t.dst[i*t.ldc+j:], &w)
		i += rows * count
	}
}

// wideRows returns the height of the tile at row i, and how many there are.
func wideRows(i, i1 int) (rows, count int) {
	if count = (i1 - i) / (2 * MR); count > 0 {
		return 2 * MR, count
	}
	return min(MR, i1-i), 1
}

// wideSweep computes n tiles of 2·NR columns from j on, row after row of tiles.
func (t *tiles) wideSweep(i0, i1, j, n int) {
	for i := i0; i < i1; {
		rows, _ := wideRows(i, i1)
		w := t.wideTile(i, j, 2*NR)
		w.stepA = -4 * roundUp(rows, MR) * t.kn
		w.stepB = 4 * 2 * NR
		if t.off == nil {
			w.stepB *= t.kn
		}
		w.stepC, w.stepRest = 4*(2*NR-rows*t.ldc), 4*(2*NR-rows*w.stride)
		t.wideRun(rows, n, 2*NR, t.a[(i-i0)*t.kn:], t.dst[i*t.ldc+j:], &w)
		i += rows
	}
}

// wideRun computes count tiles of rows × n.
func (t *tiles) wideRun(rows, count, n int, a, c []float32, w *wideTile) {
	off := &packedOffsets[0]
	if t.off != nil {
		off = &t.off[0]
	}
	if n > NR {
		switch rows {
		case 12:
			gemm12x32AVX512(t.kn, count, &a[0], off, &c[0], t.ldc, w)
		case 6:
			gemm6x32AVX512(t.kn, count, &a[0], off, &c[0], t.ldc, w)
		case 5:
			gemm5x32AVX512(t.kn, count, &a[0], off, &c[0], t.ldc, w)
		case 4:
			gemm4x32AVX512(t.kn, count, &a[0], off, &c[0], t.ldc, w)
		case 3:
			gemm3x32AVX512(t.kn, count, &a[0], off, &c[0], t.ldc, w)
		case 2:
			gemm2x32AVX512(t.kn, count, &a[0], off, &c[0], t.ldc, w)
		case 1:
			gemm1x32AVX512(t.kn, count, &a[0], off, &c[0], t.ldc, w)
		}
		return
	}
	switch rows {
	case 12:
		gemm12x16AVX512(t.kn, count, &a[0], off, &c[0], t.ldc, w)
	case 6:
		gemm6x16AVX512(t.kn, count, &a[0], off, &c[0], t.ldc, w)
	case 5:
		gemm5x16AVX512(t.kn, count, &a[0], off, &c[0], t.ldc, w)
	case 4:
		gemm4x16AVX512(t.kn, count, &a[0], off, &c[0], t.ldc, w)
	case 3:
		gemm3x16AVX512(t.kn, count, &a[0], off, &c[0], t.ldc, w)
	case 2:
		gemm2x16AVX512(t.kn, count, &a[0], off, &c[0], t.ldc, w)
	case 1:
		gemm1x16AVX512(t.kn, count, &a[0], off, &c[0], t.ldc, w)
	}
}

// inPlace makes t read rows k0..k0+len(off) of B where they lie, and reports
// whether that pays: packing costs as much as some six rows of a product, but
// rows that lie a multiple of 2 KB apart push each other out of the L1 cache.
func (t *tiles) inPlace(b *Operand, off []int32, k0, rows int) bool {
	src, ok := b.Source.(*columns)
	if !ok || b.Quant != nil || src.p.wq != src.p.ow || rows > mc || src.each%512 == 0 {
		return false
	}
	src.offsets(off, k0)
	t.off, t.src = off, src.src
	return true
}
