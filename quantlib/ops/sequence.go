package ops

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

func init() {
	register("LinearAttention", 27, 3, linearAttention)
	register("CausalConvWithState", 27, 2, causalConv)
	register("SwiGLU", 28, 2, swiGLU)
}

// linearAttention is LinearAttention over [batch, time, heads·size]: a state S
// of key size × value size per head goes through time,
//
//	S ← exp(decay)·S        (update rules gated, gated_delta)
//	v ← beta·(v - Sᵀ·k)     (delta, gated_delta)
//	S ← S + k·vᵀ, y = scale·Sᵀ·q
//
// in float32; a head of K and V serves a group of heads of Q.
func linearAttention(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	q, k, v, past, decay, beta := in[0], in[1], in[2], In(in, 3), In(in, 4), In(in, 5)
	for _, t := range []*tensor.Tensor{q, k, v} {
		rank(t, "input", 3)
	}
	nq, nk := int(c.Node.Int("q_num_heads", 0)), int(c.Node.Int("kv_num_heads", 0))
	if nk < 1 || nq < 1 || nq%nk != 0 || q.Dim(2)%nq != 0 || k.Dim(2)%nk != 0 || v.Dim(2)%nk != 0 {
		fail("%d and %d heads of %v, %v, %v", nq, nk, q.Shape(), k.Shape(), v.Shape())
	}
	batch, steps, dk, dv := q.Dim(0), q.Dim(1), q.Dim(2)/nq, v.Dim(2)/nk
	if k.Dim(2)/nk != dk || k.Dim(0) != batch || v.Dim(0) != batch || k.Dim(1) != steps || v.Dim(1) != steps {
		fail("Q %v, K %v, V %v do not fit", q.Shape(), k.Shape(), v.Shape())
	}
	rule := c.Node.Text("update_rule", "gated_delta")
	gated, delta := rule == "gated" || rule == "gated_delta", rule == "delta" || rule == "gated_delta"
	if !gated && !delta && rule != "linear" || gated != (decay != nil) || delta != (beta != nil) {
		fail("update_rule %q with decay %v and beta %v", rule, decay != nil, beta != nil)
	}
	state, stateType := make([]float32, batch*nk*dk*dv), q.DType()
	if past != nil {
		if past.Len() != len(state) {
			fail("past state of shape %v", past.Shape())
		}
		stateType = past.DType()
		copy(state, load[float32](past))
	}
	perKey, perHead := 0, 0
	var dec, bet []float32
	if decay != nil {
		if perKey = decay.Dim(-1) / nk; decay.Len() != batch*steps*nk*perKey || perKey != 1 && perKey != dk {
			fail("decay of shape %v", decay.Shape())
		}
		dec = load[float32](decay)
	}
	if beta != nil {
		if perHead = beta.Dim(-1); beta.Len() != batch*steps*perHead || perHead != 1 && perHead != nk {
			fail("beta of shape %v", beta.Shape())
		}
		bet = load[float32](beta)
	}
	scale := c.Node.Float("scale", 0)
	if scale == 0 {
		scale = float32(1 / math.Sqrt(float64(dk)))
	}
	qs, ks, vs := load[float32](q), load[float32](k), load[float32](v)
	r := newResult[float32](c, q.DType(), []int{batch, steps, nq * dv})
	c.each(batch*nk, 1, func(lo, hi int) {
		val := make([]float32, dv)
		for job := lo; job < hi; job++ {
			b, h := job/nk, job%nk
			s := state[job*dk*dv : (job+1)*dk*dv]
			for t := range steps {
				at := b*steps + t
				key := ks[(at*nk+h)*dk:][:dk]
				copy(val, vs[(at*nk+h)*dv:])
				if gated {
					for i := range dk {
						g := float32(math.Exp(float64(dec[(at*nk+h)*perKey+i%perKey])))
						for j := range dv {
							s[i*dv+j] *= g
						}
					}
				}
				if delta {
					g := bet[at*perHead+h%perHead]
					for j := range dv {
						var sum float32
						for i := range dk {
							sum += float32(s[i*dv+j] * key[i])
						}
						val[j] = g * (val[j] - sum)
					}
				}
				for i := range dk {
					for j := range dv {
						s[i*dv+j] += float32(key[i] * val[j])
					}
				}
				for g := range nq / nk {
					head := h*(nq/nk) + g
					row := qs[(at*nq+head)*dk:][:dk]
					for j := range dv {
						var sum float32
						for i := range dk {
							sum += float32(row[i] * s[i*dv+j])
						}
						r.data[(at*nq+head)*dv+j] = scale * sum
					}
				}
			}
		}
	})
	present := c.Alloc(stateType, batch, nk, dk, dv)
	store(present, state)
	return []*tensor.Tensor{r.tensor(), present}
}

// causalConv is CausalConvWithState: a depthwise convolution over time of x
// with the state, or zeros, in front, then perhaps x·sigmoid(x). Output 1 is
// the last kernel-1 places of the padded input.
func causalConv(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	x, w, b, past := in[0], in[1], In(in, 2), In(in, 3)
	rank(x, "input", 3)
	rank(w, "weight", 3)
	batch, channels, length, k := x.Dim(0), x.Dim(1), x.Dim(2), w.Dim(2)
	if w.Dim(0) != channels || w.Dim(1) != 1 || k < 1 {
		fail("input %v, weight %v", x.Shape(), w.Shape())
	}
	silu := false
	switch a := c.Node.Text("activation", "none"); a {
	case "none":
	case "silu", "swish":
		silu = true
	default:
		fail("activation %q", a)
	}
	wide := length + k - 1
	padded := make([]float32, batch*channels*wide)
	src := load[float32](x)
	var before, bias []float32
	if past != nil {
		if past.Len() != batch*channels*(k-1) {
			fail("past state of shape %v", past.Shape())
		}
		before = load[float32](past)
	}
	if b != nil {
		if b.Len() != channels {
			fail("bias of shape %v", b.Shape())
		}
		bias = load[float32](b)
	}
	weights := load[float32](w)
	r := newResult[float32](c, x.DType(), x.Shape())
	present := newResult[float32](c, x.DType(), []int{batch, channels, k - 1})
	for i := range batch * channels {
		p := padded[i*wide : (i+1)*wide]
		if before != nil {
			copy(p, before[i*(k-1):(i+1)*(k-1)])
		}
		copy(p[k-1:], src[i*length:(i+1)*length])
		copy(present.data[i*(k-1):(i+1)*(k-1)], p[length:])
		for t := range length {
			var s float32
			for j, v := range weights[i%channels*k:][:k] {
				s += float32(v * p[t+j])
			}
			if bias != nil {
				s += bias[i%channels]
			}
			r.data[i*length+t] = s
		}
	}
	if silu {
		for i, v := range r.data {
			r.data[i] = float32(float64(v) * sigmoid(float64(v)))
		}
	}
	return []*tensor.Tensor{r.tensor(), present.tensor()}
}

// swiGLU is SwiGLU: a·sigmoid(alpha·a)·b.
func swiGLU(c *Call, in []*tensor.Tensor) []*tensor.Tensor {
	a, b := in[0], in[1]
	if a.DType() != b.DType() || !tensor.SameShape(a.Shape(), b.Shape()) {
		fail("A is %v %v, B %v %v", a.DType(), a.Shape(), b.DType(), b.Shape())
	}
	alpha := float64(c.Node.Float("alpha", 1))
	r := newResult[float64](c, a.DType(), a.Shape())
	y := load[float64](b)
	for i, v := range load[float64](a) {
		r.data[i] = v * sigmoid(alpha*v) * y[i]
	}
	return one(r.tensor())
}
