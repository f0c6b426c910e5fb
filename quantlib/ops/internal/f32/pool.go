package f32

import "fmt"

// Pool is the geometry of two-dimensional pooling over one image in
// [channel, row, column] order. Zero strides and dilations mean 1.
type Pool struct {
	Channels, Height, Width              int
	KernelH, KernelW                     int
	StrideH, StrideW                     int
	DilationH, DilationW                 int
	PadTop, PadLeft, PadBottom, PadRight int
	Ceil                                 bool // round the size of the output up; windows start inside image or padding before it
}

// Out returns the size of the output.
func (p Pool) Out() (height, width int) {
	w, _, _ := p.window()
	return w.oh, w.ow
}

// window returns the geometry with the sizes of image and padding together.
func (p Pool) window() (w window, hp, wp int) {
	for _, v := range []*int{&p.StrideH, &p.StrideW, &p.DilationH, &p.DilationW} {
		*v = max(*v, 1)
	}
	hp, wp = p.Height+p.PadTop+p.PadBottom, p.Width+p.PadLeft+p.PadRight
	size := func(n, padded, before, kernel, stride, dilation int) int {
		out := outSize(padded, 0, kernel, stride, dilation)
		if span := (kernel-1)*dilation + 1; p.Ceil && padded >= span {
			out = (padded-span+stride-1)/stride + 1
			if (out-1)*stride >= n+before {
				out--
			}
		}
		return out
	}
	return window{
		h: p.Height, w: p.Width, kh: p.KernelH, kw: p.KernelW, sh: p.StrideH, sw: p.StrideW,
		dh: p.DilationH, dw: p.DilationW, top: p.PadTop, left: p.PadLeft,
		oh: size(p.Height, hp, p.PadTop, p.KernelH, p.StrideH, p.DilationH),
		ow: size(p.Width, wp, p.PadLeft, p.KernelW, p.StrideW, p.DilationW),
	}, hp, wp
}

// ScratchLen is the length of the scratch memory, in elements, that p needs.
func (p Pool) ScratchLen() int {
	w, _, _ := p.window()
	if w.oh == 0 || w.ow == 0 {
		return 0
	}
	q := w.planes(0, w.oh)
	return q.size + w.oh*q.wq + 2*slack
}

// MaxPool stores the greatest element of each window in dst, a NaN if there is
// one; padding takes no part (a window without elements gives -Inf).
//
// It panics if lengths do not fit or scratch is shorter than p.ScratchLen().
func MaxPool(dst, x []float32, p Pool, scratch []float32) {
	p.run(dst, x, scratch, -inf, tapsMax, nil)
}

// AveragePool stores the mean of each window in dst: the float32 sum over taps
// in order, divided by their number. Padding counts, as zeros, if includePad
// is set; what Ceil adds behind the padding never does.
//
// It panics as MaxPool does.
func AveragePool(dst, x []float32, p Pool, includePad bool, scratch []float32) {
	w, hp, wp := p.window()
	hits := func(o, k, stride, dilation, before, n, padded int) (count int) {
		for t := range k {
			at := o*stride + t*dilation
			if includePad && at < padded || !includePad && at >= before && at < before+n {
				count++
			}
		}
		return count
	}
	columns := make([]float32, w.ow)
	for i := range columns {
		columns[i] = float32(hits(i, w.kw, w.sw, w.dw, w.left, w.w, wp))
	}
	p.run(dst, x, scratch, 0, tapsSum, func(row []float32, y int) {
		rows := float32(hits(y, w.kh, w.sh, w.dh, w.top, w.h, hp))
		for i, c := range columns {
			row[i] /= rows * c
		}
	})
}

func (p Pool) run(dst, x, scratch []float32, pad float32, taps func(dst, src []float32, off []int32), finish func(row []float32, y int)) {
	w, _, _ := p.window()
	if w.oh == 0 || w.ow == 0 {
		return
	}
	plane, area := p.Height*p.Width, w.oh*w.ow
	if len(x) < p.Channels*plane || len(dst) < p.Channels*area || len(scratch) < p.ScratchLen() {
		panic(fmt.Sprintf("f32: pooling %+v from %d to %d elements with %d of scratch", p, len(x), len(dst), len(scratch)))
	}
	q := w.planes(0, w.oh)
	run := roundUp((w.oh-1)*q.wq+w.ow, 8)
	buf, out := scratch[:q.size+slack], scratch[q.size+slack:][:run]
	fillWith(buf, pad)
	for c := range p.Channels {
		src := x[c*plane:][:plane]
		q.fill(buf, src, pad, nil)
		taps(out, buf, q.off)
		for y := range w.oh {
			row := dst[c*area+y*w.ow:][:w.ow]
			copy(row, out[y*q.wq:])
			if finish != nil {
				finish(row, y)
			}
		}
	}
}

// tapsMaxGo stores in dst[i] the greatest src[off[t]+i]: NaN if one is NaN, and
// of zeros the last.
func tapsMaxGo(dst, src []float32, off []int32) {
	for i := range dst {
		m := src[int(off[0])+i]
		for _, o := range off[1:] {
			if v := src[int(o)+i]; m == m && !(m > v) {
				m = v
			}
		}
		dst[i] = m
	}
}

// tapsSumGo stores in dst[i] the sum of src[off[t]+i], in the order of t.
func tapsSumGo(dst, src []float32, off []int32) {
	for i := range dst {
		var s float32
		for _, o := range off {
			s += src[int(o)+i]
		}
		dst[i] = s
	}
}
