package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("NegativeLogLikelihoodLoss", 12, 2, widened(func(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
		return one(likelihoodLoss(c, in[0], load[float64](in[0]), in[1], In(in, 2)))
	}))
	register("SoftmaxCrossEntropyLoss", 12, 2, widened(crossEntropy))
}

// likelihoodLoss is NegativeLogLikelihoodLoss: -x[n, t, …]·w[t] for the target
// t = t[n, …], zero where t is ignore_index; then the sum, or the mean over the
// weights, or as it is.
func likelihoodLoss(c *Call, like *tensor.Tensor, x []float64, target, weight *tensor.Tensor) *tensor.Tensor {
	if like.Rank() < 2 || target.Rank() != like.Rank()-1 || target.Dim(0) != like.Dim(0) || !tensor.SameShape(target.Shape()[1:], like.Shape()[2:]) {
		fail("input %v, target %v", like.Shape(), target.Shape())
	}
	classes, area := like.Dim(1), product(like.Shape()[2:])
	w := make([]float64, classes)
	for i := range w {
		w[i] = 1
	}
	if weight != nil {
		w = channelVector(weight, "weight", classes)
	}
	ignore := c.Node.Attr("ignore_index")
	losses := make([]float64, target.Len())
	sum, total := 0.0, 0.0
	for i, t := range integers(target) {
		if ignore != nil && t == ignore.I {
			continue
		}
		if t < 0 || t >= int64(classes) {
			fail("target %d of %d classes", t, classes)
		}
		losses[i] = -x[(i/area*classes+int(t))*area+i%area] * w[t]
		sum += losses[i]
		total += w[t]
	}
	switch c.Node.Text("reduction", "mean") {
	case "none":
		out := c.Alloc(like.DType(), target.Shape()...)
		store(out, losses)
		return out
	case "mean":
		sum /= total
	}
	out := c.Alloc(like.DType())
	store(out, []float64{sum})
	return out
}

// crossEntropy is SoftmaxCrossEntropyLoss: the likelihood loss of the
// log-softmax along axis 1, which is output 1.
func crossEntropy(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	if x.Rank() < 2 {
		fail("scores of shape %v", x.Shape())
	}
	src := load[float64](x)
	y := make([]float64, len(src))
	classes, area := x.Dim(1), product(x.Shape()[2:])
	for n := range x.Dim(0) {
		for i := range area {
			at := n*classes*area + i
			top, sum := math.Inf(-1), 0.0
			for k := range classes {
				top = maxOf(top, src[at+k*area])
			}
			for k := range classes {
				sum += math.Exp(src[at+k*area] - top)
			}
			for k := range classes {
				y[at+k*area] = src[at+k*area] - top - math.Log(sum)
			}
		}
	}
	out := []*tensor.Tensor{likelihoodLoss(c, x, y, in[1], In(in, 2)), nil}
	if c.Wants(1) {
		out[1] = c.Alloc(x.DType(), x.Shape()...)
		store(out[1], y)
	}
	return out
}
