package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// products adds the products of one factor with rows of others, stride elements
// apart, to sums in sixteen float32 lanes each, over n elements, a multiple of
// sixteen. The factor is x itself, or the error of its code; bounds are lo + magic
// and hi + magic.
func products() {
	for _, rows := range []int{1, 2, 4} {
		text(fmt.Sprintf("products%d", rows), "func(x, y *float32, stride int, lanes *float32, n int)")
		productLoop(rows, func(x []Mem) []VecVirtual {
			v := make([]VecVirtual, len(x))
			for i, m := range x {
				v[i] = vec()
				VMOVUPS(m, v[i])
			}
			return v
		})

		text(fmt.Sprintf("errorProducts%d", rows), "func(x, y *float32, stride int, lanes *float32, n int, inverse, scale, lo, hi float32)")
		inverse, scale, lo, hi := broadcast("inverse"), broadcast("scale"), broadcast("lo"), broadcast("hi")
		magic := constant(f32s(1.5 * (1 << 23)))
		productLoop(rows, func(x []Mem) []VecVirtual {
			r := make([]VecVirtual, len(x))
			for i, m := range x {
				r[i] = vec()
				VMOVUPS(m, r[i])
			}
			// One step for all vectors, then the next: a scheduler holds few steps.
			// Clamping is quicker by integers, of which positive floats are in order and
			// negative ones the least. A NaN may become a bound, as x is subtracted.
			for _, step := range []func(r VecVirtual, x Mem){
				func(r VecVirtual, _ Mem) { VFMADD213PS(magic, inverse, r) },
				func(r VecVirtual, _ Mem) { VPMAXSD(lo, r, r) },
				func(r VecVirtual, _ Mem) { VPMINSD(hi, r, r) },
				func(r VecVirtual, _ Mem) { VSUBPS(magic, r, r) },
				func(r VecVirtual, x Mem) { VFMSUB213PS(x, scale, r) },
			} {
				for i, m := range x {
					step(r[i], m)
				}
			}
			return r
		})
	}
}

// productLoop is the body of a kernel that multiplies by f of vectors of x.
func productLoop(rows int, f func(x []Mem) []VecVirtual) {
	x, y, stride, lanes, n := arg("x"), arg("y"), arg("stride"), arg("lanes"), arg("n")
	SHLQ(Imm(2), stride)
	row := []Mem{{Base: y}, {Base: y, Index: stride, Scale: 1}, {Base: y, Index: stride, Scale: 2}, {}}[:rows]
	if rows == 4 {
		s3 := GP64()
		LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, s3)
		row[3] = Mem{Base: y, Index: s3, Scale: 1}
	}
	groups, size := 64/target.bytes, target.bytes
	acc := make([]VecVirtual, rows*groups)
	for i := range acc {
		acc[i] = vec()
		VMOVUPS(ptr(lanes, size*i), acc[i])
	}
	block := func(name string, sixteens int) {
		Label(name)
		CMPQ(n, Imm(uint64(16*sixteens)))
		JLT(LabelRef(name + "done"))
		from := make([]Mem, sixteens*groups)
		for i := range from {
			from[i] = ptr(x, size*i)
		}
		for i, e := range f(from) {
			for r, m := range row {
				VFMADD231PS(m.Offset(size*i), e, acc[r*groups+i%groups])
			}
		}
		ADDQ(U32(64*sixteens), x)
		ADDQ(U32(64*sixteens), y)
		SUBQ(Imm(uint64(16*sixteens)), n)
		JMP(LabelRef(name))
		Label(name + "done")
	}
	if rows < 4 || target.masked() { // or else registers are too few
		block("many", 2)
	}
	block("one", 1)
	for i, a := range acc {
		VMOVUPS(a, ptr(lanes, size*i))
	}
	VZEROUPPER()
	RET()
}
