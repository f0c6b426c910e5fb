package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("GridSample", 16, 2, widened(gridSample))
	register("AffineGrid", 20, 2, widened(affineGrid))
	register("RoiAlign", 10, 3, widened(roiAlign))
	register("DeformConv", 19, 3, widened(deformConv))
}

// A sampler reads an image [spatial…] between its elements.
type sampler struct {
	mode, padding string
	align         bool
	dims, step    []int
}

// coordinate maps -1..1 to places in a dimension of n elements: the centres of
// the outer elements with align_corners, else their outer edges.
func (s *sampler) coordinate(v float64, n int) float64 {
	if s.align {
		return (v + 1) / 2 * float64(n-1)
	}
	return ((v+1)*float64(n) - 1) / 2
}

// place is element i of dimension d under the padding rule, -1 for a zero.
func (s *sampler) place(i, d int) int {
	n := s.dims[d]
	if i >= 0 && i < n {
		return i
	}
	switch s.padding {
	case "border":
		return max(0, min(i, n-1))
	case "reflection":
		return max(0, min(int(math.Round(s.reflect(float64(i), n))), n-1))
	}
	return -1
}

// reflect folds x into the image between its outer centres, or edges.
func (s *sampler) reflect(x float64, n int) float64 {
	lo, hi := -0.5, float64(n)-0.5
	if s.align {
		lo, hi = 0, float64(n-1)
	}
	span := hi - lo
	if span <= 0 {
		return 0
	}
	v := math.Mod(math.Abs(x-lo), 2*span)
	if v > span {
		v = 2*span - v
	}
	return v + lo
}

// at is the value at a point, whose coordinates are those of the dimensions in
// order.
func (s *sampler) at(img []float64, point []float64) float64 {
	var walk func(d, base int) float64
	taps := make([][]tap, len(point))
	for d, x := range point {
		n := s.dims[d]
		if x != x || math.Abs(x) > 1<<40 {
			x = -1 << 40
		}
		switch s.padding {
		case "border":
			if s.mode != "cubic" {
				x = clamp(x, 0, float64(n-1))
			}
		case "reflection":
			if s.mode != "cubic" {
				x = clamp(s.reflect(x, n), 0, float64(n-1))
			}
		}
		low := math.Floor(x)
		t := x - low
		switch s.mode {
		case "nearest":
			taps[d] = []tap{{s.place(int(math.RoundToEven(x)), d), 1}}
		case "linear":
			taps[d] = []tap{{s.place(int(low), d), 1 - t}, {s.place(int(low)+1, d), t}}
		default:
			z := resizing{cubic: -0.75}
			for k := -1; k <= 2; k++ {
				taps[d] = append(taps[d], tap{s.place(int(low)+k, d), z.cubicKernel(t - float64(k))})
			}
		}
	}
	walk = func(d, base int) float64 {
		if d == len(point) {
			return img[base]
		}
		sum := 0.0
		for _, t := range taps[d] {
			if t.at >= 0 && t.weight != 0 {
				sum += t.weight * walk(d+1, base+t.at*s.step[d])
			}
		}
		return sum
	}
	return walk(0, 0)
}

// gridSample is GridSample: y[n,c,…] is x[n,c] at the point grid[n,…], given as
// x, y(, z) in -1..1; nearest, linear or cubic.
func gridSample(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x, grid := in[0], in[1]
	n := x.Rank() - 2
	if n < 1 || grid.Rank() != x.Rank() || grid.Dim(0) != x.Dim(0) || grid.Dim(-1) != n {
		fail("input %v, grid %v", x.Shape(), grid.Shape())
	}
	mode := c.Node.Text("mode", "linear")
	switch mode {
	case "bilinear":
		mode = "linear"
	case "bicubic":
		mode = "cubic"
	}
	dims := x.Shape()[2:]
	s := &sampler{mode: mode, padding: c.Node.Text("padding_mode", "zeros"), align: c.Node.Int("align_corners", 0) != 0, dims: dims, step: strides(dims)}
	if mode != "linear" && mode != "nearest" && mode != "cubic" || product(dims) == 0 {
		fail("mode %q on shape %v", mode, x.Shape())
	}
	shape := append([]int{x.Dim(0), x.Dim(1)}, grid.Shape()[1:n+1]...)
	r := newResult[float64](c, x.DType(), shape)
	src, g := load[float64](x), load[float64](grid)
	area, plane := product(shape[2:]), product(dims)
	c.each(x.Dim(0)*x.Dim(1), max(1, 4096/(area+1)), func(lo, hi int) {
		point := make([]float64, n)
		for job := lo; job < hi; job++ {
			for o := range area {
				at := (job/x.Dim(1)*area + o) * n
				for d := range point {
					point[d] = s.coordinate(g[at+n-1-d], dims[d])
				}
				r.data[job*area+o] = s.at(src[job*plane:(job+1)*plane], point)
			}
		}
	})
	return one(r.tensor())
}

// affineGrid is AffineGrid: the grid of GridSample for an output of the given
// size under the affine map theta.
func affineGrid(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	theta, size := in[0], sizes(integers(in[1]))
	n := len(size) - 2
	if n < 2 || n > 3 || theta.Rank() != 3 || theta.Dim(0) != size[0] || theta.Dim(1) != n || theta.Dim(2) != n+1 {
		fail("theta %v for size %v", theta.Shape(), size)
	}
	dims := size[2:]
	r := newResult[float64](c, theta.DType(), append(append([]int{size[0]}, dims...), n))
	t := load[float64](theta)
	align := c.Node.Int("align_corners", 0) != 0
	pos := make([]int, n)
	point := make([]float64, n+1)
	point[n] = 1
	area := product(dims)
	for i := range size[0] * area {
		for d, p := range pos {
			v := (2*float64(p)+1)/float64(dims[d]) - 1
			if align {
				v = 0
				if dims[d] > 1 {
					v = 2*float64(p)/float64(dims[d]-1) - 1
				}
			}
			point[n-1-d] = v
		}
		for k := range n {
			sum := 0.0
			for j, v := range point {
				sum += t[(i/area*n+k)*(n+1)+j] * v
			}
			r.data[i*n+k] = sum
		}
		next(pos, dims)
	}
	return one(r.tensor())
}

// roiAlign is RoiAlign: each bin of a region is the mean, or the greatest
// weighted tap, over sampling_ratio² bilinear samples, or as many as it has
// elements.
func roiAlign(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x, rois := in[0], in[1]
	rank(x, "X", 4)
	rank(rois, "rois", 2)
	batchOf := integers(in[2])
	n, channels, h, w := rois.Dim(0), x.Dim(1), x.Dim(2), x.Dim(3)
	oh, ow := int(c.Node.Int("output_height", 1)), int(c.Node.Int("output_width", 1))
	if rois.Dim(1) != 4 || len(batchOf) != n || oh < 1 || ow < 1 {
		fail("rois %v, batch indices %v", rois.Shape(), in[2].Shape())
	}
	scale := float64(c.Node.Float("spatial_scale", 1))
	half := c.Opset >= 16 && c.Node.Text("coordinate_transformation_mode", "half_pixel") == "half_pixel"
	ratio := int(c.Node.Int("sampling_ratio", 0))
	greatest := c.Node.Text("mode", "avg") == "max"
	r := newResult[float64](c, x.DType(), []int{n, channels, oh, ow})
	src, boxes := load[float64](x), load[float64](rois)
	for i := range n {
		b := index(batchOf[i], x.Dim(0))
		off := 0.0
		if half {
			off = 0.5
		}
		x0, y0 := boxes[i*4]*scale-off, boxes[i*4+1]*scale-off
		rw, rh := boxes[i*4+2]*scale-off-x0, boxes[i*4+3]*scale-off-y0
		if !half {
			rw, rh = max(rw, 1), max(rh, 1)
		}
		bh, bw := rh/float64(oh), rw/float64(ow)
		gh, gw := ratio, ratio
		if ratio <= 0 {
			gh, gw = int(math.Ceil(bh)), int(math.Ceil(bw))
		}
		if gh > 1<<14 || gw > 1<<14 {
			fail("region %v", boxes[i*4:i*4+4])
		}
		for ch := range channels {
			img := src[(b*channels+ch)*h*w:][:h*w]
			for o := range oh * ow {
				sum, best, any := 0.0, 0.0, false
				for g := range max(0, gh) * max(0, gw) {
					y := y0 + float64(o/ow)*bh + (float64(g/gw)+0.5)*bh/float64(gh)
					xx := x0 + float64(o%ow)*bw + (float64(g%gw)+0.5)*bw/float64(gw)
					v, m := bilinear(img, h, w, y, xx)
					sum += v
					if !any || m > best {
						best, any = m, true
					}
				}
				at := (i*channels+ch)*oh*ow + o
				if greatest {
					r.data[at] = best
				} else {
					r.data[at] = sum / float64(max(gh*gw, 1))
				}
			}
		}
	}
	return one(r.tensor())
}

// bilinear is the value at a point of an image, zero beyond one element
// outside, and the greatest of its four weighted taps.
func bilinear(img []float64, h, w int, y, x float64) (sum, best float64) {
	if !(y >= -1 && y <= float64(h) && x >= -1 && x <= float64(w)) {
		return 0, 0
	}
	side := func(v float64, n int) (lo, hi int, t float64) {
		v = max(v, 0)
		if lo = int(v); lo >= n-1 {
			return n - 1, n - 1, 0
		}
		return lo, lo + 1, v - float64(lo)
	}
	y0, y1, ty := side(y, h)
	x0, x1, tx := side(x, w)
	a, b := (1-ty)*(1-tx)*img[y0*w+x0], (1-ty)*tx*img[y0*w+x1]
	p, q := ty*(1-tx)*img[y1*w+x0], ty*tx*img[y1*w+x1]
	return a + b + p + q, max(a, b, p, q)
}

// deformConv is DeformConv: a convolution whose taps are moved by offsets, and
// weighted by a mask, given for each output position; between elements it reads
// bilinearly, outside it reads zeros.
func deformConv(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x, w, offset, b, mask := in[0], in[1], in[2], In(in, 3), In(in, 4)
	rank(x, "X", 4)
	groups, win := convShape(c, x, w)
	og := int(c.Node.Int("offset_group", 1))
	taps, area := product(win.kernel), product(win.out)
	n, channels, filters := x.Dim(0), x.Dim(1), w.Dim(0)
	if og < 1 || channels%og != 0 || offset.Len() != n*og*2*taps*area || mask != nil && mask.Len() != n*og*taps*area || b != nil && b.Len() != filters {
		fail("X %v, offset %v with %d offset groups", x.Shape(), offset.Shape(), og)
	}
	r := newResult[float64](c, x.DType(), []int{n, filters, win.out[0], win.out[1]})
	src, weights, off := load[float64](x), load[float64](w), load[float64](offset)
	var m, bias []float64
	if mask != nil {
		m = load[float64](mask)
	}
	if b != nil {
		bias = load[float64](b)
	}
	h, wd := win.in[0], win.in[1]
	s := &sampler{mode: "linear", padding: "zeros", dims: win.in, step: strides(win.in)}
	inGroup, each := channels/groups, filters/groups
	cols := make([]float64, channels*taps) // what the taps see at one position
	for i := range n {
		for o := range area {
			oy, ox := o/win.out[1], o%win.out[1]
			for ch := range channels {
				g := i*og + ch/(channels/og)
				for t := range taps {
					at := (g*taps+t)*2*area + o
					y := float64(oy*win.stride[0]-win.before[0]+t/win.kernel[1]*win.dilation[0]) + off[at]
					xx := float64(ox*win.stride[1]-win.before[1]+t%win.kernel[1]*win.dilation[1]) + off[at+area]
					v := s.at(src[(i*channels+ch)*h*wd:][:h*wd], []float64{y, xx})
					if m != nil {
						v *= m[(g*taps+t)*area+o]
					}
					cols[ch*taps+t] = v
				}
			}
			for f := range filters {
				sum := 0.0
				if bias != nil {
					sum = bias[f]
				}
				for k, v := range cols[f/each*inGroup*taps:][:inGroup*taps] {
					sum += v * weights[f*inGroup*taps+k]
				}
				r.data[(i*filters+f)*area+o] = sum
			}
		}
	}
	return one(r.tensor())
}
