package sense

import (
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// productBlock is how many elements each width takes before the next one does, so
// that they and their cotangents stay in the L1 cache. After flushAfter elements,
// 512 in a lane, float32 sums are added up in float64.
const (
	productBlock = 1024
	flushAfter   = 8192
)

// products is g·δ for each width and each of the cotangents g of x, by width and
// cotangent. The order of its sums depends on shapes and layouts alone.
func products(wide []rounding, q plan.Quantizer, x, g *tensor.Tensor) []float64 {
	k := g.Dim(0)
	sums := make([]float64, len(wide)*k)
	alike := map[quant.Layout][]int{} // widths
	var layouts []quant.Layout
	for w := range wide {
		r := wide[w] // which others read
		if r.s.IsFloat32() {
			continue
		}
		r.l = layout(q, r.s, x.Shape())
		if !r.fast() || r.s.Binary() || r.columns() > 0 {
			r.products(sums[w*k:(w+1)*k], x.F32(), g.F32())
			continue
		}
		if alike[r.l] == nil {
			layouts = append(layouts, r.l)
		}
		alike[r.l] = append(alike[r.l], w)
	}
	for _, l := range layouts {
		for first := 0; first < k; first += ops.MostProducts {
			few := min(k-first, ops.MostProducts)
			at := func(w int) []float64 { return sums[w*k+first:][:few] }
			productsAlike(wide, alike[l], l, x.F32(), g.F32()[first*x.Len():], at)
		}
	}
	return sums
}

// products adds g·δ to sums, by way of each.
func (r *rounding) products(sums []float64, x, g []float32) {
	r.each(x, make([]float32, errorBlock), func(at int, e []float32) {
		var p ops.Products
		for i := 0; i < len(sums); i += ops.MostProducts {
			few := sums[i:min(len(sums), i+ops.MostProducts)]
			p.Add(e, g[i*len(x)+at:], len(x), len(few))
			take(&p, few)
		}
	})
}

// productsAlike adds g·δ to sums(w) for each of the widths ws, whose granules lie
// as l says. Each block of elements serves all of them.
func productsAlike(wide []rounding, ws []int, l quant.Layout, x, g []float32, sums func(w int) []float64) {
	type piece struct{ granule, from, to int }
	var pieces []piece
	parts := make([]ops.Products, len(ws))
	size, since := 0, 0 // elements of the pieces, and of the blocks that parts hold
	block := func() {
		for i, w := range ws {
			r := &wide[w]
			lo, hi := r.s.Range()
			few := len(sums(w))
			for _, p := range pieces {
				scale, zero := r.p.At(p.granule)
				parts[i].AddErrors(x[p.from:p.to], g[p.from:], len(x), few, scale, zero, lo, hi)
			}
		}
		pieces, size, since = pieces[:0], 0, since+size
	}
	flush := func() {
		for i, w := range ws {
			take(&parts[i], sums(w))
		}
		since = 0
	}
	l.Runs(func(granule, from, to int) {
		for from < to {
			m := min(to-from, productBlock-size)
			pieces = append(pieces, piece{granule, from, from + m})
			from, size = from+m, size+m
			if size == productBlock {
				block()
			}
			if since == flushAfter {
				flush()
			}
		}
	})
	block()
	flush()
}

// take adds what p holds to sums.
func take(p *ops.Products, sums []float64) {
	for i := range sums {
		sums[i] += p.Sum(i)
	}
}
