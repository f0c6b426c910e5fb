package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	registerVJP("Softmax", softmaxVJP)
	registerVJP("LogSoftmax", softmaxVJP)
	registerVJP("BatchNormalization", batchNormVJP)
	registerVJP("LayerNormalization", rowNormVJP)
	registerVJP("RMSNormalization", rowNormVJP)
	registerVJP("InstanceNormalization", func(c *Call, in, _ []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
		return groupsVJP(c, in, g, need, in[0].Dim(1))
	})
	registerVJP("GroupNormalization", func(c *Call, in, _ []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
		return groupsVJP(c, in, g, need, int(c.Node.Int("num_groups", 0)))
	})
}

// softmaxVJP: for y = softmax(x) each vector gets y·(g - Σ g·y), for its
// logarithm g - e^y·Σ g. Sums are taken in float64.
func softmaxVJP(c *Call, in, out []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
	if !need[0] {
		return []*tensor.Tensor{nil}
	}
	x := in[0]
	n, step := 1, 1
	if x.Rank() > 0 {
		n, step = vectors(c, x)
	}
	dx := c.cotangent(g.Dim(0), x)
	y := out[0].F32()
	log := c.Node.Op == "LogSoftmax"
	for k := range g.Dim(0) {
		dst, src := dx.F32()[k*len(y):][:len(y)], g.F32()[k*len(y):][:len(y)]
		for block := 0; block < len(y); block += n * step {
			for at := block; at < block+step; at++ {
				sum := 0.0
				for i := at; i < at+n*step; i += step {
					v := float64(src[i])
					if !log {
						v *= float64(y[i])
					}
					sum += v
				}
				for i := at; i < at+n*step; i += step {
					if log {
						dst[i] = float32(float64(src[i]) - math.Exp(float64(y[i]))*sum)
					} else {
						dst[i] = float32(float64(y[i]) * (float64(src[i]) - sum))
					}
				}
			}
		}
	}
	return one(dx)
}

// batchNormVJP is that of inference, y = scale·(x-mean)/√(var+ε) + bias, by all
// five inputs. Training mode is refused.
func batchNormVJP(c *Call, in, _ []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
	if c.Node.Int("training_mode", 0) != 0 {
		unsupported("the derivative of BatchNormalization in training mode")
	}
	x := in[0]
	channels, area := 1, 1
	if x.Rank() > 1 {
		channels, area = x.Dim(1), product(x.Shape()[2:])
	}
	scale, mean, variance := channelVector(in[1], "scale", channels), channelVector(in[3], "mean", channels), channelVector(in[4], "variance", channels)
	eps := float64(c.Node.Float("epsilon", 1e-5))
	k := g.Dim(0)
	res := make([]*tensor.Tensor, len(in))
	for j := range res {
		if need[j] {
			res[j] = c.cotangent(k, in[j])
			clear(res[j].F32())
		}
	}
	planes := x.Len() / max(1, area)
	for p := range k * planes {
		ch := p % planes % channels
		inv := 1 / math.Sqrt(variance[ch]+eps)
		gp, xp := g.F32()[p*area:(p+1)*area], x.F32()[p%planes*area:][:area]
		if need[0] {
			f32.ScaleBias(res[0].F32()[p*area:(p+1)*area], gp, float32(scale[ch]*inv), 0)
		}
		sum := f32.Sum(gp)
		dot := f32.Dot(gp, xp) - mean[ch]*sum
		for j, v := range []float64{0, dot * inv, sum, -sum * scale[ch] * inv, -0.5 * dot * scale[ch] * inv * inv * inv} {
			if j > 0 && need[j] {
				res[j].F32()[p/planes*channels+ch] += float32(v)
			}
		}
	}
	return res
}

// normalized adds to the cotangent of a row what comes through
// y = (x-m)·s, s = 1/√(mean (x-m)² + ε): s·(g - mean g - y·mean(g·y)), where
// without centering m and mean g are zero. g, y and dst have one length.
func normalized(dst, g, y []float32, s float64, centered bool) {
	n := float64(len(g))
	mean, dot := 0.0, f32.Dot(g, y)/n
	if centered {
		mean = f32.Sum(g) / n
	}
	for i, v := range g {
		dst[i] = float32(s * (float64(v) - mean - float64(y[i])*dot))
	}
}

// rowNormVJP is that of LayerNormalization and RMSNormalization, by x, scale and
// bias.
func rowNormVJP(c *Call, in, _ []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
	x := in[0]
	centered := c.Node.Op == "LayerNormalization"
	eps := float64(c.Node.Float("epsilon", 1e-5))
	inner := x.Shape()[axis(c.Node.Int("axis", -1), x.Rank()):]
	size := product(inner)
	rows := x.Len() / max(1, size)
	factor := stretch(serial(c), in[1], inner).F32()
	k := g.Dim(0)
	res := make([]*tensor.Tensor, len(in))
	y, gs := make([]float32, x.Len()), make([]float32, size)
	inverse := make([]float64, rows)
	for r := range rows {
		_, inverse[r] = normalizeRow(y[r*size:(r+1)*size], x.F32()[r*size:(r+1)*size], eps, centered)
	}
	if need[0] {
		res[0] = c.cotangent(k, x)
		for i := range k * rows {
			f32.Mul(gs, g.F32()[i*size:(i+1)*size], factor)
			r := i % rows
			normalized(res[0].F32()[i*size:(i+1)*size], gs, y[r*size:(r+1)*size], inverse[r], centered)
		}
	}
	if need[1] {
		res[1] = c.sumTo(c.times(g, y), x.Shape(), in[1].Shape())
	}
	if len(in) > 2 && need[2] {
		res[2] = c.sumTo(g, x.Shape(), in[2].Shape())
	}
	return res
}

// groupsVJP is that of InstanceNormalization and GroupNormalization by x, scale
// and bias.
func groupsVJP(c *Call, in []*tensor.Tensor, g *tensor.Tensor, need []bool, n int) []*tensor.Tensor {
	x := in[0]
	eps := float64(c.Node.Float("epsilon", 1e-5))
	if x.Rank() < 2 || n < 1 || x.Dim(1)%n != 0 || x.Len() == 0 {
		fail("normalization of shape %v in %d groups", x.Shape(), n)
	}
	channels, rows := x.Dim(1), x.Dim(0)*n
	size := x.Len() / rows
	area := size * n / channels
	scale := load[float32](in[1])
	each := channels / len(scale) // channels that share a scale: before opset 21 a group's
	k := g.Dim(0)
	res := make([]*tensor.Tensor, len(in))
	for j := range res {
		if need[j] {
			res[j] = c.cotangent(k, in[j])
			clear(res[j].F32())
		}
	}
	y, gs := make([]float32, size), make([]float32, size)
	for r := range rows {
		_, inv := normalizeRow(y, x.F32()[r*size:(r+1)*size], eps, true)
		for p := range k {
			at := p*x.Len() + r*size
			for i := 0; i < size; i += area {
				ch := (r%n*size + i) / area / each
				gi := g.F32()[at+i : at+i+area]
				f32.ScaleBias(gs[i:i+area], gi, scale[ch], 0)
				if need[1] {
					res[1].F32()[p*len(scale)+ch] += float32(f32.Dot(gi, y[i:i+area]))
				}
				if need[2] {
					res[2].F32()[p*len(scale)+ch] += float32(f32.Sum(gi))
				}
			}
			if need[0] {
				normalized(res[0].F32()[at:at+size], gs, y, inv, true)
			}
		}
	}
	return res
}
