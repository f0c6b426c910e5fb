package sense

import (
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// rounding is a quantizer whose error is wanted, not its result.
type rounding struct {
	p quant.Params
	s quant.Scheme
	l quant.Layout
}

// errorBlock is how many elements of an error are made at a time, so that they
// are still in the L1 cache when they are multiplied.
const errorBlock = 2048

// each calls f with the error quantized(x) - x of consecutive elements, from
// place at on. buf has errorBlock elements.
func (r *rounding) each(x, buf []float32, f func(at int, e []float32)) {
	if !r.fast() {
		whole := make([]float32, len(x))
		r.p.FakeQuantize(whole, x, r.l, r.s)
		for at := 0; at < len(x); at += errorBlock {
			e := whole[at:min(len(x), at+errorBlock)]
			for i, v := range x[at:][:len(e)] {
				e[i] -= v
			}
			f(at, e)
		}
		return
	}
	lo, hi := r.s.Range()
	at, n := 0, 0 // buf[:n] holds the errors from element at on
	room := func() int {
		if n == errorBlock {
			f(at, buf)
			at, n = at+n, 0
		}
		return errorBlock - n
	}
	if width := r.columns(); width > 0 {
		for row := 0; row < len(x); row += width {
			scale := r.p.Scale[r.l.Granule(row):][:width]
			for i := 0; i < width; {
				m := min(room(), width-i)
				ops.RoundingErrorColumns(buf[n:n+m], x[row+i:row+i+m], scale[i:i+m], lo, hi)
				i, n = i+m, n+m
			}
		}
	} else {
		r.l.Runs(func(g, from, to int) {
			scale, zero := r.p.At(g)
			for from < to {
				m := min(room(), to-from)
				if r.s.Binary() {
					ops.SignError(buf[n:n+m], x[from:from+m], scale)
				} else {
					ops.RoundingError(buf[n:n+m], x[from:from+m], scale, zero, lo, hi)
				}
				from, n = from+m, n+m
			}
		})
	}
	if n > 0 {
		f(at, buf[:n])
	}
}

// fast reports whether package ops has the quantizer.
func (r *rounding) fast() bool {
	if r.s.Bits <= 0 || r.s.Bits > 16 || r.s.Float != quant.NotFloat {
		return false
	}
	if r.s.Binary() {
		return r.columns() == 0
	}
	return r.s.Round == quant.HalfEven && (r.columns() == 0 || r.p.Zero == nil)
}

// columns is the length of rows in which every element has a scale of its own, 0
// where runs of elements share one.
func (r *rounding) columns() int {
	switch l := r.l; {
	case l.Inner != 1:
	case l.Second > 1 && l.SecondBlock == 1:
		return l.Second
	case l.Second == 1 && l.Middle == 1 && l.First > 1 && l.FirstBlock == 1:
		return l.First
	}
	return 0
}
