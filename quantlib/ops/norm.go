package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("BatchNormalization", 1, 5, widened(batchNorm))
	register("InstanceNormalization", 1, 3, widened(instanceNorm))
	register("LayerNormalization", 17, 2, layerNorm)
	register("GroupNormalization", 18, 3, widened(groupNorm))
	register("RMSNormalization", 23, 2, rmsNorm)
	register("LpNormalization", 1, 1, widened(lpNorm))
	register("MeanVarianceNormalization", 9, 1, widened(meanVarianceNorm))
	register("LRN", 1, 1, widened(lrn))
}

func channelVector(t *tensor.Tensor, name string, n int) []float64 {
	if t.Len() != n {
		fail("%s has shape %v for %d channels", name, t.Shape(), n)
	}
	return load[float64](t)
}

// batchNorm is BatchNormalization: scale·(x-mean)/sqrt(var+epsilon) + bias for
// each channel, as one multiplication and one addition whose factors are
// computed in float64. In training mode mean and variance (of the population)
// are those of x, and the running ones, mixed by momentum, are outputs 1 and 2.
func batchNorm(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	if x.Rank() < 1 {
		fail("normalization of a scalar")
	}
	channels := 1
	if x.Rank() > 1 {
		channels = x.Dim(1)
	}
	scale, bias := channelVector(in[1], "scale", channels), channelVector(in[2], "bias", channels)
	mean, variance := channelVector(in[3], "mean", channels), channelVector(in[4], "variance", channels)
	eps := float64(c.Node.Float("epsilon", 1e-5))
	area := 1
	if x.Rank() > 2 {
		area = product(x.Shape()[2:])
	}
	var running []*tensor.Tensor
	if c.Node.Int("training_mode", 0) != 0 {
		momentum := float64(c.Node.Float("momentum", 0.9))
		m, v := channelMoments(load[float64](x), channels, area)
		for k, pair := range [][2][]float64{{mean, m}, {variance, v}} {
			t := c.Alloc(in[3+k].DType(), channels)
			mixed := make([]float64, channels)
			for i := range mixed {
				mixed[i] = pair[0][i]*momentum + pair[1][i]*(1-momentum)
			}
			store(t, mixed)
			running = append(running, t)
		}
		mean, variance = m, v
	}
	factor, offset := make([]float64, channels), make([]float64, channels)
	for i := range factor {
		factor[i] = scale[i] / math.Sqrt(variance[i]+eps)
		offset[i] = bias[i] - mean[i]*factor[i]
	}
	if x.DType() != tensor.Float32 {
		r := newResult[float64](c, x.DType(), x.Shape())
		for i, v := range load[float64](x) {
			ch := i / area % channels
			r.data[i] = v*factor[ch] + offset[ch]
		}
		return append(one(r.tensor()), running...)
	}
	r := newResult[float32](c, x.DType(), x.Shape(), x)
	src := x.F32()
	planes := 0
	if area > 0 {
		planes = len(src) / area
	}
	c.each(planes, max(1, ordinary/(area+1)), func(lo, hi int) {
		for p := lo; p < hi; p++ {
			ch := p % channels
			f32.ScaleBias(r.data[p*area:(p+1)*area], src[p*area:(p+1)*area], float32(factor[ch]), float32(offset[ch]))
		}
	})
	return append(one(r.tensor()), running...)
}

// channelMoments is mean and population variance over all but axis 1.
func channelMoments(x []float64, channels, area int) (mean, variance []float64) {
	mean, variance = make([]float64, channels), make([]float64, channels)
	n := float64(len(x) / max(1, channels))
	for i, v := range x {
		mean[i/area%channels] += v / n
	}
	for i, v := range x {
		d := v - mean[i/area%channels]
		variance[i/area%channels] += d * d / n
	}
	return mean, variance
}

// normalizeRow stores (x - mean)/sqrt(var + eps) in dst, which may be x, with
// sums in float64, and returns mean and 1/sqrt(var + eps). With centered false
// the mean is taken as zero.
func normalizeRow(dst, x []float32, eps float64, centered bool) (mean, inverse float64) {
	n := float64(len(x))
	if centered {
		mean = f32.Sum(x) / n
	}
	inverse = 1 / math.Sqrt(f32.SumSquares(x, mean)/n+eps)
	for i, v := range x {
		dst[i] = float32((float64(v) - mean) * inverse)
	}
	return mean, inverse
}

// scaleRuns multiplies each run of elements by its scale and adds its bias,
// rounded to float32 after each.
func scaleRuns(y []float32, scale, bias []float64, run int) {
	for i := 0; i < len(y); i += run {
		row := y[i : i+run]
		f32.ScaleBias(row, row, float32(scale[i/run]), float32(bias[i/run]))
	}
}

// instanceNorm is InstanceNormalization: each channel of each image on its own.
func instanceNorm(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	if x.Rank() < 3 {
		fail("normalization of shape %v", x.Shape())
	}
	channels := x.Dim(1)
	return one(groups(c, x, channels, channelVector(in[1], "scale", channels), channelVector(in[2], "bias", channels)))
}

// groupNorm is GroupNormalization: channels are normalized in num_groups groups
// of each image. Scale and bias are per group before opset 21, then per channel.
func groupNorm(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	n := int(c.Node.Int("num_groups", 0))
	if x.Rank() < 2 || n < 1 || x.Dim(1)%n != 0 {
		fail("normalization of shape %v in %d groups", x.Shape(), n)
	}
	channels := x.Dim(1)
	if in[1].Len() == n && n != channels {
		wide := func(t *tensor.Tensor) []float64 {
			out := make([]float64, channels)
			for i := range out {
				out[i] = load[float64](t)[i/(channels/n)]
			}
			return out
		}
		return one(groups(c, x, n, wide(in[1]), wide(in[2])))
	}
	return one(groups(c, x, n, channelVector(in[1], "scale", channels), channelVector(in[2], "bias", channels)))
}

// groups normalizes n groups of channels of each image.
func groups(c *Call, x *tensor.Tensor, n int, scale, bias []float64) *tensor.Tensor {
	eps := float64(c.Node.Float("epsilon", 1e-5))
	r := newResult[float32](c, x.DType(), x.Shape(), x)
	src := load[float32](x)
	rows := x.Dim(0) * n
	if len(src) == 0 {
		return r.tensor()
	}
	size := len(src) / rows
	each := x.Dim(1) / n
	c.each(rows, max(1, ordinary/size), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			y := r.data[i*size : (i+1)*size]
			normalizeRow(y, src[i*size:(i+1)*size], eps, true)
			g := i % n
			scaleRuns(y, scale[g*each:(g+1)*each], bias[g*each:(g+1)*each], size/each)
		}
	})
	return r.tensor()
}

// layerNorm is LayerNormalization: over the dimensions from axis on,
// (x-mean)/sqrt(var+epsilon)·scale + bias; outputs 1 and 2 are the mean and the
// inverse standard deviation. Sums are taken in float64.
func layerNorm(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	return rowNorm(c, in[0], in[1], In(in, 2), true)
}

// rmsNorm is RMSNormalization: x/sqrt(mean x² + epsilon)·scale.
func rmsNorm(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	return rowNorm(c, in[0], in[1], nil, false)[:1]
}

func rowNorm(c *Call, x, scale, bias *tensor.Tensor, centered bool) []*tensor.Tensor {
	at := axis(c.Node.Int("axis", -1), x.Rank())
	eps := float64(c.Node.Float("epsilon", 1e-5))
	outer, inner := x.Shape()[:at], x.Shape()[at:]
	rows, size := product(outer), product(inner)
	factor := load[float32](stretch(serial(c), scale, inner))
	var offset []float32
	if bias != nil {
		offset = load[float32](stretch(serial(c), bias, inner))
	}
	r := newResult[float32](c, x.DType(), x.Shape(), x)
	src := load[float32](x)
	short := append([]int(nil), outer...)
	for range inner {
		short = append(short, 1)
	}
	stash := tensor.DType(c.Node.Int("stash_type", 1))
	mean, inverse := newResult[float32](c, stash, short), newResult[float32](c, stash, short)
	c.each(rows, max(1, ordinary/(size+1)), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			y := r.data[i*size : (i+1)*size]
			m, s := normalizeRow(y, src[i*size:(i+1)*size], eps, centered)
			mean.data[i], inverse.data[i] = float32(m), float32(s)
			f32.Mul(y, y, factor)
			if offset != nil {
				f32.Add(y, y, offset)
			}
		}
	})
	return []*tensor.Tensor{r.tensor(), mean.tensor(), inverse.tensor()}
}

// lpNorm is LpNormalization: x divided by its p-norm along an axis; where that
// is zero the result is zero.
func lpNorm(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	at := axis(c.Node.Int("axis", -1), x.Rank())
	p := c.Node.Int("p", 2)
	r := newResult[float64](c, x.DType(), x.Shape())
	src := load[float64](x)
	n, step := x.Dim(at), product(x.Shape()[at+1:])
	for o := 0; o < len(src); o += n * step {
		for i := range step {
			s := 0.0
			for k := range n {
				v := math.Abs(src[o+i+k*step])
				if p == 2 {
					v *= v
				}
				s += v
			}
			if p == 2 {
				s = math.Sqrt(s)
			}
			for k := range n {
				j := o + i + k*step
				r.data[j] = 0
				if s != 0 {
					r.data[j] = src[j] / s
				}
			}
		}
	}
	return one(r.tensor())
}

// meanVarianceNorm is MeanVarianceNormalization over axes (0, 2, 3 unless
// given): (x-mean)/(sqrt(var)+1e-9).
func meanVarianceNorm(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	list := c.Node.Ints("axes")
	if list == nil {
		list = []int64{0, 2, 3}
	}
	src := load[float64](x)
	red := newReduction(x.Shape(), axes(list, x.Rank()))
	n := float64(red.size)
	r := newResult[float64](c, x.DType(), x.Shape())
	red.each(0, red.outputs, func(_ int, place func(f func(i int))) {
		s, q := 0.0, 0.0
		place(func(i int) { s += src[i] })
		place(func(i int) { d := src[i] - s/n; q += d * d })
		place(func(i int) { r.data[i] = (src[i] - s/n) / (math.Sqrt(q/n) + 1e-9) })
	})
	return one(r.tensor())
}

// lrn is LRN: x / (bias + alpha/size·Σ x² over size neighbouring channels)^beta.
func lrn(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	size := int(c.Node.Int("size", 0))
	if x.Rank() < 2 || size < 1 {
		fail("LRN of shape %v over %d channels", x.Shape(), size)
	}
	alpha, beta, bias := float64(c.Node.Float("alpha", 1e-4)), float64(c.Node.Float("beta", 0.75)), float64(c.Node.Float("bias", 1))
	r := newResult[float64](c, x.DType(), x.Shape())
	src := load[float64](x)
	channels, area := x.Dim(1), product(x.Shape()[2:])
	for i, v := range src {
		ch := i / area % channels
		s := 0.0
		for k := max(0, ch-(size-1)/2); k <= min(channels-1, ch+size/2); k++ {
			n := src[i+(k-ch)*area]
			s += n * n
		}
		r.data[i] = v / math.Pow(bias+alpha/float64(size)*s, beta)
	}
	return one(r.tensor())
}
