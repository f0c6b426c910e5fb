package f32

import "math"

// A band is the rows of the output that are computed together, for a few
// channels at a time, so that planes stay in the L1 cache, and that what is
// stored is read again only after it has left the store buffer.
const bandSize = 5000 // elements of planes

// bands returns the number of output rows in a band, and of channels.
func (w window) bands() (rows, channels int) {
	rows = w.oh
	_, _, size := w.extent(rows)
	for rows > 1 && size > bandSize {
		rows = (rows + 1) / 2
		_, _, size = w.extent(rows)
	}
	return rows, clampInt(bandSize/size, 1, 8)
}

// depthwiseScratch is the length of the scratch memory that depthwise needs.
func (w window) depthwiseScratch() int {
	rows, channels := w.bands()
	_, wq, size := w.extent(rows)
	direct := w.zeros() + w.h*w.w + 2*margin
	if w.ow < 8 {
		direct += w.oh*w.ow + 8
	}
	return max(direct, channels*(size+rows*wq+3*slack))
}

// margin is how many elements a channel that stands apart may be read too far, to
// either side.
const margin = 3 * slack

// zeros is the length of a row of zeros that can be read like one of the image,
// some elements too far.
func (w window) zeros() int { return w.ow*w.sw + 3*slack }

// depthwise convolves channels c0..c1, each with its own filters. Positions of
// a band are computed as one run over its planes, row after row with what lies
// between rows, which is thrown away.
func depthwise(dst, x []float32, f *Filter, c Conv, w window, ep *Epilogue, in *Quantizer, scratch []float32, c0, c1 int) {
	if in == nil && wide && depthwiseWide(dst, x, f, c, w, ep, scratch, c0, c1) {
		return
	}
	if in == nil && depthwiseDirect(dst, x, f, c, w, ep, scratch, c0, c1) {
		return
	}
	rows, channels := w.bands()
	for y := 0; y < w.oh; y += rows {
		p := w.planes(y, min(y+rows, w.oh))
		d := band{dst: dst, f: f, planes: &p, ep: ep, each: c.Filters / c.Groups}
		d.lo, d.hi, _ = ep.bounds()
		d.run = roundUp((p.oy1-p.oy0-1)*p.wq+w.ow, 8)
		size, area := p.size+slack, c.Height*c.Width
		buf := scratch[:channels*size]
		d.out = scratch[channels*size:][:channels*(d.run+slack)]
		clear(buf)
		clear(d.out) // what lies behind the runs is read
		for ch := c0; ch < c1; ch += channels {
			n := min(channels, c1-ch)
			for i := range n {
				p.fill(buf[i*size:(i+1)*size], x[(ch+i)*area:][:area], 0, in)
			}
			for m := range d.each {
				for i := range n {
					o := (ch+i)*d.each + m
					taps(d.out[i*(d.run+slack):][:d.run], buf[i*size:(i+1)*size], f.taps[o*len(p.off):][:len(p.off)], p.off)
				}
				for i := range n {
					d.finish(i, (ch+i)*d.each+m)
				}
			}
		}
	}
}

type band struct {
	*planes
	dst, out []float32
	f        *Filter
	ep       *Epilogue
	lo, hi   float32
	each     int // filters per channel
	run      int // elements that are computed, of which some lie between rows
}

// finish stores run i, without what lies between rows, as rows of filter o.
func (d *band) finish(i, o int) {
	rows, area := d.oy1-d.oy0, d.oh*d.ow
	first, last := d.oy0*d.ow, d.oy1*d.ow
	out, dst := d.out[i*(d.run+slack):(i+1)*(d.run+slack)], d.dst[o*area+first:o*area+last]
	bias := negativeZero
	if d.ep.RowBias != nil {
		bias = d.ep.RowBias[o]
	}
	if d.ep.Residual == nil && d.ep.ColBias == nil {
		finishRows(dst, out, rows, d.ow, d.wq, bias, d.lo, d.hi)
	} else {
		finishRows(dst, out, rows, d.ow, d.wq, negativeZero, -inf, inf)
		d.ep.apply(d.dst, area, o, o+1, first, last)
	}
	d.ep.quantize(d.dst, area, o, o+1, first, last)
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
