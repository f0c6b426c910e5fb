package f32

// window is how a kernel of KernelH×KernelW taps moves over one image, in rows
// and columns.
type window struct {
	h, w                   int // of the image
	kh, kw, sh, sw, dh, dw int // kernel, stride, dilation
	top, left              int // padding before
	oh, ow                 int // output
}

// planes is a padded channel, or a run of output rows of it, split by stride:
// the row y, column x of the padded image stands in plane (y mod sh, x mod sw)
// at (y div sh, x div sw). So what tap t sees while the output position moves
// by one column, or by one row, moves by 1, or by wq, for every stride and
// dilation: the input of output (oy, ox) under tap t is at
//
//	off[t] + (oy-oy0)·wq + ox
//
// Planes that no tap reads are left out.
type planes struct {
	window
	oy0, oy1 int
	hq, wq   int
	phases   [][2]int
	off      []int32 // [kh·kw]
	size     int     // of one channel
}

func (w window) planes(oy0, oy1 int) planes {
	p := planes{window: w, oy0: oy0, oy1: oy1}
	p.hq, p.wq, p.size = w.extent(oy1 - oy0)
	p.off = make([]int32, 0, w.kh*w.kw)
	p.phases = make([][2]int, 0, residues(w.kh, w.dh, w.sh)*residues(w.kw, w.dw, w.sw))
	for ky := range w.kh {
		for kx := range w.kw {
			y, x := ky*w.dh, kx*w.dw
			phase := p.phase(y%w.sh, x%w.sw)
			p.off = append(p.off, int32((phase*p.hq+y/w.sh)*p.wq+x/w.sw))
		}
	}
	return p
}

// extent returns the height and the width of the planes of some output rows, and
// the length of all of them.
func (w window) extent(rows int) (hq, wq, size int) {
	hq, wq = rows+(w.kh-1)*w.dh/w.sh, w.ow+(w.kw-1)*w.dw/w.sw
	return hq, wq, residues(w.kh, w.dh, w.sh) * residues(w.kw, w.dw, w.sw) * hq * wq
}

// residues is the number of remainders that the places of k taps, d apart, have
// when divided by s: they come again after s/gcd(d, s) taps.
func residues(k, d, s int) int {
	a, b := d, s
	for b != 0 {
		a, b = b, a%b
	}
	return min(k, s/a)
}

func (p *planes) phase(y, x int) int {
	for i, q := range p.phases {
		if q == [2]int{y, x} {
			return i
		}
	}
	p.phases = append(p.phases, [2]int{y, x})
	return len(p.phases) - 1
}

// direct reports whether the image itself can serve as its planes.
func (p *planes) direct() bool { return p.covers(p.oy0, p.oy1) }

// covers reports whether the image itself can serve as the planes of output rows
// oy0..oy1.
func (w window) covers(oy0, oy1 int) bool {
	hq, wq, _ := w.extent(oy1 - oy0)
	return w.sh == 1 && w.sw == 1 && w.top == 0 && w.left == 0 && wq == w.w && oy0+hq <= w.h
}

// fill copies one channel x into its planes, which hold pad outside the image
// already, and still do so afterwards, and fake-quantizes it if q is set. dst
// has slack behind the planes if more than pad may stand there.
func (p *planes) fill(dst, x []float32, pad float32, q *Quantizer) {
	for i, phase := range p.phases {
		// Plane columns qx0..qx1 and rows qy0..qy1 lie inside the image:
		// 0 <= qx·sw + px - left < w.
		qx0, qx1 := inside(p.left-phase[1], p.w, p.sw, p.wq)
		qy0, qy1 := inside(p.top-phase[0]-p.oy0*p.sh, p.h, p.sh, p.hq)
		if qx0 == qx1 || qy0 == qy1 {
			continue
		}
		y, c := (p.oy0+qy0)*p.sh+phase[0]-p.top, qx0*p.sw+phase[1]-p.left
		fillRows(dst[(i*p.hq+qy0)*p.wq+qx0:], x[y*p.w+c:], qy1-qy0, qx1-qx0, p.wq, p.sh*p.w, p.sw, pad, q)
	}
}

// inside returns the range of i in 0..limit with 0 <= i·stride - before < n.
func inside(before, n, stride, limit int) (lo, hi int) {
	lo = clampInt(ceilDiv(before, stride), 0, limit)
	return lo, clampInt(ceilDiv(n+before, stride), lo, limit)
}

func fillWith(x []float32, v float32) {
	if v == 0 {
		clear(x)
		return
	}
	for i := range x {
		x[i] = v
	}
}

func ceilDiv(a, b int) int {
	if a <= 0 {
		return 0 // callers clamp at zero
	}
	return (a + b - 1) / b
}

func clampInt(v, lo, hi int) int { return max(lo, min(v, hi)) }

// columns is the right factor of a convolution: row k = (channel, tap), column
// j = output position from row oy0 on.
type columns struct {
	p    *planes
	src  []float32 // planes of all channels
	each int       // elements between channels

	packed bool // whether all columns are better packed
}

// Pack implements [Source].
func (c *columns) Pack(dst []float32, k0, k1, j0, j1 int) {
	var buf [KC]int32
	off := buf[:k1-k0]
	n := len(c.p.off)
	ch, t := k0/n, k0%n
	var last int32
	for l := range off {
		off[l] = int32(ch*c.each) + c.p.off[t]
		last = max(last, off[l])
		if t++; t == n {
			ch, t = ch+1, 0
		}
	}
	for j := j0; j < j1; j += NR {
		panel := dst[(j-j0)*len(off) : (j-j0+NR)*len(off)]
		var base, at [NR]int32
		runs, n := 0, min(NR, j1-j)
		y, x := j/c.p.ow, j%c.p.ow
		for i := 0; i < n; runs++ {
			base[runs], at[runs] = int32(y*c.p.wq+x), int32(i)
			i += c.p.ow - x
			y, x = y+1, 0
		}
		end := int(last) + int(base[runs-1]) + NR
		copyRuns(panel, c.src, off, end, base[:runs], at[:runs], n)
	}
}

// copyRunsGo fills a panel of n columns: run r of row l comes from
// src[off[l]+base[r]:] and goes to column at[r], up to that of the next run.
func copyRunsGo(panel, src []float32, off []int32, base, at []int32, n int) {
	if n < NR {
		clear(panel)
	}
	for l, o := range off {
		row := panel[l*NR : l*NR+n]
		for r, b := range base {
			to := row[at[r]:]
			if r+1 < len(at) {
				to = row[at[r]:at[r+1]]
			}
			copy(to, src[o+b:])
		}
	}
}

// finishRowsGo stores rows of n elements of src, stride apart, in dst without
// gaps, with bias added and clamped.
func finishRowsGo(dst, src []float32, rows, n, stride int, bias, lo, hi float32) {
	for y := range rows {
		row, from := dst[y*n:][:n], src[y*stride:][:n]
		for i, v := range from {
			row[i] = clamp1(v+bias, lo, hi)
		}
	}
}

// fillRowsGo copies rows of n elements, step apart, from src to dst, with rows
// of dst and src the given strides apart, and fake-quantizes them if q is set.
func fillRowsGo(dst, src []float32, rows, n, dstStride, srcStride, step int, q *Quantizer) {
	for y := range rows {
		row, from := dst[y*dstStride:][:n], src[y*srcStride:]
		if step == 1 {
			copy(row, from)
		} else {
			for i := range row {
				row[i] = from[i*step]
			}
		}
		if q != nil {
			FakeQuantize(row, row, *q)
		}
	}
}
