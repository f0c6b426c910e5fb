package main

import "fmt"

// products adds the products of one factor with rows of others, stride elements
// apart, to sums in sixteen float32 lanes each, over n elements, a multiple of
// sixteen. The factor is x itself, or the error of its code; bounds are lo + magic
// and hi + magic.
func products() {
	for _, rows := range []int{1, 2, 4} {
		text(fmt.Sprintf("products%d", rows), "x, y *float32, stride int, lanes *float32, n int")
		productLoop(rows, func(e, x vec) vec { return x })

		text(fmt.Sprintf("errorProducts%d", rows), "x, y *float32, stride int, lanes *float32, n int, inverse, scale, lo, hi float32")
		inverse, scale, lo, hi := broadcast("inverse"), broadcast("scale"), broadcast("lo"), broadcast("hi")
		magic, r := constant(constants(), f32s(1.5*(1<<23))), newVec()
		productLoop(rows, func(e, x vec) vec {
			move(r, magic) // a NaN stays one, since x is subtracted
			fmla(r, x, inverse)
			fmax(r, r, lo)
			fmin(r, r, hi)
			fsub(r, r, magic)
			fneg(e, x)
			fmla(e, r, scale)
			return e
		})
	}
}

// productLoop is the body of a kernel that takes f of each vector of x, which
// may use e.
func productLoop(rows int, f func(e, x vec) vec) {
	x, y, stride, lanes, n := arg("x"), arg("y"), arg("stride"), arg("lanes"), arg("n")
	row := []string{y}
	line("LSL $2, %s, %s", stride, stride)
	for i := 1; i < rows; i++ {
		r := gp()
		line("ADD %s, %s, %s", stride, row[i-1], r)
		row = append(row, r)
	}
	acc := newVecs(4 * rows)
	loads(acc, lanes, 0)
	label("loop")
	e, v, w := newVec(), newVec(), newVec()
	for i := range 4 {
		load(v, x, 16*i)
		d := f(e, v)
		for r, p := range row {
			load(w, p, 16*i)
			fmla(acc[4*r+i], d, w)
		}
	}
	line("ADD $64, %s", x)
	for _, p := range row {
		line("ADD $64, %s", p)
	}
	line("SUBS $16, %s", n)
	line("BNE loop")
	stores(acc, lanes, 0)
	line("RET")
}
