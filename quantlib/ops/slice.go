package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("Slice", 1, 1, slice)
	register("Pad", 1, 1, pad)
	register("CenterCropPad", 18, 2, centerCropPad)
}

// slice is Slice: for each axis the elements start, start+step … before end,
// with Python's meaning of negative and far bounds. Before opset 10 starts,
// ends and axes are attributes.
func slice(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	starts, ends := listArg(c, in, "starts", 1), listArg(c, in, "ends", 2)
	list, by := listArg(c, in, "axes", 3), listArg(c, in, "steps", 4)
	if list == nil {
		for i := range starts {
			list = append(list, int64(i))
		}
	}
	at := axes(list, x.Rank())
	if len(starts) != len(at) || len(ends) != len(at) || by != nil && len(by) != len(at) {
		fail("starts %v, ends %v, axes %v, steps %v", starts, ends, list, by)
	}
	shape, step := append([]int(nil), x.Shape()...), strides(x.Shape())
	offset := 0
	for i, a := range at {
		k := int64(1)
		if by != nil {
			k = by[i]
		}
		first, n := sliceRange(starts[i], ends[i], k, int64(x.Dim(a)))
		shape[a] = n
		offset += first * step[a]
		step[a] *= int(max(-tensor.MaxElements, min(k, tensor.MaxElements)))
	}
	if product(shape) == 0 {
		return one(c.Alloc(x.DType(), shape...))
	}
	return one(viewCopy(c, x, shape, offset, step))
}

// sliceRange is the first element and the count of a slice of n elements.
func sliceRange(start, end, step, n int64) (first, count int) {
	if step == 0 {
		fail("a slice with step 0")
	}
	if start < 0 {
		start += n
	}
	if end < 0 && end > math.MinInt64+n {
		end += n
	}
	if step > 0 {
		start, end = max(0, min(start, n)), max(0, min(end, n))
		if end <= start {
			return 0, 0
		}
		return int(start), int((end-start-1)/step) + 1
	}
	start, end = max(-1, min(start, n-1)), max(-1, min(end, n-1))
	if end >= start || start < 0 {
		return 0, 0
	}
	if step == math.MinInt64 {
		return int(start), 1
	}
	return int(start), int((start-end-1)/-step) + 1
}

// pad is Pad: negative pads cut. Modes constant, reflect (without the edge),
// edge and wrap.
func pad(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	pads := listArg(c, in, "pads", 1)
	value := In(in, 2)
	if c.Opset < 11 {
		if pads == nil {
			pads = c.Node.Ints("paddings")
		}
		if v := c.Node.Float("value", 0); v != 0 {
			value = tensor.New(x.DType())
			store(value, []float64{float64(v)})
		}
	}
	list := integers(In(in, 3))
	if list == nil {
		for i := range x.Rank() {
			list = append(list, int64(i))
		}
	}
	at := axes(list, x.Rank())
	if len(pads) != 2*len(at) {
		fail("pads %v for %d axes", pads, len(at))
	}
	if value != nil && (value.Len() != 1 || value.DType() != x.DType()) {
		fail("padding value is %v %v for %v", value.DType(), value.Shape(), x.DType())
	}
	before := make([]int, x.Rank())
	shape := append([]int(nil), x.Shape()...)
	for i, a := range at {
		lo, hi := pads[i], pads[len(at)+i]
		if lo < -tensor.MaxElements || hi < -tensor.MaxElements || lo > tensor.MaxElements || hi > tensor.MaxElements {
			fail("pads %v", pads)
		}
		before[a] = int(lo)
		if shape[a] += int(lo + hi); shape[a] < 0 {
			fail("pads %v cut more than shape %v has", pads, x.Shape())
		}
	}
	product(shape)
	mode := c.Node.Text("mode", "constant")
	place := func(i, n int) int { // where coordinate i outside 0..n-1 comes from
		if i >= 0 && i < n {
			return i
		}
		switch mode {
		case "constant":
			return -1
		case "edge":
			return max(0, min(i, n-1))
		case "wrap":
			return ((i % n) + n) % n
		case "reflect":
			if n == 1 {
				return 0
			}
			p := 2 * (n - 1)
			i = ((i % p) + p) % p
			return min(i, p-i)
		}
		fail("mode %q", mode)
		return -1
	}
	if mode != "constant" && x.Len() == 0 && product(shape) > 0 {
		fail("nothing to pad %v with", x.Shape())
	}
	return one(padded(c, x, shape, before, place, value))
}

// padded makes a tensor of the given shape whose element at p is x's at
// place(p - before), or value where place is negative in some dimension. Runs
// along the last dimension that come from x as they are, are copied.
func padded(c *Call, x *tensor.Tensor, shape, before []int, place func(i, n int) int, value *tensor.Tensor) *tensor.Tensor {
	d, finish := newCells(c, x.DType(), shape)
	if x.Rank() == 0 {
		d.copy(0, cellsOf(x), 0, 1)
		return finish()
	}
	var fill cells
	if value != nil {
		fill = cellsOf(value)
	}
	src := cellsOf(x)
	last := x.Rank() - 1
	step := strides(x.Shape())
	n, width := shape[last], x.Dim(last)
	lo, hi := max(0, min(before[last], n)), max(0, min(before[last]+width, n)) // the run of x within a row
	hi = max(lo, hi)
	rows := product(shape[:last])
	pos := make([]int, last)
	for r := range rows {
		base := 0
		for i, p := range pos {
			q := place(p-before[i], x.Dim(i))
			if q < 0 {
				base = -1
				break
			}
			base += q * step[i]
		}
		switch at := r * n; {
		case base < 0:
			d.fill(at, n, fill)
		default:
			for j := range n {
				if j == lo && hi > lo {
					d.copy(at+lo, src, base+lo-before[last], hi-lo)
				}
				if j >= lo && j < hi {
					continue
				}
				if q := place(j-before[last], width); q < 0 {
					d.fill(at+j, 1, fill)
				} else {
					d.copy(at+j, src, base+q, 1)
				}
			}
		}
		next(pos, shape[:last])
	}
	return finish()
}

// centerCropPad is CenterCropPad: cuts or pads with zeros so that the middle
// stays.
func centerCropPad(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	want := sizes(integers(in[1]))
	list := c.Node.Ints("axes")
	if list == nil {
		for i := range x.Rank() {
			list = append(list, int64(i))
		}
	}
	at := axes(list, x.Rank())
	if len(at) != len(want) {
		fail("sizes %v for axes %v", want, list)
	}
	shape, before := append([]int(nil), x.Shape()...), make([]int, x.Rank())
	for i, a := range at {
		if n := x.Dim(a); want[i] >= n {
			before[a] = (want[i] - n) / 2
		} else {
			before[a] = -((n - want[i]) / 2)
		}
		shape[a] = want[i]
	}
	zero := func(i, n int) int {
		if i < 0 || i >= n {
			return -1
		}
		return i
	}
	return one(padded(c, x, shape, before, zero, nil))
}
