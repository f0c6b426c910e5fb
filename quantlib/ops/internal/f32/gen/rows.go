package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// copyRuns fills one panel of B, row after row, each from a few runs: run r of
// row l is sixteen elements from src[off[l]+base[r]] to dst[16·l+at[r]], of
// which the next run or row overwrites what is too many.
func copyRuns() {
	TEXT("copyRunsAVX2", NOSPLIT, "func(dst, src *float32, off *int32, rows int, base, at *int32, runs int)")
	dst, src, off, rows, base, at, runs := arg("dst"), arg("src"), arg("off"), arg("rows"), arg("base"), arg("at"), arg("runs")
	Label("row")
	o, from, r, d, to := GP64(), GP64(), GP64(), GP64(), GP64()
	MOVLQSX(ptr(off, 0), o)
	LEAQ(Mem{Base: src, Index: o, Scale: 4}, from)
	XORQ(r, r)
	Label("run")
	MOVLQSX(Mem{Base: base, Index: r, Scale: 4}, o)
	MOVLQSX(Mem{Base: at, Index: r, Scale: 4}, d)
	LEAQ(Mem{Base: dst, Index: d, Scale: 4}, to)
	v0, v1 := YMM(), YMM()
	VMOVUPS(Mem{Base: from, Index: o, Scale: 4}, v0)
	VMOVUPS(Mem{Base: from, Index: o, Scale: 4, Disp: 32}, v1)
	VMOVUPS(v0, ptr(to, 0))
	VMOVUPS(v1, ptr(to, 32))
	INCQ(r)
	CMPQ(r, runs)
	JNE(LabelRef("run"))
	ADDQ(Imm(4), off)
	ADDQ(Imm(nr*4), dst)
	DECQ(rows)
	JNE(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// copyRows copies rows of sixteen elements, stride apart, to dst.
func copyRows() {
	TEXT("copyRowsAVX2", NOSPLIT, "func(dst, src *float32, rows, stride int)")
	dst, src, rows, stride := arg("dst"), arg("src"), arg("rows"), arg("stride")
	SHLQ(Imm(2), stride)
	Label("row")
	v0, v1 := YMM(), YMM()
	VMOVUPS(ptr(src, 0), v0)
	VMOVUPS(ptr(src, 32), v1)
	VMOVUPS(v0, ptr(dst, 0))
	VMOVUPS(v1, ptr(dst, 32))
	ADDQ(stride, src)
	ADDQ(Imm(nr*4), dst)
	DECQ(rows)
	JNE(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// transpose6 packs six rows of n elements, a multiple of four, stride apart,
// as a panel of A: dst[6·l+r] = src[r·stride+l].
func transpose6() {
	TEXT("transpose6AVX2", NOSPLIT, "func(dst, src *float32, n, stride int)")
	dst, src, n, stride := arg("dst"), arg("src"), arg("n"), arg("stride")
	SHLQ(Imm(2), stride)
	s3, src3 := GP64(), GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, s3)
	LEAQ(Mem{Base: src, Index: s3, Scale: 1}, src3)
	Label("loop")
	r := make([]VecVirtual, 6)
	for i := range r {
		r[i] = XMM()
		base := src
		if i >= 3 {
			base = src3
		}
		m := Mem{Base: base}
		if i%3 > 0 {
			m.Index, m.Scale = stride, uint8(i%3)
		}
		VMOVUPS(m, r[i])
	}
	// 4×4 of rows 0..3, 4×2 of rows 4, 5.
	t0, t1, t2, t3 := XMM(), XMM(), XMM(), XMM()
	VUNPCKLPS(r[1], r[0], t0) // 00 10 01 11
	VUNPCKHPS(r[1], r[0], t1) // 02 12 03 13
	VUNPCKLPS(r[3], r[2], t2)
	VUNPCKHPS(r[3], r[2], t3)
	u0, u1 := XMM(), XMM()
	VUNPCKLPS(r[5], r[4], u0) // 40 50 41 51
	VUNPCKHPS(r[5], r[4], u1)
	for l := range 4 {
		lo, hi, rest := t0, t2, u0
		if l >= 2 {
			lo, hi, rest = t1, t3, u1
		}
		v := XMM()
		if l%2 == 0 {
			VMOVLHPS(hi, lo, v)
			VMOVUPS(v, ptr(dst, 24*l))
			VMOVLPS(rest, ptr(dst, 24*l+16))
		} else {
			VMOVHLPS(lo, hi, v)
			VMOVUPS(v, ptr(dst, 24*l))
			VMOVHPS(rest, ptr(dst, 24*l+16))
		}
	}
	ADDQ(Imm(16), src)
	ADDQ(Imm(16), src3)
	ADDQ(Imm(96), dst)
	SUBQ(Imm(4), n)
	JNE(LabelRef("loop"))
	RET()
}

// fillRows copies rows of n elements, step (1 or 2) apart, into planes, and
// fake-quantizes them if quantize is set. The last vector of a row is filled up
// with pad: the next row overwrites what of it is too many. m0 and m1 are the
// masks of the loads for the last vector, mask that of its elements.
func fillRows(step int, quantize bool) {
	name, more := fmt.Sprintf("fillRows%d", step), ""
	if quantize {
		name, more = name+"Quantized", ", scale, lo, hi float32"
	}
	TEXT(name+"AVX2", NOSPLIT, "func(dst, src *float32, rows, n, dstStride, srcStride int, m0, m1, mask *int32, pad float32"+more+")")
	dst, src, rows, n, ds, ss := arg("dst"), arg("src"), arg("rows"), arg("n"), arg("dstStride"), arg("srcStride")
	m0p, m1p, maskp := arg("m0"), arg("m1"), arg("mask")
	m0, m1, mask := YMM(), YMM(), YMM()
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
	v0, v1 := YMM(), YMM()
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

// tapLoop runs body over blocks of width vectors while n, in elements, lasts.
func tapLoop(widths []int, n GPVirtual, dst, src GPVirtual, body func(width int, label string)) {
	for _, w := range widths {
		name := map[int]string{8: "eight", 4: "four", 1: "one"}[w]
		Label(name)
		CMPQ(n, U32(8*w))
		JLT(LabelRef(name + "done"))
		body(w, name)
		ADDQ(U32(32*w), dst)
		ADDQ(U32(32*w), src)
		SUBQ(U32(8*w), n)
		JMP(LabelRef(name))
		Label(name + "done")
	}
	VZEROUPPER()
	RET()
}

// taps stores in dst[i] the chain over t of w[t]·src[off[t]+i], for n a
// multiple of eight.
func taps() {
	TEXT("tapsAVX2", NOSPLIT, "func(dst, src, w *float32, off *int32, taps, n int)")
	dst, src, wp, off, count, n := arg("dst"), arg("src"), arg("w"), arg("off"), arg("taps"), arg("n")
	tapLoop([]int{8, 1}, n, dst, src, func(width int, name string) {
		acc := zeroed(width)
		t, o, from := GP64(), GP64(), GP64()
		XORQ(t, t)
		Label(name + "tap")
		v := YMM()
		VBROADCASTSS(Mem{Base: wp, Index: t, Scale: 4}, v)
		MOVLQSX(Mem{Base: off, Index: t, Scale: 4}, o)
		LEAQ(Mem{Base: src, Index: o, Scale: 4}, from)
		for i, a := range acc {
			VFMADD231PS(ptr(from, 32*i), v, a)
		}
		INCQ(t)
		CMPQ(t, count)
		JNE(LabelRef(name + "tap"))
		for i, a := range acc {
			VMOVUPS(a, ptr(dst, 32*i))
		}
	})
}

// tapsMax stores in dst[i] the greatest src[off[t]+i], for n a multiple of
// eight: NaN if one is NaN.
func tapsMax() {
	TEXT("tapsMaxAVX2", NOSPLIT, "func(dst, src *float32, off *int32, taps, n int)")
	dst, src, off, count, n := arg("dst"), arg("src"), arg("off"), arg("taps"), arg("n")
	tapLoop([]int{4, 1}, n, dst, src, func(width int, name string) {
		acc, nan := make([]VecVirtual, width), zeroed(width)
		t, o, from := GP64(), GP64(), GP64()
		MOVLQSX(ptr(off, 0), o)
		LEAQ(Mem{Base: src, Index: o, Scale: 4}, from)
		for i := range acc {
			acc[i] = YMM()
			VMOVUPS(ptr(from, 32*i), acc[i])
		}
		XORQ(t, t)
		Label(name + "tap")
		MOVLQSX(Mem{Base: off, Index: t, Scale: 4}, o)
		LEAQ(Mem{Base: src, Index: o, Scale: 4}, from)
		for i, a := range acc {
			v, m := YMM(), YMM()
			VMOVUPS(ptr(from, 32*i), v)
			VCMPPS(Imm(3), v, v, m)
			VORPS(m, nan[i], nan[i])
			VMAXPS(v, a, a)
		}
		INCQ(t)
		CMPQ(t, count)
		JNE(LabelRef(name + "tap"))
		for i, a := range acc {
			VORPS(nan[i], a, a)
			VMOVUPS(a, ptr(dst, 32*i))
		}
	})
}

// tapsSum stores in dst[i] the sum of src[off[t]+i] in the order of t, for n a
// multiple of eight.
func tapsSum() {
	TEXT("tapsSumAVX2", NOSPLIT, "func(dst, src *float32, off *int32, taps, n int)")
	dst, src, off, count, n := arg("dst"), arg("src"), arg("off"), arg("taps"), arg("n")
	tapLoop([]int{4, 1}, n, dst, src, func(width int, name string) {
		acc := zeroed(width)
		t, o, from := GP64(), GP64(), GP64()
		XORQ(t, t)
		Label(name + "tap")
		MOVLQSX(Mem{Base: off, Index: t, Scale: 4}, o)
		LEAQ(Mem{Base: src, Index: o, Scale: 4}, from)
		for i, a := range acc {
			VADDPS(ptr(from, 32*i), a, a)
		}
		INCQ(t)
		CMPQ(t, count)
		JNE(LabelRef(name + "tap"))
		for i, a := range acc {
			VMOVUPS(a, ptr(dst, 32*i))
		}
	})
}

// finishRows copies rows of n elements, adds bias and clamps; it writes up to
// seven elements too many per row, which the next row overwrites.
func finishRows() {
	TEXT("finishRowsAVX2", NOSPLIT, "func(dst, src *float32, rows, n, dstStride, srcStride int, bias, lo, hi float32)")
	dst, src, rows, n, ds, ss := arg("dst"), arg("src"), arg("rows"), arg("n"), arg("dstStride"), arg("srcStride")
	bias, lo, hi := broadcast("bias"), broadcast("lo"), broadcast("hi")
	Label("row")
	i := GP64()
	XORQ(i, i)
	Label("column")
	v := YMM()
	VADDPS(Mem{Base: src, Index: i, Scale: 4}, bias, v)
	VMAXPS(v, lo, v)
	VMINPS(v, hi, v)
	VMOVUPS(v, Mem{Base: dst, Index: i, Scale: 4})
	ADDQ(Imm(8), i)
	CMPQ(i, n)
	JLT(LabelRef("column"))
	LEAQ(Mem{Base: dst, Index: ds, Scale: 4}, dst)
	LEAQ(Mem{Base: src, Index: ss, Scale: 4}, src)
	DECQ(rows)
	JNE(LabelRef("row"))
	VZEROUPPER()
	RET()
}
