package nb

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/kernelext/chart"
)

func TestFlipbookNeedsNoScript(t *testing.T) {
	rec := record(t)
	Flipbook([]int{2, 4, 8}, func(bits int) *chart.Figure {
		if bits == 4 {
			return nil
		}
		return figure()
	})
	if len(rec.sent) != 1 || rec.syncs != 1 {
		t.Fatalf("%d displays, %d syncs", len(rec.sent), rec.syncs)
	}
	data := rec.sent[0].Data
	s := data["text/html"].(string)
	for _, w := range []struct {
		part string
		n    int
	}{
		{`type="radio"`, 2}, {" checked>", 1}, {"<img ", 2}, {"<script", 0}, {" on", 0}, {"http", 0},
		{`alt="One layer at 4 bits.`, 2}, {"conv1: 12.5", 2},
	} {
		if got := strings.Count(s, w.part); got != w.n {
			t.Errorf("%q stands %d times in the slider, want %d", w.part, got, w.n)
		}
	}
	if data["image/png"] == nil || !strings.Contains(data["text/plain"].(string), "— 8 —\nOne layer") {
		t.Error("there is no form for viewers without HTML")
	}
	d := xml.NewDecoder(strings.NewReader(strings.NewReplacer(" checked>", ">", `<input `, `<input/><i `).Replace(s)))
	d.Strict, d.AutoClose = false, []string{"img", "i"}
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the slider is not well-formed: %v", err)
		}
	}
}

func TestFlipbooksDoNotShareIdentifiers(t *testing.T) {
	a, _ := book([]string{"2"}, []*chart.Figure{figure()})
	b, _ := book([]string{"2"}, []*chart.Figure{figure()})
	id := func(s string) string { return s[:strings.Index(s, " role")] }
	if id(a) == id(b) {
		t.Errorf("two books have the same id: %s", id(a))
	}
}

func TestFlipbookWithoutPictures(t *testing.T) {
	rec := record(t)
	Flipbook(nil, func(int) *chart.Figure { return nil })
	if got := rec.sent[0].Data["text/plain"]; got != "a flipbook without pictures" {
		t.Errorf("got %v", got)
	}
}
