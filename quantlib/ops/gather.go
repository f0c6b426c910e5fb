package ops

import (
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("Gather", 1, 2, gatherOp)
	register("GatherElements", 11, 2, gatherElements)
	register("GatherND", 11, 2, gatherND)
	register("Scatter", 9, 3, scatterElements)
	register("ScatterElements", 11, 3, scatterElements)
	register("ScatterND", 11, 3, scatterND)
	register("Compress", 9, 2, compress)
	register("ReverseSequence", 10, 2, reverseSequence)
	register("OneHot", 9, 3, oneHot)
	register("TensorScatter", 24, 2, tensorScatter)
}

// index is i as a place in a dimension of n elements, negative ones counted
// from the end.
func index(i int64, n int) int {
	if i < int64(-n) || i >= int64(n) {
		fail("index %d in a dimension of %d", i, n)
	}
	if i < 0 {
		i += int64(n)
	}
	return int(i)
}

// gatherOp is Gather: slices of x along an axis, chosen by indices.
func gatherOp(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	at := axis(c.Node.Int("axis", 0), x.Rank())
	var shape []int
	shape = append(append(append(shape, x.Shape()[:at]...), in[1].Shape()...), x.Shape()[at+1:]...)
	d, finish := newCells(c, x.DType(), shape)
	n, run := x.Dim(at), product(x.Shape()[at+1:])
	src, indices := cellsOf(x), integers(in[1])
	places := make([]int, len(indices))
	for i, v := range indices {
		places[i] = index(v, n)
	}
	to := 0
	for o := range product(x.Shape()[:at]) {
		for _, p := range places {
			d.copy(to, src, (o*n+p)*run, run)
			to += run
		}
	}
	return one(finish())
}

// elementPlaces is, for each element of indices, where in a tensor of the given
// shape it points along an axis.
func elementPlaces(shape []int, indices *tensor.Tensor, at int) []int {
	if indices.Rank() != len(shape) {
		fail("indices of shape %v for %v", indices.Shape(), shape)
	}
	for d, n := range indices.Shape() {
		if d != at && n > shape[d] {
			fail("indices of shape %v for %v", indices.Shape(), shape)
		}
	}
	step := strides(shape)
	pos := make([]int, len(shape))
	places := make([]int, indices.Len())
	for i, v := range integers(indices) {
		for d, p := range pos {
			if d == at {
				p = index(v, shape[at])
			}
			places[i] += p * step[d]
		}
		next(pos, indices.Shape())
	}
	return places
}

// gatherElements is GatherElements: y[…i…] = x[…indices[…i…]…].
func gatherElements(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	at := axis(c.Node.Int("axis", 0), in[0].Rank())
	return one(gather(c, in[0], in[1].Shape(), elementPlaces(in[0].Shape(), in[1], at), nil))
}

// tuplePlaces is, for each last-dimension tuple of indices, where in a tensor
// of the given shape, after batch dimensions, its slice begins, and how long a
// slice is.
func tuplePlaces(shape []int, indices *tensor.Tensor, batch int) (places []int, run int) {
	k := 0
	if indices.Rank() > 0 {
		k = indices.Dim(-1)
	}
	if indices.Rank() <= batch || batch < 0 || batch+k > len(shape) {
		fail("indices of shape %v for %v with %d batch dimensions", indices.Shape(), shape, batch)
	}
	for d := range batch {
		if indices.Dim(d) != shape[d] {
			fail("indices of shape %v for %v with %d batch dimensions", indices.Shape(), shape, batch)
		}
	}
	list := integers(indices)
	step := strides(shape)
	run = product(shape[batch+k:])
	places = make([]int, product(indices.Shape()[:indices.Rank()-1]))
	per := len(places) / max(1, product(shape[:batch]))
	for i := range places {
		if batch > 0 {
			places[i] = i / per * product(shape[batch:])
		}
		for j := range k {
			places[i] += index(list[i*k+j], shape[batch+j]) * step[batch+j]
		}
	}
	return places, run
}

// gatherND is GatherND: slices of x chosen by tuples of indices.
func gatherND(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x, indices := in[0], in[1]
	batch := int(c.Node.Int("batch_dims", 0))
	places, run := tuplePlaces(x.Shape(), indices, batch)
	shape := append([]int(nil), indices.Shape()[:indices.Rank()-1]...)
	shape = append(shape, x.Shape()[batch+indices.Dim(-1):]...)
	d, finish := newCells(c, x.DType(), shape)
	src := cellsOf(x)
	for i, p := range places {
		d.copy(i*run, src, p, run)
	}
	return one(finish())
}

// scatterInto writes runs of updates into a copy of x at the given places, or
// folds them in with a reduction, in order.
func scatterInto(c *Call, x, updates *tensor.Tensor, places []int, run int) *tensor.Tensor {
	if updates.DType() != x.DType() || updates.Len() != len(places)*run {
		fail("updates are %v %v for %v", updates.DType(), updates.Shape(), x.DType())
	}
	mode := c.Node.Text("reduction", "none")
	if mode == "none" {
		d, finish := newCells(c, x.DType(), x.Shape())
		src := cellsOf(updates)
		d.copy(0, cellsOf(x), 0, x.Len())
		for i, p := range places {
			d.copy(p, src, i*run, run)
		}
		return finish()
	}
	a, ok := map[string]arithmetic{"add": adding, "mul": multiplying, "max": greatest, "min": least}[mode]
	if !ok {
		fail("reduction %q", mode)
	}
	switch dt := x.DType(); {
	case dt == tensor.Float64:
		return scatterFold(c, x, updates, places, run, a.f64)
	case dt.IsFloat():
		return scatterFold(c, x, updates, places, run, a.f32)
	case signed(dt):
		return scatterFold(c, x, updates, places, run, a.i64)
	default:
		return scatterFold(c, x, updates, places, run, a.u64)
	}
}

func scatterFold[T wide](c *Call, x, updates *tensor.Tensor, places []int, run int, f func(a, b T) T) *tensor.Tensor {
	r := newResult[T](c, x.DType(), x.Shape())
	copy(r.data, load[T](x))
	src := load[T](updates)
	for i, p := range places {
		for k := range run {
			r.data[p+k] = f(r.data[p+k], src[i*run+k])
		}
	}
	return r.tensor()
}

// scatterElements is ScatterElements: y is x but for y[…indices[…i…]…] =
// updates[…i…].
func scatterElements(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	at := axis(c.Node.Int("axis", 0), in[0].Rank())
	return one(scatterInto(c, in[0], in[2], elementPlaces(in[0].Shape(), in[1], at), 1))
}

// scatterND is ScatterND: y is x but for the slices that tuples of indices
// choose.
func scatterND(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	places, run := tuplePlaces(in[0].Shape(), in[1], 0)
	return one(scatterInto(c, in[0], in[2], places, run))
}

// compress is Compress: the slices along an axis (elements of the flattened
// tensor without one) where the condition holds.
func compress(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	at := 0
	if a := c.Node.Attr("axis"); a != nil {
		at = axis(a.I, x.Rank())
	} else {
		x = x.Reshape(x.Len())
	}
	var keep []int64
	for i, v := range load[int64](in[1]) {
		if v != 0 && i < x.Dim(at) {
			keep = append(keep, int64(i))
		}
	}
	inner := *c
	n := *c.Node
	n.Attrs = []graph.Attr{graph.IntAttr("axis", int64(at))}
	inner.Node = &n
	return gatherOp(&inner, []*tensor.Tensor{x, tensor.Of(keep, len(keep))})
}

// reverseSequence is ReverseSequence: reverses the first sequence_lens[b]
// entries along the time axis of each batch entry b.
func reverseSequence(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	batch, time := axis(c.Node.Int("batch_axis", 1), x.Rank()), axis(c.Node.Int("time_axis", 0), x.Rank())
	lens := integers(in[1])
	if len(lens) != x.Dim(batch) {
		fail("%d lengths for a batch of %d", len(lens), x.Dim(batch))
	}
	step := strides(x.Shape())
	from := make([]int, x.Len())
	pos := make([]int, x.Rank())
	for i := range from {
		n := int(lens[pos[batch]])
		if n > x.Dim(time) || n < 0 {
			fail("length %d of a time axis of %d", n, x.Dim(time))
		}
		from[i] = i
		if t := pos[time]; t < n {
			from[i] += (n - 1 - 2*t) * step[time]
		}
		next(pos, x.Shape())
	}
	return one(gather(c, x, x.Shape(), from, nil))
}

// oneHot is OneHot: a new axis of the given depth with the on value at the
// index and the off value elsewhere; indices outside -depth..depth-1 give no
// on value.
func oneHot(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	depth := int(scalar(in[1], 0))
	values := in[2]
	if depth < 0 || values.Len() != 2 {
		fail("depth %d, %d values", depth, values.Len())
	}
	x := in[0]
	at := axis(c.Node.Int("axis", -1), x.Rank()+1)
	shape := append([]int(nil), x.Shape()[:at]...)
	shape = append(append(shape, depth), x.Shape()[at:]...)
	product(shape)
	inner := product(x.Shape()[at:])
	from := make([]int, product(shape))
	for i, v := range load[float64](x) {
		k := int(v)
		if k < 0 {
			k += depth
		}
		if k >= 0 && k < depth {
			from[(i/inner*depth+k)*inner+i%inner] = 1
		}
	}
	return one(gather(c, values, shape, from, nil))
}

// tensorScatter is TensorScatter: updates overwrite a run of a cache along an
// axis, from write_indices[batch] on, round the end with mode circular.
func tensorScatter(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x, updates := in[0], in[1]
	at := axis(c.Node.Int("axis", -2), x.Rank())
	if at == 0 || updates.Rank() != x.Rank() {
		fail("axis %d, updates of shape %v", at, updates.Shape())
	}
	var starts []int64
	if w := In(in, 2); w != nil {
		starts = integers(w)
	} else {
		starts = make([]int64, x.Dim(0))
	}
	circular := c.Node.Text("mode", "linear") == "circular"
	d, finish := newCells(c, x.DType(), x.Shape())
	d.copy(0, cellsOf(x), 0, x.Len())
	src := cellsOf(updates)
	run, n, m := product(x.Shape()[at+1:]), x.Dim(at), updates.Dim(at)
	perBatch := product(x.Shape()[1:at])
	for o := range product(x.Shape()[:at]) {
		for k := range m {
			p := int(starts[o/max(1, perBatch)]) + k
			if circular {
				p %= n
			}
			if p < 0 || p >= n {
				fail("write of row %d in a dimension of %d", p, n)
			}
			d.copy((o*n+p)*run, src, (o*m+k)*run, run)
		}
	}
	return one(finish())
}
