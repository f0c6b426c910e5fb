package ops

import (
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	for name, f := range map[string]kernel{
		"RandomUniform": randomShape, "RandomNormal": randomShape, "RandomUniformLike": randomLike, "RandomNormalLike": randomLike,
		"Bernoulli": bernoulli, "Multinomial": multinomial,
	} {
		least, since := 1, 1
		if name == "RandomUniform" || name == "RandomNormal" {
			least = 0
		}
		if name == "Bernoulli" {
			since = 15
		} else if name == "Multinomial" {
			since = 7
		}
		RegisterOp(Op{Name: name, Since: since, Forward: checked(f, least), Impure: true})
	}
}

// random is a node's generator: seeded by its seed attribute, or by its name
// where it has none, so that a run can be repeated. Other runtimes draw other
// numbers.
func random(c *Call) *rand.Rand {
	seed := uint64(math.Float32bits(c.Node.Float("seed", 0)))
	if c.Node.Attr("seed") == nil {
		h := fnv.New64a()
		h.Write([]byte(c.Node.Name))
		seed = h.Sum64()
	}
	return rand.New(rand.NewPCG(seed, 0))
}

func randomShape(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	return one(draw(c, tensor.DType(c.Node.Int("dtype", 1)), sizes(c.Node.Ints("shape"))))
}

func randomLike(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	return one(draw(c, tensor.DType(c.Node.Int("dtype", int64(in[0].DType()))), in[0].Shape()))
}

// draw is uniform between low and high, or normal with mean and scale.
func draw(c *Call, dt tensor.DType, shape []int) *tensor.Tensor {
	if !dt.IsFloat() {
		fail("%s of %v", c.Node.Op, dt)
	}
	r, g := newResult[float64](c, dt, shape), random(c)
	if c.Node.Op == "RandomUniform" || c.Node.Op == "RandomUniformLike" {
		lo, hi := float64(c.Node.Float("low", 0)), float64(c.Node.Float("high", 1))
		for i := range r.data {
			r.data[i] = lo + (hi-lo)*g.Float64()
		}
		return r.tensor()
	}
	mean, scale := float64(c.Node.Float("mean", 0)), float64(c.Node.Float("scale", 1))
	for i := range r.data {
		r.data[i] = mean + scale*g.NormFloat64()
	}
	return r.tensor()
}

// bernoulli is Bernoulli: 1 with the probability that x says.
func bernoulli(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	r, g := newResult[float64](c, tensor.DType(c.Node.Int("dtype", int64(x.DType()))), x.Shape()), random(c)
	for i, p := range load[float64](x) {
		r.data[i] = 0
		if g.Float64() < p {
			r.data[i] = 1
		}
	}
	return one(r.tensor())
}

// multinomial is Multinomial: sample_size draws from each row of
// log-probabilities, which need not be normalized.
func multinomial(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	rank(x, "input", 2)
	n, classes := int(c.Node.Int("sample_size", 1)), x.Dim(1)
	if n < 0 || n > 1<<30 || classes == 0 {
		fail("%d draws from shape %v", n, x.Shape())
	}
	r, g := newResult[int64](c, tensor.DType(c.Node.Int("dtype", int64(tensor.Int32))), []int{x.Dim(0), n}), random(c)
	src := load[float64](x)
	for b := range x.Dim(0) {
		row := src[b*classes : (b+1)*classes]
		top, sum := math.Inf(-1), 0.0
		for _, v := range row {
			top = max(top, v)
		}
		for _, v := range row {
			sum += math.Exp(v - top)
		}
		for i := range n {
			u := g.Float64() * sum
			k := 0
			for ; k < classes-1; k++ {
				if u -= math.Exp(row[k] - top); u < 0 {
					break
				}
			}
			r.data[b*n+i] = int64(k)
		}
	}
	return one(r.tensor())
}
