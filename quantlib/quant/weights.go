package quant

import "math"

// Weights returns the parameters that cover every finite weight of each
// granule, its least and greatest value (min–max):
//
//	Scale[g], Zero[g] = ParamsFromRange(min over g, max over g)
//
// and at one signed bit Scale[g] = mean|w| over the granule, summed in float64
// in memory order. NaN and infinities are left out; a granule without a finite
// weight is taken as all zeros. Zero is nil where s is symmetric. It panics if
// len(w) != l.Len() or s is not valid or float32.
func Weights(w []float32, l Layout, s Scheme) Params {
	s.mustQuantize()
	checkLen(l.Len(), len(w))
	n := l.Granules()
	p := Params{Scale: make([]float32, n)}
	if s.Asymmetric {
		p.Zero = make([]int32, n)
	}
	if s.Binary() {
		binaryScales(p.Scale, w, l, s)
		return p
	}
	lo, hi := make([]float32, n), make([]float32, n)
	l.Runs(func(g, from, to int) {
		least, most := lo[g], hi[g]
		for _, v := range w[from:to] {
			if v < least && v >= -math.MaxFloat32 {
				least = v
			} else if v > most && v <= math.MaxFloat32 {
				most = v
			}
		}
		lo[g], hi[g] = least, most
	})
	for g := range n {
		scale, zero := ParamsFromRange(lo[g], hi[g], s)
		p.Scale[g] = scale
		if p.Zero != nil {
			p.Zero[g] = zero
		}
	}
	return p
}

func binaryScales(scale, w []float32, l Layout, s Scheme) {
	sum, count := make([]float64, len(scale)), make([]int, len(scale))
	l.Runs(func(g, from, to int) {
		for _, v := range w[from:to] {
			if a := math.Abs(float64(v)); a <= math.MaxFloat32 {
				sum[g] += a
				count[g]++
			}
		}
	})
	for g := range scale {
		scale[g] = s.safeScale(sum[g] / float64(max(count[g], 1)))
	}
}

// BiasScale is the scale of a 32-bit bias, float32(x·w), where x is the scale of the
// layer's input and w that of its weight; moved to the nearest normal float32 that
// no code overflows. It panics if one is not positive and finite.
func BiasScale(x, w float32) float32 {
	s := Int(32)
	s.checkParams(x, 0)
	s.checkParams(w, 0)
	return s.safeScale(float64(x) * float64(w))
}

// Bias stores in dst the biases as an integer kernel adds them, at 32 bits with
// the scale of the accumulator:
//
//	dst[o] = clamp(even(b[o]/t))·t, t = float32(x·w[o])
//
// where x is the scale of the layer's input and w holds the scales of its
// weights, one for each output channel or a single one. A t that is not a
// normal float32 is moved to the nearest that is. dst may be b. It panics if
// the lengths do not fit or a scale is not positive and finite.
func Bias(dst, b []float32, x float32, w []float32) {
	checkLen(len(dst), len(b))
	if len(w) != 1 {
		checkLen(len(b), len(w))
	}
	s := Int(32)
	for o := range b {
		t := w[0]
		if len(w) > 1 {
			t = w[o]
		}
		FakeQuantize(dst[o:o+1], b[o:o+1], BiasScale(x, t), 0, s)
	}
}
