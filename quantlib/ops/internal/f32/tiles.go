//go:build !noasm && (amd64 || arm64)

package f32

//go:generate go -C gen run ./neon -out ../kernels_arm64.s

// How products are put together from kernels of six rows and sixteen columns,
// with AVX2 or NEON.

// tileEpilogue is what a gemm kernel does with a tile; nil parts are left out.
type tileEpilogue struct {
	add      int // non-zero: to what dst holds
	rowBias  *float32
	colBias  *float32
	residual *float32
	stride   int // of residual
	lo, hi   float32
}

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
				product6x8(t.kn, &a[0], &b[0], &t.tmp[0])
			} else {
				ep := tileEpilogue{lo: -inf, hi: inf}
				gemmRows(MR, t.kn, 1, &a[0], &b[0], &t.tmp[0], NR, &ep)
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
		gemmRows(MR, t.kn, full, &t.a[0], &b[0], &t.dst[i0*t.ldc+j], t.ldc, &ep)
	}
	i := i0 + full*MR
	if i == i1 {
		return
	}
	if full > 0 {
		ep = t.epilogue(i, j)
	}
	gemmRows(i1-i, t.kn, 1, &t.a[(i-i0)*t.kn], &b[0], &t.dst[i*t.ldc+j], t.ldc, &ep)
}

// narrow computes n <= 4 columns, with the rows in vector lanes.
func (t *tiles) narrow(b []float32, i0, i1, j, n int) {
	i := i0
	for i < i1 {
		a := t.a[(i-i0)*t.kn:]
		switch left := i1 - i; {
		case n == 1 && left > 7*MR:
			columns1(t.kn, &a[0], &b[0], &t.tmp[0])
			for p := range 8 {
				t.mergeColumns(t.tmp[8*p:], i+p*MR, j, min(MR, i1-i-p*MR), 1)
			}
			i += 8 * MR
		case left > MR:
			columns4(t.kn, &a[0], &b[0], &t.tmp[0])
			for p := range 2 {
				t.mergeColumns(t.tmp[32*p:], i+p*MR, j, min(MR, i1-i-p*MR), n)
			}
			i += 2 * MR
		default:
			product6x8(t.kn, &a[0], &b[0], &t.tmp[0])
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
