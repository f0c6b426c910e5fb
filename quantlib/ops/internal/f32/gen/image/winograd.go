package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets in winogradIn, in bytes.
const (
	inPlanes = 0
	inPlane  = 8
	inRow    = 16
	inDst    = 24
	inStep   = 32
	inGroups = 40
	inCount  = 48
)

// winogradIn transforms the tiles of a channel, eight at a time:
//
//	dst[4i+j] = (Bᵀ d B)[i][j]
//
// The element (i, j) of a tile lies in the plane (i mod 2, j mod 2), one row
// further from i = 2 on and one column from j = 2.
func winogradIn() {
	TEXT("winogradInAVX2", NOSPLIT, "func(args *byte)")
	args := arg("args")
	field := func(disp int) GPVirtual {
		r := GP64()
		MOVQ(ptr(args, disp), r)
		return r
	}
	base, plane, row, dst, step, groups, count := field(inPlanes), field(inPlane), field(inRow), field(inDst), field(inStep), field(inGroups), field(inCount)
	step3 := GP64()
	LEAQ(Mem{Base: step, Index: step, Scale: 2}, step3)

	Label("group")
	at, column := GP64(), GP64()
	MOVLQSX(ptr(groups, 0), at)
	MOVLQSX(ptr(groups, 4), column)
	ADDQ(Imm(8), groups)
	rows := make([]GPVirtual, 4)
	for i := range rows {
		rows[i] = GP64()
	}
	LEAQ(Mem{Base: base, Index: at, Scale: 4}, rows[0])
	LEAQ(Mem{Base: rows[0], Index: plane, Scale: 2}, rows[1])
	LEAQ(Mem{Base: rows[0], Index: row, Scale: 1}, rows[2])
	LEAQ(Mem{Base: rows[1], Index: row, Scale: 1}, rows[3])
	to := GP64()
	LEAQ(Mem{Base: dst, Index: column, Scale: 4}, to)

	// Bᵀ d of column j
	down := func(j int) []VecVirtual {
		d := make([]VecVirtual, 4)
		for i, r := range rows {
			d[i] = YMM()
			from := Mem{Base: r, Disp: j / 2 * 4}
			if j%2 == 1 {
				from.Index, from.Scale = plane, 1
			}
			VMOVUPS(from, d[i])
		}
		t0, t3 := d[0], YMM()
		VSUBPS(d[2], d[0], t0)
		VSUBPS(d[3], d[1], t3)
		t1 := d[3]
		VADDPS(d[2], d[1], t1)
		t2 := d[2]
		VSUBPS(d[1], d[2], t2)
		return []VecVirtual{t0, t1, t2, t3}
	}
	store := func(j int, f func(i int) []VecVirtual) {
		p := GP64()
		MOVQ(to, p)
		for i := range 4 {
			for l, v := range f(i) {
				m := Mem{Base: p}
				switch j + l {
				case 1:
					m.Index, m.Scale = step, 1
				case 2:
					m.Index, m.Scale = step, 2
				case 3:
					m.Index, m.Scale = step3, 1
				}
				VMOVUPS(v, m)
			}
			if i < 3 {
				LEAQ(Mem{Base: p, Index: step, Scale: 4}, p)
			}
		}
	}
	t1, t2 := down(1), down(2)
	store(1, func(i int) []VecVirtual {
		a, b := YMM(), YMM()
		VADDPS(t2[i], t1[i], a)
		VSUBPS(t1[i], t2[i], b)
		return []VecVirtual{a, b}
	})
	t0 := down(0)
	store(0, func(i int) []VecVirtual {
		VSUBPS(t2[i], t0[i], t0[i])
		return t0[i : i+1]
	})
	t3 := down(3)
	store(3, func(i int) []VecVirtual {
		VSUBPS(t3[i], t1[i], t3[i])
		return t3[i : i+1]
	})
	DECQ(count)
	JNE(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// Offsets in winogradOut, in bytes.
const (
	outM        = 0
	outStep     = 8
	outDst      = 16
	outRow      = 24
	outResidual = 32
	outGroups   = 40
	outCount    = 48
	outBias     = 56
	outFin      = 64
)

// winogradOut makes outputs of the tiles of a filter, eight tiles at a time:
//
//	Y = Aᵀ M A
//
// of which the last in a row, or the second row, may lie outside the image.
func winogradOut() {
	TEXT("winogradOutAVX2", NOSPLIT, "func(args *byte)")
	masks := GLOBL("winogradMasks", RODATA|NOPTR) // from element 16-n on: n are set
	for i := range 32 {
		v := uint32(0)
		if i < 16 {
			v = 1<<32 - 1
		}
		DATA(4*i, U32(v))
	}
	args := arg("args")
	groups := GP64()
	MOVQ(ptr(args, outGroups), groups)

	Label("group")
	m, step, step3 := GP64(), GP64(), GP64()
	column := GP64()
	MOVQ(ptr(args, outStep), step)
	MOVLQSX(ptr(groups, 4), column)
	MOVQ(ptr(args, outM), m)
	LEAQ(Mem{Base: m, Index: column, Scale: 4}, m)
	LEAQ(Mem{Base: step, Index: step, Scale: 2}, step3)
	rows := []GPVirtual{m, GP64(), GP64(), GP64()}
	for i := range 3 {
		LEAQ(Mem{Base: rows[i], Index: step, Scale: 4}, rows[i+1])
	}
	// Aᵀ M of column j
	down := func(j int) (s0, s1 VecVirtual) {
		d := make([]Mem, 4)
		for i, r := range rows {
			d[i] = Mem{Base: r}
			switch j {
			case 1:
				d[i].Index, d[i].Scale = step, 1
			case 2:
				d[i].Index, d[i].Scale = step, 2
			case 3:
				d[i].Index, d[i].Scale = step3, 1
			}
		}
		s0, s1 = YMM(), YMM()
		m2 := YMM()
		VMOVUPS(d[1], s1)
		VMOVUPS(d[2], m2)
		VADDPS(d[0], s1, s0)
		VADDPS(m2, s0, s0)
		VSUBPS(m2, s1, s1)
		VSUBPS(d[3], s1, s1)
		return s0, s1
	}
	var y [2][2]VecVirtual
	a0, a1 := down(0)
	b0, b1 := down(1)
	y[0][0], y[1][0] = a0, a1
	VADDPS(b0, a0, a0)
	VADDPS(b1, a1, a1)
	c0, c1 := down(2)
	VADDPS(c0, a0, a0)
	VADDPS(c1, a1, a1)
	VSUBPS(c0, b0, b0)
	VSUBPS(c1, b1, b1)
	d0, d1 := down(3)
	VSUBPS(d0, b0, b0)
	VSUBPS(d1, b1, b1)
	y[0][1], y[1][1] = b0, b1

	acc := make([]VecVirtual, 0, 4)
	for _, y := range y {
		lo, hi, a, b := YMM(), YMM(), YMM(), YMM()
		VUNPCKLPS(y[1], y[0], lo)
		VUNPCKHPS(y[1], y[0], hi)
		VINSERTF128(Imm(1), hi.AsX(), lo, a)
		VPERM2F128(Imm(0x31), hi, lo, b)
		acc = append(acc, a, b)
	}
	bias := YMM()
	VBROADCASTSS(ptr(args, outBias), bias)
	for _, v := range acc {
		VADDPS(bias, v, v)
	}
	at, dst, second, n := GP64(), GP64(), GP64(), GP64()
	MOVLQSX(ptr(groups, 0), at)
	MOVLQSX(ptr(groups, 8), n)
	MOVQ(ptr(args, outDst), dst)
	LEAQ(Mem{Base: dst, Index: at, Scale: 4}, dst)
	MOVQ(dst, second)
	ADDQ(ptr(args, outRow), second)
	CMPL(ptr(groups, 12), Imm(2))
	JNE(LabelRef("part"))
	CMPQ(n, Imm(16))
	JNE(LabelRef("part"))

	rest := GP64()
	residual := func(suffix string, add func(rest GPVirtual, first bool)) {
		MOVQ(ptr(args, outResidual), rest)
		TESTQ(rest, rest)
		JEQ(LabelRef("added" + suffix))
		LEAQ(Mem{Base: rest, Index: at, Scale: 4}, rest)
		add(rest, true)
		ADDQ(ptr(args, outRow), rest)
		add(rest, false)
		Label("added" + suffix)
	}
	residual("whole", func(rest GPVirtual, first bool) {
		v := acc[:2]
		if !first {
			v = acc[2:]
		}
		VADDPS(ptr(rest, 0), v[0], v[0])
		VADDPS(ptr(rest, 32), v[1], v[1])
	})
	finish(args, outFin, acc, "whole")
	VMOVUPS(acc[0], ptr(dst, 0))
	VMOVUPS(acc[1], ptr(dst, 32))
	VMOVUPS(acc[2], ptr(second, 0))
	VMOVUPS(acc[3], ptr(second, 32))

	Label("next")
	ADDQ(Imm(16), groups)
	DECQ(ptr(args, outCount))
	JNE(LabelRef("group"))
	VZEROUPPER()
	RET()

	Label("part")
	mask, back := GP64(), GP64()
	LEAQ(masks, mask)
	MOVQ(n, back)
	NEGQ(back)
	LEAQ(Mem{Base: mask, Index: back, Scale: 4, Disp: 64}, mask)
	residual("part", func(rest GPVirtual, first bool) {
		v := acc[:2]
		if !first {
			CMPL(ptr(groups, 12), Imm(2))
			JNE(LabelRef("addedpart"))
			v = acc[2:]
		}
		for i := range v {
			k := YMM()
			VMOVUPS(ptr(mask, 32*i), k)
			VMASKMOVPS(ptr(rest, 32*i), k, k)
			VADDPS(k, v[i], v[i])
		}
	})
	finish(args, outFin, acc, "part")
	write := func(to GPVirtual, v []VecVirtual, suffix string) {
		CMPQ(n, Imm(8))
		JL(LabelRef("short" + suffix))
		VMOVUPS(v[0], ptr(to, 0))
		JEQ(LabelRef("written" + suffix))
		k := YMM()
		VMOVUPS(ptr(mask, 32), k)
		VMASKMOVPS(v[1], k, ptr(to, 32))
		JMP(LabelRef("written" + suffix))
		Label("short" + suffix)
		VMOVUPS(ptr(mask, 0), k)
		VMASKMOVPS(v[0], k, ptr(to, 0))
		Label("written" + suffix)
	}
	write(dst, acc[:2], "first")
	CMPL(ptr(groups, 12), Imm(2))
	JNE(LabelRef("next"))
	write(second, acc[2:], "second")
	JMP(LabelRef("next"))
}
