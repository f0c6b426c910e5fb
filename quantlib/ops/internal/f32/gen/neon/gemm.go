package main

import "fmt"

// Offsets in tileEpilogue.
const (
	epAdd      = 0
	epRowBias  = 8
	epColBias  = 16
	epResidual = 24
	epStride   = 32
	epLo       = 40
	epHi       = 44
)

// gemm computes panels of A, of which the first rows count, times one panel of
// B, with the epilogue of each tile while it is in registers. A vector of A
// serves four rows, each from a lane of its own.
func gemm(rows int) {
	text(fmt.Sprintf("gemm%dx16", rows), "kn, panels int, a, b, c *float32, ldc int, ep *byte")
	kn, panels, a, b, c, ldc, ep := arg("kn"), arg("panels"), arg("a"), arg("b"), arg("c"), arg("ldc"), arg("ep")
	line("LSL $2, %s", ldc)
	rb, rp, stride := gp(), gp(), gp()
	line("MOVD %s, %s", mem(ep, epRowBias), rb)
	line("MOVD %s, %s", mem(ep, epResidual), rp)
	line("MOVD %s, %s", mem(ep, epStride), stride)
	line("LSL $2, %s", stride)

	label("panel")
	acc := zeroed(4 * rows)
	bp, k, cp := gp(), gp(), gp()
	line("MOVD %s, %s", b, bp)
	line("MOVD %s, %s", kn, k)
	row, factor := newVecs(4), newVecs(3)
	step := func(at int) { // entries of A from this one of factor on
		loads(row, bp, 0)
		line("ADD $%d, %s", 4*nr, bp)
		for r := range rows {
			for i, v := range row {
				fmlaLane(acc[4*r+i], v, factor[(at+r)/4], (at+r)%4)
			}
		}
	}
	line("SUBS $2, %s", k)
	line("BLT last")
	label("loop")
	loads(factor, a, 0)
	line("ADD $%d, %s", 8*mr, a)
	step(0)
	step(mr)
	line("SUBS $2, %s", k)
	line("BGE loop")
	label("last")
	line("ADDS $2, %s", k)
	line("BEQ summed")
	load(factor[0], a, 0)
	line("FMOVD 16(%s), F%d", a, factor[1])
	line("ADD $%d, %s", 4*mr, a)
	step(0)
	label("summed")

	// each adds what lies at p, rows by bytes apart, to the sums.
	each := func(p, by string) {
		for r := range rows {
			loads(row, p, 0)
			line("ADD %s, %s", by, p)
			for i, v := range row {
				fadd(acc[4*r+i], acc[4*r+i], v)
			}
		}
	}
	flag := gp()
	line("MOVD %s, %s", mem(ep, epAdd), flag)
	line("CBZ %s, added", flag)
	line("MOVD %s, %s", c, cp)
	each(cp, ldc)
	label("added")
	line("CBZ %s, norows", rb)
	for r := range rows {
		line("VLD1R.P 4(%s), [V%d.S4]", rb, row[r%2])
		for i := range 4 {
			fadd(acc[4*r+i], acc[4*r+i], row[r%2])
		}
	}
	label("norows")
	line("MOVD %s, %s", mem(ep, epColBias), flag)
	line("CBZ %s, nocolumns", flag)
	loads(row, flag, 0)
	for r := range rows {
		for i, v := range row {
			fadd(acc[4*r+i], acc[4*r+i], v)
		}
	}
	label("nocolumns")
	line("CBZ %s, noresidual", rp)
	each(rp, stride)
	label("noresidual")
	lo, hi := row[0], row[1]
	line("FMOVS %s, F%d", mem(ep, epLo), lo)
	line("FMOVS %s, F%d", mem(ep, epHi), hi)
	dup(lo, lo, 0)
	dup(hi, hi, 0)
	for r := range rows {
		for i := range 4 {
			clamp(acc[4*r+i], lo, hi, row[2+i%2])
		}
		stores(acc[4*r:4*r+4], c, 0)
		line("ADD %s, %s", ldc, c)
	}
	line("SUBS $1, %s", panels)
	line("BNE panel")
	line("RET")
}

// product6x8 writes the chains of the left half of a tile to c, [6][16].
func product6x8() {
	text("product6x8", "kn int, a, b, c *float32")
	k, a, b, c := arg("kn"), arg("a"), arg("b"), arg("c")
	acc := zeroed(2 * mr)
	row, factor := newVecs(2), newVecs(2)
	label("loop")
	loads(row, b, 0)
	load(factor[0], a, 0)
	line("FMOVD 16(%s), F%d", a, factor[1])
	for r := range mr {
		for i, v := range row {
			fmlaLane(acc[2*r+i], v, factor[r/4], r%4)
		}
	}
	line("ADD $%d, %s", 4*mr, a)
	line("ADD $%d, %s", 4*nr, b)
	line("SUBS $1, %s", k)
	line("BNE loop")
	for r := range mr {
		stores(acc[2*r:2*r+2], c, 4*nr*r)
	}
	line("RET")
}

// columns1 writes the chains of eight panels of A times the first column of a
// panel of B to out, [8 panels][8], of which 6 count.
func columns1() {
	text("columns1", "kn int, a, b, out *float32")
	k, a, b, out := arg("kn"), arg("a"), arg("b"), arg("out")
	panel := []string{a}
	s := panelBytes(k, 4*mr)
	for p := 1; p < 8; p++ {
		panel = append(panel, gp())
		line("ADD %s, %s, %s", s, panel[p-1], panel[p])
	}
	acc := zeroed(16)
	entry, factor := newVec(), newVecs(4)
	label("loop")
	line("FMOVS (%s), F%d", b, entry)
	for p, from := range panel {
		f := factor[p%2*2:]
		load(f[0], from, 0)
		line("FMOVD 16(%s), F%d", from, f[1])
		fmlaLane(acc[2*p], f[0], entry, 0)
		fmlaLane(acc[2*p+1], f[1], entry, 0)
		line("ADD $%d, %s", 4*mr, from)
	}
	line("ADD $%d, %s", 4*nr, b)
	line("SUBS $1, %s", k)
	line("BNE loop")
	stores(acc, out, 0)
	line("RET")
}

// columns4 writes the chains of two panels of A times the first four columns
// of a panel of B to out, [2 panels][4 columns][8], of which 6 count.
func columns4() {
	text("columns4", "kn int, a, b, out *float32")
	k, a, b, out := arg("kn"), arg("a"), arg("b"), arg("out")
	other := gp()
	line("ADD %s, %s, %s", panelBytes(k, 4*mr), a, other)
	acc := zeroed(16)
	entries, factor := newVec(), newVecs(4)
	label("loop")
	load(entries, b, 0)
	for p, from := range []string{a, other} {
		load(factor[2*p], from, 0)
		line("FMOVD 16(%s), F%d", from, factor[2*p+1])
		line("ADD $%d, %s", 4*mr, from)
	}
	for c := range 4 {
		for p := range 2 {
			for h := range 2 {
				fmlaLane(acc[8*p+2*c+h], factor[2*p+h], entries, c)
			}
		}
	}
	line("ADD $%d, %s", 4*nr, b)
	line("SUBS $1, %s", k)
	line("BNE loop")
	stores(acc, out, 0)
	line("RET")
}

// panelBytes returns k times the bytes of one step of k.
func panelBytes(k string, bytes int) string {
	s := gp()
	line("MOVD $%d, %s", bytes, s)
	line("MUL %s, %s", k, s)
	return s
}

// row64 writes the chains of the first row of a panel of A times four panels
// of B to out, [64].
func row64() {
	text("row64", "kn int, a, b, out *float32")
	k, a, b, out := arg("kn"), arg("a"), arg("b"), arg("out")
	panel := []string{b}
	s := panelBytes(k, 4*nr)
	for p := 1; p < 4; p++ {
		panel = append(panel, gp())
		line("ADD %s, %s, %s", s, panel[p-1], panel[p])
	}
	acc := zeroed(16)
	factor, row := newVec(), newVecs(8)
	label("loop")
	line("FMOVS (%s), F%d", a, factor)
	for p, from := range panel {
		r := row[p%2*4:][:4]
		loads(r, from, 0)
		line("ADD $%d, %s", 4*nr, from)
		for i, v := range r {
			fmlaLane(acc[4*p+i], v, factor, 0)
		}
	}
	line("ADD $%d, %s", 4*mr, a)
	line("SUBS $1, %s", k)
	line("BNE loop")
	stores(acc, out, 0)
	line("RET")
}

// fmaPeak runs 96·n multiply-adds of vectors, of which 24 in a row do not
// depend on each other, for the measured peak that benchmarks are related to.
func fmaPeak() {
	text("fmaPeak", "n int")
	n := arg("n")
	acc, x := zeroed(24), zeroed(2)
	label("loop")
	for range 4 {
		for _, v := range acc {
			fmla(v, x[0], x[1])
		}
	}
	line("SUBS $1, %s", n)
	line("BNE loop")
	line("RET")
}
