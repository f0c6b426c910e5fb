package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("RNN", 1, 3, widened(func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return recurrent(c, in, 1, nil) }))
	register("GRU", 1, 3, widened(func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return recurrent(c, in, 3, gruStep) }))
	register("LSTM", 1, 3, widened(func(c *Call, in []*tensor.Tensor) []*tensor.Tensor { return recurrent(c, in, 4, lstmStep) }))
}

// A recurrence is one direction of RNN, GRU or LSTM under way.
type recurrence struct {
	c             *Call
	gates, hidden int
	r             []float32 // [gates·hidden, hidden]
	rb            []float32 // [gates·hidden], the recurrent bias
	peep          []float32 // [3·hidden], LSTM's peepholes in the order i, o, f
	act           []func(x float64) float64
	clip          float64 // 0: none
	scratch       []float32
	rh            []float32 // [batch, gates·hidden]
	batch         int
}

// matrix computes dst = h·rowsᵀ for gates g0..g1, [batch, (g1-g0)·hidden].
func (s *recurrence) matrix(dst, h []float32, g0, g1 int) {
	n := (g1 - g0) * s.hidden
	m := f32.Gemm{M: s.batch, N: n, K: s.hidden, A: operand(h, s.hidden, s.batch, false), B: operand(s.r[g0*s.hidden*s.hidden:], n, s.hidden, true)}
	s.c.product(&m, dst, n, s.scratch)
}

// gate clips and applies activation k.
func (s *recurrence) gate(k int, x float32) float32 {
	v := float64(x)
	if s.clip > 0 {
		v = clamp(v, -s.clip, s.clip)
	}
	return float32(s.act[k](v))
}

// recurrent is RNN, GRU or LSTM over sequences, forward, reverse or both ways.
// Inputs are X, W, R, B, sequence_lens, initial_h, and for LSTM initial_c and
// the peepholes P; outputs are Y, Y_h and Y_c. The input's products for all
// times are one matrix product; sums are float32, activations float64.
func recurrent(c *Call, in []*tensor.Tensor, gates int, step func(s *recurrence, x, h, cell []float32)) []*tensor.Tensor {
	x, w, r := in[0], in[1], in[2]
	rank(x, "X", 3)
	rank(w, "W", 3)
	rank(r, "R", 3)
	for _, t := range []*tensor.Tensor{x, w, r} {
		if t.DType() != tensor.Float32 {
			unsupported("%s of %v", c.Node.Op, t.DType())
		}
	}
	swap := c.Node.Int("layout", 0) != 0
	if swap {
		x = transposed(c, x, []int{1, 0, 2})
	}
	seq, batch, size := x.Dim(0), x.Dim(1), x.Dim(2)
	hidden, dirs := r.Dim(2), w.Dim(0)
	direction := c.Node.Text("direction", "forward")
	if want := map[string]int{"forward": 1, "reverse": 1, "bidirectional": 2}[direction]; dirs != want || r.Dim(0) != dirs {
		fail("%d directions of weights for %q", dirs, direction)
	}
	if w.Dim(1) != gates*hidden || r.Dim(1) != gates*hidden || w.Dim(2) != size {
		fail("X %v, W %v, R %v do not fit", x.Shape(), w.Shape(), r.Shape())
	}
	state := func(i int) []float32 { // initial state [dirs, batch, hidden]
		t := In(in, i)
		if t == nil {
			return make([]float32, dirs*batch*hidden)
		}
		if t.Len() != dirs*batch*hidden || t.Rank() != 3 {
			fail("initial state of shape %v", t.Shape())
		}
		if swap {
			t = transposed(c, t, []int{1, 0, 2})
		}
		return append([]float32(nil), t.F32()...)
	}
	h, cell := state(5), []float32(nil)
	if gates == 4 {
		cell = state(6)
	}
	lens := integers(In(in, 4))
	if lens != nil && len(lens) != batch {
		fail("%d sequence lengths for a batch of %d", len(lens), batch)
	}
	y := make([]float32, seq*dirs*batch*hidden)
	scratch := c.Scratch(f32.ScratchLen)
	for d := range dirs {
		s := &recurrence{c: c, gates: gates, hidden: hidden, r: r.F32()[d*gates*hidden*hidden:], batch: batch,
			scratch: scratch, rh: make([]float32, batch*gates*hidden), clip: float64(c.Node.Float("clip", 0)), rb: make([]float32, gates*hidden)}
		s.act = activations(c, gates, d)
		xs := make([]float32, seq*batch*gates*hidden)
		m := f32.Gemm{M: seq * batch, N: gates * hidden, K: size, A: operand(x.F32(), size, 0, false), B: operand(w.F32()[d*gates*hidden*size:], 0, size, true)}
		if b := In(in, 3); b != nil {
			if b.Len() != dirs*2*gates*hidden {
				fail("B has shape %v", b.Shape())
			}
			row := b.F32()[d*2*gates*hidden:]
			m.Epilogue.ColBias = row[:gates*hidden]
			s.rb = row[gates*hidden : 2*gates*hidden]
		}
		if p := In(in, 7); p != nil && gates == 4 {
			if p.Len() != dirs*3*hidden {
				fail("P has shape %v", p.Shape())
			}
			s.peep = p.F32()[d*3*hidden : (d+1)*3*hidden]
		}
		c.product(&m, xs, gates*hidden, scratch)
		reverse := direction == "reverse" || d == 1
		hd := h[d*batch*hidden : (d+1)*batch*hidden]
		var cd []float32
		if cell != nil {
			cd = cell[d*batch*hidden : (d+1)*batch*hidden]
		}
		s.run(xs, hd, cd, y[d*batch*hidden:], dirs*batch*hidden, seq, lens, reverse, step)
	}
	out := func(data []float32, perm []int, shape ...int) *tensor.Tensor {
		t := tensor.Of(data, shape...)
		if swap {
			t = transposed(c, t, perm)
		}
		return t
	}
	res := []*tensor.Tensor{out(y, []int{2, 0, 1, 3}, seq, dirs, batch, hidden), out(h, []int{1, 0, 2}, dirs, batch, hidden)}
	if cell != nil {
		res = append(res, out(cell, []int{1, 0, 2}, dirs, batch, hidden))
	}
	return res
}

// run goes through time. Each batch entry stops at its own length; a reverse
// one begins there.
func (s *recurrence) run(xs, h, cell, y []float32, stride, seq int, lens []int64, reverse bool, step func(s *recurrence, x, h, cell []float32)) {
	n, wide := s.hidden, s.gates*s.hidden
	x, oldH, oldC := make([]float32, s.batch*wide), make([]float32, len(h)), make([]float32, len(cell))
	for t := range seq {
		s.c.stop()
		copy(oldH, h)
		copy(oldC, cell)
		at := make([]int, s.batch) // the time each entry is at, -1 when it is over
		for b := range at {
			at[b] = t
			length := seq
			if lens != nil {
				length = int(lens[b])
			}
			if reverse {
				at[b] = length - 1 - t
			}
			if t >= length {
				at[b] = -1
				continue
			}
			copy(x[b*wide:(b+1)*wide], xs[(at[b]*s.batch+b)*wide:])
		}
		if step == nil {
			s.matrix(s.rh, h, 0, 1)
			for i := range h {
				h[i] = s.gate(0, x[i]+s.rh[i]+s.rb[i%n])
			}
		} else {
			step(s, x, h, cell)
		}
		for b, p := range at {
			if p < 0 {
				copy(h[b*n:(b+1)*n], oldH[b*n:])
				if cell != nil {
					copy(cell[b*n:(b+1)*n], oldC[b*n:])
				}
				continue
			}
			copy(y[p*stride+b*n:][:n], h[b*n:])
		}
	}
}

// lstmStep: i, o, f = f(x + R·h + P·c), c' = f·c + i·g(…), h' = o·h(c'); gates
// stand in the order i, o, f, c, and o's peephole sees c'.
func lstmStep(s *recurrence, x, h, cell []float32) {
	s.matrix(s.rh, h, 0, 4)
	n := s.hidden
	couple := s.c.Node.Int("input_forget", 0) != 0
	for k := range h {
		b, j := k/n, k%n
		sum := func(g int) float32 { return x[b*4*n+g*n+j] + s.rh[b*4*n+g*n+j] + s.rb[g*n+j] }
		pi, po, pf := float32(0), float32(0), float32(0)
		if s.peep != nil {
			pi, po, pf = s.peep[j], s.peep[n+j], s.peep[2*n+j]
		}
		i := s.gate(0, sum(0)+pi*cell[k])
		f := s.gate(0, sum(2)+pf*cell[k])
		if couple {
			f = 1 - i
		}
		cell[k] = float32(f*cell[k]) + float32(i*s.gate(1, sum(3)))
		h[k] = s.gate(0, sum(1)+po*cell[k]) * float32(s.act[2](float64(cell[k])))
	}
}

// gruStep: z, r = f(x + R·h), n = g(x + R·(r·h)) or, with linear_before_reset,
// g(x + r·(R·h + b)); h' = (1-z)·n + z·h. Gates stand in the order z, r, h.
func gruStep(s *recurrence, x, h, _ []float32) {
	n := s.hidden
	linear := s.c.Node.Int("linear_before_reset", 0) != 0
	zr := make([]float32, s.batch*2*n)
	s.matrix(zr, h, 0, 2)
	gated := make([]float32, len(h))
	z, r := make([]float32, len(h)), make([]float32, len(h))
	for k := range h {
		b, j := k/n, k%n
		z[k] = s.gate(0, x[b*3*n+j]+zr[b*2*n+j]+s.rb[j])
		r[k] = s.gate(0, x[b*3*n+n+j]+zr[b*2*n+n+j]+s.rb[n+j])
		gated[k] = r[k] * h[k]
	}
	if linear {
		copy(gated, h)
	}
	s.matrix(s.rh, gated, 2, 3)
	for k := range h {
		b, j := k/n, k%n
		v := s.rh[k] + s.rb[2*n+j]
		if linear {
			v *= r[k]
		}
		v = s.gate(1, x[b*3*n+2*n+j]+v)
		h[k] = float32((1-z[k])*v) + float32(z[k]*h[k])
	}
}

// activations are those of one direction, with their alphas and betas, which
// the attributes list for those activations that have one.
func activations(c *Call, gates, dir int) []func(x float64) float64 {
	def := map[int][]string{1: {"Tanh"}, 3: {"Sigmoid", "Tanh"}, 4: {"Sigmoid", "Tanh", "Tanh"}}[gates]
	names := def
	skip := 0
	if a := c.Node.Attr("activations"); a != nil {
		if skip = dir * len(def); len(a.Strings) < skip+len(def) {
			fail("activations %v", a.Strings)
		}
		names = a.Strings
	}
	alphas, betas := c.Node.Floats("activation_alpha"), c.Node.Floats("activation_beta")
	take := func(list *[]float32, def float64) float64 {
		if len(*list) == 0 {
			return def
		}
		v := (*list)[0]
		*list = (*list)[1:]
		return float64(v)
	}
	var out []func(x float64) float64
	for i, name := range names {
		f := activation(name, func(def float64) float64 { return take(&alphas, def) }, func(def float64) float64 { return take(&betas, def) })
		if i >= skip && len(out) < len(def) {
			out = append(out, f)
		}
	}
	return out
}

func activation(name string, alpha, beta func(def float64) float64) func(x float64) float64 {
	switch name {
	case "Relu":
		return func(x float64) float64 { return max(x, 0) }
	case "Tanh":
		return math.Tanh
	case "Sigmoid":
		return sigmoid
	case "Affine":
		a, b := alpha(1), beta(0)
		return func(x float64) float64 { return a*x + b }
	case "LeakyRelu":
		a := alpha(0.01)
		return func(x float64) float64 { return max(x, 0) + a*min(x, 0) }
	case "ThresholdedRelu":
		a := alpha(1)
		return func(x float64) float64 {
			if x > a {
				return x
			}
			return 0
		}
	case "ScaledTanh":
		a, b := alpha(1), beta(1)
		return func(x float64) float64 { return a * math.Tanh(b*x) }
	case "HardSigmoid":
		a, b := alpha(0.2), beta(0.5)
		return func(x float64) float64 { return clamp(a*x+b, 0, 1) }
	case "Elu":
		a := alpha(1)
		return func(x float64) float64 { return elu(x, a) }
	case "Softsign":
		return func(x float64) float64 { return x / (1 + math.Abs(x)) }
	case "Softplus":
		return softplus
	}
	fail("activation %q", name)
	return nil
}
