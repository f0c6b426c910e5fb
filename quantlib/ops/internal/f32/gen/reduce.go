package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// reductions are sums in sixteen float64 lanes over n elements, a multiple of
// sixteen, and minima and maxima over a multiple of the number of lanes.
// Partial results are stored; Go adds the rest.
func reductions() {
	lanes := func(name string, sources []string, sums int, extra string, prepare func() func(acc []VecVirtual, v []VecVirtual)) {
		sig := "func("
		for i, s := range sources {
			if i > 0 {
				sig += ", "
			}
			sig += s
		}
		text(name, sig+" *float32, out *float64, n int"+extra+")")
		src := make([]GPVirtual, len(sources))
		for i, s := range sources {
			src[i] = arg(s)
		}
		out, n := arg("out"), arg("n")
		f := prepare()
		groups, size := 128/target.bytes, target.bytes // registers of a sum; bytes of one
		passes := 1
		if sums*groups > 8 {
			passes = 2 // half of the lanes each
		}
		groups /= passes
		for pass := range passes {
			acc := zeroed(groups * sums)
			i, at := GP64(), GP64()
			MOVQ(n, i)
			XORQ(at, at)
			label := []string{"loop", "again"}[pass]
			Label(label)
			for g := range groups {
				v := make([]VecVirtual, len(src))
				for k, s := range src {
					v[k] = vec()
					VCVTPS2PD(Mem{Base: s, Index: at, Scale: 1, Disp: size / 2 * (pass*groups + g)}, v[k])
				}
				f(acc[g*sums:(g+1)*sums], v)
			}
			ADDQ(Imm(64), at)
			SUBQ(Imm(16), i)
			JNE(LabelRef(label))
			for g := range groups {
				for s := range sums {
					VMOVUPD(acc[g*sums+s], ptr(out, 128*s+size*(pass*groups+g)))
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
		c := vec()
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
			d := vec()
			VSUBPD(v[0], v[1], d)
			VMULPD(d, d, d)
			VADDPD(d, acc[1], acc[1])
			VFMADD231PD(v[0], v[0], acc[0]) // products of float32 are exact
			VFMADD231PD(v[0], v[1], acc[2])
			VFMADD231PD(v[1], v[1], acc[3])
		}
	})

	size, lanes32 := target.bytes, target.lanes()
	// Stored are the least, the greatest and the count in each lane.
	text("minMax", "func(x, out *float32, n int)")
	x, out, n := arg("x"), arg("out"), arg("n")
	infinity, minus, none := constant(bits(0x7f800000)), constant(bits(0xff800000)), vec()
	zero(none)
	lo, hi, count := vec(), vec(), vec()
	VMOVAPS(infinity, lo)
	VMOVAPS(minus, hi)
	zero(count)
	Label("loop")
	v, d := vec(), vec()
	VMOVUPS(ptr(x, 0), v)
	VSUBPS(v, v, d)
	finite := compare(equal, none, d)
	if target.masked() {
		VMINPS(v, lo, finite, lo)
		VMAXPS(v, hi, finite, hi)
		VPSUBD_BCST(bits(0xffffffff), count, finite, count)
	} else {
		w := vec()
		VPSUBD(finite, count, count)
		choose(finite, v, infinity, w)
		VMINPS(lo, w, lo)
		choose(finite, v, minus, w)
		VMAXPS(hi, w, hi)
	}
	ADDQ(Imm(uint64(size)), x)
	SUBQ(Imm(uint64(lanes32)), n)
	JNE(LabelRef("loop"))
	for i, v := range []VecVirtual{lo, hi, count} {
		VMOVUPS(v, ptr(out, size*i))
	}
	VZEROUPPER()
	RET()

	text("maximum", "func(x, out *float32, n int)")
	x, out, n = arg("x"), arg("out"), arg("n")
	top, nan := constant(bits(0xff800000)), vec()
	zero(nan)
	Label("loop")
	v = vec()
	VMOVUPS(ptr(x, 0), v)
	remember(nan, v)
	VMAXPS(top, v, top)
	ADDQ(Imm(uint64(size)), x)
	SUBQ(Imm(uint64(lanes32)), n)
	JNE(LabelRef("loop"))
	VORPS(nan, top, top)
	VMOVUPS(top, ptr(out, 0))
	VZEROUPPER()
	RET()
}
