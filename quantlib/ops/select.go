package ops

import (
	"cmp"
	"math"
	"slices"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("TopK", 1, 1, topK)
	register("Unique", 11, 1, unique)
	register("NonMaxSuppression", 10, 2, nonMaxSuppression)
}

// topK is TopK: the k greatest (or least) elements along an axis, the best
// first, of equal ones the first in x. k is an attribute before opset 10.
func topK(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	k := int(c.Node.Int("k", 0))
	if t := In(in, 1); t != nil {
		k = int(integer(t, 0))
	}
	at := axis(c.Node.Int("axis", -1), x.Rank())
	n := x.Dim(at)
	if k < 0 || k > n {
		fail("the best %d of %d", k, n)
	}
	var order func(a, b int) int
	switch dt := x.DType(); {
	case dt.IsFloat():
		order = ascending(load[float64](x))
	case unsigned(dt):
		order = ascending(load[uint64](x))
	default:
		order = ascending(load[int64](x))
	}
	sign := 1
	if c.Node.Int("largest", 1) != 0 {
		sign = -1
	}
	shape := append([]int(nil), x.Shape()...)
	shape[at] = k
	run := product(x.Shape()[at+1:])
	indices := c.Alloc(tensor.Int64, shape...)
	from := make([]int, indices.Len())
	places := make([]int, n)
	for o := range product(x.Shape()[:at]) {
		for i := range run {
			for j := range places {
				places[j] = (o*n+j)*run + i
			}
			slices.SortStableFunc(places, func(a, b int) int { return sign * order(a, b) })
			for j, p := range places[:k] {
				to := (o*k+j)*run + i
				from[to] = p
				indices.I64()[to] = int64(p / run % n)
			}
		}
	}
	return []*tensor.Tensor{gather(c, x, shape, from, nil), indices}
}

// ascending orders places by their elements; NaN is above all.
func ascending[T wide](x []T) func(a, b int) int {
	return func(a, b int) int {
		u, v := x[a], x[b]
		switch {
		case u != u && v != v:
			return 0
		case u != u:
			return 1
		case v != v:
			return -1
		}
		return cmp.Compare(u, v)
	}
}

// unique is Unique: the different elements, or slices along an axis, sorted or
// in order of appearance; the first place of each, which one each place holds,
// and how often each occurs.
func unique(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	at, n, run := 0, x.Len(), 1
	a := c.Node.Attr("axis")
	if a != nil {
		at = axis(a.I, x.Rank())
		n, run = x.Dim(at), product(x.Shape()[at+1:])
	} else {
		x = x.Reshape(n)
	}
	outer := product(x.Shape()[:at])
	compare := sliceOrder(x, outer, n, run)
	order := make([]int, n) // places, equal ones together, the first of each group first
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, compare)
	type group struct{ first, count int }
	var groups []group
	of := make([]int, n)
	for i, p := range order {
		if i == 0 || compare(order[i-1], p) != 0 {
			groups = append(groups, group{first: p})
		}
		groups[len(groups)-1].count++
		of[p] = len(groups) - 1
	}
	rank := make([]int, len(groups)) // where a group stands in the output
	for i := range rank {
		rank[i] = i
	}
	if c.Node.Int("sorted", 1) == 0 {
		byPlace := slices.Clone(rank)
		slices.SortFunc(byPlace, func(a, b int) int { return cmp.Compare(groups[a].first, groups[b].first) })
		for i, g := range byPlace {
			rank[g] = i
		}
	}
	m := len(groups)
	first, inverse, counts := make([]int64, m), make([]int64, n), make([]int64, m)
	for g, v := range groups {
		first[rank[g]], counts[rank[g]] = int64(v.first), int64(v.count)
	}
	for i, g := range of {
		inverse[i] = int64(rank[g])
	}
	shape := slices.Clone(x.Shape())
	shape[at] = m
	from := make([]int, outer*m*run)
	for i := range from {
		from[i] = (i/(m*run)*n+int(first[i/run%m]))*run + i%run
	}
	return []*tensor.Tensor{gather(c, x, shape, from, nil), tensor.Of(first, m), tensor.Of(inverse, n), tensor.Of(counts, m)}
}

// sliceOrder compares the slices a and b along an axis, element by element.
func sliceOrder(x *tensor.Tensor, outer, n, run int) func(a, b int) int {
	var order func(a, b int) int
	switch dt := x.DType(); {
	case dt == tensor.String:
		s := x.Strings()
		order = func(a, b int) int { return cmp.Compare(s[a], s[b]) }
	case dt.IsFloat():
		order = ascending(load[float64](x))
	case unsigned(dt):
		order = ascending(load[uint64](x))
	default:
		order = ascending(load[int64](x))
	}
	return func(a, b int) int {
		for o := range outer {
			for i := range run {
				if v := order((o*n+a)*run+i, (o*n+b)*run+i); v != 0 {
					return v
				}
			}
		}
		return 0
	}
}

// nonMaxSuppression is NonMaxSuppression: for each batch entry and class, boxes
// by falling score, but for those that overlap a chosen one by more than
// iou_threshold.
func nonMaxSuppression(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	boxes, scores := in[0], in[1]
	rank(boxes, "boxes", 3)
	rank(scores, "scores", 3)
	batch, n, classes := boxes.Dim(0), boxes.Dim(1), scores.Dim(1)
	if boxes.Dim(2) != 4 || scores.Dim(0) != batch || scores.Dim(2) != n {
		fail("boxes %v, scores %v", boxes.Shape(), scores.Shape())
	}
	most := integer(In(in, 2), 0)
	overlap, least := float32(scalar(In(in, 3), 0)), float32(scalar(In(in, 4), math.Inf(-1)))
	center := c.Node.Int("center_point_box", 0) != 0
	b, s := load[float32](boxes), load[float32](scores)
	var out []int64
	for i := range batch {
		for k := range classes {
			score := s[(i*classes+k)*n:][:n]
			var order []int
			for j, v := range score {
				if v > least {
					order = append(order, j)
				}
			}
			slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(score[y], score[x]) })
			var chosen [][4]float32
			for _, j := range order {
				if int64(len(chosen)) >= most {
					break
				}
				box := corners(b[(i*n+j)*4:], center)
				if !slices.ContainsFunc(chosen, func(o [4]float32) bool { return jaccard(box, o) > overlap }) {
					chosen = append(chosen, box)
					out = append(out, int64(i), int64(k), int64(j))
				}
			}
		}
	}
	return one(tensor.Of(out, len(out)/3, 3))
}

// corners is a box as least and greatest y and x; it is given by two opposite
// corners in any order, or by centre x, y, width and height.
func corners(b []float32, center bool) [4]float32 {
	if center {
		return [4]float32{b[1] - b[3]/2, b[0] - b[2]/2, b[1] + b[3]/2, b[0] + b[2]/2}
	}
	return [4]float32{min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])}
}

// jaccard is the area of the intersection over that of the union.
func jaccard(a, b [4]float32) float32 {
	h, w := min(a[2], b[2])-max(a[0], b[0]), min(a[3], b[3])-max(a[1], b[1])
	if h <= 0 || w <= 0 {
		return 0
	}
	both := h * w
	return both / ((a[2]-a[0])*(a[3]-a[1]) + (b[2]-b[0])*(b[3]-b[1]) - both)
}
