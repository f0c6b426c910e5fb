package ops

import (
	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("ConvTranspose", 1, 2, widened(convTranspose))
}

// packedTranspose is the key of a transposed convolution's packed weights.
type packedTranspose struct {
	w      *tensor.Tensor
	groups int
}

// PackedBytes is the memory of the packed weights.
func (p packedTranspose) PackedBytes() int {
	in := p.w.Dim(0)
	return p.groups * f32.PackedBytes(p.w.Len()/in, in/p.groups, f32.MR)
}

// transposeWindow is the geometry of a transposed convolution, seen as the
// convolution that maps its output back to its input: in is the spatial shape
// of y, out that of x.
func transposeWindow(c *Call, x, kernel []int) window {
	n := len(x)
	w := window{
		kernel: kernel, stride: perDim(c, "strides", n, 1), dilation: perDim(c, "dilations", n, 1),
		before: make([]int, n), after: make([]int, n), in: make([]int, n), out: x,
	}
	extra := perDim(c, "output_padding", n, 0)
	given := c.Node.Ints("output_shape")
	if len(given) > n {
		given = given[len(given)-n:]
	}
	if given != nil && len(given) != n {
		fail("output_shape %v for %d dimensions", given, n)
	}
	pads := c.Node.Ints("pads")
	if pads != nil && len(pads) != 2*n {
		fail("pads %v for %d dimensions", pads, n)
	}
	auto := c.Node.Text("auto_pad", "NOTSET")
	for i := range n {
		if kernel[i] < 1 || w.stride[i] < 1 || w.dilation[i] < 1 || extra[i] < 0 {
			fail("kernel %v, strides %v, dilations %v, output_padding %v", kernel, w.stride, w.dilation, extra)
		}
		full := w.stride[i]*(x[i]-1) + extra[i] + (kernel[i]-1)*w.dilation[i] + 1
		switch {
		case given != nil:
			w.in[i] = int(given[i])
			w.before[i], w.after[i] = halves(full-w.in[i], auto == "SAME_LOWER")
		case auto == "SAME_UPPER" || auto == "SAME_LOWER":
			total := max(0, full-x[i]*w.stride[i]) // a short kernel leaves the output short
			w.in[i] = full - total
			w.before[i], w.after[i] = halves(total, auto == "SAME_LOWER")
		default:
			if pads != nil && auto != "VALID" {
				w.before[i], w.after[i] = int(pads[i]), int(pads[n+i])
			}
			w.in[i] = full - w.before[i] - w.after[i]
		}
		if w.in[i] < 0 || w.in[i] > tensor.MaxElements {
			fail("transposed convolution of shape %v gives %v", x, w.in)
		}
	}
	return w
}

// convTranspose is ConvTranspose: each input element adds its value times the
// kernel to the output. The products are one matrix product per image and
// group, then added in a fixed order.
func convTranspose(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x, w, b := in[0], in[1], In(in, 2)
	if x.Rank() < 3 || w.Rank() != x.Rank() || x.DType() != w.DType() {
		fail("transposed convolution of %v %v with weights %v %v", x.DType(), x.Shape(), w.DType(), w.Shape())
	}
	if x.DType() != tensor.Float32 && x.DType() != tensor.Float64 {
		unsupported("ConvTranspose of %v", x.DType())
	}
	groups := int(c.Node.Int("group", 1))
	if groups < 1 || x.Dim(1) != w.Dim(0) || x.Dim(1)%groups != 0 {
		fail("input %v does not match weights %v in %d groups", x.Shape(), w.Shape(), groups)
	}
	win := transposeWindow(c, x.Shape()[2:], w.Shape()[2:])
	filters := w.Dim(1) * groups
	if b != nil && b.Len() != filters {
		fail("bias %v for %d filters", b.Shape(), filters)
	}
	shape := append([]int{x.Dim(0), filters}, win.in...)
	product(shape)
	if x.DType() == tensor.Float64 {
		return one(plainTranspose(c, x, w, load64(b), groups, &win, shape))
	}
	out := c.Alloc(tensor.Float32, shape...)
	if out.Len() == 0 {
		return one(out)
	}
	taps, area, plane := product(win.kernel), product(win.out), product(win.in)
	inGroup, rows := x.Dim(1)/groups, w.Dim(1)*taps
	jobs := x.Dim(0) * groups
	size := f32.ScratchLen + rows*area
	scratch := c.Scratch(size * c.partCount(jobs, 1))
	packed := c.Cached(w, packedTranspose{w, groups}, func() any {
		list := make(packedList, groups)
		for g := range list {
			list[g] = f32.PackA(w.F32()[g*inGroup*rows:], rows, inGroup, 1, rows)
		}
		return list
	}).(packedList)
	c.parts(jobs, 1, func(p, lo, hi int) {
		cols := scratch[p*size+f32.ScratchLen : (p+1)*size]
		for job := lo; job < hi; job++ {
			g := job % groups
			m := f32.Gemm{M: rows, N: area, K: inGroup, A: f32.Operand{Packed: packed[g]}, B: operand(x.F32()[job*inGroup*area:], area, inGroup, false)}
			c.product(&m, cols, area, scratch[p*size:][:f32.ScratchLen])
			for f := range w.Dim(1) {
				dst := out.F32()[(job*w.Dim(1)+f)*plane:][:plane]
				bias := float32(0)
				if b != nil {
					bias = b.F32()[g*w.Dim(1)+f]
				}
				for i := range dst {
					dst[i] = bias
				}
				win.spread(dst, cols[f*taps*area:(f+1)*taps*area])
			}
		}
	})
	return one(out)
}

// spread adds src, [taps, positions], to the places in an image that the window's
// taps lie on, tap by tap; what lies outside is left out.
func (w *window) spread(dst, src []float32) {
	last := len(w.out) - 1
	n := w.out[last]
	tap, pos := make([]int, len(w.kernel)), make([]int, last)
	for len(src) > 0 {
		// Positions o0..o1 of a row lie on the image: 0 <= o·stride+x0 < width.
		x0 := tap[last]*w.dilation[last] - w.before[last]
		o0, o1 := 0, n
		if x0 < 0 {
			o0 = min(n, (-x0+w.stride[last]-1)/w.stride[last])
		}
		if room := w.in[last] - x0; room <= 0 {
			o1 = 0
		} else {
			o1 = min(n, (room+w.stride[last]-1)/w.stride[last])
		}
		clear(pos)
		for range product(w.out[:last]) {
			row, inside := 0, true
			for d, o := range pos {
				i := o*w.stride[d] - w.before[d] + tap[d]*w.dilation[d]
				inside = inside && i >= 0 && i < w.in[d]
				row = row*w.in[d] + i
			}
			if inside {
				at := row*w.in[last] + x0
				for o := o0; o < o1; o++ {
					dst[at+o*w.stride[last]] += src[o]
				}
			}
			src = src[n:]
			next(pos, w.out[:last])
		}
		next(tap, w.kernel)
	}
}

// plainTranspose is convTranspose in float64.
func plainTranspose(c *Call, x, w *tensor.Tensor, bias []float64, groups int, win *window, shape []int) *tensor.Tensor {
	r := newResult[float64](c, tensor.Float64, shape)
	src, weights := load[float64](x), load[float64](w)
	filters, taps, area, plane := w.Dim(1), product(win.kernel), product(win.out), product(win.in)
	inGroup := x.Dim(1) / groups
	c.each(x.Dim(0)*groups*filters, 1, func(lo, hi int) {
		for job := lo; job < hi; job++ {
			image, g, f := job/filters/groups, job/filters%groups, job%filters
			dst := r.data[job*plane : (job+1)*plane]
			for i := range dst {
				dst[i] = 0
				if bias != nil {
					dst[i] = bias[g*filters+f]
				}
			}
			pos := make([]int, len(win.out))
			for o := range area {
				win.inside(pos, func(tap, at int) {
					for ch := range inGroup {
						in := g*inGroup + ch
						dst[at] += src[(image*x.Dim(1)+in)*area+o] * weights[(in*filters+f)*taps+tap]
					}
				})
				next(pos, win.out)
			}
		}
	})
	return r.tensor()
}
