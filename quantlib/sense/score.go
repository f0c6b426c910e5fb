package sense

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// score is what one sample says.
type score struct {
	nsr, cosine, mse float64
	loss, rise       float64 // cross-entropy, and how far it lies above the float network's
	agree, right     bool
}

// judge scores outputs against the float network's and, where there are labels,
// against those.
type judge struct {
	labels calibrate.Labeled // nil without
	head   head
}

func newJudge(s *exec.Session, data calibrate.Samples) judge {
	j := judge{head: headOf(s.Graph())}
	j.labels, _ = data.(calibrate.Labeled)
	return j
}

func (j judge) labeled() bool { return j.labels != nil }

// compare scores the samples from lo on: float outputs against quantized ones.
// Outputs whose first axis is not the batch count as a whole for each sample.
// Labels are those of the first output.
func (j judge) compare(dst []score, lo int, float, out []*tensor.Tensor) {
	for i := range dst {
		dst[i] = score{agree: true}
	}
	floats := 0
	for k, q := range out {
		f := float[k]
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
			best := argmax(y)
			dst[i].agree = dst[i].agree && argmax(x) == best
			if k == 0 && j.labels != nil {
				label := j.labels.Label(lo + i)
				dst[i].right = best == label
				dst[i].loss = j.head.crossEntropy(y, label)
				dst[i].rise = dst[i].loss - j.head.crossEntropy(x, label)
			}
		}
	}
	for i := range dst {
		dst[i].nsr /= float64(floats)
		dst[i].cosine /= float64(floats)
		dst[i].mse /= float64(floats)
	}
}

// outputs is the kept outputs in the graph's order.
func outputs(kept *exec.Kept, n int) []*tensor.Tensor {
	list := make([]*tensor.Tensor, n)
	for i := range list {
		list[i] = kept.Output(i)
	}
	return list
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
func (j judge) summarize(s []score) Cell {
	mean := func(f func(score) float64) Measure { return measure(len(s), func(i int) float64 { return f(s[i]) }) }
	c := Cell{
		Valid:     true,
		Samples:   len(s),
		NSR:       mean(func(s score) float64 { return s.nsr }),
		Cosine:    mean(func(s score) float64 { return s.cosine }),
		MSE:       mean(func(s score) float64 { return s.mse }),
		Agreement: mean(func(s score) float64 { return indicator(s.agree) }),
	}
	if j.labeled() {
		c.Loss = mean(func(s score) float64 { return s.loss })
		c.Rise = mean(func(s score) float64 { return s.rise })
		c.Top1 = mean(func(s score) float64 { return indicator(s.right) })
	}
	return c
}

// accuracy is what the scores of a whole data set come to.
func (j judge) accuracy(s []score) Accuracy {
	a := Accuracy{Samples: len(s), Noise: j.summarize(s), Labeled: j.labeled()}
	a.Top1 = a.Noise.Top1
	return a
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
