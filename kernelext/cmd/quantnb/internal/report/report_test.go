package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/kernelext/chart"
)

var update = flag.Bool("update", false, "write the golden files")

// example has one of everything, with figures that have no usual form: none, and
// infinite ones.
func example() *Report {
	nan, inf := Number(math.NaN()), Number(math.Inf(1))
	cell := func(mode string, sqnr Number) Cell {
		return Cell{Bits: 4, Mode: mode, Samples: 8, Noise: 0.01, NoiseErr: 0.001, SQNR: sqnr, SQNRErr: 0.43, Cosine: 0.995, Agreement: 0.9}
	}
	measured := &Measured{Samples: 40, Top1: &Share{0.9, 0.047}, Agreement: Share{0.95, nan}, SQNR: 21.25}
	return &Report{
		Verb: "analyse", Interrupted: "plan", Warnings: []string{"the samples are <noise>"},
		Model:    Model{File: "a<b>.onnx", Name: "net", Inputs: []string{"x float32[N 4]"}, Outputs: []string{"y float32[N 2]"}, Nodes: 3, Parameters: 10, Bytes: 40},
		Data:     Data{Calibration: Set{Source: "x.npy", Form: "NumPy array", Samples: 8}, Test: &Set{Source: "t.npy", Form: "NumPy array", Samples: 40, Labeled: true}},
		Settings: Settings{Bits: []int{4}, Samples: 8, Scorer: "exact", Methods: "weights mse, activations mse", Profile: "npu"},
		Layers: []Layer{
			{Name: "conv & <relu>", Op: "Conv", Tensor: "blocks.0.weight", Parameters: 8, MACs: 800, Cells: []Cell{cell("weight", 20), cell("activation", inf), cell("both", 19.96)},
				Roof: &Roof{Bits: 4, Seconds: 1.5e-5, Bound: "memory", Bytes: 100, Intensity: 8}},
			{Name: "add\x1b\u202e", Op: "Add", Cells: []Cell{cell("activation", 12.5), cell("both", 12.5)}},
		},
		Accuracy: &Accuracy{Samples: 40, What: "top-1", Float: Share{0.925, 0.042}, Widths: []Accurate{{Bits: 4, Weights: Share{0.9, 0.047}, Activations: Share{0.85, 0.056}, Both: Share{0.8, 0.063}}}},
		Frontier: &Frontier{Cost: "bytes", Total: 2, Points: []Point{{Cost: 5, Noise: 0.1, SQNR: 10}}},
		Plan: &Plan{Why: "the least noise", Bytes: 5, MeanBits: 4, BOPs: nan, Seconds: 2e-5, SQNR: 18, Accuracy: measured,
			Layers: []PlanLayer{{Name: "conv & <relu>", Tensor: "blocks.0.weight", Weight: "int4", Activation: "uint8"}},
			Versus: &Versus{Name: "uniform W2A8", Bytes: 3, MeanBits: 2, BOPs: nan, SQNR: 9, Diff: []string{"conv: weight int2 → int4"}},
			Float:  &Versus{Name: "float32", Bytes: 40, MeanBits: 32, BOPs: nan, Seconds: 9e-5, SQNR: inf, Accuracy: &Measured{Samples: 40, Top1: &Share{0.925, 0.042}, Agreement: Share{1, 0}, SQNR: inf}, Diff: []string{}}},
		Check: &Check{Plans: 5, Samples: 8, Bias: 0.2, Spread: 0.6, Rank: 1, Coverage: 0.8, CorrectedSpread: 0.5, CorrectedCoverage: 1},
		Ties:  []Tie{{Name: "add", Role: "activation", Values: []string{"a", "b"}, Reasons: []string{"a and b share a width: both feed add"}}},
		Steps: []Step{{"calibration", 1.25}},
	}
}

func TestGolden(t *testing.T) {
	for _, tt := range []struct {
		file  string
		write func(*Report, *bytes.Buffer) error
	}{
		{"report.txt", func(r *Report, b *bytes.Buffer) error { return r.Text(b) }},
		{"report.json", func(r *Report, b *bytes.Buffer) error { return r.JSON(b) }},
		{"report.html", func(r *Report, b *bytes.Buffer) error { return r.HTML(b) }},
	} {
		var b bytes.Buffer
		if err := tt.write(example(), &b); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", tt.file)
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s is not what it was; look at it, and run with -update if it is better:\n%s", tt.file, b.String())
		}
	}
}

func TestNamesAreHarmless(t *testing.T) {
	var text, page bytes.Buffer
	r := example()
	if err := r.Text(&text); err != nil {
		t.Fatal(err)
	}
	if err := r.HTML(&page); err != nil {
		t.Fatal(err)
	}
	for what, s := range map[string]string{"text": text.String(), "page": page.String()} {
		if strings.ContainsAny(s, "\x1b\u202e") {
			t.Errorf("the %s can steer a terminal", what)
		}
	}
	if strings.Contains(page.String(), "<relu>") || !strings.Contains(page.String(), "&lt;relu&gt;") {
		t.Error("markup of a name is markup of the page")
	}
}

func TestJSONHasNullWhereThereIsNoNumber(t *testing.T) {
	var b bytes.Buffer
	if err := example().JSON(&b); err != nil {
		t.Fatal(err)
	}
	var r struct {
		Version int
		Layers  []struct{ Cells []struct{ SQNR *float64 } }
		Plan    struct{ BOPs *float64 }
	}
	if err := json.Unmarshal(b.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.Version != Version || r.Plan.BOPs != nil || r.Layers[0].Cells[1].SQNR != nil || *r.Layers[0].Cells[0].SQNR != 20 {
		t.Errorf("%+v", r)
	}
}

func TestPicturesStandInTheirSections(t *testing.T) {
	r := example()
	fig := chart.Bars(chart.BarData{Title: "t", Labels: []string{"</svg><script>"}, Series: []chart.Series{{Name: "s", Values: []float64{1}}}})
	r.Figures = []Figure{{"One", fig}, {"One", fig}, {"Two", fig}}
	var b bytes.Buffer
	if err := r.HTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if strings.Count(page, "<svg ") != 3 || strings.Count(page, "<h2>One</h2>") != 1 || strings.Count(page, "<h2>Two</h2>") != 1 {
		t.Error("pictures are missing, or headings stand twice")
	}
	if strings.Contains(page, "<script") {
		t.Error("a label is markup of the page")
	}
}
