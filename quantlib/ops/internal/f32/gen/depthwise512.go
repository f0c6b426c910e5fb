package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets in wideImage.
const (
	wiDst      = 0
	wiX        = 8
	wiZero     = 16
	wiW        = 24
	wiHeight   = 32
	wiRowBytes = 40
	wiTop      = 48
	wiRows     = 56
	wiOut      = 64
	wiVectors  = 72
	wiMasks    = 80
	wiBias     = 88
	wiLo       = 92
	wiHi       = 96
	wiQuant    = 100
	wiScale    = 104
	wiLeast    = 108
	wiMost     = 112
)

// depthwise512 convolves one channel with k×k taps, two rows of the output at a
// time, sixteen positions at a time, with the masks that say which loads and
// stores lie in the image. With stride 2 the even and the odd places of two
// vectors are put apart within 128 bits, which is the order in which everything
// is summed; the result is put in order.
func depthwise512(k, stride int) {
	text(fmt.Sprintf("depthwise%dx%d", k, stride), "func(args *byte)")
	args := arg("args")
	dst, wp := GP64(), GP64()
	MOVQ(ptr(args, wiDst), dst)
	MOVQ(ptr(args, wiW), wp)
	w := make([]VecVirtual, k*k)
	for t := range w {
		w[t] = vec()
		VBROADCASTSS(ptr(wp, 4*t), w[t])
	}

	Label("rows")
	// Rows outside the image are the row of zeros. What only a second row of the
	// output would see, where there is none, is read and thrown away.
	rows := make([]GPVirtual, k+stride)
	for l := range rows {
		rows[l] = GP64()
		at, zero := GP64(), GP64()
		MOVQ(ptr(args, wiTop), at)
		if l > 0 {
			ADDQ(Imm(uint64(l)), at)
		}
		MOVQ(ptr(args, wiZero), zero)
		MOVQ(at, rows[l])
		IMULQ(ptr(args, wiRowBytes), rows[l])
		ADDQ(ptr(args, wiX), rows[l])
		CMPQ(at, ptr(args, wiHeight))
		CMOVQCC(zero, rows[l]) // unsigned: negative rows too
	}
	i, masks, count := GP64(), GP64(), GP64()
	XORQ(i, i) // bytes of output
	MOVQ(ptr(args, wiMasks), masks)
	MOVQ(ptr(args, wiVectors), count)

	Label("vector")
	loads := k
	if stride == 2 {
		loads = (k + 1) / 2 * 2
	}
	part := make([]Op, loads+1)
	for m := range part {
		part[m] = K()
		KMOVW(ptr(masks, 2*m), part[m])
	}
	ADDQ(Imm(uint64(2*len(part))), masks)
	acc := zeroed(2)
	for l, row := range rows {
		load := func(place int, m Op) VecVirtual {
			v := vec()
			VMOVUPS_Z(Mem{Base: row, Index: i, Scale: uint8(stride), Disp: 4 * place}, m, v)
			return v
		}
		add := func(x int, v VecVirtual) {
			for r, s := range acc {
				if ky := l - r*stride; ky >= 0 && ky < k {
					VFMADD231PS(w[ky*k+x], v, s)
				}
			}
		}
		for x := 0; x < k; x += stride {
			if stride == 1 {
				add(x, load(x, part[x]))
				continue
			}
			a, b, v := load(x, part[x]), load(x+16, part[x+1]), vec()
			VSHUFPS(Imm(0x88), b, a, v)
			add(x, v)
			if x+1 < k {
				v = vec()
				VSHUFPS(Imm(0xdd), b, a, v)
				add(x+1, v)
			}
		}
	}
	clamp := func(lo, hi int) {
		least, most := vec(), vec()
		VBROADCASTSS(ptr(args, lo), least)
		VBROADCASTSS(ptr(args, hi), most)
		for _, s := range acc {
			VMAXPS(s, least, s)
			VMINPS(s, most, s)
		}
	}
	for _, s := range acc {
		VADDPS_BCST(ptr(args, wiBias), s, s)
	}
	clamp(wiLo, wiHi)
	CMPL(ptr(args, wiQuant), Imm(0))
	JEQ(LabelRef("store"))
	number := K()
	for _, s := range acc {
		VDIVPS_BCST(ptr(args, wiScale), s, s)
		VCMPPS(Imm(ordered), s, s, number)
		VMOVUPS_Z(s, number, s) // NaN becomes 0
	}
	clamp(wiLeast, wiMost)
	for _, s := range acc {
		opAdd.with(f32s(magic), s, s)
		opSub.with(f32s(magic), s, s)
		VMULPS_BCST(ptr(args, wiScale), s, s)
	}
	Label("store")
	if stride == 2 {
		order := vec()
		VMOVDQU64(pairs(), order)
		for _, s := range acc {
			VPERMPD(s, order, s)
		}
	}
	VMOVUPS(acc[0], part[loads], Mem{Base: dst, Index: i, Scale: 1})
	CMPQ(ptr(args, wiRows), Imm(1))
	JEQ(LabelRef("single"))
	second := GP64()
	MOVQ(dst, second)
	ADDQ(ptr(args, wiOut), second)
	VMOVUPS(acc[1], part[loads], Mem{Base: second, Index: i, Scale: 1})
	Label("single")
	ADDQ(Imm(64), i)
	DECQ(count)
	JNE(LabelRef("vector"))

	ADDQ(ptr(args, wiOut), dst)
	ADDQ(ptr(args, wiOut), dst)
	ADDQ(Imm(uint64(2*stride)), ptr(args, wiTop))
	SUBQ(Imm(2), ptr(args, wiRows))
	JG(LabelRef("rows"))
	VZEROUPPER()
	RET()
}

var pairOrder Mem

// pairs returns the constant that puts the pairs of a vector in order, which
// stand as 0 4 1 5 2 6 3 7.
func pairs() Mem {
	if pairOrder.Symbol.Name == "" {
		pairOrder = GLOBL("wPairs", RODATA|NOPTR)
		for i, at := range []uint64{0, 2, 4, 6, 1, 3, 5, 7} {
			DATA(8*i, U64(at))
		}
	}
	return pairOrder
}
