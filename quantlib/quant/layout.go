package quant

import "fmt"

// Layout says which elements of a row-major tensor share a scale. The tensor
// is seen as
//
//	[Outer, First, Middle, Second, Inner]
//
// where First and Second are the two axes along which scales may change, every
// FirstBlock (SecondBlock) indices of them sharing one. A set of elements with
// one scale is a granule; granules are numbered row-major over
// [ceil(First/FirstBlock), ceil(Second/SecondBlock)], which is the order of the
// scales in an ONNX tensor:
//
//	per tensor                                [1]
//	per channel of Conv [O, I, kh, kw]        [O]
//	per channel of MatMul [K, N]              [N]
//	groups of g along I of Conv               [O, ceil(I/g)]
//	groups of g along K of MatMul [K, N]      [ceil(K/g), N]
//	groups of g along K of Gemm transB [N, K] [N, ceil(K/g)]
//
// It is a comparable value; make one with Whole, Channels, Groups or For.
type Layout struct {
	Outer, First, FirstBlock, Middle, Second, SecondBlock, Inner int
}

// Whole is the layout of n elements that share one scale.
func Whole(n int) Layout {
	return Layout{Outer: 1, First: 1, FirstBlock: 1, Middle: 1, Second: 1, SecondBlock: 1, Inner: n}
}

// Channels is the layout of a tensor with one scale for each index of axis.
// A negative axis counts from the end. It panics if axis is not one of shape's
// or a dimension is negative.
func Channels(shape []int, axis int) Layout {
	axis = checkAxis(shape, axis)
	return Layout{
		Outer: product(shape[:axis]), First: shape[axis], FirstBlock: 1,
		Middle: 1, Second: 1, SecondBlock: 1,
		Inner: product(shape[axis+1:]),
	}
}

// Groups is the layout of a tensor with one scale for each index of axis and
// each size indices of groupAxis; the last group may be shorter. Negative axes
// count from the end. It panics if an axis is not one of shape's, both are the
// same, or size is less than 1.
func Groups(shape []int, axis, groupAxis, size int) Layout {
	axis, groupAxis = checkAxis(shape, axis), checkAxis(shape, groupAxis)
	if axis == groupAxis {
		panic(fmt.Sprintf("quant: channels and groups both on axis %d", axis))
	}
	if size < 1 {
		panic(fmt.Sprintf("quant: group size %d", size))
	}
	a, b, blockA, blockB := axis, groupAxis, 1, size
	if a > b {
		a, b, blockA, blockB = b, a, size, 1
	}
	return Layout{
		Outer: product(shape[:a]), First: shape[a], FirstBlock: blockA,
		Middle: product(shape[a+1 : b]), Second: shape[b], SecondBlock: blockB,
		Inner: product(shape[b+1:]),
	}
}

// For is the layout that s asks for: Whole, Channels or Groups by its
// granularity. A tensor of rank 0 or 1 has no second axis, so groups of a
// vector are its channels. It panics as these do.
func For(shape []int, axis, groupAxis int, s Scheme) Layout {
	switch {
	case s.Granularity == PerTensor || len(shape) == 0:
		return Whole(product(shape))
	case s.Granularity == PerChannel || len(shape) == 1:
		return Channels(shape, axis)
	}
	return Groups(shape, axis, groupAxis, s.GroupSize)
}

func checkAxis(shape []int, axis int) int {
	a := axis
	if a < 0 {
		a += len(shape)
	}
	if a < 0 || a >= len(shape) {
		panic(fmt.Sprintf("quant: axis %d of shape %v", axis, shape))
	}
	return a
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		if d < 0 {
			panic(fmt.Sprintf("quant: negative dimension in %v", shape))
		}
		n *= d
	}
	return n
}

// Len is the number of elements.
func (l Layout) Len() int { return l.Outer * l.First * l.Middle * l.Second * l.Inner }

// Shape is the shape of the scales: the number of blocks along the first and
// the second axis.
func (l Layout) Shape() (first, second int) {
	return ceilDiv(l.First, l.FirstBlock), ceilDiv(l.Second, l.SecondBlock)
}

// Granules is the number of scales.
func (l Layout) Granules() int {
	a, b := l.Shape()
	return a * b
}

// Granule is the number of the granule that element i belongs to.
func (l Layout) Granule(i int) int {
	second := i / l.Inner % l.Second
	first := i / (l.Inner * l.Second * l.Middle) % l.First
	_, n := l.Shape()
	return first/l.FirstBlock*n + second/l.SecondBlock
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// Runs calls f for each contiguous run of elements that share a granule, in
// memory order: the elements from..to-1 belong to granule g.
func (l Layout) Runs(f func(g, from, to int)) {
	_, n := l.Shape()
	at := 0
	for range l.Outer {
		for a := range l.First {
			g0 := a / l.FirstBlock * n
			for range l.Middle {
				for b := 0; b < l.Second; b += l.SecondBlock {
					size := min(l.SecondBlock, l.Second-b) * l.Inner
					f(g0+b/l.SecondBlock, at, at+size)
					at += size
				}
			}
		}
	}
}

// columns reports whether the granules follow each other element by element:
// then a row of width elements uses the scales g, g+1, … one each. rows is the
// number of such rows, and row r starts at granule(r).
func (l Layout) columns() (width, rows int, ok bool) {
	switch {
	case l.Inner != 1:
	case l.Second > 1 && l.SecondBlock == 1:
		return l.Second, l.Outer * l.First * l.Middle, true
	case l.Second == 1 && l.Middle == 1 && l.First > 1 && l.FirstBlock == 1:
		return l.First, l.Outer, true
	}
	return 0, 0, false
}

// rowGranule is the granule of the first element of row r of columns.
func (l Layout) rowGranule(r int) int {
	if l.Second == 1 {
		return 0
	}
	_, n := l.Shape()
	return r / l.Middle % l.First / l.FirstBlock * n
}
