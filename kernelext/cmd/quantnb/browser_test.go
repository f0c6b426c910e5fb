package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestBrowser opens a page in headless Chromium, in light and in dark, without
// any network, and keeps screenshots in the folder that QUANTNB_SHOTS names.
func TestBrowser(t *testing.T) {
	if os.Getenv("QUANTNB_BROWSER") != "1" {
		t.Skip("needs Chromium; set QUANTNB_BROWSER=1 to run it")
	}
	chromium := ""
	for _, name := range []string{os.Getenv("QUANTNB_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			chromium = path
			break
		}
	}
	if chromium == "" {
		t.Fatal("no chromium on PATH: apt-get install chromium, or set QUANTNB_CHROMIUM")
	}
	shots := os.Getenv("QUANTNB_SHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	page := filepath.Join(t.TempDir(), "report.html")
	status, _, stderr := quantnb(t, slices.Concat([]string{"analyse", hostileModel(t), "-random", "16", "-bits", "2,4,8", "-profile", "gpu", "-out", page}, few)...)
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	for _, scheme := range []struct{ name, flag string }{{"light", "1"}, {"dark", "0"}} {
		open := func(args ...string) (stdout, stderr string) {
			t.Helper()
			var out, err bytes.Buffer
			cmd := exec.CommandContext(t.Context(), chromium, slices.Concat([]string{"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
				"--user-data-dir=" + t.TempDir(), "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr",
				"--blink-settings=preferredColorScheme=" + scheme.flag}, args, []string{"file://" + page})...)
			cmd.Stdout, cmd.Stderr = &out, &err
			if e := cmd.Run(); e != nil {
				t.Fatalf("%v: %s", e, err.String())
			}
			return out.String(), err.String()
		}
		dom, said := open("--dump-dom")
		if n := strings.Count(dom, `role="img"`); n != 8 {
			t.Errorf("%s: %d pictures, want 8", scheme.name, n)
		}
		for _, line := range strings.Split(said, "\n") {
			if strings.Contains(line, "CONSOLE") { // a refusal of the content policy, or a script
				t.Errorf("%s: %s", scheme.name, line)
			}
		}
		shot := filepath.Join(shots, "quantnb-analyse-"+scheme.name+".png")
		open("--window-size=1200,6500", "--screenshot="+shot)
		if info, err := os.Stat(shot); err != nil || info.Size() < 50_000 {
			t.Errorf("%s: the screenshot is empty: %v", scheme.name, err)
		}
	}
}
