package chart

import (
	"bytes"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// A Figure is a picture that is drawn when it is asked for. It is immutable
// and may be used by several goroutines.
type Figure struct {
	title      string
	w, h       float64 // natural size, px
	minW, minH float64 // a smaller picture is this one, reduced
	draw       func(p pen, w, h float64)
	plot       func(draw.Canvas) // of a foreign plot, instead of draw
	text, alt  string
}

// Title gives the heading that the figure was given, cleaned.
func (f *Figure) Title() string { return f.title }

// Size gives the natural width and height in CSS pixels. It grows with the
// number of layers.
func (f *Figure) Size() (w, h float64) { return f.w, f.h }

// Text gives the figure's numbers as plain text in columns.
func (f *Figure) Text() string { return f.text }

// String is Text, so that printing a figure prints its numbers.
func (f *Figure) String() string { return f.text }

// Alt describes the figure in words, with its numbers, for those who cannot
// see it.
func (f *Figure) Alt() string { return f.alt }

// maxSide bounds a picture's sides, px.
const maxSide = 20000

// size replaces sides that are not given. With one side given the other keeps
// the proportions.
func (f *Figure) size(w, h float64) (float64, float64, error) {
	if math.IsNaN(w) || math.IsNaN(h) || w < 0 || h < 0 || w > maxSide || h > maxSide {
		return 0, 0, fmt.Errorf("chart: a picture of %v × %v pixels: each side must lie between 0 (for the natural size) and %d", w, h, maxSide)
	}
	switch {
	case w == 0 && h == 0:
		w, h = f.w, f.h
	case w == 0:
		w = h * f.w / f.h
	case h == 0:
		h = w * f.h / f.w
	}
	return math.Max(1, math.Round(math.Min(w, maxSide))), math.Max(1, math.Round(math.Min(h, maxSide))), nil
}

// paintOn draws the figure on a canvas of w × h pixels. Sizes below the least
// at which it is legible are reached by reduction.
func (f *Figure) paintOn(c vg.Canvas, w, h float64) {
	if f.plot != nil {
		p := pen{c, h}
		p.rect(0, 0, w, h, paper)
		const m = 10 * px // labels at the ends of axes reach beyond a plot's area
		f.plot(draw.Crop(draw.NewCanvas(c, vg.Length(w)*px, vg.Length(h)*px), m, -m, m, -m))
		return
	}
	k := math.Min(1, math.Min(w/f.minW, h/f.minH))
	c.Push()
	c.Scale(k, k)
	w, h = w/k, h/k
	p := pen{c, h}
	p.rect(0, 0, w, h, paper)
	p.stroke(box(0.5, 0.5, w-1, h-1), true, 1, border)
	f.draw(p, w, h)
	c.Pop()
}

// PNG draws the figure with w × h pixels. A side of 0 takes the natural size,
// or follows from the other side.
func (f *Figure) PNG(w, h float64) ([]byte, error) { return f.raster(w, h, 1) }

// PNG2 is PNG with two dots per pixel in both directions, for dense screens.
func (f *Figure) PNG2(w, h float64) ([]byte, error) { return f.raster(w, h, 2) }

func (f *Figure) raster(w, h float64, density int) ([]byte, error) {
	w, h, err := f.size(w, h)
	if err != nil {
		return nil, err
	}
	if w*h*float64(density*density) > 2e8 {
		return nil, fmt.Errorf("chart: a picture of %v × %v pixels takes too much memory", w, h)
	}
	c := vgimg.NewWith(vgimg.UseWH(vg.Length(w)*px, vg.Length(h)*px), vgimg.UseDPI(96*density))
	f.paintOn(c, w, h)
	var b bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := enc.Encode(&b, c.Image()); err != nil {
		return nil, fmt.Errorf("chart: %w", err)
	}
	return b.Bytes(), nil
}

// SVG draws the figure as an SVG document of w × h pixels; sides as in
// [Figure.PNG].
func (f *Figure) SVG(w, h float64) ([]byte, error) {
	w, h, err := f.size(w, h)
	if err != nil {
		return nil, err
	}
	c, out := newSVG(w, h, f.title, f.alt)
	f.paintOn(c, w, h)
	return out.bytes(), nil
}

// PDF draws the figure as a PDF page of w × h pixels of 1/96 inch; sides as in
// [Figure.PNG].
func (f *Figure) PDF(w, h float64) ([]byte, error) {
	w, h, err := f.size(w, h)
	if err != nil {
		return nil, err
	}
	c, out := newPDF(w, h, f.title)
	f.paintOn(c, w, h)
	return out.bytes()
}

// Save writes the figure to a file whose name ends in .png, .svg or .pdf;
// sides as in [Figure.PNG]. A PNG has two dots per pixel. The file is complete
// or absent: it is written under a temporary name and renamed.
func (f *Figure) Save(path string, w, h float64) error {
	var data []byte
	var err error
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".png":
		data, err = f.PNG2(w, h)
	case ".svg":
		data, err = f.SVG(w, h)
	case ".pdf":
		data, err = f.PDF(w, h)
	default:
		return fmt.Errorf("chart: %s: a figure is saved as .png, .svg or .pdf, not as %q", path, ext)
	}
	if err != nil {
		return err
	}
	return writeFile(path, data)
}

func writeFile(path string, data []byte) (err error) {
	t, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("chart: %w", err)
	}
	defer func() {
		if err != nil {
			os.Remove(t.Name())
			err = fmt.Errorf("chart: %w", err)
		}
	}()
	if _, err = t.Write(data); err != nil {
		t.Close()
		return err
	}
	if err = t.Chmod(0o644); err != nil {
		t.Close()
		return err
	}
	if err = t.Close(); err != nil {
		return err
	}
	return os.Rename(t.Name(), path)
}

// MIMEBundle gives the figure as a notebook takes it: "image/svg+xml" and
// "text/plain" as strings, and "image/png" as bytes.
func (f *Figure) MIMEBundle() map[string]any {
	out := map[string]any{"text/plain": f.text}
	svg := make(chan []byte, 1)
	go func() { // beside the other picture: a cell waits for both
		b, _ := f.SVG(0, 0)
		svg <- b
	}()
	if b, err := f.PNG(0, 0); err == nil {
		out["image/png"] = b
	}
	if b := <-svg; b != nil {
		out["image/svg+xml"] = string(b)
	}
	return out
}

// FromPlot makes a figure of a gonum plot, or of anything else that draws on
// such a canvas. A width or height that is not positive becomes 640 or 400
// pixels. Text serves as the plain form and as alt text.
//
// It panics if p is nil.
func FromPlot(p interface{ Draw(draw.Canvas) }, w, h float64, text string) *Figure {
	if p == nil {
		panic("chart: FromPlot of nil")
	}
	if !(w > 0) {
		w = 640
	}
	if !(h > 0) {
		h = 400
	}
	text = cleanLines(text)
	return &Figure{w: w, h: h, minW: 1, minH: 1, plot: p.Draw, text: text, alt: text}
}
