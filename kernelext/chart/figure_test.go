package chart

import (
	"bytes"
	"compress/zlib"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// TestSVGIsSound parses every figure, among them those with hostile names:
// well-formed, no element but the few that are drawn with, all texts fitted to
// a length, and a description.
func TestSVGIsSound(t *testing.T) {
	known := map[string]bool{"svg": true, "title": true, "path": true, "text": true}
	for name, f := range figures() {
		data, err := f.SVG(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(bytes.NewReader(data))
		texts := 0
		for {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			e, ok := tok.(xml.StartElement)
			if !ok {
				continue
			}
			attr := map[string]string{}
			for _, a := range e.Attr {
				attr[a.Name.Local] = a.Value
				if strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") && a.Name.Local != "aria-label" {
					t.Errorf("%s: <%s %s=%q>", name, e.Name.Local, a.Name.Local, a.Value)
				}
			}
			switch {
			case !known[e.Name.Local]:
				t.Errorf("%s holds <%s>", name, e.Name.Local)
			case e.Name.Local == "svg" && (attr["aria-label"] != cleanLines(f.Alt()) || attr["role"] != "img"):
				t.Errorf("%s is described as %q", name, attr["aria-label"])
			case e.Name.Local == "text":
				texts++
				if attr["textLength"] == "" {
					t.Errorf("%s has a text without a length", name)
				}
			}
		}
		if texts == 0 && f.title != "" {
			t.Errorf("%s has no text", name)
		}
	}
}

// TestPDFIsSound checks each document's cross references and inflates its page.
func TestPDFIsSound(t *testing.T) {
	for name, f := range figures() {
		data, err := f.PDF(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		checkPDF(t, name, data)
	}
}

func checkPDF(t *testing.T, name string, data []byte) {
	t.Helper()
	start := regexp.MustCompile(`startxref\n(\d+)\n%%EOF\n$`).FindSubmatch(data)
	if start == nil {
		t.Fatalf("%s has no trailer", name)
	}
	at, _ := strconv.Atoi(string(start[1]))
	for i, m := range regexp.MustCompile(`(?m)^(\d{10}) 00000 n $`).FindAllSubmatch(data[at:], -1) {
		off, _ := strconv.Atoi(string(m[1]))
		if want := fmt.Sprintf("%d 0 obj\n", i+1); !bytes.HasPrefix(data[off:], []byte(want)) {
			t.Errorf("%s: object %d is not where the table says", name, i+1)
		}
	}
	page := data[bytes.Index(data, []byte("stream\n"))+7:]
	r, err := zlib.NewReader(bytes.NewReader(page))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	ops, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	line := regexp.MustCompile(`^[-0-9./A-Za-z\[\] ]*$`)
	for _, l := range strings.Split(string(ops), "\n") {
		if !line.MatchString(l) || strings.Contains(l, "NaN") {
			t.Fatalf("%s: the page holds %q", name, l)
		}
	}
}

func TestFiguresAreDeterministic(t *testing.T) {
	a, b := Bars(sampleBars(5)), Bars(sampleBars(5))
	for name, draw := range map[string]func(*Figure) ([]byte, error){
		"PNG": func(f *Figure) ([]byte, error) { return f.PNG(0, 0) },
		"SVG": func(f *Figure) ([]byte, error) { return f.SVG(0, 0) },
		"PDF": func(f *Figure) ([]byte, error) { return f.PDF(0, 0) },
	} {
		x, _ := draw(a)
		y, _ := draw(b)
		if len(x) == 0 || !bytes.Equal(x, y) {
			t.Errorf("two %s of one figure differ", name)
		}
	}
}

func TestSize(t *testing.T) {
	f := Bars(sampleBars(3))
	nw, nh := f.Size()
	for _, c := range []struct {
		name         string
		w, h         float64
		wantW, wantH int
	}{
		{"natural", 0, 0, int(nw), int(nh)},
		{"both sides", 900, 500, 900, 500},
		{"width alone keeps the proportions", nw / 2, 0, int(nw / 2), int(math.Round(nh / 2))},
		{"height alone keeps the proportions", 0, nh * 2, int(nw * 2), int(nh * 2)},
		{"a thumbnail is the picture reduced", 40, 30, 40, 30},
	} {
		data, err := f.PNG(c.w, c.h)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		img, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil || img.Width != c.wantW || img.Height != c.wantH {
			t.Errorf("%s: %d × %d, want %d × %d (%v)", c.name, img.Width, img.Height, c.wantW, c.wantH, err)
		}
	}
	for _, bad := range [][2]float64{{-1, 0}, {0, math.NaN()}, {math.Inf(1), 0}, {20000, 20000}} {
		if _, err := f.PNG(bad[0], bad[1]); err == nil {
			t.Errorf("a picture of %v was drawn", bad)
		}
	}
}

func TestSaveReplacesOrLeavesTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.svg")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := Curve(sampleCurve())
	if err := f.Save(path, -1, 0); err == nil {
		t.Error("a picture of negative width was saved")
	}
	if data, _ := os.ReadFile(path); string(data) != "old" {
		t.Error("a failed Save touched the file")
	}
	if err := f.Save(path, 0, 0); err != nil {
		t.Fatal(err)
	}
	want, _ := f.SVG(0, 0)
	if data, _ := os.ReadFile(path); !bytes.Equal(data, want) {
		t.Error("the file does not hold the picture")
	}
	for _, name := range []string{"a.jpg", "a", "none/a.svg"} {
		if err := f.Save(filepath.Join(dir, name), 0, 0); err == nil {
			t.Errorf("%s was saved", name)
		}
	}
	if all, _ := os.ReadDir(dir); len(all) != 1 {
		t.Errorf("%d files are in the folder, want 1", len(all))
	}
}

// scene draws with all that vg has: arcs, curves, images, turns, transparency.
type scene struct{}

func (scene) Draw(c draw.Canvas) {
	var p vg.Path
	p.Move(vg.Point{X: 10, Y: 10})
	p.QuadTo(vg.Point{X: 30, Y: 60}, vg.Point{X: 60, Y: 10})
	p.CubeTo(vg.Point{X: 70, Y: 0}, vg.Point{X: 80, Y: 50}, vg.Point{X: 90, Y: 20})
	p.Arc(vg.Point{X: 90, Y: 60}, 20, -1, 5)
	c.SetColor(color.NRGBA{200, 0, 0, 100})
	c.Stroke(p)
	img := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	img.Set(0, 0, color.NRGBA{255, 0, 0, 255})
	c.Push()
	c.Rotate(0.2)
	c.DrawImage(vg.Rectangle{Min: vg.Point{X: 100, Y: 20}, Max: vg.Point{X: 140, Y: 60}}, img)
	c.FillString(face(20, true), vg.Point{X: 40, Y: 90}, "<Turned> & bold")
	c.Pop()
	c.SetColor(nil)
	c.FillString(face(20, false), vg.Point{X: 10, Y: 120}, "level")
}

func TestForeignPlotsReachEveryFormat(t *testing.T) {
	f := FromPlot(scene{}, 240, 200, "a scene")
	svg, err := f.SVG(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<image ", "&lt;Turned&gt; &amp; bold", `stroke-opacity="0.39"`, "matrix(0.98", ">level<"} {
		if !bytes.Contains(svg, []byte(want)) {
			t.Errorf("the SVG lacks %q", want)
		}
	}
	if err := xml.Unmarshal(svg, new(struct{})); err != nil {
		t.Error(err)
	}
	pdf, err := f.PDF(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	checkPDF(t, "scene", pdf)
	if !bytes.Contains(pdf, []byte("/CA 0.392")) || !bytes.Contains(pdf, []byte("/Subtype/Image/Width 2")) {
		t.Error("the PDF lacks the transparency or the image")
	}
	if _, err := f.PNG(0, 0); err != nil {
		t.Error(err)
	}
	if *look != "" {
		for _, ext := range []string{".png", ".svg", ".pdf"} {
			f.Save(filepath.Join(*look, "scene"+ext), 0, 0)
		}
	}
}

func TestBadCallersPanic(t *testing.T) {
	for name, call := range map[string]func(){
		"Bars: values":        func() { Bars(BarData{Labels: []string{"a"}, Series: []Series{{}}}) },
		"Bars: errors":        func() { Bars(BarData{Labels: []string{"a"}, Series: []Series{{"", []float64{1}, []float64{}}}}) },
		"Histogram: edges":    func() { Histogram(HistogramData{Float: Counts{[]float64{1, 2}, []float64{1, 2}}}) },
		"Histogram: order":    func() { Histogram(HistogramData{Float: Counts{[]float64{2, 1}, []float64{1}}}) },
		"Histogram: clip":     func() { Histogram(HistogramData{Clip: []float64{1}}) },
		"Curve":               func() { Curve(CurveData{Lines: []Line{{X: []float64{1}}}}) },
		"Frontier":            func() { Frontier(FrontierData{Lines: []Line{{Y: []float64{1}}}}) },
		"HeatMap: rows":       func() { HeatMap(HeatData{Rows: []string{"a"}}) },
		"HeatMap: columns":    func() { HeatMap(HeatData{Rows: []string{"a"}, Values: [][]float64{{1}}}) },
		"WidthBars":           func() { WidthBars(WidthData{Weight: []int{1}}) },
		"Roofline: bandwidth": func() { Roofline(RooflineData{Roofs: []Roof{{"", 1}}}) },
		"Roofline: roof":      func() { Roofline(RooflineData{Roofs: []Roof{{"", 1}}, Bandwidth: 1, Points: []RoofPoint{{Roof: 1}}}) },
		"Network: cycle":      func() { Network(NetworkData{Nodes: make([]NetNode, 2), Edges: [][2]int{{0, 1}, {1, 0}}}) },
		"Network: node":       func() { Network(NetworkData{Edges: [][2]int{{0, 1}}}) },
		"Multiples":           func() { Multiples([]string{"a"}, nil) },
		"FromPlot":            func() { FromPlot(nil, 0, 0, "") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if r, ok := recover().(string); !ok || !strings.HasPrefix(r, "chart: ") {
					t.Errorf("panic %v, want a text of ours", r)
				}
			}()
			call()
		})
	}
}

func TestOrderPutsMissingValuesLast(t *testing.T) {
	d := BarData{
		Labels: []string{"none", "high", "low", "exact", "low too"},
		Series: []Series{{Name: "a", Values: []float64{nan, 9, 5, math.Inf(1), 7}}, {Name: "b", Values: []float64{nan, 8, 2, math.Inf(1), 2}}},
	}
	for _, c := range []struct {
		o    Order
		want string
	}{{GraphOrder, "[0 1 2 3 4]"}, {Ascending, "[2 4 1 3 0]"}, {Descending, "[3 1 4 2 0]"}} {
		d.Order = c.o
		if got := fmt.Sprint(order(d)); got != c.want {
			t.Errorf("order %d gives %s, want %s", c.o, got, c.want)
		}
	}
}

func TestZerosAtAClipLimitAreNotClipped(t *testing.T) {
	// As after a Relu: half of the samples are zero, in a bin that reaches below it.
	d := HistogramData{Float: Counts{[]float64{-0.5, -0.1, 0.1, 1, 2, 3}, []float64{1, 50, 30, 15, 4}}, Clip: []float64{0, 2}}
	if out, all := d.outside(); out != 5 || all != 100 {
		t.Errorf("%v of %v samples are clipped, want 5 of 100", out, all)
	}
}
