package chart_test

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/quantnb/quantnb/kernelext/chart"
)

// TestRidgeKeepsOffMarks puts a layer where the ridge's label stands otherwise.
func TestRidgeKeepsOffMarks(t *testing.T) {
	ridge := regexp.MustCompile(`<text [^>]*\by="([0-9.]+)"[^>]*>(?:<[^>]*>)*ridge`)
	y := func(points ...chart.RoofPoint) float64 {
		t.Helper()
		svg, err := chart.Roofline(chart.RooflineData{Title: "t", Bandwidth: 2e9, Roofs: []chart.Roof{{Name: "8 × 8", Peak: 1e9}}, Points: points}).SVG(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		m := ridge.FindSubmatch(svg)
		if m == nil {
			t.Fatalf("no ridge is named in %s", svg)
		}
		v, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	far := chart.RoofPoint{Name: "far", Intensity: 40, Rate: 1.1e7}
	near := chart.RoofPoint{Name: "near", Intensity: 0.62, Rate: 1.1e7}
	if alone, beside := y(far), y(far, near); alone-beside < 5 {
		t.Errorf("the ridge's label stands at %v, and beside a mark there at %v", alone, beside)
	}
}
