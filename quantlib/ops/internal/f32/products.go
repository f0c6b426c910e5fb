package f32

import "fmt"

// MostProducts is how many sums are taken at a time.
const MostProducts = 4

// Products are the sums Σ e·g of one factor e with up to four others, in [Lanes]
// of float32. They are made for estimates that need many such sums and not their
// last bits, and take a fraction of the time of as many calls of [Dot].
//
// Elements come in runs. Element i of a run is added to lane i%Lanes by a fused
// multiply-add; Sum adds the lanes in float64, as reductions do. After n elements
// the sum is off by at most (n/Lanes+runs)·2⁻²⁴·Σ|e·g|, so that it should be taken
// now and then.
type Products [MostProducts][Lanes]float32

// Add adds a run of e to the first n sums. Factor k is the elements of g from
// k·stride on.
//
// It panics if n is more than MostProducts or g too short.
func (p *Products) Add(e, g []float32, stride, n int) { p.run(e, g, stride, n, nil) }

// AddErrors adds a run of the errors that x has on the grid of q:
//
//	code = clamp(even(x[i]·inverse), lo-zero, hi-zero)
//	e[i] = code·scale - x[i]
//
// where inverse is 1/scale in float32, and each line is rounded once. Divisions
// would take twice the time. The code is that of FakeQuantize, save where
// x[i]/scale lies within 2⁻²³ of its own size of the middle between two codes,
// where either is as near. The error of a NaN is NaN. Where 1/scale is not a normal
// number, e is FakeQuantize(x[i]) - x[i].
//
// It panics as Add and FakeQuantize do.
func (p *Products) AddErrors(x, g []float32, stride, n int, q Quantizer) {
	q.check()
	if c := q.coder(); c.inverse >= 0x1p-126 && c.inverse < inf {
		p.run(x, g, stride, n, &c)
		return
	}
	p.check(x, g, stride, n)
	var e [8 * Lanes]float32
	for i := 0; i < len(x); i += len(e) {
		part := x[i:min(len(x), i+len(e))]
		FakeQuantize(e[:len(part)], part, q)
		Sub(e[:len(part)], e[:len(part)], part)
		p.run(e[:len(part)], g[i:], stride, n, nil)
	}
}

// Sum returns sum k, and sets it to zero.
func (p *Products) Sum(k int) float64 {
	var s [Lanes]float64
	for i, v := range &p[k] {
		s[i] = float64(v)
	}
	p[k] = [Lanes]float32{}
	return lanes(&s)
}

func (p *Products) check(x, g []float32, stride, n int) {
	if n < 0 || n > MostProducts || stride < 0 || n > 0 && len(g) < (n-1)*stride+len(x) {
		panic(fmt.Sprintf("f32: %d products of %d elements with %d, %d apart", n, len(x), len(g), stride))
	}
}

// run adds the products of x, or of its errors if q is set.
func (p *Products) run(x, g []float32, stride, n int, q *coder) {
	p.check(x, g, stride, n)
	whole := len(x) / Lanes * Lanes
	if whole > 0 {
		p.lanes(x[:whole], g, stride, n, q)
	}
	if rest := x[whole:]; len(rest) > 0 { // zeros change nothing
		var last [Lanes]float32
		var factors [MostProducts * Lanes]float32
		copy(last[:], rest)
		for k := range n {
			copy(factors[k*Lanes:], g[k*stride+whole:][:len(rest)])
		}
		p.lanes(last[:], factors[:], Lanes, n, q)
	}
}

// lanes is run for a multiple of Lanes elements. It takes as many sums at a time
// as there is a kernel for.
func (p *Products) lanes(x, g []float32, stride, n int, q *coder) {
	for k := 0; k < n; {
		few := min(n-k, MostProducts)
		if few == 3 {
			few = 2
		}
		addProducts(p[k:k+few], x, g[k*stride:], stride, q)
		k += few
	}
}

// coder is a quantizer as AddErrors takes it. codeMagic has units as last bits, so
// that adding it rounds half to even; bounds are those of codes, added to it.
type coder struct{ inverse, scale, lo, hi float32 }

const codeMagic = 1.5 * (1 << 23)

func (q Quantizer) coder() coder {
	return coder{1 / q.Scale, q.Scale, codeMagic + float32(q.Lo-q.Zero), codeMagic + float32(q.Hi-q.Zero)}
}

func (c *coder) error(x float32) float32 {
	return fma(clamp1(fma(x, c.inverse, codeMagic), c.lo, c.hi)-codeMagic, c.scale, -x)
}

// addProductsGo adds the products of x, or of its errors, to len(sums) sums.
func addProductsGo(sums [][Lanes]float32, x, g []float32, stride int, q *coder) {
	for i, e := range x {
		if q != nil {
			e = q.error(e)
		}
		for k := range sums {
			sums[k][i%Lanes] = fma(e, g[k*stride+i], sums[k][i%Lanes])
		}
	}
}
