package f32

import "fmt"

// Conv is the geometry of a two-dimensional convolution over one image in
// [channel, row, column] order. Zero strides, dilations and groups mean 1. A
// one-dimensional convolution is one over a single row.
type Conv struct {
	Channels, Height, Width              int // of the input
	Filters                              int // channels of the output
	KernelH, KernelW                     int
	StrideH, StrideW                     int
	DilationH, DilationW                 int
	PadTop, PadLeft, PadBottom, PadRight int
	Groups                               int // input channels are split into as many; filters too
}

// Out returns the size of the output:
// (height + padding - ((kernel-1)·dilation + 1)) div stride + 1, at least 0.
func (c Conv) Out() (height, width int) {
	c = c.defaults()
	return outSize(c.Height, c.PadTop+c.PadBottom, c.KernelH, c.StrideH, c.DilationH),
		outSize(c.Width, c.PadLeft+c.PadRight, c.KernelW, c.StrideW, c.DilationW)
}

func outSize(n, pad, kernel, stride, dilation int) int {
	n += pad - (kernel-1)*dilation - 1
	if n < 0 {
		return 0
	}
	return n/stride + 1
}

func (c Conv) defaults() Conv {
	for _, v := range []*int{&c.StrideH, &c.StrideW, &c.DilationH, &c.DilationW, &c.Groups} {
		*v = max(*v, 1)
	}
	return c
}

func (c Conv) window() window {
	oh, ow := c.Out()
	return window{
		h: c.Height, w: c.Width, kh: c.KernelH, kw: c.KernelW, sh: c.StrideH, sw: c.StrideW,
		dh: c.DilationH, dw: c.DilationW, top: c.PadTop, left: c.PadLeft, oh: oh, ow: ow,
	}
}

// ScratchLen is the length of the scratch memory, in elements, that c needs.
func (c Conv) ScratchLen() int {
	c = c.defaults()
	w := c.window()
	if w.oh == 0 || w.ow == 0 {
		return 0
	}
	if c.depthwise() {
		return w.depthwiseScratch()
	}
	if w.covers(0, w.oh) {
		return ScratchLen
	}
	_, _, size := w.extent(w.oh)
	return ScratchLen + size*c.Channels/c.Groups + slack
}

func (c Conv) depthwise() bool { return c.Groups > 1 && c.Channels == c.Groups }

// Filter is the weights of a convolution, packed. It is read-only, and
// goroutines may share it.
type Filter struct {
	filters, channels, kh, kw, groups int       // channels of one group
	packed                            []*Packed // one per group; nil if depthwise
	taps                              []float32 // depthwise: [filters, kh·kw]
}

// PackFilter packs weights w in the order [filters, channels/groups, kernelH,
// kernelW]; a copy is kept. It panics if len(w) does not fit.
func PackFilter(w []float32, filters, channelsPerGroup, kernelH, kernelW, groups int) *Filter {
	k := channelsPerGroup * kernelH * kernelW
	groups = max(groups, 1)
	if len(w) != filters*k || filters%groups != 0 {
		panic(fmt.Sprintf("f32: %d weights for %d filters of %d×%d×%d in %d groups",
			len(w), filters, channelsPerGroup, kernelH, kernelW, groups))
	}
	f := &Filter{filters: filters, channels: channelsPerGroup, kh: kernelH, kw: kernelW, groups: groups}
	if groups > 1 && channelsPerGroup == 1 {
		f.taps = append([]float32(nil), w...)
		return f
	}
	each := filters / groups
	for g := range groups {
		f.packed = append(f.packed, PackA(w[g*each*k:], each, k, k, 1))
	}
	return f
}

// Bytes is the memory that f holds.
func (f *Filter) Bytes() int {
	n := 4 * len(f.taps)
	for _, p := range f.packed {
		n += p.Bytes()
	}
	return n
}

// FilterBytes is the Bytes of the filter that PackFilter makes of weights of
// this shape.
func FilterBytes(filters, channelsPerGroup, kernelH, kernelW, groups int) int {
	k := channelsPerGroup * kernelH * kernelW
	if groups = max(groups, 1); groups > 1 && channelsPerGroup == 1 {
		return 4 * filters * k
	}
	return groups * PackedBytes(filters/groups, k, MR)
}

// Conv2D computes the convolution of x with f, in the order
// [filters, outH, outW]:
//
//	dst[o,y,x] = epilogue(chain over (c, ky, kx) of f[o,c,ky,kx] ·
//	             x[c, y·strideH + ky·dilationH - padTop, x·strideW + …])
//
// Rows of the epilogue are filters, its columns are positions y·outW + x. If in
// is set, the input is fake-quantized on the way. Padding counts as zeros.
//
// It panics if lengths do not fit or scratch is shorter than c.ScratchLen().
func Conv2D(dst, x []float32, f *Filter, c Conv, ep *Epilogue, in *Quantizer, scratch []float32) {
	Conv2DPart(dst, x, f, c, ep, in, scratch, 0, 1)
}

// Conv2DPart computes part p of n of the convolution, which is the n parts
// together, with the same bits. Parts may run at the same time, each with a
// scratch memory of its own.
func Conv2DPart(dst, x []float32, f *Filter, c Conv, ep *Epilogue, in *Quantizer, scratch []float32, part, parts int) {
	c = c.defaults()
	c.check(dst, x, f, scratch)
	w := c.window()
	if w.oh == 0 || w.ow == 0 || c.Filters == 0 {
		return
	}
	if ep == nil {
		ep = &Epilogue{}
	}
	ep.check(c.Filters, w.oh*w.ow)
	if f.taps != nil {
		c0, c1 := Split(part, parts, c.Channels, 1)
		depthwise(dst, x, f, c, w, ep, in, scratch, c0, c1)
		return
	}
	// Rows of the image, or filters where the image is small.
	oy0, oy1 := 0, w.oh
	each := c.Filters / c.Groups
	o0, o1 := 0, each
	if w.oh*w.ow >= 8*NR*parts && w.oh >= 2*parts {
		oy0, oy1 = Split(part, parts, w.oh, 1)
	} else {
		o0, o1 = Split(part, parts, each, MR)
	}
	if oy0 >= oy1 || o0 >= o1 {
		return
	}
	area, plane := w.oh*w.ow, c.Height*c.Width
	inGroup := c.Channels / c.Groups
	p := w.planes(oy0, oy1)
	for g := range c.Groups {
		src := columns{p: &p, src: x[g*inGroup*plane:], each: plane}
		gemm := Gemm{
			M: each, N: (oy1 - oy0) * w.ow, K: inGroup * len(p.off),
			A: Operand{Packed: f.packed[g]}, B: Operand{Source: &src},
			Epilogue: ep.from(g*each, oy0*w.ow),
		}
		if p.direct() {
			src.src = src.src[oy0*w.w:]
			gemm.B.Quant = in
		} else {
			buf := scratch[ScratchLen:]
			clear(buf[:inGroup*p.size+slack])
			for ch := range inGroup {
				p.fill(buf[ch*p.size:], x[(g*inGroup+ch)*plane:], 0, in)
			}
			src.src, src.each = buf, p.size
		}
		if !wide && gemm.convolve(&src, dst[g*each*area+oy0*w.ow:], area, o0, o1, scratch[:ScratchLen]) {
			continue
		}
		gemm.RunPart(dst[g*each*area+oy0*w.ow:], area, o0, o1, 0, gemm.N, scratch[:ScratchLen])
	}
}

// from returns the epilogue of the product that starts at the given row and
// column.
func (e *Epilogue) from(row, col int) Epilogue {
	s := *e
	if s.RowBias != nil {
		s.RowBias = s.RowBias[row:]
	}
	if s.ColBias != nil {
		s.ColBias = s.ColBias[col:]
	}
	if s.Residual != nil {
		s.Residual = s.Residual[row*s.ResidualStride+col:]
	}
	if len(s.Quant) > 1 {
		s.Quant = s.Quant[row:]
	}
	return s
}

func (c Conv) check(dst, x []float32, f *Filter, scratch []float32) {
	oh, ow := c.Out()
	switch {
	case f.filters != c.Filters || f.channels*c.Groups != c.Channels || f.kh != c.KernelH || f.kw != c.KernelW || f.groups != c.Groups:
		panic(fmt.Sprintf("f32: convolution %+v with %d filters of %d×%d×%d in %d groups", c, f.filters, f.channels, f.kh, f.kw, f.groups))
	case len(x) < c.Channels*c.Height*c.Width || len(dst) < c.Filters*oh*ow:
		panic(fmt.Sprintf("f32: convolution %+v from %d to %d elements", c, len(x), len(dst)))
	case len(scratch) < c.ScratchLen():
		panic(fmt.Sprintf("f32: convolution %+v: scratch has %d elements, not %d", c, len(scratch), c.ScratchLen()))
	}
}
