package main

import "fmt"

// Offsets in finisher, in bytes. Of its constants, eight alike, four serve.
const (
	finLo     = 0
	finHi     = 32
	finQuant  = 64
	finLeast  = 72
	finMost   = 104
	finScale  = 136
	finAdd    = 168
	finBias   = 176
	finRest   = 184
	finStride = 192
	finStepA  = 200
	finStepB  = 208
	finStepC  = 216
	finBiases = 224
	finRests  = 232
	finHigh   = 240
	finLow    = 272
)

// direct computes panels of A, of which the first rows count, times sixteen
// columns of B that lie in two runs of eight: entry (l, j) is b0[off[l]+j] for
// j < 8, then b1[off[l]+j-8]. Each tile is finished while it is in registers.
// From tile to tile it goes down C, unless the finisher's steps say otherwise.
// With more, the chains of one column more, b2[off[l]], go to rest, eight for
// each panel, of which 6 count; nothing is done to them.
func direct(rows int, more bool) {
	name, args := fmt.Sprintf("direct%dx16", rows), "kn, count int, a, b0, b1 *float32, off *int32, c *float32, ldc int, fin *byte"
	if more {
		name, args = fmt.Sprintf("direct%dx17", rows), args+", b2, rest *float32"
	}
	text(name, args)
	kn, count, a, c, ldc, fin := arg("kn"), arg("count"), arg("a"), arg("c"), arg("ldc"), arg("fin")
	b, off := []string{arg("b0"), arg("b1")}, arg("off")
	var out string
	if more {
		b, out = append(b, arg("b2")), arg("rest")
	}
	line("LSL $2, %s", ldc)
	bias, rest, stride := gp(), gp(), gp()
	line("MOVD %s, %s", mem(fin, finBias), bias)
	line("MOVD %s, %s", mem(fin, finRest), rest)
	line("MOVD %s, %s", mem(fin, finStride), stride)
	line("LSL $2, %s", stride)
	k, offp, o, p := gp(), gp(), gp(), gp()

	acc, pair, factor := newVecs(4*rows), newVecs(2), newVecs(3)
	var column []vec
	if more {
		column = newVecs(2)
	}
	label("tile")
	for _, v := range append(acc, column...) {
		zero(v)
	}
	line("MOVD %s, %s", off, offp)
	line("MOVD %s, %s", kn, k)
	step := func(at int) { // entries of A from this one of factor on
		line("MOVW.P 4(%s), %s", offp, o)
		for h, b := range b {
			line("ADD %s<<2, %s, %s", o, b, p)
			if h == 2 {
				line("FMOVS (%s), F%d", p, pair[0])
				fmlaLane(column[0], factor[0], pair[0], 0)
				fmlaLane(column[1], factor[1], pair[0], 0)
				break
			}
			loads(pair, p, 0)
			for r := range rows {
				for i, v := range pair {
					fmlaLane(acc[4*r+2*h+i], v, factor[(at+r)/4], (at+r)%4)
				}
			}
		}
	}
	one := func() {
		load(factor[0], a, 0)
		line("FMOVD 16(%s), F%d", a, factor[1])
		line("ADD $%d, %s", 4*mr, a)
		step(0)
	}
	if more {
		label("loop")
		one()
		line("SUBS $1, %s", k)
		line("BNE loop")
		stores(column, out, 0)
		line("ADD $32, %s", out)
	} else { // two steps in three vectors of A
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
		one()
		label("summed")
	}

	vecs = len(acc) // nothing but the sums is needed any more
	scoped(func() {
		row := newVecs(4)
		each := func(p, by string) { // adds what lies at p, rows by bytes apart
			for r := range rows {
				loads(row, p, 0)
				line("ADD %s, %s", by, p)
				for i, v := range row {
					fadd(acc[4*r+i], acc[4*r+i], v)
				}
			}
		}
		line("MOVD %s, %s", mem(fin, finAdd), o)
		line("CBZ %s, added", o)
		line("MOVD %s, %s", c, p)
		each(p, ldc)
		label("added")
		line("CBZ %s, nobias", bias)
		line("MOVD %s, %s", bias, p)
		for r := range rows {
			line("VLD1R.P 4(%s), [V%d.S4]", p, row[r%2])
			for i := range 4 {
				fadd(acc[4*r+i], acc[4*r+i], row[r%2])
			}
		}
		line("MOVD %s, %s", mem(fin, finBiases), o)
		line("ADD %s, %s", o, bias)
		label("nobias")
		line("CBZ %s, noresidual", rest)
		each(rest, stride)
		line("MOVD %s, %s", mem(fin, finRests), o)
		line("ADD %s, %s", o, rest)
		label("noresidual")
	})
	finish(fin, 0, acc, o, "")
	for r := range rows {
		stores(acc[4*r:4*r+4], c, 0)
		line("ADD %s, %s", ldc, c)
	}
	for _, s := range []struct {
		offset int
		to     string
	}{{finStepA, a}, {finStepB, b[0]}, {finStepB, b[1]}, {finStepC, c}} {
		line("MOVD %s, %s", mem(fin, s.offset), o)
		line("ADD %s, %s", o, s.to)
	}
	line("SUBS $1, %s", count)
	line("BNE tile")
	line("RET")
}

// finish clamps all of v and fake-quantizes them in the way that the finisher at
// a place of base says; mode is free. It takes eight registers.
func finish(base string, fin int, v []vec, mode, suffix string) {
	entry := func(offset int) vec { return constant(base, fin+offset) }
	line("MOVD %s, %s", mem(base, fin+finQuant), mode)
	line("CMP $2, %s", mode)
	line("BGE unclamped%s", suffix)
	scoped(func() {
		lo, hi, m := entry(finLo), entry(finHi), newVecs(2)
		for i, v := range v {
			clamp(v, lo, hi, m[i%2])
		}
	})
	line("CBZ %s, finished%s", mode, suffix)
	scoped(func() {
		least, most, scale, whole, m := entry(finLeast), entry(finMost), entry(finScale), newVec(), newVecs(4)
		line("MOVD $neonConstants<>(SB), %s", mode)
		load(whole, mode, f32s(magic))
		for i, v := range v {
			quantizeByDivision(v, scale, least, most, whole, m[i%4])
		}
	})
	line("B finished%s", suffix)
	label("unclamped" + suffix)
	scoped(func() {
		least, most, scale, high, low, whole, m := entry(finLeast), entry(finMost), entry(finScale), entry(finHigh), entry(finLow), newVec(), newVecs(2)
		line("MOVD $neonConstants<>(SB), %s", mode)
		load(whole, mode, f32s(magic))
		for i, v := range v {
			quantizeByInverse(v, scale, least, most, high, low, whole, m[i%2])
		}
	})
	label("finished" + suffix)
}

// quantizeByDivision is fakeQuantizeGo; m is free.
func quantizeByDivision(v, scale, lo, hi, magic, m vec) {
	fdiv(v, v, scale)
	fcmeq(m, v, v) // NaN becomes 0
	and(v, v, m)
	fmax(v, v, lo)
	fmin(v, v, hi)
	fadd(v, v, magic)
	fsub(v, v, magic)
	fmul(v, v, scale)
}

// quantizeByInverse is the same where the quotient is v·high + v·low, which the
// quantizer was found to allow, and bounds are real numbers.
func quantizeByInverse(v, scale, least, most, high, low, magic, m vec) {
	fcmeq(m, v, v)
	and(v, v, m)
	fmax(v, v, least)
	fmin(v, v, most)
	fmul(m, v, low)
	fmla(m, v, high)
	fadd(m, m, magic)
	fsub(m, m, magic)
	fmul(v, m, scale)
}
