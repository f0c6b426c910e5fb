package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets in wideTile.
const (
	wtB0       = 0
	wtB1       = 8
	wtMask     = 16
	wtAdd      = 20
	wtRowBias  = 24
	wtColBias  = 32
	wtResidual = 40
	wtStride   = 48
	wtLo       = 56
	wtHi       = 60
	wtQuant    = 64
	wtScale    = 68
	wtLeast    = 72
	wtMost     = 76
	wtStepA    = 80
	wtStepB    = 88
	wtStepC    = 96
	wtStepBias = 104
	wtStepRest = 112
)

// ahead is how far before its use A is fetched, in bytes: 64 steps of k, or some
// 400 cycles.
const ahead = 64 * mr * 4

// gemm512 computes tiles of rows × 16·vectors: two panels of A, or one of
// which the first rows count, times one or two vectors of B, entry l of which
// are at b0[off[l]] and b1[off[l]]. Each tile is finished while it is in
// registers, and stored under the mask; then the steps lead to the next. Twelve rows times two vectors leave 24
// chains in registers, and take 14 loads for 24 multiply-adds.
func gemm512(rows, vectors int) {
	text(fmt.Sprintf("gemm%dx%d", rows, 16*vectors), "func(kn, count int, a *float32, off *int32, c *float32, ldc int, t *byte)")
	a, c, ldc, t := arg("a"), arg("c"), arg("ldc"), arg("t")
	count, err := Param("count").Resolve()
	if err != nil {
		panic(err)
	}
	SHLQ(Imm(2), ldc)
	b, aStep := [2]GPVirtual{GP64(), GP64()}, GP64()
	MOVQ(ptr(t, wtB0), b[0])
	if vectors == 2 {
		MOVQ(ptr(t, wtB1), b[1])
	}
	if rows > mr { // bytes of a panel
		kn := arg("kn")
		LEAQ(Mem{Base: kn, Index: kn, Scale: 2}, aStep)
		SHLQ(Imm(3), aStep)
	}
	bias, rest, mask := GP64(), GP64(), GP32()
	MOVQ(ptr(t, wtRowBias), bias)
	MOVQ(ptr(t, wtResidual), rest)
	MOVL(ptr(t, wtMask), mask)
	part := []Op{K(), K()}[:vectors]
	KMOVW(mask, part[0])
	if vectors == 2 {
		SHRL(Imm(16), mask)
		KMOVW(mask, part[1])
	}
	at := func(base GPVirtual, v int) Mem { return ptr(base, 64*v) }

	Label("tile")
	acc := zeroed(rows * vectors)
	k, offp, cp := arg("kn"), arg("off"), GP64()
	MOVQ(c, cp)
	for range rows {
		PREFETCHT0(ptr(cp, 0))
		ADDQ(ldc, cp)
	}
	step := func(u int) {
		o := GP64()
		MOVLQSX(ptr(offp, 4*u), o)
		bv := make([]VecVirtual, vectors)
		for v := range bv {
			bv[v] = vec()
			VMOVUPS_Z(Mem{Base: b[v], Index: o, Scale: 4}, part[v], bv[v])
		}
		for r := range rows {
			m := ptr(a, (u*mr+r%mr)*4)
			if r >= mr {
				m.Index, m.Scale = aStep, 1
			}
			if vectors == 1 {
				VFMADD231PS_BCST(m, bv[0], acc[r])
				continue
			}
			x := vec()
			VBROADCASTSS(m, x)
			for v := range bv {
				VFMADD231PS(bv[v], x, acc[r*vectors+v])
			}
		}
	}
	SUBQ(Imm(4), k)
	JLT(LabelRef("rest"))
	Label("loop")
	PREFETCHT0(ptr(a, ahead))
	PREFETCHT0(ptr(a, ahead+64))
	if rows > mr {
		PREFETCHT0(Mem{Base: a, Index: aStep, Scale: 1, Disp: ahead})
		PREFETCHT0(Mem{Base: a, Index: aStep, Scale: 1, Disp: ahead + 64})
	}
	for u := range 4 {
		step(u)
	}
	ADDQ(Imm(4*mr*4), a)
	ADDQ(Imm(16), offp)
	SUBQ(Imm(4), k)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(4), k)
	JEQ(LabelRef("summed"))
	Label("one")
	step(0)
	ADDQ(Imm(mr*4), a)
	ADDQ(Imm(4), offp)
	DECQ(k)
	JNE(LabelRef("one"))
	Label("summed")
	if rows > mr {
		ADDQ(aStep, a)
	}

	CMPL(ptr(t, wtAdd), Imm(0))
	JEQ(LabelRef("added"))
	MOVQ(c, cp)
	for r := range rows {
		for v := range vectors {
			x := acc[r*vectors+v]
			VADDPS(at(cp, v), x, part[v], x)
		}
		ADDQ(ldc, cp)
	}
	Label("added")
	TESTQ(bias, bias)
	JEQ(LabelRef("norows"))
	for r := range rows {
		for _, x := range acc[r*vectors:][:vectors] {
			VADDPS_BCST(ptr(bias, 4*r), x, x)
		}
	}
	ADDQ(ptr(t, wtStepBias), bias)
	Label("norows")
	columns := GP64()
	MOVQ(ptr(t, wtColBias), columns)
	TESTQ(columns, columns)
	JEQ(LabelRef("nocolumns"))
	for v := range vectors {
		y := vec()
		VMOVUPS_Z(at(columns, v), part[v], y)
		for r := range rows {
			VADDPS(y, acc[r*vectors+v], acc[r*vectors+v])
		}
	}
	Label("nocolumns")
	TESTQ(rest, rest)
	JEQ(LabelRef("noresidual"))
	stride := GP64()
	MOVQ(ptr(t, wtStride), stride)
	for r := range rows {
		for v := range vectors {
			x := acc[r*vectors+v]
			VADDPS(at(rest, v), x, part[v], x)
		}
		LEAQ(Mem{Base: rest, Index: stride, Scale: 4}, rest)
	}
	ADDQ(ptr(t, wtStepRest), rest)
	Label("noresidual")
	clamp := func(lo, hi int) {
		least, most := vec(), vec()
		VBROADCASTSS(ptr(t, lo), least)
		VBROADCASTSS(ptr(t, hi), most)
		for _, x := range acc {
			VMAXPS(x, least, x)
			VMINPS(x, most, x)
		}
	}
	clamp(wtLo, wtHi)
	CMPL(ptr(t, wtQuant), Imm(0))
	JEQ(LabelRef("store"))
	scale, number := vec(), K()
	VBROADCASTSS(ptr(t, wtScale), scale)
	for _, x := range acc {
		VDIVPS(scale, x, x)
		VCMPPS(Imm(ordered), x, x, number)
		VMOVUPS_Z(x, number, x) // NaN becomes 0
	}
	clamp(wtLeast, wtMost)
	round := constant(f32s(magic))
	for _, x := range acc {
		VADDPS(round, x, x)
		VSUBPS(round, x, x)
		VMULPS(scale, x, x)
	}
	Label("store")
	CMPL(ptr(t, wtMask), I32(-1))
	JNE(LabelRef("part"))
	for r := range rows {
		for v := range vectors {
			VMOVUPS(acc[r*vectors+v], at(c, v))
		}
		ADDQ(ldc, c)
	}
	JMP(LabelRef("stored"))
	Label("part")
	for r := range rows {
		for v := range vectors {
			VMOVUPS(acc[r*vectors+v], part[v], at(c, v))
		}
		ADDQ(ldc, c)
	}
	Label("stored")
	ADDQ(ptr(t, wtStepA), a)
	for _, p := range b[:vectors] {
		ADDQ(ptr(t, wtStepB), p)
	}
	ADDQ(ptr(t, wtStepC), c)
	DECQ(count.Addr)
	JNE(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// row128 writes the chains of the first row of a panel of A times eight panels
// of B to out, [128].
func row128() {
	text("row128", "func(kn int, a, b, out *float32)")
	k, a, b, out := arg("kn"), arg("a"), arg("b"), arg("out")
	s, s3, b4 := GP64(), GP64(), GP64()
	MOVQ(k, s)
	SHLQ(Imm(6), s) // a panel is 64 kn bytes
	LEAQ(Mem{Base: s, Index: s, Scale: 2}, s3)
	LEAQ(Mem{Base: b, Index: s, Scale: 4}, b4)
	acc := zeroed(8)
	Label("loop")
	v := vec()
	VBROADCASTSS(ptr(a, 0), v)
	for i, base := range []GPVirtual{b, b4} {
		VFMADD231PS(Mem{Base: base}, v, acc[4*i])
		VFMADD231PS(Mem{Base: base, Index: s, Scale: 1}, v, acc[4*i+1])
		VFMADD231PS(Mem{Base: base, Index: s, Scale: 2}, v, acc[4*i+2])
		VFMADD231PS(Mem{Base: base, Index: s3, Scale: 1}, v, acc[4*i+3])
	}
	ADDQ(Imm(mr*4), a)
	ADDQ(Imm(nr*4), b)
	ADDQ(Imm(nr*4), b4)
	DECQ(k)
	JNE(LabelRef("loop"))
	for i, v := range acc {
		VMOVUPS(v, ptr(out, 64*i))
	}
	VZEROUPPER()
	RET()
}
