//go:build !noasm && (amd64 || arm64)

package f32

import "sync"

// Convolutions whose kernels, for AVX2 or NEON, read images where they lie.

// finisher is what a kernel does with the sums in its registers; nil parts are
// left out.
type finisher struct {
	lo, hi             [8]float32
	quant              int // 0: leave; 1: fake-quantize by division; 2: by high and low, least and most being real numbers, without lo and hi; 3: so, and least is zero
	least, most, scale [8]float32
	add                int // non-zero: to what dst holds
	bias, residual     *float32
	stride             int // of residual
	// Bytes to add behind a tile: to a, which stands behind its panel, to b0 and
	// b1, to c and residual, which stand below the tile, and to bias.
	stepA, stepB, stepC, stepBias, stepRest int

	high, low [8]float32
}

// set makes f the finisher of e, with its first quantizer and nothing of before.
func (f *finisher) set(e *Epilogue) {
	lo, hi, _ := e.bounds()
	*f = finisher{lo: eight(lo), hi: eight(hi), stepBias: 4 * MR}
	if len(e.Quant) > 0 {
		f.grid(e.Quant[0], lo, hi)
	}
}

// grid sets the quantizer of what is clamped to lo..hi. Where both it and these
// have zero between their bounds, one clamp does for both.
func (f *finisher) grid(q Quantizer, lo, hi float32) {
	q.check()
	least, most := float32(q.Lo-q.Zero), float32(q.Hi-q.Zero)
	f.quant, f.scale = 1, eight(q.Scale)
	if q.high != 0 && lo <= 0 && hi >= 0 {
		f.quant, f.high, f.low = 2, eight(q.high), eight(q.low)
		least, most = max(least*q.Scale, lo), min(most*q.Scale, hi)
		if least == 0 {
			f.quant = 3
		}
	}
	f.least, f.most = eight(least), eight(most)
}

func eight(v float32) [8]float32 { return [8]float32{v, v, v, v, v, v, v, v} }

// convolve computes rows i0..i1 of the product with the columns of src where
// they lie, sixteen at a time; those of which fewer than eight stand in a row are
// packed, and all where that is better. It reports false where it cannot serve.
func (g *Gemm) convolve(src *columns, dst []float32, ldc, i0, i1 int, scratch []float32) bool {
	if !assembly || g.B.Quant != nil || g.A.Packed == nil || g.K == 0 || i1-i0 < MR {
		return false
	}
	src.packed = !src.pays(i1-i0, g.N)
	g.check(dst, ldc, i0, i1, 0, g.N, scratch)
	bbuf, scratch := scratch[:KC*nc+slack], scratch[KC*nc+slack:]
	d := directPool.Get().(*directTiles)
	defer d.giveBack()
	d.src, d.tiles, d.rest = src, tiles{dst: dst, ldc: ldc, tmp: scratch[:MR*NR]}, scratch[MR*NR:][:mc/MR*8]
	var last, inner finisher
	inner.set(&Epilogue{})
	e := g.Epilogue
	if d.fused = len(e.Quant) <= 1; !d.fused {
		e.Quant = nil
	}
	last.set(&e)
	last.stride = e.ResidualStride
	for jc := 0; jc < g.N; jc += nc {
		je := min(jc+nc, g.N)
		for k0 := 0; k0 < g.K; k0 += KC {
			k1 := min(k0+KC, g.K)
			d.kn, d.add, d.j0, d.ep, d.fin = k1-k0, k0 > 0, jc, nil, inner
			if k1 == g.K {
				d.ep, d.fin = &g.Epilogue, last
			}
			if d.add {
				d.fin.add = 1
			}
			d.off = d.buf[:d.kn]
			src.offsets(d.off, k0)
			d.b = bbuf
			for j := jc; j < je; {
				end, direct := src.segment(j, je)
				if !direct {
					src.Pack(bbuf[(j-jc)*d.kn:][:roundUp(end-j, NR)*d.kn], k0, k1, j, end)
				}
				j = end
			}
			for ic := i0; ic < i1; ic += mc {
				ie := min(ic+mc, i1)
				d.a = g.A.Packed.block(k0, ic)
				d.block(ic, ie, jc, je)
			}
		}
	}
	return true
}

type directTiles struct {
	tiles
	src   *columns
	off   []int32
	buf   [KC]int32
	rest  []float32
	fin   finisher
	fused bool // fin quantizes
}

// directPool keeps what is too large to be made for each convolution.
var directPool = sync.Pool{New: func() any { return new(directTiles) }}

// giveBack leaves nothing behind that d points to; offsets stay and are not read.
func (d *directTiles) giveBack() {
	d.src, d.tiles, d.off, d.rest = nil, tiles{}, nil, nil
	d.fin.bias, d.fin.residual = nil, nil
	directPool.Put(d)
}

// block computes rows i0..i1 of columns j0..j1, of which those that do not lie in
// runs of eight are packed.
func (d *directTiles) block(i0, i1, j0, j1 int) {
	for j := j0; j < j1; j += NR {
		if n := j1 - j; n < NR {
			d.run(i0, i1, j, j1)
			if d.ep != nil && d.fused {
				d.ep.quantize(d.dst, d.ldc, i0, i1, j, j1)
			}
			break
		}
		b := d.b[(j-d.j0)*d.kn:]
		b0, b1, b2, off := b, b[8:], b[NR*d.kn:], packedOffsets[:]
		if d.src.direct(j, j1) {
			b0, b1, off = d.src.src[d.src.at(j):], d.src.src[d.src.at(j+8):], d.off
		}
		if j1-j-NR != 1 {
			n := 1
			if d.kn <= sweepable {
				n = d.line(j, j1)
			}
			if n > 1 {
				d.sweep(i0, i1, j, n, b0, b1, off)
			} else {
				d.panel(i0, i1, j, b0, b1, off)
			}
			j += (n - 1) * NR
			continue
		}
		if d.src.direct(j, j1) {
			b2 = d.src.src[d.src.at(j+NR):]
		}
		d.oneMore(i0, i1, j, b0, b1, off, b2)
		break
	}
	if d.ep != nil && !d.fused {
		d.ep.quantize(d.dst, d.ldc, i0, i1, j0, j1)
	}
}

// packedOffsets is where the rows of a packed panel begin.
var packedOffsets = func() (off [KC]int32) {
	for l := range off {
		off[l] = int32(l * NR)
	}
	return off
}()

// panel computes sixteen columns from j on, which lie in two runs.
func (d *directTiles) panel(i0, i1, j int, b0, b1 []float32, off []int32) {
	full := (i1 - i0) / MR
	if full > 0 {
		d.at(i0, j)
		d.tile(MR, full, &d.a[0], b0, b1, off, &d.dst[i0*d.ldc+j])
	}
	d.edge(i0+full*MR, i1, j, d.a[full*MR*d.kn:], b0, b1, off)
}

// sweepable is the longest chain for which tiles go along rows of C: what is
// written, and the residual that is read, then come to the cache in order, while
// what is read of B comes from further away.
const sweepable = 128

// line is how many panels of columns from j on are a fixed distance apart; the
// one before a column that is left alone is not among them.
func (d *directTiles) line(j, end int) int {
	src := d.src
	direct := src.direct(j, end)
	n := 1
	for at := j + NR; at+NR <= end && at+NR != end-1 && src.direct(at, end) == direct; at += NR {
		if direct && (src.at(at) != src.at(j)+n*NR || src.at(at+8) != src.at(j+8)+n*NR) {
			break
		}
		n++
	}
	return n
}

// sweep computes n panels of columns from j on, row after row of tiles.
func (d *directTiles) sweep(i0, i1, j, n int, b0, b1 []float32, off []int32) {
	f := &d.fin
	before := *f
	f.stepBias, f.stepB = 0, 4*NR
	if &off[0] == &packedOffsets[0] {
		f.stepB = 4 * NR * d.kn
	}
	f.stepA = -4 * MR * d.kn
	for i := i0; i < i1; i += MR {
		m := min(MR, i1-i)
		f.stepC, f.stepRest = 4*(NR-m*d.ldc), 4*(NR-m*f.stride)
		d.at(i, j)
		d.tile(m, n, &d.a[(i-i0)*d.kn], b0, b1, off, &d.dst[i*d.ldc+j])
	}
	*f = before
}

// tile computes n tiles of m rows.
func (d *directTiles) tile(m, n int, a *float32, b0, b1 []float32, off []int32, c *float32) {
	direct(m, d.kn, n, a, &b0[0], &b1[0], &off[0], c, d.ldc, &d.fin)
}

// at sets bias and residual of the tile at row i, column j.
func (d *directTiles) at(i, j int) {
	if d.ep == nil {
		return
	}
	if d.ep.RowBias != nil {
		d.fin.bias = &d.ep.RowBias[i]
	}
	if d.ep.Residual != nil {
		d.fin.residual = &d.ep.Residual[i*d.ep.ResidualStride+j]
	}
}

// edge computes rows i0..i1, fewer than a panel.
func (d *directTiles) edge(i0, i1, j int, a, b0, b1 []float32, off []int32) {
	if i0 == i1 {
		return
	}
	d.at(i0, j)
	d.tile(i1-i0, 1, &a[0], b0, b1, off, &d.dst[i0*d.ldc+j])
}

// oneMore computes seventeen columns, the last of which begins b2, and quantizes
// that one if fin quantizes the others.
func (d *directTiles) oneMore(i0, i1, j int, b0, b1 []float32, off []int32, b2 []float32) {
	full := (i1 - i0) / MR
	i := i0 + full*MR
	if full > 0 {
		d.at(i0, j)
		direct6x17(d.kn, full, &d.a[0], &b0[0], &b1[0], &off[0], &d.dst[i0*d.ldc+j], d.ldc, &d.fin, &b2[0], &d.rest[0])
		for p := range full {
			d.mergeColumns(d.rest[8*p:], i0+p*MR, j+NR, MR, 1)
		}
	}
	if i < i1 {
		var plain finisher
		plain.set(&Epilogue{})
		direct6x17(d.kn, 1, &d.a[full*MR*d.kn], &b0[0], &b1[0], &off[0], &d.tmp[0], NR, &plain, &b2[0], &d.rest[0])
		d.merge(i, j, i1-i, NR)
		d.mergeColumns(d.rest, i, j+NR, i1-i, 1)
		if d.ep != nil && d.fused {
			d.ep.quantize(d.dst, d.ldc, i, i1, j, j+NR)
		}
	}
	if d.ep != nil && d.fused {
		d.ep.quantize(d.dst, d.ldc, i0, i1, j+NR, j+NR+1)
	}
}
