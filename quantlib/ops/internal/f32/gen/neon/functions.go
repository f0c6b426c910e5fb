package main

// Constants as in transcendental.go.
const (
	log2e = 1.44269504088896340736
	ln2Hi = 355.0 / 512
	ln2Lo = -2.12194440054690583e-4
	magic = 1.5 * (1 << 23)
)

var (
	expPoly  = []float64{0.000198909824, 0.00139336428, 0.00833331048, 0.0416664667, 0.166666672, 0.5}
	tanhPoly = []float64{0.00203891564, -0.00808920991, 0.0216799919, -0.0539467037, 0.133332416, -0.333333313}
	erfPoly  = []float64{-0.000564805989, 0.00492176181, -0.0267150551, 0.112803169, -0.376123428, 0.128379107}
	erfcPoly = []float64{-1.16603246e-06, 3.659301e-05, -0.000515745545, 0.00437392248, -0.0253086016, 0.108091913, 0.633971453, 1.12895727}
)

// interleaved is how many vectors a function takes at a time: its chain of
// operations is long, and each waits for the one before.
const interleaved = 2

// function is what the functions share: the table of constants, and those that
// stay in registers.
type function struct {
	table                     string
	log2e, hi, lo, magic, one vec
}

func newFunction() *function {
	f := &function{table: constants()}
	f.log2e, f.hi, f.lo = f.constant(f32s(log2e)), f.constant(f32s(-ln2Hi)), f.constant(f32s(-ln2Lo))
	f.magic, f.one = f.constant(f32s(magic)), f.constant(f32s(1))
	return f
}

func (f *function) constant(offset int) vec { return constant(f.table, offset) }

// each runs g for each of some vectors, so that what does not depend on each
// other stands side by side.
func each(v []vec, g func(i int, v vec)) {
	for i, v := range v {
		g(i, v)
	}
}

// horner returns the polynomial in x with the highest coefficient first. Each
// coefficient is loaded into the register to which the product is added.
func (f *function) horner(c []float64, x []vec) []vec {
	p, q := newVecs(len(x)), newVecs(len(x))
	each(p, func(_ int, p vec) { load(p, f.table, f32s(c[0])) })
	for _, v := range c[1:] {
		each(q, func(i int, q vec) {
			load(q, f.table, f32s(v))
			fmla(q, p[i], x[i])
		})
		p, q = q, p
	}
	return p
}

// exp stores e^x in x.
func (f *function) exp(x []vec) {
	scoped(func() {
		t, n := newVecs(len(x)), newVecs(len(x))
		load(t[0], f.table, f32s(-104))
		load(n[0], f.table, f32s(89))
		each(x, func(_ int, x vec) { // no bound is zero, and a NaN stays
			fmax(x, x, t[0])
			fmin(x, x, n[0])
		})
		each(x, func(i int, x vec) {
			move(t[i], f.magic)
			fmla(t[i], x, f.log2e)
		})
		each(n, func(i int, n vec) { fsub(n, t[i], f.magic) })
		each(x, func(i int, x vec) { fmla(x, n[i], f.hi) })
		each(x, func(i int, x vec) { fmla(x, n[i], f.lo) })
		p := f.horner(expPoly, x)
		each(x, func(i int, x vec) { // p·x² + x
			fmul(n[i], x, x)
			fmla(x, p[i], n[i])
		})
		each(x, func(i int, x vec) { fadd(x, x, f.one) })
		// x·2^(n div 2)·2^(n - n div 2); the first product is exact.
		each(t, func(i int, t vec) { isub(t, t, f.magic) })
		each(t, func(i int, t vec) {
			sshr(n[i], t, 1)
			isub(t, t, n[i])
		})
		for _, e := range [][]vec{n, t} {
			each(e, func(i int, e vec) {
				shl(e, e, 23)
				iadd(e, e, f.one) // whose bits are 127<<23
				fmul(x[i], x[i], e)
			})
		}
	})
}

// split stores |x| in x and the sign bits in sign.
func split(x, sign []vec, mask vec) {
	each(x, func(i int, x vec) {
		and(sign[i], x, mask)
		fabs(x, x)
	})
}

func functions() {
	kernel := func(name string, prepare func(f *function) func(x []vec)) {
		text(name, "dst, x *float32, n int")
		g := prepare(newFunction())
		rowLoop([]string{"x"}, interleaved, func(v [][]vec) { scoped(func() { g(v[0]) }) })
	}
	kernel("exp", func(f *function) func(x []vec) { return f.exp })
	kernel("sigmoid", func(f *function) func(x []vec) {
		return func(x []vec) {
			minus := newVecs(len(x))
			each(x, func(i int, x vec) {
				cmlt0(minus[i], x)
				fabs(x, x)
				fneg(x, x)
			})
			f.exp(x)
			each(x, func(i int, x vec) {
				bsl(minus[i], x, f.one)
				fadd(x, x, f.one)
				fdiv(x, minus[i], x)
			})
		}
	})
	kernel("tanh", func(f *function) func(x []vec) {
		mask, half, minusTwo := f.constant(bits(1<<31)), f.constant(f32s(0.5)), f.constant(f32s(-2))
		return func(x []vec) {
			sign, z, big := newVecs(len(x)), newVecs(len(x)), newVecs(len(x))
			split(x, sign, mask)
			each(x, func(i int, x vec) {
				fmul(z[i], x, x)
				fcmgt(big[i], z[i], half) // false for NaN
			})
			p := f.horner(tanhPoly, z)
			each(x, func(i int, x vec) {
				fmul(z[i], p[i], z[i])
				move(p[i], x)
				fmla(p[i], z[i], x)
				fmul(x, x, minusTwo)
			})
			f.exp(x)
			each(x, func(i int, x vec) {
				fsub(z[i], f.one, x)
				fadd(x, f.one, x)
				fdiv(z[i], z[i], x)
				bsl(big[i], z[i], p[i])
				orr(x, big[i], sign[i])
			})
		}
	})
	kernel("erf", func(f *function) func(x []vec) {
		mask, most := f.constant(bits(1<<31)), f.constant(f32s(4))
		return func(x []vec) {
			sign, z := newVecs(len(x)), newVecs(len(x))
			split(x, sign, mask)
			each(x, func(i int, x vec) {
				fmin(x, x, most)
				fmul(z[i], x, x)
			})
			p := f.horner(erfPoly, z)
			each(x, func(i int, x vec) { // p·x + x
				move(z[i], x)
				fmla(z[i], p[i], x)
			})
			q := f.horner(erfcPoly, x)
			each(q, func(i int, q vec) {
				fmul(q, q, x[i])
				fneg(q, q)
			})
			f.exp(q)
			each(x, func(i int, x vec) {
				fcmgt(x, x, f.one) // false for NaN
				fsub(q[i], f.one, q[i])
				bsl(x, q[i], z[i])
				orr(x, x, sign[i])
			})
		}
	})
}
