package f32

import "math"

// depthwise convolves channels c0..c1, each with its own filters. Positions of
// a channel are computed as one run over its planes, row after row with what
// lies between rows, which is thrown away.
func depthwise(dst, x []float32, f *Filter, c Conv, w window, ep *Epilogue, in *Quantizer, scratch []float32, c0, c1 int) {
	p := w.planes(0, w.oh)
	n, run := len(p.off), roundUp((w.oh-1)*p.wq+w.ow, 8)
	buf, out := scratch[:p.size+slack], scratch[p.size+slack:][:run+slack]
	area := w.oh * w.ow
	each := c.Filters / c.Groups
	clear(buf)
	clear(out[run:])
	lo, hi, _ := ep.bounds()
	for ch := c0; ch < c1; ch++ {
		p.fill(buf, x[ch*c.Height*c.Width:][:c.Height*c.Width], 0, in)
		for o := ch * each; o < (ch+1)*each; o++ {
			taps(out[:run], buf, f.taps[o*n:(o+1)*n], p.off)
			bias := negativeZero
			if ep.RowBias != nil {
				bias = ep.RowBias[o]
			}
			if ep.Residual == nil && ep.ColBias == nil {
				finishRows(dst[o*area:(o+1)*area], out, w.oh, w.ow, p.wq, bias, lo, hi)
			} else {
				finishRows(dst[o*area:(o+1)*area], out, w.oh, w.ow, p.wq, negativeZero, -inf, inf)
				ep.apply(dst, area, o, o+1, 0, area)
			}
			ep.quantize(dst, area, o, o+1, 0, area)
		}
	}
}

// negativeZero added to anything changes nothing.
var negativeZero = float32(math.Copysign(0, -1))

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
