// Command image writes the AVX2 kernels of package f32 that read images where
// they lie: convolutions without packed columns, depthwise convolutions without
// padded copies, Winograd's transforms, and the fake quantization of what they
// make.
//
//	go run ./image -out ../image_amd64.s
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const mr = 6 // rows in a panel of A

func main() {
	ConstraintExpr("!noasm")
	for rows := mr; rows > 0; rows-- {
		direct(rows, false)
	}
	direct(mr, true)
	for _, k := range []int{3, 5} {
		for _, stride := range []int{1, 2} {
			depthwise(k, stride)
		}
	}
	quantizeRows()
	winogradIn()
	winogradOut()
	Generate()
}

// Offsets in finisher, in bytes.
const (
	finLo     = 0
	finHi     = 32
	finQuant  = 64
	finLeast  = 72
	finMost   = 104
	finScale  = 136
	finAdd    = 168
	finBias   = 176
	finRest   = 184
	finStride = 192
	finStepA  = 200
	finStepB  = 208
	finStepC  = 216
	finBiases = 224
	finRests  = 232
	finHigh   = 240
	finLow    = 272
	finSize   = 304
)

var magic Mem

// quantize fake-quantizes v with the constants of a finisher at a place of base;
// m is free.
func quantize(base GPVirtual, fin int, v, m VecVirtual) {
	if magic.Base == nil {
		magic = GLOBL("magic", RODATA|NOPTR)
		for i := range 8 {
			DATA(4*i, U32(math.Float32bits(1.5*(1<<23))))
		}
	}
	VDIVPS(ptr(base, fin+finScale), v, v)
	VCMPPS(Imm(7), v, v, m) // ordered: NaN becomes 0
	VANDPS(m, v, v)
	VMAXPS(ptr(base, fin+finLeast), v, v)
	VMINPS(ptr(base, fin+finMost), v, v)
	VADDPS(magic, v, v)
	VSUBPS(magic, v, v)
	VMULPS(ptr(base, fin+finScale), v, v)
}

// scaled is quantize where bounds are real numbers and the quotient is v·high +
// v·low, which the quantizer was found to allow. With positive, the lower bound is
// zero, which is what NaN becomes, too. Constants are loaded once for all of v,
// which leave four registers free, or three where there are four of v.
func scaled(base GPVirtual, fin int, v []VecVirtual, positive bool) {
	load := func(m Op) VecVirtual {
		c := YMM()
		VMOVUPS(m, c)
		return c
	}
	least, most, m := load(ptr(base, fin+finLeast)), load(ptr(base, fin+finMost)), YMM()
	for _, v := range v {
		if !positive {
			VCMPPS(Imm(7), v, v, m)
			VANDPS(m, v, v)
		}
		VMAXPS(least, v, v)
		VMINPS(most, v, v)
	}
	var low Op = ptr(base, fin+finLow)
	if len(v) != 4 {
		low = load(low)
	}
	high, whole := load(ptr(base, fin+finHigh)), load(magic)
	for _, v := range v {
		m := YMM()
		VMULPS(low, v, m)
		VFMADD231PS(high, v, m)
		VADDPS(whole, m, m)
		VSUBPS(whole, m, m)
		VMULPS(ptr(base, fin+finScale), m, v)
	}
}

// finish clamps all of v and fake-quantizes them in the way that the finisher says.
func finish(base GPVirtual, fin int, v []VecVirtual, suffix string) {
	CMPQ(ptr(base, fin+finQuant), Imm(2))
	JGE(LabelRef("unclamped" + suffix))
	lo, hi := YMM(), YMM()
	VMOVUPS(ptr(base, fin+finLo), lo)
	VMOVUPS(ptr(base, fin+finHi), hi)
	for _, v := range v {
		VMAXPS(v, lo, v)
		VMINPS(v, hi, v)
	}
	CMPQ(ptr(base, fin+finQuant), Imm(0))
	JEQ(LabelRef("finished" + suffix))
	quantizeAll(base, fin, v, suffix)
	Label("finished" + suffix)
}

// quantizeAll fake-quantizes all of v in the way that the finisher says.
func quantizeAll(base GPVirtual, fin int, v []VecVirtual, suffix string) {
	CMPQ(ptr(base, fin+finQuant), Imm(2))
	JGE(LabelRef("unclamped" + suffix))
	for _, v := range v {
		quantize(base, fin, v, YMM())
	}
	JMP(LabelRef("quantized" + suffix))
	Label("unclamped" + suffix)
	JGT(LabelRef("positive" + suffix))
	scaled(base, fin, v, false)
	JMP(LabelRef("quantized" + suffix))
	Label("positive" + suffix)
	scaled(base, fin, v, true)
	Label("quantized" + suffix)
}

// ptr returns a memory operand at base + disp.
func ptr(base GPVirtual, disp int) Mem { return Mem{Base: base, Disp: disp} }

func arg(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }

func zeroed(n int) []VecVirtual {
	v := make([]VecVirtual, n)
	for i := range v {
		v[i] = YMM()
		VXORPS(v[i], v[i], v[i])
	}
	return v
}

// quantizeRows fake-quantizes rows of n elements, a multiple of eight, stride
// apart, in place.
func quantizeRows() {
	TEXT("quantizeRowsAVX2", NOSPLIT, "func(dst, x *float32, rows, n, dstStride, srcStride int, fin *byte)")
	dst, x, rows, n, ds, ss, fin := arg("dst"), arg("x"), arg("rows"), arg("n"), arg("dstStride"), arg("srcStride"), arg("fin")
	Label("row")
	i := GP64()
	XORQ(i, i)
	Label("column")
	v := YMM()
	VMOVUPS(Mem{Base: x, Index: i, Scale: 4}, v)
	quantizeAll(fin, 0, []VecVirtual{v}, "")
	VMOVUPS(v, Mem{Base: dst, Index: i, Scale: 4})
	ADDQ(Imm(8), i)
	CMPQ(i, n)
	JLT(LabelRef("column"))
	LEAQ(Mem{Base: dst, Index: ds, Scale: 4}, dst)
	LEAQ(Mem{Base: x, Index: ss, Scale: 4}, x)
	DECQ(rows)
	JNE(LabelRef("row"))
	VZEROUPPER()
	RET()
}
