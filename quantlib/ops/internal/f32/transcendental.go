package f32

import "math"

// Exp stores e^x[i] in dst, which may be x. The error is below 1 ulp, also
// where the result is subnormal. It panics if the lengths differ, as do all
// functions in this file.
//
// x = n·ln 2 + r with |r| <= ln 2/2; e^r by a polynomial through Chebyshev
// nodes.
func Exp(dst, x []float32) {
	sameLen(len(dst), len(x))
	exp(dst, x)
}

// Sigmoid stores 1/(1+e^-x[i]) in dst, which may be x. The error is below
// 2.5 ulp.
func Sigmoid(dst, x []float32) {
	sameLen(len(dst), len(x))
	sigmoid(dst, x)
}

// Tanh stores tanh x[i] in dst, which may be x. The error is below 2.5 ulp.
func Tanh(dst, x []float32) {
	sameLen(len(dst), len(x))
	tanh(dst, x)
}

// Erf stores erf x[i] in dst, which may be x. The error is below 2 ulp.
func Erf(dst, x []float32) {
	sameLen(len(dst), len(x))
	erf(dst, x)
}

// Softmax stores e^(x[i]-max x) / Σ e^(x[j]-max x) in dst, which may be x, the
// sum in float64 over the rounded exponentials; the relative error is below
// (|x[i]-max x| + 8)·2^-24, since x[i]-max x is rounded. If x holds a NaN, or +Inf, or
// only -Inf, the result is NaN.
func Softmax(dst, x []float32) {
	divideBy(dst, dst, float32(softmaxExp(dst, x)))
}

// LogSoftmax stores log of what Softmax gives in dst, which may be x.
func LogSoftmax(dst, x []float32) {
	sameLen(len(dst), len(x))
	m := Max(x)
	var e [256]float32
	var s float64
	for i := 0; i < len(x); i += len(e) {
		part := x[i:min(i+len(e), len(x))]
		ScaleBias(e[:len(part)], part, 1, -m)
		Exp(e[:len(part)], e[:len(part)])
		s += Sum(e[:len(part)])
	}
	l := math.Log(s)
	for i, v := range x {
		dst[i] = float32(float64(v-m) - l)
	}
}

func softmaxExp(dst, x []float32) float64 {
	sameLen(len(dst), len(x))
	ScaleBias(dst, x, 1, -Max(x))
	Exp(dst, dst)
	return Sum(dst)
}

const (
	expLo  = -104 // e^-104 rounds to 0
	expHi  = 89   // e^89 overflows
	log2e  = 1.44269504088896340736
	ln2Hi  = 355.0 / 512 // n·ln2Hi is exact
	ln2Lo  = -2.12194440054690583e-4
	magic  = 1.5 * (1 << 23)
	signed = 1 << 31
)

var (
	// (e^r - 1 - r)/r² on |r| <= ln 2/2, relative error 1e-8.
	expPoly = [6]float32{0.000198909824, 0.00139336428, 0.00833331048, 0.0416664667, 0.166666672, 0.5}
	// (tanh(x)/x - 1)/x² in x² on 0..1/2, relative error 6e-8.
	tanhPoly = [6]float32{0.00203891564, -0.00808920991, 0.0216799919, -0.0539467037, 0.133332416, -0.333333313}
	// erf(x)/x - 1 in x² on 0..1.
	erfPoly = [6]float32{-0.000564805989, 0.00492176181, -0.0267150551, 0.112803169, -0.376123428, 0.128379107}
	// -log(1-erf(t))/t on 1..4, relative error 7e-8.
	erfcPoly = [8]float32{-1.16603246e-06, 3.659301e-05, -0.000515745545, 0.00437392248, -0.0253086016, 0.108091913, 0.633971453, 1.12895727}
)

func exp1(x float32) float32 {
	x = clamp1(x, expLo, expHi)
	t := fma(x, log2e, magic)
	n := t - magic
	r := fma(n, -ln2Hi, x)
	r = fma(n, -ln2Lo, r)
	p := expPoly[0]
	for _, c := range expPoly[1:] {
		p = fma(p, r, c)
	}
	p = fma(p, float32(r*r), r)
	p += 1
	e := int32(math.Float32bits(t)) - int32(math.Float32bits(magic))
	h := e >> 1
	p *= math.Float32frombits(uint32(h+127) << 23)
	return p * math.Float32frombits(uint32(e-h+127)<<23)
}

func sigmoid1(x float32) float32 {
	b := math.Float32bits(x)
	e := exp1(math.Float32frombits(b | signed))
	n := float32(1)
	if b&signed != 0 {
		n = e
	}
	return n / (1 + e)
}

func tanh1(x float32) float32 {
	b := math.Float32bits(x)
	a := math.Float32frombits(b &^ signed)
	var y float32
	if z := float32(a * a); !(z > 0.5) {
		p := tanhPoly[0]
		for _, c := range tanhPoly[1:] {
			p = fma(p, z, c)
		}
		y = fma(float32(p*z), a, a)
	} else {
		e := exp1(float32(-2 * a))
		y = (1 - e) / (1 + e)
	}
	return math.Float32frombits(math.Float32bits(y) | b&signed)
}

func erf1(x float32) float32 {
	b := math.Float32bits(x)
	a := clamp1(math.Float32frombits(b&^signed), 0, 4)
	var y float32
	if !(a > 1) {
		z := float32(a * a)
		p := erfPoly[0]
		for _, c := range erfPoly[1:] {
			p = fma(p, z, c)
		}
		y = fma(p, a, a)
	} else {
		p := erfcPoly[0]
		for _, c := range erfcPoly[1:] {
			p = fma(p, a, c)
		}
		y = 1 - exp1(float32(p*-a))
	}
	return math.Float32frombits(math.Float32bits(y) | b&signed)
}

func expGo(dst, x []float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = exp1(x[i])
	}
}

func sigmoidGo(dst, x []float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = sigmoid1(x[i])
	}
}

func tanhGo(dst, x []float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = tanh1(x[i])
	}
}

func erfGo(dst, x []float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = erf1(x[i])
	}
}
