package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("MatMulInteger", 10, 2, matMulInteger)
	register("ConvInteger", 10, 2, convInteger)
	register("QLinearMatMul", 10, 8, qlinearMatMul)
	register("QLinearConv", 10, 8, qlinearConv)
}

// centered is the codes of x less their zero point, which is one number or, for
// each place along the given dimension, one.
func centered(x, zero *tensor.Tensor, dim int) []int64 {
	src := load[int64](x)
	if zero == nil {
		return src
	}
	out := make([]int64, len(src))
	z := load[int64](zero)
	if len(z) == 1 {
		for i, v := range src {
			out[i] = v - z[0]
		}
		return out
	}
	if dim < 0 {
		dim += x.Rank()
	}
	if dim < 0 || dim >= x.Rank() {
		fail("zero point of shape %v for %v", zero.Shape(), x.Shape())
	}
	run, n := product(x.Shape()[dim+1:]), x.Dim(dim)
	switch {
	case zero.Rank() <= 1 && len(z) == n:
		for i, v := range src {
			out[i] = v - z[i/run%n]
		}
	case zero.Rank() == x.Rank(): // per row or column of each matrix of a batch
		s := broadcastSteps(zero.Shape(), x.Shape())
		pos := make([]int, x.Rank())
		for i, v := range src {
			at := 0
			for d, p := range pos {
				at += p * s[d]
			}
			out[i] = v - z[at]
			next(pos, x.Shape())
		}
	default:
		fail("zero point of shape %v for %v", zero.Shape(), x.Shape())
	}
	return out
}

// wholeProduct is the product of (a - zeroA) and (b - zeroB) in integers, exact.
func wholeProduct(c *Call, a, b, zeroA, zeroB *tensor.Tensor) (sums []int64, shape []int, m, n int) {
	batch, shape, m, n, k := matShape(a.Shape(), b.Shape())
	sums = make([]int64, product(shape))
	integerProduct(c, sums, centered(a, zeroA, -2), centered(b, zeroB, -1), batchPlaces(a.Shape(), b.Shape(), batch, m*k, k*n), m, n, k)
	return sums, shape, m, n
}

// matMulInteger is MatMulInteger: (A-a_zero)·(B-b_zero) in int32.
func matMulInteger(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	sums, shape, _, _ := wholeProduct(c, in[0], in[1], In(in, 2), In(in, 3))
	out := c.Alloc(tensor.Int32, shape...)
	store(out, sums)
	return one(out)
}

// convInteger is ConvInteger: Conv on codes less their zero points, in int32;
// padding stands for the zero point.
func convInteger(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	sums, shape := wholeConv(c, in[0], in[1], In(in, 2), In(in, 3))
	out := c.Alloc(tensor.Int32, shape...)
	store(out, sums)
	return one(out)
}

func wholeConv(c *Call, x, w, zeroX, zeroW *tensor.Tensor) ([]int64, []int) {
	groups, win := convShape(c, x, w)
	shape := append([]int{x.Dim(0), w.Dim(0)}, win.out...)
	sums := make([]int64, product(shape))
	src, weights := centered(x, zeroX, 1), centered(w, zeroW, 0)
	if !integerConv(c, sums, src, weights, x.Dim(0), x.Dim(1), w.Dim(0), groups, &win) {
		plainConv(c, sums, src, weights, x.Dim(0), x.Dim(1), w.Dim(0), groups, &win)
	}
	return sums, shape
}

// requantize stores clamp(even(sum·scale) + zero).
func requantize(out *tensor.Tensor, sums []int64, scale func(i int) float64, zero *tensor.Tensor) {
	lo, hi := codeRange(out.DType())
	z := scalar(zero, 0)
	for i, v := range sums {
		sums[i] = int64(clamp(math.RoundToEven(float64(v)*scale(i))+z, lo, hi))
	}
	store(out, sums)
}

// qlinearMatMul is QLinearMatMul: the product of codes, requantized to the
// output's scale; scales may be per row of A and per column of B.
func qlinearMatMul(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	a, sa, za, b, sb, zb, sy, zy := in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7]
	sums, shape, m, n := wholeProduct(c, a, b, za, zb)
	rows, cols, y := load[float64](sa), load[float64](sb), scalar(sy, 1)
	if len(rows) != 1 && len(rows) != m || len(cols) != 1 && len(cols) != n {
		unsupported("QLinearMatMul with scales of shapes %v and %v", sa.Shape(), sb.Shape())
	}
	out := c.Alloc(zy.DType(), shape...)
	requantize(out, sums, func(i int) float64 { return rows[i/n%m%len(rows)] * cols[i%n%len(cols)] / y }, zy)
	return one(out)
}

// qlinearConv is QLinearConv: the convolution of codes plus an int32 bias of
// scale s_x·s_w, requantized to the output's scale; the weights' scale may be
// per filter.
func qlinearConv(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x, sx, zx, w, sw, zw, sy, zy := in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7]
	sums, shape := wholeConv(c, x, w, zx, zw)
	filters, area := shape[1], product(shape[2:])
	if b := In(in, 8); b != nil {
		if b.Len() != filters {
			fail("bias %v for %d filters", b.Shape(), filters)
		}
		bias := load[int64](b)
		for i := range sums {
			sums[i] += bias[i/area%filters]
		}
	}
	scales, s := load[float64](sw), scalar(sx, 1)/scalar(sy, 1)
	if len(scales) != 1 && len(scales) != filters {
		fail("weight scale of shape %v for %d filters", sw.Shape(), filters)
	}
	out := c.Alloc(zy.DType(), shape...)
	requantize(out, sums, func(i int) float64 { return s * scales[i/area%filters%len(scales)] }, zy)
	return one(out)
}
