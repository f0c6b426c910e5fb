package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed page.html
var page string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"safe":  Safe,
	"svg":   svg,
	"table": table,
}).Parse(page))

// HTML writes the report as one file that asks for nothing else: styles and
// pictures stand in it, and a content policy forbids the rest.
func (r *Report) HTML(w io.Writer) error {
	var sections []section
	for _, f := range r.Figures {
		if n := len(sections); n == 0 || sections[n-1].Name != f.Section {
			sections = append(sections, section{Name: f.Section})
		}
		s := &sections[len(sections)-1]
		s.Figures = append(s.Figures, f)
	}
	return pageTemplate.Execute(w, struct {
		*Report
		Sections []section
		Grid     [][]string
		Uniform  [][]string
		Formats  [][]string
		Costs    [][]string
	}{r, sections, r.gridHTML(), r.uniform(), r.formats(), r.costs()})
}

// section is pictures under one heading.
type section struct {
	Name    string
	Figures []Figure
}

func (r *Report) gridHTML() [][]string {
	if len(r.Layers) == 0 {
		return nil
	}
	return r.grid()
}

func (r *Report) uniform() [][]string {
	if r.Accuracy == nil {
		return nil
	}
	return r.Accuracy.rows()
}

func (r *Report) formats() [][]string {
	if r.Plan == nil {
		return nil
	}
	return r.Plan.formats()
}

func (r *Report) costs() [][]string {
	if r.Plan == nil {
		return nil
	}
	return r.Plan.costs()
}

// svg is a figure's picture, whose names the chart package has escaped. Its
// width gives way to the page's.
func svg(f Figure) (template.HTML, error) {
	b, err := f.SVG(0, 0)
	if err != nil {
		return "", err
	}
	return template.HTML(strings.TrimSpace(string(b))), nil
}

// table is rows as an HTML table, the first one its head, under a caption.
func table(caption string, rows [][]string) template.HTML {
	if len(rows) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<div class=scroll tabindex=0 role=region aria-label=\"%s\"><table><caption>%[1]s</caption>\n<thead><tr>", template.HTMLEscapeString(caption))
	for _, c := range rows[0] {
		fmt.Fprintf(&b, "<th scope=col>%s</th>", template.HTMLEscapeString(c))
	}
	b.WriteString("</tr></thead>\n<tbody>\n")
	for _, r := range rows[1:] {
		fmt.Fprintf(&b, "<tr><th scope=row>%s</th>", template.HTMLEscapeString(r[0]))
		for _, c := range r[1:] {
			fmt.Fprintf(&b, "<td>%s</td>", template.HTMLEscapeString(c))
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody></table></div>")
	return template.HTML(b.String())
}
