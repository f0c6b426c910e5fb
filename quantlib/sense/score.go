package sense

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// score is what one sample says.
type score struct {
	nsr, cosine, mse float64
	agree            bool
}

// compare scores a batch: float outputs against quantized ones. Outputs whose
// first axis is not the batch count as a whole for each sample.
func compare(dst []score, kept *exec.Kept, out []*tensor.Tensor) {
	for i := range dst {
		dst[i] = score{agree: true}
	}
	floats := 0
	for k, q := range out {
		f := kept.Output(k)
		if f == nil || f.DType() != tensor.Float32 {
			continue
		}
		floats++
		a, b := f.F32(), q.F32()
		for i := range dst {
			x, y := rows(f, a, i, len(dst)), rows(q, b, i, len(dst))
			e := quant.Compare(x, y)
			dst[i].nsr += e.NSR()
			dst[i].cosine += e.Cosine()
			dst[i].mse += e.MSE()
			dst[i].agree = dst[i].agree && argmax(x) == argmax(y)
		}
	}
	for i := range dst {
		dst[i].nsr /= float64(floats)
		dst[i].cosine /= float64(floats)
		dst[i].mse /= float64(floats)
	}
}

// rows is the elements of sample i of n.
func rows(t *tensor.Tensor, x []float32, i, n int) []float32 {
	if t.Rank() == 0 || t.Dim(0) != n {
		return x
	}
	size := len(x) / n
	return x[i*size : (i+1)*size]
}

// argmax is the place of the greatest element, the first of equals; a NaN never
// wins. It is -1 for an empty slice.
func argmax(x []float32) int {
	best := -1
	for i, v := range x {
		if v == v && (best < 0 || v > x[best]) {
			best = i
		}
	}
	return best
}

// summarize averages in the order of the samples.
func summarize(s []score) Cell {
	mean := func(f func(score) float64) Measure { return measure(len(s), func(i int) float64 { return f(s[i]) }) }
	return Cell{
		Valid:     true,
		NSR:       mean(func(s score) float64 { return s.nsr }),
		Cosine:    mean(func(s score) float64 { return s.cosine }),
		MSE:       mean(func(s score) float64 { return s.mse }),
		Agreement: mean(func(s score) float64 { return indicator(s.agree) }),
	}
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// measure is the mean of n numbers and its standard error.
func measure(n int, at func(i int) float64) Measure {
	var sum float64
	for i := range n {
		sum += at(i)
	}
	mean := sum / float64(n)
	if n < 2 {
		return Measure{mean, math.NaN()}
	}
	var square float64
	for i := range n {
		d := at(i) - mean
		square += float64(d * d)
	}
	return Measure{mean, math.Sqrt(square / float64(n-1) / float64(n))}
}
