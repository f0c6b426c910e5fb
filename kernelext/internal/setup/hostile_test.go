package setup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHostileNamesInABrowser shows a network whose nodes are named in HTML, in
// every form that Show has, live and exported: no script runs, and nothing is
// asked for from elsewhere.
func TestHostileNamesInABrowser(t *testing.T) {
	if os.Getenv(browserVariable) != "1" {
		t.Skipf("needs Chromium and npm; set %s=1 to run it", browserVariable)
	}
	in := installed(t)
	t.Setenv("QUANTNB_MEMO", t.TempDir())
	chromium, playwright, shots := findChromium(t), installPlaywright(t, in), screenshots(t, in)
	root := t.TempDir()
	data, err := os.ReadFile(filepath.Join("testdata", "hostile.ipynb"))
	if err != nil {
		t.Fatal(err)
	}
	book := filepath.Join(root, "hostile.ipynb")
	if err := writeFile(book, data, 0o644); err != nil {
		t.Fatal(err)
	}
	address := startLab(t, in, book)
	got := smoke(t, playwright, map[string]any{
		"url": address + "lab/tree/hostile.ipynb?token=" + labToken, "chromium": chromium, "profile": t.TempDir(),
		"out": shots, "name": "hostile", "ready": 60_000, "timeout": 300_000,
	})
	if got.Attacked != "" {
		t.Errorf("a name ran a script: %s", got.Attacked)
	}
	if len(got.Outside) > 0 {
		t.Errorf("the page asked for %q", got.Outside)
	}
	if len(got.Model.Errors) > 0 || got.Model.Ran != got.Model.Code {
		t.Errorf("%d of %d cells ran, errors %q", got.Model.Ran, got.Model.Code, got.Model.Errors)
	}
	if drawn := got.Drawn.Img + got.Drawn.SVG; drawn < 6 {
		t.Errorf("%d pictures are drawn", drawn)
	}
	t.Run("exported", func(t *testing.T) {
		exported(t, in, chromium, playwright, shots, book)
	})
}

// TestExportedPagesFetchNothing exports the first notebook and opens the page.
func TestExportedPagesFetchNothing(t *testing.T) {
	if os.Getenv(browserVariable) != "1" {
		t.Skipf("needs Chromium and npm; set %s=1 to run it", browserVariable)
	}
	in := installed(t)
	chromium, playwright, shots := findChromium(t), installPlaywright(t, in), screenshots(t, in)
	exported(t, in, chromium, playwright, shots, in.Notebooks()[0])
}

func exported(t *testing.T, in *Installation, chromium, playwright, shots, book string) {
	t.Helper()
	done, err := in.Execute(t.Context(), ExecuteOptions{Notebooks: []string{book}, Out: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var page string
	for _, f := range done[0].Files {
		if strings.HasSuffix(f, ".html") {
			page = f
		}
	}
	var got struct {
		Img, Broken, Alt int
		Attacked         string
		Outside, Refused []string
	}
	name := strings.TrimSuffix(filepath.Base(page), ".html")
	browse(t, playwright, "export.mjs", map[string]any{
		"url": "file://" + page, "chromium": chromium, "profile": t.TempDir(), "out": shots, "name": "export-" + name,
	}, &got)
	t.Logf("%+v", got)
	if got.Attacked != "" || len(got.Outside) > 0 || len(got.Refused) > 0 {
		t.Errorf("the page was attacked by %q, asked for %q, and wanted %q", got.Attacked, got.Outside, got.Refused)
	}
	if got.Img == 0 || got.Broken > 0 || got.Alt < got.Img {
		t.Errorf("%d pictures, %d broken, %d with alt text", got.Img, got.Broken, got.Alt)
	}
}
