package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Constants as in transcendental.go.
const (
	log2e = 1.44269504088896340736
	ln2Hi = 355.0 / 512
	ln2Lo = -2.12194440054690583e-4
	magic = 1.5 * (1 << 23)
)

var (
	expPoly  = []float64{0.000198909824, 0.00139336428, 0.00833331048, 0.0416664667, 0.166666672, 0.5}
	tanhPoly = []float64{0.00203891564, -0.00808920991, 0.0216799919, -0.0539467037, 0.133332416, -0.333333313}
	erfPoly  = []float64{-0.000564805989, 0.00492176181, -0.0267150551, 0.112803169, -0.376123428, 0.128379107}
	erfcPoly = []float64{-1.16603246e-06, 3.659301e-05, -0.000515745545, 0.00437392248, -0.0253086016, 0.108091913, 0.633971453, 1.12895727}
)

// horner returns the polynomial in x with the highest coefficient first.
func horner(c []float64, x VecVirtual) VecVirtual {
	p := constant(f32s(c[0]))
	for _, v := range c[1:] {
		opFMA213.with(f32s(v), x, p) // p = p·x + v
	}
	return p
}

// expOf returns e^x, and changes x.
func expOf(x VecVirtual) VecVirtual {
	VMAXPS(x, constant(f32s(-104)), x)
	VMINPS(x, constant(f32s(89)), x)
	t, n, r := constant(f32s(log2e)), vec(), vec()
	opFMA213.with(f32s(magic), x, t)
	opSub.with(f32s(magic), t, n)
	VMOVAPS(x, r)
	opFMA231.with(f32s(-ln2Hi), n, r)
	opFMA231.with(f32s(-ln2Lo), n, r)
	p, sq := horner(expPoly, r), vec()
	VMULPS(r, r, sq)
	VFMADD213PS(r, sq, p) // p·r² + r
	opAdd.with(f32s(1), p, p)
	if target.masked() {
		VSCALEFPS(n, p, p) // p·2^n, rounded once
		return p
	}
	// p·2^(n div 2)·2^(n - n div 2); the first product is exact.
	e, h := vec(), vec()
	opSubInts.with(bits(math.Float32bits(magic)), t, e)
	VPSRAD(Imm(1), e, h)
	VPSUBD(h, e, e)
	for _, v := range []VecVirtual{h, e} {
		opAddInts.with(bits(127), v, v)
		VPSLLD(Imm(23), v, v)
		VMULPS(v, p, p)
	}
	return p
}

// split returns |x| and the sign bits of x.
func split(x VecVirtual) (a, sign VecVirtual) {
	a, sign = vec(), vec()
	opAnd.with(bits(1<<31), x, sign)
	opAnd.with(bits(1<<31-1), x, a)
	return a, sign
}

func functions() {
	one := func(name string, f func(x VecVirtual) VecVirtual) {
		text(name, "func(dst, x *float32, n int)")
		rowLoop([]string{"x"}, 1, func(v []VecVirtual) VecVirtual { return f(v[0]) })
	}
	one("exp", expOf)
	one("sigmoid", func(x VecVirtual) VecVirtual {
		minus := negative(x)
		opOr.with(bits(1<<31), x, x)
		e, n := expOf(x), constant(f32s(1))
		choose(minus, e, n, n)
		opAdd.with(f32s(1), e, e)
		VDIVPS(e, n, n)
		return n
	})
	one("tanh", func(x VecVirtual) VecVirtual {
		a, sign := split(x)
		z := vec()
		VMULPS(a, a, z)
		big := compare(greater, constant(f32s(0.5)), z) // false for NaN
		p := horner(tanhPoly, z)
		VMULPS(z, p, p)
		VFMADD213PS(a, a, p) // p·a + a
		opMul.with(f32s(-2), a, a)
		e, d, n := expOf(a), vec(), constant(f32s(1))
		VADDPS(n, e, d)
		VSUBPS(e, n, n)
		VDIVPS(d, n, n)
		choose(big, n, p, p)
		VORPS(sign, p, p)
		return p
	})
	one("erf", func(x VecVirtual) VecVirtual {
		a, sign := split(x)
		z := vec()
		zero(z)
		VMAXPS(a, z, a)
		VMINPS(a, constant(f32s(4)), a)
		VMULPS(a, a, z)
		big := compare(greater, constant(f32s(1)), a)
		p := horner(erfPoly, z)
		VFMADD213PS(a, a, p)
		q := horner(erfcPoly, a)
		opXor.with(bits(1<<31), a, a)
		VMULPS(a, q, q)
		e, n := expOf(q), constant(f32s(1))
		VSUBPS(e, n, n)
		choose(big, n, p, p)
		VORPS(sign, p, p)
		return p
	})
}
