package ops

import (
	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	registerVJP("Conv", convVJP)
	registerVJP("ConvTranspose", convTransposeVJP)
}

// convVJP: the cotangent of x is g convolved with the kernel turned round, that
// of w the product of g with the columns of x, that of the bias the sum of g
// over images and positions.
func convVJP(c *Call, in, _ []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
	x, w := in[0], in[1]
	groups, win := convShape(c, x, w)
	k := g.Dim(0)
	res := make([]*tensor.Tensor, len(in))
	if need[0] {
		res[0] = c.cotangent(k, x)
		convImages(c, res[0].F32(), g.F32(), w, k*x.Dim(0), groups, &win)
	}
	if need[1] {
		res[1] = c.cotangent(k, w)
		convFilters(c, res[1].F32(), g.F32(), x.F32(), k, x.Dim(0), w, groups, &win)
	}
	if len(in) > 2 && need[2] {
		res[2] = c.cotangent(k, in[2])
		channelSums(res[2].F32(), g.F32(), k, x.Dim(0), w.Dim(0), product(win.out))
	}
	return res
}

// convTransposeVJP: y is what convImages makes of x, so the cotangent of x is
// the convolution of g, and that of w has the roles of image and result changed.
func convTransposeVJP(c *Call, in, _ []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
	x, w := in[0], in[1]
	groups := int(c.Node.Int("group", 1))
	win := transposeWindow(c, x.Shape()[2:], w.Shape()[2:])
	k, n := g.Dim(0), x.Dim(0)
	filters, plane, area := w.Dim(1)*groups, product(win.in), product(win.out)
	res := make([]*tensor.Tensor, len(in))
	if need[0] {
		res[0] = c.cotangent(k, x)
		images := append([]int{k * n, filters}, win.in...)
		flat := res[0].Reshape(append([]int{k * n, x.Dim(1)}, win.out...)...)
		if len(win.in) <= 2 {
			conv2D(c, flat, g.Reshape(images...), w, nil, groups, win)
		} else {
			convND(c, flat, g.Reshape(images...), w, nil, groups, &win)
		}
	}
	if need[1] {
		res[1] = c.cotangent(k, w)
		dst := res[1].F32()
		size := w.Len()
		sum := make([]float32, size)
		for p := range k {
			clear(dst[p*size : (p+1)*size])
			for i := range n {
				image := g.F32()[(p*n+i)*filters*plane:][:filters*plane]
				convFilters(c, sum, x.F32()[i*x.Dim(1)*area:][:x.Dim(1)*area], image, 1, 1, w, groups, &win)
				f32.Add(dst[p*size:(p+1)*size], dst[p*size:(p+1)*size], sum)
			}
		}
	}
	if len(in) > 2 && need[2] {
		res[2] = c.cotangent(k, in[2])
		channelSums(res[2].F32(), g.F32(), k, n, filters, plane)
	}
	return res
}

// channelSums stores in dst [k, channels] the sums of g [k, n, channels, area],
// taken in float64.
func channelSums(dst, g []float32, k, n, channels, area int) {
	for p := range k {
		for m := range channels {
			s := 0.0
			for i := range n {
				s += f32.Sum(g[((p*n+i)*channels+m)*area:][:area])
			}
			dst[p*channels+m] = float32(s)
		}
	}
}

// turned is the key of a convolution's weights packed for the way back.
type turned struct {
	w      *tensor.Tensor
	groups int
	whole  bool // as a filter of a convolution, not as a matrix for each group
}

// fastTurned is the key of such a filter, transformed.
type fastTurned turned

// convImages stores in dst, images of [channels, in…], what the convolution's
// transpose makes of g, images of [filters, out…]. With stride 1 it is a
// convolution; so it is for depthwise ones, with zeros between the elements of
// g. Otherwise it is a matrix product whose columns are added in place.
func convImages(c *Call, dst, g []float32, w *tensor.Tensor, images, groups int, win *window) {
	filters, inGroup := w.Dim(0), w.Dim(1)
	if len(dst) == 0 {
		return
	}
	if len(g) == 0 {
		clear(dst)
		return
	}
	if back, ok := win.back(inGroup == 1 && filters == groups); ok {
		convBack(c, dst, g, w, images, groups, win, back)
		return
	}
	each, rows, area, plane := filters/groups, w.Len()/filters, product(win.out), product(win.in)
	packed := c.Cached(w, turned{w, groups, false}, func() any {
		list := make([]*f32.Packed, groups)
		for i := range list {
			list[i] = f32.PackA(w.F32()[i*each*rows:], rows, each, 1, rows)
		}
		return list
	}).([]*f32.Packed)
	size := f32.ScratchLen + rows*area
	jobs := images * groups
	scratch := c.Scratch(size * c.partCount(jobs, 1))
	c.parts(jobs, 1, func(p, lo, hi int) {
		cols := scratch[p*size+f32.ScratchLen : (p+1)*size]
		for job := lo; job < hi; job++ {
			m := f32.Gemm{M: rows, N: area, K: each, A: f32.Operand{Packed: packed[job%groups]}, B: operand(g[job*each*area:], area, each, false)}
			m.Run(cols, area, scratch[p*size:][:f32.ScratchLen])
			y := dst[job*inGroup*plane:][:inGroup*plane]
			clear(y)
			addColumns(y, cols, inGroup, win)
		}
	})
}

// back is the geometry of the convolution of stride 1 that takes g to the image,
// where spread says by how much g's elements are set apart first. It is not ok
// where padding is wider than the kernel, and with a stride unless apart is set.
func (w *window) back(apart bool) (g f32.Conv, ok bool) {
	if len(w.in) > 2 {
		return g, false
	}
	dims := []struct{ size, kernel, dilation, before, after *int }{
		{&g.Height, &g.KernelH, &g.DilationH, &g.PadTop, &g.PadBottom},
		{&g.Width, &g.KernelW, &g.DilationW, &g.PadLeft, &g.PadRight},
	}
	g.Height, g.KernelH, g.DilationH = 1, 1, 1
	for i := range w.in {
		if w.stride[i] != 1 && !apart {
			return g, false
		}
		d := dims[i+2-len(w.in)]
		reach := (w.kernel[i] - 1) * w.dilation[i]
		*d.size = (w.out[i]-1)*w.stride[i] + 1
		*d.kernel, *d.dilation = w.kernel[i], w.dilation[i]
		*d.before = reach - w.before[i]
		*d.after = w.in[i] - *d.size - *d.before + reach
		if *d.before < 0 || *d.after < 0 {
			return g, false
		}
	}
	return g, true
}

func convBack(c *Call, dst, g []float32, w *tensor.Tensor, images, groups int, win *window, geometry f32.Conv) {
	filters, inGroup := w.Dim(0), w.Dim(1)
	each, taps := filters/groups, product(win.kernel)
	geometry.Channels, geometry.Filters, geometry.Groups = filters, inGroup*groups, groups
	key := turned{w, groups, true}
	filter := newConvolver(c, geometry, w, key, fastTurned(key), func() []float32 {
		t, src := make([]float32, w.Len()), w.F32()
		for f := range filters {
			group, m := f/each, f%each
			for i := range inGroup {
				from, to := src[(f*inGroup+i)*taps:][:taps], t[((group*inGroup+i)*each+m)*taps:][:taps]
				for k, v := range from {
					to[taps-1-k] = v
				}
			}
		}
		return t
	})
	area, result := product(win.out), len(dst)/images
	wide := geometry.Height * geometry.Width
	spread := 0
	if wide != area {
		spread = filters * wide
	}
	size := convScratch(geometry)
	scratch := c.Scratch((size + spread) * c.partCount(images, 1))
	c.parts(images, 1, func(p, lo, hi int) {
		own := scratch[p*(size+spread) : (p+1)*(size+spread)]
		for i := lo; i < hi; i++ {
			src := g[i*filters*area : (i+1)*filters*area]
			if spread > 0 {
				src = own[size:]
				clear(src)
				setApart(src, g[i*filters*area:(i+1)*filters*area], filters, win, geometry)
			}
			filter.part(dst[i*result:(i+1)*result], src, &f32.Epilogue{}, own[:size], 0, 1)
		}
	})
}

// setApart copies planes so that elements are as far apart as the strides say.
func setApart(dst, src []float32, planes int, win *window, g f32.Conv) {
	sh, sw, oh, ow := 1, win.stride[len(win.stride)-1], 1, win.out[len(win.out)-1]
	if len(win.in) == 2 {
		sh, oh = win.stride[0], win.out[0]
	}
	for p := range planes {
		for y := range oh {
			from, to := src[(p*oh+y)*ow:][:ow], dst[(p*g.Height+y*sh)*g.Width:]
			for i, v := range from {
				to[i*sw] = v
			}
		}
	}
}

// columnsAtOnce is the most elements of columns that are held at a time, 4 MB.
const columnsAtOnce = 1 << 20

// convFilters stores in dst, k parts of the shape of w, the products of g, k
// parts of n images [filters, out…], with the columns of x, n images of
// [channels, in…]. Images add up in order; positions are summed in stretches of
// whole rows, so that columns stay in the cache.
func convFilters(c *Call, dst, g, x []float32, k, n int, w *tensor.Tensor, groups int, win *window) {
	filters, inGroup := w.Dim(0), w.Dim(1)
	each, rows, area, plane := filters/groups, w.Len()/w.Dim(0), product(win.out), product(win.in)
	clear(dst)
	if area == 0 || len(dst) == 0 {
		return
	}
	width := win.out[len(win.out)-1] // of a row
	lines := area / width
	step := max(1, min(lines, columnsAtOnce/(rows*width)))
	if each < f32.MR/2 {
		step = max(1, min(lines, 4096/width))
	}
	size := 0
	if !win.plain() {
		size = rows * step * width
	}
	scratch := c.Scratch(f32.ScratchLen + size)
	scratch, cols := scratch[:f32.ScratchLen], scratch[f32.ScratchLen:]
	for i := range n {
		for group := range groups {
			image := x[(i*groups+group)*inGroup*plane:][:inGroup*plane]
			for l := 0; l < lines; l += step {
				m := min(step, lines-l) * width
				from, stride := image[l*width:], plane
				if size > 0 {
					from, stride = cols, m
					takeColumns(cols[:rows*m], image, inGroup, win, l, m/width)
				}
				if each < f32.MR/2 { // depthwise: a row at a time
					for p := range k {
						for f := range each {
							a := g[((p*n+i)*filters+group*each+f)*area+l*width:][:m]
							to := dst[(p*filters+group*each+f)*rows:][:rows]
							for r := range to {
								to[r] += float32(f32.Dot(a, from[r*stride:][:m]))
							}
						}
					}
					continue
				}
				y := f32.Gemm{M: each, N: rows, K: m, B: operand(from, 0, stride, true), Accumulate: true}
				if n == 1 && groups == 1 { // all parts are one matrix
					y.M *= k
					y.A = operand(g[l*width:], area, 0, false)
					y.Run(dst, rows, scratch)
					continue
				}
				for p := range k {
					y.A = operand(g[((p*n+i)*filters+group*each)*area+l*width:], area, 0, false)
					y.Run(dst[(p*filters+group*each)*rows:], rows, scratch)
				}
			}
		}
	}
}

// plain reports whether the columns are the image itself.
func (w *window) plain() bool {
	for i := range w.in {
		if w.kernel[i] != 1 || w.stride[i] != 1 || w.before[i] != 0 || w.after[i] != 0 {
			return false
		}
	}
	return true
}

// columnRuns calls f for each tap and each output row of l0..l1: elements lo..hi
// of the row read the image from place at on, stride apart; the others read
// padding. A window of more than two dimensions has runs like any other.
func (w *window) columnRuns(l0, l1 int, f func(tap, line, lo, hi, at int)) {
	last := len(w.in) - 1
	width, s := w.out[last], w.stride[last]
	taps := product(w.kernel)
	for tap := range taps {
		t := position(tap, w.kernel)
		x0 := t[last]*w.dilation[last] - w.before[last]
		lo, hi := 0, 0
		if x0 < 0 {
			lo = min(width, (-x0+s-1)/s)
		}
		if x0 < w.in[last] {
			hi = min(width, (w.in[last]-1-x0)/s+1)
		}
		pos := position(l0, w.out[:last])
		for line := l0; line < l1; line++ {
			at := 0
			for d, p := range pos {
				i := p*w.stride[d] - w.before[d] + t[d]*w.dilation[d]
				if i < 0 || i >= w.in[d] {
					at = -1
					break
				}
				at = at*w.in[d] + i
			}
			if at < 0 || hi <= lo {
				f(tap, line, 0, 0, 0)
			} else {
				f(tap, line, lo, hi, at*w.in[last]+x0+lo*s)
			}
			next(pos, w.out[:last])
		}
	}
}

// takeColumns stores in dst, row (channel, tap), column output position, what
// each tap reads at the positions of count rows from row line on.
func takeColumns(dst, image []float32, channels int, win *window, line, count int) {
	last := len(win.in) - 1
	width, s, taps, plane := win.out[last], win.stride[last], product(win.kernel), product(win.in)
	win.columnRuns(line, line+count, func(tap, l, lo, hi, at int) {
		for ch := range channels {
			row := dst[((ch*taps+tap)*count+l-line)*width:][:width]
			clear(row[:lo])
			clear(row[hi:])
			src := image[ch*plane:]
			switch s {
			case 1:
				copy(row[lo:hi], src[at:])
			default:
				i := at
				for j := lo; j < hi; j++ {
					row[j] = src[i]
					i += s
				}
			}
		}
	})
}

// addColumns is the transpose of takeColumns over all rows: it adds to image
// what each tap has at each position.
func addColumns(image, cols []float32, channels int, win *window) {
	last := len(win.in) - 1
	width, s, taps, plane, area := win.out[last], win.stride[last], product(win.kernel), product(win.in), product(win.out)
	win.columnRuns(0, area/width, func(tap, l, lo, hi, at int) {
		for ch := range channels {
			row := cols[(ch*taps+tap)*area+l*width:][:width]
			dst := image[ch*plane:]
			i := at
			for j := lo; j < hi; j++ {
				dst[i] += row[j]
				i += s
			}
		}
	})
}
