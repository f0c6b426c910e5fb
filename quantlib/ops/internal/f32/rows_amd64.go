//go:build !noasm

package f32

// vectors returns the part of n elements that kernels for AVX2 do.
func vectors(n int) int {
	if !assembly {
		return 0
	}
	return n &^ 7
}

func fakeQuantize(dst, x []float32, scale, lo, hi float32) {
	if wide && len(x) > 0 {
		fakeQuantizeAVX512(&dst[0], &x[0], len(x), scale, lo, hi)
		return
	}
	n := vectors(len(x))
	if n > 0 {
		fakeQuantizeAVX2(&dst[0], &x[0], n, scale, lo, hi)
	}
	fakeQuantizeGo(dst[n:], x[n:], scale, lo, hi)
}

func scaleBias(dst, x []float32, scale, bias float32) {
	if wide && len(x) > 0 {
		scaleBiasAVX512(&dst[0], &x[0], len(x), scale, bias)
		return
	}
	n := vectors(len(x))
	if n > 0 {
		scaleBiasAVX2(&dst[0], &x[0], n, scale, bias)
	}
	scaleBiasGo(dst[n:], x[n:], scale, bias)
}

func divideBy(dst, x []float32, by float32) {
	if wide && len(x) > 0 {
		divideByAVX512(&dst[0], &x[0], len(x), by)
		return
	}
	n := vectors(len(x))
	if n > 0 {
		divideByAVX2(&dst[0], &x[0], n, by)
	}
	divideByGo(dst[n:], x[n:], by)
}

func clip(dst, x []float32, lo, hi float32) {
	if wide && len(x) > 0 {
		clipAVX512(&dst[0], &x[0], len(x), lo, hi)
		return
	}
	n := vectors(len(x))
	if n > 0 {
		clipAVX2(&dst[0], &x[0], n, lo, hi)
	}
	clipGo(dst[n:], x[n:], lo, hi)
}

func between(dst, x, y []float32, lo, hi float32) {
	if wide && len(dst) > 0 {
		betweenAVX512(&dst[0], &x[0], &y[0], len(dst), lo, hi)
		return
	}
	n := vectors(len(dst))
	if n > 0 {
		betweenAVX2(&dst[0], &x[0], &y[0], n, lo, hi)
	}
	betweenGo(dst[n:], x[n:], y[n:], lo, hi)
}

func add(dst, x, y []float32) {
	if wide && len(dst) > 0 {
		addAVX512(&dst[0], &x[0], &y[0], len(dst))
		return
	}
	n := vectors(len(dst))
	if n > 0 {
		addAVX2(&dst[0], &x[0], &y[0], n)
	}
	addGo(dst[n:], x[n:], y[n:])
}

func sub(dst, x, y []float32) {
	if wide && len(dst) > 0 {
		subAVX512(&dst[0], &x[0], &y[0], len(dst))
		return
	}
	n := vectors(len(dst))
	if n > 0 {
		subAVX2(&dst[0], &x[0], &y[0], n)
	}
	subGo(dst[n:], x[n:], y[n:])
}

func mul(dst, x, y []float32) {
	if wide && len(dst) > 0 {
		mulAVX512(&dst[0], &x[0], &y[0], len(dst))
		return
	}
	n := vectors(len(dst))
	if n > 0 {
		mulAVX2(&dst[0], &x[0], &y[0], n)
	}
	mulGo(dst[n:], x[n:], y[n:])
}

func div(dst, x, y []float32) {
	if wide && len(dst) > 0 {
		divAVX512(&dst[0], &x[0], &y[0], len(dst))
		return
	}
	n := vectors(len(dst))
	if n > 0 {
		divAVX2(&dst[0], &x[0], &y[0], n)
	}
	divGo(dst[n:], x[n:], y[n:])
}

func exp(dst, x []float32) {
	if wide && len(dst) > 0 {
		expAVX512(&dst[0], &x[0], len(dst))
		return
	}
	n := vectors(len(dst))
	if n > 0 {
		expAVX2(&dst[0], &x[0], n)
	}
	if n == len(dst) {
		return
	}
	if !assembly {
		expGo(dst, x)
		return
	}
	var rest [8]float32
	copy(rest[:], x[n:])
	expAVX2(&rest[0], &rest[0], 8)
	copy(dst[n:], rest[:])
}

func sigmoid(dst, x []float32) {
	if wide && len(dst) > 0 {
		sigmoidAVX512(&dst[0], &x[0], len(dst))
		return
	}
	n := vectors(len(dst))
	if n > 0 {
		sigmoidAVX2(&dst[0], &x[0], n)
	}
	if n == len(dst) {
		return
	}
	if !assembly {
		sigmoidGo(dst, x)
		return
	}
	var rest [8]float32
	copy(rest[:], x[n:])
	sigmoidAVX2(&rest[0], &rest[0], 8)
	copy(dst[n:], rest[:])
}

func tanh(dst, x []float32) {
	if wide && len(dst) > 0 {
		tanhAVX512(&dst[0], &x[0], len(dst))
		return
	}
	n := vectors(len(dst))
	if n > 0 {
		tanhAVX2(&dst[0], &x[0], n)
	}
	if n == len(dst) {
		return
	}
	if !assembly {
		tanhGo(dst, x)
		return
	}
	var rest [8]float32
	copy(rest[:], x[n:])
	tanhAVX2(&rest[0], &rest[0], 8)
	copy(dst[n:], rest[:])
}

func erf(dst, x []float32) {
	if wide && len(dst) > 0 {
		erfAVX512(&dst[0], &x[0], len(dst))
		return
	}
	n := vectors(len(dst))
	if n > 0 {
		erfAVX2(&dst[0], &x[0], n)
	}
	if n == len(dst) {
		return
	}
	if !assembly {
		erfGo(dst, x)
		return
	}
	var rest [8]float32
	copy(rest[:], x[n:])
	erfAVX2(&rest[0], &rest[0], 8)
	copy(dst[n:], rest[:])
}
