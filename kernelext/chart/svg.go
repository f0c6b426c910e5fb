package chart

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"strconv"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// svgFonts lists faces with the metrics of Liberation Sans. A text states its
// length too, so that another face is fitted to the place that was measured.
const svgFonts = "Liberation Sans,Arimo,Arial,Helvetica,sans-serif"

// svgFamily has the other faces of gonum plots.
var svgFamily = map[font.Variant]string{
	"Serif": "Liberation Serif,Tinos,Times New Roman,Times,serif",
	"Mono":  "Liberation Mono,Cousine,Courier New,Courier,monospace",
}

// svg writes Scalable Vector Graphics; its device unit is the CSS pixel. Text
// stays text: it can be selected and read aloud, and no font is embedded.
type svg struct{ b bytes.Buffer }

// newSVG starts a document of w × h pixels, which shrinks to the width of the page
// or cell that it stands in.
func newSVG(w, h float64, title, alt string) (*vector, *svg) {
	s := new(svg)
	fmt.Fprintf(&s.b, `<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %[1]s %[2]s" style="max-width:100%%;height:auto" role="img" aria-label="%[3]s" font-family="%s">`,
		coord(w), coord(h), escape(alt), svgFonts)
	if title != "" {
		fmt.Fprintf(&s.b, "<title>%s</title>", escape(title))
	}
	k := 1 / px.Points()
	return newVector(vg.Length(w)*px, vg.Length(h)*px, matrix{k, 0, 0, -k, 0, h}, s), s
}

func (s *svg) bytes() []byte { return append(s.b.Bytes(), "</svg>\n"...) }

// coord writes a number with two decimals at most.
func coord(v float64) string {
	t := strconv.FormatFloat(v, 'f', 2, 64)
	t = strings.TrimRight(strings.TrimRight(t, "0"), ".")
	if t == "-0" {
		t = "0"
	}
	return t
}

// escape makes a string fit for XML text and attributes.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(cleanLines(s))
}

// cleanLines is clean, but keeps line ends.
func cleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = clean(l)
	}
	return strings.Join(lines, "\n")
}

func (s *svg) paint(attr string, st *inkState) {
	fmt.Fprintf(&s.b, ` %s="#%02x%02x%02x"`, attr, st.col.R, st.col.G, st.col.B)
	if st.col.A != 0xff {
		fmt.Fprintf(&s.b, ` %s-opacity="%s"`, attr, coord(float64(st.col.A)/0xff))
	}
}

func (s *svg) shape(path []op, fill bool, st *inkState) {
	s.b.WriteString(`<path d="`)
	for _, o := range path {
		s.b.WriteByte(o.verb)
		n := map[byte]int{'M': 1, 'L': 1, 'C': 3}[o.verb]
		for i, q := range o.p[:n] {
			if i > 0 {
				s.b.WriteByte(' ')
			}
			s.b.WriteString(coord(q.x))
			s.b.WriteByte(' ')
			s.b.WriteString(coord(q.y))
		}
	}
	s.b.WriteByte('"')
	if fill {
		s.paint("fill", st)
	} else {
		s.b.WriteString(` fill="none"`)
		s.paint("stroke", st)
		fmt.Fprintf(&s.b, ` stroke-width="%s"`, coord(st.width))
		if len(st.dash) > 0 {
			s.b.WriteString(` stroke-dasharray="`)
			for i, d := range st.dash {
				if i > 0 {
					s.b.WriteByte(' ')
				}
				s.b.WriteString(coord(d))
			}
			s.b.WriteByte('"')
		}
	}
	s.b.WriteString("/>")
}

func (s *svg) text(f font.Face, str string, m matrix, st *inkState) {
	size := f.Font.Size.Points()
	k := m.scale()
	s.b.WriteString("<text")
	if m.b == 0 && m.a > 0 { // upright: no transform
		fmt.Fprintf(&s.b, ` x="%s" y="%s"`, coord(m.e), coord(m.f))
	} else {
		c := func(v float64) string { return strconv.FormatFloat(v/k, 'f', 4, 64) }
		fmt.Fprintf(&s.b, ` transform="matrix(%s %s %s %s %s %s)"`,
			c(m.a), c(m.b), c(-m.c), c(-m.d), coord(m.e), coord(m.f))
	}
	fmt.Fprintf(&s.b, ` font-size="%s" textLength="%s" lengthAdjust="spacingAndGlyphs"`,
		coord(size*k), coord(f.Width(str).Points()*k))
	if f.Font.Weight > 0 {
		s.b.WriteString(` font-weight="bold"`)
	}
	if f.Font.Style != 0 {
		s.b.WriteString(` font-style="italic"`)
	}
	if family := svgFamily[f.Font.Variant]; family != "" {
		fmt.Fprintf(&s.b, ` font-family="%s"`, family)
	}
	s.paint("fill", st)
	s.b.WriteByte('>')
	s.b.WriteString(escape(str))
	s.b.WriteString("</text>")
}

func (s *svg) picture(img image.Image, m matrix) {
	var b bytes.Buffer
	if png.Encode(&b, img) != nil {
		return // an image without pixels
	}
	// An image's own y runs downwards from its top.
	x, y := m.apply(0, 1)
	fmt.Fprintf(&s.b, `<image width="1" height="1" preserveAspectRatio="none" transform="matrix(%g %g %g %g %g %g)" href="data:image/png;base64,%s"/>`,
		m.a, m.b, -m.c, -m.d, x, y, base64.StdEncoding.EncodeToString(b.Bytes()))
}
