package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// reductions are sums in sixteen float64 lanes, four to a register, over n
// elements, a multiple of sixteen, and minima and maxima over a multiple of
// eight. Partial results are stored; Go adds the rest.
func reductions() {
	lanes := func(name string, sources []string, sums int, extra string, prepare func() func(acc []VecVirtual, v []VecVirtual)) {
		sig := "func("
		for i, s := range sources {
			if i > 0 {
				sig += ", "
			}
			sig += s
		}
		TEXT(name+"AVX2", NOSPLIT, sig+" *float32, out *float64, n int"+extra+")")
		src := make([]GPVirtual, len(sources))
		for i, s := range sources {
			src[i] = arg(s)
		}
		out, n := arg("out"), arg("n")
		f := prepare()
		// With four sums, half the lanes at a time would need two passes: four
		// sums of sixteen lanes are sixteen registers. So lanes are kept in
		// memory, where sums > 2.
		if sums <= 2 {
			acc := zeroed(4 * sums)
			Label("loop")
			for g := range 4 {
				v := make([]VecVirtual, len(src))
				for i, s := range src {
					v[i] = YMM()
					VCVTPS2PD(ptr(s, 16*g), v[i])
				}
				f(acc[g*sums:(g+1)*sums], v)
			}
			for _, s := range src {
				ADDQ(Imm(64), s)
			}
			SUBQ(Imm(16), n)
			JNE(LabelRef("loop"))
			for g := range 4 {
				for s := range sums {
					VMOVUPD(acc[g*sums+s], ptr(out, 128*s+32*g))
				}
			}
		} else {
			for half := range 2 {
				acc := zeroed(2 * sums)
				i, at := GP64(), GP64()
				MOVQ(n, i)
				XORQ(at, at)
				name := []string{"low", "high"}[half]
				Label(name)
				for g := range 2 {
					v := make([]VecVirtual, len(src))
					for k, s := range src {
						v[k] = YMM()
						VCVTPS2PD(Mem{Base: s, Index: at, Scale: 1, Disp: 32*half + 16*g}, v[k])
					}
					f(acc[g*sums:(g+1)*sums], v)
				}
				ADDQ(Imm(64), at)
				SUBQ(Imm(16), i)
				JNE(LabelRef(name))
				for g := range 2 {
					for s := range sums {
						VMOVUPD(acc[g*sums+s], ptr(out, 128*s+64*half+32*g))
					}
				}
			}
		}
		VZEROUPPER()
		RET()
	}
	lanes("sum", []string{"x"}, 1, "", func() func(acc, v []VecVirtual) {
		return func(acc, v []VecVirtual) { VADDPD(v[0], acc[0], acc[0]) }
	})
	lanes("sumSquares", []string{"x"}, 1, ", c float64", func() func(acc, v []VecVirtual) {
		p, err := Param("c").Resolve()
		if err != nil {
			panic(err)
		}
		c := YMM()
		VBROADCASTSD(p.Addr, c)
		return func(acc, v []VecVirtual) {
			VSUBPD(c, v[0], v[0])
			VMULPD(v[0], v[0], v[0])
			VADDPD(v[0], acc[0], acc[0])
		}
	})
	lanes("dot", []string{"x", "y"}, 1, "", func() func(acc, v []VecVirtual) {
		return func(acc, v []VecVirtual) { VFMADD231PD(v[0], v[1], acc[0]) }
	})
	lanes("noiseSums", []string{"f", "q"}, 4, "", func() func(acc, v []VecVirtual) {
		return func(acc, v []VecVirtual) {
			d := YMM()
			VSUBPD(v[0], v[1], d)
			VMULPD(d, d, d)
			VADDPD(d, acc[1], acc[1])
			VFMADD231PD(v[0], v[0], acc[0]) // products of float32 are exact
			VFMADD231PD(v[0], v[1], acc[2])
			VFMADD231PD(v[1], v[1], acc[3])
		}
	})

	TEXT("minMaxAVX2", NOSPLIT, "func(x, out *float32, n int)")
	x, out, n := arg("x"), arg("out"), arg("n")
	infinity, lo, hi, count := YMM(), YMM(), YMM(), YMM()
	VMOVUPS(bits(0x7f800000), infinity)
	VMOVUPS(infinity, lo)
	VMOVUPS(bits(0xff800000), hi)
	VPXOR(count, count, count)
	minus := YMM()
	VMOVUPS(hi, minus)
	zero := YMM()
	VXORPS(zero, zero, zero)
	Label("loop")
	v, d, m, w := YMM(), YMM(), YMM(), YMM()
	VMOVUPS(ptr(x, 0), v)
	VSUBPS(v, v, d)
	VCMPPS(Imm(0), zero, d, m) // finite
	VPSUBD(m, count, count)
	VBLENDVPS(m, v, infinity, w)
	VMINPS(lo, w, lo)
	VBLENDVPS(m, v, minus, w)
	VMAXPS(hi, w, hi)
	ADDQ(Imm(32), x)
	SUBQ(Imm(8), n)
	JNE(LabelRef("loop"))
	VMOVUPS(lo, ptr(out, 0))
	VMOVUPS(hi, ptr(out, 32))
	VMOVDQU(count, ptr(out, 64))
	VZEROUPPER()
	RET()

	TEXT("maximumAVX2", NOSPLIT, "func(x, out *float32, n int)")
	x, out, n = arg("x"), arg("out"), arg("n")
	top, nan := YMM(), YMM()
	VMOVUPS(bits(0xff800000), top)
	VXORPS(nan, nan, nan)
	Label("loop")
	v, m = YMM(), YMM()
	VMOVUPS(ptr(x, 0), v)
	VCMPPS(Imm(3), v, v, m)
	VORPS(m, nan, nan)
	VMAXPS(top, v, top)
	ADDQ(Imm(32), x)
	SUBQ(Imm(8), n)
	JNE(LabelRef("loop"))
	VORPS(nan, top, top)
	VMOVUPS(top, ptr(out, 0))
	VZEROUPPER()
	RET()
}
