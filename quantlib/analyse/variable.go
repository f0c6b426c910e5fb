package analyse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/plan"
)

// A Variable is one value of the network, float and with the whole plan in force.
type Variable struct {
	Tensor
	Quantized Moments
	// Float and QuantizedBins are histograms over the same bins, which reach from the
	// least to the greatest of both.
	FloatBins, QuantizedBins Histogram
	Samples                  int
}

// Value analyses one value of the network, an input or what a node makes, over the
// samples; a fused one too. An unknown name is an error, and so is a value that is
// not float32. For constants there is Weights.
func Value(ctx context.Context, st *calibrate.Stats, p plan.Plan, name string, data calibrate.Samples, c Config) (*Variable, error) {
	m := st.Map()
	if p.Map() != m {
		return nil, fmt.Errorf("analyse: the plan is of another network than the statistics")
	}
	if m.Graph.Const(name) != nil {
		return nil, fmt.Errorf("analyse: %q is a constant", name)
	}
	input := slices.ContainsFunc(m.Graph.Inputs(), func(v graph.Value) bool { return v.Name == name })
	n := m.Graph.Producer(name)
	if n == nil && !input {
		return nil, fmt.Errorf("analyse: the network has no value %q%s", name, near(m.Graph, name))
	}
	w, err := newWatcher(ctx, st, p, c, []string{name})
	if err != nil {
		return nil, err
	}
	all, samples, err := w.watch(ctx, data, c)
	if err != nil {
		return nil, err
	}
	s := &all.values[0]
	if !s.seen() {
		return nil, fmt.Errorf("analyse: the value %q is not float32", name)
	}
	v := &Variable{Tensor: w.tensor(0, s), Samples: samples}
	v.Quantized, _ = summary(s.quantized)
	lo, hi := min(v.Signal.Min, v.Quantized.Min), max(v.Signal.Max, v.Quantized.Max)
	if !(lo < hi) {
		lo, hi = lo-0.5, hi+0.5
	}
	if lo < hi {
		v.FloatBins = Histogram{lo, hi, s.signal.Histogram(lo, hi, histogramBins)}
		v.QuantizedBins = Histogram{lo, hi, s.quantized.Histogram(lo, hi, histogramBins)}
	}
	return v, nil
}

// near lists values whose names hold the given one, or a few, for an error.
func near(g *graph.Graph, name string) string {
	var list []string
	for _, n := range g.Nodes() {
		for _, o := range n.Outputs {
			if o != "" && len(list) < 5 && strings.Contains(strings.ToLower(o), strings.ToLower(name)) {
				list = append(list, fmt.Sprintf("%q", o))
			}
		}
	}
	if list == nil {
		return ""
	}
	return "; there are " + strings.Join(list, ", ")
}

// String is the moments of the float value, the quantized one and the noise.
func (v *Variable) String() string {
	t := newTable(graph.Printable(v.Value), "min", "max", "mean", "std", "skew", "kurtosis")
	for _, r := range []struct {
		name string
		m    Moments
	}{{"float", v.Signal}, {"quantized", v.Quantized}, {"noise", v.Noise}} {
		t.row(r.name, number(r.m.Min), number(r.m.Max), number(r.m.Mean), number(r.m.Std), number(r.m.Skew), number(r.m.Kurtosis))
	}
	return t.String() + fmt.Sprintf("SQNR %.1f dB, cosine %.6f, %d samples\n", v.SQNR(), v.Cosine, v.Samples)
}
