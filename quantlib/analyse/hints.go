package analyse

import (
	"fmt"
	"math"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// hints is what is remarkable of the plan's quantizers, by kind.
func (w *watcher) hints(all *part) []Hint {
	var narrow, saturated, outlier []Hint
	for i, name := range w.names {
		q := w.quantizers[name]
		if q == nil {
			continue
		}
		v := &all.values[i]
		if h, ok := w.narrow(name, v); ok {
			narrow = append(narrow, h)
		} else if v.own.Noise > 0 && v.clippedNoise >= minSaturated*v.own.Noise {
			// Where calibration was too narrow, that is the cause of the clipping.
			share := v.clippedNoise / v.own.Noise
			saturated = append(saturated, Hint{Saturated, name, w.node(name), share, fmt.Sprintf(
				"%.0f %% of the noise that %v adds to %q comes from the %.2g %% of values that it clips", 100*share, q.scheme, name,
				100*float64(v.clipped)/float64(v.own.Count))})
		}
		if c, ratio := widest(v.channels()); ratio >= minOutlier && q.scheme.Granularity == quant.PerTensor {
			outlier = append(outlier, Hint{OutlierChannel, name, w.node(name), ratio, fmt.Sprintf(
				"channel %d of %q reaches %.1f times as far as the median channel, and shares its scale; that costs the others %.1f bits",
				c, name, ratio, math.Log2(ratio))})
		}
	}
	list := append(outlier, w.concats(all)...)
	return append(append(list, saturated...), narrow...)
}

// channels is the reach of each channel, or of the tensor where it has none.
func (v *value) channels() []float64 {
	if len(v.reach) == 0 {
		return []float64{0}
	}
	return v.reach
}

// node is the node that makes a value, or its first user where it is an input.
func (w *watcher) node(name string) string {
	g := w.stats.Map().Graph
	if n := g.Producer(name); n != nil {
		return n.Name
	}
	if users := g.Consumers(name); len(users) > 0 {
		return users[0].Name
	}
	return ""
}

// narrow compares what was seen with the calibration.
func (w *watcher) narrow(name string, v *value) (Hint, bool) {
	c := w.stats.Value(name)
	if c == nil {
		return Hint{}, false
	}
	a, b, err := c.Extremes()
	if err != nil {
		return Hint{}, false
	}
	least, most, err := v.signal.Extremes()
	if err != nil || v.own.Count == 0 || float64(v.beyond) < minBeyond*float64(v.own.Count) {
		return Hint{}, false
	}
	known, seen := max(-float64(a), float64(b)), max(-float64(least), float64(most))
	if known == 0 || seen < minWider*known {
		return Hint{}, false
	}
	return Hint{NarrowCalibration, name, w.node(name), seen / known, fmt.Sprintf(
		"%q reaches %s here, %.1f times as far as in calibration (%s); %.2g %% of its values lie beyond", name,
		number(seen), seen/known, number(known), 100*float64(v.beyond)/float64(v.own.Count))}, true
}

// concats is the Concats whose inputs differ much in reach and end up on one scale:
// the output has a quantizer, or the inputs' quantizers share their scale.
func (w *watcher) concats(all *part) []Hint {
	m := w.stats.Map()
	alike := map[string]int{} // by value: its set of quantizers that share a scale
	for k, set := range m.ScaleTies() {
		for _, i := range set {
			alike[m.Quantizers[i].Value] = k + 1
		}
	}
	var list []Hint
	for _, n := range m.Graph.Nodes() {
		if n.Op != "Concat" || len(n.Inputs) < 2 {
			continue
		}
		tied := true
		for _, in := range n.Inputs {
			tied = tied && w.quantizers[in] != nil && alike[in] != 0 && alike[in] == alike[n.Inputs[0]]
		}
		q := w.quantizers[n.Output(0)]
		if !tied && (q == nil || q.scheme.Granularity != quant.PerTensor) {
			continue
		}
		small, large, narrowest := math.Inf(1), 0.0, ""
		for _, in := range n.Inputs {
			i, ok := w.place[in]
			if !ok {
				continue
			}
			least, most, err := all.values[i].signal.Extremes()
			r := max(-float64(least), float64(most))
			if err != nil || r == 0 {
				continue
			}
			if r < small {
				small, narrowest = r, in
			}
			large = max(large, r)
		}
		if ratio := large / small; ratio >= minUnbalanced {
			list = append(list, Hint{UnbalancedConcat, n.Output(0), n.Name, ratio, fmt.Sprintf(
				"%s joins tensors of one scale that differ %.1f times in reach; %q loses %.1f bits to the widest", n.Name, ratio, narrowest, math.Log2(ratio))})
		}
	}
	return list
}
