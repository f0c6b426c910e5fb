package nb

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot"

	"github.com/quantnb/quantnb/kernelext/chart"
)

func figure() *chart.Figure {
	return chart.Bars(chart.BarData{
		Title: "One layer at 4 bits", Name: "SQNR", Unit: "dB",
		Labels: []string{"conv1", "conv2"}, Series: []chart.Series{{Name: "weights", Values: []float64{12.5, 30}}},
	})
}

type report struct{}

func (report) MIMEBundle() map[string]any {
	return map[string]any{"text/html": "<b>fine</b>", "application/json": []byte(`{"a":1}`)}
}
func (report) String() string { return "fine" }

const attack = `<script>alert(1)</script>` + "\x1b[2J\u202e"

func TestShowForms(t *testing.T) {
	for _, c := range []struct {
		name  string
		x     any
		mimes []string
		text  string // a part of text/plain
	}{
		{"a figure is svg, png and its numbers", figure(), []string{"image/svg+xml", "image/png"}, "conv1"},
		{"a gonum plot is drawn", plot.New(), []string{"image/svg+xml", "image/png"}, "plot"},
		{"an image is png", image.NewGray(image.Rect(0, 0, 3, 2)), []string{"image/png"}, "3 × 2"},
		{"an error is a box", fmt.Errorf("exec: %w", os.ErrNotExist), []string{"text/html"}, "error: exec: file does not exist"},
		{"rows are a table", [][]string{{"layer", "bits"}, {"conv1", "4"}}, []string{"text/html"}, "layer  bits\nconv1     4"},
		{"a report makes its own bundle", report{}, []string{"text/html", "application/json"}, "fine"},
		{"a stringer is text", bytes.NewBufferString("words"), nil, "words"},
		{"text is text", "words", nil, "words"},
		{"numbers are text", 4.5, nil, "4.5"},
		{"nil is said", nil, nil, "nil"},
		{"a nil figure is said", (*chart.Figure)(nil), nil, "no figure"},
		{"HTML goes out as it stands", HTML("<i>x</i>&amp;"), []string{"text/html"}, "x&"},
		{"an image without pixels is an error", image.NewGray(image.Rectangle{}), []string{"text/html"}, "error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := record(t)
			Show(c.x)
			if len(rec.sent) != 1 || rec.syncs != 1 || rec.after[0] != 1 {
				t.Fatalf("%d displays, %d syncs after %v, want one of each and the display first", len(rec.sent), rec.syncs, rec.after)
			}
			data := rec.sent[0].Data
			if text, _ := data["text/plain"].(string); !strings.Contains(text, c.text) {
				t.Errorf("text is %q, without %q", text, c.text)
			}
			for _, m := range c.mimes {
				if data["image/png"] != nil {
					if _, err := png.Decode(bytes.NewReader(data["image/png"].([]byte))); err != nil {
						t.Errorf("png: %v", err)
					}
				}
				if _, ok := rec.sent[0].Data[mime(m)]; !ok {
					t.Errorf("no %s in the bundle", m)
				}
			}
			if len(data) != len(c.mimes)+1 {
				t.Errorf("the bundle has %d forms, want %d", len(data), len(c.mimes)+1)
			}
		})
	}
}

// TestHostileNamesAreEscaped shows markup and terminal escapes in every place
// where a model's names get to.
func TestHostileNamesAreEscaped(t *testing.T) {
	fig := chart.Bars(chart.BarData{
		Title: attack, Subtitle: attack, Name: attack, Unit: "dB", Labels: []string{attack},
		Series: []chart.Series{{Name: attack, Values: []float64{1}}, {Name: attack, Values: []float64{2}}},
	})
	for _, x := range []any{
		fig, errors.New(attack), [][]string{{attack}, {attack}}, Table{Caption: attack, Rows: [][]string{{attack}}},
		attack, struct{ Name string }{attack},
	} {
		rec := record(t)
		Show(x)
		b := NewProgress(attack)
		b.out.draw(b, b.now())
		Flipbook([]string{attack, "b"}, func(string) *chart.Figure { return fig })
		for _, d := range rec.sent {
			for m, v := range d.Data {
				s, ok := v.(string)
				if !ok {
					continue
				}
				if m != "text/plain" && strings.Contains(s, "<script") {
					t.Errorf("%T: %s holds markup from a name", x, m)
				}
				if i := strings.IndexAny(s, "\x1b\u202e"); i >= 0 {
					t.Errorf("%T: %s holds a control character: %q", x, m, s[max(0, i-20):i+4])
				}
			}
		}
	}
}

func TestShowOutsideANotebookPrints(t *testing.T) {
	var b bytes.Buffer
	old := stdout
	stdout = func() io.Writer { return &b }
	defer func() { stdout = old }()
	Show("one", figure(), []*chart.Figure{figure()})
	if got := b.String(); !strings.HasPrefix(got, "one\nOne layer at 4 bits\n") || strings.Count(got, "12.5") != 2 {
		t.Errorf("printed %q", got)
	}
}

func TestSave(t *testing.T) {
	dir := t.TempDir()
	for name, start := range map[string]string{"a.png": "\x89PNG", "a.svg": "<svg ", "a.PDF": "%PDF-"} {
		for _, x := range []any{figure(), plot.New()} {
			path := filepath.Join(dir, name)
			if err := Save(path, x, 300, 0); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(path)
			if err != nil || !strings.HasPrefix(string(data), start) {
				t.Errorf("%s of %T begins with %.8q, %v", name, x, data, err)
			}
		}
	}
	for _, c := range []struct {
		path string
		x    any
	}{{"a.gif", figure()}, {"a.png", "text"}, {"a.png", (*chart.Figure)(nil)}, {"no/such/a.png", figure()}} {
		if err := Save(filepath.Join(dir, c.path), c.x, 0, 0); err == nil {
			t.Errorf("Save(%q, %T) did not fail", c.path, c.x)
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}
