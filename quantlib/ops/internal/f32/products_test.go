package f32

import (
	"math"
	"testing"
)

// errorsOf is the factor of AddErrors.
func errorsOf(x []float32, q Quantizer) []float32 {
	e := make([]float32, len(x))
	FakeQuantize(e, x, q)
	Sub(e, e, x)
	if c := q.coder(); c.inverse >= 0x1p-126 && c.inverse < inf {
		for i, v := range x {
			e[i] = c.error(v)
		}
	}
	return e
}

// Each error is that of a code at least as near as FakeQuantize's.
func TestErrorsAreThoseOfTheNearestCodes(t *testing.T) {
	r := rng(46)
	for bits := 2; bits <= 16; bits++ {
		q := Quantizer{Scale: 0.013, Zero: int32(bits % 2), Lo: -1 << (bits - 1), Hi: 1<<(bits-1) - 1}
		x := make([]float32, 4000)
		for i := range x { // some in the middle between two codes, some outside
			x[i] = float32(float64(r.IntN(3<<bits)-3<<(bits-1))/2) * q.Scale
			if i%2 == 0 {
				x[i] = float32(r.NormFloat64()) * q.Scale * float32(q.Hi)
			}
		}
		y := make([]float32, len(x))
		FakeQuantize(y, x, q)
		for i, e := range errorsOf(x, q) {
			want := float64(y[i]) - float64(x[i])
			tie := math.Abs(math.Abs(want)-float64(q.Scale)/2) < 0x1p-22*math.Abs(float64(x[i])) && math.Abs(float64(e)+want) < 0x1p-21*math.Abs(float64(x[i]))
			if math.Abs(float64(e)-want) > 0x1p-24*(math.Abs(float64(y[i]))+math.Abs(want)) && !tie {
				t.Fatalf("%d bits: the error of %g is %g, want %g", bits, x[i], e, want)
			}
		}
	}
}

func TestProductsGiveTheTwinsBits(t *testing.T) {
	r := rng(47)
	grids := []Quantizer{{Scale: 0.37, Zero: 3, Lo: -8, Hi: 7}, {Scale: 3e-39, Lo: -128, Hi: 127}, {Scale: 1e-40, Lo: -128, Hi: 127}, {Scale: 1e30, Lo: -2, Hi: 1}}
	for n := range 120 {
		x, stride := wild(r, n), n+r.IntN(5)
		if n%3 == 0 {
			x = normal(r, n)
		} else if n > 0 {
			x[r.IntN(n)] = specials[r.IntN(len(specials))]
		}
		for k := range MostProducts + 1 {
			g := normal(r, max(0, (k-1)*stride+n))
			var got, errors Products
			var want, wantErrors [MostProducts][Lanes]float32
			q := grids[n%len(grids)]
			for range 2 { // adds to what is there
				got.Add(x, g, stride, k)
				errors.AddErrors(x, g, stride, k, q)
				e := errorsOf(x, q)
				for p := range k {
					for i, v := range x {
						want[p][i%Lanes] = fma(v, g[p*stride+i], want[p][i%Lanes])
						wantErrors[p][i%Lanes] = fma(e[i], g[p*stride+i], wantErrors[p][i%Lanes])
					}
				}
			}
			for p := range MostProducts {
				sameBits(t, "products", got[p][:], want[p][:])
				sameBits(t, "products of errors", errors[p][:], wantErrors[p][:])
			}
		}
	}
}

func TestProductsAreNearTheSum(t *testing.T) {
	r := rng(48)
	const n, runs = 1000, 7
	var p Products
	var want, size [3]float64
	for range runs {
		x, g := normal(r, n), normal(r, 3*n)
		p.Add(x, g, n, 3)
		for k := range want {
			for i, v := range x {
				y := float64(v) * float64(g[k*n+i])
				want[k] += y
				size[k] += math.Abs(y)
			}
		}
	}
	for k, w := range want {
		if got := p.Sum(k); math.Abs(got-w) > runs*(n/Lanes+1)*0x1p-24*size[k] {
			t.Errorf("sum %d is %v, want %v", k, got, w)
		}
		if p.Sum(k) != 0 {
			t.Errorf("sum %d is taken twice", k)
		}
	}
}

func TestProductsOfBadLengthsPanic(t *testing.T) {
	for _, f := range []func(p *Products){
		func(p *Products) { p.Add(make([]float32, 5), make([]float32, 9), 5, 2) },
		func(p *Products) { p.Add(make([]float32, 5), make([]float32, 50), 5, 5) },
		func(p *Products) { p.AddErrors(nil, nil, 0, 0, Quantizer{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f(new(Products))
		}()
	}
}

func BenchmarkErrorProducts(b *testing.B) {
	r := rng(49)
	x, g := normal(r, 2048), normal(r, 4*2048)
	for _, k := range []int{1, 2, 4} {
		b.Run(string(rune('0'+k)), func(b *testing.B) {
			var p Products
			for b.Loop() {
				p.AddErrors(x, g, 2048, k, Quantizer{Scale: 0.1, Lo: -8, Hi: 7})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2048, "ns/element")
		})
	}
}
