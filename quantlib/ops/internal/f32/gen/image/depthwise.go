package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets in depthwiseArgs, in bytes.
const (
	dwDst      = 0               // first output row
	dwX        = 8               // the image's first row, less the padding at its left
	dwZero     = 16              // a row of zeros, seen like x
	dwW        = 24              // weights
	dwHeight   = 32              // rows of the image
	dwRowBytes = 40              // of the image
	dwTop      = 48              // first row that the next output row sees; may be negative
	dwRows     = 56              // of the output that are left, at least one
	dwOut      = 64              // bytes of an output row
	dwFirst    = 72              // masks of the loads of the first vector
	dwLast     = 80              // of the last vector
	dwBias     = 88              // one element
	dwFin      = 96              // finisher
	dwWide     = dwFin + finSize // room for each weight eight times
)

// depthwise convolves one channel with k×k taps, some rows of the output at a
// time, eight positions at a time: the last eight of a row begin where they must
// to end with it. An output row shorter than eight spoils what lies behind it.
// A chain waits for each of its sums: the more rows, the more chains go on at once,
// and the more rows each element that was read serves.
//
// With stride 2 the even and the odd places of two vectors are split into halves
// in the order 0 1 4 5 | 2 3 6 7, in which everything is summed; only the result
// is put in order.
func depthwise(k, stride int) {
	TEXT(fmt.Sprintf("depthwise%dx%dAVX2", k, stride), NOSPLIT, "func(args *byte)")
	args := arg("args")
	outs := 2 // rows of the output
	if k == 3 && stride == 1 {
		outs = 4
	}
	lines := k + (outs-1)*stride // rows of the image that these see
	dst := GP64()
	MOVQ(ptr(args, dwDst), dst)
	wp := GP64()
	MOVQ(ptr(args, dwW), wp)
	var w []VecVirtual // where they fit
	for t := range k * k {
		v := YMM()
		VBROADCASTSS(ptr(wp, 4*t), v)
		if k == 3 {
			w = append(w, v)
		} else {
			VMOVUPS(v, ptr(args, dwWide+32*t))
		}
	}

	Label("rows")
	// Rows outside the image are the row of zeros. What only further rows of the
	// output would see, where there are none, is read and thrown away.
	rows := make([]GPVirtual, lines)
	for l := range rows {
		rows[l] = GP64()
		at, zero := GP64(), GP64()
		MOVQ(ptr(args, dwTop), at)
		if l > 0 {
			ADDQ(Imm(uint64(l)), at)
		}
		MOVQ(ptr(args, dwZero), zero)
		MOVQ(at, rows[l])
		IMULQ(ptr(args, dwRowBytes), rows[l])
		ADDQ(ptr(args, dwX), rows[l])
		CMPQ(at, ptr(args, dwHeight))
		CMOVQCC(zero, rows[l]) // unsigned: negative rows too
	}
	// What the next rows of the output will see comes to the cache meanwhile.
	ahead := GP64()
	MOVQ(rows[lines-1], ahead)
	ADDQ(ptr(args, dwRowBytes), ahead)
	i := GP64() // bytes of output
	XORQ(i, i)
	mask := GP64()

	vector := func(masked bool) {
		acc := zeroed(outs)
		for line := range outs * stride * stride / 2 {
			PREFETCHT0(ptr(ahead, 64*line))
		}
		ADDQ(U32(32*outs*stride*stride), ahead)
		for l, row := range rows {
			load := func(place int, m Op) VecVirtual {
				v := YMM()
				from := Mem{Base: row, Index: i, Scale: uint8(stride), Disp: 4 * place}
				VMOVUPS(from, v)
				if masked {
					VANDPS(m, v, v)
				}
				return v
			}
			taps := make([]VecVirtual, k)
			if stride == 1 {
				for x := range k {
					taps[x] = load(x, ptr(mask, 32*x))
				}
			} else {
				for x := 0; x < k; x += 2 {
					a, b := load(x, ptr(mask, 64*(x/2))), load(x+8, ptr(mask, 64*(x/2)+32))
					taps[x] = YMM()
					VSHUFPS(Imm(0x88), b, a, taps[x])
					if x+1 < k {
						taps[x+1] = YMM()
						VSHUFPS(Imm(0xdd), b, a, taps[x+1])
					}
				}
			}
			for x, v := range taps {
				for r, s := range acc {
					ky := l - r*stride
					if ky < 0 || ky >= k {
						continue
					}
					if k == 3 {
						VFMADD231PS(w[ky*k+x], v, s)
					} else {
						VFMADD231PS(ptr(args, dwWide+32*(ky*k+x)), v, s)
					}
				}
			}
		}
		bias := YMM()
		VBROADCASTSS(ptr(args, dwBias), bias)
		for _, s := range acc {
			VADDPS(bias, s, s)
		}
		suffix := map[bool]string{true: "masked", false: "inside"}[masked]
		finish(args, dwFin, acc, suffix)
		for _, s := range acc {
			if stride == 2 {
				VPERMPD(Imm(0xd8), s, s)
			}
		}
		to := GP64()
		MOVQ(dst, to)
		for r, s := range acc {
			VMOVUPS(s, Mem{Base: to, Index: i, Scale: 1})
			if r+1 < outs {
				CMPQ(ptr(args, dwRows), Imm(uint64(r+1)))
				JEQ(LabelRef("stored" + suffix))
				ADDQ(ptr(args, dwOut), to)
			}
		}
		Label("stored" + suffix)
		ADDQ(Imm(32), i)
	}

	MOVQ(ptr(args, dwFirst), mask)
	Label("edge")
	vector(true)
	end := GP64()
	MOVQ(ptr(args, dwOut), end)
	CMPQ(i, end)
	JGE(LabelRef("next"))
	SUBQ(Imm(32), end)
	JMP(LabelRef("test"))
	Label("inside")
	vector(false)
	Label("test")
	CMPQ(i, end)
	JLT(LabelRef("inside"))
	MOVQ(end, i)
	MOVQ(ptr(args, dwLast), mask)
	JMP(LabelRef("edge"))

	Label("next")
	for range outs {
		ADDQ(ptr(args, dwOut), dst)
	}
	ADDQ(Imm(uint64(outs*stride)), ptr(args, dwTop))
	SUBQ(Imm(uint64(outs)), ptr(args, dwRows))
	JG(LabelRef("rows"))
	VZEROUPPER()
	RET()
}
