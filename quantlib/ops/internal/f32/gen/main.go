// Command gen writes the AVX2 kernels of package f32. It is a module of its
// own, so that the product does not depend on what generates its assembly.
//
//	go run . -out ../kernels_amd64.s
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	mr = 6
	nr = 16
)

func main() {
	ConstraintExpr("!noasm")
	for rows := mr; rows > 0; rows-- {
		gemm(rows)
	}
	product6x8()
	columns1()
	columns4()
	row64()
	copyRuns()
	copyRows()
	transpose6()
	for _, step := range []int{1, 2} {
		fillRows(step, false)
		fillRows(step, true)
	}
	taps()
	tapsMax()
	tapsSum()
	finishRows()
	elementwise()
	functions()
	reductions()
	fmaPeak()
	Generate()
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

// broadcast returns the float32 parameter in all lanes. It does not go through
// MOVSS, which costs a state transition while upper halves are in use.
func broadcast(name string) VecVirtual {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	y := YMM()
	VBROADCASTSS(p.Addr, y)
	return y
}
