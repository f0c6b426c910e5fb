package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	for name, f := range map[string]func(dst, x []float32){"Softmax": f32.Softmax, "LogSoftmax": f32.LogSoftmax, "Hardmax": hardmax} {
		register(name, 1, 1, widened(func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return one(alongAxis(c, in[0], f)) }))
	}
}

// alongAxis applies f to each vector along the axis. Before opset 13 the tensor
// is seen as a matrix whose rows hold all dimensions from axis on.
func alongAxis(c *Call, x *tensor.Tensor, f func(dst, x []float32)) *tensor.Tensor {
	if x.DType() == tensor.Float64 {
		return alongAxis64(c, x)
	}
	if x.DType() != tensor.Float32 {
		unsupported("%s of %v", c.Node.Op, x.DType())
	}
	if x.Rank() == 0 {
		r := newResult[float32](c, x.DType(), nil)
		f(r.data, x.F32())
		return r.tensor()
	}
	n, step := vectors(c, x)
	r := newResult[float32](c, x.DType(), x.Shape(), x)
	if x.Len() == 0 {
		return r.tensor()
	}
	if step == 1 {
		src := x.F32()
		c.each(len(src)/n, max(1, ordinary/(4*n)), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				f(r.data[i*n:(i+1)*n], src[i*n:(i+1)*n])
			}
		})
		return r.tensor()
	}
	blocks := x.Len() / (n * step)
	parts := c.partCount(blocks, 1)
	scratch := c.Scratch(n * parts)
	src := x.F32()
	c.parts(blocks, 1, func(p, lo, hi int) {
		v := scratch[p*n : (p+1)*n]
		for b := lo; b < hi; b++ {
			for i := range step {
				at := b*n*step + i
				for k := range v {
					v[k] = src[at+k*step]
				}
				f(v, v)
				for k := range v {
					r.data[at+k*step] = v[k]
				}
			}
		}
	})
	return r.tensor()
}

// vectors is the length and the step of the vectors of a softmax.
func vectors(c *Call, x *tensor.Tensor) (n, step int) {
	if c.Opset >= 13 {
		at := axis(c.Node.Int("axis", -1), x.Rank())
		return x.Dim(at), product(x.Shape()[at+1:])
	}
	a := c.Node.Int("axis", 1)
	if a == int64(x.Rank()) {
		return 1, 1
	}
	return product(x.Shape()[axis(a, x.Rank()):]), 1
}

func alongAxis64(c *Call, x *tensor.Tensor) *tensor.Tensor {
	r := newResult[float64](c, x.DType(), x.Shape())
	src := tensor.Data[float64](x)
	n, step := 1, 1
	if x.Rank() > 0 {
		n, step = vectors(c, x)
	}
	v := make([]float64, n)
	for at := range src {
		if at/step%n != 0 {
			continue
		}
		top, best := math.Inf(-1), 0
		for k := range v {
			v[k] = src[at+k*step]
			if v[k] > top {
				best = k
			}
			top = maxOf(top, v[k])
		}
		sum := 0.0
		for k := range v {
			sum += math.Exp(v[k] - top)
		}
		for k := range v {
			y := &r.data[at+k*step]
			switch c.Node.Op {
			case "Softmax":
				*y = math.Exp(v[k]-top) / sum
			case "LogSoftmax":
				*y = v[k] - top - math.Log(sum)
			default:
				*y = 0
				if k == best {
					*y = 1
				}
			}
		}
	}
	return r.tensor()
}

// hardmax stores 1 at the first greatest element of x and 0 elsewhere; dst may
// be x.
func hardmax(dst, x []float32) {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	clear(dst)
	if len(dst) > 0 {
		dst[best] = 1
	}
}
