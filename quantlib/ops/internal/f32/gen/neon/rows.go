package main

// copyRuns fills one panel of B, row after row, each from a few runs: run r of
// row l is sixteen elements from src[off[l]+base[r]] to dst[16·l+at[r]], of
// which the next run or row overwrites what is too many.
func copyRuns() {
	text("copyRuns", "dst, src *float32, off *int32, rows int, base, at *int32, runs int")
	dst, src, off, rows, base, at, runs := arg("dst"), arg("src"), arg("off"), arg("rows"), arg("base"), arg("at"), arg("runs")
	from, bp, ap, left, x, y := gp(), gp(), gp(), gp(), gp(), gp()
	v := newVecs(4)
	label("row")
	line("MOVW.P 4(%s), %s", off, x)
	line("ADD %s<<2, %s, %s", x, src, from)
	line("MOVD %s, %s", base, bp)
	line("MOVD %s, %s", at, ap)
	line("MOVD %s, %s", runs, left)
	label("run")
	line("MOVW.P 4(%s), %s", bp, x)
	line("ADD %s<<2, %s, %s", x, from, x)
	line("MOVW.P 4(%s), %s", ap, y)
	line("ADD %s<<2, %s, %s", y, dst, y)
	loads(v, x, 0)
	stores(v, y, 0)
	line("SUBS $1, %s", left)
	line("BNE run")
	line("ADD $%d, %s", 4*nr, dst)
	line("SUBS $1, %s", rows)
	line("BNE row")
	line("RET")
}

// copyRows copies rows of sixteen elements, stride apart, to dst.
func copyRows() {
	text("copyRows", "dst, src *float32, rows, stride int")
	dst, src, rows, stride := arg("dst"), arg("src"), arg("rows"), arg("stride")
	line("LSL $2, %s", stride)
	v := newVecs(4)
	label("row")
	loads(v, src, 0)
	stores(v, dst, 0)
	line("ADD %s, %s", stride, src)
	line("ADD $%d, %s", 4*nr, dst)
	line("SUBS $1, %s", rows)
	line("BNE row")
	line("RET")
}

// transpose6 packs six rows of n elements, a multiple of four, stride apart,
// as a panel of A: dst[6·l+r] = src[r·stride+l].
func transpose6() {
	text("transpose6", "dst, src *float32, n, stride int")
	dst, src, n, stride := arg("dst"), arg("src"), arg("n"), arg("stride")
	line("LSL $2, %s", stride)
	from := []string{src}
	for r := 1; r < mr; r++ {
		from = append(from, gp())
		line("ADD %s, %s, %s", stride, from[r-1], from[r])
	}
	r, t, o := newVecs(mr), newVecs(6), newVecs(mr)
	label("loop")
	for i, from := range from {
		line("VLD1.P 16(%s), [V%d.S4]", from, r[i])
	}
	for i := range 3 { // 00 10 01 11, then 02 12 03 13; and so for rows 2, 3 and 4, 5
		zip1(t[2*i], r[2*i], r[2*i+1])
		zip2(t[2*i+1], r[2*i], r[2*i+1])
	}
	for h := range 2 { // 00 10 20 30, 40 50 01 11, 21 31 41 51, then the same of 2 and 3
		zip1d(o[3*h], t[h], t[2+h])
		zip2d(r[h], t[h], t[2+h])
		zip1d(o[3*h+1], t[4+h], r[h])
		zip2d(o[3*h+2], r[h], t[4+h])
	}
	stores(o, dst, 0)
	line("ADD $%d, %s", 16*mr, dst)
	line("SUBS $4, %s", n)
	line("BNE loop")
	line("RET")
}

// transpose4 packs four rows of n elements, a multiple of four, stride apart, as
// columns of a panel of B: dst[16·l+r] = src[r·stride+l].
func transpose4() {
	text("transpose4", "dst, src *float32, n, stride int")
	dst, src, n, stride := arg("dst"), arg("src"), arg("n"), arg("stride")
	line("LSL $2, %s", stride)
	from := []string{src}
	for r := 1; r < 4; r++ {
		from = append(from, gp())
		line("ADD %s, %s, %s", stride, from[r-1], from[r])
	}
	r, t, o := newVecs(4), newVecs(4), newVecs(4)
	label("loop")
	for i, from := range from {
		line("VLD1.P 16(%s), [V%d.S4]", from, r[i])
	}
	for i := range 2 { // 00 10 01 11, then 02 12 03 13; and so for rows 2 and 3
		zip1(t[2*i], r[2*i], r[2*i+1])
		zip2(t[2*i+1], r[2*i], r[2*i+1])
	}
	for h := range 2 {
		zip1d(o[2*h], t[h], t[2+h])
		zip2d(o[2*h+1], t[h], t[2+h])
	}
	for i, v := range o {
		store(v, dst, 4*nr*i)
	}
	line("ADD $%d, %s", 4*4*nr, dst)
	line("SUBS $4, %s", n)
	line("BNE loop")
	line("RET")
}

// tapLoop runs body over blocks of width vectors while n elements, a multiple
// of four, last.
func tapLoop(n, dst, src string, body func(width int, name string)) {
	for _, width := range []int{8, 4, 1} {
		name := map[int]string{8: "eight", 4: "four", 1: "one"}[width]
		label(name)
		line("CMP $%d, %s", 4*width, n)
		line("BLT %sdone", name)
		scoped(func() { body(width, name) })
		line("ADD $%d, %s", 16*width, dst)
		line("ADD $%d, %s", 16*width, src)
		line("SUB $%d, %s", 4*width, n)
		line("B %s", name)
		label(name + "done")
	}
	line("RET")
}

// eachTap runs body with what lies behind src at each of count offsets, at
// least one.
func eachTap(src, off, count, name string, body func(from string)) {
	t, o, from := gp(), gp(), gp()
	line("MOVD %s, %s", count, t)
	line("MOVD %s, %s", off, o)
	label(name + "tap")
	line("MOVW.P 4(%s), %s", o, from)
	line("ADD %s<<2, %s, %s", from, src, from)
	body(from)
	line("SUBS $1, %s", t)
	line("BNE %stap", name)
}

// taps stores in dst[i] the chain over t of w[t]·src[off[t]+i].
func taps() {
	text("taps", "dst, src, w *float32, off *int32, taps, n int")
	dst, src, w, off, count, n := arg("dst"), arg("src"), arg("w"), arg("off"), arg("taps"), arg("n")
	tapLoop(n, dst, src, func(width int, name string) {
		acc, wp, weight, v := zeroed(width), gp(), newVec(), newVecs(width)
		line("MOVD %s, %s", w, wp)
		eachTap(src, off, count, name, func(from string) {
			line("VLD1R.P 4(%s), [V%d.S4]", wp, weight)
			loads(v, from, 0)
			for i, a := range acc {
				fmla(a, v[i], weight)
			}
		})
		stores(acc, dst, 0)
	})
}

// tapsMax stores in dst[i] the greatest src[off[t]+i]: NaN if one is NaN, and
// of zeros the last.
func tapsMax() {
	text("tapsMax", "dst, src *float32, off *int32, taps, n int")
	dst, src, off, count, n := arg("dst"), arg("src"), arg("off"), arg("taps"), arg("n")
	tapLoop(n, dst, src, func(width int, name string) {
		acc, v, equal := newVecs(width), newVecs(width), newVecs(2)
		o := gp()
		line("MOVW (%s), %s", off, o)
		line("ADD %s<<2, %s, %s", o, src, o)
		loads(acc, o, 0)
		eachTap(src, off, count, name, func(from string) {
			loads(v, from, 0)
			for i, a := range acc {
				fcmeq(equal[i%2], a, v[i])
				fmax(a, a, v[i]) // a positive zero, where the zeros differ
				bit(a, v[i], equal[i%2])
			}
		})
		stores(acc, dst, 0)
	})
}

// tapsSum stores in dst[i] the sum of src[off[t]+i] in the order of t.
func tapsSum() {
	text("tapsSum", "dst, src *float32, off *int32, taps, n int")
	dst, src, off, count, n := arg("dst"), arg("src"), arg("off"), arg("taps"), arg("n")
	tapLoop(n, dst, src, func(width int, name string) {
		acc, v := zeroed(width), newVecs(width)
		eachTap(src, off, count, name, func(from string) {
			loads(v, from, 0)
			for i, a := range acc {
				fadd(a, a, v[i])
			}
		})
		stores(acc, dst, 0)
	})
}
