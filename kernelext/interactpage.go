package nb

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/quantnb/quantnb/kernelext/chart"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/graph"
)

//go:embed interact.js
var interactScript string

// display is the id of the output that holds the answer.
func (w *whatIf) display() string { return "quantnb-" + w.id + "-view" }

// controls is the page's part: a select of layers, two sliders, three buttons,
// and the script that reports what is done with them. Nothing of it works without
// its cell, so the farewell replaces it.
func (w *whatIf) controls(address string) string {
	var b strings.Builder
	id := "quantnb-" + w.id
	fmt.Fprintf(&b, `<div id="%s" role="group" aria-label="What if? Widths of a layer" data-widths="%s" data-start="%s">`,
		id, html.EscapeString(mustJSON(w.offers())), html.EscapeString(mustJSON(w.widths())))
	fmt.Fprintf(&b, `<style>#%[1]s{display:flex;flex-wrap:wrap;gap:.5em 1.4em;align-items:center;padding:.3em 0}`+
		`#%[1]s label{display:flex;gap:.5em;align-items:center}#%[1]s select{max-width:22em}`+
		`#%[1]s input{width:11em}#%[1]s output{min-width:4em;font-variant-numeric:tabular-nums}`+
		`#%[1]s [role=status]{flex-basis:100%%;opacity:.8;min-height:1.3em;overflow-wrap:anywhere}</style>`, id)
	b.WriteString(`<label>layer <select data-part="layer" disabled><option value="0">all layers</option>`)
	for i, l := range w.m.Layers {
		chosen := ""
		if w.layer == i+1 {
			chosen = " selected"
		}
		fmt.Fprintf(&b, `<option value="%d"%s>%s</option>`, i+1, chosen, html.EscapeString(shortName(l.Name)))
	}
	b.WriteString(`</select></label>`)
	for _, role := range []struct{ part, name string }{{"weight", "weights"}, {"activation", "activations"}} {
		fmt.Fprintf(&b, `<label>%s <input type="range" min="0" step="1" data-part="%s" disabled><output data-part="%[2]s-bits"></output></label>`, role.name, role.part)
	}
	for _, button := range []struct{ part, name, title string }{
		{"take", "Take over", "keep this plan for the cells below: nb.Edited(study)"},
		{"reset", "Reset", "back to the plan that the cell began with"},
		{"done", "Done", "take over, and end the cell"},
	} {
		fmt.Fprintf(&b, `<button type="button" data-part="%s" title="%s" disabled>%s</button>`, button.part, button.title, button.name)
	}
	b.WriteString(`<span data-part="status" role="status">looking for the page …</span></div>`)
	arguments := make([]string, 4)
	for i, a := range []string{id, os.Getenv(protocol.GONB_JUPYTER_KERNEL_ID_ENV), address, w.display()} {
		arguments[i] = mustJSON(a)
	}
	b.WriteString(`<script>` + strings.Replace(interactScript, "(ARGUMENTS)", "("+strings.Join(arguments, ",")+")", 1) + `</script>`)
	return b.String()
}

// mustJSON writes strings and numbers; < and > come out escaped.
func mustJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func shortName(s string) string {
	s = graph.Printable(s)
	if r := []rune(s); len(r) > 60 {
		return string(r[:28]) + "…" + string(r[len(r)-30:])
	}
	return s
}

// offers is the widths that the sliders have, by layer (all layers first) and
// role; 0 for float32 comes last.
func (w *whatIf) offers() [][2][]int {
	list := make([][2][]int, len(w.m.Layers)+1)
	for k := range list {
		for role := range 2 {
			list[k][role] = []int{}
		}
	}
	for i := range w.m.Layers {
		for role, ties := range w.ties(i) {
			for _, t := range ties {
				list[i+1][role] = append(list[i+1][role], w.m.Widths(t)...)
			}
			if len(ties) > 0 {
				list[0][role] = append(list[0][role], list[i+1][role]...)
			}
		}
	}
	for k := range list {
		for role := range 2 {
			if l := list[k][role]; len(l) > 0 {
				slices.Sort(l)
				list[k][role] = append(slices.Compact(l), 0)
			}
		}
	}
	return list
}

// widths is what the plan gives, as offers orders it; -1 where layers differ.
func (w *whatIf) widths() [][2]int {
	list := make([][2]int, len(w.m.Layers)+1)
	first := [2]bool{true, true}
	for i, l := range w.m.Layers {
		weight, activation := w.plan.Layer(i)
		for role, s := range [...]interface{ Width() int }{weight, activation} {
			if role == 0 && l.Weight < 0 || role == 1 && len(l.Activations) == 0 {
				continue
			}
			bits := s.Width()
			if bits >= 32 {
				bits = 0
			}
			list[i+1][role] = bits
			switch {
			case first[role]:
				list[0][role], first[role] = bits, false
			case list[0][role] != bits:
				list[0][role] = -1
			}
		}
	}
	return list
}

// show sends the answer: the numbers, the plan as a strip of widths, and its
// place among the plans tried.
func (w *whatIf) show() {
	b := bundle{data: map[string]any{"text/html": w.markup(), "text/plain": w.table().String()}}
	b.meta = map[string]any{"quantnb": mustJSON(news{Number: w.number, Status: w.words(), Plan: w.widths()})}
	notebook.send(b.message(w.display()))
}

// final is the answer as it stays in the notebook: with a picture for viewers
// that have no HTML.
func (w *whatIf) final() bundle {
	figs := []*chart.Figure{w.strip(), w.place()}
	b := bundle{data: map[string]any{"text/html": w.markup(), "text/plain": w.table().String() + figs[0].Text()}, meta: map[string]any{}}
	sheet := chart.Multiples([]string{"plan", "trade-off"}, figs)
	if img, err := sheet.PNG(0, 0); err == nil {
		b.data["image/png"] = img
		b.meta["image/png"] = map[string]string{"alt": sheet.Alt()}
	}
	b.meta["quantnb"] = mustJSON(news{Number: w.number, Status: w.words(), Plan: w.widths(), Ended: true})
	return b
}

func (w *whatIf) markup() string {
	var b strings.Builder
	b.WriteString(w.table().bundle().data["text/html"].(string))
	for _, f := range []*chart.Figure{w.strip(), w.place()} {
		svg, err := f.SVG(0, 0)
		if err != nil {
			return failure(err).data["text/html"].(string)
		}
		width, height := f.Size()
		fmt.Fprintf(&b, `<img width="%v" height="%v" style="max-width:100%%;height:auto;display:block;margin:.4em 0" alt="%s" src="data:image/svg+xml;base64,%s">`,
			width, height, html.EscapeString(tidy(f.Alt())), base64.StdEncoding.EncodeToString(svg))
	}
	return b.String()
}

// table is the numbers, with their standard errors and with what was before.
func (w *whatIf) table() Table {
	t := Table{Head: []string{"", "SQNR (dB)", "top-1 (%)", "agreement (%)", "weights (B)", "mean bits", "samples"}}
	if !w.now.Labeled {
		t.Head = slices.Delete(t.Head, 2, 3)
	}
	known := w.seconds[0] > 0 || w.seconds[1] > 0
	if known {
		t.Head = append(t.Head, "latency (ms)")
	}
	row := func(name string, p quantlib.Plan, a quantlib.Accuracy, seconds float64) {
		r := []string{name, pm(a.Noise.SQNR(), a.Noise.SQNRErr(), 1)}
		if a.Labeled {
			r = append(r, pm(100*a.Top1.Mean, 100*a.Top1.StdErr, 2))
		}
		r = append(r, pm(100*a.Noise.Agreement.Mean, 100*a.Noise.Agreement.StdErr, 2), fmt.Sprint(p.Bytes()), fmt.Sprintf("%.2f", p.MeanBits()), fmt.Sprint(a.Samples))
		if known {
			r = append(r, fmt.Sprintf("%.4g", 1e3*seconds))
		}
		t.Rows = append(t.Rows, r)
	}
	row("at the start", w.start, w.before, w.seconds[0])
	row("this plan", w.plan, w.now, w.seconds[1])
	return t
}

func pm(v, e float64, digits int) string {
	switch {
	case math.IsInf(v, 1):
		return "∞"
	case math.IsNaN(v):
		return "n/a"
	case math.IsNaN(e) || e == 0:
		return fmt.Sprintf("%.*f", digits, v)
	}
	return fmt.Sprintf("%.*f ± %.*f", digits, v, digits, e)
}

func (w *whatIf) strip() *chart.Figure { return chart.PlanStrip(w.plan, w.layer-1) }

// place is the plan in hand among those tried and the uniform ones.
func (w *whatIf) place() *chart.Figure {
	p := point(w.plan, w.now)
	p.Name = "this plan"
	d := chart.FrontierData{
		Title: "Noise against the size of the weights", Subtitle: "down and left is better",
		Plan: &p, Others: w.tried, XName: "weights", XUnit: "B", YName: "noise-to-signal power", LogX: chart.NoLog, LogY: chart.YesLog,
	}
	line := chart.Line{Name: "uniform widths"}
	for i, x := range w.uniform.X {
		if !math.IsNaN(x) {
			line.X, line.Y = append(line.X, x), append(line.Y, w.uniform.Y[i])
		}
	}
	if len(line.X) > 0 {
		d.Lines = []chart.Line{line}
	}
	return chart.Frontier(d)
}

// words is the line under the controls: what was done, and what the last move
// has changed beside its layer.
func (w *whatIf) words() string {
	s := w.status
	if s == "" && w.taken != nil {
		s = "taken over"
		if !w.taken.Equal(w.plan) {
			s = "changed since it was taken over"
		}
	}
	if w.layer > 0 {
		var with []string
		for role, ties := range w.ties(w.layer - 1) {
			for _, t := range ties {
				for _, l := range w.tied(t) {
					if l != w.m.Layers[w.layer-1].Name {
						with = append(with, fmt.Sprintf("%s of %s", [...]string{"weights", "activations"}[role], shortName(l)))
					}
				}
			}
		}
		if n := len(with); n > 0 {
			if n > 6 {
				with = append(with[:5], fmt.Sprintf("%d more", n-5))
			}
			if s != "" {
				s += " · "
			}
			s += "tied to it: " + strings.Join(with, ", ")
		}
	}
	return s
}

// tied is the layers that compute with members of a tie.
func (w *whatIf) tied(tie int) []string {
	var names []string
	for _, k := range w.m.Ties[tie].Members {
		names = append(names, w.m.Quantizers[k].Nodes...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// farewell stands in place of the controls when the cell has ended.
func (w *whatIf) farewell() bundle {
	text := "What-if ended"
	switch {
	case w.taken != nil && w.taken.Equal(w.plan):
		text += "; the plan was taken over: nb.Edited(study) gives it to the cells below"
	case w.taken != nil:
		text += "; it was changed after it had been taken over"
	default:
		text += "; the plan was not taken over"
	}
	return bundle{data: map[string]any{"text/plain": text, "text/html": `<div style="opacity:.75">` + html.EscapeString(text) + `</div>`}}
}
