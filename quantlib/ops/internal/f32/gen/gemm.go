package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets in tileEpilogue.
const (
	epAdd      = 0
	epRowBias  = 8
	epColBias  = 16
	epResidual = 24
	epStride   = 32
	epLo       = 40
	epHi       = 44
)

// gemm computes panels of A, of which the first rows count, times one panel of
// B, with the epilogue of each tile while it is in registers.
func gemm(rows int) {
	TEXT(fmt.Sprintf("gemm%dx16AVX2", rows), NOSPLIT, "func(kn, panels int, a, b, c *float32, ldc int, ep *byte)")
	kn, panels, a, b, c, ldc, ep := arg("kn"), arg("panels"), arg("a"), arg("b"), arg("c"), arg("ldc"), arg("ep")
	SHLQ(Imm(2), ldc)
	rb, rp := GP64(), GP64()
	MOVQ(ptr(ep, epRowBias), rb)
	MOVQ(ptr(ep, epResidual), rp)

	Label("panel")
	acc := zeroed(2 * rows)
	bp, k, cp := GP64(), GP64(), GP64()
	MOVQ(b, bp)
	MOVQ(kn, k)
	MOVQ(c, cp)
	for range rows {
		PREFETCHT0(ptr(cp, 0))
		ADDQ(ldc, cp)
	}
	step := func(u int) {
		b0, b1 := YMM(), YMM()
		VMOVUPS(ptr(bp, u*nr*4), b0)
		VMOVUPS(ptr(bp, u*nr*4+32), b1)
		for r := range rows {
			v := YMM()
			VBROADCASTSS(ptr(a, (u*mr+r)*4), v)
			VFMADD231PS(b0, v, acc[2*r])
			VFMADD231PS(b1, v, acc[2*r+1])
		}
	}
	SUBQ(Imm(4), k)
	JLT(LabelRef("rest"))
	Label("loop")
	for u := range 4 {
		step(u)
	}
	ADDQ(Imm(4*mr*4), a)
	ADDQ(U32(4*nr*4), bp)
	SUBQ(Imm(4), k)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(4), k)
	JEQ(LabelRef("summed"))
	Label("one")
	step(0)
	ADDQ(Imm(mr*4), a)
	ADDQ(Imm(nr*4), bp)
	DECQ(k)
	JNE(LabelRef("one"))
	Label("summed")

	CMPQ(ptr(ep, epAdd), Imm(0))
	JEQ(LabelRef("added"))
	MOVQ(c, cp)
	for r := range rows {
		VADDPS(ptr(cp, 0), acc[2*r], acc[2*r])
		VADDPS(ptr(cp, 32), acc[2*r+1], acc[2*r+1])
		ADDQ(ldc, cp)
	}
	Label("added")
	TESTQ(rb, rb)
	JEQ(LabelRef("norows"))
	for r := range rows {
		v := YMM()
		VBROADCASTSS(ptr(rb, 4*r), v)
		VADDPS(v, acc[2*r], acc[2*r])
		VADDPS(v, acc[2*r+1], acc[2*r+1])
	}
	ADDQ(Imm(4*mr), rb)
	Label("norows")
	cb := GP64()
	MOVQ(ptr(ep, epColBias), cb)
	TESTQ(cb, cb)
	JEQ(LabelRef("nocolumns"))
	v0, v1 := YMM(), YMM()
	VMOVUPS(ptr(cb, 0), v0)
	VMOVUPS(ptr(cb, 32), v1)
	for r := range rows {
		VADDPS(v0, acc[2*r], acc[2*r])
		VADDPS(v1, acc[2*r+1], acc[2*r+1])
	}
	Label("nocolumns")
	TESTQ(rp, rp)
	JEQ(LabelRef("noresidual"))
	stride := GP64()
	MOVQ(ptr(ep, epStride), stride)
	for r := range rows {
		VADDPS(ptr(rp, 0), acc[2*r], acc[2*r])
		VADDPS(ptr(rp, 32), acc[2*r+1], acc[2*r+1])
		LEAQ(Mem{Base: rp, Index: stride, Scale: 4}, rp)
	}
	Label("noresidual")
	lo, hi := YMM(), YMM()
	VBROADCASTSS(ptr(ep, epLo), lo)
	VBROADCASTSS(ptr(ep, epHi), hi)
	for r := range rows {
		for _, v := range acc[2*r : 2*r+2] {
			VMAXPS(v, lo, v)
			VMINPS(v, hi, v)
		}
		VMOVUPS(acc[2*r], ptr(c, 0))
		VMOVUPS(acc[2*r+1], ptr(c, 32))
		ADDQ(ldc, c)
	}
	DECQ(panels)
	JNE(LabelRef("panel"))
	VZEROUPPER()
	RET()
}

// product6x8 writes the chains of the left half of a tile to c, [6][16].
func product6x8() {
	TEXT("product6x8AVX2", NOSPLIT, "func(kn int, a, b, c *float32)")
	k, a, b, c := arg("kn"), arg("a"), arg("b"), arg("c")
	acc := zeroed(mr)
	Label("loop")
	b0 := YMM()
	VMOVUPS(ptr(b, 0), b0)
	for r := range mr {
		v := YMM()
		VBROADCASTSS(ptr(a, 4*r), v)
		VFMADD231PS(b0, v, acc[r])
	}
	ADDQ(Imm(mr*4), a)
	ADDQ(Imm(nr*4), b)
	DECQ(k)
	JNE(LabelRef("loop"))
	for r := range mr {
		VMOVUPS(acc[r], ptr(c, r*nr*4))
	}
	VZEROUPPER()
	RET()
}

// columns1 writes the chains of eight panels of A times the first column of a
// panel of B to out, [8 panels][8], of which 6 count.
func columns1() {
	TEXT("columns1AVX2", NOSPLIT, "func(kn int, a, b, out *float32)")
	k, a, b, out := arg("kn"), arg("a"), arg("b"), arg("out")
	s, s3, a4 := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: k, Index: k, Scale: 2}, s) // a panel is 24 kn bytes
	SHLQ(Imm(3), s)
	LEAQ(Mem{Base: s, Index: s, Scale: 2}, s3)
	LEAQ(Mem{Base: a, Index: s, Scale: 4}, a4)
	acc := zeroed(8)
	Label("loop")
	v := YMM()
	VBROADCASTSS(ptr(b, 0), v)
	for i, base := range []GPVirtual{a, a4} {
		VFMADD231PS(Mem{Base: base}, v, acc[4*i])
		VFMADD231PS(Mem{Base: base, Index: s, Scale: 1}, v, acc[4*i+1])
		VFMADD231PS(Mem{Base: base, Index: s, Scale: 2}, v, acc[4*i+2])
		VFMADD231PS(Mem{Base: base, Index: s3, Scale: 1}, v, acc[4*i+3])
	}
	ADDQ(Imm(mr*4), a)
	ADDQ(Imm(mr*4), a4)
	ADDQ(Imm(nr*4), b)
	DECQ(k)
	JNE(LabelRef("loop"))
	for i, v := range acc {
		VMOVUPS(v, ptr(out, 32*i))
	}
	VZEROUPPER()
	RET()
}

// columns4 writes the chains of two panels of A times the first four columns
// of a panel of B to out, [2 panels][4 columns][8], of which 6 count.
func columns4() {
	TEXT("columns4AVX2", NOSPLIT, "func(kn int, a, b, out *float32)")
	k, a, b, out := arg("kn"), arg("a"), arg("b"), arg("out")
	s := GP64()
	LEAQ(Mem{Base: k, Index: k, Scale: 2}, s)
	SHLQ(Imm(3), s)
	acc := zeroed(8)
	Label("loop")
	a0, a1 := YMM(), YMM()
	VMOVUPS(ptr(a, 0), a0)
	VMOVUPS(Mem{Base: a, Index: s, Scale: 1}, a1)
	for c := range 4 {
		v := YMM()
		VBROADCASTSS(ptr(b, 4*c), v)
		VFMADD231PS(a0, v, acc[c])
		VFMADD231PS(a1, v, acc[4+c])
	}
	ADDQ(Imm(mr*4), a)
	ADDQ(Imm(nr*4), b)
	DECQ(k)
	JNE(LabelRef("loop"))
	for i, v := range acc {
		VMOVUPS(v, ptr(out, 32*i))
	}
	VZEROUPPER()
	RET()
}

// row64 writes the chains of the first row of a panel of A times four panels
// of B to out, [64].
func row64() {
	TEXT("row64AVX2", NOSPLIT, "func(kn int, a, b, out *float32)")
	k, a, b, out := arg("kn"), arg("a"), arg("b"), arg("out")
	s, s3 := GP64(), GP64()
	MOVQ(k, s)
	SHLQ(Imm(6), s) // a panel is 64 kn bytes
	LEAQ(Mem{Base: s, Index: s, Scale: 2}, s3)
	acc := zeroed(8)
	Label("loop")
	v := YMM()
	VBROADCASTSS(ptr(a, 0), v)
	for h := range 2 {
		VFMADD231PS(Mem{Base: b, Disp: 32 * h}, v, acc[h])
		VFMADD231PS(Mem{Base: b, Index: s, Scale: 1, Disp: 32 * h}, v, acc[2+h])
		VFMADD231PS(Mem{Base: b, Index: s, Scale: 2, Disp: 32 * h}, v, acc[4+h])
		VFMADD231PS(Mem{Base: b, Index: s3, Scale: 1, Disp: 32 * h}, v, acc[6+h])
	}
	ADDQ(Imm(mr*4), a)
	ADDQ(Imm(nr*4), b)
	DECQ(k)
	JNE(LabelRef("loop"))
	for i, v := range acc {
		VMOVUPS(v, ptr(out, 32*i))
	}
	VZEROUPPER()
	RET()
}

// fmaPeak runs 96·n multiply-adds of vectors, of which twelve in a row do not
// depend on each other, for the measured peak that benchmarks are related to.
func fmaPeak() {
	text("fmaPeak", "func(n int)")
	n := arg("n")
	acc := zeroed(12)
	x, y := vec(), vec()
	zero(x)
	zero(y)
	Label("loop")
	for range 8 {
		for _, v := range acc {
			VFMADD231PS(x, y, v)
		}
	}
	DECQ(n)
	JNE(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
