package ops

import "github.com/quantnb/quantnb/quantlib/ops/internal/f32"

// unit is the number of multiply-adds between two looks at Call.Ctx: about 5
// ms of one thread where there are kernels, and as long with their twins, of
// which one takes a nanosecond. No layer of the usual networks for images is
// that large on two threads, so only long ones are cut.
var unit = func() float64 {
	if f32.ISA() == "go" {
		return 1 << 23
	}
	return 1 << 28
}()

// stop leaves the running kernel with the context's error once it is over. It
// may be called on any of the call's threads.
func (c *Call) stop() {
	if c.Ctx == nil {
		return
	}
	if err := c.Ctx.Err(); err != nil {
		panic(failure{err})
	}
}

// each is parts for work that does not ask which part it is in; it looks at the
// context about every 16·least elements.
func (c *Call) each(n, least int, f func(lo, hi int)) {
	stretch := 16 * least
	if least <= 1 {
		stretch = 1
	}
	c.parts(n, least, func(_, lo, hi int) {
		for ; hi-lo > stretch; lo += stretch {
			f(lo, lo+stretch)
			c.stop()
		}
		f(lo, hi)
	})
}

// product runs g on the calling goroutine, in blocks of a unit.
func (c *Call) product(g *f32.Gemm, dst []float32, ldc int, scratch []float32) {
	c.productPart(g, dst, ldc, 0, g.M, 0, g.N, scratch)
}

// productPart is g.RunPart in blocks of a unit, with the same bits.
func (c *Call) productPart(g *f32.Gemm, dst []float32, ldc, i0, i1, j0, j1 int, scratch []float32) {
	work := func(rows, cols int) float64 { return float64(rows) * float64(cols) * float64(g.K) }
	if work(i1-i0, j1-j0) <= unit {
		g.RunPart(dst, ldc, i0, i1, j0, j1, scratch)
		return
	}
	// Rows are cut down to a block that is worth packing the other factor for,
	// then columns.
	rows, cols := i1-i0, j1-j0
	if least := min(rows, 64*f32.MR); work(rows, cols) > unit {
		rows = max(least, int(unit/work(1, cols))/f32.MR*f32.MR)
	}
	if work(rows, cols) > unit {
		cols = max(f32.NR, int(unit/work(rows, 1))/f32.NR*f32.NR)
	}
	if work(rows, cols) > unit {
		rows = max(f32.MR, int(unit/work(1, cols))/f32.MR*f32.MR)
	}
	for j := j0; j < j1; j += cols {
		for i := i0; i < i1; i += rows {
			g.RunPart(dst, ldc, i, min(i+rows, i1), j, min(j+cols, j1), scratch)
			c.stop()
		}
	}
}

// units is into how many parts each thread cuts its share of work multiply-adds.
func units(work float64, threads int) int {
	return int(min(1<<20, work/(unit*float64(threads)))) + 1
}
