package main

// rowLoop loads vectors from the sources, applies f and stores what it leaves in
// the first of them. f takes the vectors of each source, many at a time. n is a
// multiple of four.
func rowLoop(sources []string, many int, f func(v [][]vec)) {
	dst, n := arg("dst"), arg("n")
	src := make([]string, len(sources))
	v := make([][]vec, len(sources))
	for i, s := range sources {
		src[i], v[i] = arg(s), newVecs(many)
	}
	block := func(name string, vectors int) {
		label(name)
		line("CMP $%d, %s", 4*vectors, n)
		line("BLT %sdone", name)
		part := make([][]vec, len(v))
		for i, s := range src {
			part[i] = v[i][:vectors]
			loads(part[i], s, 0)
			line("ADD $%d, %s", 16*vectors, s)
		}
		f(part)
		stores(part[0], dst, 0)
		line("ADD $%d, %s", 16*vectors, dst)
		line("SUB $%d, %s", 4*vectors, n)
		line("B %s", name)
		label(name + "done")
	}
	if many > 1 {
		block("many", many)
	}
	block("one", 1)
	line("RET")
}

func elementwise() {
	for _, op := range []struct {
		name string
		f    func(d, n, m vec)
	}{{"add", fadd}, {"sub", fsub}, {"mul", fmul}, {"div", fdiv}} {
		text(op.name, "dst, x, y *float32, n int")
		rowLoop([]string{"x", "y"}, 4, func(v [][]vec) {
			for i, x := range v[0] {
				op.f(x, x, v[1][i])
			}
		})
	}
	one := func(f func(v vec)) {
		rowLoop([]string{"x"}, 4, func(v [][]vec) {
			for _, v := range v[0] {
				f(v)
			}
		})
	}
	text("scaleBias", "dst, x *float32, n int, scale, bias float32")
	scale, bias := broadcast("scale"), broadcast("bias")
	one(func(v vec) {
		fmul(v, v, scale)
		fadd(v, v, bias)
	})
	text("divideBy", "dst, x *float32, n int, by float32")
	by := broadcast("by")
	one(func(v vec) { fdiv(v, v, by) })
	text("clip", "dst, x *float32, n int, lo, hi float32")
	lo, hi, m := broadcast("lo"), broadcast("hi"), newVec()
	one(func(v vec) { clamp(v, lo, hi, m) })
	text("between", "dst, x, y *float32, n int, lo, hi float32")
	lo, hi, m = broadcast("lo"), broadcast("hi"), newVec()
	rowLoop([]string{"x", "y"}, 4, func(v [][]vec) {
		for i, x := range v[0] {
			fcmgt(m, v[1][i], lo)
			and(x, x, m)
			fcmgt(m, hi, v[1][i])
			and(x, x, m)
		}
	})
	text("fakeQuantize", "dst, x *float32, n int, scale, lo, hi float32")
	quant := quantizer()
	rowLoop([]string{"x"}, 4, func(v [][]vec) { quant(v[0]) })
}

// quantizer returns what fake-quantizes up to four vectors with the parameters
// scale, lo and hi.
func quantizer() func(v []vec) {
	scale, lo, hi := broadcast("scale"), broadcast("lo"), broadcast("hi")
	magic, m := constant(constants(), f32s(1.5*(1<<23))), newVecs(4)
	return func(v []vec) {
		for i, v := range v {
			quantizeByDivision(v, scale, lo, hi, magic, m[i])
		}
	}
}
