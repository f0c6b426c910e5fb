package ops

import (
	"strings"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("Einsum", 12, 1, widened(einsum))
}

// einsum is Einsum: the sum over all labels that are not in the output of the
// product of the operands. An ellipsis stands for dimensions that broadcast.
// Without "->" the output is the ellipsis and the labels that occur once, in
// alphabetical order. Sums are taken in the type's class, in a fixed order.
func einsum(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	eq := strings.ReplaceAll(c.Node.Text("equation", ""), " ", "")
	left, right, explicit := strings.Cut(eq, "->")
	terms := strings.Split(left, ",")
	if len(terms) != len(in) {
		fail("equation %q for %d operands", eq, len(in))
	}
	size := map[byte]int{}
	wide := 0 // dimensions that the ellipses stand for
	labels := make([][]byte, len(in))
	for i, term := range terms {
		n := strings.Count(term, "...")
		hidden := in[i].Rank() - len(strings.ReplaceAll(term, "...", ""))
		if n > 1 || hidden < 0 || n == 0 && hidden != 0 || hidden > 64 {
			fail("equation %q: term %q for shape %v", eq, term, in[i].Shape())
		}
		if n == 1 {
			wide = max(wide, hidden)
		}
		head, tail, _ := strings.Cut(term, "...")
		labels[i] = append(labels[i], head...)
		for k := range hidden {
			labels[i] = append(labels[i], byte(128+64-hidden+k)) // aligned at the end
		}
		labels[i] = append(labels[i], tail...)
		for d, l := range labels[i] {
			v := in[i].Dim(d)
			if old, ok := size[l]; ok && old != v && old != 1 && v != 1 {
				fail("equation %q: label %q is %d and %d", eq, l, old, v)
			}
			size[l] = max(size[l], v)
			if v == 0 {
				fail("equation %q: an empty operand of shape %v", eq, in[i].Shape())
			}
		}
	}
	var ell []byte
	for k := range wide {
		ell = append(ell, byte(128+64-wide+k))
	}
	var out []byte
	if explicit {
		head, tail, found := strings.Cut(right, "...")
		out = append(out, head...)
		if found {
			out = append(append(out, ell...), tail...)
		}
	} else {
		out = append(out, ell...)
		for l := byte('A'); l <= 'z'; l++ {
			if strings.Count(left, string(rune(l))) == 1 && size[l] > 0 {
				out = append(out, l)
			}
		}
	}
	sum := []byte{}
	inOut := map[byte]bool{}
	for _, l := range out {
		if size[l] == 0 || inOut[l] {
			fail("equation %q: label %q of the output", eq, l)
		}
		inOut[l] = true
	}
	for l := range 256 {
		if size[byte(l)] > 0 && !inOut[byte(l)] {
			sum = append(sum, byte(l))
		}
	}
	shape, fold := make([]int, len(out)), make([]int, len(sum))
	for i, l := range out {
		shape[i] = size[l]
	}
	for i, l := range sum {
		fold[i] = size[l]
	}
	steps := func(t *tensor.Tensor, own, all []byte) []int {
		s := make([]int, len(all))
		step := strides(t.Shape())
		for i, l := range all {
			for d, o := range own {
				if o == l && t.Dim(d) != 1 {
					s[i] += step[d]
				}
			}
		}
		return s
	}
	outSteps, sumSteps := make([][]int, len(in)), make([][]int, len(in))
	for i, t := range in {
		outSteps[i], sumSteps[i] = steps(t, labels[i], out), steps(t, labels[i], sum)
	}
	switch dt := in[0].DType(); {
	case dt == tensor.Float64 || dt == tensor.Float32:
		return one(einsumOf[float64](c, in, shape, fold, outSteps, sumSteps))
	case signed(dt):
		return one(einsumOf[int64](c, in, shape, fold, outSteps, sumSteps))
	case unsigned(dt):
		return one(einsumOf[uint64](c, in, shape, fold, outSteps, sumSteps))
	}
	unsupported("Einsum of %v", in[0].DType())
	return nil
}

func einsumOf[T wide](c *Call, in []*tensor.Tensor, shape, fold []int, outSteps, sumSteps [][]int) *tensor.Tensor {
	r := newResult[T](c, in[0].DType(), shape)
	data := make([][]T, len(in))
	for i, t := range in {
		if t.DType() != in[0].DType() {
			fail("operands are %v and %v", in[0].DType(), t.DType())
		}
		data[i] = load[T](t)
	}
	n := product(fold)
	c.each(len(r.data), max(1, ordinary/(4*n+1)), func(lo, hi int) {
		at := make([]int, len(in))
		for o := lo; o < hi; o++ {
			pos := position(o, shape)
			clear(at)
			for i := range in {
				for d, p := range pos {
					at[i] += p * outSteps[i][d]
				}
			}
			var sum T
			idx := make([]int, len(fold))
			for range n {
				v := T(1)
				for i := range in {
					v *= data[i][at[i]]
				}
				sum += v
				for d := len(fold) - 1; d >= 0; d-- {
					idx[d]++
					for i := range at {
						at[i] += sumSteps[i][d]
					}
					if idx[d] < fold[d] {
						break
					}
					for i := range at {
						at[i] -= sumSteps[i][d] * fold[d]
					}
					idx[d] = 0
				}
			}
			r.data[o] = sum
		}
	})
	return r.tensor()
}
