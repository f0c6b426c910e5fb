package quant

import "math"

// Error holds the sums that compare a tensor with its original. Sums of parts
// are added with Add, in a fixed order where bits matter.
type Error struct {
	Count  int     // elements
	Noise  float64 // Σ(q-f)²
	Signal float64 // Σf²
	Other  float64 // Σq²
	Dot    float64 // Σf·q
	Max    float64 // max|q-f|
}

// Compare returns the error of q against its original f. The sums are float64,
// in four interleaved parts that are added in a fixed order, so the same slices
// give the same bits on every machine. NaN in either gives NaN sums. It panics
// if the lengths differ.
func Compare(f, q []float32) Error {
	checkLen(len(f), len(q))
	var noise, signal, other, dot [4]float64
	var most float64
	for i, v := range f {
		a, b := float64(v), float64(q[i])
		d := b - a
		k := i & 3
		// The conversions keep the compiler from fusing into one rounding.
		noise[k] += float64(d * d)
		signal[k] += float64(a * a)
		other[k] += float64(b * b)
		dot[k] += float64(a * b)
		if d < 0 {
			d = -d
		}
		if d > most {
			most = d
		}
	}
	return Error{
		Count:  len(f),
		Noise:  (noise[0] + noise[1]) + (noise[2] + noise[3]),
		Signal: (signal[0] + signal[1]) + (signal[2] + signal[3]),
		Other:  (other[0] + other[1]) + (other[2] + other[3]),
		Dot:    (dot[0] + dot[1]) + (dot[2] + dot[3]),
		Max:    most,
	}
}

// Add returns the error of both parts together.
func (e Error) Add(o Error) Error {
	return Error{
		Count: e.Count + o.Count, Noise: e.Noise + o.Noise, Signal: e.Signal + o.Signal,
		Other: e.Other + o.Other, Dot: e.Dot + o.Dot, Max: max(e.Max, o.Max),
	}
}

// NSR is the noise-to-signal power Σ(q-f)² / Σf². Without signal it is 0 if
// there is no noise either, and +Inf otherwise.
func (e Error) NSR() float64 {
	if e.Noise == 0 && e.Signal == 0 {
		return 0
	}
	return e.Noise / e.Signal
}

// SQNR is the signal-to-quantization-noise ratio -10·log10(NSR), in dB; +Inf
// without noise.
func (e Error) SQNR() float64 { return Decibel(e.NSR()) }

// MSE is the mean squared error Σ(q-f)² / n; 0 of no elements.
func (e Error) MSE() float64 {
	if e.Count == 0 {
		return 0
	}
	return e.Noise / float64(e.Count)
}

// Cosine is the cosine of the angle between f and q, Σf·q / √(Σf²·Σq²), at most
// 1. Two zero vectors have 1, one zero vector has 0.
func (e Error) Cosine() float64 {
	if e.Signal == 0 || e.Other == 0 {
		if e.Signal == e.Other {
			return 1
		}
		return 0
	}
	return min(1, max(-1, e.Dot/(math.Sqrt(e.Signal)*math.Sqrt(e.Other))))
}

// NSR is Compare(f, q).NSR().
func NSR(f, q []float32) float64 { return Compare(f, q).NSR() }

// SQNR is Compare(f, q).SQNR(), in dB.
func SQNR(f, q []float32) float64 { return Compare(f, q).SQNR() }

// MSE is Compare(f, q).MSE().
func MSE(f, q []float32) float64 { return Compare(f, q).MSE() }

// Cosine is Compare(f, q).Cosine().
func Cosine(f, q []float32) float64 { return Compare(f, q).Cosine() }

// Decibel turns a noise-to-signal power into SQNR, -10·log10(nsr) dB.
func Decibel(nsr float64) float64 { return -10 * math.Log10(nsr) }

// Power turns an SQNR in dB into the noise-to-signal power 10^(-dB/10).
func Power(dB float64) float64 { return math.Pow(10, -dB/10) }
