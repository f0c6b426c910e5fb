package setup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakePath makes a PATH of nothing but these shell scripts.
func fakePath(t *testing.T, scripts map[string]string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the kernel does not run on Windows")
	}
	dir := t.TempDir()
	for name, body := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	return dir
}

// answer is a fake interpreter that says this of itself.
func answer(major, minor int, venv bool) string {
	return fmt.Sprintf(`echo '{"Exe": "/usr/bin/fake%d.%d", "Version": [%d, %d, 1], "Venv": %v}'`, major, minor, major, minor, venv)
}

func TestFindPython(t *testing.T) {
	tests := []struct {
		name    string
		scripts map[string]string
		want    string   // Exe
		missing []string // parts of the message
	}{
		{"takes python3", map[string]string{"python3": answer(3, 11, true)}, "/usr/bin/fake3.11", nil},
		{"takes the oldest that serves", map[string]string{"python3": answer(3, 9, true)}, "/usr/bin/fake3.9", nil},
		{"passes over one that is too old", map[string]string{"python3": answer(3, 8, true), "python3.12": answer(3, 12, true)}, "/usr/bin/fake3.12", nil},
		{"passes over one without venv", map[string]string{"python3": answer(3, 11, false), "python3.12": answer(3, 12, true)}, "/usr/bin/fake3.12", nil},
		{"passes over a broken shim", map[string]string{"python3": "echo no such version >&2; exit 127", "python": answer(3, 11, true)}, "/usr/bin/fake3.11", nil},
		{"says that there is none", nil, "", []string{"Python 3.9 or later is missing", "no python3", "to get it"}},
		{"says which are too old", map[string]string{"python": answer(2, 7, false), "python3": answer(3, 6, true)}, "",
			[]string{"Python 2.7.1 (/usr/bin/fake2.7) is too old", "Python 3.6.1 (/usr/bin/fake3.6) is too old"}},
		{"names Debian's package of venv", map[string]string{"python3": answer(3, 11, false), "apt-get": "exit 0"}, "",
			[]string{"venv module is missing", "apt-get install python3-venv"}},
		{"repeats what a broken one says", map[string]string{"python3": "echo bad interpreter >&2; exit 1"}, "", []string{"bad interpreter"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fakePath(t, tt.scripts)
			p, err := findPython(t.Context(), "")
			if tt.missing == nil {
				if err != nil || p.Exe != tt.want {
					t.Fatalf("got %v, %v, want %s", p, err, tt.want)
				}
				return
			}
			var m *Missing
			if !errors.As(err, &m) {
				t.Fatalf("got %v, %v, want a *Missing", p, err)
			}
			for _, w := range tt.missing {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the message lacks %q:\n%v", w, err)
				}
			}
		})
	}
}

func TestMissingGo(t *testing.T) {
	fakePath(t, nil)
	_, err := Open(t.Context(), Config{Home: t.TempDir()})
	var m *Missing
	if !errors.As(err, &m) || !strings.Contains(err.Error(), "go.dev/doc/install") {
		t.Errorf("got %v, want a *Missing that says where Go is", err)
	}
}

func TestGoThatIsTooOld(t *testing.T) {
	fakePath(t, map[string]string{"go": `echo "go: go.mod requires go >= 1.26.0 (running go 1.20)" >&2; exit 1`})
	_, err := Open(t.Context(), Config{Home: t.TempDir()})
	var m *Missing
	if !errors.As(err, &m) || !strings.Contains(err.Error(), "GOTOOLCHAIN=auto") {
		t.Errorf("got %v, want a *Missing that names the remedy", err)
	}
}

func TestOutsideACheckout(t *testing.T) {
	_, err := Open(t.Context(), Config{Home: t.TempDir(), Checkout: t.TempDir()})
	var m *Missing
	if !errors.As(err, &m) || !strings.Contains(err.Error(), "-checkout") {
		t.Errorf("got %v, want a *Missing that names -checkout", err)
	}
}

func TestNoNetwork(t *testing.T) {
	texts := map[string]string{
		"pip":  "ERROR: Could not find a version that satisfies the requirement jupyterlab (from versions: none)\nERROR: No matching distribution found for jupyterlab==4.6.6",
		"dns":  "NewConnectionError: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution",
		"go":   `go: github.com/x/y@v1.0.0: Get "https://proxy/y": dial tcp: lookup proxy: no such host`,
		"off":  "go: module lookup disabled by GOPROXY=off",
		"none": "main.go:3:2: undefined: x",
	}
	for name, text := range texts {
		if got, want := offline(text), name != "none"; got != want {
			t.Errorf("%s: offline is %v, want %v", name, got, want)
		}
	}
	// And the step that needs it says so.
	fakePath(t, map[string]string{"python3": "echo 'Network is unreachable' >&2; exit 1"})
	in := bare(t, nil)
	err := in.run(t.Context(), []step{{name: "JupyterLab", digest: "d", do: func(ctx context.Context) error {
		return in.python3(ctx, "python3", "-m", "pip")
	}}})
	for _, w := range []string{"setting up JupyterLab", "the network, for Python packages", "PIP_INDEX_URL", "Network is unreachable"} {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("the message lacks %q: %v", w, err)
		}
	}
}

// bare is an installation in a temporary home with no toolchain.
func bare(t *testing.T, out *bytes.Buffer) *Installation {
	home := t.TempDir()
	in := &Installation{Home: home, Dir: filepath.Join(home, "checkouts", "x"), log: newProgress(nil)}
	if out != nil {
		in.log = newProgress(out)
	}
	return in
}

func TestSteps(t *testing.T) {
	var log bytes.Buffer
	in := bare(t, &log)
	out := filepath.Join(in.Home, "made")
	runs := 0
	s := step{name: "thing", note: "making", digest: "1", outputs: []string{out}, do: func(context.Context) error {
		runs++
		return writeFile(out, []byte("x"), 0o644)
	}}
	again := func(why string, want int) {
		t.Helper()
		if err := in.run(t.Context(), []step{s}); err != nil {
			t.Fatalf("%s: %v", why, err)
		}
		if runs != want {
			t.Errorf("%s: it has run %d times, want %d", why, runs, want)
		}
	}
	again("first", 1)
	again("nothing changed", 1)
	if !strings.Contains(log.String(), "thing          up to date") {
		t.Errorf("progress lacks it:\n%s", log.String())
	}
	s.digest = "2"
	again("an input changed", 2)
	os.Remove(out)
	again("the output is gone", 3)
	in.force = true
	again("forced", 4)
	in.force = false
	s.maxAge = time.Hour
	again("young enough", 4)
	old := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(in.stamp(s), old, old); err != nil {
		t.Fatal(err)
	}
	again("too old", 5)

	// A failure leaves no stamp, and stops what comes after.
	boom := errors.New("boom")
	do := s.do
	s.digest, s.do = "3", func(context.Context) error { return boom }
	after := step{name: "after", do: func(context.Context) error { t.Error("a step ran after a failed one"); return nil }}
	if err := in.run(t.Context(), []step{s, after}); !errors.Is(err, boom) || !strings.Contains(err.Error(), "thing") {
		t.Errorf("got %v, want boom with the step's name", err)
	}
	s.digest, s.do = "2", do
	again("after a failure", 6)

	// One that leaves no output has failed.
	s.digest, s.do = "4", func(context.Context) error { return os.Remove(out) }
	if err := in.run(t.Context(), []step{s}); err == nil || !strings.Contains(err.Error(), "left no") {
		t.Errorf("got %v, want an error about the missing output", err)
	}
}

func TestKernelCommand(t *testing.T) {
	c := KernelConfig{Gonb: "/h/bin/gonb", Bin: "/h/bin", Shim: "/h/shim", Go: "/go/bin/go", GoRoot: "/go", Module: "/h/module", Record: "/h/records", Env: cellSettings()}
	argv, env := c.Command("/run/c.json", []string{"HOME=/me", "PATH=/usr/bin", "GOFLAGS=-mod=vendor", "GOWORK=off"})
	if want := []string{"/h/bin/gonb", "-kernel", "/run/c.json", "-go_work", "/h/module"}; !slices.Equal(argv, want) {
		t.Errorf("argv is %q, want %q", argv, want)
	}
	for _, want := range []string{"HOME=/me", "PATH=/h/shim:/h/bin:/go/bin:/usr/bin", "QUANTNB_GO=/go/bin/go",
		"QUANTNB_MODULE=/h/module", "QUANTNB_RECORDS=/h/records", "GOPROXY=off", "GOFLAGS=-ldflags=-s -gcflags=all=-dwarf=false", "CGO_ENABLED=0", "GOWORK="} {
		key, _, _ := strings.Cut(want, "=")
		n := 0
		for _, e := range env {
			if strings.HasPrefix(e, key+"=") {
				n++
			}
		}
		if !slices.Contains(env, want) || n != 1 {
			t.Errorf("%s occurs %d times in %q, want once as %s", key, n, env, want)
		}
	}
	argv, _ = c.Command("/run/c.json", []string{RawErrors + "=1"})
	if !slices.Contains(argv, "-raw_error") {
		t.Errorf("argv is %q, want -raw_error in it", argv)
	}
}

func TestKernelConfigThatPointsNowhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kernel.json")
	if _, err := ReadKernelConfig(file); err == nil || !strings.Contains(err.Error(), "quantnb lab") {
		t.Errorf("absent: got %v, want the remedy", err)
	}
	os.WriteFile(file, []byte(`{"Gonb": "/nowhere/gonb"}`), 0o644)
	if _, err := ReadKernelConfig(file); err == nil || !strings.Contains(err.Error(), "/nowhere/gonb") {
		t.Errorf("dangling: got %v, want the path", err)
	}
	os.WriteFile(file, []byte(`{`), 0o644)
	if _, err := ReadKernelConfig(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("damaged: got %v, want the file's name", err)
	}
}

func TestWriteSpec(t *testing.T) {
	in := bare(t, nil)
	prefix := t.TempDir()
	dir, err := in.WriteSpec(prefix)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(prefix, "share", "jupyter", "kernels", "quantnb"); dir != want {
		t.Errorf("it is in %s, want %s", dir, want)
	}
	data, err := os.ReadFile(filepath.Join(dir, "kernel.json"))
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Argv           []string
		Display_name   string
		Interrupt_mode string
	}
	if err := json.Unmarshal(data, &spec); err != nil {
		t.Fatal(err)
	}
	if spec.Display_name != DisplayName || spec.Interrupt_mode != "message" || spec.Argv[len(spec.Argv)-1] != "{connection_file}" {
		t.Errorf("got %+v", spec)
	}
}

func TestCellErrorNamesTheLine(t *testing.T) {
	e := newCellError(event{
		Notebook: "a.ipynb", Number: 2, Cell: 5, Execution: 2, Source: "%%\npanic(1)", Evalue: "exit status 2",
		Stderr: "panic: 1\n\t \x1b[7m[[ Cell [1] Line 9 ]]\x1b[0m main.go:3\n\t \x1b[7m[[ Cell [2] Line 2 ]]\x1b[0m main.go:9",
	})
	if e.Line != 2 {
		t.Errorf("line is %d, want 2, of this cell and not of another", e.Line)
	}
	for _, w := range []string{"a.ipynb: code cell 2 (cell 5 of the notebook) failed at line 2: exit status 2", ">   2 | panic(1)", "panic: 1"} {
		if !strings.Contains(e.Error(), w) {
			t.Errorf("the message lacks %q:\n%v", w, e)
		}
	}
	if strings.Contains(e.Error(), "\x1b") {
		t.Error("colours are left in the message")
	}
}

func TestNotebookArguments(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.ipynb", "b.txt", "sub/a.ipynb"} {
		if err := writeFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	in := func(names ...string) (paths []string) {
		for _, n := range names {
			paths = append(paths, filepath.Join(dir, n))
		}
		return paths
	}
	for want, books := range map[string][]string{
		"no such file":          in("none.ipynb"),
		"not a notebook":        in("b.txt"),
		"write the same result": in("a.ipynb", "sub/a.ipynb"),
	} {
		if _, err := absolute(books); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", books, err, want)
		}
	}
}

func TestPinsIgnoreComments(t *testing.T) {
	dir := t.TempDir()
	pins := func(mod string) string {
		os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o644)
		return toolPins(dir, "go.mod")
	}
	a := pins("module m\n\nrequire a v1 // indirect\n")
	if b := pins("module m\nrequire a v1\n"); a != b {
		t.Errorf("%q and %q differ by comments only", a, b)
	}
	if b := pins("module m\nrequire a v2\n"); a == b {
		t.Error("another version has the same pins")
	}
}
