package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets in depthwiseArgs, in bytes.
const (
	dwDst      = 0                  // first output row
	dwX        = 8                  // the image's first row, less the padding at its left
	dwZero     = 16                 // a row of zeros, seen like x
	dwW        = 24                 // weights
	dwHeight   = 32                 // rows of the image
	dwRowBytes = 40                 // of the image
	dwTop      = 48                 // first row that the next output row sees; may be negative
	dwRows     = 56                 // of the output that are left, at least one
	dwOut      = 64                 // bytes of an output row
	dwFirst    = 72                 // masks of the loads of the first vector
	dwLast     = 80                 // of the last vector
	dwBias     = 88                 // one element
	dwFin      = 96                 // finisher
	dwLines    = dwFin + finSize    // room for where rows of the image begin
	dwWide     = dwLines + 8*dwMost // room for each weight eight times
	dwMost     = 5 + (rows-1)*2     // rows of the image that one vector sees, at most
)

// rows of the output are computed at a time.
const rows = 4

// depthwise convolves one channel with k×k taps, some rows of the output at a
// time, eight positions at a time: the last eight of a row begin where they must
// to end with it. An output row shorter than eight spoils what lies behind it.
// A chain waits for each of its sums: the more rows, the more chains go on at once,
// and the more rows each element that was read serves. Four leave registers for the
// weights of 3×3; seven with some weights in memory were no faster.
//
// With stride 2 the even and the odd places of two vectors are split into halves
// in the order 0 1 4 5 | 2 3 6 7, in which everything is summed; only the result
// is put in order.
func depthwise(k, stride int) {
	TEXT(fmt.Sprintf("depthwise%dx%dAVX2", k, stride), NOSPLIT, "func(args *byte)")
	args := arg("args")
	lines := k + (rows-1)*stride // rows of the image that these see
	dst := GP64()
	MOVQ(ptr(args, dwDst), dst)
	wp := GP64()
	MOVQ(ptr(args, dwW), wp)
	var weights []VecVirtual // where they fit
	for t := range k * k {
		v := YMM()
		VBROADCASTSS(ptr(wp, 4*t), v)
		if k == 3 {
			weights = append(weights, v)
		} else {
			VMOVUPS(v, ptr(args, dwWide+32*t))
		}
	}

	Label("rows")
	// Rows outside the image are the row of zeros. What only further rows of the
	// output would see, where there are none, is read and thrown away.
	at, row, zero, ahead := GP64(), GP64(), GP64(), GP64()
	MOVQ(ptr(args, dwTop), at)
	MOVQ(ptr(args, dwZero), zero)
	MOVQ(at, row)
	IMULQ(ptr(args, dwRowBytes), row)
	ADDQ(ptr(args, dwX), row)
	for l := range lines {
		line := GP64()
		MOVQ(row, line)
		CMPQ(at, ptr(args, dwHeight))
		CMOVQCC(zero, line) // unsigned: negative rows too
		MOVQ(line, ptr(args, dwLines+8*l))
		INCQ(at)
		ADDQ(ptr(args, dwRowBytes), row)
	}
	// What the next rows of the output will see comes to the cache meanwhile.
	MOVQ(row, ahead)
	i := GP64() // bytes of output
	XORQ(i, i)
	masks := GP64()
	MOVQ(ptr(args, dwFirst), masks)

	vector := func(kind string) {
		acc := zeroed(rows)
		for line := range rows * stride * stride / 2 {
			PREFETCHT0(ptr(ahead, 64*line))
		}
		ADDQ(U32(32*rows*stride*stride), ahead)
		multiply := func(t int, v, s VecVirtual) {
			if weights != nil {
				VFMADD231PS(weights[t], v, s)
			} else {
				VFMADD231PS(ptr(args, dwWide+32*t), v, s)
			}
		}
		load := func(row GPVirtual, place, mask int) VecVirtual {
			v := YMM()
			VMOVUPS(Mem{Base: row, Index: i, Scale: uint8(stride), Disp: 4 * place}, v)
			if outside(k, stride, place, kind) {
				VANDPS(ptr(masks, 32*mask), v, v)
			}
			return v
		}
		for l := range lines {
			row := GP64()
			MOVQ(ptr(args, dwLines+8*l), row)
			for x := 0; x < k; x += stride {
				var taps []VecVirtual
				if stride == 1 {
					taps = append(taps, load(row, x, x))
				} else {
					a, b, v := load(row, x, x), load(row, x+8, x+1), YMM()
					VSHUFPS(Imm(0x88), b, a, v)
					if taps = append(taps, v); x+1 < k {
						VSHUFPS(Imm(0xdd), b, a, a)
						taps = append(taps, a)
					}
				}
				for d, v := range taps {
					for r, s := range acc {
						if ky := l - r*stride; ky >= 0 && ky < k {
							multiply(ky*k+x+d, v, s)
						}
					}
				}
			}
		}
		bias := YMM()
		VBROADCASTSS(ptr(args, dwBias), bias)
		for _, s := range acc {
			VADDPS(bias, s, s)
		}
		finish(args, dwFin, acc, kind)
		for _, s := range acc {
			if stride == 2 {
				VPERMPD(Imm(0xd8), s, s)
			}
		}
		to := GP64()
		MOVQ(dst, to)
		for r, s := range acc {
			VMOVUPS(s, Mem{Base: to, Index: i, Scale: 1})
			if r+1 < rows {
				CMPQ(ptr(args, dwRows), Imm(uint64(r+1)))
				JEQ(LabelRef("stored" + kind))
				ADDQ(ptr(args, dwOut), to)
			}
		}
		Label("stored" + kind)
		ADDQ(Imm(32), i)
	}

	end := GP64()
	MOVQ(ptr(args, dwOut), end)
	SUBQ(Imm(32), end)
	JG(LabelRef("several"))
	vector("only")
	JMP(LabelRef("next"))
	Label("several")
	vector("first")
	JMP(LabelRef("test"))
	Label("loop")
	vector("inside")
	Label("test")
	CMPQ(i, end)
	JLT(LabelRef("loop"))
	MOVQ(end, i)
	MOVQ(ptr(args, dwLast), masks)
	vector("last")

	Label("next")
	for range rows {
		ADDQ(ptr(args, dwOut), dst)
	}
	ADDQ(Imm(uint64(rows*stride)), ptr(args, dwTop))
	SUBQ(Imm(uint64(rows)), ptr(args, dwRows))
	JG(LabelRef("rows"))
	VZEROUPPER()
	RET()
}

// outside reports whether a load at a place, from the first tap of a vector on, may
// see what lies outside the image and counts, if at most k/2 columns are padded at
// either side.
func outside(k, stride, place int, kind string) bool {
	first, last := place < k/2, place > (k-1)/2
	if stride == 2 {
		last = place >= k/2 && place < 8 && kind == "only" || place >= 8+k/2
	}
	return first && (kind == "first" || kind == "only") || last && (kind == "last" || kind == "only")
}
