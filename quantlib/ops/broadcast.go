package ops

import "github.com/quantnb/quantnb/quantlib/tensor"

// broadcastShape is the shape that all shapes stretch to, by ONNX's
// multidirectional rule: dimensions are aligned at the end, and those of size
// 1 stretch. https://github.com/onnx/onnx/blob/main/docs/Broadcasting.md
func broadcastShape(shapes ...[]int) []int {
	n := 0
	for _, s := range shapes {
		n = max(n, len(s))
	}
	out := make([]int, n)
	for i := range out {
		out[i] = 1
	}
	for _, s := range shapes {
		for i, d := range s {
			o := &out[n-len(s)+i]
			switch {
			case d == *o || d == 1:
			case *o == 1:
				*o = d
			default:
				fail("shapes %v do not broadcast", shapes)
			}
		}
	}
	return out
}

// broadcastSteps is, for each dimension of out, how far to move in a row-major
// tensor of the given shape: 0 where it stretches.
func broadcastSteps(shape, out []int) []int {
	steps := make([]int, len(out))
	own := strides(shape)
	at := len(out) - len(shape)
	if at < 0 {
		fail("shape %v does not broadcast to %v", shape, out)
	}
	for i, d := range shape {
		switch {
		case d == out[at+i]:
			if d != 1 {
				steps[at+i] = own[i]
			}
		case d != 1:
			fail("shape %v does not broadcast to %v", shape, out)
		}
	}
	return steps
}

// A walk goes over an output in runs along its last dimension, in which each
// operand moves by a fixed step.
type walk struct {
	dims  []int
	steps [][]int // of each operand
	n     int     // length of a run
	runs  int
}

// newWalk joins dimensions along which all operands move as one.
func newWalk(out []int, shapes ...[]int) *walk {
	w := &walk{steps: make([][]int, len(shapes)), runs: 1}
	full := make([][]int, len(shapes))
	for k, s := range shapes {
		full[k] = broadcastSteps(s, out)
	}
	for i, n := range out {
		if n == 1 {
			continue
		}
		last := len(w.dims) - 1
		join := last >= 0
		for k := range full {
			join = join && w.steps[k][last] == full[k][i]*n
		}
		if join {
			w.dims[last] *= n
		} else {
			w.dims = append(w.dims, n)
			last++
		}
		for k := range full {
			w.steps[k] = append(w.steps[k][:last], full[k][i])
		}
	}
	if len(w.dims) == 0 {
		w.dims = []int{1}
		for k := range w.steps {
			w.steps[k] = []int{0}
		}
	}
	for _, d := range w.dims[:len(w.dims)-1] {
		w.runs *= d
	}
	w.n = w.dims[len(w.dims)-1]
	return w
}

// step is how far operand k moves within a run.
func (w *walk) step(k int) int { return w.steps[k][len(w.dims)-1] }

// each calls f for runs r0..r1 with the run's place in the output and in each
// operand.
func (w *walk) each(r0, r1 int, f func(at int, from []int)) {
	last := len(w.dims) - 1
	idx := make([]int, last)
	from := make([]int, len(w.steps))
	rest := r0
	for k := last - 1; k >= 0; k-- {
		idx[k] = rest % w.dims[k]
		rest /= w.dims[k]
		for o := range from {
			from[o] += idx[k] * w.steps[o][k]
		}
	}
	for r := r0; r < r1; r++ {
		f(r*w.n, from)
		for k := last - 1; k >= 0; k-- {
			idx[k]++
			for o := range from {
				from[o] += w.steps[o][k]
			}
			if idx[k] < w.dims[k] {
				break
			}
			for o := range from {
				from[o] -= w.steps[o][k] * w.dims[k]
			}
			idx[k] = 0
		}
	}
}

// binary computes f on broadcast x and y into dst of the given shape. run, if
// set, does runs of full length in one step, where y or x may be of length 1.
func binary[T wide, R wide](c *Call, dst []R, shape []int, x []T, xs []int, y []T, ys []int, f func(a, b T) R, run func(dst []R, x, y []T) bool) {
	if len(dst) == 0 {
		return
	}
	w := newWalk(shape, xs, ys)
	sx, sy := w.step(0), w.step(1)
	if w.runs == 1 && sx <= 1 && sy <= 1 {
		c.each(w.n, ordinary, func(lo, hi int) {
			binaryRun(dst[lo:hi], x[lo*sx:], sx, y[lo*sy:], sy, f, run)
		})
		return
	}
	c.each(w.runs, max(1, ordinary/w.n), func(lo, hi int) {
		w.each(lo, hi, func(at int, from []int) {
			binaryRun(dst[at:at+w.n], x[from[0]:], sx, y[from[1]:], sy, f, run)
		})
	})
}

func binaryRun[T wide, R wide](dst []R, x []T, sx int, y []T, sy int, f func(a, b T) R, run func(dst []R, x, y []T) bool) {
	if run != nil && sx <= 1 && sy <= 1 && len(dst) > 1 {
		if run(dst, x[:1+(len(dst)-1)*sx], y[:1+(len(dst)-1)*sy]) {
			return
		}
	}
	i, j := 0, 0
	for k := range dst {
		dst[k] = f(x[i], y[j])
		i += sx
		j += sy
	}
}

// stretch is t broadcast to shape: t itself where it has that shape.
func stretch(c *Call, t *tensor.Tensor, shape []int) *tensor.Tensor {
	if tensor.SameShape(t.Shape(), shape) {
		return t
	}
	return viewCopy(c, t, shape, 0, broadcastSteps(t.Shape(), shape))
}
