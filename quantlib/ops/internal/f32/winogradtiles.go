//go:build !noasm && (amd64 || arm64)

package f32

// winogradIn is one channel; sizes are in bytes.
type winogradIn struct {
	planes     *float32 // of even rows and columns, odd columns, odd rows, both
	plane, row int      // from plane to plane, and from row to row
	dst        *float32
	step       int // from element to element of a tile
	groups     *inGroup
	count      int
}

// winogradOut is one filter; sizes are in bytes.
type winogradOut struct {
	m        *float32
	step     int // from element to element of a tile
	dst      *float32
	row      int      // of the output
	residual *float32 // element for element as dst, or nil
	groups   *outGroup
	count    int
	bias     float32
	fin      finisher
}

func (w *winograd) input(p *planes, dst []float32) {
	if !assembly {
		w.inputGo(p, dst)
		return
	}
	size := p.hq * p.wq
	a := winogradIn{
		planes: &w.planes[0], plane: 4 * size, row: 4 * p.wq, dst: &dst[0], step: 4 * w.step(w.c.Channels),
		groups: &w.groupsIn[0], count: len(w.groupsIn),
	}
	transformIn(&a)
}

func (w *winograd) output(dst []float32, row int, ep *Epilogue, o int) {
	if !assembly || ep.ColBias != nil {
		w.outputGo(dst, row, ep, o)
		return
	}
	a := &w.args
	if row == 0 {
		a.fin.set(ep)
	}
	a.m, a.step, a.dst, a.row = &w.m[row*w.line], 4*w.step(w.few), &dst[0], 4*w.out[1]
	a.groups, a.count = &w.groupsOut[0], len(w.groupsOut)
	a.bias, a.residual = negativeZero, nil
	if ep.RowBias != nil {
		a.bias = ep.RowBias[o]
	}
	if ep.Residual != nil {
		a.residual = &ep.Residual[o*ep.ResidualStride]
	}
	if len(ep.Quant) > 1 {
		lo, hi, _ := ep.bounds()
		a.fin.grid(ep.Quant[o], lo, hi)
	}
	transformOut(a)
}

// lineTiles multiplies by a B whose rows are lines; without assembly it is empty.
type lineTiles struct{ d *directTiles }

func takeLines() lineTiles {
	if !assembly {
		return lineTiles{}
	}
	return lineTiles{directPool.Get().(*directTiles)}
}

func (l lineTiles) giveBack() {
	if l.d != nil {
		l.d.giveBack()
	}
}

// run computes rows rows and n columns of a block of t. It reports false where it
// cannot serve.
func (l lineTiles) run(t *tiles, b []float32, line, rows, n int, scratch []float32) bool {
	d := l.d
	if d == nil {
		return false
	}
	d.off = d.buf[:t.kn]
	for l := range d.off {
		d.off[l] = int32(l * line)
	}
	if wide {
		t.off, t.src = d.off, b
		t.run(0, rows, 0, n)
		return true
	}
	d.tiles, d.rest, d.ep = *t, scratch[:mc/MR*8], nil
	d.fin.set(&Epilogue{})
	if t.add {
		d.fin.add = 1
	}
	for j := 0; j < n; j += NR {
		if n-j == NR+1 {
			d.oneMore(0, rows, j, b[j:], b[j+8:], d.off, b[j+NR:])
			break
		}
		d.panel(0, rows, j, b[j:], b[j+8:], d.off)
	}
	return true
}
