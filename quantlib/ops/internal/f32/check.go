package f32

import "math"

// faulty runs each AVX-512 kernel on a few elements, some of them special, and
// returns the name of the first that does not give the bits of the one for
// AVX2, or "". It takes some tens of microseconds and runs before any other
// code of the package, so that a processor or an emulator with a fault costs
// speed and not truth.
func faulty() string {
	const n = 37 // two vectors and a part
	x, y := sequence(256, 1, true), sequence(256, 2, true)
	u, v := sequence(256, 3, false), sequence(256, 4, false)
	got, want := make([]float32, 2048), make([]float32, 2048)
	q := Quantizer{Scale: 0.37, Zero: 3, Lo: -8, Hi: 7}
	off := []int32{0, 3, n, n + 1}
	for _, k := range []struct {
		name string
		run  func(dst []float32)
	}{
		{"add", func(d []float32) { Add(d[:n], x[:n], y[:n]) }},
		{"sub", func(d []float32) { Sub(d[:n], x[:n], y[:n]) }},
		{"mul", func(d []float32) { Mul(d[:n], x[:n], y[:n]) }},
		{"div", func(d []float32) { Div(d[:n], x[:n], y[:n]) }},
		{"scaleBias", func(d []float32) { ScaleBias(d[:n], x[:n], 1.7, 0.3) }},
		{"divideBy", func(d []float32) { divideBy(d[:n], x[:n], 0.7) }},
		{"clip", func(d []float32) { Clip(d[:n], x[:n], -1, 1) }},
		{"between", func(d []float32) { Between(d[:n], x[:n], y[:n], -1, 2) }},
		{"fakeQuantize", func(d []float32) { FakeQuantize(d[:n], x[:n], q) }},
		{"exp", func(d []float32) { Exp(d[:n], x[:n]) }},
		{"sigmoid", func(d []float32) { Sigmoid(d[:n], x[:n]) }},
		{"tanh", func(d []float32) { Tanh(d[:n], x[:n]) }},
		{"erf", func(d []float32) { Erf(d[:n], x[:n]) }},
		{"sum", func(d []float32) { split(d, Sum(u[:n])) }},
		{"sumSquares", func(d []float32) { split(d, SumSquares(u[:n], 0.3)) }},
		{"dot", func(d []float32) { split(d, Dot(u[:n], v[:n])) }},
		{"products", func(d []float32) { addAll(d, func(p *Products, n int) { p.Add(u[:32], v, 40, n) }) }},
		{"products of errors", func(d []float32) { addAll(d, func(p *Products, n int) { p.AddErrors(u[:32], v, 40, n, q) }) }},
		{"noiseSums", func(d []float32) {
			s := NoiseSums(u[:n], v[:n])
			for i, v := range []float64{s.Signal, s.Error, s.Dot, s.Power} {
				split(d[2*i:], v)
			}
		}},
		{"minMax", func(d []float32) {
			lo, hi, bad := MinMax(x[:n])
			d[0], d[1], d[2] = lo, hi, float32(bad)
		}},
		{"maximum", func(d []float32) { d[0], d[1] = Max(x[:n]), Max(u[:n]) }},
		{"taps", func(d []float32) { taps(d[:40], x, y, off) }},
		{"tapsMax", func(d []float32) { tapsMax(d[:40], x, off) }},
		{"tapsSum", func(d []float32) { tapsSum(d[:40], x, off) }},
		{"finishRows", func(d []float32) { // which may change its source
			finishRows(d[:3*n], append([]float32(nil), x...), 3, n, n+3, 0.5, -1, 2)
		}},
		{"fillRows", func(d []float32) { fillRows(d, x, 3, n, n+11, n+1, 1, 0, nil) }},
		{"fillRows by two", func(d []float32) { fillRows(d, x, 3, n, n+11, 2*n, 2, 0, nil) }},
		{"fillRows quantized", func(d []float32) { fillRows(d, x, 3, n, n+11, n+1, 1, 0, &q) }},
		{"fillRows by two quantized", func(d []float32) { fillRows(d, x, 3, n, n+11, 2*n, 2, 0, &q) }},
		{"packed rows", func(d []float32) { packFast(d[:3*NR], x, 3, 1, 20, NR) }},
		{"packed runs", func(d []float32) { copyRuns(d[:3*NR], x, off[:3], 128, off[1:3], []int32{0, 9}, NR) }},
		{"depthwise 3×3", func(d []float32) { channels(d, u, v, 3, 1, &q) }},
		{"depthwise 3×3 by two", func(d []float32) { channels(d, u, v, 3, 2, &q) }},
		{"depthwise 5×5", func(d []float32) { channels(d, u, v, 5, 1, nil) }},
		{"depthwise 5×5 by two", func(d []float32) { channels(d, u, v, 5, 2, nil) }},
		{"row", func(d []float32) { product(d, u, v, 1, 8*NR, 2, nil) }},
		{"product of 23 rows", func(d []float32) { product(d, u, v, 23, 2*NR+13, 5, nil) }},
		{"product of 16 rows, along them", func(d []float32) { product(d, u, v, 16, 4*NR+13, 5, v) }},
		{"product of 9 rows", func(d []float32) { product(d, u, v, 9, 2*NR+13, 5, v) }},
		{"product of 8 rows", func(d []float32) { product(d, u, v, 8, 2*NR+13, 5, v) }},
		{"product of 7 rows", func(d []float32) { product(d, u, v, 7, 2*NR+13, 5, v) }},
	} {
		clear(got)
		clear(want)
		k.run(got)
		now := wide
		wide = false
		k.run(want)
		wide = now
		for i, g := range got {
			if w := want[i]; math.Float32bits(g) != math.Float32bits(w) && (g == g || w == w) {
				return k.name
			}
		}
	}
	return ""
}

// product stores in d, [m, n], a small product with what an epilogue does, if
// ep is set, of factors made from x and y.
func product(d, x, y []float32, m, n, kn int, ep []float32) {
	a, b := make([]float32, roundUp(m, MR)*kn+slack), make([]float32, roundUp(n, 2*NR)*kn+slack)
	for i := range a {
		a[i] = x[i%len(x)]
	}
	for i := range b {
		b[i] = y[i%len(y)]
	}
	t := tiles{kn: kn, a: a, b: b, dst: d, ldc: n, tmp: make([]float32, tileLen)}
	if ep != nil {
		copy(d, y)
		t.add = true
		res := make([]float32, m*n)
		copy(res, x)
		t.ep = &Epilogue{RowBias: ep, ColBias: y, Residual: res, ResidualStride: n, Act: Clamp, Lo: -1, Hi: 6}
	}
	t.run(0, m, 0, n)
}

// addAll stores in d the lanes that add makes of one, two and four sums.
func addAll(d []float32, add func(p *Products, n int)) {
	for _, n := range []int{1, 2, 4} {
		var p Products
		add(&p, n)
		for k := range n {
			d = d[copy(d, p[k][:]):]
		}
	}
}

// channels stores in d a small depthwise convolution of two channels.
func channels(d, x, w []float32, kernel, stride int, q *Quantizer) {
	c := Conv{
		Channels: 2, Height: 6, Width: 21, Filters: 2, KernelH: kernel, KernelW: kernel, StrideH: stride, StrideW: stride,
		PadTop: 1, PadLeft: 1, PadBottom: 2, PadRight: 1, Groups: 2,
	}
	f := &Filter{filters: 2, channels: 1, kh: kernel, kw: kernel, groups: 2, taps: w[:2*kernel*kernel]}
	ep := &Epilogue{RowBias: w[:2], Act: Clamp, Lo: -20, Hi: 20}
	if q != nil {
		ep.Quant = []Quantizer{*q}
	}
	Conv2D(d, x, f, c, ep, nil, make([]float32, c.ScratchLen()))
}

// sequence returns n numbers of -4..4, a fixed sequence, in which every ninth is
// zero, subnormal, huge, infinite or NaN if special is set.
func sequence(n int, seed uint32, special bool) []float32 {
	x := make([]float32, n)
	for i := range x {
		seed = seed*1664525 + 1013904223
		x[i] = float32(int32(seed)) * 0x1p-29
		if special && i%9 == 8 {
			x[i] = [...]float32{0, 0x1p-140, 3e38, -inf, inf, float32(math.NaN())}[i/9%6]
		}
	}
	return x
}

// split stores v in two elements.
func split(d []float32, v float64) {
	d[0] = float32(v)
	d[1] = float32(v - float64(d[0]))
}
