//go:build !noasm

package f32

// runWide computes rows i0..i1 and columns j0..j1 with AVX-512: two panels of
// columns at a time, and edges under a mask. A few columns that are left are
// cheaper with the rows in vector lanes.
func (t *tiles) runWide(i0, i1, j0, j1 int) {
	for j := j0; j < j1; {
		b := t.b[(j-t.j0)*t.kn:]
		n := min(2*NR, j1-j)
		if n <= 4 {
			t.narrow(b, i0, i1, j, n)
		} else {
			if n <= NR+4 {
				n = min(n, NR)
			}
			t.wideColumns(b, i0, i1, j, n)
		}
		j += n
	}
}

// wideColumns computes n columns, at most 2·NR, of one or two panels b: tiles
// of two panels of A, then one of one panel and one of what is left.
func (t *tiles) wideColumns(b []float32, i0, i1, j, n int) {
	for i := i0; i < i1; {
		rows, count := 2*MR, (i1-i)/(2*MR)
		if count == 0 {
			rows, count = min(MR, i1-i), 1
		}
		ep := t.epilogue(i, j)
		ep.mask = uint32(1<<n - 1)
		a, b, c := &t.a[(i-i0)*t.kn], &b[0], &t.dst[i*t.ldc+j]
		if n > NR {
			switch rows {
			case 12:
				gemm12x32AVX512(t.kn, count, a, b, c, t.ldc, &ep)
			case 6:
				gemm6x32AVX512(t.kn, count, a, b, c, t.ldc, &ep)
			case 5:
				gemm5x32AVX512(t.kn, count, a, b, c, t.ldc, &ep)
			case 4:
				gemm4x32AVX512(t.kn, count, a, b, c, t.ldc, &ep)
			case 3:
				gemm3x32AVX512(t.kn, count, a, b, c, t.ldc, &ep)
			case 2:
				gemm2x32AVX512(t.kn, count, a, b, c, t.ldc, &ep)
			case 1:
				gemm1x32AVX512(t.kn, count, a, b, c, t.ldc, &ep)
			}
		} else {
			switch rows {
			case 12:
				gemm12x16AVX512(t.kn, count, a, b, c, t.ldc, &ep)
			case 6:
				gemm6x16AVX512(t.kn, count, a, b, c, t.ldc, &ep)
			case 5:
				gemm5x16AVX512(t.kn, count, a, b, c, t.ldc, &ep)
			case 4:
				gemm4x16AVX512(t.kn, count, a, b, c, t.ldc, &ep)
			case 3:
				gemm3x16AVX512(t.kn, count, a, b, c, t.ldc, &ep)
			case 2:
				gemm2x16AVX512(t.kn, count, a, b, c, t.ldc, &ep)
			case 1:
				gemm1x16AVX512(t.kn, count, a, b, c, t.ldc, &ep)
			}
		}
		i += rows * count
	}
}
