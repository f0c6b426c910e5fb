package f32

// Lanes is the number of interleaved partial sums of a reduction: element i is
// added to lane i%Lanes, and lanes are added pairwise at the end: lane l to
// lane l+8 for l < 8, then l to l+4, l+2, l+1.
const Lanes = 16

// Noise holds sums over a pair of float and quantized values.
type Noise struct {
	Signal float64 // Σ f²
	Error  float64 // Σ (q-f)²
	Dot    float64 // Σ q·f
	Power  float64 // Σ q²
}

// NoiseSums returns the sums from which the noise-to-signal power
// Error/Signal, the mean squared error Error/n and the cosine
// Dot/sqrt(Signal·Power) follow. All arithmetic is in float64, in [Lanes].
//
// It panics if len(f) != len(q).
func NoiseSums(f, q []float32) Noise {
	sameLen(len(f), len(q))
	return noiseSums(f, q)
}

func noiseSumsGo(f, q []float32) Noise {
	var s [4][Lanes]float64
	addNoise(&s, f, q)
	return Noise{lanes(&s[0]), lanes(&s[1]), lanes(&s[2]), lanes(&s[3])}
}

func addNoise(s *[4][Lanes]float64, f, q []float32) {
	q = q[:len(f)]
	for i, v := range f {
		l := i % Lanes
		f, q := float64(v), float64(q[i])
		diff := q - f
		s[0][l] += f * f // exact, as all products of two float32
		s[1][l] += float64(diff * diff)
		s[2][l] += q * f
		s[3][l] += q * q
	}
}

// Sum returns Σ x in float64, in [Lanes].
func Sum(x []float32) float64 { return sum(x) }

func sumGo(x []float32) float64 {
	var s [Lanes]float64
	for i, v := range x {
		s[i%Lanes] += float64(v)
	}
	return lanes(&s)
}

// SumSquares returns Σ (x-c)² in float64, in [Lanes].
func SumSquares(x []float32, c float64) float64 { return sumSquares(x, c) }

func sumSquaresGo(x []float32, c float64) float64 {
	var s [Lanes]float64
	for i, v := range x {
		d := float64(v) - c
		s[i%Lanes] += float64(d * d)
	}
	return lanes(&s)
}

// Dot returns Σ x·y in float64, in [Lanes].
//
// It panics if len(x) != len(y).
func Dot(x, y []float32) float64 {
	sameLen(len(x), len(y))
	return dot(x, y)
}

func dotGo(x, y []float32) float64 {
	var s [Lanes]float64
	y = y[:len(x)]
	for i, v := range x {
		s[i%Lanes] += float64(v) * float64(y[i])
	}
	return lanes(&s)
}

func lanes(s *[Lanes]float64) float64 {
	for h := Lanes / 2; h > 0; h /= 2 {
		for l := range h {
			s[l] += s[l+h]
		}
	}
	return s[0]
}

// MinMax returns the least and the greatest finite element of x and the number
// of elements that are infinite or NaN. Where none is finite, lo is +Inf and
// hi -Inf. The sign of a zero bound is not specified.
func MinMax(x []float32) (lo, hi float32, bad int) { return minMax(x) }

func minMaxGo(x []float32) (lo, hi float32, bad int) {
	lo, hi = inf, -inf
	for _, v := range x {
		if v-v != 0 { // Inf-Inf and NaN
			bad++
			continue
		}
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	return lo, hi, bad
}

// Max returns the greatest element of x, NaN if one is NaN, and -Inf if x is
// empty. A zero is positive, so that it does not matter which of several comes
// first.
func Max(x []float32) float32 { return positiveZero(maximum(x)) }

func positiveZero(v float32) float32 {
	if v == 0 {
		return 0
	}
	return v
}

func maximumGo(x []float32) float32 {
	m := -inf
	for _, v := range x {
		if v > m || v != v {
			m = v
		}
		if m != m {
			return m
		}
	}
	return m
}

// Histogram adds the finite elements of x to len(counts) bins of equal width
// between lo and hi: element v to bin floor((v-lo)·(len(counts)/(hi-lo))),
// computed in float32 and clamped to the first and last bin. It returns the
// number of elements that are infinite or NaN.
//
// It panics if counts is empty or not lo < hi.
func Histogram(counts []uint64, x []float32, lo, hi float32) (bad int) {
	if len(counts) == 0 || !(lo < hi) {
		panic("f32: histogram without bins or range")
	}
	scale := float32(float64(len(counts)) / (float64(hi) - float64(lo)))
	top := float32(len(counts) - 1)
	for _, v := range x {
		if v-v != 0 {
			bad++
			continue
		}
		counts[int(clamp1(float32(v-lo)*scale, 0, top))]++
	}
	return bad
}
