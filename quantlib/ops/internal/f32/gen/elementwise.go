package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// f32s returns a constant of eight equal float32.
func f32s(v float64) Mem { return bits(math.Float32bits(float32(v))) }

// bits returns a constant of eight equal 32-bit words.
func bits(b uint32) Mem {
	if m, ok := constants[b]; ok {
		return m
	}
	m := GLOBL(fmt.Sprintf("c%08x", b), RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(b))
	}
	constants[b] = m
	return m
}

var constants = map[uint32]Mem{}

// rowLoop loads vectors from the sources, applies f and stores the result, for
// n a multiple of eight.
func rowLoop(sources []string, unroll int, f func(v []VecVirtual) VecVirtual) {
	dst, n := arg("dst"), arg("n")
	src := make([]GPVirtual, len(sources))
	for i, s := range sources {
		src[i] = arg(s)
	}
	block := func(u int) {
		v := make([]VecVirtual, len(src))
		for i, s := range src {
			v[i] = YMM()
			VMOVUPS(ptr(s, 32*u), v[i])
		}
		VMOVUPS(f(v), ptr(dst, 32*u))
	}
	next := func(u int) {
		for _, s := range append(src, dst) {
			ADDQ(U32(32*u), s)
		}
		SUBQ(U32(8*u), n)
	}
	if unroll > 1 {
		Label("many")
		CMPQ(n, U32(8*unroll))
		JLT(LabelRef("one"))
		for u := range unroll {
			block(u)
		}
		next(unroll)
		JMP(LabelRef("many"))
	}
	Label("one")
	CMPQ(n, Imm(8))
	JLT(LabelRef("done"))
	block(0)
	next(1)
	JMP(LabelRef("one"))
	Label("done")
	VZEROUPPER()
	RET()
}

func elementwise() {
	for _, op := range []struct {
		name string
		f    func(ops ...Op)
	}{{"add", VADDPS}, {"sub", VSUBPS}, {"mul", VMULPS}, {"div", VDIVPS}} {
		TEXT(op.name+"AVX2", NOSPLIT, "func(dst, x, y *float32, n int)")
		rowLoop([]string{"x", "y"}, 4, func(v []VecVirtual) VecVirtual {
			op.f(v[1], v[0], v[0])
			return v[0]
		})
	}
	TEXT("scaleBiasAVX2", NOSPLIT, "func(dst, x *float32, n int, scale, bias float32)")
	scale, bias := broadcast("scale"), broadcast("bias")
	rowLoop([]string{"x"}, 4, func(v []VecVirtual) VecVirtual {
		VMULPS(scale, v[0], v[0])
		VADDPS(bias, v[0], v[0])
		return v[0]
	})
	TEXT("clipAVX2", NOSPLIT, "func(dst, x *float32, n int, lo, hi float32)")
	lo, hi := broadcast("lo"), broadcast("hi")
	rowLoop([]string{"x"}, 4, func(v []VecVirtual) VecVirtual {
		VMAXPS(v[0], lo, v[0])
		VMINPS(v[0], hi, v[0])
		return v[0]
	})
	TEXT("fakeQuantizeAVX2", NOSPLIT, "func(dst, x *float32, n int, scale, lo, hi float32)")
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
	magic := YMM()
	VMOVUPS(f32s(1.5*(1<<23)), magic)
	return func(r VecVirtual) {
		m := YMM()
		VDIVPS(scale, r, r)
		VCMPPS(Imm(7), r, r, m) // ordered: NaN becomes 0
		VANDPS(m, r, r)
		VMAXPS(r, lo, r)
		VMINPS(r, hi, r)
		VADDPS(magic, r, r)
		VSUBPS(magic, r, r)
		VMULPS(scale, r, r)
	}
}

// Constants as in transcendental.go.
const (
	log2e = 1.44269504088896340736
	ln2Hi = 355.0 / 512
	ln2Lo = -2.12194440054690583e-4
)

var (
	expPoly  = []float64{0.000198909824, 0.00139336428, 0.00833331048, 0.0416664667, 0.166666672, 0.5}
	tanhPoly = []float64{0.00203891564, -0.00808920991, 0.0216799919, -0.0539467037, 0.133332416, -0.333333313}
	erfPoly  = []float64{-0.000564805989, 0.00492176181, -0.0267150551, 0.112803169, -0.376123428, 0.128379107}
	erfcPoly = []float64{-1.16603246e-06, 3.659301e-05, -0.000515745545, 0.00437392248, -0.0253086016, 0.108091913, 0.633971453, 1.12895727}
)

// horner returns the polynomial in x with the highest coefficient first.
func horner(c []float64, x VecVirtual) VecVirtual {
	p := YMM()
	VMOVUPS(f32s(c[0]), p)
	for _, v := range c[1:] {
		VFMADD213PS(f32s(v), x, p) // p = p·x + v
	}
	return p
}

// expOf replaces x by e^x.
func expOf(x VecVirtual) VecVirtual {
	t, n, r, e, h := YMM(), YMM(), YMM(), YMM(), YMM()
	VMOVUPS(f32s(-104), t)
	VMAXPS(x, t, x)
	VMOVUPS(f32s(89), t)
	VMINPS(x, t, x)
	VMOVUPS(f32s(log2e), t)
	VFMADD213PS(f32s(1.5*(1<<23)), x, t)
	VSUBPS(f32s(1.5*(1<<23)), t, n)
	VMOVAPS(x, r)
	VFMADD231PS(f32s(-ln2Hi), n, r)
	VFMADD231PS(f32s(-ln2Lo), n, r)
	p := horner(expPoly, r)
	sq := YMM()
	VMULPS(r, r, sq)
	VFMADD213PS(r, sq, p) // p·r² + r
	VADDPS(f32s(1), p, p)
	VPSUBD(bits(math.Float32bits(1.5*(1<<23))), t, e)
	VPSRAD(Imm(1), e, h)
	VPSUBD(h, e, e)
	for _, v := range []VecVirtual{h, e} {
		VPADDD(bits(127), v, v)
		VPSLLD(Imm(23), v, v)
		VMULPS(v, p, p)
	}
	return p
}

func functions() {
	one := func(name string, f func(x VecVirtual) VecVirtual) {
		TEXT(name+"AVX2", NOSPLIT, "func(dst, x *float32, n int)")
		rowLoop([]string{"x"}, 1, func(v []VecVirtual) VecVirtual { return f(v[0]) })
	}
	one("exp", expOf)
	one("sigmoid", func(x VecVirtual) VecVirtual {
		n, sign := YMM(), YMM()
		VMOVAPS(x, sign)
		VORPS(bits(1<<31), x, x)
		e := expOf(x)
		VMOVUPS(f32s(1), n)
		VBLENDVPS(sign, e, n, n) // e where x is negative
		VADDPS(f32s(1), e, e)
		VDIVPS(e, n, n)
		return n
	})
	one("tanh", func(x VecVirtual) VecVirtual {
		a, sign, z, big := YMM(), YMM(), YMM(), YMM()
		VANDPS(bits(1<<31), x, sign)
		VANDPS(bits(1<<31-1), x, a)
		VMULPS(a, a, z)
		half := YMM()
		VMOVUPS(f32s(0.5), half)
		VCMPPS(Imm(14), half, z, big) // z > 0.5, false for NaN
		p := horner(tanhPoly, z)
		VMULPS(z, p, p)
		VFMADD213PS(a, a, p) // p·a + a
		VMULPS(f32s(-2), a, a)
		e := expOf(a)
		d, n := YMM(), YMM()
		VMOVUPS(f32s(1), n)
		VADDPS(n, e, d)
		VSUBPS(e, n, n)
		VDIVPS(d, n, n)
		VBLENDVPS(big, n, p, p)
		VORPS(sign, p, p)
		return p
	})
	one("erf", func(x VecVirtual) VecVirtual {
		a, sign, z, big, t := YMM(), YMM(), YMM(), YMM(), YMM()
		VANDPS(bits(1<<31), x, sign)
		VANDPS(bits(1<<31-1), x, a)
		VXORPS(t, t, t)
		VMAXPS(a, t, a)
		VMOVUPS(f32s(4), t)
		VMINPS(a, t, a)
		VMULPS(a, a, z)
		VMOVUPS(f32s(1), t)
		VCMPPS(Imm(14), t, a, big)
		p := horner(erfPoly, z)
		VFMADD213PS(a, a, p)
		q := horner(erfcPoly, a)
		VXORPS(bits(1<<31), a, a)
		VMULPS(a, q, q)
		e := expOf(q)
		n := YMM()
		VMOVUPS(f32s(1), n)
		VSUBPS(e, n, n)
		VBLENDVPS(big, n, p, p)
		VORPS(sign, p, p)
		return p
	})
}
