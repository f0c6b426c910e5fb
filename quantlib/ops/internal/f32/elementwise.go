package f32

// Add stores x[i]+y[i] in dst, which may be x or y.
// It panics if the lengths differ, as do Sub, Mul and Div.
func Add(dst, x, y []float32) {
	sameLen(len(dst), len(x))
	sameLen(len(dst), len(y))
	add(dst, x, y)
}

// Sub stores x[i]-y[i] in dst, which may be x or y.
func Sub(dst, x, y []float32) {
	sameLen(len(dst), len(x))
	sameLen(len(dst), len(y))
	sub(dst, x, y)
}

// Mul stores x[i]·y[i] in dst, which may be x or y.
func Mul(dst, x, y []float32) {
	sameLen(len(dst), len(x))
	sameLen(len(dst), len(y))
	mul(dst, x, y)
}

// Div stores x[i]/y[i] in dst, which may be x or y.
func Div(dst, x, y []float32) {
	sameLen(len(dst), len(x))
	sameLen(len(dst), len(y))
	div(dst, x, y)
}

// ScaleBias stores x[i]·scale + bias in dst, rounded after each of the two
// operations; with scale 1 or bias -0 it is an addition or a multiplication.
// dst may be x. It panics if the lengths differ.
func ScaleBias(dst, x []float32, scale, bias float32) {
	sameLen(len(dst), len(x))
	scaleBias(dst, x, scale, bias)
}

// Clip stores min(max(x[i], lo), hi) in dst, which may be x; a NaN stays. With
// lo 0 and hi +Inf it is Relu. It panics if the lengths differ.
func Clip(dst, x []float32, lo, hi float32) {
	sameLen(len(dst), len(x))
	clip(dst, x, lo, hi)
}

// Between stores x[i] in dst, which may be x, where lo < y[i] < hi, and 0 elsewhere,
// as where y[i] is NaN. It panics if the lengths differ.
func Between(dst, x, y []float32, lo, hi float32) {
	sameLen(len(dst), len(x))
	sameLen(len(dst), len(y))
	between(dst, x, y, lo, hi)
}

func betweenGo(dst, x, y []float32, lo, hi float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i, v := range y {
		if v > lo && v < hi {
			dst[i] = x[i]
		} else {
			dst[i] = 0
		}
	}
}

func addGo(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] + y[i]
	}
}

func subGo(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] - y[i]
	}
}

func mulGo(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] * y[i]
	}
}

func divGo(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] / y[i]
	}
}

func scaleBiasGo(dst, x []float32, scale, bias float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = float32(x[i]*scale) + bias
	}
}

// divideByGo stores x[i]/by in dst.
func divideByGo(dst, x []float32, by float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = x[i] / by
	}
}

func clipGo(dst, x []float32, lo, hi float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = clamp1(x[i], lo, hi)
	}
}
