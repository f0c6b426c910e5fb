package ops

import "github.com/quantnb/quantnb/quantlib/tensor"

// A window is how the taps of a convolution or pooling move over the spatial
// dimensions of an image.
type window struct {
	in, kernel, stride, dilation, before, after, out []int
	ceil                                             bool
}

// newWindow reads strides, dilations, pads, auto_pad and ceil_mode; out is
// (in + before + after - ((kernel-1)·dilation + 1)) / stride + 1, rounded down,
// or up with ceil_mode, where no window may start behind the image and the
// padding before it.
func newWindow(c *Call, in, kernel []int) window {
	n := len(in)
	if len(kernel) != n {
		fail("kernel %v for spatial dimensions %v", kernel, in)
	}
	w := window{
		in: in, kernel: kernel, stride: perDim(c, "strides", n, 1), dilation: perDim(c, "dilations", n, 1),
		before: make([]int, n), after: make([]int, n), out: make([]int, n), ceil: c.Node.Int("ceil_mode", 0) != 0,
	}
	for i := range n {
		if kernel[i] < 1 || w.stride[i] < 1 || w.dilation[i] < 1 {
			fail("kernel %v, strides %v, dilations %v", kernel, w.stride, w.dilation)
		}
	}
	auto := c.Node.Text("auto_pad", "NOTSET")
	switch auto {
	case "NOTSET", "":
		if p := c.Node.Ints("pads"); p != nil {
			if len(p) != 2*n {
				fail("pads %v for %d dimensions", p, n)
			}
			for i := range n {
				w.before[i], w.after[i] = int(p[i]), int(p[n+i])
				if p[i] < 0 || p[n+i] < 0 || p[i] > 1<<30 || p[n+i] > 1<<30 {
					fail("pads %v", p)
				}
			}
		}
	case "VALID":
	case "SAME_UPPER", "SAME_LOWER":
		for i := range n {
			span := (kernel[i]-1)*w.dilation[i] + 1
			out := (in[i] + w.stride[i] - 1) / w.stride[i]
			w.before[i], w.after[i] = halves(max(0, (out-1)*w.stride[i]+span-in[i]), auto == "SAME_LOWER")
		}
	default:
		fail("auto_pad %q", auto)
	}
	for i := range n {
		span := (kernel[i]-1)*w.dilation[i] + 1
		room := in[i] + w.before[i] + w.after[i] - span
		if room < 0 {
			continue // out is 0
		}
		w.out[i] = room/w.stride[i] + 1
		if w.ceil && auto != "SAME_UPPER" && auto != "SAME_LOWER" {
			w.out[i] = (room+w.stride[i]-1)/w.stride[i] + 1
			if (w.out[i]-1)*w.stride[i] >= in[i]+w.before[i] {
				w.out[i]--
			}
		}
	}
	return w
}

// halves splits padding in two, the odd one in front if lower is set.
func halves(total int, lower bool) (before, after int) {
	if lower {
		return total - total/2, total / 2
	}
	return total / 2, total - total/2
}

// perDim is an attribute with a number for each of n dimensions.
func perDim(c *Call, name string, n, def int) []int {
	out := make([]int, n)
	list := c.Node.Ints(name)
	if list != nil && len(list) != n {
		fail("%s %v for %d spatial dimensions", name, list, n)
	}
	for i := range out {
		out[i] = def
		if list != nil {
			out[i] = int(list[i])
			if list[i] > 1<<30 || list[i] < -(1<<30) {
				fail("%s %v", name, list)
			}
		}
	}
	return out
}

// inside calls f for each tap that lies inside the image when the window is at
// output position pos, with the tap's row-major place in the kernel and the
// element's in the image.
func (w *window) inside(pos []int, f func(tap, at int)) {
	n := len(w.in)
	var walk func(d, tap, at int)
	walk = func(d, tap, at int) {
		if d == n {
			f(tap, at)
			return
		}
		start := pos[d]*w.stride[d] - w.before[d]
		for k := range w.kernel[d] {
			if i := start + k*w.dilation[d]; i >= 0 && i < w.in[d] {
				walk(d+1, tap*w.kernel[d]+k, at*w.in[d]+i)
			}
		}
	}
	walk(0, 0, 0)
}

// next moves pos to the next row-major position of dims.
func next(pos, dims []int) {
	for i := len(pos) - 1; i >= 0; i-- {
		pos[i]++
		if pos[i] < dims[i] {
			return
		}
		pos[i] = 0
	}
}

// position is the row-major place i of dims as coordinates.
func position(i int, dims []int) []int {
	pos := make([]int, len(dims))
	for d := len(dims) - 1; d >= 0; d-- {
		pos[d] = i % dims[d]
		i /= dims[d]
	}
	return pos
}

// widened makes k, which knows float32, serve float16 and bfloat16 too: inputs
// of the first input's type are widened, and outputs rounded once at the end.
func widened(k kernel) kernel {
	return func(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
		if len(in) == 0 || in[0] == nil {
			return k(c, in)
		}
		dt := in[0].DType()
		if dt != tensor.Float16 && dt != tensor.BFloat16 {
			return k(c, in)
		}
		wide := func(t *tensor.Tensor) *tensor.Tensor {
			if t == nil || t.DType() != dt {
				return t
			}
			return tensor.Of(load[float32](t), t.Shape()...)
		}
		args := make([]*tensor.Tensor, len(in))
		for i, t := range in {
			args[i] = wide(t)
		}
		inner := *c
		inner.Epilogue.Residual = wide(c.Epilogue.Residual)
		inner.Grid = nil
		out := k(&inner, args)
		for i, t := range out {
			if t != nil && t.DType() == tensor.Float32 {
				n := c.Alloc(dt, t.Shape()...)
				store(n, t.F32())
				out[i] = n
			}
		}
		return out
	}
}
