package setup

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// browserVariable turns the browser test on. It needs Node, npm and Chromium.
const browserVariable = "QUANTNB_BROWSER"

// shotsVariable names the folder for screenshots.
const shotsVariable = "QUANTNB_SHOTS"

// TestBrowser opens notebooks in JupyterLab and in Notebook 7 in headless
// Chromium, runs them, and looks for the pictures in the page.
func TestBrowser(t *testing.T) {
	if os.Getenv(browserVariable) != "1" {
		t.Skipf("needs Chromium and npm; set %s=1 to run it", browserVariable)
	}
	in := installed(t)
	t.Setenv("QUANTNB_MEMO", t.TempDir()) // nothing is found that another version has stored
	chromium := findChromium(t)
	playwright := installPlaywright(t, in)
	shots := screenshots(t, in)

	// A copy: running a notebook in the browser saves it.
	root := t.TempDir()
	books := append([]string{filepath.Join("testdata", "pictures.ipynb")}, in.Notebooks()...)
	for _, b := range books {
		data, err := os.ReadFile(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := writeFile(filepath.Join(root, filepath.Base(b)), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	address := startLab(t, in, filepath.Join(root, "pictures.ipynb"))
	for _, b := range books {
		for _, app := range []struct{ name, page string }{{"lab", "lab/tree/"}, {"notebook7", "notebooks/"}} {
			name := strings.TrimSuffix(filepath.Base(b), ".ipynb")
			t.Run(app.name+"/"+name, func(t *testing.T) {
				url := address + app.page + filepath.Base(b) + "?token=" + labToken
				got := smoke(t, playwright, map[string]any{
					"url": url, "chromium": chromium, "profile": t.TempDir(),
					"out": shots, "name": name + "-" + app.name,
					"ready": 60_000, "timeout": 10 * time.Minute / time.Millisecond,
				})
				t.Logf("%+v", got)
				if len(got.Outside) > 0 {
					t.Errorf("the page asked for something outside this machine: %q", got.Outside)
				}
				if len(got.Model.Errors) > 0 || got.Model.Ran != got.Model.Code {
					t.Errorf("%d of %d cells ran, errors %q", got.Model.Ran, got.Model.Code, got.Model.Errors)
				}
				if got.Drawn.Broken > 0 {
					t.Errorf("%d images are broken", got.Drawn.Broken)
				}
				if strings.HasPrefix(name, "01-") && (got.Opened.SVG > 0 || got.Opened.Img < 3) {
					t.Errorf("before it ran, the notebook showed %d SVGs, which are not to be trusted, and %d PNGs", got.Opened.SVG, got.Opened.Img)
				}
				want := got.Model.Images
				if name == "pictures" || strings.HasPrefix(name, "01-") {
					want = max(want, 3)
				}
				if drawn := got.Drawn.Img + got.Drawn.SVG; drawn < want {
					t.Errorf("%d pictures are drawn, want at least %d", drawn, want)
				}
			})
		}
	}
}

// smokeResult is what smoke.mjs prints.
type smokeResult struct {
	Seconds float64
	Model   struct {
		Code, Ran, Images int
		Errors            []string
	}
	Opened            struct{ SVG, Img int } // before anything ran
	Drawn             struct{ Img, Broken, SVG int }
	Shots             []string
	Attacked          string // by a script that a name held
	Outside, Problems []string
}

func smoke(t *testing.T, playwright string, opt map[string]any) smokeResult {
	t.Helper()
	var got smokeResult
	browse(t, playwright, "smoke.mjs", opt, &got)
	return got
}

func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("QUANTNB_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	t.Fatal("no chromium on PATH: apt-get install chromium, or set QUANTNB_CHROMIUM")
	return ""
}

// installPlaywright installs the pinned driver, without any browser, into the
// home folder, and returns where it is.
func installPlaywright(t *testing.T, in *Installation) string {
	t.Helper()
	dir := in.path("playwright")
	var parts []string
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", "browser", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := writeFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, string(data))
	}
	err := in.run(t.Context(), []step{{
		name: "playwright", note: "npm ci", digest: digest(parts...),
		outputs: []string{filepath.Join(dir, "node_modules", "playwright-core")},
		do: func(ctx context.Context) error {
			cmd := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund")
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("npm ci: %w\n%s", err, tail(string(out), 20))
			}
			return nil
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

const labToken = "only-for-this-test"

// startLab serves the folder of the notebook first through JupyterLab until the
// test ends and returns its address, which ends in a slash.
func startLab(t *testing.T, in *Installation, first string) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	cmd, err := in.labCommand(t.Context(), LabOptions{Notebook: first, NoBrowser: true, Port: port, Extra: []string{
		"--IdentityProvider.token=" + labToken,
		"--LabApp.expose_app_in_browser=True",
		"--JupyterNotebookApp.expose_app_in_browser=True",
	}})
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "jupyter.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	// Settings and workspaces of this test, not of the user.
	state := t.TempDir()
	cmd.Env = withEnv(cmd.Env, "JUPYTER_CONFIG_DIR="+state, "JUPYTERLAB_SETTINGS_DIR="+state,
		"JUPYTERLAB_WORKSPACES_DIR="+state, "JUPYTER_RUNTIME_DIR="+state)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		terminate(cmd.Process)
		cmd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("JupyterLab's log:\n%s", tail(string(text), 60))
		}
	})
	address := fmt.Sprintf("http://127.0.0.1:%d/", port)
	for deadline := time.Now().Add(time.Minute); ; {
		resp, err := http.Get(address + "api/status?token=" + labToken)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return address
			}
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("JupyterLab did not come up: %v\n%s", err, tail(string(text), 30))
		}
		time.Sleep(200 * time.Millisecond)
	}
}
