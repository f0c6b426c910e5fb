package nb

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// A Table is shown as an HTML table in a notebook and in columns elsewhere.
// Columns of numbers stand to the right. Cells are text: markup in them is
// escaped.
type Table struct {
	Caption string
	Head    []string   // may be nil
	Rows    [][]string // of any lengths
}

// tableOf takes the first row for the head.
func tableOf(rows [][]string) Table {
	if len(rows) == 0 {
		return Table{}
	}
	return Table{Head: rows[0], Rows: rows[1:]}
}

// String gives the table in columns.
func (t Table) String() string {
	wide := make([]int, t.columns())
	all := t.Rows
	if len(t.Head) > 0 {
		all = append([][]string{t.Head}, all...)
	}
	for _, r := range all {
		for i, c := range r {
			wide[i] = max(wide[i], utf8.RuneCountInString(cell(c)))
		}
	}
	numeric := t.numeric()
	var b strings.Builder
	if t.Caption != "" {
		b.WriteString(cell(t.Caption) + "\n")
	}
	for _, r := range all {
		var line strings.Builder
		for i, c := range r {
			if i > 0 {
				line.WriteString("  ")
			}
			if numeric[i] {
				fmt.Fprintf(&line, "%*s", wide[i], cell(c))
			} else {
				fmt.Fprintf(&line, "%-*s", wide[i], cell(c))
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

func cell(s string) string {
	return tidy(strings.NewReplacer("\n", " ", "\t", " ").Replace(s))
}

func (t Table) columns() int {
	n := len(t.Head)
	for _, r := range t.Rows {
		n = max(n, len(r))
	}
	return n
}

// numeric says for each column whether all that stands in it looks like
// numbers, signs and units: the first character is a digit, a sign or a dash.
func (t Table) numeric() []bool {
	out := make([]bool, t.columns())
	for i := range out {
		seen := false
		out[i] = true
		for _, r := range t.Rows {
			if i >= len(r) || strings.TrimSpace(r[i]) == "" {
				continue
			}
			c, _ := utf8.DecodeRuneInString(strings.TrimSpace(r[i]))
			seen = true
			if !strings.ContainsRune("0123456789+-−–—±∞.", c) && r[i] != "n/a" {
				out[i] = false
			}
		}
		out[i] = out[i] && seen
	}
	return out
}

func (t Table) bundle() bundle {
	numeric := t.numeric()
	var b strings.Builder
	b.WriteString(`<table>`)
	if t.Caption != "" {
		fmt.Fprintf(&b, `<caption style="text-align:left">%s</caption>`, html.EscapeString(cell(t.Caption)))
	}
	row := func(r []string, tag string) {
		b.WriteString("<tr>")
		for i := range numeric {
			c := ""
			if i < len(r) {
				c = cell(r[i])
			}
			side := "left"
			if numeric[i] {
				side = "right"
			}
			fmt.Fprintf(&b, `<%s style="text-align:%s;overflow-wrap:anywhere">%s</%[1]s>`, tag, side, html.EscapeString(c))
		}
		b.WriteString("</tr>")
	}
	if len(t.Head) > 0 {
		b.WriteString("<thead>")
		row(t.Head, "th")
		b.WriteString("</thead>")
	}
	b.WriteString("<tbody>")
	for _, r := range t.Rows {
		row(r, "td")
	}
	b.WriteString("</tbody></table>")
	return bundle{data: map[string]any{"text/html": b.String(), "text/plain": t.String()}}
}
