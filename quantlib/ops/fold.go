package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("Col2Im", 18, 3, widened(col2Im))
	register("MaxUnpool", 9, 2, maxUnpool)
	register("Det", 11, 1, det)
	register("OptionalHasElement", 15, 0, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return one(boolScalar(In(in, 0) != nil)) })
	register("OptionalGetElement", 15, 1, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return one(in[0]) })
}

// col2Im is Col2Im: the columns of a sliding window, [batch, channels·taps,
// positions], added back into the image.
func col2Im(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	rank(x, "input", 3)
	image, block := sizes(integers(in[1])), sizes(integers(in[2]))
	win := newWindow(c, image, block)
	taps, area, plane := product(block), product(win.out), product(image)
	if taps == 0 || x.Dim(1)%taps != 0 || x.Dim(2) != area {
		fail("columns of shape %v for image %v, block %v", x.Shape(), image, block)
	}
	channels := x.Dim(1) / taps
	r := newResult[float64](c, x.DType(), append([]int{x.Dim(0), channels}, image...))
	clear(r.data)
	src := load[float64](x)
	for i := range x.Dim(0) * channels {
		pos := make([]int, len(win.out))
		for o := range area {
			win.inside(pos, func(tap, at int) { r.data[i*plane+at] += src[(i*taps+tap)*area+o] })
			next(pos, win.out)
		}
	}
	return one(r.tensor())
}

// maxUnpool is MaxUnpool: puts each element where indices, as MaxPool gives
// them, say; zeros elsewhere. With an output_shape the indices are places in
// the tensor of the shape that the kernel implies, laid into its corner.
func maxUnpool(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x, indices := in[0], in[1]
	kernel := sizes(c.Node.Ints("kernel_shape"))
	n := len(kernel)
	if x.Rank() != n+2 || !tensor.SameShape(x.Shape(), indices.Shape()) {
		fail("input %v, indices %v, kernel %v", x.Shape(), indices.Shape(), kernel)
	}
	stride := perDim(c, "strides", n, 1)
	pads := perDim(c, "pads", 2*n, 0)
	implied := append([]int(nil), x.Shape()[:2]...)
	for i := range n {
		implied = append(implied, max(0, (x.Dim(i+2)-1)*stride[i]+kernel[i]-pads[i]-pads[n+i]))
	}
	shape := implied
	if t := In(in, 2); t != nil {
		if shape = sizes(integers(t)); len(shape) != len(implied) {
			fail("output_shape %v for %v", shape, implied)
		}
	}
	step, total := strides(shape), product(implied)
	from := make([]int, product(shape))
	for i := range from {
		from[i] = -1
	}
	for i, v := range integers(indices) {
		at := 0
		for d, p := range position(index(v, total), implied) {
			if p >= shape[d] {
				fail("index %d lies outside %v", v, shape)
			}
			at += p * step[d]
		}
		from[at] = i
	}
	return one(gather(c, x, shape, from, nil))
}

// det is Det: the determinant of each matrix, by elimination with the greatest
// pivot, in float64.
func det(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	if x.Rank() < 2 || x.Dim(-1) != x.Dim(-2) {
		fail("determinant of shape %v", x.Shape())
	}
	n := x.Dim(-1)
	r := newResult[float64](c, x.DType(), x.Shape()[:x.Rank()-2])
	src := load[float64](x)
	a := make([]float64, n*n)
	for i := range r.data {
		copy(a, src[i*n*n:(i+1)*n*n])
		r.data[i] = eliminate(a, n)
	}
	return one(r.tensor())
}

func eliminate(a []float64, n int) float64 {
	d := 1.0
	for k := range n {
		p := k
		for i := k + 1; i < n; i++ {
			if math.Abs(a[i*n+k]) > math.Abs(a[p*n+k]) {
				p = i
			}
		}
		if a[p*n+k] == 0 {
			return 0
		}
		if p != k {
			d = -d
			for j := range n {
				a[p*n+j], a[k*n+j] = a[k*n+j], a[p*n+j]
			}
		}
		d *= a[k*n+k]
		for i := k + 1; i < n; i++ {
			f := a[i*n+k] / a[k*n+k]
			for j := k; j < n; j++ {
				a[i*n+j] -= f * a[k*n+j]
			}
		}
	}
	return d
}
