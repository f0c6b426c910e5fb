package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// copyRuns fills one panel of B, row after row, each from a few runs: run r of
// row l is sixteen elements from src[off[l]+base[r]] to dst[16·l+at[r]], of
// which the next run or row overwrites what is too many.
func copyRuns() {
	text("copyRuns", "func(dst, src *float32, off *int32, rows int, base, at *int32, runs int)")
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
	move(Mem{Base: from, Index: o, Scale: 4}, to)
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

// move copies a row of a panel of B.
func move(from Mem, to GPVirtual) {
	v := make([]VecVirtual, nr*4/target.bytes)
	for i := range v {
		v[i] = vec()
		VMOVUPS(from.Offset(target.bytes*i), v[i])
	}
	for i := range v {
		VMOVUPS(v[i], ptr(to, target.bytes*i))
	}
}

// copyRows copies rows of sixteen elements, stride apart, to dst.
func copyRows() {
	text("copyRows", "func(dst, src *float32, rows, stride int)")
	dst, src, rows, stride := arg("dst"), arg("src"), arg("rows"), arg("stride")
	SHLQ(Imm(2), stride)
	Label("row")
	move(ptr(src, 0), dst)
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

// transpose4 packs four rows of n elements, a multiple of four, stride apart, as
// columns of a panel of B: dst[16·l+r] = src[r·stride+l].
func transpose4() {
	TEXT("transpose4AVX2", NOSPLIT, "func(dst, src *float32, n, stride int)")
	dst, src, n, stride := arg("dst"), arg("src"), arg("n"), arg("stride")
	SHLQ(Imm(2), stride)
	s3 := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, s3)
	Label("loop")
	r := make([]VecVirtual, 4)
	for i, m := range []Mem{{Base: src}, {Base: src, Index: stride, Scale: 1}, {Base: src, Index: stride, Scale: 2}, {Base: src, Index: s3, Scale: 1}} {
		r[i] = XMM()
		VMOVUPS(m, r[i])
	}
	for h, unpack := range []func(...Op){VUNPCKLPS, VUNPCKHPS} {
		x, y, lo, hi := XMM(), XMM(), XMM(), XMM()
		unpack(r[1], r[0], x) // 00 10 01 11, or 02 12 03 13
		unpack(r[3], r[2], y)
		VMOVLHPS(y, x, lo)
		VMOVHLPS(x, y, hi)
		VMOVUPS(lo, ptr(dst, 4*nr*2*h))
		VMOVUPS(hi, ptr(dst, 4*nr*(2*h+1)))
	}
	ADDQ(Imm(16), src)
	ADDQ(U32(4*4*nr), dst)
	SUBQ(Imm(4), n)
	JNE(LabelRef("loop"))
	RET()
}

// tapLoop runs body over blocks of width vectors while n, in elements, lasts,
// and then over a part of one, if that can be.
func tapLoop(widths []int, n GPVirtual, dst, src GPVirtual, body func(width int, part Op, label string)) {
	for _, w := range widths {
		name := map[int]string{8: "eight", 4: "four", 1: "one"}[w]
		Label(name)
		CMPQ(n, U32(target.lanes()*w))
		JLT(LabelRef(name + "done"))
		body(w, nil, name)
		ADDQ(U32(target.bytes*w), dst)
		ADDQ(U32(target.bytes*w), src)
		SUBQ(U32(target.lanes()*w), n)
		JMP(LabelRef(name))
		Label(name + "done")
	}
	if target.masked() {
		TESTQ(n, n)
		JEQ(LabelRef("done"))
		body(1, first(n), "part")
		Label("done")
	}
	VZEROUPPER()
	RET()
}

// load loads the vector at m, or the lanes of part and zeros.
func load(m Mem, part Op, v VecVirtual) {
	if part != nil {
		VMOVUPS_Z(m, part, v)
		return
	}
	VMOVUPS(m, v)
}

// store stores v at m, or the lanes of part.
func store(v VecVirtual, part Op, m Mem) {
	if part != nil {
		VMOVUPS(v, part, m)
		return
	}
	VMOVUPS(v, m)
}

// eachTap runs body with what lies behind src at each of count offsets, and
// the number of the tap.
func eachTap(src, off, count GPVirtual, label string, body func(from, t GPVirtual)) {
	t, o, from := GP64(), GP64(), GP64()
	XORQ(t, t)
	Label(label + "tap")
	MOVLQSX(Mem{Base: off, Index: t, Scale: 4}, o)
	LEAQ(Mem{Base: src, Index: o, Scale: 4}, from)
	body(from, t)
	INCQ(t)
	CMPQ(t, count)
	JNE(LabelRef(label + "tap"))
}

// taps stores in dst[i] the chain over t of w[t]·src[off[t]+i]; n is as in
// rowLoop, here and below.
func taps() {
	text("taps", "func(dst, src, w *float32, off *int32, taps, n int)")
	dst, src, wp, off, count, n := arg("dst"), arg("src"), arg("w"), arg("off"), arg("taps"), arg("n")
	widths := []int{8, 1}
	if target.masked() {
		widths = []int{8, 4, 1}
	}
	tapLoop(widths, n, dst, src, func(width int, part Op, label string) {
		acc := zeroed(width)
		eachTap(src, off, count, label, func(from, t GPVirtual) {
			w := vec()
			VBROADCASTSS(Mem{Base: wp, Index: t, Scale: 4}, w)
			for i, a := range acc {
				m := ptr(from, target.bytes*i)
				if part != nil {
					VFMADD231PS(m, w, part, a)
				} else {
					VFMADD231PS(m, w, a)
				}
			}
		})
		for i, a := range acc {
			store(a, part, ptr(dst, target.bytes*i))
		}
	})
}

// tapsMax stores in dst[i] the greatest src[off[t]+i]: NaN if one is NaN.
func tapsMax() {
	text("tapsMax", "func(dst, src *float32, off *int32, taps, n int)")
	dst, src, off, count, n := arg("dst"), arg("src"), arg("off"), arg("taps"), arg("n")
	tapLoop([]int{4, 1}, n, dst, src, func(width int, part Op, label string) {
		acc, nan := make([]VecVirtual, width), zeroed(width)
		o, from := GP64(), GP64()
		MOVLQSX(ptr(off, 0), o)
		LEAQ(Mem{Base: src, Index: o, Scale: 4}, from)
		for i := range acc {
			acc[i] = vec()
			load(ptr(from, target.bytes*i), part, acc[i])
		}
		eachTap(src, off, count, label, func(from, _ GPVirtual) {
			for i, a := range acc {
				v := vec()
				load(ptr(from, target.bytes*i), part, v)
				remember(nan[i], v)
				VMAXPS(v, a, a)
			}
		})
		for i, a := range acc {
			VORPS(nan[i], a, a)
			store(a, part, ptr(dst, target.bytes*i))
		}
	})
}

// remember sets all bits of the lanes of nan where v is a NaN.
func remember(nan, v VecVirtual) {
	m := compare(unordered, v, v)
	if target.masked() {
		VPTERNLOGD(Imm(0xff), nan, nan, m, nan)
		return
	}
	VORPS(m, nan, nan)
}

// tapsSum stores in dst[i] the sum of src[off[t]+i] in the order of t.
func tapsSum() {
	text("tapsSum", "func(dst, src *float32, off *int32, taps, n int)")
	dst, src, off, count, n := arg("dst"), arg("src"), arg("off"), arg("taps"), arg("n")
	tapLoop([]int{4, 1}, n, dst, src, func(width int, part Op, label string) {
		acc := zeroed(width)
		eachTap(src, off, count, label, func(from, _ GPVirtual) {
			for i, a := range acc {
				m := ptr(from, target.bytes*i)
				if part != nil {
					VADDPS(m, a, part, a)
				} else {
					VADDPS(m, a, a)
				}
			}
		})
		for i, a := range acc {
			store(a, part, ptr(dst, target.bytes*i))
		}
	})
}
