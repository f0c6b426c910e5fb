package nb

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"image"
	"image/png"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/janpfeifer/gonb/gonbui/protocol"
	"gonum.org/v1/plot/vg/draw"

	"github.com/quantnb/quantnb/kernelext/chart"
)

// A bundle is one output in several forms; the notebook takes the richest that
// it can show.
type bundle struct {
	data map[string]any // by MIME type: string or []byte
	meta map[string]any
}

func (b bundle) message(id string) *protocol.DisplayData {
	d := &protocol.DisplayData{Data: map[protocol.MIMEType]any{}, Metadata: b.meta, DisplayID: id}
	for k, v := range b.data {
		d.Data[protocol.MIMEType(k)] = v
	}
	return d
}

// HTML is shown as it stands. Names that go into it must be escaped by its
// author, with html.EscapeString.
type HTML string

// Markdown is shown formatted.
type Markdown string

// adapters turn values of other packages into values that Show knows: figures,
// tables, bundles. The first that knows a value wins; they are asked before
// anything else.
var adapters []func(x any) (shown any, ok bool)

// bundleOf finds the forms of a value.
func bundleOf(x any) bundle {
	for _, adapt := range adapters {
		if y, ok := adapt(x); ok {
			x = y
			break
		}
	}
	switch x := x.(type) {
	case nil:
		return plain("nil")
	case *chart.Figure:
		if x == nil {
			return plain("no figure")
		}
		return figureBundle(x)
	case interface{ MIMEBundle() map[string]any }:
		return foreign(x)
	case HTML:
		return bundle{data: map[string]any{"text/html": string(x), "text/plain": tidy(untag(string(x)))}}
	case Markdown:
		return bundle{data: map[string]any{"text/markdown": string(x), "text/plain": tidy(string(x))}}
	case Table:
		return x.bundle()
	case *Table:
		return x.bundle()
	case [][]string:
		return tableOf(x).bundle()
	case interface{ Draw(draw.Canvas) }: // a gonum plot
		return figureBundle(chart.FromPlot(x, 0, 0, fmt.Sprintf("plot %T", x)))
	case image.Image:
		return picture(x)
	case error:
		return failure(x)
	case fmt.Stringer:
		return plain(x.String())
	case string:
		return plain(x)
	}
	return plain(fmt.Sprintf("%+v", x))
}

func plain(s string) bundle { return bundle{data: map[string]any{"text/plain": tidy(s)}} }

// figureBundle gives a figure as SVG, PNG and text. The size and the alt text
// go along for notebooks and converters that put them on the image.
func figureBundle(f *chart.Figure) bundle {
	w, h := f.Size()
	meta := map[string]string{"alt": f.Alt(), "width": fmt.Sprint(w), "height": fmt.Sprint(h)}
	return bundle{
		data: f.MIMEBundle(),
		meta: map[string]any{"image/png": meta, "image/svg+xml": map[string]string{"alt": f.Alt()}},
	}
}

// foreign takes a bundle that a value makes of itself. Only strings and bytes
// can travel; a text is added if there is none.
func foreign(x interface{ MIMEBundle() map[string]any }) bundle {
	out := bundle{data: map[string]any{}}
	for k, v := range x.MIMEBundle() {
		switch v := v.(type) {
		case string, []byte:
			out.data[k] = v
		case nil:
		default:
			out.data[k] = fmt.Sprint(v)
		}
	}
	if text, ok := out.data["text/plain"].(string); ok {
		out.data["text/plain"] = tidy(text)
		return out
	}
	if s, ok := x.(fmt.Stringer); ok {
		out.data["text/plain"] = tidy(s.String())
	} else {
		out.data["text/plain"] = tidy(fmt.Sprintf("%T", x))
	}
	return out
}

func picture(img image.Image) bundle {
	r := img.Bounds()
	text := fmt.Sprintf("image of %d × %d pixels", r.Dx(), r.Dy())
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return failure(fmt.Errorf("%s: %w", text, err))
	}
	return bundle{
		data: map[string]any{"image/png": b.Bytes(), "text/plain": text},
		meta: map[string]any{"image/png": map[string]string{"alt": text}},
	}
}

// failure shows an error: the message, and the kinds that it wraps where they
// help.
func failure(err error) bundle {
	text := tidy(err.Error())
	if errors.Is(err, errors.ErrUnsupported) && !strings.Contains(text, errors.ErrUnsupported.Error()) {
		text += " (" + errors.ErrUnsupported.Error() + ")"
	}
	return bundle{data: map[string]any{
		"text/plain": "error: " + text,
		"text/html": `<div role="alert" style="border-left:4px solid #d55e00;padding:.4em .8em;white-space:pre-wrap;overflow-wrap:anywhere"><strong>Error</strong> ` +
			html.EscapeString(text) + `</div>`,
	}}
}

// tidy replaces what could steer a terminal or turn the direction of a line;
// line ends and tabs stay.
func tidy(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == utf8.RuneError || unicode.Is(unicode.C, r):
			return utf8.RuneError
		}
		return r
	}, s)
}

// untag leaves the text of HTML for terminals: it drops the tags.
func untag(s string) string {
	var b strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		j := strings.IndexByte(s[i:], '>')
		if j < 0 {
			break
		}
		s = s[i+j+1:]
	}
	return strings.TrimSpace(html.UnescapeString(b.String()))
}
