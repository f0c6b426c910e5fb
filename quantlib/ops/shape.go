package ops

import (
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("Identity", 1, 1, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return one(in[0]) })
	register("Reshape", 1, 1, reshape)
	register("Flatten", 1, 1, flatten)
	register("Squeeze", 1, 1, squeeze)
	register("Unsqueeze", 1, 1, unsqueeze)
	register("Shape", 1, 1, shapeOf)
	register("Size", 1, 1, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
		return one(tensor.Scalar(int64(in[0].Len())))
	})
	register("Transpose", 1, 1, transpose)
	register("Expand", 8, 2, expand)
	register("Tile", 6, 2, tile)
	register("DepthToSpace", 1, 1, depthToSpace)
	register("SpaceToDepth", 1, 1, spaceToDepth)
	register("Concat", 1, 1, concat)
	register("Split", 2, 1, split)
}

// reshape is Reshape, a view: 0 keeps a dimension (unless allowzero), one -1
// takes what is left.
func reshape(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	want := listArg(c, in, "shape", 1)
	shape := make([]int, len(want))
	free, known := -1, 1
	for i, d := range want {
		switch {
		case d == 0 && c.Node.Int("allowzero", 0) == 0:
			if i >= x.Rank() {
				fail("shape %v keeps dimension %d of %v", want, i, x.Shape())
			}
			shape[i] = x.Dim(i)
		case d == -1:
			if free >= 0 {
				fail("shape %v has two free dimensions", want)
			}
			free = i
			continue
		case d < 0 || d > tensor.MaxElements:
			fail("dimension %d in shape %v", d, want)
		default:
			shape[i] = int(d)
		}
		known *= shape[i]
		if known > tensor.MaxElements {
			fail("shape %v is too large", want)
		}
	}
	if free >= 0 {
		if known == 0 || x.Len()%known != 0 {
			fail("shape %v does not fit %v", want, x.Shape())
		}
		shape[free] = x.Len() / known
	}
	if product(shape) != x.Len() {
		fail("shape %v does not fit %v", want, x.Shape())
	}
	return one(x.Reshape(shape...))
}

// flatten is Flatten: a matrix whose rows hold the dimensions from axis on.
func flatten(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	at := c.Node.Int("axis", 1)
	if at < 0 {
		at += int64(x.Rank())
	}
	if at < 0 || at > int64(x.Rank()) {
		fail("axis %d of rank %d", at, x.Rank())
	}
	return one(x.Reshape(product(x.Shape()[:at]), product(x.Shape()[at:])))
}

// squeeze is Squeeze: drops the named dimensions, or all of size 1.
func squeeze(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	drop := make([]bool, x.Rank())
	if list := listArg(c, in, "axes", 1); list != nil {
		for _, a := range axes(list, x.Rank()) {
			if x.Dim(a) != 1 {
				fail("dimension %d of %v is not 1", a, x.Shape())
			}
			drop[a] = true
		}
	} else {
		for i, n := range x.Shape() {
			drop[i] = n == 1
		}
	}
	var shape []int
	for i, n := range x.Shape() {
		if !drop[i] {
			shape = append(shape, n)
		}
	}
	return one(x.Reshape(shape...))
}

// unsqueeze is Unsqueeze: axes are places in the result.
func unsqueeze(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	list := listArg(c, in, "axes", 1)
	shape := make([]int, x.Rank()+len(list))
	for _, a := range axes(list, len(shape)) {
		shape[a] = 1
	}
	rest := x.Shape()
	for i := range shape {
		if shape[i] == 0 {
			shape[i], rest = rest[0], rest[1:]
			if shape[i] == 0 {
				shape[i] = -1 // a real zero, not a free place
			}
		}
	}
	for i := range shape {
		shape[i] = max(shape[i], 0)
	}
	return one(x.Reshape(shape...))
}

// shapeOf is Shape: the dimensions start..end.
func shapeOf(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	shape := in[0].Shape()
	n := int64(len(shape))
	bound := func(name string, def int64) int64 {
		v := c.Node.Int(name, def)
		if v < 0 {
			v += n
		}
		return max(0, min(v, n))
	}
	lo, hi := bound("start", 0), bound("end", n)
	out := c.Alloc(tensor.Int64, int(max(0, hi-lo)))
	for i := range out.I64() {
		out.I64()[i] = int64(shape[int(lo)+i])
	}
	return one(out)
}

// transpose is Transpose: output dimension i is input dimension perm[i];
// without perm the order is reversed.
func transpose(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	n := x.Rank()
	perm := make([]int, n)
	if list := c.Node.Ints("perm"); list != nil {
		if len(list) != n {
			fail("perm %v for shape %v", list, x.Shape())
		}
		perm = axes(list, n)
	} else {
		for i := range perm {
			perm[i] = n - 1 - i
		}
	}
	return one(transposed(c, x, perm))
}

func transposed(c *Call, x *tensor.Tensor, perm []int) *tensor.Tensor {
	own := strides(x.Shape())
	shape, step := make([]int, len(perm)), make([]int, len(perm))
	last, moved := -1, false
	for i, p := range perm {
		shape[i], step[i] = x.Dim(p), own[p]
		if shape[i] != 1 {
			moved = moved || p < last
			last = p
		}
	}
	if !moved {
		return x.Reshape(shape...) // dimensions of size 1 only
	}
	return viewCopy(c, x, shape, 0, step)
}

// expand is Expand: x and the given shape broadcast to each other.
func expand(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	shape := broadcastShape(in[0].Shape(), sizes(integers(in[1])))
	product(shape)
	return one(stretch(c, in[0], shape))
}

// tile is Tile: x repeated along each dimension.
func tile(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	repeats := sizes(integers(in[1]))
	if len(repeats) != x.Rank() {
		fail("repeats %v for shape %v", repeats, x.Shape())
	}
	own := strides(x.Shape())
	var shape, dims, step []int
	for i, n := range x.Shape() {
		shape = append(shape, n*repeats[i])
		dims = append(dims, repeats[i], n)
		step = append(step, 0, own[i])
	}
	product(shape)
	return one(viewCopy(c, x, dims, 0, step).Reshape(shape...))
}

// depthToSpace is DepthToSpace: blocks of channels become blocks of pixels.
func depthToSpace(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	rank(x, "input", 4)
	b := int(c.Node.Int("blocksize", 0))
	n, ch, h, w := x.Dim(0), x.Dim(1), x.Dim(2), x.Dim(3)
	if b < 1 || ch%(b*b) != 0 {
		fail("blocksize %d for shape %v", b, x.Shape())
	}
	d := ch / (b * b)
	var y *tensor.Tensor
	if c.Node.Text("mode", "DCR") == "CRD" {
		y = transposed(c, x.Reshape(n, d, b, b, h, w), []int{0, 1, 4, 2, 5, 3})
	} else {
		y = transposed(c, x.Reshape(n, b, b, d, h, w), []int{0, 3, 4, 1, 5, 2})
	}
	return one(y.Reshape(n, d, h*b, w*b))
}

// spaceToDepth is SpaceToDepth: blocks of pixels become blocks of channels.
func spaceToDepth(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	rank(x, "input", 4)
	b := int(c.Node.Int("blocksize", 0))
	n, ch, h, w := x.Dim(0), x.Dim(1), x.Dim(2), x.Dim(3)
	if b < 1 || h%b != 0 || w%b != 0 {
		fail("blocksize %d for shape %v", b, x.Shape())
	}
	y := transposed(c, x.Reshape(n, ch, h/b, b, w/b, b), []int{0, 3, 5, 1, 2, 4})
	return one(y.Reshape(n, ch*b*b, h/b, w/b))
}

// concat is Concat: joins tensors along an axis.
func concat(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	first := in[0]
	if first.Rank() == 0 {
		fail("concatenation of scalars")
	}
	at := axis(c.Node.Int("axis", 1), first.Rank())
	shape := append([]int(nil), first.Shape()...)
	shape[at] = 0
	for i, t := range in {
		if t == nil || t.DType() != first.DType() || t.Rank() != first.Rank() {
			fail("input %d does not match %v %v", i, first.DType(), first.Shape())
		}
		for d, n := range t.Shape() {
			if d != at && n != first.Dim(d) {
				fail("shape %v does not join %v along axis %d", t.Shape(), first.Shape(), at)
			}
		}
		shape[at] += t.Dim(at)
	}
	d, finish := newCells(c, first.DType(), shape)
	outer := product(shape[:at])
	row := product(shape[at:])
	offset := 0
	for _, t := range in {
		n := product(t.Shape()[at:])
		src := cellsOf(t)
		for o := range outer {
			d.copy(o*row+offset, src, o*n, n)
		}
		offset += n
	}
	return one(finish())
}

// split is Split: parts along an axis, of the given sizes (an attribute before
// opset 13), or equal ones, the last smaller from opset 18 on.
func split(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	at := axis(c.Node.Int("axis", 0), x.Rank())
	count := len(c.Node.Outputs)
	n := x.Dim(at)
	var list []int
	if given := listArg(c, in, "split", 1); given != nil {
		list = sizes(given)
	} else {
		each := (n + count - 1) / count
		for i := range count {
			list = append(list, max(0, min(each, n-i*each)))
		}
	}
	total := 0
	for _, v := range list {
		total += v
	}
	if total != n || len(list) != count {
		fail("parts %v of dimension %d for %d outputs", list, n, count)
	}
	out := make([]*tensor.Tensor, count)
	step := strides(x.Shape())
	offset := 0
	for i, v := range list {
		if c.Wants(i) {
			shape := append([]int(nil), x.Shape()...)
			shape[at] = v
			out[i] = viewCopy(c, x, shape, offset*step[at], step)
		}
		offset += v
	}
	return out
}
