package nb

import (
	"context"
	"image/png"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/hardware"
)

// TestShowKnowsQuantlibsResults shows each kind of result: a picture where there
// is one to draw, else a table, and both as text.
func TestShowKnowsQuantlibsResults(t *testing.T) {
	ctx := context.Background()
	s, plan := demoStudy(t)
	space := quantlib.Space{Weights: []int{4, 8}, Activations: []int{8}}
	npu := hardware.NPU()
	for _, c := range []struct {
		name    string
		x       any
		picture bool
		says    string
	}{
		{"grid", quantlib.Must(s.Grid(ctx, 4, 8)), true, "block1/dw"},
		{"plan", plan, true, "block1/dw"},
		{"frontier", quantlib.Must(s.Frontier(ctx, space, quantlib.Bytes)), true, "best plans"},
		{"choice", quantlib.Must(s.Choose(ctx, space, quantlib.Limits{MeanWeightBits: 6})), true, "predicted SQNR"},
		{"target", quantlib.Must(s.Target(ctx, space, quantlib.Bytes, quantlib.AgreementAbove(0.5))), true, "agreement > 0.5"},
		{"checked", quantlib.Must(s.Check(ctx, space, quantlib.Bytes)), true, "rank correlation"},
		{"curve", quantlib.Must(s.Curve(ctx, 4, 8)), true, "weights only"},
		{"histogram", quantlib.Must(s.Histogram(ctx, "block1/dw", 4)), true, "quantized"},
		{"accuracy", quantlib.Must(s.Evaluate(ctx, plan)), false, "agreement with float"},
		{"model", s.Model, false, "block1/dw"},
		{"device", npu, false, "memory (bytes/s)"},
		{"roofline", quantlib.Must(onNPU(s)), true, "limited by"},
		{"roofline without figures", quantlib.Must(s.Roofline(ctx, plan)), false, "8 × 8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := record(t)
			Show(c.x)
			data := rec.sent[0].Data
			if text, _ := data["text/plain"].(string); !strings.Contains(text, c.says) {
				t.Errorf("the text lacks %q: %s", c.says, text)
			}
			if !c.picture {
				if data["text/html"] == nil {
					t.Error("there is no table")
				}
				return
			}
			img, err := png.Decode(strings.NewReader(string(data["image/png"].([]byte))))
			if err != nil || img.Bounds().Dx() < 300 {
				t.Errorf("the picture: %v", err)
			}
			svg := data["image/svg+xml"].(string)
			for _, part := range []string{"<title", "aria-label", `role="img"`} {
				if !strings.Contains(svg, part) {
					t.Errorf("the SVG lacks %s", part)
				}
			}
			if meta, _ := rec.sent[0].Metadata["image/png"].(map[string]string); meta["alt"] == "" {
				t.Error("the PNG has no alt text")
			}
		})
	}
}

func onNPU(s *quantlib.Study) (*quantlib.Roofline, error) {
	d := &quantlib.Study{Model: s.Model, Calibration: s.Calibration, Test: s.Test, Profile: hardware.NPU(), NoMemo: true}
	p, err := d.Uniform(8, 8)
	if err != nil {
		return nil, err
	}
	return d.Roofline(context.Background(), p)
}

func TestInteractShowsLatencyWhereItIsKnown(t *testing.T) {
	s, _ := demoStudy(t)
	d := &quantlib.Study{Model: s.Model, Calibration: s.Calibration, Test: s.Test, Profile: hardware.NPU(), NoMemo: true}
	w := quantlib.Must(newWhatIf(context.Background(), d, quantlib.Must(d.Uniform(8, 8)), Interaction{}))
	bits := 4
	w.set(move{Weight: &bits})
	if err := w.measure(context.Background()); err != nil {
		t.Fatal(err)
	}
	if w.seconds[0] <= 0 || w.seconds[1] <= 0 || w.seconds[0] == w.seconds[1] {
		t.Errorf("8 bits take %v s, 4-bit weights %v s", w.seconds[0], w.seconds[1])
	}
	if text := w.table().String(); !strings.Contains(text, "latency (ms)") {
		t.Errorf("the table has no latency: %s", text)
	}
}
