package nb

import (
	"fmt"
	"math"
	"strings"

	"github.com/quantnb/quantnb/kernelext/chart"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/hardware"
)

func init() { adapters = append(adapters, ofQuantlib) }

// ofQuantlib is the figure or table that Show makes of a result of quantlib. What
// it does not know says what it has to say as text.
func ofQuantlib(x any) (any, bool) {
	switch x := x.(type) {
	case *quantlib.Grid:
		if x != nil {
			return chart.GridHeat(x, quantlib.Both), true
		}
	case *quantlib.Histogram:
		if x != nil {
			return chart.ActivationHistogram(x), true
		}
	case *quantlib.Curve:
		if x != nil {
			return chart.AccuracyCurve(x), true
		}
	case quantlib.Plan:
		if x.Map() != nil {
			return chart.PlanWidths(x), true
		}
	case *quantlib.Frontier:
		if x != nil {
			return chart.FrontierOf(x, nil), true
		}
	case *quantlib.Checked:
		if x != nil {
			return chart.CheckedPlans(x), true
		}
	case quantlib.Choice:
		if x.Plan.Map() != nil {
			return chart.ChoiceWidths(x), true
		}
	case quantlib.Target:
		if x.Plan.Map() != nil {
			return chart.TargetWidths(x), true
		}
	case quantlib.Accuracy:
		return accuracyTable(x), true
	case *quantlib.Model:
		if x != nil {
			return modelTable(x), true
		}
	case *hardware.Profile:
		if x != nil {
			return deviceTable(x), true
		}
	case *quantlib.Roofline:
		if x == nil {
			break
		}
		if f, ok := chart.DeviceRoofline(x); ok {
			return f, true
		}
		return rooflineTable(x.Rows), true
	}
	return nil, false
}

func accuracyTable(a quantlib.Accuracy) Table {
	t := Table{Caption: fmt.Sprintf("%d samples, ± one standard error", a.Samples), Head: []string{"measure", "value"}}
	if a.Labeled {
		t.Rows = append(t.Rows, []string{"top-1 (%)", pm(100*a.Top1.Mean, 100*a.Top1.StdErr, 2)})
	}
	t.Rows = append(t.Rows,
		[]string{"SQNR at the output (dB)", pm(a.Noise.SQNR(), a.Noise.SQNRErr(), 1)},
		[]string{"agreement with float (%)", pm(100*a.Noise.Agreement.Mean, 100*a.Noise.Agreement.StdErr, 2)},
		[]string{"cosine", pm(a.Noise.Cosine.Mean, a.Noise.Cosine.StdErr, 5)},
		[]string{"mean squared error", fmt.Sprintf("%.3g", a.Noise.MSE.Mean)})
	return t
}

// modelTable is the layers that can be quantized, under what the model says of
// itself. A model that cannot be prepared says why.
func modelTable(m *quantlib.Model) Table {
	t := Table{Caption: strings.TrimSpace(strings.ReplaceAll(m.String(), "\n", " · ")), Head: []string{"layer", "operator", "weight", "parameters"}}
	p, err := m.Map()
	if err != nil {
		t.Head = nil
		t.Rows = [][]string{{err.Error()}}
		return t
	}
	for i, l := range p.Layers {
		shape := "–"
		if l.Weight >= 0 {
			shape = strings.Trim(strings.ReplaceAll(fmt.Sprint(p.Quantizers[l.Weight].Shape), " ", " × "), "[]")
		}
		t.Rows = append(t.Rows, []string{l.Name, l.Op, shape, fmt.Sprint(p.Params(i))})
	}
	return t
}

func figure3(v float64) string {
	if math.IsNaN(v) {
		return "n/a"
	}
	return fmt.Sprintf("%.3g", v)
}

func bitsName(bits int) string {
	if bits == hardware.Float32 || bits == 0 {
		return "float"
	}
	return fmt.Sprint(bits)
}

// deviceTable is what a device computes with, and how fast.
func deviceTable(p *hardware.Profile) Table {
	list := func(widths []int) string {
		var s []string
		for _, b := range widths {
			s = append(s, bitsName(b))
		}
		return strings.Join(s, ", ")
	}
	t := Table{Caption: strings.TrimSpace(p.Name + ": " + p.Doc), Head: []string{"figure", "value"}, Rows: [][]string{
		{"widths of weights (bits)", list(p.Weights.Widths)},
		{"widths of activations (bits)", list(p.Activations.Widths)},
	}}
	for _, u := range p.Units {
		t.Rows = append(t.Rows, []string{fmt.Sprintf("%s × %s (multiply-accumulates/s)", bitsName(u.Weight), bitsName(u.Activation)), fmt.Sprintf("%.3g", u.MACs)})
	}
	for _, f := range []struct {
		name  string
		value float64
	}{
		{"memory (bytes/s)", p.Memory}, {"packing (elements/s)", p.Pack}, {"elementwise (elements/s)", p.Elementwise}, {"launch (s)", p.Launch},
	} {
		if f.value > 0 {
			t.Rows = append(t.Rows, []string{f.name, fmt.Sprintf("%.3g", f.value)})
		}
	}
	if !p.HasLatency() {
		t.Rows = append(t.Rows, []string{"time", "the profile has no figures"})
	}
	return t
}

// rooflineTable is for devices without figures that a picture could be drawn of.
func rooflineTable(rows []hardware.Row) Table {
	t := Table{Head: []string{"unit", "weights × inputs", "MACs", "bytes", "MACs/byte", "balance", "time (µs)", "limited by"}}
	total := 0.0
	for _, r := range rows {
		total += r.Seconds
		t.Rows = append(t.Rows, []string{r.Node, bitsName(r.WeightBits) + " × " + bitsName(r.InputBits), fmt.Sprint(r.MACs),
			fmt.Sprintf("%.4g", r.Bytes), figure3(r.Intensity), figure3(r.Balance), fmt.Sprintf("%.4g", 1e6*r.Seconds), string(r.Bound)})
	}
	t.Caption = fmt.Sprintf("predicted for one sample: %.4g ms", 1e3*total)
	return t
}
