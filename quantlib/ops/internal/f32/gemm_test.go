package f32

import (
	"fmt"
	"math"
	"testing"
)

// chainProduct is the contract, as simple as possible: c + A·B.
func chainProduct(c, a, b []float32, m, n, k int, add bool) []float32 {
	out := make([]float32, m*n)
	for i := range m {
		for j := range n {
			v, have := float32(0), add
			if add {
				v = c[i*n+j]
			}
			for k0 := 0; k0 < k; k0 += KC {
				var s float32
				for l := k0; l < min(k0+KC, k); l++ {
					s = fma(a[i*k+l], b[l*n+j], s)
				}
				if have {
					s = v + s
				}
				v, have = s, true
			}
			out[i*n+j] = v
		}
	}
	return out
}

func transpose(x []float32, rows, cols int) []float32 {
	y := make([]float32, len(x))
	for i := range rows {
		for j := range cols {
			y[j*rows+i] = x[i*cols+j]
		}
	}
	return y
}

var gemmShapes = [][3]int{
	{1, 1, 1}, {6, 16, 4}, {7, 17, 3}, {1, 100, 300}, {2, 33, 256}, {5, 31, 257}, {12, 1, 520}, {13, 2, 64},
	{97, 49, 65}, {3, 300, 10}, {100, 8, 30}, {24, 64, 513}, {6, 16, 0}, {0, 5, 5}, {31, 5, 40}, {50, 20, 19},
}

func TestGemmIsOneChainPerBlock(t *testing.T) {
	for s, shape := range gemmShapes {
		for _, kind := range []string{"normal", "wild"} {
			m, n, k := shape[0], shape[1], shape[2]
			t.Run(fmt.Sprintf("%s %d×%d×%d", kind, m, n, k), func(t *testing.T) {
				r, gen := rng(uint64(s)), normal
				if kind == "wild" {
					gen = wild
				}
				a, b, c := gen(r, m*k), gen(r, k*n), gen(r, m*n)
				scratch := make([]float32, ScratchLen)
				want, wantAdd := chainProduct(c, a, b, m, n, k, false), chainProduct(c, a, b, m, n, k, true)
				as := map[string]Operand{
					"A":   {Data: a, RowStride: k, ColStride: 1},
					"Aᵀ":  {Data: transpose(a, m, k), RowStride: 1, ColStride: m},
					"[A]": {Packed: PackA(a, m, k, k, 1)},
				}
				bs := map[string]Operand{
					"B":   {Data: b, RowStride: n, ColStride: 1},
					"Bᵀ":  {Data: transpose(b, k, n), RowStride: 1, ColStride: k},
					"[B]": {Packed: PackB(b, k, n, n, 1)},
				}
				for an, a := range as {
					for bn, b := range bs {
						g := Gemm{M: m, N: n, K: k, A: a, B: b}
						dst := make([]float32, m*n)
						g.Run(dst, n, scratch)
						sameBits(t, an+bn, dst, want)

						copy(dst, c)
						g.Accumulate = true
						g.Run(dst, n, scratch)
						sameBits(t, "C+"+an+bn, dst, wantAdd)

						g.Accumulate = false
						clear(dst)
						for p := range 3 {
							i0, i1 := Split(p, 3, m, MR)
							for q := range 2 {
								j0, j1 := Split(q, 2, n, NR)
								g.RunPart(dst, n, i0, i1, j0, j1, scratch)
							}
						}
						sameBits(t, an+bn+" in parts", dst, want)
					}
				}
			})
		}
	}
}

func TestGemmEpilogue(t *testing.T) {
	const m, n, k, ldc = 20, 37, 300, 40
	r := rng(7)
	a, b := normal(r, m*k), normal(r, k*n)
	rows, cols, res := normal(r, m), normal(r, n), normal(r, m*ldc)
	res[5] = float32(math.NaN())
	qs := make([]Quantizer, m)
	for i := range qs {
		qs[i] = Quantizer{Scale: 0.1 * float32(i+1), Zero: 3, Lo: 0, Hi: 15}
	}
	plain := chainProduct(nil, a, b, m, n, k, false)
	for name, ep := range map[string]Epilogue{
		"none":     {},
		"rows":     {RowBias: rows},
		"columns":  {ColBias: cols},
		"relu":     {RowBias: rows, Act: ReLU},
		"residual": {RowBias: rows, Residual: res, ResidualStride: ldc, Act: ReLU},
		"all":      {RowBias: rows, ColBias: cols, Residual: res, ResidualStride: ldc, Act: Clamp, Lo: -1, Hi: 6, Quant: qs},
		"one grid": {Act: Clamp, Lo: -3, Hi: 3, Quant: qs[:1]},
	} {
		want := make([]float32, m*n)
		for i := range m {
			for j := range n {
				v := plain[i*n+j]
				if ep.RowBias != nil {
					v += ep.RowBias[i]
				}
				if ep.ColBias != nil {
					v += ep.ColBias[j]
				}
				if ep.Residual != nil {
					v += ep.Residual[i*ldc+j]
				}
				if ep.Act == ReLU && v < 0 {
					v = 0
				}
				if ep.Act == Clamp && v < ep.Lo {
					v = ep.Lo
				}
				if ep.Act == Clamp && v > ep.Hi {
					v = ep.Hi
				}
				if len(ep.Quant) > 0 {
					v = quantized(v, ep.Quant[i%len(ep.Quant)])
				}
				want[i*n+j] = v
			}
		}
		g := Gemm{M: m, N: n, K: k, A: Operand{Packed: PackA(a, m, k, k, 1)}, B: Operand{Data: b, RowStride: n, ColStride: 1}, Epilogue: ep}
		dst, got := make([]float32, m*ldc), make([]float32, 0, m*n)
		g.Run(dst, ldc, make([]float32, ScratchLen))
		for i := range m {
			got = append(got, dst[i*ldc:i*ldc+n]...)
			for _, v := range dst[i*ldc+n : (i+1)*ldc] {
				if v != 0 {
					t.Fatalf("%s: wrote between rows", name)
				}
			}
		}
		sameBits(t, name, got, want)
	}
}

func TestGemmQuantizesWhatItPacks(t *testing.T) {
	const m, n, k = 19, 35, 270
	r := rng(8)
	a, b := normal(r, m*k), normal(r, k*n)
	q := Quantizer{Scale: 0.11, Zero: -2, Lo: -8, Hi: 7}
	qa, qb := make([]float32, m*k), make([]float32, k*n)
	FakeQuantize(qa, a, q)
	FakeQuantize(qb, b, q)
	g := Gemm{M: m, N: n, K: k,
		A: Operand{Data: a, RowStride: k, ColStride: 1, Quant: &q},
		B: Operand{Data: b, RowStride: n, ColStride: 1, Quant: &q}}
	dst := make([]float32, m*n)
	g.Run(dst, n, make([]float32, ScratchLen))
	sameBits(t, "quantized", dst, chainProduct(nil, qa, qb, m, n, k, false))
}

// A chain of length n has a relative error of at most n·u/(1-n·u) over Σ|a·b|,
// u = 2^-24; blocks of KC make n = KC + K/KC.
func TestGemmErrorBound(t *testing.T) {
	const m, n, k = 9, 20, 4608
	const bound = (KC + k/KC) * 0x1p-24 * 1.001
	r := rng(9)
	a, b := normal(r, m*k), normal(r, k*n)
	g := Gemm{M: m, N: n, K: k, A: Operand{Packed: PackA(a, m, k, k, 1)}, B: Operand{Data: b, RowStride: n, ColStride: 1}}
	dst := make([]float32, m*n)
	g.Run(dst, n, make([]float32, ScratchLen))
	for i := range m {
		for j := range n {
			var s, abs float64
			for l := range k {
				p := float64(a[i*k+l]) * float64(b[l*n+j])
				s += p
				abs += math.Abs(p)
			}
			if d := math.Abs(float64(dst[i*n+j]) - s); d > bound*abs {
				t.Fatalf("element %d, %d is off by %g, more than %g", i, j, d, bound*abs)
			}
		}
	}
}

func TestGemmPanicsOnMisuse(t *testing.T) {
	ok := Gemm{M: 8, N: 20, K: 3, A: Operand{Packed: PackA(make([]float32, 24), 8, 3, 3, 1)}, B: Operand{Data: make([]float32, 60), RowStride: 20, ColStride: 1}}
	scratch, dst := make([]float32, ScratchLen), make([]float32, 160)
	for name, f := range map[string]func(){
		"short dst":        func() { ok.Run(dst[:159], 20, scratch) },
		"narrow rows":      func() { ok.Run(dst, 19, scratch) },
		"short scratch":    func() { ok.Run(dst, 20, scratch[1:]) },
		"odd first row":    func() { ok.RunPart(dst, 20, 1, 8, 0, 20, scratch) },
		"outside":          func() { ok.RunPart(dst, 20, 0, 9, 0, 20, scratch) },
		"packed otherwise": func() { g := ok; g.K = 2; g.Run(dst, 20, scratch) },
		"A packed as B":    func() { g := ok; g.B = g.A; g.Run(dst, 20, scratch) },
		"short bias":       func() { g := ok; g.Epilogue.RowBias = dst[:7]; g.Run(dst, 20, scratch) },
		"packing too much": func() { PackA(dst[:23], 8, 3, 3, 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
