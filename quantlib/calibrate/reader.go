package calibrate

import (
	"errors"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A reader is a layer whose output tells the noise of a trial.
type reader struct {
	node   *graph.Node    // without its bias; nil where the value itself counts
	opset  int            //
	x      string         // what flows in
	w      *tensor.Tensor // its second operand
	member int            // of the trial, the quantizer that is tried here
	last   bool           // output channels are along the last axis, not the second
}

// connect finds the readers. It reports false if MSE is all that can be done.
func (t *trial) connect(s *Stats) bool {
	linear := false
	for _, k := range t.members {
		q := s.m.Quantizers[k]
		if q.Const && q.Role == plan.Activation {
			continue // one value of many that share the scale, or alone
		}
		itself := false
		for _, name := range q.Nodes {
			r, ok := s.linear(s.m.Graph.Node(name), k)
			switch {
			case ok && (q.Role == plan.Activation) == (r.x == q.Value):
				t.readers = append(t.readers, r)
				linear = true
			case q.Role == plan.Weight:
				return false
			default:
				itself = true
			}
		}
		if itself {
			t.readers = append(t.readers, reader{x: q.Value, member: k})
		}
	}
	if q := s.m.Quantizers[t.members[0]]; linear && q.Role == plan.Weight && t.scheme.Granularity != quant.PerTensor {
		t.width = q.Shape[q.Axis]
	}
	return linear
}

// linear is n as a layer whose second operand is a constant and whose first one
// the session shows.
func (s *Stats) linear(n *graph.Node, member int) (reader, bool) {
	w := s.m.Graph.Const(n.Input(1))
	if w == nil || w.DType() != tensor.Float32 || s.m.Graph.Const(n.Input(0)) != nil || !s.session.Sees(n.Input(0)) {
		return reader{}, false
	}
	r := reader{x: n.Input(0), w: w, member: member, opset: s.m.Graph.Opset(n.Domain)}
	switch {
	case n.Op == "Conv" || n.Op == "ConvTranspose" || n.Op == "Gemm" && w.Rank() == 2:
	case n.Op == "MatMul" && w.Rank() == 2:
		r.last = true
	default:
		return reader{}, false
	}
	c := *n
	c.Inputs = n.Inputs[:2:2]
	r.node = &c
	return r, true
}

// forward is the layer without its bias.
func (r *reader) forward(x, w *tensor.Tensor) (*tensor.Tensor, error) {
	in := []*tensor.Tensor{x, w}
	n := r.node
	if n.Op == "Gemm" && r.opset < 11 { // where the third operand must be there
		c := *n
		c.Inputs = append(c.Inputs, "zero")
		n, in = &c, append(in, tensor.New(tensor.Float32, 1))
	}
	out, err := ops.Apply(n, r.opset, in...)
	if err != nil {
		return nil, fmt.Errorf("node %v: %w", r.node, err)
	}
	return out[0], nil
}

// sums of a trial: for each reader the power of what it makes of the float values,
// then for each of the tried parameters the noise by channel.
func (t *trial) size() int { return len(t.readers) * (1 + len(t.params)*t.width) }

func (t *trial) slot(reader, try int) int {
	return reader*(1+len(t.params)*t.width) + 1 + try*t.width
}

// noise is the noise of a choice of parameters in one channel. Where several
// layers read, each counts by its own signal.
func (t *trial) noise(sums []float64, try, channel int) float64 {
	sums = sums[t.at:]
	total := 0.0
	for r := range t.readers {
		v := sums[t.slot(r, try)+channel]
		if signal := sums[t.slot(r, 0)-1]; len(t.readers) > 1 && signal > 0 {
			v /= signal
		}
		total += v
	}
	return total
}

// measure adds the noise of all tried parameters where x, the value of that name,
// is read.
func (t *trial) measure(s *Stats, sums []float64, name string, x *tensor.Tensor) error {
	var noise *tensor.Tensor
	for i := range t.readers {
		r := &t.readers[i]
		if r.x != name {
			continue
		}
		if noise == nil {
			noise = tensor.New(tensor.Float32, x.Shape()...)
		}
		if err := t.measureReader(s, sums, i, x, noise); err != nil {
			return err
		}
	}
	return nil
}

func (t *trial) measureReader(s *Stats, sums []float64, i int, x, scratch *tensor.Tensor) error {
	r := &t.readers[i]
	q := s.m.Quantizers[r.member]
	signal := x
	if r.node != nil {
		y, err := r.forward(x, r.w)
		if err != nil {
			return err
		}
		signal = y
	}
	power(sums[t.slot(i, 0)-1:][:1], signal, r.last)
	old := x
	if q.Role == plan.Weight {
		old = r.w
		scratch = tensor.New(tensor.Float32, old.Shape()...)
	}
	layout := quant.For(old.Shape(), q.Axis, q.Group, t.scheme)
	if q.Role == plan.Activation {
		layout = quant.For(old.Shape(), q.Axis, q.Axis, t.scheme)
	}
	d := scratch.F32()
	for k, p := range t.params {
		if len(p.Scale) != layout.Granules() {
			return fmt.Errorf("%q has shape %v, and was observed with %d channels: %w", q.Value, old.Shape(), len(p.Scale), errors.ErrUnsupported)
		}
		if q.Role == plan.Activation {
			fake{p, t.scheme, q.Axis}.Quantize(d, old.F32(), old.Shape())
		} else {
			p.FakeQuantize(d, old.F32(), layout, t.scheme)
		}
		for j, v := range old.F32() {
			d[j] -= v
		}
		y, err := scratch, error(nil)
		switch {
		case r.node == nil:
		case q.Role == plan.Weight:
			y, err = r.forward(x, scratch)
		default:
			y, err = r.forward(scratch, r.w)
		}
		if err != nil {
			return err
		}
		power(sums[t.slot(i, k):][:t.width], y, r.last)
	}
	return nil
}

// power adds Σy² by channel to sums; channel c of y counts for c % len(sums). The
// order of additions is fixed.
func power(sums []float64, y *tensor.Tensor, last bool) {
	v := y.F32()
	if len(v) == 0 {
		return
	}
	channels, inner := 1, len(v)
	if len(sums) > 1 {
		axis := 1
		if last {
			axis = y.Rank() - 1
		}
		channels, inner = y.Dim(axis), 1
		for k := axis + 1; k < y.Rank(); k++ {
			inner *= y.Dim(k)
		}
	}
	for at, c := 0, 0; at < len(v); at, c = at+inner, c+1 {
		if c == channels {
			c = 0
		}
		var sum [4]float64
		row := v[at : at+inner]
		for j, x := range row {
			sum[j&3] += float64(float64(x) * float64(x))
		}
		sums[c%len(sums)] += (sum[0] + sum[1]) + (sum[2] + sum[3])
	}
}

// channelOf says which output channel a granule of a weight belongs to.
func channelOf(m *plan.Map, quantizer int, s quant.Scheme) func(granule int) int {
	q := m.Quantizers[quantizer]
	if s.Granularity != quant.PerGroup || len(q.Shape) < 2 {
		return func(granule int) int { return granule }
	}
	_, second := quant.For(q.Shape, q.Axis, q.Group, s).Shape()
	if q.Axis < q.Group {
		return func(granule int) int { return granule / second }
	}
	return func(granule int) int { return granule % second }
}
