package ops

import (
	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	registerVJP("Gemm", gemmVJP)
	registerVJP("MatMul", matMulVJP)
}

// matrix is a row-major matrix of rows×cols, or the transpose of one of
// cols×rows, as a factor of a product.
func matrix(data []float32, rows, cols int, trans bool) f32.Operand {
	if trans {
		return f32.Operand{Data: data, RowStride: 1, ColStride: rows}
	}
	return f32.Operand{Data: data, RowStride: cols, ColStride: 1}
}

// gemmVJP: y = alpha·A'·B' + beta·C, so A' gets alpha·g·B'ᵀ, B' alpha·A'ᵀ·g and C
// beta·g.
func gemmVJP(c *Call, in, out []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
	a, b := in[0], in[1]
	ta, tb := c.Node.Int("transA", 0) != 0, c.Node.Int("transB", 0) != 0
	m, n := out[0].Dim(0), out[0].Dim(1)
	k := a.Len() / max(1, m)
	alpha, beta := c.Node.Float("alpha", 1), c.Node.Float("beta", 1)
	parts := g.Dim(0)
	res := make([]*tensor.Tensor, len(in))
	scratch := c.Scratch(f32.ScratchLen)
	if need[0] {
		res[0] = c.cotangent(parts, a)
		dst := res[0].F32()
		if !ta { // [parts·m, n] · B'ᵀ [n, k]
			p := f32.Gemm{M: parts * m, N: k, K: n, A: matrix(g.F32(), parts*m, n, false), B: c.back(b, n, k, !tb)}
			p.Run(dst, k, scratch)
		} else { // A is [k, m]: B' · gᵀ
			for i := range parts {
				p := f32.Gemm{M: k, N: m, K: n, A: matrix(b.F32(), k, n, tb), B: matrix(g.F32()[i*m*n:], n, m, true)}
				p.Run(dst[i*k*m:], m, scratch)
			}
		}
		scaled(dst, alpha)
	}
	if need[1] {
		res[1] = c.cotangent(parts, b)
		dst := res[1].F32()
		for i := range parts {
			gi := g.F32()[i*m*n:]
			p := f32.Gemm{M: k, N: n, K: m, A: matrix(a.F32(), k, m, !ta), B: matrix(gi, m, n, false)}
			cols := n
			if tb {
				p = f32.Gemm{M: n, N: k, K: m, A: matrix(gi, n, m, true), B: matrix(a.F32(), m, k, ta)}
				cols = k
			}
			p.Run(dst[i*k*n:], cols, scratch)
		}
		scaled(dst, alpha)
	}
	if len(in) > 2 && need[2] {
		sum := c.sumTo(g, []int{m, n}, in[2].Shape())
		res[2] = sum.Reshape(probes(parts, in[2].Shape())...)
		if beta != 1 {
			res[2] = c.Alloc(tensor.Float32, res[2].Shape()...)
			f32.ScaleBias(res[2].F32(), sum.F32(), beta, 0)
		}
	}
	return res
}

func scaled(x []float32, by float32) {
	if by != 1 {
		f32.ScaleBias(x, x, by, 0)
	}
}

// back is a constant right factor of rows×cols packed once, else t as it is.
// trans says that t is the transpose.
func (c *Call) back(t *tensor.Tensor, rows, cols int, trans bool) f32.Operand {
	if !c.constant(t) {
		return matrix(t.F32(), rows, cols, trans)
	}
	p := c.Cached(t, packedMatrix{t, trans}, func() any {
		if trans {
			return f32.PackB(t.F32(), rows, cols, 1, rows)
		}
		return f32.PackB(t.F32(), rows, cols, cols, 1)
	}).(*f32.Packed)
	return f32.Operand{Packed: p}
}

// matMulVJP: Y = A·B for each matrix of the batch, so A gets G·Bᵀ and B gets
// Aᵀ·G, added up where a factor was broadcast.
func matMulVJP(c *Call, in, out []*tensor.Tensor, g *tensor.Tensor, need []bool) []*tensor.Tensor {
	a, b := in[0], in[1]
	batch, _, m, n, k := matShape(a.Shape(), b.Shape())
	parts, count := g.Dim(0), product(batch)
	res := make([]*tensor.Tensor, len(in))
	scratch := c.Scratch(f32.ScratchLen)
	src := g.F32()
	if b.Rank() <= 2 { // one product for all rows
		rows := a.Len() / max(1, k)
		if need[0] {
			res[0] = c.cotangent(parts, a)
			p := f32.Gemm{M: parts * rows, N: k, K: n, A: matrix(src, parts*rows, n, false), B: c.back(b, n, k, true)}
			p.Run(res[0].F32(), k, scratch)
		}
		if need[1] {
			res[1] = c.cotangent(parts, b)
			for i := range parts {
				p := f32.Gemm{M: k, N: n, K: rows, A: matrix(a.F32(), k, rows, true), B: matrix(src[i*rows*n:], rows, n, false)}
				p.Run(res[1].F32()[i*k*n:], n, scratch)
			}
		}
		return res
	}
	places := batchPlaces(a.Shape(), b.Shape(), batch, m*k, k*n)
	for j := range 2 {
		if !need[j] {
			continue
		}
		rows, cols := m, k
		if j == 1 {
			rows, cols = k, n
		}
		wide := append(append([]int(nil), batch...), rows, cols)
		y := c.Alloc(tensor.Float32, probes(parts, wide)...)
		for i := range parts * count {
			gi, at := src[i*m*n:], places[i%count]
			p := f32.Gemm{M: m, N: k, K: n, A: matrix(gi, m, n, false), B: matrix(b.F32()[at[1]:], n, k, true)}
			if j == 1 {
				p = f32.Gemm{M: k, N: n, K: m, A: matrix(a.F32()[at[0]:], k, m, true), B: matrix(gi, m, n, false)}
			}
			p.Run(y.F32()[i*rows*cols:], cols, scratch)
		}
		narrow := in[j].Shape()
		if len(narrow) == 1 { // a vector is a row, or a column
			narrow = []int{rows, cols}
		}
		res[j] = c.sumTo(y, wide, narrow).Reshape(probes(parts, in[j].Shape())...)
	}
	return res
}
