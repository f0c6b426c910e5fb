package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// ahead is how far before its use A is fetched, in bytes: 64 steps of k, or some
// 400 cycles.
const ahead = 64 * mr * 4

// direct computes panels of A, of which the first rows count, times sixteen
// columns of B that lie in two runs of eight: entry (l, j) is b0[off[l]+j] for
// j < 8, then b1[off[l]+j-8]. Each tile is finished while it is in registers.
// From tile to tile it goes down C, unless the finisher's steps say otherwise.
// With more, the chains of one column more, b2[off[l]], go to rest, eight for
// each panel, of which 6 count; nothing is done to them.
func direct(rows int, more bool) {
	name, args := fmt.Sprintf("direct%dx16AVX2", rows), "func(kn, count int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *byte"
	if more {
		name, args = fmt.Sprintf("direct%dx17AVX2", rows), args+", b2, rest *float32"
	}
	TEXT(name, NOSPLIT, args+")")
	a, b0, b1, c, ldc, fin := arg("a"), arg("b0"), arg("b1"), arg("c"), arg("ldc"), arg("fin")
	var b2, out GPVirtual
	if more {
		b2, out = arg("b2"), arg("rest")
	}
	count, err := Param("count").Resolve()
	if err != nil {
		panic(err)
	}
	SHLQ(Imm(2), ldc)
	bias, rest := GP64(), GP64()
	MOVQ(ptr(fin, finBias), bias)
	MOVQ(ptr(fin, finRest), rest)

	Label("tile")
	acc := zeroed(2 * rows)
	var column VecVirtual
	if more {
		column = zeroed(1)[0]
	}
	k, offp, cp := arg("kn"), arg("off"), GP64()
	MOVQ(c, cp)
	for range rows {
		PREFETCHT0(ptr(cp, 0))
		ADDQ(ldc, cp)
	}
	TESTQ(rest, rest)
	JEQ(LabelRef("fetched"))
	MOVQ(rest, cp)
	o := GP64()
	MOVQ(ptr(fin, finStride), o)
	for range rows {
		PREFETCHT0(ptr(cp, 0))
		LEAQ(Mem{Base: cp, Index: o, Scale: 4}, cp)
	}
	Label("fetched")
	step := func(u int) {
		o, x, y := GP64(), YMM(), YMM()
		MOVLQSX(ptr(offp, 4*u), o)
		VMOVUPS(Mem{Base: b0, Index: o, Scale: 4}, x)
		VMOVUPS(Mem{Base: b1, Index: o, Scale: 4}, y)
		for r := range rows {
			v := YMM()
			VBROADCASTSS(ptr(a, (u*mr+r)*4), v)
			VFMADD231PS(x, v, acc[2*r])
			VFMADD231PS(y, v, acc[2*r+1])
		}
		if more {
			v := YMM()
			VBROADCASTSS(Mem{Base: b2, Index: o, Scale: 4}, v)
			VFMADD231PS(ptr(a, u*mr*4), v, column)
		}
	}
	SUBQ(Imm(4), k)
	JLT(LabelRef("rest"))
	Label("loop")
	PREFETCHT0(ptr(a, ahead))
	PREFETCHT0(ptr(a, ahead+64))
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
	if more {
		VMOVUPS(column, ptr(out, 0))
		ADDQ(Imm(32), out)
	}

	CMPQ(ptr(fin, finAdd), Imm(0))
	JEQ(LabelRef("added"))
	MOVQ(c, cp)
	for r := range rows {
		VADDPS(ptr(cp, 0), acc[2*r], acc[2*r])
		VADDPS(ptr(cp, 32), acc[2*r+1], acc[2*r+1])
		ADDQ(ldc, cp)
	}
	Label("added")
	TESTQ(bias, bias)
	JEQ(LabelRef("nobias"))
	for r := range rows {
		v := YMM()
		VBROADCASTSS(ptr(bias, 4*r), v)
		VADDPS(v, acc[2*r], acc[2*r])
		VADDPS(v, acc[2*r+1], acc[2*r+1])
	}
	ADDQ(ptr(fin, finBiases), bias)
	Label("nobias")
	TESTQ(rest, rest)
	JEQ(LabelRef("noresidual"))
	stride := GP64()
	MOVQ(ptr(fin, finStride), stride)
	for r := range rows {
		VADDPS(ptr(rest, 0), acc[2*r], acc[2*r])
		VADDPS(ptr(rest, 32), acc[2*r+1], acc[2*r+1])
		LEAQ(Mem{Base: rest, Index: stride, Scale: 4}, rest)
	}
	ADDQ(ptr(fin, finRests), rest)
	Label("noresidual")
	finish(fin, 0, acc, "")
	for r := range rows {
		VMOVUPS(acc[2*r], ptr(c, 0))
		VMOVUPS(acc[2*r+1], ptr(c, 32))
		ADDQ(ldc, c)
	}
	ADDQ(ptr(fin, finStepA), a)
	ADDQ(ptr(fin, finStepB), b0)
	ADDQ(ptr(fin, finStepB), b1)
	ADDQ(ptr(fin, finStepC), c)
	DECQ(count.Addr)
	JNE(LabelRef("tile"))
	VZEROUPPER()
	RET()
}
