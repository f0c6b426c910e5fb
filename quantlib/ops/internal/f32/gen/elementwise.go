package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// rowLoop loads vectors from the sources, applies f and stores the result. n is
// a multiple of the number of lanes, or anything where loads can be masked.
func rowLoop(sources []string, unroll int, f func(v []VecVirtual) VecVirtual) {
	dst, n := arg("dst"), arg("n")
	src := make([]GPVirtual, len(sources))
	for i, s := range sources {
		src[i] = arg(s)
	}
	size, lanes := target.bytes, target.lanes()
	block := func(u int, part Op) {
		v := make([]VecVirtual, len(src))
		for i, s := range src {
			v[i] = vec()
			if part != nil {
				VMOVUPS_Z(ptr(s, size*u), part, v[i])
			} else {
				VMOVUPS(ptr(s, size*u), v[i])
			}
		}
		if part != nil {
			VMOVUPS(f(v), part, ptr(dst, size*u))
		} else {
			VMOVUPS(f(v), ptr(dst, size*u))
		}
	}
	next := func(u int) {
		for _, s := range append(src, dst) {
			ADDQ(U32(size*u), s)
		}
		SUBQ(U32(lanes*u), n)
	}
	if unroll > 1 {
		Label("many")
		CMPQ(n, U32(lanes*unroll))
		JLT(LabelRef("one"))
		for u := range unroll {
			block(u, nil)
		}
		next(unroll)
		JMP(LabelRef("many"))
	}
	Label("one")
	CMPQ(n, Imm(uint64(lanes)))
	JLT(LabelRef("rest"))
	block(0, nil)
	next(1)
	JMP(LabelRef("one"))
	Label("rest")
	if target.masked() {
		TESTQ(n, n)
		JEQ(LabelRef("done"))
		block(0, first(n))
		Label("done")
	}
	VZEROUPPER()
	RET()
}

func elementwise() {
	for _, op := range []struct {
		name string
		f    func(ops ...Op)
	}{{"add", VADDPS}, {"sub", VSUBPS}, {"mul", VMULPS}, {"div", VDIVPS}} {
		text(op.name, "func(dst, x, y *float32, n int)")
		rowLoop([]string{"x", "y"}, 4, func(v []VecVirtual) VecVirtual {
			op.f(v[1], v[0], v[0])
			return v[0]
		})
	}
	text("scaleBias", "func(dst, x *float32, n int, scale, bias float32)")
	scale, bias := broadcast("scale"), broadcast("bias")
	rowLoop([]string{"x"}, 4, func(v []VecVirtual) VecVirtual {
		VMULPS(scale, v[0], v[0])
		VADDPS(bias, v[0], v[0])
		return v[0]
	})
	text("divideBy", "func(dst, x *float32, n int, by float32)")
	by := broadcast("by")
	rowLoop([]string{"x"}, 4, func(v []VecVirtual) VecVirtual {
		VDIVPS(by, v[0], v[0])
		return v[0]
	})
	text("clip", "func(dst, x *float32, n int, lo, hi float32)")
	lo, hi := broadcast("lo"), broadcast("hi")
	rowLoop([]string{"x"}, 4, func(v []VecVirtual) VecVirtual {
		VMAXPS(v[0], lo, v[0])
		VMINPS(v[0], hi, v[0])
		return v[0]
	})
	text("between", "func(dst, x, y *float32, n int, lo, hi float32)")
	lo, hi = broadcast("lo"), broadcast("hi")
	rowLoop([]string{"x", "y"}, 4, func(v []VecVirtual) VecVirtual {
		for _, m := range []Op{compare(greater, lo, v[1]), compare(greater, v[1], hi)} {
			if target.masked() {
				VMOVAPS_Z(v[0], m, v[0])
			} else {
				VANDPS(m, v[0], v[0])
			}
		}
		return v[0]
	})
	text("fakeQuantize", "func(dst, x *float32, n int, scale, lo, hi float32)")
	quant := quantizer()
	rowLoop([]string{"x"}, 4, func(v []VecVirtual) VecVirtual {
		quant(v[0])
		return v[0]
	})
}

// quantizer returns what fake-quantizes a vector with the parameters scale, lo
// and hi.
func quantizer() func(r VecVirtual) {
	scale, lo, hi := broadcast("scale"), broadcast("lo"), broadcast("hi")
	magic := constant(f32s(1.5 * (1 << 23)))
	return func(r VecVirtual) {
		VDIVPS(scale, r, r)
		m := compare(ordered, r, r) // NaN becomes 0
		if target.masked() {
			VMAXPS_Z(r, lo, m, r)
		} else {
			VANDPS(m, r, r)
			VMAXPS(r, lo, r)
		}
		VMINPS(r, hi, r)
		VADDPS(magic, r, r)
		VSUBPS(magic, r, r)
		VMULPS(scale, r, r)
	}
}
