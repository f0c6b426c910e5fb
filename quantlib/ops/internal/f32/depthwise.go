package f32

// depthwise convolves channels c0..c1, each with its own filters. Positions of
// a channel are computed as one run over its planes, row after row with what
// lies between rows, which is thrown away.
func depthwise(dst, x []float32, f *Filter, c Conv, w window, ep *Epilogue, in *Quantizer, scratch []float32, c0, c1 int) {
	p := w.planes(0, w.oh)
	n := len(p.off)
	buf, out := scratch[:p.size], scratch[p.size:][:(w.oh-1)*p.wq+w.ow]
	area := w.oh * w.ow
	each := c.Filters / c.Groups
	for ch := c0; ch < c1; ch++ {
		src := x[ch*c.Height*c.Width:][:c.Height*c.Width]
		if in != nil || !p.direct() {
			p.fill(buf, src, 0, in)
			src = buf
		}
		for o := ch * each; o < (ch+1)*each; o++ {
			weights := f.taps[o*n : (o+1)*n]
			if p.wq == w.ow {
				taps(dst[o*area:(o+1)*area], src, weights, p.off)
			} else {
				taps(out, src, weights, p.off)
				for y := range w.oh {
					copy(dst[o*area+y*w.ow:][:w.ow], out[y*p.wq:])
				}
			}
			ep.apply(dst, area, o, o+1, 0, area)
			ep.quantize(dst, area, o, o+1, 0, area)
		}
	}
}

// tapsGo stores in dst[i] the chain over t of w[t] · src[off[t]+i].
func tapsGo(dst, src, w []float32, off []int32) {
	for i := range dst {
		var s float64
		for t, o := range off {
			p := float64(w[t]) * float64(src[int(o)+i])
			s = float64(roundSum(p, s, p+s))
		}
		dst[i] = float32(s)
	}
}
