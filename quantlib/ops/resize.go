package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("Resize", 10, 1, widened(resize))
	register("Upsample", 7, 1, widened(resize))
}

// A resizing is the parameters of Resize along one dimension.
type resizing struct {
	scale      float64
	in, out    int
	lo, hi     float64 // the region of interest, of tf_crop_and_resize
	mode       string
	coordinate string
	nearest    string
	cubic      float64
	exclude    bool
	antialias  bool
}

// A tap is one input element with its weight; at is -1 for the extrapolation
// value.
type tap struct {
	at     int
	weight float64
}

// resize is Resize, and Upsample before it: each dimension in turn by nearest,
// linear or cubic interpolation, in float64. Its inputs moved: scales is input 1
// at opset 10 and 2 from opset 11, where roi and sizes came too.
func resize(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x := in[0]
	n := x.Rank()
	list := c.Node.Ints("axes")
	if list == nil {
		for i := range n {
			list = append(list, int64(i))
		}
	}
	at := axes(list, n)
	roi, scales, want := In(in, 1), In(in, 2), integers(In(in, 3))
	if c.Opset < 11 {
		roi, scales, want = nil, In(in, 1), nil
	}
	var factors []float64
	if scales != nil && scales.Len() > 0 {
		factors = load[float64](scales)
	} else if s := c.Node.Floats("scales"); s != nil {
		factors = load[float64](tensor.Of(s, len(s)))
	}
	if len(want) == 0 {
		want = nil
	}
	if (want == nil) == (factors == nil) || want != nil && len(want) != len(at) || factors != nil && len(factors) != len(at) {
		fail("scales %v and sizes %v for %d axes", factors, want, len(at))
	}
	dims := resizings(c, x.Shape(), at, factors, want, roi)
	if places := nearestPlaces(x.Shape(), dims); places != nil {
		return one(resizeNearest(c, x, places))
	}
	extra := float64(c.Node.Float("extrapolation_value", 0))
	r := load[float64](x)
	shape := append([]int(nil), x.Shape()...)
	moved := false
	for d, z := range dims {
		if z == nil || z.out == z.in && z.scale == 1 && z.coordinate != "tf_crop_and_resize" {
			continue
		}
		if z.in == 0 && z.out > 0 {
			fail("resizing an empty dimension of %v", x.Shape())
		}
		moved = true
		r = resizeAlong(c, r, shape, d, z, extra)
		shape[d] = z.out
	}
	if !moved {
		return one(x)
	}
	out := newResult[float64](c, x.DType(), shape)
	copy(out.data, r)
	if !x.DType().IsFloat() {
		for i, v := range out.data {
			out.data[i] = roundInto(x.DType(), v)
		}
	}
	return one(out.tensor())
}

// nearestPlaces is, for each dimension, the input place of each output place,
// or nil where an output is not simply an input element.
func nearestPlaces(shape []int, dims []*resizing) [][]int {
	places := make([][]int, len(shape))
	for d, z := range dims {
		if z == nil || z.out == z.in && z.scale == 1 && z.coordinate != "tf_crop_and_resize" {
			for i := range shape[d] {
				places[d] = append(places[d], i)
			}
			continue
		}
		if z.mode != "nearest" || z.coordinate == "tf_crop_and_resize" || z.in == 0 {
			return nil
		}
		for o := range z.out {
			places[d] = append(places[d], z.taps(o)[0].at)
		}
	}
	return places
}

// resizeNearest copies elements of any type from the given places.
func resizeNearest(c *Call, x *tensor.Tensor, places [][]int) *tensor.Tensor {
	shape := make([]int, len(places))
	for d, p := range places {
		shape[d] = len(p)
	}
	dst, finish := newCells(c, x.DType(), shape)
	if x.Rank() == 0 || product(shape) == 0 {
		return stretch(c, x, shape)
	}
	src, step, last := cellsOf(x), strides(x.Shape()), x.Rank()-1
	n := shape[last]
	pos := make([]int, last)
	bases := make([]int, product(shape[:last]))
	for i := range bases {
		for d, p := range pos {
			bases[i] += places[d][p] * step[d]
		}
		next(pos, shape[:last])
	}
	c.each(len(bases), max(1, ordinary/n), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			if i > lo && bases[i] == bases[i-1] {
				dst.copy(i*n, dst, (i-1)*n, n)
				continue
			}
			dst.from(i*n).take(src.from(bases[i]), places[last], cells{})
		}
	})
	return finish()
}

// roundInto rounds half to even and clamps to an 8-bit type's range.
func roundInto(dt tensor.DType, v float64) float64 {
	v = math.RoundToEven(v)
	switch dt {
	case tensor.Uint8:
		return clamp(v, 0, 255)
	case tensor.Int8:
		return clamp(v, -128, 127)
	}
	return v
}

func resizings(c *Call, shape, at []int, factors []float64, want []int64, roi *tensor.Tensor) []*resizing {
	dims := make([]*resizing, len(shape))
	policy := c.Node.Text("keep_aspect_ratio_policy", "stretch")
	want = append([]int64(nil), want...) // adjusted below, and it may be an input
	if want != nil && policy != "stretch" {
		best := math.NaN()
		for i, a := range at {
			s := float64(want[i]) / float64(shape[a])
			if i == 0 || policy == "not_larger" && s < best || policy == "not_smaller" && s > best {
				best = s
			}
		}
		factors = make([]float64, len(at))
		for i, a := range at {
			factors[i] = best
			want[i] = int64(math.Floor(best*float64(shape[a]) + 0.5))
		}
	}
	for i, a := range at {
		z := &resizing{in: shape[a], hi: 1, mode: c.Node.Text("mode", "nearest"),
			coordinate: c.Node.Text("coordinate_transformation_mode", "half_pixel"), nearest: c.Node.Text("nearest_mode", "round_prefer_floor"),
			cubic: float64(c.Node.Float("cubic_coeff_a", -0.75)), exclude: c.Node.Int("exclude_outside", 0) != 0, antialias: c.Node.Int("antialias", 0) != 0}
		if c.Opset < 11 {
			z.coordinate, z.nearest = "asymmetric", "floor"
		}
		switch {
		case want != nil:
			if want[i] < 0 || want[i] > tensor.MaxElements {
				fail("sizes %v", want)
			}
			z.out = int(want[i])
			z.scale = float64(z.out) / float64(z.in)
			if factors != nil {
				z.scale = factors[i]
			}
		default:
			z.scale = factors[i]
		}
		if roi != nil && z.coordinate == "tf_crop_and_resize" {
			v := load[float64](roi)
			if len(v) != 2*len(at) {
				fail("roi has %d elements for %d axes", len(v), len(at))
			}
			z.lo, z.hi = v[i], v[len(at)+i]
		}
		if want == nil {
			f := math.Floor(float64(z.in) * (z.hi - z.lo) * z.scale)
			if !(z.scale > 0) || f > tensor.MaxElements {
				fail("scales %v for shape %v", factors, shape)
			}
			z.out = int(max(0, f))
		}
		dims[a] = z
	}
	out := append([]int(nil), shape...)
	for d, z := range dims {
		if z != nil {
			out[d] = z.out
		}
	}
	product(out)
	return dims
}

// resizeAlong interpolates one dimension.
func resizeAlong(c *Call, x []float64, shape []int, d int, z *resizing, extra float64) []float64 {
	run := product(shape[d+1:])
	outer := product(shape[:d])
	dst := make([]float64, outer*z.out*run)
	all := make([][]tap, z.out)
	for o := range all {
		all[o] = z.taps(o)
	}
	c.each(outer, max(1, ordinary/(z.out*run+1)), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			if run == 1 {
				src := x[i*z.in : (i+1)*z.in]
				for o, taps := range all {
					sum := 0.0
					for _, t := range taps {
						if t.at < 0 {
							sum += t.weight * extra
						} else {
							sum += t.weight * src[t.at]
						}
					}
					dst[i*z.out+o] = sum
				}
				continue
			}
			for o, taps := range all {
				row := dst[(i*z.out+o)*run:][:run]
				for _, t := range taps {
					if t.at < 0 {
						for k := range row {
							row[k] += t.weight * extra
						}
						continue
					}
					src := x[(i*z.in+t.at)*run:][:run]
					if t.weight == 1 && len(taps) == 1 {
						copy(row, src)
						continue
					}
					for k, v := range src {
						row[k] += t.weight * v
					}
				}
			}
		}
	})
	return dst
}

// original is where output place o lies in the input.
func (z *resizing) original(o int) float64 {
	x := float64(o)
	out := float64(z.in) * z.scale // the length before it was rounded down
	switch z.coordinate {
	case "asymmetric":
		return x / z.scale
	case "align_corners":
		if z.out == 1 {
			return 0
		}
		return x * float64(z.in-1) / (out - 1)
	case "pytorch_half_pixel":
		if z.out == 1 {
			return 0
		}
		return (x+0.5)/z.scale - 0.5
	case "half_pixel":
		return (x+0.5)/z.scale - 0.5
	case "half_pixel_symmetric":
		adjust := float64(z.out) / out
		center := float64(z.in) / 2
		return center*(1-adjust) + (x+0.5)/z.scale - 0.5
	case "tf_half_pixel_for_nn":
		return (x + 0.5) / z.scale
	case "tf_crop_and_resize":
		if z.out == 1 {
			return (z.hi + z.lo) * float64(z.in-1) / 2
		}
		return z.lo*float64(z.in-1) + x*(z.hi-z.lo)*float64(z.in-1)/float64(z.out-1)
	}
	fail("coordinate_transformation_mode %q", z.coordinate)
	return 0
}

// taps is what output place o is made of.
func (z *resizing) taps(o int) []tap {
	x := z.original(o)
	last := z.in - 1
	if z.coordinate == "tf_crop_and_resize" && (x < 0 || x > float64(last)) {
		return []tap{{-1, 1}}
	}
	if z.mode == "nearest" {
		return []tap{{max(0, min(z.near(x), last)), 1}}
	}
	support, kernel := 1.0, func(t float64) float64 { return max(0, 1-math.Abs(t)) }
	if z.mode == "cubic" {
		support, kernel = 2, z.cubicKernel
	} else if z.mode != "linear" {
		fail("mode %q", z.mode)
	}
	stretch := 1.0
	if z.antialias && z.scale < 1 {
		stretch = 1 / z.scale
	}
	var taps []tap
	sum := 0.0
	for i := int(math.Floor(x-support*stretch)) + 1; float64(i) < x+support*stretch; i++ {
		w := kernel((float64(i) - x) / stretch)
		if z.exclude && (i < 0 || i > last) || w == 0 {
			continue
		}
		taps = append(taps, tap{max(0, min(i, last)), w})
		sum += w
	}
	for i := range taps {
		taps[i].weight /= sum
	}
	return taps
}

func (z *resizing) near(x float64) int {
	switch z.nearest {
	case "round_prefer_floor":
		return int(math.Ceil(x - 0.5))
	case "round_prefer_ceil":
		return int(math.Floor(x + 0.5))
	case "floor":
		return int(math.Floor(x))
	case "ceil":
		return int(math.Ceil(x))
	}
	fail("nearest_mode %q", z.nearest)
	return 0
}

// cubicKernel is Keys' cubic convolution kernel with coefficient a.
func (z *resizing) cubicKernel(t float64) float64 {
	a := z.cubic
	t = math.Abs(t)
	switch {
	case t <= 1:
		return ((a+2)*t-(a+3))*t*t + 1
	case t < 2:
		return ((a*t-5*a)*t+8*a)*t - 4*a
	}
	return 0
}
