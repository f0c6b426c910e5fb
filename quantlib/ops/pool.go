package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("MaxPool", 1, 1, maxPool)
	register("AveragePool", 1, 1, widened(averagePool))
	register("LpPool", 1, 1, widened(lpPool))
	register("GlobalAveragePool", 1, 1, widened(globalAveragePool))
	register("GlobalMaxPool", 1, 1, widened(globalMaxPool))
	register("GlobalLpPool", 1, 1, widened(globalLpPool))
}

func poolWindow(c *Call, x *tensor.Tensor) (window, []int) {
	if x.Rank() < 3 {
		fail("pooling of shape %v", x.Shape())
	}
	w := newWindow(c, x.Shape()[2:], sizes(c.Node.Ints("kernel_shape")))
	shape := append([]int{x.Dim(0), x.Dim(1)}, w.out...)
	product(shape)
	return w, shape
}

// flat is the window for the float32 kernels, ok if it has at most two
// dimensions and SAME padding has not made it larger than they count.
func (w *window) flat(channels int) (p f32.Pool, ok bool) {
	if len(w.in) > 2 {
		return p, false
	}
	at := func(s []int, i, def int) int {
		if i += len(s) - 2; i < 0 {
			return def
		}
		return s[i]
	}
	p = f32.Pool{
		Channels: channels, Height: at(w.in, 0, 1), Width: at(w.in, 1, 1), KernelH: at(w.kernel, 0, 1), KernelW: at(w.kernel, 1, 1),
		StrideH: at(w.stride, 0, 1), StrideW: at(w.stride, 1, 1), DilationH: at(w.dilation, 0, 1), DilationW: at(w.dilation, 1, 1),
		PadTop: at(w.before, 0, 0), PadLeft: at(w.before, 1, 0), PadBottom: at(w.after, 0, 0), PadRight: at(w.after, 1, 0), Ceil: w.ceil,
	}
	oh, ow := p.Out()
	return p, oh == at(w.out, 0, 1) && ow == at(w.out, 1, 1)
}

// flatPool runs a float32 kernel over images.
func flatPool(c *Call, x *tensor.Tensor, shape []int, p f32.Pool, f func(dst, src []float32, p f32.Pool, scratch []float32)) *tensor.Tensor {
	out := c.Alloc(tensor.Float32, shape...)
	if out.Len() == 0 {
		return out
	}
	planes := x.Dim(0) * x.Dim(1)
	in, res := x.Len()/planes, out.Len()/planes
	size := p.ScratchLen()
	least := max(1, ordinary/max(1, res*p.KernelH*p.KernelW))
	scratch := c.Scratch(size * c.partCount(planes, least))
	c.parts(planes, least, func(part, lo, hi int) {
		q := p
		q.Channels = hi - lo
		f(out.F32()[lo*res:hi*res], x.F32()[lo*in:hi*in], q, scratch[part*size:(part+1)*size])
	})
	return out
}

// maxPool is MaxPool: the greatest element of each window, and, if wanted, its
// row-major (or column-major) place in x. A NaN in a window is its maximum.
func maxPool(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	w, shape := poolWindow(c, x)
	if x.DType() == tensor.Float32 && !c.Wants(1) {
		if p, ok := w.flat(x.Dim(1)); ok {
			return one(flatPool(c, x, shape, p, f32.MaxPool))
		}
	}
	r := newResult[float64](c, x.DType(), shape)
	var places []int64
	var index *tensor.Tensor
	if c.Wants(1) {
		index = c.Alloc(tensor.Int64, shape...)
		places = index.I64()
	}
	src := load[float64](x)
	area, plane := product(w.out), product(w.in)
	column := c.Node.Int("storage_order", 0) != 0
	columnStep := make([]int, len(w.in))
	for i, n := 0, 1; i < len(w.in); i++ {
		columnStep[i] = n
		n *= w.in[i]
	}
	c.each(x.Dim(0)*x.Dim(1), max(1, ordinary/(area*product(w.kernel)+1)), func(lo, hi int) {
		for ch := lo; ch < hi; ch++ {
			pos := make([]int, len(w.out))
			for o := range area {
				best, at := math.Inf(-1), -1
				w.inside(pos, func(_, i int) {
					if v := src[ch*plane+i]; at < 0 || v > best || v != v && best == best {
						best, at = v, i
					}
				})
				r.data[ch*area+o] = best
				if places != nil {
					if column {
						p := position(at, w.in)
						at = 0
						for d := range p {
							at += p[d] * columnStep[d]
						}
					}
					places[ch*area+o] = int64(ch*plane + at)
				}
				next(pos, w.out)
			}
		}
	})
	return []*tensor.Tensor{r.tensor(), index}
}

// averagePool is AveragePool: the mean of each window. Padding counts as zeros
// with count_include_pad, but what ceil_mode adds behind it never does.
func averagePool(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	w, shape := poolWindow(c, x)
	includePad := c.Node.Int("count_include_pad", 0) != 0
	if x.DType() == tensor.Float32 {
		if p, ok := w.flat(x.Dim(1)); ok {
			return one(flatPool(c, x, shape, p, func(dst, src []float32, p f32.Pool, scratch []float32) {
				f32.AveragePool(dst, src, p, includePad, scratch)
			}))
		}
	}
	count := func(pos []int, inside int) float64 {
		if !includePad {
			return float64(inside)
		}
		n := 1
		for d, p := range pos {
			hits := 0
			for k := range w.kernel[d] {
				if i := p*w.stride[d] + k*w.dilation[d]; i < w.in[d]+w.before[d]+w.after[d] {
					hits++
				}
			}
			n *= hits
		}
		return float64(n)
	}
	return one(plainPool(c, x, &w, shape, func(s, v float64) float64 { return s + v }, func(s float64, pos []int, n int) float64 { return s / count(pos, n) }))
}

// lpPool is LpPool: the p-norm of each window.
func lpPool(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	w, shape := poolWindow(c, in[0])
	p := float64(c.Node.Int("p", 2))
	return one(plainPool(c, in[0], &w, shape,
		func(s, v float64) float64 { return s + math.Pow(math.Abs(v), p) },
		func(s float64, _ []int, _ int) float64 { return math.Pow(s, 1/p) }))
}

// plainPool folds the elements of each window in row-major order, in float64.
func plainPool(c *Call, x *tensor.Tensor, w *window, shape []int, fold func(s, v float64) float64, finish func(s float64, pos []int, n int) float64) *tensor.Tensor {
	r := newResult[float64](c, x.DType(), shape)
	src := load[float64](x)
	area, plane := product(w.out), product(w.in)
	c.each(x.Dim(0)*x.Dim(1), max(1, ordinary/(area*product(w.kernel)+1)), func(lo, hi int) {
		for ch := lo; ch < hi; ch++ {
			pos := make([]int, len(w.out))
			for o := range area {
				s, n := 0.0, 0
				w.inside(pos, func(_, i int) { s = fold(s, src[ch*plane+i]); n++ })
				r.data[ch*area+o] = finish(s, pos, n)
				next(pos, w.out)
			}
		}
	})
	return r.tensor()
}

// overPlanes computes one number from each channel of each image.
func overPlanes(c *Call, x *tensor.Tensor, f func(plane []float32) float32, g func(plane []float64) float64) *tensor.Tensor {
	if x.Rank() < 2 {
		fail("pooling of shape %v", x.Shape())
	}
	shape := []int{x.Dim(0), x.Dim(1)}
	for range x.Shape()[2:] {
		shape = append(shape, 1)
	}
	n, plane := x.Dim(0)*x.Dim(1), product(x.Shape()[2:])
	if x.DType() == tensor.Float32 && f != nil {
		out := c.Alloc(tensor.Float32, shape...)
		dst, src := out.F32(), x.F32()
		c.each(n, max(1, ordinary/(plane+1)), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				dst[i] = f(src[i*plane : (i+1)*plane])
			}
		})
		return out
	}
	r := newResult[float64](c, x.DType(), shape)
	src := load[float64](x)
	for i := range n {
		r.data[i] = g(src[i*plane : (i+1)*plane])
	}
	return r.tensor()
}

// globalAveragePool is GlobalAveragePool; the sum is taken in float64.
func globalAveragePool(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	return one(overPlanes(c, in[0],
		func(p []float32) float32 { return float32(f32.Sum(p) / float64(len(p))) },
		func(p []float64) float64 {
			s := 0.0
			for _, v := range p {
				s += v
			}
			return s / float64(len(p))
		}))
}

// globalMaxPool is GlobalMaxPool.
func globalMaxPool(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	return one(overPlanes(c, in[0], f32.Max, func(p []float64) float64 {
		m := math.Inf(-1)
		for _, v := range p {
			m = maxOf(m, v)
		}
		return m
	}))
}

// globalLpPool is GlobalLpPool: the p-norm of each channel.
func globalLpPool(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	p := float64(c.Node.Int("p", 2))
	return one(overPlanes(c, in[0], nil, func(x []float64) float64 {
		s := 0.0
		for _, v := range x {
			s += math.Pow(math.Abs(v), p)
		}
		return math.Pow(s, 1/p)
	}))
}
