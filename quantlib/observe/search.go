package observe

import "math"

// SearchClip looks for the clip in (0, most] where loss is least, when all that
// is known of loss is its value: at the output of a layer, for example, instead
// of at the tensor. It tries most·2^(-i/perOctave) for octaves octaves, then
// narrows the interval around the best three local minima by golden section, and
// returns the best clip that it tried and its loss. Ties go to the larger clip,
// so a loss that does not care clips nothing; NaN counts as +Inf. It calls loss
// about octaves·perOctave+30 times, always in the same order.
//
// It panics if most is not positive and finite, or octaves or perOctave is less
// than 1.
func SearchClip(loss func(clip float64) float64, most float64, octaves, perOctave int) (clip, least float64) {
	if !(most > 0 && most <= math.MaxFloat64) || octaves < 1 || perOctave < 1 {
		panic("observe: SearchClip needs a positive clip and at least one step")
	}
	h := hunt{f: func(c float64) (float64, bool) { return loss(c), false }, steps: octaves*perOctave + 1, ratio: math.Exp2(-1 / float64(perOctave))}
	return h.from(most, nil, refinements)
}

const refinements = 10 // golden sections of an interval of two grid steps: 2·0.618^10 = 1/60 step

// hunt looks for the least value of a function of one positive variable on a
// falling geometric grid.
type hunt struct {
	f     func(x float64) (value float64, stop bool) // stop: nothing smaller can be better
	steps int
	ratio float64
}

// from searches the grid most·ratio^i, then refines the best three local minima
// with fine, or f itself if it is nil.
func (h hunt) from(most float64, fine func(x float64) float64, sections int) (best, least float64) {
	var xs, fs []float64
	for i := range h.steps {
		x := most * math.Pow(h.ratio, float64(i))
		f, stop := h.f(x)
		if f != f {
			f = math.Inf(1)
		}
		xs, fs = append(xs, x), append(fs, f)
		if stop {
			break
		}
	}
	if fine == nil {
		fine = func(x float64) float64 { v, _ := h.f(x); return v }
	}
	best, least = most, math.Inf(1)
	try := func(x float64) float64 {
		f := fine(x)
		if f != f {
			f = math.Inf(1)
		}
		if f < least {
			best, least = x, f
		}
		return f
	}
	try(most)
	for _, i := range minima(fs, 3) {
		lo, hi := xs[min(i+1, len(xs)-1)], xs[max(i-1, 0)]
		try(xs[i])
		golden(try, lo, hi, sections)
	}
	return best, least
}

// minima returns the indices of the least local minima of f, at most n, the
// least first; equal values keep their order.
func minima(f []float64, n int) []int {
	var at []int
	for i, v := range f {
		if i > 0 && f[i-1] <= v || i+1 < len(f) && f[i+1] < v {
			continue
		}
		at = append(at, i)
		for j := len(at) - 1; j > 0 && f[at[j]] < f[at[j-1]]; j-- {
			at[j], at[j-1] = at[j-1], at[j]
		}
		at = at[:min(len(at), n)]
	}
	return at
}

// golden narrows lo..hi around a minimum of f; f keeps the best it has seen.
func golden(f func(x float64) float64, lo, hi float64, sections int) {
	const g = 0.6180339887498949
	a, b := hi-g*(hi-lo), lo+g*(hi-lo)
	fa, fb := f(a), f(b)
	for range sections {
		if fa < fb {
			hi, b, fb = b, a, fa
			a = hi - g*(hi-lo)
			fa = f(a)
		} else {
			lo, a, fa = a, b, fb
			b = lo + g*(hi-lo)
			fb = f(b)
		}
	}
}
