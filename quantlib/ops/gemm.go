package ops

import (
	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	RegisterOp(Op{Name: "Gemm", Since: 1, Forward: checked(widened(gemm), 2), Fuses: true})
	RegisterOp(Op{Name: "MatMul", Since: 1, Forward: checked(widened(matMul), 2), Fuses: true})
}

// packedMatrix is the key of a right factor packed once.
type packedMatrix struct {
	b     *tensor.Tensor
	trans bool
}

// PackedBytes is the memory of the packed factor, whose last two dimensions are
// a matrix, or which is a column.
func (p packedMatrix) PackedBytes() int {
	k, n := p.b.Len(), 1
	if p.b.Rank() > 1 {
		k, n = p.b.Dim(-2), p.b.Dim(-1)
	}
	if p.trans {
		k, n = n, k
	}
	return f32.PackedBytes(n, k, f32.NR)
}

// gemm is Gemm: alpha·A'·B' + beta·C, with A' of M×K and B' of K×N.
func gemm(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	a, b, bias := in[0], in[1], In(in, 2)
	rank(a, "A", 2)
	rank(b, "B", 2)
	ta, tb := c.Node.Int("transA", 0) != 0, c.Node.Int("transB", 0) != 0
	m, k := a.Dim(0), a.Dim(1)
	if ta {
		m, k = k, m
	}
	kb, n := b.Dim(0), b.Dim(1)
	if tb {
		kb, n = n, kb
	}
	if k != kb || a.DType() != b.DType() {
		fail("A is %v %v, B %v %v", a.DType(), a.Shape(), b.DType(), b.Shape())
	}
	alpha, beta := c.Node.Float("alpha", 1), c.Node.Float("beta", 1)
	shape := []int{m, n}
	if bias != nil {
		broadcastSteps(bias.Shape(), shape)
	}
	if a.DType() != tensor.Float32 {
		return one(plainGemm(c, a, b, bias, ta, tb, m, n, k))
	}
	out := c.Alloc(tensor.Float32, shape...)
	scratch := gemmScratch(c, m, n, k)
	g := f32.Gemm{M: m, N: n, K: k}
	if c.constant(b) {
		g.B = packedOperand(c, b, k, n, tb)
	} else {
		g.B = operand(b.F32(), n, k, tb)
	}
	g.A = operand(a.F32(), k, m, ta)
	simple := alpha == 1
	if bias != nil && simple && beta == 1 {
		switch {
		case bias.Len() == n && (bias.Rank() == 1 || bias.Dim(0) == 1):
			g.Epilogue.ColBias = bias.F32()
		case bias.Rank() == 2 && bias.Dim(1) == 1 && bias.Len() == m:
			g.Epilogue.RowBias = bias.F32()
		default:
			simple = false
		}
	} else if bias != nil {
		simple = false
	}
	residual := c.residual(out)
	if simple {
		e := c.epilogue()
		g.Epilogue.Act, g.Epilogue.Lo, g.Epilogue.Hi = e.Act, e.Lo, e.Hi
		g.Epilogue.Quant = c.rounding(0, m)
		g.Epilogue.Residual, g.Epilogue.ResidualStride = residual, n
		runGemm(c, &g, out.F32(), scratch)
		return one(out)
	}
	runGemm(c, &g, out.F32(), scratch)
	y := out.F32()
	if alpha != 1 {
		f32.ScaleBias(y, y, alpha, 0)
	}
	if bias != nil {
		s := tensor.Of(make([]float32, bias.Len()), bias.Shape()...)
		for i, v := range load[float32](bias) {
			s.F32()[i] = beta * v
		}
		binary(c, y, shape, y, shape, s.F32(), s.Shape(), addOf[float32], adding.run)
	}
	if residual != nil {
		f32.Add(y, y, residual)
	}
	if c.Epilogue.Clamp {
		f32.Clip(y, y, c.Epilogue.Lo, c.Epilogue.Hi)
	}
	return one(out)
}

// operand is a row-major matrix with rows of the given length, or its transpose,
// whose rows in storage have length other.
func operand(data []float32, row, other int, trans bool) f32.Operand {
	if trans {
		return f32.Operand{Data: data, RowStride: 1, ColStride: other}
	}
	return f32.Operand{Data: data, RowStride: row, ColStride: 1}
}

// constant reports whether packing t is done once.
func (c *Call) constant(t *tensor.Tensor) bool { return c.Host != nil && c.Host.Constant(t) }

func packedOperand(c *Call, b *tensor.Tensor, k, n int, trans bool) f32.Operand {
	p := c.Cached(b, packedMatrix{b, trans}, func() any {
		if trans {
			return f32.PackB(b.F32(), k, n, 1, k)
		}
		return f32.PackB(b.F32(), k, n, n, 1)
	}).(*f32.Packed)
	return f32.Operand{Packed: p}
}

// gemmScratch is the scratch memory of runGemm for a product of these sizes: a
// piece for each thread that is worth waking.
func gemmScratch(c *Call, m, n, k int) []float32 {
	parts := c.Threads()
	if float64(m)*float64(n)*float64(k) < 1<<18 {
		parts = 1
	}
	return c.Scratch(f32.ScratchLen * parts)
}

// runGemm computes g over blocks of rows, or of columns where rows are few. The
// bits are the same for any split.
func runGemm(c *Call, g *f32.Gemm, dst, scratch []float32) {
	parts := len(scratch) / f32.ScratchLen
	byRows := g.M >= 2*f32.MR*parts
	run := func(p int) {
		i0, i1, j0, j1 := 0, g.M, 0, g.N
		if byRows {
			i0, i1 = f32.Split(p, parts, g.M, f32.MR)
		} else {
			j0, j1 = f32.Split(p, parts, g.N, f32.NR)
		}
		c.productPart(g, dst, g.N, i0, i1, j0, j1, scratch[p*f32.ScratchLen:][:f32.ScratchLen])
	}
	if parts == 1 {
		run(0)
		return
	}
	c.Parallel(parts, run)
}

// plainGemm is gemm in float64 or integers.
func plainGemm(c *Call, a, b, bias *tensor.Tensor, ta, tb bool, m, n, k int) *tensor.Tensor {
	alpha, beta := float64(c.Node.Float("alpha", 1)), float64(c.Node.Float("beta", 1))
	y := make([]float64, m*n)
	if a.DType() == tensor.Float64 {
		plainProduct(y, load[float64](a), load[float64](b), m, n, k, ta, tb)
	} else {
		whole := make([]int64, m*n)
		plainProduct(whole, load[int64](a), load[int64](b), m, n, k, ta, tb)
		if alpha == 1 && (bias == nil || beta == 1) && c.Epilogue == (Epilogue{}) {
			r := newResult[int64](c, a.DType(), []int{m, n})
			copy(r.data, whole)
			if bias != nil {
				binary(c, r.data, []int{m, n}, r.data, []int{m, n}, load[int64](bias), bias.Shape(), addOf[int64], nil)
			}
			return r.tensor()
		}
		convert(y, whole)
	}
	for i := range y {
		y[i] *= alpha
	}
	shape := []int{m, n}
	if bias != nil {
		binary(c, y, shape, y, shape, load[float64](bias), bias.Shape(), func(v, b float64) float64 { return v + beta*b }, nil)
	}
	plainEpilogue(c, y, nil, []int{m, n})
	out := c.Alloc(a.DType(), shape...)
	store(out, y)
	return out
}

// plainProduct computes an m×n product in class T, each sum over ascending k.
func plainProduct[T wide](dst, a, b []T, m, n, k int, ta, tb bool) {
	ai, al, bl, bj := k, 1, n, 1
	if ta {
		ai, al = 1, m
	}
	if tb {
		bl, bj = 1, k
	}
	for i := range m {
		row := dst[i*n : (i+1)*n]
		clear(row)
		for l := range k {
			v := a[i*ai+l*al]
			for j := range row {
				row[j] += v * b[l*bl+j*bj]
			}
		}
	}
}

// matShape gives the sizes of numpy's matmul: a rank-1 factor is a row or a
// column that the result drops again; leading dimensions broadcast.
func matShape(a, b []int) (batch, out []int, m, n, k int) {
	if len(a) == 0 || len(b) == 0 {
		fail("product of shapes %v and %v", a, b)
	}
	m, k = 1, a[len(a)-1]
	if len(a) > 1 {
		m = a[len(a)-2]
	}
	kb := b[0]
	n = 1
	if len(b) > 1 {
		kb, n = b[len(b)-2], b[len(b)-1]
	}
	if k != kb {
		fail("product of shapes %v and %v", a, b)
	}
	batch = broadcastShape(a[:max(0, len(a)-2)], b[:max(0, len(b)-2)])
	out = append(out, batch...)
	if len(a) > 1 {
		out = append(out, m)
	}
	if len(b) > 1 {
		out = append(out, n)
	}
	return batch, out, m, n, k
}

// matMul is MatMul: numpy's product of the last two dimensions.
func matMul(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	a, b := in[0], in[1]
	if a.DType() != b.DType() {
		fail("product of %v and %v", a.DType(), b.DType())
	}
	batch, shape, m, n, k := matShape(a.Shape(), b.Shape())
	if a.DType() != tensor.Float32 {
		return one(plainMatMul(c, a, b, batch, shape, m, n, k))
	}
	out := c.Alloc(tensor.Float32, shape...)
	if out.Len() == 0 {
		return one(out)
	}
	jobs, least := 1, 1
	var scratch []float32
	if b.Rank() <= 2 {
		scratch = gemmScratch(c, out.Len()/n, n, k)
	} else {
		jobs, least = out.Len()/(m*n), max(1, (1<<18)/(m*n*k+1))
		scratch = c.Scratch(f32.ScratchLen * c.partCount(jobs, least))
	}
	residual := c.residual(out)
	quant := c.rounding(-1, 1)
	product := func(right f32.Operand, i, rows int) f32.Gemm {
		g := f32.Gemm{M: rows, N: n, K: k, A: operand(a.F32()[i:], k, rows, false), B: right, Epilogue: c.epilogue()}
		g.Epilogue.Quant = quant
		return g
	}
	if b.Rank() <= 2 { // one product for all batches
		var right f32.Operand
		if c.constant(b) {
			right = packedOperand(c, b, k, n, false)
		} else {
			right = operand(b.F32(), n, k, false)
		}
		g := product(right, 0, out.Len()/n)
		g.Epilogue.Residual, g.Epilogue.ResidualStride = residual, n
		runGemm(c, &g, out.F32(), scratch)
		return one(out)
	}
	places := batchPlaces(a.Shape(), b.Shape(), batch, m*k, k*n)
	c.parts(jobs, least, func(p, lo, hi int) {
		for i := lo; i < hi; i++ {
			g := product(operand(b.F32()[places[i][1]:], n, k, false), places[i][0], m)
			if residual != nil {
				g.Epilogue.Residual, g.Epilogue.ResidualStride = residual[i*m*n:], n
			}
			c.product(&g, out.F32()[i*m*n:], n, scratch[p*f32.ScratchLen:][:f32.ScratchLen])
		}
	})
	return one(out)
}

// batchPlaces is where the factors of each product of a batch begin.
func batchPlaces(a, b, batch []int, sizeA, sizeB int) [][2]int {
	sa := broadcastSteps(a[:max(0, len(a)-2)], batch)
	sb := broadcastSteps(b[:max(0, len(b)-2)], batch)
	places := make([][2]int, product(batch))
	pos := make([]int, len(batch))
	for i := range places {
		for d, p := range pos {
			places[i][0] += p * sa[d] * sizeA
			places[i][1] += p * sb[d] * sizeB
		}
		next(pos, batch)
	}
	return places
}

func plainMatMul(c *Call, a, b *tensor.Tensor, batch, shape []int, m, n, k int) *tensor.Tensor {
	places := batchPlaces(a.Shape(), b.Shape(), batch, m*k, k*n)
	switch dt := a.DType(); {
	case dt == tensor.Float64:
		r := newResult[float64](c, dt, shape)
		batchProduct(r.data, load[float64](a), load[float64](b), places, m, n, k)
		plainEpilogue(c, r.data, nil, []int{1, 1, len(r.data)})
		return r.tensor()
	case signed(dt):
		r := newResult[int64](c, dt, shape)
		batchProduct(r.data, load[int64](a), load[int64](b), places, m, n, k)
		return r.tensor()
	case unsigned(dt):
		r := newResult[uint64](c, dt, shape)
		batchProduct(r.data, load[uint64](a), load[uint64](b), places, m, n, k)
		return r.tensor()
	}
	unsupported("%s of %v", c.Node.Op, a.DType())
	return nil
}

func batchProduct[T wide](dst, a, b []T, places [][2]int, m, n, k int) {
	for i, p := range places {
		plainProduct(dst[i*m*n:], a[p[0]:], b[p[1]:], m, n, k, false, false)
	}
}
