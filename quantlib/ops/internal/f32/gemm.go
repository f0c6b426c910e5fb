package f32

import "fmt"

// Gemm is a matrix product with everything that happens to its elements while
// they are in registers or cache:
//
//	C[i,j] = quant(act(((A·B)[i,j] + bias) + residual))
//
// with A of M×K, B of K×N. With Accumulate, A·B is added to what C holds:
// (C + first chain) + second chain …
//
// A Gemm may be run by several goroutines on disjoint parts at a time.
type Gemm struct {
	M, N, K    int
	A, B       Operand
	Accumulate bool
	Epilogue   Epilogue
}

// ScratchLen is the length of the scratch memory, in elements, that suffices
// for any Gemm; it stays in the L2 cache.
const ScratchLen = KC*nc + KC*mc + tileLen + 4*slack

// tileLen is the room for what one kernel computes: MR×NR, or one row of eight
// panels.
const tileLen = 8 * NR

// Run computes C, row-major with ldc elements between rows, into dst.
//
// It panics if a size does not fit or scratch is shorter than ScratchLen.
func (g *Gemm) Run(dst []float32, ldc int, scratch []float32) {
	g.RunPart(dst, ldc, 0, g.M, 0, g.N, scratch)
}

// RunPart computes rows i0..i1 and columns j0..j1 of C, with the same bits as
// Run. dst, bias and residual are those of the whole product. Where A is
// packed, i0 is a multiple of MR; where B is packed, j0 is one of NR.
//
// It panics as Run does, or if i0 or j0 is not such a multiple.
func (g *Gemm) RunPart(dst []float32, ldc, i0, i1, j0, j1 int, scratch []float32) {
	g.check(dst, ldc, i0, i1, j0, j1, scratch)
	if i0 >= i1 || j0 >= j1 {
		return
	}
	bbuf, scratch := scratch[:KC*nc+slack], scratch[KC*nc+slack:]
	abuf, scratch := scratch[:KC*mc+slack], scratch[KC*mc+slack:]
	tmp := scratch[:tileLen]

	if g.K == 0 {
		for i := i0; i < i1; i++ {
			if row := dst[i*ldc+j0 : i*ldc+j1]; !g.Accumulate {
				clear(row)
			}
		}
		g.Epilogue.apply(dst, ldc, i0, i1, j0, j1)
		g.Epilogue.quantize(dst, ldc, i0, i1, j0, j1)
		return
	}
	var off [KC]int32
	nb := nc
	if g.B.Packed != nil {
		nb = j1 - j0 // nothing to pack: take A's block through all of B
	}
	for jc := j0; jc < j1; jc += nb {
		je := min(jc+nb, j1)
		for k0 := 0; k0 < g.K; k0 += KC {
			k1 := min(k0+KC, g.K)
			t := tiles{
				kn: k1 - k0, dst: dst, ldc: ldc, tmp: tmp,
				j0: jc, add: g.Accumulate || k0 > 0,
			}
			if k1 == g.K {
				t.ep, t.fused = &g.Epilogue, wide && len(g.Epilogue.Quant) == 1
			}
			if !wide || !t.inPlace(&g.B, off[:k1-k0], k0, i1-i0) {
				t.b = g.B.pack(bbuf, k0, k1, jc, je, NR)
			}
			tiny := !assembly && g.B.tiny(t.b, roundUp(je-jc, NR)*t.kn)
			for ic := i0; ic < i1; ic += mc {
				ie := min(ic+mc, i1)
				t.a = g.A.pack(abuf, k0, k1, ic, ie, MR)
				t.careful = tiny || !assembly && g.A.tiny(t.a, roundUp(ie-ic, MR)*t.kn)
				t.run(ic, ie, jc, je)
				if t.ep != nil && !t.fused {
					t.ep.quantize(dst, ldc, ic, ie, jc, je)
				}
			}
		}
	}
}

// tiles is one block of rows times one block of columns over one block of k.
type tiles struct {
	kn      int
	a, b    []float32 // panels from the block's first row and column on
	j0      int       // the block's first column
	dst     []float32
	ldc     int
	add     bool      // to what dst holds
	ep      *Epilogue // nil before the last block of k
	fused   bool      // the quantizer of ep is part of it
	off     []int32   // if set, entries of B lie in src as columns.offsets says
	src     []float32
	tmp     []float32 // [tileLen]
	careful bool      // see tinyFactor
}

func (t *tiles) run(i0, i1, j0, j1 int) {
	if i1-i0 == 1 && t.off == nil {
		n := t.fastRow(i0, j0, j1)
		if t.ep != nil && t.fused {
			t.ep.quantize(t.dst, t.ldc, i0, i1, j0, j0+n)
		}
		j0 += n
	}
	if wide {
		t.runWide(i0, i1, j0, j1)
		return
	}
	for j := j0; j < j1; j += NR {
		b := t.b[(j-t.j0)*t.kn:]
		n := min(NR, j1-j)
		if t.fast(b, i0, i1, j, n) {
			continue
		}
		for i := i0; i < i1; i += MR {
			m := min(MR, i1-i)
			productGo(t.kn, t.a[(i-i0)*t.kn:], b, t.tmp, m, n, t.careful)
			t.merge(i, j, m, n)
		}
	}
}

// merge adds the m×n chains in tmp to C, or stores them there, and finishes.
func (t *tiles) merge(i, j, m, n int) {
	for r := range m {
		row := t.dst[(i+r)*t.ldc+j:][:n]
		src := t.tmp[r*NR:][:n]
		if t.add {
			for c := range row {
				row[c] += src[c]
			}
		} else {
			copy(row, src)
		}
	}
	if t.ep != nil {
		t.ep.apply(t.dst, t.ldc, i, i+m, j, j+n)
	}
}

func (g *Gemm) check(dst []float32, ldc, i0, i1, j0, j1 int, scratch []float32) {
	bad := func(format string, args ...any) {
		panic(fmt.Sprintf("f32: product %d×%d×%d: ", g.M, g.N, g.K) + fmt.Sprintf(format, args...))
	}
	switch {
	case g.M < 0 || g.N < 0 || g.K < 0:
		bad("negative size")
	case i0 < 0 || i1 > g.M || j0 < 0 || j1 > g.N:
		bad("part %d..%d × %d..%d lies outside", i0, i1, j0, j1)
	case i0 < i1 && j0 < j1 && (ldc < g.N || (i1-1)*ldc+j1 > len(dst)):
		bad("dst has %d elements in rows of %d", len(dst), ldc)
	case len(scratch) < ScratchLen:
		bad("scratch has %d elements, not %d", len(scratch), ScratchLen)
	case g.A.Packed != nil && (g.A.Packed.width != MR || g.A.Packed.n != g.M || g.A.Packed.k != g.K):
		bad("A is packed as %d×%d in panels of %d", g.A.Packed.n, g.A.Packed.k, g.A.Packed.width)
	case g.B.Packed != nil && (g.B.Packed.width != NR || g.B.Packed.n != g.N || g.B.Packed.k != g.K):
		bad("B is packed as %d×%d in panels of %d", g.B.Packed.k, g.B.Packed.n, g.B.Packed.width)
	case g.A.Packed != nil && i0%MR != 0:
		bad("part starts at row %d, not a multiple of %d", i0, MR)
	case g.B.Packed != nil && j0%NR != 0:
		bad("part starts at column %d, not a multiple of %d", j0, NR)
	}
	g.Epilogue.check(g.M, g.N)
}
