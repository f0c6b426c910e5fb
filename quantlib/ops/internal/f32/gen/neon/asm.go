package main

import (
	"bytes"
	"fmt"
	"math"
	"strings"
)

// out is the assembly so far.
var out bytes.Buffer

func line(format string, args ...any) { fmt.Fprintf(&out, "\t"+format+"\n", args...) }

func label(name string) { fmt.Fprintf(&out, "%s:\n", name) }

// vec is a vector register of 128 bits.
type vec int

// Registers of the kernel that is being written, in the order in which they are
// handed out. R18, R26 and those above belong to the system and to Go.
var (
	gps, vecs int
	offsets   map[string]int // of parameters in the frame
)

var generals = []string{
	"R0", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15", "R16", "R17",
	"R19", "R20", "R21", "R22", "R23", "R24", "R25",
}

func gp() string {
	gps++
	return generals[gps-1]
}

func newVec() vec {
	vecs++
	if vecs > 32 {
		panic("out of vector registers")
	}
	return vec(vecs - 1)
}

func newVecs(n int) []vec {
	v := make([]vec, n)
	for i := range v {
		v[i] = newVec()
	}
	return v
}

// scoped gives back the registers that f takes.
func scoped(f func()) {
	g, v := gps, vecs
	f()
	gps, vecs = g, v
}

// text starts a kernel. The signature is the inside of Go's parentheses; types
// are pointers, int, float64 and float32.
func text(name, signature string) {
	gps, vecs, offsets = 0, 0, map[string]int{}
	size := 0
	var names []string
	for _, p := range strings.Split(signature, ", ") {
		n, typ, found := strings.Cut(p, " ")
		names = append(names, n)
		if !found {
			continue
		}
		bytes := 8
		if typ == "float32" {
			bytes = 4
		}
		for _, n := range names {
			size = (size + bytes - 1) / bytes * bytes
			offsets[n] = size
			size += bytes
		}
		names = nil
	}
	fmt.Fprintf(&out, "\n// func %sNEON(%s)\nTEXT ·%sNEON(SB), NOSPLIT, $0-%d\n", name, signature, name, size)
}

// frame is the place of a parameter.
func frame(name string) string {
	at, ok := offsets[name]
	if !ok {
		panic("no parameter " + name)
	}
	return fmt.Sprintf("%s+%d(FP)", name, at)
}

func arg(name string) string {
	r := gp()
	line("MOVD %s, %s", frame(name), r)
	return r
}

// broadcast returns the float32 parameter in all lanes.
func broadcast(name string) vec {
	v := newVec()
	line("FMOVS %s, F%d", frame(name), v)
	dup(v, v, 0)
	return v
}

// Constants stand in one table, each in all lanes, in the order of their use.
var table []uint32

// constants loads the address of the table.
func constants() string {
	r := gp()
	line("MOVD $neonConstants<>(SB), %s", r)
	return r
}

func bits(b uint32) int {
	for i, c := range table {
		if c == b {
			return 16 * i
		}
	}
	table = append(table, b)
	return 16 * (len(table) - 1)
}

func f32s(v float64) int { return bits(math.Float32bits(float32(v))) }

// constant returns the entry of the table in a register.
func constant(base string, offset int) vec {
	v := newVec()
	load(v, base, offset)
	return v
}

func load(v vec, base string, offset int)  { line("FMOVQ %s, F%d", mem(base, offset), v) }
func store(v vec, base string, offset int) { line("FMOVQ F%d, %s", v, mem(base, offset)) }

// loads loads consecutive vectors.
func loads(v []vec, base string, offset int) {
	for ; len(v) > 1; v, offset = v[2:], offset+32 {
		line("FLDPQ %s, (F%d, F%d)", mem(base, offset), v[0], v[1])
	}
	for _, v := range v {
		load(v, base, offset)
	}
}

func stores(v []vec, base string, offset int) {
	for ; len(v) > 1; v, offset = v[2:], offset+32 {
		line("FSTPQ (F%d, F%d), %s", v[0], v[1], mem(base, offset))
	}
	for _, v := range v {
		store(v, base, offset)
	}
}

func mem(base string, offset int) string {
	if offset == 0 {
		return "(" + base + ")"
	}
	return fmt.Sprintf("%d(%s)", offset, base)
}

// word writes an instruction that Go's assembler may not know.
func word(code uint32, name string, operands ...string) {
	line("WORD $%#08x // %s %s", code, name, strings.Join(operands, ", "))
}

// three returns the instruction with the given code for three registers.
func three(name, lanes string, code uint32) func(d, n, m vec) {
	return func(d, n, m vec) {
		word(code|uint32(m)<<16|uint32(n)<<5|uint32(d), name, d.as(lanes), n.as(lanes), m.as(lanes))
	}
}

func two(name, to, from string, code uint32) func(d, n vec) {
	return func(d, n vec) { word(code|uint32(n)<<5|uint32(d), name, d.as(to), n.as(from)) }
}

func (v vec) as(lanes string) string { return fmt.Sprintf("v%d.%s", v, lanes) }

// Instructions, destination first. fmla adds to d; bsl takes n where d is set,
// and m elsewhere; bit takes n where m is set, and bif n where it is not.
var (
	fadd   = three("fadd", "4s", 0x4e20d400)
	fsub   = three("fsub", "4s", 0x4ea0d400)
	fmul   = three("fmul", "4s", 0x6e20dc00)
	fdiv   = three("fdiv", "4s", 0x6e20fc00)
	fmla   = three("fmla", "4s", 0x4e20cc00)
	fmax   = three("fmax", "4s", 0x4e20f400)
	fmin   = three("fmin", "4s", 0x4ea0f400)
	fmaxnm = three("fmaxnm", "4s", 0x4e20c400)
	fminnm = three("fminnm", "4s", 0x4ea0c400)
	fcmeq  = three("fcmeq", "4s", 0x4e20e400)
	fcmgt  = three("fcmgt", "4s", 0x6ea0e400)
	iadd   = three("add", "4s", 0x4ea08400)
	isub   = three("sub", "4s", 0x6ea08400)
	and    = three("and", "16b", 0x4e201c00)
	bic    = three("bic", "16b", 0x4e601c00)
	orr    = three("orr", "16b", 0x4ea01c00)
	eor    = three("eor", "16b", 0x6e201c00)
	bsl    = three("bsl", "16b", 0x6e601c00)
	bit    = three("bit", "16b", 0x6ea01c00)
	uzp1   = three("uzp1", "4s", 0x4e801800)
	zip1   = three("zip1", "4s", 0x4e803800)
	zip2   = three("zip2", "4s", 0x4e807800)
	zip1d  = three("zip1", "2d", 0x4ec03800)
	zip2d  = three("zip2", "2d", 0x4ec07800)

	faddD = three("fadd", "2d", 0x4e60d400)
	fsubD = three("fsub", "2d", 0x4ee0d400)
	fmulD = three("fmul", "2d", 0x6e60dc00)
	fmlaD = three("fmla", "2d", 0x4e60cc00)

	fabs   = two("fabs", "4s", "4s", 0x4ea0f800)
	fneg   = two("fneg", "4s", "4s", 0x6ea0f800)
	cmlt0  = two("cmlt", "4s", "4s", 0x4ea0a800) // as integer below zero
	fcmeq0 = two("fcmeq", "4s", "4s", 0x4ea0d800)
	widen  = two("fcvtl", "2d", "2s", 0x0e617800)
	widen2 = two("fcvtl2", "2d", "4s", 0x4e617800)
)

func move(d, n vec) { orr(d, n, n) }

func zero(v vec) { eor(v, v, v) }

func zeroed(n int) []vec {
	v := newVecs(n)
	for _, v := range v {
		zero(v)
	}
	return v
}

// fmlaLane adds n·m[lane] to d.
func fmlaLane(d, n, m vec, lane int) {
	l := uint32(lane)
	word(0x4f801000|l&1<<21|l>>1<<11|uint32(m)<<16|uint32(n)<<5|uint32(d), "fmla", d.as("4s"), n.as("4s"), fmt.Sprintf("v%d.s[%d]", m, lane))
}

// dup stores lane of n in all lanes of d.
func dup(d, n vec, lane int) {
	word(0x4e040400|uint32(lane)<<19|uint32(n)<<5|uint32(d), "dup", d.as("4s"), fmt.Sprintf("v%d.s[%d]", n, lane))
}

// ext stores n from the given lane on, and what precedes it behind, in d.
func ext(d, n vec, lane int) {
	word(0x6e000000|uint32(n)<<16|uint32(4*lane)<<11|uint32(n)<<5|uint32(d), "ext", d.as("16b"), n.as("16b"), n.as("16b"), fmt.Sprintf("#%d", 4*lane))
}

// sshr shifts right as signed integers, shl left.
func sshr(d, n vec, by int) {
	word(0x4f000400|uint32(64-by)<<16|uint32(n)<<5|uint32(d), "sshr", d.as("4s"), n.as("4s"), fmt.Sprintf("#%d", by))
}

func shl(d, n vec, by int) {
	word(0x4f005400|uint32(32+by)<<16|uint32(n)<<5|uint32(d), "shl", d.as("4s"), n.as("4s"), fmt.Sprintf("#%d", by))
}

// clamp is clamp1 with bounds in registers; m is free.
func clamp(v, lo, hi, m vec) {
	fcmgt(m, lo, v)
	bit(v, lo, m)
	fcmgt(m, v, hi)
	bit(v, hi, m)
}
