package plan

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/quantnb/quantnb/quantlib/graph"
)

// String is a table of the layers in the order they run: what each computes, its
// weight with its shape, and the activations that flow into it and have a quantizer.
// What is tied follows, a line for each.
func (m *Map) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "layer\toperator\tweight\tactivations")
	for _, l := range m.Layers {
		weight := "–"
		if l.Weight >= 0 {
			q := m.Quantizers[l.Weight]
			weight = fmt.Sprintf("%s %v", graph.Printable(q.Value), q.Shape)
		}
		var acts []string
		for _, k := range l.Activations {
			acts = append(acts, graph.Printable(m.Quantizers[k].Value))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", graph.Printable(l.Name), l.Op, weight, strings.Join(acts, ", "))
	}
	w.Flush()
	tied := 0
	for _, t := range m.Ties {
		if len(t.Members) < 2 {
			continue
		}
		tied++
		var names []string
		for _, k := range t.Members {
			names = append(names, graph.Printable(m.Quantizers[k].Value))
		}
		fmt.Fprintf(&b, "tied, %v: %s\n", t.Role, strings.Join(names, ", "))
	}
	fmt.Fprintf(&b, "%d layers, %d quantizers, %d widths to choose, %d of them of several quantizers; profile %s\n",
		len(m.Layers), len(m.Quantizers), len(m.Ties), tied, m.Profile.Name)
	return b.String()
}
