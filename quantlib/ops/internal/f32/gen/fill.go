package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// fillRows copies rows of n elements, step (1 or 2) apart, into planes, and
// fake-quantizes them if quantize is set. The last vector of a row is filled up
// with pad: the next row overwrites what of it is too many. m0 and m1 are the
// masks of the loads for the last vector, mask that of its elements.
func fillRows(step int, quantize bool) {
	name, more := fmt.Sprintf("fillRows%d", step), ""
	if quantize {
		name, more = name+"Quantized", ", scale, lo, hi float32"
	}
	text(name, "func(dst, src *float32, rows, n, dstStride, srcStride int, m0, m1, mask *int32, pad float32"+more+")")
	dst, src, rows, n, ds, ss := arg("dst"), arg("src"), arg("rows"), arg("n"), arg("dstStride"), arg("srcStride")
	m0p, m1p, maskp := arg("m0"), arg("m1"), arg("mask")
	m0, m1, mask := vec(), vec(), vec()
	VMOVUPS(ptr(m0p, 0), m0)
	VMOVUPS(ptr(m1p, 0), m1)
	VMOVUPS(ptr(maskp, 0), mask)
	pad := broadcast("pad")
	quant := func(VecVirtual) {}
	if quantize {
		quant = quantizer()
	}
	even := func(v0, v1 VecVirtual) {
		VSHUFPS(Imm(0xd8), v1, v0, v0) // 0 2 8 10 | 4 6 12 14, v1 being 7..14
		VPERMPD(Imm(0xd8), v0, v0)
	}
	SHLQ(Imm(2), ds)
	SHLQ(Imm(2), ss)
	Label("row")
	d, from, left := GP64(), GP64(), GP64()
	MOVQ(dst, d)
	MOVQ(src, from)
	MOVQ(n, left)
	Label("vector")
	CMPQ(left, Imm(8))
	JLE(LabelRef("last"))
	v0, v1 := vec(), vec()
	VMOVUPS(ptr(from, 0), v0)
	if step == 2 {
		VMOVUPS(ptr(from, 28), v1)
		even(v0, v1)
	}
	quant(v0)
	VMOVUPS(v0, ptr(d, 0))
	ADDQ(Imm(32), d)
	ADDQ(Imm(uint64(32*step)), from)
	SUBQ(Imm(8), left)
	JMP(LabelRef("vector"))
	Label("last")
	VMASKMOVPS(ptr(from, 0), m0, v0)
	if step == 2 {
		VMASKMOVPS(ptr(from, 28), m1, v1)
		even(v0, v1)
	}
	quant(v0)
	VBLENDVPS(mask, v0, pad, v0)
	VMOVUPS(v0, ptr(d, 0))
	ADDQ(ds, dst)
	ADDQ(ss, src)
	DECQ(rows)
	JNE(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// fillRows512 is fillRows where loads and stores can be masked: nothing is
// written behind a row.
func fillRows512(step int, quantize bool) {
	name, more := fmt.Sprintf("fillRows%d", step), ""
	if quantize {
		name, more = name+"Quantized", ", scale, lo, hi float32"
	}
	text(name, "func(dst, src *float32, rows, n, dstStride, srcStride int"+more+")")
	dst, src, rows, n, ds, ss := arg("dst"), arg("src"), arg("rows"), arg("n"), arg("dstStride"), arg("srcStride")
	rest, whole := GP64(), GP64()
	MOVQ(n, rest)
	ANDQ(Imm(15), rest)
	MOVQ(n, whole)
	SUBQ(rest, whole)
	mask := first(rest)
	m0, m1 := mask, mask
	var index VecVirtual
	if step == 2 {
		// Sources 0..2·rest-2 are read: to 15 in the first vector, from 15 on,
		// which does not count, in the second.
		count, limit := GP64(), GP64()
		LEAQ(Mem{Base: rest, Index: rest, Scale: 1, Disp: -1}, count)
		MOVQ(U32(16), limit)
		CMPQ(count, limit)
		CMOVQGT(limit, count)
		m0 = first(count)
		LEAQ(Mem{Base: rest, Index: rest, Scale: 1, Disp: -16}, count)
		XORQ(limit, limit)
		TESTQ(count, count)
		CMOVQLT(limit, count)
		m1 = first(count)
		index = vec()
		VMOVDQU32(evenIndex(), index)
	}
	quant := func(VecVirtual) {}
	if quantize {
		quant = quantizer()
	}
	SHLQ(Imm(2), ds)
	SHLQ(Imm(2), ss)
	Label("row")
	d, from, left := GP64(), GP64(), GP64()
	MOVQ(dst, d)
	MOVQ(src, from)
	MOVQ(whole, left)
	TESTQ(left, left)
	JEQ(LabelRef("last"))
	block := func(m0, m1, mask Op) {
		v0, v1 := vec(), vec()
		load(ptr(from, 0), m0, v0)
		if step == 2 {
			load(ptr(from, 60), m1, v1)
			VPERMT2PS(v1, index, v0)
		}
		quant(v0)
		store(v0, mask, ptr(d, 0))
	}
	Label("vector")
	block(nil, nil, nil)
	ADDQ(Imm(64), d)
	ADDQ(U32(64*step), from)
	SUBQ(Imm(16), left)
	JNE(LabelRef("vector"))
	Label("last")
	TESTQ(rest, rest)
	JEQ(LabelRef("next"))
	block(m0, m1, mask)
	Label("next")
	ADDQ(ds, dst)
	ADDQ(ss, src)
	DECQ(rows)
	JNE(LabelRef("row"))
	VZEROUPPER()
	RET()
}

var even Mem

// evenIndex returns the constant that takes every second element of two
// vectors, of which the second begins at element 15 of the first.
func evenIndex() Mem {
	if even.Symbol.Name == "" {
		even = GLOBL("wEven", RODATA|NOPTR)
		for i := range 16 {
			at := 2 * i
			if i >= 8 {
				at++ // elements 16, 18, … are 1, 3, … of the second
			}
			DATA(4*i, U32(at))
		}
	}
	return even
}

// finishRows copies rows of n elements, adds bias and clamps. Where stores
// cannot be masked it writes up to seven elements too many per row, which the
// next row overwrites.
func finishRows() {
	text("finishRows", "func(dst, src *float32, rows, n, dstStride, srcStride int, bias, lo, hi float32)")
	dst, src, rows, n, ds, ss := arg("dst"), arg("src"), arg("rows"), arg("n"), arg("dstStride"), arg("srcStride")
	bias, lo, hi := broadcast("bias"), broadcast("lo"), broadcast("hi")
	finish := func(v VecVirtual) {
		VMAXPS(v, lo, v)
		VMINPS(v, hi, v)
	}
	i, lanes := GP64(), uint64(target.lanes())
	var part Op
	whole := GP64()
	if target.masked() {
		rest := GP64()
		MOVQ(n, rest)
		ANDQ(Imm(lanes-1), rest)
		part = first(rest)
		MOVQ(n, whole)
		SUBQ(rest, whole)
	}
	Label("row")
	XORQ(i, i)
	if target.masked() {
		CMPQ(i, whole)
		JEQ(LabelRef("rest"))
	}
	Label("column")
	v := vec()
	VADDPS(Mem{Base: src, Index: i, Scale: 4}, bias, v)
	finish(v)
	VMOVUPS(v, Mem{Base: dst, Index: i, Scale: 4})
	ADDQ(Imm(lanes), i)
	if target.masked() {
		CMPQ(i, whole)
		JNE(LabelRef("column"))
		Label("rest")
		CMPQ(i, n)
		JEQ(LabelRef("next"))
		v := vec()
		VMOVUPS_Z(Mem{Base: src, Index: i, Scale: 4}, part, v)
		VADDPS(v, bias, v)
		finish(v)
		VMOVUPS(v, part, Mem{Base: dst, Index: i, Scale: 4})
		Label("next")
	} else {
		CMPQ(i, n)
		JLT(LabelRef("column"))
	}
	LEAQ(Mem{Base: dst, Index: ds, Scale: 4}, dst)
	LEAQ(Mem{Base: src, Index: ss, Scale: 4}, src)
	DECQ(rows)
	JNE(LabelRef("row"))
	VZEROUPPER()
	RET()
}
