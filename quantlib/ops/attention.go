package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/ops/internal/f32"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("Attention", 23, 3, widened(attention))
	register("RotaryEmbedding", 23, 3, widened(rotaryEmbedding))
}

// heads makes [batch, heads, sequence, size] of a tensor that has this shape, or
// [batch, sequence, heads·size].
func heads(c *Call, t *tensor.Tensor, n int) *tensor.Tensor {
	if t.Rank() == 4 {
		return t
	}
	rank(t, "input", 3)
	if n < 1 || t.Dim(2)%n != 0 {
		fail("shape %v in %d heads", t.Shape(), n)
	}
	return transposed(c, t.Reshape(t.Dim(0), t.Dim(1), n, t.Dim(2)/n), []int{0, 2, 1, 3})
}

// appended is past and t joined along the sequence.
func appended(past, t *tensor.Tensor) *tensor.Tensor {
	if past == nil {
		return t
	}
	if past.Rank() != 4 || past.Dim(0) != t.Dim(0) || past.Dim(1) != t.Dim(1) || past.Dim(3) != t.Dim(3) || past.DType() != t.DType() {
		fail("past of shape %v before %v", past.Shape(), t.Shape())
	}
	out := tensor.New(t.DType(), t.Dim(0), t.Dim(1), past.Dim(2)+t.Dim(2), t.Dim(3))
	d, a, b := cellsOf(out), cellsOf(past), cellsOf(t)
	na, nb := past.Dim(2)*t.Dim(3), t.Dim(2)*t.Dim(3)
	for i := range t.Dim(0) * t.Dim(1) {
		d.copy(i*(na+nb), a, i*na, na)
		d.copy(i*(na+nb)+na, b, i*nb, nb)
	}
	return out
}

// attention is Attention:
//
//	softmax(softcap(Q·Kᵀ·scale) + mask)·V
//
// for each batch entry and head; a head of K and V serves a group of heads of
// Q. Past keys and values are put in front. A causal mask lets query i see key
// j where j <= i + offset, the offset being the past's length, or
// nonpad_kv_seqlen less the number of queries. A query that sees no key gives
// zero. Products are float32 chains, the softmax as f32.Softmax.
func attention(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	flat := in[0].Rank() == 3
	q := heads(c, in[0], int(c.Node.Int("q_num_heads", 0)))
	k := appended(In(in, 4), heads(c, in[1], int(c.Node.Int("kv_num_heads", 0))))
	v := appended(In(in, 5), heads(c, in[2], int(c.Node.Int("kv_num_heads", 0))))
	for i, t := range []*tensor.Tensor{q, k, v} {
		if t.DType() != tensor.Float32 {
			unsupported("Attention of %v", t.DType())
		}
		rank(t, []string{"Q", "K", "V"}[i], 4)
	}
	batch, nq, sq, dq := q.Dim(0), q.Dim(1), q.Dim(2), q.Dim(3)
	nk, sk, dv := k.Dim(1), k.Dim(2), v.Dim(3)
	if k.Dim(0) != batch || v.Dim(0) != batch || k.Dim(3) != dq || v.Dim(1) != nk || v.Dim(2) != sk || nk == 0 || nq%nk != 0 {
		fail("Q %v, K %v, V %v do not fit", q.Shape(), k.Shape(), v.Shape())
	}
	mask := newAttentionMask(c, in, batch, nq, sq, sk)
	scale := float64(c.Node.Float("scale", 0))
	if c.Node.Attr("scale") == nil {
		scale = 1 / math.Sqrt(float64(dq))
	}
	root := float32(math.Sqrt(scale))
	softcap := c.Node.Float("softcap", 0)
	mode := c.Node.Int("qk_matmul_output_mode", 0)

	y := c.Alloc(tensor.Float32, batch, nq, sq, dv)
	var scores *tensor.Tensor
	if c.Wants(3) {
		scores = c.Alloc(tensor.Float32, batch, nq, sq, sk)
	}
	kept := func(at int64, s []float32, job int) {
		if scores != nil && at == mode {
			copy(scores.F32()[job*sq*sk:], s)
		}
	}
	size := f32.ScratchLen + sq*sk
	scratch := c.Scratch(q.Len() + k.Len() + size*c.partCount(batch*nq, 1))
	qs, ks, scratch := scratch[:q.Len()], scratch[q.Len():][:k.Len()], scratch[q.Len()+k.Len():]
	f32.ScaleBias(qs, q.F32(), root, 0)
	f32.ScaleBias(ks, k.F32(), root, 0)
	c.parts(batch*nq, 1, func(part, lo, hi int) {
		gemm, s := scratch[part*size:][:f32.ScratchLen], scratch[part*size+f32.ScratchLen:][:sq*sk]
		for job := lo; job < hi; job++ {
			b, h := job/nq, job%nq
			kv := b*nk + h/(nq/nk)
			m := f32.Gemm{M: sq, N: sk, K: dq, A: operand(qs[job*sq*dq:], dq, sq, false), B: operand(ks[kv*sk*dq:], sk, dq, true)}
			c.product(&m, s, sk, gemm)
			kept(0, s, job)
			if softcap > 0 {
				for i, v := range s {
					s[i] = v / softcap
				}
				f32.Tanh(s, s)
				f32.ScaleBias(s, s, softcap, 0)
			}
			kept(1, s, job)
			for i := range sq {
				mask.add(s[i*sk:(i+1)*sk], b, h, i)
			}
			kept(2, s, job)
			for i := range sq {
				row := s[i*sk : (i+1)*sk]
				if mask.blind(b, h, i) {
					clear(row)
				} else {
					f32.Softmax(row, row)
				}
			}
			kept(3, s, job)
			m = f32.Gemm{M: sq, N: dv, K: sk, A: operand(s, sk, sq, false), B: operand(v.F32()[kv*sk*dv:], dv, sk, false)}
			c.product(&m, y.F32()[job*sq*dv:], dv, gemm)
			c.stop()
		}
	})
	if flat {
		y = transposed(c, y, []int{0, 2, 1, 3}).Reshape(batch, sq, nq*dv)
	}
	return []*tensor.Tensor{y, k, v, scores}
}

// An attentionMask is what keeps a query from a key, and what is added to their
// score.
type attentionMask struct {
	bias        []float32 // nil: none
	width       int       // keys that bias covers; the rest are hidden
	keys        int
	step        []int // of batch, head, query in bias
	causal      bool
	left, right int // a window round the query's own place; -1: open
	offset      []int
	valid       []int // keys of each batch entry
}

func newAttentionMask(c *Call, in []*tensor.Tensor, batch, nq, sq, sk int) *attentionMask {
	m := &attentionMask{keys: sk, causal: c.Node.Int("is_causal", 0) != 0, offset: make([]int, batch), valid: make([]int, batch),
		left: int(c.Node.Int("left_window_size", -1)), right: int(c.Node.Int("right_window_size", -1))}
	for b := range batch {
		m.valid[b] = sk
		if past := In(in, 4); past != nil {
			m.offset[b] = past.Dim(2)
		}
	}
	if n := In(in, 6); n != nil {
		list := integers(n)
		if len(list) != batch {
			fail("nonpad_kv_seqlen of shape %v for a batch of %d", n.Shape(), batch)
		}
		for b, v := range list {
			m.valid[b] = int(v)
			if In(in, 4) == nil {
				m.offset[b] = int(v) - sq
			}
		}
	}
	t := In(in, 3)
	if t == nil {
		return m
	}
	if t.Rank() == 0 {
		t = t.Reshape(1)
	}
	m.width = t.Dim(-1)
	if m.width > sk {
		fail("mask of shape %v for %d keys", t.Shape(), sk)
	}
	if m.width == 1 && sk > 1 {
		m.width = sk
	}
	step := broadcastSteps(t.Shape(), []int{batch, nq, sq, m.width})
	if t.Dim(-1) != m.width {
		t = stretch(c, t, append(append([]int(nil), t.Shape()[:t.Rank()-1]...), m.width))
		step = broadcastSteps(t.Shape(), []int{batch, nq, sq, m.width})
	}
	m.step = step[:3]
	if t.DType() == tensor.Bool {
		m.bias = make([]float32, t.Len())
		for i, v := range tensor.Data[uint8](t) {
			if v == 0 {
				m.bias[i] = -inf32
			}
		}
	} else {
		m.bias = load[float32](t)
	}
	return m
}

// of is what is added to the score of key j.
func (m *attentionMask) of(b, h, i, j int) float32 {
	place := i + m.offset[b]
	switch {
	case j >= m.valid[b], m.causal && j > place, m.left >= 0 && place-j > m.left, m.right >= 0 && j-place > m.right:
		return -inf32
	case m.bias == nil:
		return 0
	case j >= m.width:
		return -inf32
	}
	return m.bias[b*m.step[0]+h*m.step[1]+i*m.step[2]+j]
}

func (m *attentionMask) add(row []float32, b, h, i int) {
	for j := range row {
		row[j] += m.of(b, h, i, j)
	}
}

// blind reports whether a query sees no key.
func (m *attentionMask) blind(b, h, i int) bool {
	for j := range m.keys {
		if v := m.of(b, h, i, j); v > -inf32 || v != v {
			return false
		}
	}
	return true
}

// rotaryEmbedding is RotaryEmbedding: pairs (x1, x2) of the first
// rotary_embedding_dim elements of each head, halves or neighbours, become
// (cos·x1 - sin·x2, sin·x1 + cos·x2); the caches are given per batch entry and
// place, or looked up by position_ids.
func rotaryEmbedding(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x, cos, sin, ids := in[0], in[1], in[2], In(in, 3)
	if x.IsHollow() {
		unsupported("RotaryEmbedding of values that are not known")
	}
	t := x
	if x.Rank() == 3 {
		n := int(c.Node.Int("num_heads", 0))
		if n < 1 || x.Dim(2)%n != 0 {
			fail("shape %v in %d heads", x.Shape(), n)
		}
		t = x.Reshape(x.Dim(0), x.Dim(1), n, x.Dim(2)/n)
	} else {
		rank(x, "input", 4)
		t = transposed(c, x, []int{0, 2, 1, 3})
	}
	batch, seq, n, size := t.Dim(0), t.Dim(1), t.Dim(2), t.Dim(3)
	dim := int(c.Node.Int("rotary_embedding_dim", 0))
	if dim == 0 {
		dim = size
	}
	half := dim / 2
	if dim < 0 || dim > size || dim%2 != 0 || cos.Rank() < 2 || cos.Dim(-1) != half || !tensor.SameShape(cos.Shape(), sin.Shape()) {
		fail("rotation of %d of %d elements by caches %v and %v", dim, size, cos.Shape(), sin.Shape())
	}
	rows := cos.Len() / max(1, half)
	place := func(b, s int) int { return b*seq + s }
	if ids != nil {
		list := integers(ids)
		if len(list) != batch*seq {
			fail("position_ids of shape %v", ids.Shape())
		}
		place = func(b, s int) int { return index(list[b*seq+s], rows) }
	} else if rows != batch*seq {
		fail("caches of shape %v for %d places", cos.Shape(), batch*seq)
	}
	pair := func(i int) (int, int) { return i, i + half }
	if c.Node.Int("interleaved", 0) != 0 {
		pair = func(i int) (int, int) { return 2 * i, 2*i + 1 }
	}
	r := newResult[float32](c, x.DType(), t.Shape())
	src, cs, sn := load[float32](t), load[float32](cos), load[float32](sin)
	copy(r.data, src)
	for b := range batch {
		for s := range seq {
			p := place(b, s)
			for h := range n {
				at := ((b*seq+s)*n + h) * size
				for i := range half {
					j, k := pair(i)
					x1, x2, co, si := src[at+j], src[at+k], cs[p*half+i], sn[p*half+i]
					r.data[at+j] = float32(co*x1) - float32(si*x2)
					r.data[at+k] = float32(si*x1) + float32(co*x2)
				}
			}
		}
	}
	y := r.tensor()
	if x.Rank() == 3 {
		return one(y.Reshape(x.Shape()...))
	}
	return one(transposed(c, y, []int{0, 2, 1, 3}))
}
