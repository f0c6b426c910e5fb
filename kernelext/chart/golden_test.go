package chart

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

var (
	update = flag.Bool("update", false, "rewrite the golden images")
	look   = flag.String("look", "", "write every figure as PNG, SVG and PDF to this `folder`, to be looked at")
)

// TestGolden holds every chart to a picture in testdata. Pixels are compared
// exactly on amd64, where the pictures were drawn; other processors fuse
// multiply and add, which may move an edge by a shade.
func TestGolden(t *testing.T) {
	all := figures()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			got, err := all[name].PNG(0, 0)
			if err != nil {
				t.Fatal(err)
			}
			if *look != "" {
				for _, ext := range []string{".png", ".svg", ".pdf"} {
					if err := all[name].Save(filepath.Join(*look, name+ext), 0, 0); err != nil {
						t.Fatal(err)
					}
				}
			}
			file, text := filepath.Join("testdata", name+".png"), filepath.Join("testdata", name+".txt")
			words := all[name].Text() + "\n" + all[name].Alt() + "\n"
			if *update {
				img, err := png.Decode(bytes.NewReader(got))
				if err != nil {
					t.Fatal(err)
				}
				var b bytes.Buffer
				if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img); err != nil {
					t.Fatal(err)
				}
				for path, data := range map[string][]byte{file: b.Bytes(), text: []byte(words)} {
					if err := writeFile(path, data); err != nil {
						t.Fatal(err)
					}
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			samePicture(t, got, want)
			said, err := os.ReadFile(text)
			if err != nil {
				t.Fatal(err)
			}
			if words != string(said) {
				t.Errorf("text and alt text differ from %s; if that is meant, run the test with -update. Got:\n%s", text, words)
			}
		})
	}
}

// otherShade is the greatest mean difference of a channel, of 255, that is
// accepted on processors other than amd64.
const otherShade = 0.5

func samePicture(t *testing.T, got, want []byte) {
	t.Helper()
	g, w := pixels(t, got), pixels(t, want)
	if g.Rect != w.Rect {
		t.Fatalf("the picture is %v large, the golden one %v", g.Rect.Max, w.Rect.Max)
	}
	differ, sum := 0, 0.0
	for i := range g.Pix {
		if g.Pix[i] != w.Pix[i] {
			differ++
			d := float64(g.Pix[i]) - float64(w.Pix[i])
			sum += max(d, -d)
		}
	}
	if mean := sum / float64(len(g.Pix)); differ > 0 && (runtime.GOARCH == "amd64" || mean > otherShade) {
		t.Errorf("%d of %d channel values differ from the golden picture; look at it, and if it is meant, run the test with -update", differ, len(g.Pix))
	}
}

func pixels(t *testing.T, data []byte) *image.NRGBA {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewNRGBA(img.Bounds())
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			out.SetNRGBA(x, y, color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA))
		}
	}
	return out
}
