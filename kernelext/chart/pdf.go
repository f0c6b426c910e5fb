package chart

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"image"
	"image/color"
	"unicode/utf16"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	vgfont "gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// pdf writes a document of one page; its device unit is the point. Text is
// drawn as outlines, so a page needs no font.
type pdf struct {
	b      bytes.Buffer // the page's content
	w, h   float64
	alphas []uint8 // graphics states, in order of first use
	images []image.Image
	title  string
}

// newPDF starts a page of w × h pixels.
func newPDF(w, h float64, title string) (*vector, *pdf) {
	k := px.Points()
	p := &pdf{w: w * k, h: h * k, title: title}
	return newVector(vg.Length(w)*px, vg.Length(h)*px, matrix{1, 0, 0, 1, 0, 0}, p), p
}

func (p *pdf) state(col color.NRGBA) {
	i := 0
	for i < len(p.alphas) && p.alphas[i] != col.A {
		i++
	}
	if i == len(p.alphas) {
		p.alphas = append(p.alphas, col.A)
	}
	r, g, b := float64(col.R)/255, float64(col.G)/255, float64(col.B)/255
	fmt.Fprintf(&p.b, "/A%d gs %.3f %.3f %.3f rg %.3f %.3f %.3f RG\n", i, r, g, b, r, g, b)
}

func (p *pdf) trace(path []op) {
	for _, o := range path {
		switch o.verb {
		case 'M', 'L':
			fmt.Fprintf(&p.b, "%s %s %c\n", coord(o.p[0].x), coord(o.p[0].y), o.verb+'a'-'A')
		case 'C':
			for _, q := range o.p {
				fmt.Fprintf(&p.b, "%s %s ", coord(q.x), coord(q.y))
			}
			p.b.WriteString("c\n")
		case 'Z':
			p.b.WriteString("h\n")
		}
	}
}

func (p *pdf) shape(path []op, fill bool, st *inkState) {
	p.state(st.col)
	if fill {
		p.trace(path)
		p.b.WriteString("f\n")
		return
	}
	fmt.Fprintf(&p.b, "%s w [", coord(st.width))
	for _, d := range st.dash {
		p.b.WriteString(coord(d) + " ")
	}
	p.b.WriteString("] 0 d\n")
	p.trace(path)
	p.b.WriteString("S\n")
}

func (p *pdf) text(f vgfont.Face, s string, m matrix, st *inkState) {
	var (
		buf  sfnt.Buffer
		em   = fixed.Int26_6(f.Face.UnitsPerEm())
		k    = f.Font.Size.Points() / float64(em)
		x    float64
		path []op
		prev sfnt.GlyphIndex
	)
	for i, r := range s {
		g, err := f.Face.GlyphIndex(&buf, r)
		if err != nil {
			continue
		}
		if i > 0 {
			if kern, err := f.Face.Kern(&buf, prev, g, em, font.HintingNone); err == nil {
				x += float64(kern)
			}
		}
		segs, err := f.Face.LoadGlyph(&buf, g, em, nil)
		if err == nil {
			path = glyph(path, segs, x, k, m)
		}
		adv, err := f.Face.GlyphAdvance(&buf, g, em, font.HintingNone)
		if err == nil {
			x += float64(adv)
		}
		prev = g
	}
	if len(path) > 0 {
		p.shape(path, true, st)
	}
}

// glyph appends a glyph's outline at x (in the font's units, y downwards)
// scaled by k and mapped by m.
func glyph(path []op, segs sfnt.Segments, x, k float64, m matrix) []op {
	pt := func(q fixed.Point26_6) xy {
		u, v := m.apply((x+float64(q.X))*k, -float64(q.Y)*k)
		return xy{u, v}
	}
	var at xy
	for i, s := range segs {
		a := pt(s.Args[0])
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			if i > 0 {
				path = append(path, op{verb: 'Z'})
			}
			path = append(path, op{'M', [3]xy{a}})
			at = a
		case sfnt.SegmentOpLineTo:
			path = append(path, op{'L', [3]xy{a}})
			at = a
		case sfnt.SegmentOpQuadTo:
			e := pt(s.Args[1])
			path = append(path, op{'C', [3]xy{
				{(at.x + 2*a.x) / 3, (at.y + 2*a.y) / 3}, {(e.x + 2*a.x) / 3, (e.y + 2*a.y) / 3}, e,
			}})
			at = e
		case sfnt.SegmentOpCubeTo:
			b, e := pt(s.Args[1]), pt(s.Args[2])
			path = append(path, op{'C', [3]xy{a, b, e}})
			at = e
		}
	}
	if len(segs) > 0 {
		path = append(path, op{verb: 'Z'})
	}
	return path
}

func (p *pdf) picture(img image.Image, m matrix) {
	fmt.Fprintf(&p.b, "q %.6f %.6f %.6f %.6f %.6f %.6f cm /I%d Do Q\n", m.a, m.b, m.c, m.d, m.e, m.f, len(p.images))
	p.images = append(p.images, img)
}

// bytes gives the document. It holds no date, so that equal figures are equal
// files.
func (p *pdf) bytes() ([]byte, error) {
	var out bytes.Buffer
	var offsets []int
	object := func(format string, a ...any) {
		offsets = append(offsets, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n", len(offsets))
		fmt.Fprintf(&out, format, a...)
		out.WriteString("\nendobj\n")
	}
	out.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	object("<</Type/Catalog/Pages 2 0 R>>")
	object("<</Type/Pages/Kids[3 0 R]/Count 1>>")
	var res bytes.Buffer
	res.WriteString("/ExtGState<<")
	for i, a := range p.alphas {
		fmt.Fprintf(&res, "/A%d<</ca %.3f/CA %.3f>>", i, float64(a)/255, float64(a)/255)
	}
	res.WriteString(">>/XObject<<")
	for i := range p.images {
		fmt.Fprintf(&res, "/I%d %d 0 R", i, 6+i)
	}
	res.WriteString(">>")
	object("<</Type/Page/Parent 2 0 R/MediaBox[0 0 %s %s]/Contents 4 0 R/Resources<<%s>>>>", coord(p.w), coord(p.h), res.String())
	content, err := deflate(p.b.Bytes())
	if err != nil {
		return nil, err
	}
	object("<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream", len(content), content)
	object("<</Title<%s>>>", utf16Hex(p.title))
	for _, img := range p.images {
		r := img.Bounds()
		if r.Empty() {
			return nil, errors.New("chart: pdf: an image has no pixels")
		}
		var raw []byte
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
				c = tint(c, float64(c.A)/255) // there is no mask: over the paper
				raw = append(raw, c.R, c.G, c.B)
			}
		}
		data, err := deflate(raw)
		if err != nil {
			return nil, err
		}
		object("<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/FlateDecode/Length %d>>stream\n%s\nendstream",
			r.Dx(), r.Dy(), len(data), data)
	}
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, o := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&out, "trailer\n<</Size %d/Root 1 0 R/Info 5 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, start)
	return out.Bytes(), nil
}

func deflate(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}

func utf16Hex(s string) string {
	out := "FEFF"
	for _, u := range utf16.Encode([]rune(s)) {
		out += fmt.Sprintf("%04X", u)
	}
	return out
}
