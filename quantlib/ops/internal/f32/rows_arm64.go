//go:build !noasm

package f32

// vectors returns the part of n elements that kernels for NEON do.
func vectors(n int) int {
	if !assembly {
		return 0
	}
	return n &^ 3
}

func between(dst, x, y []float32, lo, hi float32) {
	n := vectors(len(dst))
	if n > 0 {
		betweenNEON(&dst[0], &x[0], &y[0], n, lo, hi)
	}
	betweenGo(dst[n:], x[n:], y[n:], lo, hi)
}

func add(dst, x, y []float32) {
	n := vectors(len(dst))
	if n > 0 {
		addNEON(&dst[0], &x[0], &y[0], n)
	}
	addGo(dst[n:], x[n:], y[n:])
}

func sub(dst, x, y []float32) {
	n := vectors(len(dst))
	if n > 0 {
		subNEON(&dst[0], &x[0], &y[0], n)
	}
	subGo(dst[n:], x[n:], y[n:])
}

func mul(dst, x, y []float32) {
	n := vectors(len(dst))
	if n > 0 {
		mulNEON(&dst[0], &x[0], &y[0], n)
	}
	mulGo(dst[n:], x[n:], y[n:])
}

func div(dst, x, y []float32) {
	n := vectors(len(dst))
	if n > 0 {
		divNEON(&dst[0], &x[0], &y[0], n)
	}
	divGo(dst[n:], x[n:], y[n:])
}

func scaleBias(dst, x []float32, scale, bias float32) {
	n := vectors(len(x))
	if n > 0 {
		scaleBiasNEON(&dst[0], &x[0], n, scale, bias)
	}
	scaleBiasGo(dst[n:], x[n:], scale, bias)
}

func divideBy(dst, x []float32, by float32) {
	n := vectors(len(x))
	if n > 0 {
		divideByNEON(&dst[0], &x[0], n, by)
	}
	divideByGo(dst[n:], x[n:], by)
}

func clip(dst, x []float32, lo, hi float32) {
	n := vectors(len(x))
	if n > 0 {
		clipNEON(&dst[0], &x[0], n, lo, hi)
	}
	clipGo(dst[n:], x[n:], lo, hi)
}

func fakeQuantize(dst, x []float32, scale, lo, hi float32) {
	n := vectors(len(x))
	if n > 0 {
		fakeQuantizeNEON(&dst[0], &x[0], n, scale, lo, hi)
	}
	fakeQuantizeGo(dst[n:], x[n:], scale, lo, hi)
}

func exp(dst, x []float32) {
	if !assembly {
		expGo(dst, x)
		return
	}
	n := vectors(len(dst))
	if n > 0 {
		expNEON(&dst[0], &x[0], n)
	}
	if n < len(dst) {
		var rest [4]float32
		copy(rest[:], x[n:])
		expNEON(&rest[0], &rest[0], 4)
		copy(dst[n:], rest[:])
	}
}

func sigmoid(dst, x []float32) {
	if !assembly {
		sigmoidGo(dst, x)
		return
	}
	n := vectors(len(dst))
	if n > 0 {
		sigmoidNEON(&dst[0], &x[0], n)
	}
	if n < len(dst) {
		var rest [4]float32
		copy(rest[:], x[n:])
		sigmoidNEON(&rest[0], &rest[0], 4)
		copy(dst[n:], rest[:])
	}
}

func tanh(dst, x []float32) {
	if !assembly {
		tanhGo(dst, x)
		return
	}
	n := vectors(len(dst))
	if n > 0 {
		tanhNEON(&dst[0], &x[0], n)
	}
	if n < len(dst) {
		var rest [4]float32
		copy(rest[:], x[n:])
		tanhNEON(&rest[0], &rest[0], 4)
		copy(dst[n:], rest[:])
	}
}

func erf(dst, x []float32) {
	if !assembly {
		erfGo(dst, x)
		return
	}
	n := vectors(len(dst))
	if n > 0 {
		erfNEON(&dst[0], &x[0], n)
	}
	if n < len(dst) {
		var rest [4]float32
		copy(rest[:], x[n:])
		erfNEON(&rest[0], &rest[0], 4)
		copy(dst[n:], rest[:])
	}
}
