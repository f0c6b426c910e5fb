package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	RegisterOp(Op{Name: "Conv", Since: 1, Forward: checked(widened(conv), 2), Fuses: true})
}

// convShape checks x [N, C, spatial…] against w [M, C/group, kernel…] and gives
// the group count and the window.
func convShape(c *Call, x, w *tensor.Tensor) (groups int, win window) {
	if x.Rank() < 3 || w.Rank() != x.Rank() {
		fail("convolution of shape %v with weights %v", x.Shape(), w.Shape())
	}
	groups = int(c.Node.Int("group", 1))
	if groups < 1 || w.Dim(0)%groups != 0 || w.Dim(1)*groups != x.Dim(1) {
		fail("input %v does not match weights %v in %d groups", x.Shape(), w.Shape(), groups)
	}
	kernel := w.Shape()[2:]
	if k := c.Node.Ints("kernel_shape"); k != nil && !tensor.SameShape(sizes(k), kernel) {
		fail("kernel_shape %v, weights %v", k, w.Shape())
	}
	return groups, newWindow(c, x.Shape()[2:], kernel)
}

// conv is Conv: y[n,m] = bias[m] + Σ over the channels c of m's group and the
// taps k of w[m,c,k]·x[n,c,·], padding counted as zeros. Float32 with one or
// two spatial dimensions runs on packed weights, others as a product with
// columns made on the way; float64 is computed plainly.
func conv(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x, w, b := in[0], in[1], In(in, 2)
	groups, win := convShape(c, x, w)
	if b != nil && (b.Rank() != 1 || b.Len() != w.Dim(0)) {
		fail("bias %v for %d filters", b.Shape(), w.Dim(0))
	}
	shape := append([]int{x.Dim(0), w.Dim(0)}, win.out...)
	product(shape)
	if w.DType() != x.DType() || b != nil && b.DType() != x.DType() {
		fail("input is %v, weights are %v", x.DType(), w.DType())
	}
	switch {
	case x.DType() == tensor.Float64:
		r := newResult[float64](c, x.DType(), shape)
		plainConv(c, r.data, load[float64](x), load[float64](w), x.Dim(0), x.Dim(1), w.Dim(0), groups, &win)
		plainEpilogue(c, r.data, load64(b), shape)
		return one(r.tensor())
	case x.DType() != tensor.Float32:
		unsupported("Conv of %v", x.DType())
	}
	out := c.Alloc(tensor.Float32, shape...)
	if out.Len() == 0 {
		return one(out)
	}
	var bias []float32
	if b != nil {
		bias = b.F32()
	}
	if len(win.in) <= 2 {
		conv2D(c, out, x, w, bias, groups, win)
	} else {
		convND(c, out, x, w, bias, groups, &win)
	}
	return one(out)
}

func load64(t *tensor.Tensor) []float64 {
	if t == nil {
		return nil
	}
	return load[float64](t)
}

// packedFilter is the key of a convolution's packed weights.
type packedFilter struct {
	w      *tensor.Tensor
	groups int
}

// winogradFilter is the key of transformed and packed weights.
type winogradFilter struct{ w *tensor.Tensor }

// PackedBytes is the memory of the transformed weights.
func (p winogradFilter) PackedBytes() int { return f32.WinogradBytes(p.w.Dim(0), p.w.Dim(1)) }

// convolver is a convolution whose weights are packed, in the way that is best
// for its geometry.
type convolver struct {
	f32.Conv
	plain *f32.Filter
	fast  *f32.WinogradFilter // if set, instead
}

// newConvolver packs what weights returns for the geometry, once for each key:
// plain or fast.
func newConvolver(c *Call, g f32.Conv, w *tensor.Tensor, plain, fast any, weights func() []float32) convolver {
	v := convolver{Conv: g}
	if g.Winograd() {
		v.fast = c.Cached(w, fast, func() any {
			return f32.PackWinograd(weights(), g.Filters, g.Channels)
		}).(*f32.WinogradFilter)
		return v
	}
	v.plain = c.Cached(w, plain, func() any {
		return f32.PackFilter(weights(), g.Filters, g.Channels/g.Groups, g.KernelH, g.KernelW, g.Groups)
	}).(*f32.Filter)
	return v
}

// convScratch is the length of the scratch memory that part needs.
func convScratch(g f32.Conv) int {
	if g.Winograd() {
		return g.WinogradScratchLen()
	}
	return g.ScratchLen()
}

// part computes part p of n for one image.
func (v *convolver) part(dst, x []float32, ep *f32.Epilogue, scratch []float32, p, n int) {
	if v.fast != nil {
		f32.ConvWinogradPart(dst, x, v.fast, v.Conv, ep, scratch, p, n)
	} else {
		f32.Conv2DPart(dst, x, v.plain, v.Conv, ep, nil, scratch, p, n)
	}
}

// PackedBytes is the memory of the packed weights.
func (p packedFilter) PackedBytes() int {
	if p.groups < 0 {
		return -p.groups * f32.PackedBytes(p.w.Dim(0)/-p.groups, p.w.Len()/p.w.Dim(0), f32.MR)
	}
	h, w := 1, p.w.Dim(2)
	if p.w.Rank() > 3 {
		h, w = w, p.w.Dim(3)
	}
	return f32.FilterBytes(p.w.Dim(0), p.w.Dim(1), h, w, p.groups)
}

// packedList is a packed factor for each group.
type packedList []*f32.Packed

// Bytes is the memory that the factors hold.
func (l packedList) Bytes() int {
	n := 0
	for _, p := range l {
		n += p.Bytes()
	}
	return n
}

func conv2D(c *Call, out, x, w *tensor.Tensor, bias []float32, groups int, win window) {
	g := win.conv(x.Dim(1), w.Dim(0), groups)
	if oh, ow := g.Out(); oh*ow != product(win.out) {
		fail("convolution %v with kernel %v", win.in, win.kernel)
	}
	n := x.Dim(0)
	area := product(win.out)
	threads := c.Threads()
	images := threads == 1 || n >= threads // a thread for each, or all threads for one
	if !images && float64(w.Len())*float64(area) < 1<<16 {
		threads = 1 // not worth waking another thread
	}
	size := convScratch(g)
	parts := threads
	if images {
		parts = c.partCount(n, 1)
	}
	scratch := c.Scratch(size * parts)
	filter := newConvolver(c, g, w, packedFilter{w, groups}, winogradFilter{w}, w.F32)
	src, dst := x.F32(), out.F32()
	image, result := x.Len()/n, out.Len()/n
	residual := c.residual(out)
	quant := c.rounding(1, w.Dim(0))
	one := func(i, part, parts int, scratch []float32) {
		ep := c.epilogue()
		ep.RowBias, ep.Quant = bias, quant
		if residual != nil {
			ep.Residual, ep.ResidualStride = residual[i*result:(i+1)*result], area
		}
		n := units(float64(w.Len())*float64(area), parts)
		for k := part * n; k < (part+1)*n; k++ {
			filter.part(dst[i*result:(i+1)*result], src[i*image:(i+1)*image], &ep, scratch, k, parts*n)
			c.stop()
		}
	}
	if images {
		c.parts(n, 1, func(p, lo, hi int) {
			for i := lo; i < hi; i++ {
				one(i, 0, 1, scratch[p*size:(p+1)*size])
			}
		})
		return
	}
	for i := range n {
		if threads == 1 {
			one(i, 0, 1, scratch)
			continue
		}
		c.Parallel(threads, func(p int) { one(i, p, threads, scratch[p*size:(p+1)*size]) })
	}
}

// epilogue is what the executor wants done, without the residual.
func (c *Call) epilogue() f32.Epilogue {
	e := f32.Epilogue{}
	if c.Epilogue.Clamp {
		e.Act, e.Lo, e.Hi = f32.Clamp, c.Epilogue.Lo, c.Epilogue.Hi
	}
	return e
}

// residual is the elements of the epilogue's residual, nil if there is none.
func (c *Call) residual(out *tensor.Tensor) []float32 {
	r := c.Epilogue.Residual
	if r == nil {
		return nil
	}
	if !tensor.SameShape(r.Shape(), out.Shape()) || r.DType() != tensor.Float32 {
		fail("residual is %v %v, the output %v", r.DType(), r.Shape(), out.Shape())
	}
	return r.F32()
}

// plainEpilogue adds a bias along axis 1 and does what the executor wants done,
// for outputs that are not float32.
func plainEpilogue(c *Call, y, bias []float64, shape []int) {
	var residual []float64
	if r := c.Epilogue.Residual; r != nil {
		if residual = load[float64](r); len(residual) != len(y) {
			fail("residual is of shape %v, the output %v", r.Shape(), shape)
		}
	}
	area := product(shape[2:])
	for i := range y {
		if bias != nil {
			y[i] += bias[i/area%shape[1]]
		}
		if residual != nil {
			y[i] += residual[i]
		}
		if c.Epilogue.Clamp {
			y[i] = clamp(y[i], float64(c.Epilogue.Lo), float64(c.Epilogue.Hi))
		}
	}
}

// convND computes convolutions of any number of spatial dimensions as products
// of the packed weights with columns of the image.
func convND(c *Call, out, x, w *tensor.Tensor, bias []float32, groups int, win *window) {
	each, k := w.Dim(0)/groups, w.Len()/w.Dim(0)
	n := x.Dim(0)
	scratch := c.Scratch(f32.ScratchLen * c.partCount(n*groups, 1))
	packed := c.Cached(w, packedFilter{w, -groups}, func() any {
		list := make(packedList, groups)
		for g := range list {
			list[g] = f32.PackA(w.F32()[g*each*k:], each, k, k, 1)
		}
		return list
	}).(packedList)
	area, plane := product(win.out), product(win.in)
	image, result := x.Len()/n, out.Len()/n
	residual := c.residual(out)
	quant := c.rounding(1, w.Dim(0))
	c.parts(n*groups, 1, func(p, lo, hi int) {
		for job := lo; job < hi; job++ {
			i, g := job/groups, job%groups
			cols := &columns{win: win, src: x.F32()[i*image+g*image/groups:][:image/groups], plane: plane}
			at := i*result + g*each*area
			m := f32.Gemm{M: each, N: area, K: k, A: f32.Operand{Packed: packed[g]}, B: f32.Operand{Source: cols}, Epilogue: c.epilogue()}
			if bias != nil {
				m.Epilogue.RowBias = bias[g*each:]
			}
			if m.Epilogue.Quant = quant; len(quant) > 1 {
				m.Epilogue.Quant = quant[g*each : (g+1)*each]
			}
			if residual != nil {
				m.Epilogue.Residual, m.Epilogue.ResidualStride = residual[at:], area
			}
			c.product(&m, out.F32()[at:], area, scratch[p*f32.ScratchLen:][:f32.ScratchLen])
		}
	})
}

// columns is the right factor of a convolution: row (channel, tap), column
// output position.
type columns struct {
	win   *window
	src   []float32
	plane int
}

// Pack implements f32.Source.
func (s *columns) Pack(dst []float32, k0, k1, j0, j1 int) {
	w := s.win
	kn := k1 - k0
	taps := product(w.kernel)
	clear(dst)
	pos := position(j0, w.out)
	for j := j0; j < j1; j++ {
		panel := dst[(j-j0)/f32.NR*f32.NR*kn+(j-j0)%f32.NR:]
		w.inside(pos, func(tap, at int) {
			for c := (k0 - tap + taps - 1) / taps; c*taps+tap < k1; c++ {
				if k := c*taps + tap; k >= k0 {
					panel[(k-k0)*f32.NR] = s.src[c*s.plane+at]
				}
			}
		})
		next(pos, w.out)
	}
}

// plainConv computes a convolution of any number of spatial dimensions in class
// T: each output is one sum over ascending (channel, tap).
func plainConv[T wide](c *Call, dst, x, w []T, n, channels, filters, groups int, win *window) {
	area, plane, taps := product(win.out), product(win.in), product(win.kernel)
	inGroup, each := channels/groups, filters/groups
	c.each(n*filters, 1, func(lo, hi int) {
		for job := lo; job < hi; job++ {
			i, m := job/filters, job%filters
			g := m / each
			src := x[(i*channels+g*inGroup)*plane:]
			weights := w[m*inGroup*taps:]
			pos := make([]int, len(win.out))
			for o := range area {
				var sum T
				win.inside(pos, func(tap, at int) {
					for ch := range inGroup {
						sum += weights[ch*taps+tap] * src[ch*plane+at]
					}
				})
				dst[job*area+o] = sum
				next(pos, win.out)
			}
		}
	})
}

// inf32 is positive infinity.
var inf32 = float32(math.Inf(1))
