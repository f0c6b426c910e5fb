package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// target is what the kernels of this run are written for.
var target = avx2

// isa is an instruction set with its vectors.
type isa struct {
	name  string // what the names of its kernels end in
	bytes int    // of a vector
	vec   func() VecVirtual
}

var (
	avx2   = isa{"AVX2", 32, YMM}
	avx512 = isa{"AVX512", 64, ZMM}
)

// masked reports whether vectors can be loaded and stored in part, so that a
// kernel takes any number of elements.
func (t isa) masked() bool { return t.bytes == 64 }

func (t isa) lanes() int { return t.bytes / 4 }

// text starts a kernel of the target.
func text(name, signature string) { TEXT(name+target.name, NOSPLIT, signature) }

// vec returns a new vector register of the target.
func vec() VecVirtual { return target.vec() }

func zeroed(n int) []VecVirtual {
	v := make([]VecVirtual, n)
	for i := range v {
		v[i] = vec()
		zero(v[i])
	}
	return v
}

func zero(v VecVirtual) {
	if target.masked() {
		VPXORD(v, v, v)
		return
	}
	VXORPS(v, v, v)
}

// broadcast returns the float32 parameter in all lanes. It does not go through
// MOVSS, which costs a state transition while upper halves are in use.
func broadcast(name string) VecVirtual {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	v := vec()
	VBROADCASTSS(p.Addr, v)
	return v
}

// f32s returns a constant float32, eight times; bits one of any 32 bits.
func f32s(v float64) Mem { return bits(math.Float32bits(float32(v))) }

func bits(b uint32) Mem {
	if m, ok := constants[b]; ok {
		return m
	}
	name, count := fmt.Sprintf("c%08x", b), 8
	if target.masked() {
		name, count = "w"+name[1:], 1
	}
	m := GLOBL(name, RODATA|NOPTR)
	for i := range count {
		DATA(4*i, U32(b))
	}
	constants[b] = m
	return m
}

var constants = map[uint32]Mem{}

// constant returns a register that holds c in all lanes.
func constant(c Mem) VecVirtual {
	v := vec()
	if target.masked() {
		VBROADCASTSS(c, v)
	} else {
		VMOVUPS(c, v)
	}
	return v
}

// operation is an instruction and its form with a broadcast memory operand.
type operation struct{ plain, broadcast func(...Op) }

var (
	opAdd     = operation{VADDPS, VADDPS_BCST}
	opMul     = operation{VMULPS, VMULPS_BCST}
	opSub     = operation{VSUBPS, VSUBPS_BCST}
	opAnd     = operation{VANDPS, VANDPS_BCST}
	opOr      = operation{VORPS, VORPS_BCST}
	opXor     = operation{VXORPS, VXORPS_BCST}
	opFMA213  = operation{VFMADD213PS, VFMADD213PS_BCST}
	opFMA231  = operation{VFMADD231PS, VFMADD231PS_BCST}
	opAddInts = operation{VPADDD, VPADDD_BCST}
	opSubInts = operation{VPSUBD, VPSUBD_BCST}
)

// with runs the operation on a constant and registers.
func (o operation) with(c Mem, regs ...Op) {
	f := o.plain
	if target.masked() {
		f = o.broadcast
	}
	f(append([]Op{c}, regs...)...)
}

// compare returns the mask of the lanes for which x op y holds.
func compare(op uint64, y, x VecVirtual) Op {
	if target.masked() {
		k := K()
		VCMPPS(Imm(op), y, x, k)
		return k
	}
	m := vec()
	VCMPPS(Imm(op), y, x, m)
	return m
}

// Predicates of compare.
const (
	equal     = 0
	unordered = 3
	ordered   = 7
	greater   = 14
)

// negative returns the mask of the lanes of x with the sign set.
func negative(x VecVirtual) Op {
	if target.masked() {
		k := K()
		VPMOVD2M(x, k)
		return k
	}
	m := vec()
	VMOVAPS(x, m)
	return m
}

// choose stores yes in dst where the mask is set, and no elsewhere.
func choose(mask Op, yes, no, dst VecVirtual) {
	if target.masked() {
		VBLENDMPS(yes, no, mask, dst)
		return
	}
	VBLENDVPS(mask, yes, no, dst)
}

// first returns the mask of the first n lanes, n below the number of lanes.
func first(n GPVirtual) Op {
	ones, k := GP64(), K()
	MOVQ(I32(-1), ones)
	BZHIQ(n, ones, ones)
	KMOVW(ones.As32(), k)
	return k
}

// ptr returns a memory operand at base + disp.
func ptr(base GPVirtual, disp int) Mem { return Mem{Base: base, Disp: disp} }

func arg(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }
