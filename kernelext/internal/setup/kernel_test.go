package setup

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// requireVariable, set to 1, turns a skipped kernel test into a failed one.
const requireVariable = "QUANTNB_REQUIRE_KERNEL"

// installed sets everything up, once for all tests, in the user's cache folder
// so that only the first run pays, and skips the test where Python is missing.
func installed(t testing.TB) *Installation {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: the kernel tests build a kernel and a Python environment")
	}
	in, err := installOnce()
	var missing *Missing
	if errors.As(err, &missing) && strings.HasPrefix(missing.What, "Python") && os.Getenv(requireVariable) != "1" {
		t.Skipf("NO NOTEBOOK WAS EXECUTED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return in
}

var installOnce = sync.OnceValues(func() (*Installation, error) {
	ctx := context.Background()
	in, err := Open(ctx, Config{Out: os.Stderr})
	if err != nil {
		return nil, err
	}
	return in, in.All(ctx)
})

// drive runs a script of testdata with the real kernel, or the one that arg's argv
// and env name, and decodes what it prints into got.
func drive(t testing.TB, in *Installation, script string, arg map[string]any, got any) {
	t.Helper()
	if arg["argv"] == nil {
		config, err := ReadKernelConfig(in.kernelConfig())
		if err != nil {
			t.Fatal(err)
		}
		argv, env := config.Command("{connection_file}", in.jupyterEnv())
		arg["argv"], arg["env"] = argv, environment(env)
	}
	arg["log"], arg["cwd"] = filepath.Join(t.TempDir(), "kernel.log"), t.TempDir()
	data, err := json.Marshal(arg)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), in.venvPython(), filepath.Join("testdata", script), string(data))
	cmd.Env, cmd.Stderr = in.jupyterEnv(), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, tail(string(out), 10))
	}
	if err := json.Unmarshal(out, got); err != nil {
		t.Fatalf("%s: %v, %q", script, err, out)
	}
}

func environment(list []string) map[string]string {
	m := map[string]string{}
	for _, e := range list {
		if k, v, ok := strings.Cut(e, "="); ok && k != "" {
			m[k] = v
		}
	}
	return m
}

// TestNotebooks executes every notebook of the checkout, and one of its own, by
// the real kernel, as quantnb lab -execute does.
func TestNotebooks(t *testing.T) {
	in := installed(t)
	t.Setenv("QUANTNB_MEMO", t.TempDir()) // nothing is found that another version has stored
	out := t.TempDir()
	for _, book := range append([]string{filepath.Join("testdata", "pictures.ipynb")}, in.Notebooks()...) {
		name := strings.TrimSuffix(filepath.Base(book), ".ipynb")
		t.Run(name, func(t *testing.T) {
			done, err := in.Execute(t.Context(), ExecuteOptions{Notebooks: []string{book}, Out: out})
			if err != nil {
				t.Fatal(err)
			}
			if len(done) != 1 || len(done[0].Files) != 2 {
				t.Fatalf("got %+v, want one notebook with two files", done)
			}
			for _, f := range done[0].Files {
				if info, err := os.Stat(f); err != nil || info.Size() == 0 {
					t.Errorf("%s: %v", f, err)
				}
			}
			switch {
			case name == "pictures" && done[0].Images["image/png"] != 2:
				t.Errorf("got images %v, want two PNGs", done[0].Images)
			case strings.HasPrefix(name, "01-") && done[0].Images["image/png"] < 3:
				t.Errorf("got images %v, want at least three PNGs", done[0].Images)
			}
		})
	}
}

// TestFailingCells holds the headless run to failing, and to saying where.
func TestFailingCells(t *testing.T) {
	in := installed(t)
	tests := []struct {
		name, book   string
		number, line int
		want         []string // parts of the message
		not          string
	}{
		{"a panic names its line and shows the stack", "panics", 2, 2,
			[]string{"index out of range [5] with length 2", "exit status 2", ">   2 | "}, "never runs"},
		{"a compile error names its line", "does-not-compile", 2, 3,
			[]string{"cannot use x (variable of type int) as string value", ">   3 | var y string = x"}, ""},
		{"an exit status is a failure", "exits", 1, 0, []string{"exit status 3"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := t.TempDir()
			_, err := in.Execute(t.Context(), ExecuteOptions{
				Notebooks: []string{filepath.Join("testdata", tt.book+".ipynb")}, Out: out, NoHTML: true,
			})
			var cell *CellError
			if !errors.As(err, &cell) {
				t.Fatalf("got error %v, want a CellError", err)
			}
			if cell.Number != tt.number || cell.Line != tt.line {
				t.Errorf("failed in code cell %d line %d, want cell %d line %d", cell.Number, cell.Line, tt.number, tt.line)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the message lacks %q:\n%v", w, err)
				}
			}
			// The cells up to the failing one are kept; those after it never ran.
			data, err := os.ReadFile(filepath.Join(out, tt.book+".ipynb"))
			if err != nil {
				t.Fatal(err)
			}
			if tt.not != "" && strings.Contains(string(data), `"`+tt.not+`\n"`) {
				t.Error("a cell after the failing one ran")
			}
		})
	}
}

// TestCellsAreBuiltFromTheRecord holds the real kernel to building plain cells
// without the go command, and to asking it where a cell does not compile.
func TestCellsAreBuiltFromTheRecord(t *testing.T) {
	in := installed(t)
	config, err := ReadKernelConfig(in.kernelConfig())
	if err != nil {
		t.Fatal(err)
	}
	asked, script := filepath.Join(t.TempDir(), "asked"), filepath.Join(t.TempDir(), "go")
	text := "#!/bin/sh\necho \"$@\" >>'" + asked + "'\nexec '" + config.Go + "' \"$@\"\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	config.Go = script
	argv, env := config.Command("{connection_file}", in.jupyterEnv())
	builds := func(cells ...string) (n int, texts []string) {
		os.Remove(asked)
		drive(t, in, "cells.py", map[string]any{"argv": argv, "env": environment(env), "cells": cells}, &texts)
		data, err := os.ReadFile(asked)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if strings.HasPrefix(line, "build ") {
				n++
			}
		}
		return n, texts
	}
	n, texts := builds(residentImports, "%%\nfmt.Println(\"hello\")", plotCell, "%%\nfmt.Println(rand.N(1))")
	if n != 0 || texts[1] != "hello\n" || texts[3] != "0\n" {
		t.Errorf("the go command built %d cells, which say %q", n, texts)
	}
	n, texts = builds("%%\nvar x int = \"a\"\n_ = x", "import dbg \"runtime/debug\"", "%%\nfmt.Println(dbg.Stack() != nil)")
	if n < 2 || !strings.Contains(texts[0], "failed to run") || texts[2] != "true\n" {
		t.Errorf("the go command built %d cells, which say %q", n, texts)
	}
}

// TestDoctorOfAWorkingInstallation runs every check, a real cell among them.
func TestDoctorOfAWorkingInstallation(t *testing.T) {
	in := installed(t)
	for _, c := range Doctor(t.Context(), Config{Home: in.Home, Checkout: in.Checkout}) {
		t.Logf("%-14s %s", c.Name, c.Detail)
		if c.Err != nil {
			t.Errorf("%s: %v (%s)", c.Name, c.Err, c.Remedy)
		}
	}
}
