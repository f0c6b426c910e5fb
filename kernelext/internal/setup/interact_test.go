package setup

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestInteractInABrowser moves the slider of a live what-if in JupyterLab and in
// Notebook 7 in headless Chromium, sees picture and numbers change, takes the
// plan over, and finds it in the next cell.
func TestInteractInABrowser(t *testing.T) {
	if os.Getenv(browserVariable) != "1" {
		t.Skipf("needs Chromium and npm; set %s=1 to run it", browserVariable)
	}
	in := installed(t)
	t.Setenv("QUANTNB_MEMO", t.TempDir())
	chromium, playwright, shots := findChromium(t), installPlaywright(t, in), screenshots(t, in)
	for _, app := range []struct{ name, page string }{{"lab", "lab/tree/"}, {"notebook7", "notebooks/"}} {
		t.Run(app.name, func(t *testing.T) {
			root := t.TempDir()
			book := filepath.Join(root, "interact.ipynb")
			data, err := os.ReadFile(filepath.Join("testdata", "interact.ipynb"))
			if err != nil {
				t.Fatal(err)
			}
			if err := writeFile(book, data, 0o644); err != nil {
				t.Fatal(err)
			}
			address := startLab(t, in, book)
			var got struct {
				Shown, Alive      float64
				Times             []float64
				Before, After     string
				Cells             []struct{ Text, HTML string }
				Outside, Problems []string
			}
			browse(t, playwright, "interact.mjs", map[string]any{
				"url":      address + app.page + "interact.ipynb?token=" + labToken,
				"chromium": chromium, "profile": t.TempDir(), "out": shots, "name": "interact-" + app.name,
				"ready": 60_000, "moves": 20, "rest": 300,
			}, &got)
			slices.Sort(got.Times)
			t.Logf("controls alive %v ms after they were drawn; a move is answered in %.0f ms (median), %.0f to %.0f",
				got.Alive, got.Times[len(got.Times)/2], got.Times[0], got.Times[len(got.Times)-1])
			if got.Before == got.After || !strings.Contains(got.After, "this plan") {
				t.Errorf("the numbers were\n%s\nand after the moves\n%s", got.Before, got.After)
			}
			if len(got.Outside) > 0 {
				t.Errorf("the page asked for something outside this machine: %q", got.Outside)
			}
			if want := "block1/dw: weight int8 narrow per-channel → int3 narrow per-channel"; !strings.Contains(got.Cells[2].Text, want) {
				t.Errorf("the next cell reads %q, want %q in it", got.Cells[2].Text, want)
			}
			if !strings.Contains(got.Cells[1].Text, "came back with") || strings.Contains(got.Cells[1].HTML, "<script") {
				t.Errorf("the ended cell keeps %q", got.Cells[1])
			}
		})
	}
}

// browse runs a script of testdata/browser and reads what it prints.
func browse(t *testing.T, playwright, script string, opt map[string]any, got any) {
	t.Helper()
	arg, err := json.Marshal(opt)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join("testdata", "browser", script), string(arg))
	cmd.Env = withEnv(os.Environ(), "QUANTNB_PLAYWRIGHT="+playwright)
	out, err := cmd.Output()
	if err != nil {
		text := string(out)
		if exit, ok := err.(*exec.ExitError); ok {
			text += string(exit.Stderr)
		}
		t.Fatalf("%s: %v\n%s", script, err, tail(text, 30))
	}
	if err := json.Unmarshal(out, got); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// screenshots makes the folder that screenshots go to.
func screenshots(t *testing.T, in *Installation) string {
	t.Helper()
	shots := os.Getenv(shotsVariable)
	if shots == "" {
		shots = filepath.Join(in.Dir, "screenshots")
	}
	if err := os.MkdirAll(shots, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Logf("screenshots: %s", shots)
	return shots
}
