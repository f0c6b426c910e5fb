package analyse

import (
	"fmt"
	"math"
	"strings"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// Spread is how the elements of a channel, or of a whole weight, are spread.
type Spread struct {
	Moments
	// OutlierRatio is the share of elements more than 3 standard deviations from the
	// mean; 0.0027 of a Gaussian.
	OutlierRatio float64
	// Peak is the greatest distance from the mean, in standard deviations; 0 of a
	// constant.
	Peak float64
}

// A Parameter is a weight.
type Parameter struct {
	Value    string
	Layers   []string // that compute with it
	Shape    []int
	Axis     int      // of its channels
	Whole    Spread   // all elements
	Channels []Spread // by index along Axis
}

// Parameters is the report on a network's weights.
type Parameters struct {
	Weights []Parameter // in graph order
	// Hints are of weights with an outlier channel, as they would suffer from a scale
	// for the whole tensor.
	Hints []Hint
}

// Weights analyses the constants that m has weight quantizers on.
func Weights(m *plan.Map) (*Parameters, error) {
	r := &Parameters{}
	for _, q := range m.Quantizers {
		if q.Role != plan.Weight {
			continue
		}
		t := m.Graph.Const(q.Value)
		if err := t.Err(); err != nil {
			return nil, fmt.Errorf("analyse: weight %q: %w", q.Value, err)
		}
		if t.DType() != tensor.Float32 {
			return nil, fmt.Errorf("analyse: weight %q is %v, want float32", q.Value, t.DType())
		}
		l := quant.Whole(t.Len())
		if t.Rank() > 0 {
			l = quant.Channels(t.Shape(), q.Axis)
		}
		channels := make([][]float32, l.Granules())
		l.Runs(func(g, from, to int) { channels[g] = append(channels[g], t.F32()[from:to]...) })
		p := Parameter{Value: q.Value, Layers: q.Nodes, Shape: t.Shape(), Axis: q.Axis, Whole: spread(t.F32())}
		reach := make([]float64, len(channels))
		for i, x := range channels {
			p.Channels = append(p.Channels, spread(x))
			reach[i] = max(-p.Channels[i].Min, p.Channels[i].Max)
		}
		if c, ratio := widest(reach); ratio >= minOutlier {
			r.Hints = append(r.Hints, Hint{OutlierChannel, q.Value, q.Nodes[0], ratio, fmt.Sprintf(
				"channel %d of weight %q reaches %.1f times as far as the median channel; one scale for all would leave the others %.1f bits less",
				c, q.Value, ratio, math.Log2(ratio))})
		}
		r.Weights = append(r.Weights, p)
	}
	return r, nil
}

// spread takes the moments of finite elements in two passes.
func spread(x []float32) Spread {
	var s Spread
	var sum float64
	for _, v := range x {
		f := float64(v)
		if f-f != 0 {
			s.NonFinite++
			continue
		}
		if s.Count++; s.Count == 1 {
			s.Min, s.Max = f, f
		}
		s.Min, s.Max = min(s.Min, f), max(s.Max, f)
		sum += f
	}
	if s.Count == 0 {
		return s
	}
	n := float64(s.Count)
	s.Mean = sum / n
	var m2, m3, m4 float64
	for _, v := range x {
		d := float64(v) - s.Mean
		if d-d != 0 {
			continue
		}
		d2 := float64(d * d)
		m2 += d2
		m3 += float64(d2 * d)
		m4 += float64(d2 * d2)
	}
	m2, m3, m4 = m2/n, m3/n, m4/n
	s.Std = math.Sqrt(m2)
	if m2 == 0 {
		return s
	}
	s.Skew, s.Kurtosis = m3/(m2*s.Std), m4/(m2*m2)
	s.Peak = max(s.Max-s.Mean, s.Mean-s.Min) / s.Std
	for _, v := range x {
		if math.Abs(float64(v)-s.Mean) > 3*s.Std {
			s.OutlierRatio++
		}
	}
	s.OutlierRatio /= n
	return s
}

// String is a table of the weights, with the channel that reaches farthest, and
// the hints.
func (r *Parameters) String() string {
	t := newTable("weight", "shape", "min", "max", "mean", "std", "kurtosis", "outliers (%)", "widest channel / median")
	for _, p := range r.Weights {
		reach := make([]float64, len(p.Channels))
		for i, c := range p.Channels {
			reach[i] = max(-c.Min, c.Max)
		}
		c, ratio := 0, 1.0
		if len(reach) > 0 {
			c, ratio = widest(reach)
		}
		w := p.Whole
		t.row(graph.Printable(p.Value), fmt.Sprint(p.Shape), number(w.Min), number(w.Max), number(w.Mean), number(w.Std),
			number(w.Kurtosis), number(100*w.OutlierRatio), fmt.Sprintf("%d: %.1f", c, ratio))
	}
	var b strings.Builder
	b.WriteString(t.String())
	hints(&b, r.Hints)
	return b.String()
}
