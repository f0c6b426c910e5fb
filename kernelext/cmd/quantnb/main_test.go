package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
)

// quantnb runs the command as its user does.
func quantnb(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	return quantnbContext(t, t.Context(), args...)
}

func quantnbContext(t *testing.T, ctx context.Context, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	t.Setenv("QUANTNB_MEMO", "off")
	var out, err bytes.Buffer
	status = run(ctx, args, &out, &err)
	return status, out.String(), err.String()
}

// few makes a run short: few samples, few widths.
var few = []string{"-samples", "8", "-calibration", "16", "-test-samples", "40", "-quiet"}

func TestEveryVerbHasHelp(t *testing.T) {
	status, all, _ := quantnb(t, "help")
	if status != 0 {
		t.Fatalf("help ends with %d", status)
	}
	for _, c := range commands {
		if !strings.Contains(all, "  "+c.name+" ") {
			t.Errorf("help does not list %q", c.name)
		}
		status, text, _ := quantnb(t, c.name, "-h")
		if status != 0 || !strings.HasPrefix(text, "Usage: quantnb "+c.name) || !strings.Contains(text, c.short) {
			t.Errorf("%s -h: status %d, text %q", c.name, status, text)
		}
	}
}

func TestWrongUsageSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "renamed.onnx")
	if err := os.WriteFile(model, demo.Model(), 0o644); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(dir, "broken.onnx")
	if err := os.WriteFile(broken, demo.Model()[:1000], 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"no verb of that name", []string{"analyze", "demo"}, 2, `no verb "analyze"`},
		{"no model", []string{"analyse"}, 2, "needs one model"},
		{"two models", []string{"analyse", "demo", "demo"}, 2, "not 2 arguments"},
		{"a file that is not there", []string{"analyse", filepath.Join(dir, "none.onnx")}, 1, "none.onnx"},
		{"a model that is cut off", []string{"analyse", broken, "-random", "4"}, 1, "onnx"},
		{"a width that does not exist", []string{"analyse", "demo", "-bits", "2,17"}, 2, "17; widths are 1..16"},
		{"a width that is no number", []string{"analyse", "demo", "-bits", "2,x"}, 2, `"x"`},
		{"an unknown scorer", []string{"analyse", "demo", "-scorer", "magic"}, 2, `no "magic"; there are exact`},
		{"an unknown profile", []string{"analyse", "demo", "-profile", "abacus"}, 1, "there are simulation"},
		{"a profile file that is not there", []string{"analyse", "demo", "-profile", filepath.Join(dir, "p.json")}, 1, "p.json"},
		{"data and noise", []string{"analyse", "demo", "-data", dir, "-random", "4"}, 2, "exclude each other"},
		{"an empty folder", []string{"analyse", "demo", "-data", filepath.Join(dir)}, 1, "no .png"},
		{"labels of no data", []string{"analyse", "demo", "-labels", "l.txt"}, 2, "-labels needs -data"},
		{"a page in no folder", []string{"analyse", "demo", "-out", filepath.Join(dir, "none", "r.html")}, 1, "none"},
		{"a plan without limits", []string{"plan", "demo"}, 2, "needs a limit"},
		{"a limit below nothing", []string{"plan", "demo", "-bytes", "-3"}, 2, "-bytes: a limit is greater than zero, not -3"},
		{"a limit of nothing beside another", []string{"plan", "demo", "-bytes", "30000", "-mean-bits", "0"}, 2, "-mean-bits: a limit is greater than zero"},
		{"a limit that is no number", []string{"plan", "demo", "-bytes", "30000", "-noise", "NaN"}, 2, "-noise: a limit is greater than zero"},
		{"a drop that is no number", []string{"plan", "demo", "-drop", "NaN"}, 2, "-drop"},
		{"raising fewer than none", []string{"plan", "demo", "-raise", "-5"}, 2, "-raise: a number of layers is not negative"},
		{"raising beside pins", []string{"plan", "demo", "-raise", "2", "-pin", "stem/conv=8"}, 2, "no -pin"},
		{"raising with widths of its own", []string{"plan", "demo", "-raise", "2", "-weights", "4,8"}, 2, "no -weights"},
		{"the cheapest within a cost", []string{"plan", "demo", "-bytes", "30000", "-minimize", "bops"}, 2, "-minimize goes with one limit, on quality"},
		{"a measured drop beside a limit", []string{"plan", "demo", "-drop", "0.01", "-bytes", "30000"}, 2, "takes no other limits"},
		{"two names of one limit", []string{"plan", "demo", "-noise", "0.1", "-sqnr", "10"}, 2, "say the same"},
		{"a pin without a width", []string{"plan", "demo", "-mean-bits", "4", "-pin", "stem"}, 2, "layer=8"},
		{"latency on no device", []string{"plan", "demo", "-latency", "1e-3"}, 2, "-profile"},
		{"an output of no known form", []string{"plan", "demo", "-mean-bits", "4", "-out", filepath.Join(dir, "p.txt")}, 2, ".json"},
		{"an unknown cost", []string{"plan", "demo", "-noise", "0.1", "-minimize", "money"}, 2, "costs are bytes"},
		{"comparing without labels", []string{"compare", model, "-data", put(t, "x.u8", make([]byte, 784)), "-divide", "255"}, 2, "needs labels"},
		{"a set of one width", []string{"compare", "demo", "-sets", "4"}, 2, "two widths or more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, out, err := quantnb(t, tt.args...)
			if status != tt.status || !strings.Contains(err, tt.want) {
				t.Errorf("status %d, want %d; it says %q, want %q in it", status, tt.status, err, tt.want)
			}
			if out != "" {
				t.Errorf("results of a failure: %q", out)
			}
		})
	}
}

func put(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAnalyseAsTextAndPage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "report.html")
	status, out, stderr := quantnb(t, slices.Concat([]string{"analyse", "demo", "-bits", "4,8", "-profile", "npu", "-out", page}, few)...)
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	for _, want := range []string{
		"demo: 53 nodes", "stem/conv", "W4A4", "bound by", "All layers at one width", "Plan: the least noise of",
		"Predictions checked", "both enter the fused conv-add-activation at block2/project",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the text has no %q", want)
		}
	}
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	checkPage(t, data)
	// Bars, three heat maps, the curve, the frontier, the widths, the roofline.
	if n := bytes.Count(data, []byte("<svg ")); n != 8 {
		t.Errorf("%d pictures, want 8", n)
	}
}

// checkPage holds a page to what every one must keep: nothing from elsewhere, no
// script, and words for each picture.
func checkPage(t *testing.T, data []byte) {
	t.Helper()
	for _, tag := range regexp.MustCompile(`<[a-zA-Z/!?][^>]*>`).FindAllString(string(data), -1) {
		bare := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(tag, `""`) // values are text
		if regexp.MustCompile(`(?i)^</?(script|link|img|iframe|object|embed|base|form)\b|\b(src|href|on\w+)=|'`).MatchString(bare) {
			t.Errorf("the page has the tag %.200q", tag)
		}
	}
	if bytes.Contains(data, []byte("@import")) || bytes.Contains(data, []byte("url(")) {
		t.Error("a style asks for something")
	}
	for _, address := range regexp.MustCompile(`https?://[^"'\s<)]*`).FindAllString(string(data), -1) {
		if address != "http://www.w3.org/2000/svg" && !strings.HasPrefix(address, "https://github.com/ARM") {
			t.Errorf("the page names the address %s", address)
		}
	}
	for _, svg := range regexp.MustCompile(`<svg [^>]*>`).FindAllString(string(data), -1) {
		if !regexp.MustCompile(`role="img" aria-label="[^"]{40,}"`).MatchString(svg) {
			t.Errorf("a picture without words: %.200s", svg)
		}
	}
	if !bytes.Contains(data, []byte("prefers-color-scheme: dark")) || !bytes.Contains(data, []byte("default-src 'none'")) {
		t.Error("the page has no dark colours, or no content policy")
	}
}

func TestAnalyseAsJSON(t *testing.T) {
	status, out, stderr := quantnb(t, slices.Concat([]string{"analyse", "demo", "-bits", "4", "-json"}, few)...)
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var r struct {
		Version int
		Layers  []struct {
			Name  string
			MACs  int64
			Cells []struct {
				Bits  int
				Mode  string
				Noise *float64
			}
		}
		Accuracy struct{ What string }
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	// The same figures as the library gives.
	d := demo.Calibration()
	study := &quantlib.Study{
		Model:       quantlib.Must(quantlib.Decode(demo.Model())),
		Calibration: quantlib.Images{Pixels: d.Pixels[:16*784], Shape: []int{1, 28, 28}, Divide: 255, Labels: d.Labels[:16]},
		Samples:     8, NoMemo: true,
	}
	grid, err := study.Grid(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	if r.Version != 1 || len(r.Layers) != len(grid.Layers) || r.Accuracy.What != "top-1" {
		t.Fatalf("version %d, %d layers, accuracy %q", r.Version, len(r.Layers), r.Accuracy.What)
	}
	for _, l := range r.Layers {
		if l.MACs <= 0 || len(l.Cells) != 3 {
			t.Errorf("layer %s: %d MACs, %d cells", l.Name, l.MACs, len(l.Cells))
			continue
		}
		for i, c := range l.Cells {
			want := grid.At(l.Name, 4, quantlib.Mode(i)).NSR.Mean
			if c.Noise == nil || *c.Noise != want || c.Mode != quantlib.Mode(i).String() {
				t.Errorf("layer %s: cell %+v, want noise %v", l.Name, c, want)
			}
		}
	}
}

func TestPlanKeepsItsLimitsAndIsRead(t *testing.T) {
	dir := t.TempDir()
	file, network, page := filepath.Join(dir, "plan.json"), filepath.Join(dir, "quantized.onnx"), filepath.Join(dir, "plan.html")
	status, out, stderr := quantnb(t, slices.Concat([]string{"plan", "demo", "-bits", "2,4,8", "-mean-bits", "3", "-pin", "stem/conv=8/4",
		"-activations", "4,8", "-out", file, "-out", network, "-out", page, "-json"}, few)...)
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var r struct {
		Plan struct {
			MeanBits float64 `json:"mean_weight_bits"`
			Files    []string
			Versus   struct{ Diff []string }
		}
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if r.Plan.MeanBits > 3 || r.Plan.MeanBits < 2 || len(r.Plan.Files) != 2 || len(r.Plan.Versus.Diff) == 0 {
		t.Errorf("%+v", r.Plan)
	}
	model := quantlib.Must(quantlib.Decode(demo.Model()))
	m, err := model.Map()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.ReadPlan(data)
	if err != nil {
		t.Fatal(err)
	}
	if w, a := p.Layer(0); w.Width() != 8 || a.Width() != 4 || p.MeanBits() > 3 {
		t.Errorf("the plan gives its first layer %v and %v, and %v bits on average", w, a, p.MeanBits())
	}
	if _, err := quantlib.Open(network); err != nil {
		t.Errorf("the network that was written: %v", err)
	}
	data, err = os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	checkPage(t, data)
}

func TestPlansByOtherWishes(t *testing.T) {
	for _, tt := range []struct {
		name         string
		args         []string
		want, beside string
	}{
		{"bytes", []string{"-bytes", "40000"}, "at most 40000 bytes", "W4A8"},
		{"bit operations", []string{"-bops", "1e8", "-activations", "4,8"}, "at most 1e+08 bit operations", "W4A4"},
		{"the cheapest of a quality", []string{"-sqnr", "15"}, "the least bytes with a predicted", "W4A8"},
		{"the cheapest in operations", []string{"-noise", "0.05", "-minimize", "bops"}, "the least bops with a predicted", "W4A8"},
		{"a signal as strong as its noise", []string{"-sqnr", "0", "-bits", "2,4,8"}, "the least bytes with a predicted noise-to-signal power of at most 1 (0.0 dB)", "W2A8"},
		{"raising the worst", []string{"-raise", "3"}, "8 bits in the 3 layers that are the noisiest so", "W4A4"},
		{"raising all, compared with fewer bits", []string{"-raise", "99", "-against", "2"}, "4 bits everywhere, but 8 bits in the 17 layers", "W2A8"},
		{"a measured drop", []string{"-drop", "0.05"}, "plans measured", "W4A8"},
		{"latency", []string{"-latency", "2.4e-4", "-profile", "npu", "-activations", "4,8"}, "at most 0.00024 s", "W8A8"},
		{"below all uniform ones", []string{"-bytes", "24900", "-pin", "head/conv=2"}, "1 pin", "W4A8 (over the limit)"},
		{"another on request", []string{"-bytes", "40000", "-against", "8"}, "at most 40000 bytes", "W8A8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, out, stderr := quantnb(t, slices.Concat([]string{"plan", "demo", "-bits", "4,8"}, tt.args, few)...)
			if status != 0 || !strings.Contains(out, tt.want) || !strings.Contains(out, "What differs from uniform "+tt.beside+":") {
				t.Errorf("status %d\n%s%s", status, out, stderr)
			}
		})
	}
}

func TestLimitsThatNoPlanMeetsSayByHowMuch(t *testing.T) {
	status, out, stderr := quantnb(t, slices.Concat([]string{"plan", "demo", "-bytes", "100"}, few)...)
	if status != 1 || out != "" || !strings.Contains(stderr, "bytes at most 100, but the least is 12496, 12396 more") {
		t.Errorf("status %d, %q, %q", status, out, stderr)
	}
	// Quality is told in the words it was asked for; with bytes its least is beside them.
	for _, more := range [][]string{nil, {"-bytes", "20000"}} {
		status, out, stderr = quantnb(t, slices.Concat([]string{"plan", "demo", "-bits", "4,8", "-sqnr", "90"}, more, few)...)
		if status != 1 || out != "" || !strings.Contains(stderr, "(SQNR: 90.0 dB asked, ") || !strings.Contains(stderr, " dB at most)") {
			t.Errorf("%v: status %d, %q, %q", more, status, out, stderr)
		}
	}
}

// TestInterruptPrintsWhatIsDone stops the work at its first sign of progress in
// each step.
func TestInterruptPrintsWhatIsDone(t *testing.T) {
	for _, tt := range []struct{ at, want string }{
		{"calibrating", "calibration"},
		{"measuring the curve", "accuracy at uniform widths"},
		{"measuring layers", "noise of each layer"},
	} {
		t.Run(tt.want, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			t.Setenv("QUANTNB_MEMO", "off")
			var out bytes.Buffer
			stop := &stopper{at: tt.at, cancel: cancel}
			status := run(ctx, []string{"analyse", "demo", "-bits", "4", "-samples", "32", "-calibration", "64", "-test-samples", "64"}, &out, stop)
			if status != 130 {
				t.Fatalf("status %d: %s", status, stop.text.String())
			}
			if !strings.Contains(out.String(), "INTERRUPTED during: "+tt.want) || !strings.Contains(out.String(), "demo: 53 nodes") {
				t.Errorf("it prints\n%s", out.String())
			}
		})
	}
}

// stopper calls cancel when a text is written to it.
type stopper struct {
	at     string
	cancel func()
	text   bytes.Buffer
}

func (s *stopper) Write(p []byte) (int, error) {
	s.text.Write(p)
	if strings.Contains(string(p), s.at) {
		s.cancel()
	}
	return len(p), nil
}

func TestNoiseIsCalledNoise(t *testing.T) {
	model := put(t, "a.onnx", demo.Model())
	status, out, stderr := quantnb(t, slices.Concat([]string{"analyse", model, "-random", "16", "-bits", "8"}, few)...)
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	if !strings.Contains(out, "WARNING: the samples are random noise, not data") || !strings.Contains(out, "agreement with float") {
		t.Errorf("it prints\n%s", out)
	}
}

// TestOwnDataIsAsTheEmbedded gives the embedded images in a file.
func TestOwnDataIsAsTheEmbedded(t *testing.T) {
	d := demo.Calibration()
	data, labels := put(t, "x.u8", d.Pixels[:16*784]), put(t, "labels.bin", d.Labels[:16])
	cells := func(args ...string) string {
		t.Helper()
		status, out, stderr := quantnb(t, slices.Concat([]string{"analyse", "-bits", "4", "-json"}, args, few)...)
		if status != 0 {
			t.Fatalf("status %d: %s", status, stderr)
		}
		var r struct{ Layers json.RawMessage }
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatal(err)
		}
		return string(r.Layers)
	}
	if cells("demo") != cells("demo", "-data", data, "-labels", labels, "-divide", "255") {
		t.Error("the cells differ")
	}
}
