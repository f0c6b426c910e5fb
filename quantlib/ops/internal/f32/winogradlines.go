//go:build !noasm && (amd64 || arm64)

package f32

// inLines computes rows rows and n columns of a block of which B's rows are
// lines.
func (t *tiles) inLines(b []float32, line, rows, n int, scratch []float32) bool {
	if !assembly {
		return false
	}
	d := directPool.Get().(*directTiles)
	defer d.giveBack()
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
