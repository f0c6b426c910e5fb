package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offset in tileEpilogue of the mask of columns that AVX-512 kernels store.
const epMask = 48

// gemm512 computes tiles of rows × 16·vectors: two panels of A, or one of
// which the first rows count, times one or two panels of B, with the epilogue
// of each tile while it is in registers. Twelve rows times two vectors leave
// 24 chains in registers, and take 14 loads for 24 multiply-adds.
func gemm512(rows, vectors int) {
	text(fmt.Sprintf("gemm%dx%d", rows, 16*vectors), "func(kn, panels int, a, b, c *float32, ldc int, ep *byte)")
	kn, panels, a, b, c, ldc, ep := arg("kn"), arg("panels"), arg("a"), arg("b"), arg("c"), arg("ldc"), arg("ep")
	SHLQ(Imm(2), ldc)
	aStep, bStep := GP64(), GP64() // bytes of a panel
	LEAQ(Mem{Base: kn, Index: kn, Scale: 2}, aStep)
	SHLQ(Imm(3), aStep)
	MOVQ(kn, bStep)
	SHLQ(Imm(6), bStep)
	rb, rp, mask := GP64(), GP64(), GP32()
	MOVQ(ptr(ep, epRowBias), rb)
	MOVQ(ptr(ep, epResidual), rp)
	MOVL(ptr(ep, epMask), mask)
	part := []Op{K(), K()}[:vectors]
	KMOVW(mask, part[0])
	if vectors == 2 {
		high := GP32()
		MOVL(mask, high)
		SHRL(Imm(16), high)
		KMOVW(high, part[1])
	} else {
		ORL(U32(0xffff0000), mask)
	}
	at := func(base GPVirtual, v int) Mem { return ptr(base, 64*v) }

	Label("panel")
	acc := zeroed(rows * vectors)
	bp, k, cp := GP64(), GP64(), GP64()
	MOVQ(b, bp)
	MOVQ(kn, k)
	MOVQ(c, cp)
	for range rows {
		PREFETCHT0(ptr(cp, 0))
		ADDQ(ldc, cp)
	}
	step := func(u int) {
		bv := make([]VecVirtual, vectors)
		for v := range bv {
			bv[v] = vec()
			m := ptr(bp, u*nr*4)
			if v == 1 {
				m.Index, m.Scale = bStep, 1
			}
			VMOVUPS(m, bv[v])
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
	if rows > mr {
		ADDQ(aStep, a)
	}

	CMPQ(ptr(ep, epAdd), Imm(0))
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
	TESTQ(rb, rb)
	JEQ(LabelRef("norows"))
	for r := range rows {
		for _, x := range acc[r*vectors:][:vectors] {
			VADDPS_BCST(ptr(rb, 4*r), x, x)
		}
	}
	ADDQ(Imm(uint64(4*rows)), rb)
	Label("norows")
	cb := GP64()
	MOVQ(ptr(ep, epColBias), cb)
	TESTQ(cb, cb)
	JEQ(LabelRef("nocolumns"))
	for v := range vectors {
		bias := vec()
		VMOVUPS_Z(at(cb, v), part[v], bias)
		for r := range rows {
			VADDPS(bias, acc[r*vectors+v], acc[r*vectors+v])
		}
	}
	Label("nocolumns")
	TESTQ(rp, rp)
	JEQ(LabelRef("noresidual"))
	stride := GP64()
	MOVQ(ptr(ep, epStride), stride)
	for r := range rows {
		for v := range vectors {
			x := acc[r*vectors+v]
			VADDPS(at(rp, v), x, part[v], x)
		}
		LEAQ(Mem{Base: rp, Index: stride, Scale: 4}, rp)
	}
	Label("noresidual")
	lo, hi := vec(), vec()
	VBROADCASTSS(ptr(ep, epLo), lo)
	VBROADCASTSS(ptr(ep, epHi), hi)
	for _, x := range acc {
		VMAXPS(x, lo, x)
		VMINPS(x, hi, x)
	}
	CMPL(mask, I32(-1))
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
	DECQ(panels)
	JNE(LabelRef("panel"))
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
