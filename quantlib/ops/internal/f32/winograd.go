package f32

import (
	"fmt"
	"slices"
	"sync"
)

// A 3×3 convolution with stride 1 takes 2.25 times fewer multiplications as
// Winograd's F(2×2, 3×3): each tile of 2×2 outputs comes from 4×4 inputs d by
//
//	Y = Aᵀ [ Σ over channels (G g Gᵀ) ⊙ (Bᵀ d B) ] A
//
// with sixteen products of [filters × channels] by [channels × tiles] in the
// middle (A. Lavin, S. Gray: Fast Algorithms for Convolutional Neural Networks,
// arXiv 1509.09308). Bᵀ and Aᵀ hold only 0, 1 and -1, and an output takes no
// input from outside its own window, so that padding, zeros and NaN reach what
// they reach in the plain sum. An infinity gives NaN where it meets itself.

const (
	points = 16 // elements of a transformed tile: 4·row + column
	spread = 8  // tiles that are transformed at a time
)

// Winograd reports whether the convolution is one for [ConvWinograd]: 3×3 taps,
// stride, dilation and groups 1, and large enough for that to be the faster way.
// It depends on nothing but c, and so do the bits of a network.
func (c Conv) Winograd() bool {
	c = c.defaults()
	if c.KernelH != 3 || c.KernelW != 3 || c.StrideH != 1 || c.StrideW != 1 ||
		c.DilationH != 1 || c.DilationW != 1 || c.Groups != 1 || c.Channels < 24 || c.Filters < 24 {
		return false
	}
	oh, ow := c.Out()
	tiles := ceilDiv(oh, 2) * ceilDiv(ow, 2)
	return tiles >= 16 && 3*tiles <= oh*ow // less than a third more outputs than needed
}

// WinogradFilter is the weights of a convolution, transformed and packed. It is
// read-only, and goroutines may share it.
type WinogradFilter struct {
	filters, channels int
	packed            [points]*Packed // G g Gᵀ, [filters, channels] for each element
}

// PackWinograd transforms and packs weights w in the order [filters, channels,
// 3, 3]. The sums of G g Gᵀ are taken in float64 and rounded once.
//
// It panics if len(w) does not fit.
func PackWinograd(w []float32, filters, channels int) *WinogradFilter {
	if len(w) != filters*channels*9 {
		panic(fmt.Sprintf("f32: %d weights for %d filters of %d×3×3", len(w), filters, channels))
	}
	f := &WinogradFilter{filters: filters, channels: channels}
	for p := range f.packed {
		f.packed[p] = newPacked(filters, channels, MR)
	}
	stride := MR*channels + NR // a panel; not a power of two
	u := make([]float32, points*stride)
	for o := 0; o < filters; o += MR {
		m := min(MR, filters-o)
		for i := range m * channels {
			winogradWeights(u[i:], w[(o*channels+i)*9:], stride)
		}
		for p, packed := range f.packed {
			packed.packRows(u[p*stride:], o, o+m)
		}
	}
	return f
}

// winogradWeights stores G g Gᵀ in dst, stride elements apart.
func winogradWeights(dst, g []float32, stride int) {
	_ = g[8]
	winogradRow(dst, float64(g[0]), float64(g[1]), float64(g[2]), stride)
	winogradRow(dst[12*stride:], float64(g[6]), float64(g[7]), float64(g[8]), stride)
	e0, e1, e2 := float64(g[0])+float64(g[6]), float64(g[1])+float64(g[7]), float64(g[2])+float64(g[8])
	o0, o1, o2 := float64(g[3]), float64(g[4]), float64(g[5])
	winogradRow(dst[4*stride:], (e0+o0)/2, (e1+o1)/2, (e2+o2)/2, stride)
	winogradRow(dst[8*stride:], (e0-o0)/2, (e1-o1)/2, (e2-o2)/2, stride)
}

// winogradRow stores a row of G g Gᵀ, of which a, b and c are one of G g.
func winogradRow(dst []float32, a, b, c float64, stride int) {
	_ = dst[3*stride]
	dst[0], dst[3*stride] = float32(a), float32(c)
	dst[stride], dst[2*stride] = float32((a+c+b)/2), float32((a+c-b)/2)
}

// Bytes is the memory that f holds.
func (f *WinogradFilter) Bytes() int {
	n := 0
	for _, p := range f.packed {
		n += p.Bytes()
	}
	return n
}

// WinogradBytes is the Bytes of the filter that PackWinograd makes.
func WinogradBytes(filters, channels int) int { return points * PackedBytes(filters, channels, MR) }

// winograd is a convolution on its way through the tiles. They are taken some at
// a time, in rows, and the filters some at a time.
type winograd struct {
	c         Conv
	f         *WinogradFilter
	w         window // of tiles: 4×4 taps, 2 apart
	out       [2]int // height and width of the output
	each      int    // tiles at a time
	few       int    // filters at a time
	line      int    // elements from one channel's, or filter's, tiles to the next
	plane     int    // room for the planes of a channel
	in, m     []float32
	planes    []float32
	y0, y1    int   // rows of tiles that the group lies in
	columns   int32 // tiles of the group
	groupsIn  []inGroup
	groupsOut []outGroup
	args      winogradOut
}

// inGroup is up to eight tiles of one row: where the planes hold their first
// elements, and which column of the product is the first.
type inGroup struct{ at, column int32 }

// outGroup is such tiles on the way out: at is the first output element, n how
// many there are in each of rows rows.
type outGroup struct{ at, column, n, rows int32 }

// plan sets what follows from the geometry; wg keeps its slices.
func (wg *winograd) plan(c Conv) {
	oh, ow := c.Out()
	wg.c, wg.out = c, [2]int{oh, ow}
	wg.w = window{
		h: c.Height, w: c.Width, kh: 4, kw: 4, sh: 2, sw: 2, dh: 1, dw: 1,
		top: c.PadTop, left: c.PadLeft, oh: ceilDiv(oh, 2), ow: ceilDiv(ow, 2),
	}
	tiles := wg.w.oh * wg.w.ow
	// The transformed inputs should stay in the L2 cache, but columns be many
	// enough for weights to be worth their way from memory.
	wg.each = min(roundUp(tiles, NR), max(1<<12/c.Channels/NR*NR, 2*NR))
	if tiles%wg.each == 1 && tiles > wg.each { // a column more is cheap, a group of one is not
		wg.each++
	}
	wg.few = min(roundUp(c.Filters, MR), 8*MR)
	wg.line = roundUp(wg.each, NR)
	if wg.line/NR%2 == 0 {
		wg.line += NR // an odd number of cache lines
	}
	rows := min(wg.w.oh, (wg.each-1+wg.w.ow-1)/wg.w.ow+1)
	_, _, wg.plane = wg.w.extent(rows)
}

// winogradPool keeps what is too large to be made for each convolution.
var winogradPool = sync.Pool{New: func() any { return new(winograd) }}

// giveBack leaves nothing behind that w points to outside itself.
func (w *winograd) giveBack() {
	w.f, w.in, w.m, w.planes, w.args = nil, nil, nil, nil, winogradOut{}
	winogradPool.Put(w)
}

// sizes returns the lengths of the scratch memory's parts.
func (w *winograd) sizes() (in, m, planes int) {
	return points * w.step(w.c.Channels), points * w.step(w.few), w.plane + slack
}

// step is the elements from one point's to the next, for n channels or filters.
func (w *winograd) step(n int) int { return n*w.line + NR }

// WinogradScratchLen is the length of the scratch memory, in elements, that c
// needs for [ConvWinograd].
func (c Conv) WinogradScratchLen() int {
	var w winograd
	w.plan(c.defaults())
	in, m, planes := w.sizes()
	return in + m + planes + ScratchLen
}

// ConvWinograd computes the convolution of x with f, as Conv2D does, with the
// epilogue's rows and columns as there, by
//
//	d:  rows first, then columns: (d0-d2, d1+d2, d2-d1, d1-d3)
//	M:  a product for each of the sixteen elements, over channels
//	Y:  rows first, then columns: ((m0+m1)+m2, (m1-m2)-m3)
//
// each operation rounded to float32. The error is of the order of a plain sum's.
//
// It panics if lengths do not fit, scratch is shorter than
// c.WinogradScratchLen(), or the geometry is not one of c.Winograd().
func ConvWinograd(dst, x []float32, f *WinogradFilter, c Conv, ep *Epilogue, scratch []float32) {
	ConvWinogradPart(dst, x, f, c, ep, scratch, 0, 1)
}

// ConvWinogradPart computes part p of n of the convolution, which is the n parts
// together, with the same bits. Parts may run at the same time, each with a
// scratch memory of its own.
func ConvWinogradPart(dst, x []float32, f *WinogradFilter, c Conv, ep *Epilogue, scratch []float32, part, parts int) {
	c = c.defaults()
	w := winogradPool.Get().(*winograd)
	defer w.giveBack()
	w.plan(c)
	w.f = f
	area := w.out[0] * w.out[1]
	in, m, planes := w.sizes()
	switch {
	case !c.Winograd() || f.filters != c.Filters || f.channels != c.Channels:
		panic(fmt.Sprintf("f32: convolution %+v with %d transformed filters of %d×3×3", c, f.filters, f.channels))
	case len(x) < c.Channels*c.Height*c.Width || len(dst) < c.Filters*area:
		panic(fmt.Sprintf("f32: convolution %+v from %d to %d elements", c, len(x), len(dst)))
	case len(scratch) < in+m+planes+ScratchLen:
		panic(fmt.Sprintf("f32: convolution %+v: scratch has %d elements, not %d", c, len(scratch), in+m+planes+ScratchLen))
	}
	if ep == nil {
		ep = &Epilogue{}
	}
	ep.check(c.Filters, area)
	w.in, scratch = scratch[:in], scratch[in:]
	w.m, scratch = scratch[:m], scratch[m:]
	w.planes, scratch = scratch[:planes], scratch[planes:]

	// Tiles where there are many, or else filters.
	j0, j1, o0, o1 := 0, w.w.oh*w.w.ow, 0, c.Filters
	if j1 >= 4*NR*parts {
		j0, j1 = Split(part, parts, j1, NR)
	} else {
		o0, o1 = Split(part, parts, c.Filters, MR)
	}
	if o0 == o1 {
		return
	}
	lines := takeLines()
	defer lines.giveBack()
	for j := j0; j < j1; {
		n := min(w.each, j1-j)
		w.group(j, j+n)
		w.transform(x)
		for o := o0; o < o1; o += w.few {
			end := min(o+w.few, o1)
			for p := range points {
				w.product(p, o, end, lines, scratch)
			}
			for i := o; i < end; i++ {
				w.output(dst[i*area:(i+1)*area], i-o, ep, i)
			}
		}
		j += n
	}
}

// group takes the tiles j0..j1 in groups of eight of one row.
func (w *winograd) group(j0, j1 int) {
	ow := w.w.ow
	y0 := j0 / ow
	w.columns = int32(j1 - j0)
	most := (j1-1)/ow - y0 + 1 + (j1-j0)/spread // a part at the end of each row
	w.groupsIn, w.groupsOut = slices.Grow(w.groupsIn[:0], most), slices.Grow(w.groupsOut[:0], most)
	for j := j0; j < j1; {
		y, x := j/ow, j%ow
		n := min(spread, ow-x, j1-j)
		w.groupsIn = append(w.groupsIn, inGroup{int32((y-y0)*(ow+1) + x), int32(j - j0)})
		w.groupsOut = append(w.groupsOut, outGroup{
			at: int32(2*y*w.out[1] + 2*x), column: int32(j - j0),
			n: int32(min(2*n, w.out[1]-2*x)), rows: int32(min(2, w.out[0]-2*y)),
		})
		j += n
	}
	w.y0, w.y1 = y0, (j1-1)/ow+1
}

// transform stores Bᵀ d B of the group's tiles, for all channels, in in.
func (w *winograd) transform(x []float32) {
	p := planes{window: w.w, oy0: w.y0, oy1: w.y1, phases: winogradPhases[:]}
	p.hq, p.wq, p.size = p.extent(w.y1 - w.y0)
	clear(w.planes[:p.size])
	area := w.c.Height * w.c.Width
	for ch := range w.c.Channels {
		p.fill(w.planes, x[ch*area:(ch+1)*area], 0, nil)
		w.input(&p, w.in[ch*w.line:])
	}
}

// winogradPhases is the order of the planes of even and odd rows and columns.
var winogradPhases = [4][2]int{{0, 0}, {0, 1}, {1, 0}, {1, 1}}

// inputGo stores the transformed tiles of one channel in dst, with elements
// step(channels) apart.
func (w *winograd) inputGo(p *planes, dst []float32) {
	step := w.step(w.c.Channels)
	for i, g := range w.groupsIn {
		end := w.columns
		if i+1 < len(w.groupsIn) {
			end = w.groupsIn[i+1].column
		}
		for l := range end - g.column {
			var t [4][4]float32 // Bᵀ d
			for x := range 4 {
				even := w.planes[x%2*p.hq*p.wq+int(g.at+l)+x/2:]
				odd := even[2*p.hq*p.wq:]
				d0, d1, d2, d3 := even[0], odd[0], even[p.wq], odd[p.wq]
				t[0][x], t[1][x], t[2][x], t[3][x] = d0-d2, d1+d2, d2-d1, d1-d3
			}
			for y, t := range t {
				to := dst[4*y*step+int(g.column+l):]
				to[0], to[step], to[2*step], to[3*step] = t[0]-t[2], t[1]+t[2], t[2]-t[1], t[1]-t[3]
			}
		}
	}
}

// product multiplies one element's tiles by rows o0..o1 of its weights, into m.
func (w *winograd) product(point, o0, o1 int, lines lineTiles, scratch []float32) {
	packed, src := w.f.packed[point], w.in[point*w.step(w.c.Channels):]
	n := int(w.columns)
	bbuf, scratch := scratch[:KC*nc+slack], scratch[KC*nc+slack:]
	for k0 := 0; k0 < w.c.Channels; k0 += KC {
		k1 := min(k0+KC, w.c.Channels)
		t := tiles{
			kn: k1 - k0, a: packed.block(k0, o0), dst: w.m[point*w.step(w.few):], ldc: w.line,
			add: k0 > 0, tmp: scratch[:tileLen],
		}
		b := src[k0*w.line:]
		if lines.run(&t, b, w.line, o1-o0, n, scratch[tileLen:]) {
			continue
		}
		packStrided(bbuf, b, 0, t.kn, 0, n, 1, w.line, NR)
		t.b = bbuf
		t.careful = !assembly && (packed.tiny() || tinyFactor(bbuf[:roundUp(n, NR)*t.kn]))
		t.run(0, o1-o0, 0, n)
	}
}

// outputGo stores the outputs of filter o, row of m, in dst, and does what the
// epilogue says.
func (w *winograd) outputGo(dst []float32, row int, ep *Epilogue, o int) {
	m, step := w.m[row*w.line:], w.step(w.few)
	whole := *ep
	whole.Quant = nil
	for _, g := range w.groupsOut {
		var out [2][2 * spread]float32
		for l := range (g.n + 1) / 2 {
			src := m[g.column+l:]
			var s [2][4]float32 // Aᵀ M
			for x := range 4 {
				m0, m1, m2, m3 := src[x*step], src[(4+x)*step], src[(8+x)*step], src[(12+x)*step]
				s[0][x], s[1][x] = m0+m1+m2, m1-m2-m3
			}
			for y, s := range s {
				out[y][2*l], out[y][2*l+1] = s[0]+s[1]+s[2], s[1]-s[2]-s[3]
			}
		}
		for y := range int(g.rows) {
			at, row := int(g.at)+y*w.out[1], out[y][:g.n]
			e := whole.from(o, at)
			e.apply(row, len(row), 0, 1, 0, len(row))
			if q := ep.Quant; len(q) > 0 {
				quantizeRows(row, 1, len(row), len(row), q[min(o, len(q)-1)])
			}
			copy(dst[at:], row) // which may be where the residual lies
		}
	}
}
