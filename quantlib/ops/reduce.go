package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A reduction folds some dimensions of a shape away.
type reduction struct {
	keep, keepStep []int
	fold, foldStep []int
	outputs, size  int // elements of the result; elements folded into each
}

func newReduction(shape, axes []int) *reduction {
	r := &reduction{}
	step := strides(shape)
	drop := make([]bool, len(shape))
	for _, a := range axes {
		drop[a] = true
	}
	for i, n := range shape {
		if drop[i] {
			r.fold, r.foldStep = append(r.fold, n), append(r.foldStep, step[i])
		} else {
			r.keep, r.keepStep = append(r.keep, n), append(r.keepStep, step[i])
		}
	}
	r.outputs, r.size = product(r.keep), product(r.fold)
	r.fold, r.foldStep = collapse(r.fold, r.foldStep)
	return r
}

// contiguous reports whether each output folds one run of elements, in order.
func (r *reduction) contiguous() bool {
	return len(r.fold) == 1 && (r.foldStep[0] == 1 || r.fold[0] == 1)
}

// rows reports whether outputs that lie side by side fold elements that do.
func (r *reduction) rows() bool {
	return r.foldStep[0] > 1 && r.outputs%r.foldStep[0] == 0 && len(r.keep) > 0
}

// reduceColumns folds the middle dimension of [outer, n, inner] row by row; each
// output still folds its elements in order, in float64.
func reduceColumns(c *Call, x *tensor.Tensor, shape []int, red *reduction, f folding) *tensor.Tensor {
	n, inner := red.size, red.foldStep[0]
	out := c.Alloc(tensor.Float32, shape...)
	dst, src := out.F32(), x.F32()
	c.each(red.outputs, max(1, ordinary/n), func(lo, hi int) {
		sums := make([]float64, min(inner, 512))
		for lo < hi { // a stretch of outputs within one outer place
			o, i := lo/inner, lo%inner
			w := min(hi-lo, inner-i, len(sums))
			s := sums[:w]
			for k := range s {
				s[k] = f.start
			}
			for r := range n {
				row := src[(o*n+r)*inner+i:][:w]
				for k, v := range row {
					s[k] = f.fold(s[k], float64(v))
				}
			}
			for k, v := range s {
				if f.last != nil {
					v = f.last(v, n)
				}
				dst[lo+k] = float32(v)
			}
			lo += w
		}
	})
	return out
}

// each calls f for outputs lo..hi; place calls its argument for the elements
// that fold into the output, in row-major order.
func (r *reduction) each(lo, hi int, f func(o int, place func(f func(i int)))) {
	for o := lo; o < hi; o++ {
		base := 0
		for d, p := range position(o, r.keep) {
			base += p * r.keepStep[d]
		}
		f(o, func(f func(i int)) {
			if r.size == 0 {
				return
			}
			last := len(r.fold) - 1
			idx := make([]int, last)
			for at := base; ; {
				for k, i := 0, at; k < r.fold[last]; k++ {
					f(i)
					i += r.foldStep[last]
				}
				k := last - 1
				for ; k >= 0; k-- {
					idx[k]++
					at += r.foldStep[k]
					if idx[k] < r.fold[k] {
						break
					}
					at -= r.foldStep[k] * r.fold[k]
					idx[k] = 0
				}
				if k < 0 {
					return
				}
			}
		})
	}
}

// reduceAxes are those of a Reduce operator: an attribute that became an input
// at opset 18 (13 for ReduceSum). None means all, unless noop_with_empty_axes.
func reduceAxes(c *Call, in []*tensor.Tensor) (list []int) {
	given := listArg(c, in, "axes", 1)
	n := in[0].Rank()
	if len(given) == 0 {
		if c.Node.Int("noop_with_empty_axes", 0) != 0 {
			return nil
		}
		for i := range n {
			list = append(list, i)
		}
		return list
	}
	return axes(given, n)
}

func reducedShape(shape, axes []int, keep bool) []int {
	drop := make([]bool, len(shape))
	for _, a := range axes {
		drop[a] = true
	}
	out := []int{}
	for i, n := range shape {
		switch {
		case !drop[i]:
			out = append(out, n)
		case keep:
			out = append(out, 1)
		}
	}
	return out
}

// A folding is a Reduce operator: fold starts at from(first element), and last
// makes the result of what is folded and the count.
type folding struct {
	start float64
	fold  func(s, v float64) float64
	last  func(s float64, n int) float64
	run   func(row []float32) float64 // a contiguous float32 row, nil if there is no faster way
	exact func(s, v int64) int64      // for int64 and int32, nil: by way of float64
	first int64                       // start of exact
}

var foldings = map[string]folding{
	"ReduceSum": {fold: func(s, v float64) float64 { return s + v }, run: f32.Sum, exact: addOf[int64]},
	"ReduceMean": {fold: func(s, v float64) float64 { return s + v }, run: func(r []float32) float64 { return f32.Sum(r) },
		last: func(s float64, n int) float64 { return s / float64(n) }},
	"ReduceProd": {start: 1, fold: func(s, v float64) float64 { return s * v }, exact: mulOf[int64], first: 1},
	"ReduceMax": {start: math.Inf(-1), fold: maxOf[float64], exact: maxOf[int64], first: math.MinInt64,
		run: func(r []float32) float64 { return float64(f32.Max(r)) }},
	"ReduceMin": {start: math.Inf(1), fold: minOf[float64], exact: minOf[int64], first: math.MaxInt64},
	"ReduceL1":  {fold: func(s, v float64) float64 { return s + math.Abs(v) }},
	"ReduceL2": {fold: func(s, v float64) float64 { return s + v*v }, last: func(s float64, _ int) float64 { return math.Sqrt(s) },
		run: func(r []float32) float64 { return f32.SumSquares(r, 0) }},
	"ReduceSumSquare": {fold: func(s, v float64) float64 { return s + v*v }, run: func(r []float32) float64 { return f32.SumSquares(r, 0) }},
	"ReduceLogSum":    {fold: func(s, v float64) float64 { return s + v }, last: func(s float64, _ int) float64 { return math.Log(s) }, run: f32.Sum},
}

func init() {
	for name, f := range foldings {
		register(name, 1, 1, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return one(reduce(c, in, f)) })
	}
	register("ReduceLogSumExp", 1, 1, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return one(reduceLogSumExp(c, in)) })
	register("ArgMax", 1, 1, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
		return one(argBest(c, in[0], func(a, b float64) bool { return a > b }))
	})
	register("ArgMin", 1, 1, func(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
		return one(argBest(c, in[0], func(a, b float64) bool { return a < b }))
	})
}

func reduce(c *Call, in []*tensor.Tensor, f folding) *tensor.Tensor {
	x := in[0]
	list := reduceAxes(c, in)
	shape := reducedShape(x.Shape(), list, c.Node.Int("keepdims", 1) != 0)
	red := newReduction(x.Shape(), list)
	dt := x.DType()
	least := max(1, ordinary/(red.size+1))
	switch {
	case dt == tensor.Float32 && f.run != nil && red.contiguous() && red.size > 0:
		out := c.Alloc(dt, shape...)
		dst, src := out.F32(), x.F32()
		c.each(red.outputs, least, func(lo, hi int) {
			for o := lo; o < hi; o++ {
				s := f.run(src[o*red.size : (o+1)*red.size])
				if f.last != nil {
					s = f.last(s, red.size)
				}
				dst[o] = float32(s)
			}
		})
		return out
	case dt == tensor.Float32 && len(red.fold) == 1 && red.size > 0 && red.rows():
		return reduceColumns(c, x, shape, red, f)
	case !dt.IsFloat() && f.exact != nil:
		r := newResult[int64](c, dt, shape)
		src := load[int64](x)
		red.each(0, red.outputs, func(o int, place func(func(int))) {
			s := f.first
			place(func(i int) { s = f.exact(s, src[i]) })
			if red.size == 0 && (dt == tensor.Int32 || dt == tensor.Bool) && (c.Node.Op == "ReduceMax" || c.Node.Op == "ReduceMin") {
				s = emptyBound(dt, c.Node.Op == "ReduceMax")
			}
			r.data[o] = s
		})
		return r.tensor()
	}
	r := newResult[float64](c, dt, shape)
	src := load[float64](x)
	c.each(red.outputs, least, func(lo, hi int) {
		red.each(lo, hi, func(o int, place func(func(int))) {
			s := f.start
			place(func(i int) { s = f.fold(s, src[i]) })
			if f.last != nil {
				s = f.last(s, red.size)
			}
			r.data[o] = s
		})
	})
	return r.tensor()
}

// emptyBound is the maximum or minimum of nothing in a type without infinity.
func emptyBound(dt tensor.DType, isMax bool) int64 {
	switch {
	case dt == tensor.Bool && isMax:
		return 0
	case dt == tensor.Bool:
		return 1
	case isMax:
		return math.MinInt32
	}
	return math.MaxInt32
}

// reduceLogSumExp is log Σ e^x, shifted by the maximum so that it cannot
// overflow.
func reduceLogSumExp(c *Call, in []*tensor.Tensor) *tensor.Tensor {
	x := in[0]
	list := reduceAxes(c, in)
	red := newReduction(x.Shape(), list)
	r := newResult[float64](c, x.DType(), reducedShape(x.Shape(), list, c.Node.Int("keepdims", 1) != 0))
	src := load[float64](x)
	red.each(0, red.outputs, func(o int, place func(func(int))) {
		m := math.Inf(-1)
		place(func(i int) { m = maxOf(m, src[i]) })
		if math.IsInf(m, 0) {
			r.data[o] = m
			return
		}
		s := 0.0
		place(func(i int) { s += math.Exp(src[i] - m) })
		r.data[o] = m + math.Log(s)
	})
	return r.tensor()
}

// argBest is the place of the best element along an axis: the first, or the
// last with select_last_index.
func argBest(c *Call, x *tensor.Tensor, better func(a, b float64) bool) *tensor.Tensor {
	at := axis(c.Node.Int("axis", 0), x.Rank())
	last := c.Node.Int("select_last_index", 0) != 0
	out := c.Alloc(tensor.Int64, reducedShape(x.Shape(), []int{at}, c.Node.Int("keepdims", 1) != 0)...)
	src := load[float64](x)
	n, step := x.Dim(at), product(x.Shape()[at+1:])
	if n == 0 {
		fail("the best of no elements")
	}
	dst := out.I64()
	for o := range dst {
		base := o/step*n*step + o%step
		best, k := src[base], 0
		for i := 1; i < n; i++ {
			v := src[base+i*step]
			if better(v, best) || last && v == best {
				best, k = v, i
			}
		}
		dst[o] = int64(k)
	}
	return out
}
