package cellbuild

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	Tool()
	os.Exit(m.Run())
}

// workplace is a module that cells import from, and the folder of a cell.
type workplace struct {
	goCommand, records, module, lib, cell string
}

const libSource = "package lib\n\nfunc Word() string { return \"one\" }\n"

// make makes the record again, as if the files had been there for an hour.
func (w *workplace) make(t *testing.T, like string) {
	t.Helper()
	old := time.Now().Add(-time.Hour)
	for _, dir := range []string{w.lib, w.module} {
		err := filepath.WalkDir(dir, func(name string, _ os.DirEntry, err error) error {
			return errors.Join(err, os.Chtimes(name, old, old))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := Make(t.Context(), w.records, w.goCommand, w.module, like); err != nil {
		t.Fatal(err)
	}
}

// newWorkplace makes a record too.
func newWorkplace(t *testing.T) *workplace {
	t.Helper()
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	w := &workplace{goCommand: goCommand, records: filepath.Join(root, "records"), module: filepath.Join(root, "module"),
		lib: filepath.Join(root, "lib"), cell: filepath.Join(root, "gonb_12ab")}
	for k, v := range map[string]string{"GOFLAGS": "-ldflags=-s", "CGO_ENABLED": "0", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOWORK": ""} {
		t.Setenv(k, v)
	}
	w.write(t, w.lib, map[string]string{
		"go.mod": "module example.invalid/lib\n\ngo 1.26\n", "lib.go": libSource,
		"internal/in/in.go": "package in\n", "data/data.go": "package data\n\nimport _ \"embed\"\n\n//go:embed text\nvar Text string\n",
		"data/text": "embedded",
	})
	w.write(t, w.module, map[string]string{
		"go.mod": "module example.invalid/cells\n\ngo 1.26\n\nrequire example.invalid/lib v0.0.0\n\nreplace example.invalid/lib => " + w.lib + "\n",
		"imports.go": "package cells\n\nimport (\n\t_ \"embed\"\n\t_ \"example.invalid/lib\"\n\t_ \"example.invalid/lib/data\"\n\t_ \"flag\"\n" +
			"\t_ \"fmt\"\n\t_ \"os\"\n\t_ \"runtime/debug\"\n\t_ \"unsafe\"\n)\n",
	})
	w.write(t, w.cell, nil)
	w.run(t, "mod", "init", "gonb_12ab")
	w.run(t, "work", "init")
	w.run(t, "work", "use", w.module, ".")
	w.run(t, "mod", "edit", "-replace=example.invalid/cells="+w.module)
	w.make(t, "")
	return w
}

func (w *workplace) write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(files[name]), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// run runs the go command in the cell's folder.
func (w *workplace) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(w.goCommand, args...)
	cmd.Dir = w.cell
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", args, err, out)
	}
	return string(out)
}

const plainCell = `package main

import (
	"flag"
	"fmt"

	"example.invalid/lib"
	"example.invalid/lib/data"
)

func main() {
	flag.Parse()
	fmt.Println(lib.Word(), data.Text)
	if flag.NArg() > 0 {
		panic("here")
	}
}
`

// TestBuild holds the program to that of the go command: the same output, the same
// lines in a panic, the same build information.
func TestBuild(t *testing.T) {
	w := newWorkplace(t)
	w.write(t, w.cell, map[string]string{"main.go": plainCell})
	ours, theirs := filepath.Join(w.cell, "gonb_12ab"), filepath.Join(t.TempDir(), "program")
	if err := Build(w.records, w.cell, ours); err != nil {
		t.Fatal(err)
	}
	w.run(t, "build", "-o", theirs)
	for _, args := range [][]string{nil, {"x"}} {
		a, errA := exec.Command(ours, args...).CombinedOutput()
		b, errB := exec.Command(theirs, args...).CombinedOutput()
		if string(a) != string(b) || (errA == nil) != (errB == nil) {
			t.Errorf("%q: got\n%s%v, want\n%s%v", args, a, errA, b, errB)
		}
		if args == nil && string(a) != "one embedded\n" {
			t.Errorf("it prints %q", a)
		}
	}
	version := func(file string) string {
		_, text, _ := strings.Cut(w.run(t, "version", "-m", file), "\n")
		return text
	}
	if a, b := version(ours), version(theirs); a != b || !strings.Contains(a, "gonb_12ab") || !strings.Contains(a, "example.invalid/lib") {
		t.Errorf("the build information is\n%s, want\n%s", a, b)
	}
	infoA, errA := os.Stat(ours)
	infoB, errB := os.Stat(theirs)
	if errA != nil || errB != nil || infoA.Size() != infoB.Size() || infoA.Mode() != infoB.Mode() {
		t.Errorf("%v %v and %v %v", infoA.Size(), infoA.Mode(), infoB.Size(), infoB.Mode())
	}

	// The same cell once more leaves the program; another one does not.
	before := infoA.ModTime()
	if err := Build(w.records, w.cell, ours); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(ours); err != nil || !info.ModTime().Equal(before) {
		t.Errorf("the same cell was linked again: %v", err)
	}
	w.write(t, w.cell, map[string]string{"main.go": strings.Replace(plainCell, "here", "there", 1)})
	if err := Build(w.records, w.cell, ours); err != nil {
		t.Fatal(err)
	}
	if out, _ := exec.Command(ours, "x").CombinedOutput(); !strings.Contains(string(out), "there") {
		t.Errorf("another cell was not linked: %s", out)
	}
}

// TestLeftToTheGoCommand lists what a record does not serve. Each case
// changes a workplace in which the cell can be built.
func TestLeftToTheGoCommand(t *testing.T) {
	cell := func(imports, rest string) map[string]string {
		return map[string]string{"main.go": "package main\n\n" + imports + "\n\nfunc main() {}\n" + rest}
	}
	tests := []struct {
		name   string
		stale  bool // making the record again helps
		change func(w *workplace)
	}{
		{"does not compile", false, func(w *workplace) { w.write(t, w.cell, cell("", "func f() { x }")) }},
		{"does not parse", false, func(w *workplace) { w.write(t, w.cell, cell("", "func {")) }},
		{"an import that is not used", false, func(w *workplace) { w.write(t, w.cell, cell(`import "fmt"`, "")) }},
		{"an import that the record lacks", false, func(w *workplace) { w.write(t, w.cell, cell(`import _ "net/http"`, "")) }},
		{"an internal package", false, func(w *workplace) { w.write(t, w.cell, cell(`import _ "example.invalid/lib/internal/in"`, "")) }},
		{"a package that does not exist", false, func(w *workplace) { w.write(t, w.cell, cell(`import _ "example.invalid/none"`, "")) }},
		{"cgo", false, func(w *workplace) { w.write(t, w.cell, cell(`import "C"`, "")) }},
		{"embedding", false, func(w *workplace) {
			w.write(t, w.cell, cell(`import _ "embed"`, "//go:embed go.mod\nvar s string\n"))
		}},
		{"build information", false, func(w *workplace) { w.write(t, w.cell, cell(`import _ "runtime/debug"`, "")) }},
		{"a build constraint", false, func(w *workplace) {
			w.write(t, w.cell, map[string]string{"main.go": "//go:build ignore\n\npackage main\n\nfunc main() {}\n"})
		}},
		{"another Go file", false, func(w *workplace) { w.write(t, w.cell, map[string]string{"other.go": "package main\n"}) }},
		{"assembly", false, func(w *workplace) { w.write(t, w.cell, map[string]string{"a.s": "\n"}) }},
		{"a profile for the compiler", false, func(w *workplace) { w.write(t, w.cell, map[string]string{"default.pgo": "\n"}) }},
		{"vendored modules", false, func(w *workplace) { w.write(t, w.cell, map[string]string{"vendor/modules.txt": "\n"}) }},
		{"no main.go", false, func(w *workplace) { os.Remove(filepath.Join(w.cell, "main.go")) }},
		{"a module file without a name", false, func(w *workplace) { w.write(t, w.cell, map[string]string{"go.mod": "// x\n"}) }},
		{"a changed workspace", true, func(w *workplace) { w.run(t, "work", "use", w.lib) }},
		{"a changed go.mod", true, func(w *workplace) { w.run(t, "mod", "edit", "-go=1.21") }},
		{"a changed package", true, func(w *workplace) {
			w.write(t, w.lib, map[string]string{"lib.go": strings.Replace(libSource, "one", "three", 1)})
		}},
		{"a new file in a package", true, func(w *workplace) { w.write(t, w.lib, map[string]string{"new.go": "package lib\n"}) }},
		{"a changed embedded file", true, func(w *workplace) { w.write(t, w.lib, map[string]string{"data/text": "longer than it was"}) }},
		{"a changed go.mod of a package", true, func(w *workplace) {
			w.write(t, w.lib, map[string]string{"go.mod": "module example.invalid/lib\n\ngo 1.21\n"})
		}},
		{"other flags", true, func(w *workplace) { t.Setenv("GOFLAGS", "-ldflags=-w") }},
		{"a changed package of the same size", true, func(w *workplace) {
			w.write(t, w.lib, map[string]string{"lib.go": strings.Replace(libSource, "one", "two", 1)})
		}},
		{"with cgo", true, func(w *workplace) { t.Setenv("CGO_ENABLED", "1") }},
		{"another system", true, func(w *workplace) { t.Setenv("GOOS", "js") }},
		{"no record", true, func(w *workplace) { os.RemoveAll(w.records) }},
		{"a damaged record", true, func(w *workplace) {
			files, _ := filepath.Glob(filepath.Join(w.records, "*.json"))
			os.Truncate(files[0], 100)
		}},
	}
	w := newWorkplace(t)
	out := filepath.Join(w.cell, "gonb_12ab")
	whole := t.TempDir()
	if err := os.CopyFS(whole, os.DirFS(filepath.Dir(w.cell))); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.write(t, w.cell, map[string]string{"main.go": plainCell})
			os.Remove(out)
			if err := Build(w.records, w.cell, out); err != nil {
				t.Fatalf("before the change: %v", err)
			}
			old, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			env := map[string]string{}
			for _, k := range []string{"GOFLAGS", "CGO_ENABLED", "GOOS"} {
				env[k] = os.Getenv(k)
			}
			tt.change(w)
			err = Build(w.records, w.cell, out)
			if err == nil || errors.Is(err, ErrStale) != tt.stale {
				t.Errorf("got %v, want one that is stale: %v", err, tt.stale)
			}
			if now, err := os.ReadFile(out); err != nil || string(now) != string(old) {
				t.Errorf("the program was changed: %v", err)
			}
			for k, v := range env {
				os.Setenv(k, v)
			}
			restore(t, w, whole, tt.stale)
		})
	}
}

// restore makes the cell's folder what it was, or all of the workplace with a new
// record, since the files' times of change are others.
func restore(t *testing.T, w *workplace, whole string, all bool) {
	t.Helper()
	dirs := []string{w.cell}
	if all {
		dirs = append(dirs, w.lib, w.module, w.records)
	}
	for _, dir := range dirs {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(whole, filepath.Base(dir)))); err != nil {
			t.Fatal(err)
		}
	}
	if all {
		w.make(t, "")
	}
}

// TestRecordOfAChangedWorkspace makes the record that a cell in a workspace of its
// own needs, and one after a package has changed.
func TestRecordOfAChangedWorkspace(t *testing.T) {
	w := newWorkplace(t)
	w.write(t, w.cell, map[string]string{"main.go": plainCell})
	w.write(t, w.lib, map[string]string{"lib.go": strings.Replace(libSource, "one", "three", 1)})
	w.run(t, "work", "use", w.lib)
	out := filepath.Join(w.cell, "gonb_12ab")
	err := Build(w.records, w.cell, out)
	if !errors.Is(err, ErrStale) || !Due(w.records, w.cell, err) {
		t.Fatalf("got %v, want ErrStale, and a new record to be due", err)
	}
	if Due(w.records, w.cell, err) {
		t.Error("a new record is due twice at a time")
	}
	w.make(t, w.cell)
	if err := Build(w.records, w.cell, out); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command(out).Output(); err != nil || string(text) != "three embedded\n" {
		t.Errorf("it prints %q, %v", text, err)
	}
	if Due(w.records, w.cell, nil) {
		t.Error("a new record is due though this one was just made")
	}
	if Due(w.records, w.cell, errors.New("it imports net/http")) {
		t.Error("a new record is due though it would not help")
	}
}
