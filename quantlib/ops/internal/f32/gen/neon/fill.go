package main

import "fmt"

// eachRow runs f over rows of n elements, step (1 or 2) apart in src, and stores
// the results without gaps. What whole vectors leave of a row is done with the
// row's last four elements, which are read before anything is stored, so that
// dst may be src; rows of fewer than four element by element. Nothing beyond a
// row is read or written.
func eachRow(step int, f func(v []vec)) {
	dst, src, rows, n, ds, ss := arg("dst"), arg("src"), arg("rows"), arg("n"), arg("dstStride"), arg("srcStride")
	line("LSL $2, %s", ds)
	line("LSL $2, %s", ss)
	d, from, left, end := gp(), gp(), gp(), gp()
	v, next, tail := newVecs(4), newVecs(step-1), newVec()
	// gather loads a vector, of which element 7 does not count with step 2.
	gather := func(v vec, from string, offset int, last bool) {
		load(v, from, offset)
		switch {
		case step == 1:
		case last:
			load(next[0], from, offset+12)
			ext(next[0], next[0], 1)
			uzp1(v, v, next[0])
		default:
			load(next[0], from, offset+16)
			uzp1(v, v, next[0])
		}
	}
	block := func(name string, vectors int) {
		label(name)
		line("CMP $%d, %s", 4*vectors+step-1, left)
		line("BLT %sdone", name)
		for i, v := range v[:vectors] {
			gather(v, from, 16*step*i, false)
		}
		f(v[:vectors])
		stores(v[:vectors], d, 0)
		line("ADD $%d, %s", 16*vectors, d)
		line("ADD $%d, %s", 16*step*vectors, from)
		line("SUB $%d, %s", 4*vectors, left)
		line("B %s", name)
		label(name + "done")
	}

	label("row")
	line("MOVD %s, %s", dst, d)
	line("MOVD %s, %s", src, from)
	line("MOVD %s, %s", n, left)
	line("CMP $4, %s", n)
	line("BLT one")
	line("SUB $4, %s, %s", n, end)
	line("ADD %s<<%d, %s, %s", end, step+1, src, end)
	gather(tail, end, 0, true)
	block("four", 4)
	block("vector", 1)
	line("CBZ %s, next", left)
	f([]vec{tail})
	line("SUB $4, %s", left)
	line("ADD %s<<2, %s, %s", left, d, d)
	store(tail, d, 0)
	line("B next")
	label("one")
	line("FMOVS.P %d(%s), F%d", 4*step, from, tail)
	f([]vec{tail})
	line("FMOVS.P F%d, 4(%s)", tail, d)
	line("SUBS $1, %s", left)
	line("BNE one")
	label("next")
	line("ADD %s, %s", ds, dst)
	line("ADD %s, %s", ss, src)
	line("SUBS $1, %s", rows)
	line("BNE row")
	line("RET")
}

const rowsArgs = "dst, src *float32, rows, n, dstStride, srcStride int"

// fillRows copies rows, and fake-quantizes them if quantize is set.
func fillRows(step int, quantize bool) {
	if !quantize {
		text(fmt.Sprintf("fillRows%d", step), rowsArgs)
		eachRow(step, func([]vec) {})
		return
	}
	text(fmt.Sprintf("fillRows%dQuantized", step), rowsArgs+", scale, lo, hi float32")
	eachRow(step, quantizer())
}

// finishRows copies rows, adds bias and clamps.
func finishRows() {
	text("finishRows", rowsArgs+", bias, lo, hi float32")
	bias, lo, hi, m := broadcast("bias"), broadcast("lo"), broadcast("hi"), newVec()
	eachRow(1, func(v []vec) {
		for _, v := range v {
			fadd(v, v, bias)
			clamp(v, lo, hi, m)
		}
	})
}

// quantizeRows fake-quantizes rows: by division, or with the quotient x·high +
// x·low, which the quantizer was found to allow, and bounds that are real
// numbers.
func quantizeRows() {
	text("quantizeRows", rowsArgs+", scale, lo, hi float32")
	eachRow(1, quantizer())
	text("quantizeRowsByInverse", rowsArgs+", scale, least, most, high, low float32")
	scale, least, most, high, low := broadcast("scale"), broadcast("least"), broadcast("most"), broadcast("high"), broadcast("low")
	magic, m := constant(constants(), f32s(1.5*(1<<23))), newVecs(4)
	eachRow(1, func(v []vec) {
		for i, v := range v {
			quantizeByInverse(v, scale, least, most, high, low, magic, m[i])
		}
	})
}
