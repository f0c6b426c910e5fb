package report

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/quantnb/quantnb/kernelext/chart"
)

// Text writes the report as columns for a terminal.
func (r *Report) Text(w io.Writer) error {
	p := &printer{w: w}
	if r.Interrupted != "" {
		p.line("INTERRUPTED during: %s. What follows is what was done until then.", r.Interrupted)
	}
	for _, s := range r.Warnings {
		p.line("WARNING: %s", Safe(s))
	}
	p.line("%s: %d nodes, %d parameters, %d bytes", Safe(r.Model.File), r.Model.Nodes, r.Model.Parameters, r.Model.Bytes)
	p.line("data: %s", r.Data)
	p.line("bits %v, scorer %s on %d samples, profile %s, ranges: %s", r.Settings.Bits, r.Settings.Scorer, r.Settings.Samples, Safe(r.Settings.Profile), r.Settings.Methods)
	if r.Verb == "analyse" {
		p.layers(r)
		p.accuracy(r.Accuracy)
	}
	p.plan(r.Plan)
	p.check(r.Check)
	if r.Verb == "analyse" {
		p.ties(r.Ties)
	}
	if len(r.Steps) > 0 {
		var parts []string
		for _, s := range r.Steps {
			parts = append(parts, fmt.Sprintf("%s %.2f s", s.Name, float64(s.Seconds)))
		}
		p.line("\ntime: %s", strings.Join(parts, ", "))
	}
	return p.err
}

// String is the data in a line.
func (d Data) String() string {
	text := d.Calibration.String()
	if d.Test != nil {
		text += "; test: " + d.Test.String()
	}
	return text
}

// String is the set in a line.
func (s Set) String() string {
	labels := "no labels"
	if s.Labeled {
		labels = "with labels"
	}
	return fmt.Sprintf("%s (%s, %d samples, %s)", Safe(s.Source), s.Form, s.Samples, labels)
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// table writes rows in columns, numbers to the right.
func (p *printer) table(rows [][]string) {
	if p.err != nil || len(rows) == 0 {
		return
	}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	names := 0
	for _, r := range rows {
		names = max(names, len([]rune(r[0])))
	}
	for _, r := range rows {
		// The first column stands to the left, which AlignRight cannot.
		fmt.Fprintf(t, "%-*s\t%s\t\n", names, r[0], strings.Join(r[1:], "\t"))
	}
	t.Flush()
	for _, l := range strings.Split(strings.TrimRight(b.String(), "\n"), "\n") {
		p.line("%s", strings.TrimRight(l, " "))
	}
}

// name makes a layer's name fit for a column.
func name(s string) string {
	s = Safe(s)
	if r := []rune(s); len(r) > 48 {
		s = string(r[:24]) + "…" + string(r[len(r)-23:])
	}
	if s == "" {
		s = "(no name)"
	}
	return s
}

// tells reports whether a layer's weight has a name that says more than the layer's
// own, as where an exporter numbers nodes and keeps the names of modules in weights.
func tells(tensor, layer string) bool { return tensor != "" && !strings.Contains(tensor, layer) }

// tensor is the name of a layer's weight, "" if it has none.
func tensor(s string) string {
	if s == "" {
		return ""
	}
	return name(s)
}

// decibel is a figure with one place after the point.
func decibel(n Number) string {
	switch v := float64(n); {
	case math.IsNaN(v):
		return "n/a"
	case math.IsInf(v, 1):
		return "∞"
	default:
		return fmt.Sprintf("%.1f", v)
	}
}

func percent(s Share) string {
	if math.IsNaN(float64(s.Err)) {
		return fmt.Sprintf("%.2f", 100*float64(s.Mean))
	}
	return fmt.Sprintf("%.2f ± %.2f", 100*float64(s.Mean), 100*float64(s.Err))
}

// grid is the table of the layers: SQNR by width, weight / activation / both.
func (r *Report) grid() [][]string {
	tensors := false
	for _, l := range r.Layers {
		tensors = tensors || tells(l.Tensor, l.Name)
	}
	head := []string{"SQNR (dB)"}
	if tensors {
		head = append(head, "weight")
	}
	head = append(head, "operator", "weights", "MACs")
	for _, b := range r.Settings.Bits {
		head = append(head, fmt.Sprintf("W%d", b), fmt.Sprintf("A%d", b), fmt.Sprintf("W%dA%[1]d", b), "±")
	}
	roof := false
	for _, l := range r.Layers {
		roof = roof || l.Roof != nil
	}
	if roof {
		head = append(head, "MACs/B", "µs", "bound by")
	}
	rows := [][]string{head}
	for _, l := range r.Layers {
		row := []string{name(l.Name)}
		if tensors {
			row = append(row, tensor(l.Tensor))
		}
		row = append(row, name(l.Op), fmt.Sprint(l.Parameters), fmt.Sprint(l.MACs))
		for _, b := range r.Settings.Bits {
			at := map[string]Cell{}
			for _, c := range l.Cells {
				if c.Bits == b {
					at[c.Mode] = c
				}
			}
			for _, mode := range []string{"weight", "activation", "both"} {
				c, ok := at[mode]
				if !ok {
					c.SQNR = Number(math.NaN())
				}
				row = append(row, decibel(c.SQNR))
			}
			c, ok := at["both"]
			if !ok {
				c.SQNRErr = Number(math.NaN())
			}
			row = append(row, decibel(c.SQNRErr))
		}
		if roof {
			if l.Roof == nil {
				row = append(row, "", "", "")
			} else {
				row = append(row, decibel(l.Roof.Intensity), decibel(1e6*l.Roof.Seconds), l.Roof.Bound)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func (p *printer) layers(r *Report) {
	if len(r.Layers) == 0 {
		return
	}
	p.line("\nNoise at the output when one layer alone is quantized: W its weight, A what flows into it; higher is better")
	p.table(r.grid())
}

// rows is the table of accuracy.
func (a *Accuracy) rows() [][]string {
	rows := [][]string{{a.What + " (%)", "weights", "activations", "both"}}
	for _, w := range a.Widths {
		rows = append(rows, []string{chart.Bits(w.Bits), percent(w.Weights), percent(w.Activations), percent(w.Both)})
	}
	return append(rows, []string{"float", percent(a.Float), percent(a.Float), percent(a.Float)})
}

func (p *printer) accuracy(a *Accuracy) {
	if a == nil {
		return
	}
	p.line("\nAll layers at one width, %d samples", a.Samples)
	p.table(a.rows())
}

// String is the measurement in a line.
func (m *Measured) String() string {
	text := ""
	if m.Top1 != nil {
		text = fmt.Sprintf("top-1 %s %%, ", percent(*m.Top1))
	}
	return fmt.Sprintf("%sagreement with float %s %%, SQNR %s dB, %d samples", text, percent(m.Agreement), decibel(m.SQNR), m.Samples)
}

// formats is the rows of what each layer's weight and activations are stored in.
func (q *Plan) formats() [][]string {
	tensors := false
	for _, l := range q.Layers {
		tensors = tensors || tells(l.Tensor, l.Name)
	}
	rows := [][]string{{"layer", "weight", "activation"}}
	if tensors {
		rows[0] = []string{"layer", "its weight", "weight", "activation"}
	}
	for _, l := range q.Layers {
		row := []string{name(l.Name)}
		if tensors {
			row = append(row, tensor(l.Tensor))
		}
		rows = append(rows, append(row, l.Weight, l.Activation))
	}
	return rows
}

// costs is the rows that set a plan beside the uniform one and the float network.
func (q *Plan) costs() [][]string {
	columns := []*Versus{{Name: "this plan", Bytes: q.Bytes, MeanBits: q.MeanBits, BOPs: q.BOPs, Seconds: q.Seconds, SQNR: q.SQNR, Accuracy: q.Accuracy}}
	for _, v := range []*Versus{q.Versus, q.Float} {
		if v != nil {
			columns = append(columns, v)
		}
	}
	rows := [][]string{{""}, {"bytes of weights"}, {"bits a weight"}, {"bit operations"}, {"predicted latency"}, {"predicted SQNR (dB)"}}
	for _, v := range columns {
		for i, c := range []string{name(v.Name), fmt.Sprint(v.Bytes), fmt.Sprintf("%.2f", float64(v.MeanBits)), operations(v.BOPs), seconds(v.Seconds), decibel(v.SQNR)} {
			rows[i] = append(rows[i], c)
		}
	}
	measured := func(what string, pick func(*Measured) string) {
		row, some := []string{what}, false
		for _, v := range columns {
			text := ""
			if v.Accuracy != nil {
				text = pick(v.Accuracy)
			}
			row, some = append(row, text), some || text != ""
		}
		if some {
			rows = append(rows, row)
		}
	}
	measured("measured SQNR (dB)", func(m *Measured) string { return decibel(m.SQNR) })
	measured("measured agreement (%)", func(m *Measured) string { return percent(m.Agreement) })
	measured("measured top-1 (%)", func(m *Measured) string {
		if m.Top1 == nil {
			return ""
		}
		return percent(*m.Top1)
	})
	return rows
}

// operations is a count with four digits; "n/a" where it is not known.
func operations(n Number) string {
	if math.IsNaN(float64(n)) {
		return "n/a"
	}
	return fmt.Sprintf("%.4g", float64(n))
}

// seconds is a time; "n/a" where it is not known.
func seconds(n Number) string {
	switch v := float64(n); {
	case v == 0 || math.IsNaN(v):
		return "n/a"
	case v < 1e-3:
		return fmt.Sprintf("%.3g µs", v*1e6)
	case v < 1:
		return fmt.Sprintf("%.3g ms", v*1e3)
	default:
		return fmt.Sprintf("%.3g s", v)
	}
}

func (p *printer) plan(q *Plan) {
	if q == nil {
		return
	}
	p.line("\nPlan: %s", q.Why)
	p.table(q.formats())
	p.line("")
	p.table(q.costs())
	if q.Versus != nil {
		p.line("\nWhat differs from %s:", q.Versus.Name)
		for _, d := range q.Versus.Diff {
			p.line("  %s", Safe(d))
		}
		if len(q.Versus.Diff) == 0 {
			p.line("  nothing")
		}
	}
	for _, f := range q.Files {
		p.line("written: %s", Safe(f))
	}
}

// String is the check in two sentences.
func (c *Check) String() string {
	return fmt.Sprintf("%d plans along the frontier were measured with all of each quantized at once, on %d samples: measured over predicted noise %+.2f dB ± %.2f, rank correlation %.3f, %.0f %% within the error bars. Corrected by that factor: ± %.2f dB, %.0f %% within the error bars.",
		c.Plans, c.Samples, float64(c.Bias), float64(c.Spread), float64(c.Rank), 100*float64(c.Coverage), float64(c.CorrectedSpread), 100*float64(c.CorrectedCoverage))
}

func (p *printer) check(c *Check) {
	if c != nil {
		p.line("\nPredictions checked: %s", c)
	}
}

func (p *printer) ties(ties []Tie) {
	if len(ties) == 0 {
		return
	}
	p.line("\nTies: what must take one width")
	for _, t := range ties {
		var values []string
		for _, v := range t.Values {
			values = append(values, name(v))
		}
		p.line("  %s: %s", t.Role, strings.Join(values, ", "))
		for _, reason := range t.Reasons {
			p.line("    %s", Safe(reason))
		}
	}
}
