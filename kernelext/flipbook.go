package nb

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"strings"

	"github.com/quantnb/quantnb/kernelext/chart"
)

// Flipbook draws one picture per value and shows them behind a slider:
//
//	nb.Flipbook([]int{2, 4, 8}, func(bits int) *chart.Figure { … })
//
// All pictures are drawn at once and travel with the notebook, so the slider
// needs no kernel and no script, and works in exported HTML and after
// restarts. Where a viewer strips style sheets, the pictures stand one below
// the other; where it shows no HTML, they are small multiples in one picture.
// Arrow keys move the slider, and each picture has its numbers as alt text.
//
// Outside a notebook the texts are printed one after the other. A nil figure
// leaves its value out.
func Flipbook[T any](values []T, draw func(T) *chart.Figure) {
	var names []string
	var figs []*chart.Figure
	for _, v := range values {
		if f := draw(v); f != nil {
			names, figs = append(names, tidy(fmt.Sprint(v))), append(figs, f)
		}
	}
	deliver(flipbook(names, figs))
}

func flipbook(names []string, figs []*chart.Figure) bundle {
	if len(figs) == 0 {
		return plain("a flipbook without pictures")
	}
	var text strings.Builder
	for i, f := range figs {
		fmt.Fprintf(&text, "— %s —\n%s\n", cell(names[i]), f.Text())
	}
	b := bundle{data: map[string]any{"text/plain": text.String()}}
	if !notebook.live() {
		return b // the pictures would not be seen
	}
	sheet := chart.Multiples(names, figs)
	if img, err := sheet.PNG(0, 0); err == nil {
		b.data["image/png"] = img
		b.meta = map[string]any{"image/png": map[string]string{"alt": sheet.Alt()}}
	}
	markup, err := book(names, figs)
	if err != nil {
		return failure(fmt.Errorf("flipbook: %w", err))
	}
	b.data["text/html"] = markup
	return b
}

// book writes the slider: a row of radio buttons that look like stops on a
// line, and a style rule for each that shows its page. The rules are scoped by
// an id of their own, since a page may hold several books.
func book(names []string, figs []*chart.Figure) (string, error) {
	var raw [5]byte
	rand.Read(raw[:]) // never fails
	id := "fb" + hex.EncodeToString(raw[:])
	var b, rules strings.Builder
	fmt.Fprintf(&rules, `#%[1]s{position:relative}`+
		`#%[1]s>input{position:absolute;opacity:0;width:1px;height:1px;margin:0}`+
		`#%[1]s>label{display:inline-block;position:relative;min-width:3.2em;max-width:16em;overflow:hidden;text-overflow:ellipsis;padding:0 .5em 1.1em;margin:.3em 0;text-align:center;white-space:nowrap;vertical-align:top;cursor:pointer;`+
		`background:linear-gradient(rgba(128,128,128,.55),rgba(128,128,128,.55)) 0 calc(100%% - .5em)/100%% 2px no-repeat}`+
		`#%[1]s>label::after{content:"";position:absolute;left:50%%;bottom:calc(.5em - 4px);width:10px;height:10px;margin-left:-5px;border-radius:50%%;background:#8b949e}`+
		`#%[1]s>div{display:none}#%[1]s>div>b{display:none}`, id)
	for i := range figs {
		fmt.Fprintf(&rules, `#%[1]s-%[2]d:checked~label[for="%[1]s-%[2]d"]{font-weight:bold}`+
			`#%[1]s-%[2]d:checked~label[for="%[1]s-%[2]d"]::after{background:#d55e00;width:14px;height:14px;margin-left:-7px;bottom:calc(.5em - 6px)}`+
			`#%[1]s-%[2]d:focus-visible~label[for="%[1]s-%[2]d"]{outline:2px solid #0072b2;border-radius:4px}`+
			`#%[1]s-%[2]d:checked~#%[1]s-p%[2]d{display:block}`, id, i)
	}
	fmt.Fprintf(&b, `<div id="%s" role="group" aria-label="%s"><style>%s</style>`, id, html.EscapeString(figs[0].Title()), rules.String())
	for i := range figs {
		checked := ""
		if i == 0 {
			checked = " checked"
		}
		fmt.Fprintf(&b, `<input type="radio" name="%s" id="%[1]s-%d"%s>`, id, i, checked)
	}
	for i, n := range names {
		fmt.Fprintf(&b, `<label for="%s-%d">%s</label>`, id, i, html.EscapeString(n))
	}
	for i, f := range figs {
		svg, err := f.SVG(0, 0)
		if err != nil {
			return "", err
		}
		w, h := f.Size()
		fmt.Fprintf(&b, `<div id="%s-p%d"><b>%s</b><img width="%v" height="%v" style="max-width:100%%;height:auto" alt="%s" src="data:image/svg+xml;base64,%s"></div>`,
			id, i, html.EscapeString(names[i]), w, h, html.EscapeString(tidy(f.Alt())), base64.StdEncoding.EncodeToString(svg))
	}
	b.WriteString(`</div>`)
	return b.String(), nil
}
