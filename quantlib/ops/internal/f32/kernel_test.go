package f32

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// specials are what a vector instruction and Go may treat differently.
var specials = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, 2.5, -2.5, 6, 1e-45, -1e-45, 0x1p-127, -0x1p-126,
	math.MaxFloat32, -math.MaxFloat32, inf, -inf, float32(math.NaN()), math.Float32frombits(0xffc00001), 1e10, -1e10,
}

// pairs returns each special value beside each, and some more.
func pairs(r *rand.Rand) (x, y []float32) {
	for _, a := range specials {
		for _, b := range specials {
			x, y = append(x, a), append(y, b)
		}
	}
	return append(x, wild(r, 50)...), append(y, wild(r, 50)...)
}

// Kernels of two rows and of one, at special values, at all lengths up to some
// vectors and from places that no vector begins at.
func TestRowKernelsGiveTheTwinsBits(t *testing.T) {
	r := rng(41)
	x, y := pairs(r)
	negative := float32(math.Copysign(0, -1))
	type kernel struct {
		name      string
		run, twin func(dst, x, y []float32)
	}
	one := func(name string, run, twin func(dst, x []float32)) kernel {
		return kernel{name, func(dst, x, _ []float32) { run(dst, x) }, func(dst, x, _ []float32) { twin(dst, x) }}
	}
	kernels := []kernel{
		{"add", add, addGo}, {"sub", sub, subGo}, {"mul", mul, mulGo}, {"div", div, divGo},
		one("exp", exp, expGo), one("sigmoid", sigmoid, sigmoidGo), one("tanh", tanh, tanhGo), one("erf", erf, erfGo),
	}
	for _, b := range [][2]float32{{0, inf}, {negative, negative}, {0, 6}, {-1, 0}, {-inf, inf}, {float32(math.NaN()), 1}, {-1, float32(math.NaN())}, {2, -2}} {
		kernels = append(kernels,
			one(fmt.Sprint("clip to ", b), func(dst, x []float32) { clip(dst, x, b[0], b[1]) }, func(dst, x []float32) { clipGo(dst, x, b[0], b[1]) }),
			kernel{fmt.Sprint("between ", b), func(dst, x, y []float32) { between(dst, x, y, b[0], b[1]) }, func(dst, x, y []float32) { betweenGo(dst, x, y, b[0], b[1]) }},
			one(fmt.Sprint("scaled by ", b), func(dst, x []float32) { scaleBias(dst, x, b[0], b[1]) }, func(dst, x []float32) { scaleBiasGo(dst, x, b[0], b[1]) }),
			one(fmt.Sprint("divided by ", b[0]), func(dst, x []float32) { divideBy(dst, x, b[0]) }, func(dst, x []float32) { divideByGo(dst, x, b[0]) }))
	}
	for _, s := range []float32{0.37, 1, 3e-39, 1e30} {
		kernels = append(kernels, one(fmt.Sprint("quantized by ", s),
			func(dst, x []float32) { fakeQuantize(dst, x, s, -8, 7) }, func(dst, x []float32) { fakeQuantizeGo(dst, x, s, -8, 7) }))
	}
	for _, k := range kernels {
		for n := range len(x) {
			if n > 70 && n < len(x)-3 {
				continue
			}
			at := r.IntN(len(x) - n + 1)
			if n > 70 {
				at = len(x) - n
			}
			got, want := make([]float32, n+1), make([]float32, n)
			got[n] = 99
			k.run(got[:n], x[at:at+n], y[at:at+n])
			k.twin(want, x[at:at+n], y[at:at+n])
			sameBits(t, k.name, got[:n], want)
			if got[n] != 99 {
				t.Fatalf("%s of %d elements writes behind them", k.name, n)
			}
		}
	}
}

func TestReductionsGiveTheTwinsBits(t *testing.T) {
	r := rng(42)
	for n := range 150 {
		x, y := wild(r, n), wild(r, n)
		if n%3 == 0 { // so that sums stay finite
			x, y = normal(r, n), normal(r, n)
		}
		if n%2 == 0 && n > 0 {
			x[r.IntN(n)] = specials[r.IntN(len(specials))]
		}
		same := func(what string, got, want float64) {
			if math.Float64bits(got) != math.Float64bits(want) && (got == got || want == want) {
				t.Fatalf("%s of %d elements is %v, want %v", what, n, got, want)
			}
		}
		same("sum", sum(x), sumGo(x))
		same("squares", sumSquares(x, 0.7), sumSquaresGo(x, 0.7))
		same("dot", dot(x, y), dotGo(x, y))
		a, b := noiseSums(x, y), noiseSumsGo(x, y)
		same("signal", a.Signal, b.Signal)
		same("error", a.Error, b.Error)
		same("noise's dot", a.Dot, b.Dot)
		same("power", a.Power, b.Power)
		lo, hi, bad := minMax(x)
		wlo, whi, wbad := minMaxGo(x)
		same("least", float64(lo+0), float64(wlo+0))
		same("greatest", float64(hi+0), float64(whi+0))
		same("count", float64(bad), float64(wbad))
		sameBits(t, "maximum", []float32{Max(x)}, []float32{positiveZero(maximumGo(x))})
	}
}

func TestMaxOfEqualElements(t *testing.T) {
	negative := float32(math.Copysign(0, -1))
	for n := 1; n < 70; n++ {
		x := make([]float32, n)
		for i := range x {
			x[i] = negative
		}
		sameBits(t, "negative zeros", []float32{Max(x)}, []float32{0})
		x[n/2] = 0
		sameBits(t, "zeros", []float32{Max(x)}, []float32{0})
		fillWith(x, -math.MaxFloat32)
		sameBits(t, "least numbers", []float32{Max(x)}, x[:1])
	}
}

// Taps see special values in every order.
func TestTapsGiveTheTwinsBits(t *testing.T) {
	r := rng(43)
	x, y := pairs(r)
	src := append(append(append([]float32(nil), x...), y...), x...)
	for n := range 100 {
		off := []int32{int32(r.IntN(20)), int32(len(x) + r.IntN(20)), int32(r.IntN(2 * len(x)))}[:1+n%3]
		w := wild(r, len(off))
		at := r.IntN(len(x) - 80)
		for _, k := range []struct {
			name      string
			run, twin func(dst, src []float32)
		}{
			{"product", func(dst, src []float32) { taps(dst, src, w, off) }, func(dst, src []float32) { tapsGo(dst, src, w, off) }},
			{"max", func(dst, src []float32) { tapsMax(dst, src, off) }, func(dst, src []float32) { tapsMaxGo(dst, src, off) }},
			{"sum", func(dst, src []float32) { tapsSum(dst, src, off) }, func(dst, src []float32) { tapsSumGo(dst, src, off) }},
		} {
			got, want := make([]float32, n+1), make([]float32, n)
			got[n] = 99
			k.run(got[:n], src[at:])
			k.twin(want, src[at:])
			sameBits(t, fmt.Sprintf("%s of %d taps", k.name, len(off)), got[:n], want)
			if got[n] != 99 {
				t.Fatalf("%s writes behind its row", k.name)
			}
		}
	}
}

// Rows of planes: of any length, any distance apart in source and destination.
func TestPlanesGiveTheTwinsBits(t *testing.T) {
	r := rng(44)
	q := Quantizer{Scale: 0.11, Zero: 2, Lo: 0, Hi: 15}
	for range 3000 {
		rows, n, step := 1+r.IntN(4), 1+r.IntN(45), 1+r.IntN(3)
		gap, skip := r.IntN(12), r.IntN(9)
		dstStride, srcStride := n+gap, (n-1)*step+1+skip
		src := wild(r, (rows-1)*srcStride+(n-1)*step+1)
		size := (rows-1)*dstStride + n
		name := fmt.Sprintf("%d rows of %d, %d apart", rows, n, step)
		for _, quant := range []*Quantizer{nil, &q} {
			got, want := make([]float32, size+16), make([]float32, size)
			fillWith(got, -5)
			fillWith(want, -5)
			fillRows(got[:size:size], src[:len(src):len(src)], rows, n, dstStride, srcStride, step, -5, quant)
			fillRowsGo(want, src, rows, n, dstStride, srcStride, step, quant)
			// Between rows nothing but padding may have been written.
			sameBits(t, name, got[:size], want)
			for _, v := range got[size:] {
				if v != -5 {
					t.Fatalf("%s: wrote behind the last", name)
				}
			}
		}

		lo, hi := []float32{-1, 0, -inf}[r.IntN(3)], []float32{1, 6, inf}[r.IntN(3)]
		from := wild(r, (rows-1)*srcStride+n+8*r.IntN(2))
		got, want := make([]float32, rows*n+16), make([]float32, rows*n)
		fillWith(got, -5)
		finishRowsGo(want, from, rows, n, srcStride, 0.25, lo, hi)
		finishRows(got[:rows*n:rows*n], append([]float32(nil), from...), rows, n, srcStride, 0.25, lo, hi)
		sameBits(t, name+" finished", got[:rows*n], want)
		for _, v := range got[rows*n:] {
			if v != -5 {
				t.Fatalf("%s finished: wrote behind the last", name)
			}
		}

		x := wild(r, size)
		want = append(want[:0], x...)
		grid := q
		if r.IntN(2) == 0 {
			grid = q.WithInverse()
		}
		quantizeRowsGo(want, rows, n, dstStride, q)
		quantizeRows(x, rows, n, dstStride, grid)
		sameBits(t, name+" quantized", x, want)
	}
}

// Panels: of A from rows, of B from rows and from runs.
func TestPackingGivesTheTwinsBits(t *testing.T) {
	r := rng(45)
	for range 300 {
		kn := 1 + r.IntN(40)
		stride := kn + r.IntN(5)
		src := wild(r, (MR-1)*stride+kn)
		got := make([]float32, kn*MR)
		packStrided(got, src, 0, kn, 0, MR, stride, 1, MR)
		for i, v := range got {
			sameBits(t, "A", []float32{v}, src[i%MR*stride+i/MR:][:1])
		}
		src = wild(r, (NR-1)*stride+kn)
		got = make([]float32, kn*NR)
		packStrided(got, src, 0, kn, 0, NR, stride, 1, NR)
		for i, v := range got {
			sameBits(t, "B transposed", []float32{v}, src[i%NR*stride+i/NR:][:1])
		}
		stride = NR + r.IntN(5)
		src = wild(r, (kn-1)*stride+NR)
		got = make([]float32, kn*NR)
		packStrided(got, src, 0, kn, 0, NR, 1, stride, NR)
		for i, v := range got {
			sameBits(t, "B", []float32{v}, src[i/NR*stride+i%NR:][:1])
		}

		off := make([]int32, kn)
		for l := range off {
			off[l] = int32(r.IntN(50))
		}
		n := 1 + r.IntN(NR)
		var base, at []int32
		for i := 0; i < n; i += 1 + r.IntN(NR) {
			base, at = append(base, int32(r.IntN(40))), append(at, int32(i))
		}
		src = wild(r, 50+40+NR)
		panel, want := make([]float32, kn*NR+NR), make([]float32, kn*NR)
		copyRuns(panel[:kn*NR], src, off, len(src), base, at, n)
		copyRunsGo(want, src, off, base, at, n)
		for l := range kn {
			sameBits(t, "runs", panel[l*NR:l*NR+n], want[l*NR:l*NR+n])
		}
	}
}
