package main

// reductions are sums in sixteen float64 lanes over n elements, a multiple of
// sixteen, and minima and maxima over a multiple of sixteen. Partial results
// are stored; Go adds the rest.
func reductions() {
	// lanes adds to sums of sixteen lanes each, in passes of as many lanes as
	// have registers. prepare runs once; f takes a vector of two lanes of each
	// source, and may change them.
	lanes := func(name, signature string, sources []string, sums, passes int, prepare func() func(acc, v []vec)) {
		text(name, signature)
		src := make([]string, len(sources))
		for i, s := range sources {
			src[i] = arg(s)
		}
		out, n := arg("out"), arg("n")
		f := prepare()
		groups := 8 / passes // vectors of two lanes
		from, left := make([]string, len(src)), gp()
		for i := range src {
			from[i] = gp()
		}
		for pass := range passes {
			scoped(func() {
				acc := zeroed(groups * sums)
				x, v := newVecs(len(src)), newVecs(len(src))
				for i, s := range src {
					line("ADD $%d, %s, %s", 8*groups*pass, s, from[i])
				}
				line("MOVD %s, %s", n, left)
				loop := []string{"loop", "again"}[pass]
				label(loop)
				for g := range groups {
					for i, p := range from {
						if g%2 == 0 {
							load(x[i], p, 8*g)
							widen(v[i], x[i])
						} else {
							widen2(v[i], x[i])
						}
					}
					f(acc[g*sums:(g+1)*sums], v)
				}
				for _, p := range from {
					line("ADD $64, %s", p)
				}
				line("SUBS $16, %s", left)
				line("BNE %s", loop)
				for g := range groups {
					for s := range sums {
						store(acc[g*sums+s], out, 128*s+16*(pass*groups+g))
					}
				}
			})
		}
		line("RET")
	}
	lanes("sum", "x *float32, out *float64, n int", []string{"x"}, 1, 1, func() func(acc, v []vec) {
		return func(acc, v []vec) { faddD(acc[0], acc[0], v[0]) }
	})
	lanes("sumSquares", "x *float32, out *float64, n int, c float64", []string{"x"}, 1, 1, func() func(acc, v []vec) {
		r, c := gp(), newVec()
		line("MOVD %s, %s", frame("c"), r)
		line("VDUP %s, V%d.D2", r, c)
		return func(acc, v []vec) {
			fsubD(v[0], v[0], c)
			fmulD(v[0], v[0], v[0])
			faddD(acc[0], acc[0], v[0])
		}
	})
	lanes("dot", "x, y *float32, out *float64, n int", []string{"x", "y"}, 1, 1, func() func(acc, v []vec) {
		return func(acc, v []vec) { fmlaD(acc[0], v[0], v[1]) }
	})
	lanes("noiseSums", "f, q *float32, out *float64, n int", []string{"f", "q"}, 4, 2, func() func(acc, v []vec) {
		d := newVec()
		return func(acc, v []vec) {
			fsubD(d, v[1], v[0])
			fmlaD(acc[0], v[0], v[0]) // products of float32 are exact
			fmulD(d, d, d)
			fmlaD(acc[2], v[0], v[1])
			fmlaD(acc[3], v[1], v[1])
			faddD(acc[1], acc[1], d)
		}
	})

	// Stored are the least, the greatest and the count in each of sixteen lanes.
	text("minMax", "x, out *float32, n int")
	x, out, n := arg("x"), arg("out"), arg("n")
	table := constants()
	least, greatest, count, v, d := newVecs(4), newVecs(4), zeroed(4), newVecs(4), newVecs(4)
	for i := range least {
		load(least[i], table, bits(0x7f800000))
		load(greatest[i], table, bits(0xff800000))
	}
	label("loop")
	loads(v, x, 0)
	for i, v := range v {
		fsub(d[i], v, v) // zero or NaN
		fadd(v, v, d[i])
		fminnm(least[i], least[i], v) // of a number and a NaN, the number
		fmaxnm(greatest[i], greatest[i], v)
		fcmeq0(d[i], d[i])
		isub(count[i], count[i], d[i])
	}
	line("ADD $64, %s", x)
	line("SUBS $16, %s", n)
	line("BNE loop")
	stores(least, out, 0)
	stores(greatest, out, 64)
	stores(count, out, 128)
	line("RET")

	text("maximum", "x, out *float32, n int")
	x, out, n = arg("x"), arg("out"), arg("n")
	greatest, v = newVecs(4), newVecs(4)
	table = constants()
	for _, g := range greatest {
		load(g, table, bits(0xff800000))
	}
	label("loop")
	loads(v, x, 0)
	for i, g := range greatest {
		fmax(g, g, v[i]) // NaN, if one is
	}
	line("ADD $64, %s", x)
	line("SUBS $16, %s", n)
	line("BNE loop")
	stores(greatest, out, 0)
	line("RET")
}
