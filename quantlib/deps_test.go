package quantlib_test

import (
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/quantnb/quantnb"

// layers are the packages of quantlib, low to high. A package imports only the
// standard library, what allowed grants, and packages of this module that stand
// on lines above its own. Nobody edits the list to fix a build.
var layers = []string{
	"tensor quant alloc memo",
	"graph observe hardware",
	"onnx ops plan rewrite",
	"exec",
	"calibrate format",
	"sense analyse",
	"quantlib",
}

// allowed are the other modules' packages that quantlib may import, by prefix.
// Nothing that draws or speaks to a notebook is among them.
var allowed = []string{
	"gonum.org/v1/gonum/",
	"google.golang.org/protobuf/encoding/protowire",
	"golang.org/x/sys/",
}

// level is the line of the package in the folder dir, relative to quantlib, or
// -1 if no line names it. A folder below another, such as ops/internal/f32,
// stands where its first element does, and a contract suite such as observetest
// with the package that it is for.
func level(dir string) int {
	first, _, _ := strings.Cut(filepath.ToSlash(dir), "/")
	if dir == "." {
		first = "quantlib"
	}
	for _, name := range []string{first, strings.TrimSuffix(first, "test")} {
		for i, line := range layers {
			if slices.Contains(strings.Fields(line), name) {
				return i
			}
		}
	}
	return -1
}

// family is the first element of a folder without "test": a package with its
// internals and its contract suite, which may import each other.
func family(dir string) string {
	first, _, _ := strings.Cut(filepath.ToSlash(dir), "/")
	return strings.TrimSuffix(first, "test")
}

// sourceFiles lists all Go files below root, without testdata, hidden folders
// and modules of their own.
func sourceFiles(t *testing.T, root string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path == root {
				return nil
			}
			if name := d.Name(); name == "testdata" || name[0] == '.' || name[0] == '_' {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return fs.SkipDir
			}
		} else if filepath.Ext(path) == ".go" {
			list = append(list, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatalf("no Go files below %s", root)
	}
	return list
}

func imports(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, path)
	}
	return list
}

// fault says why a file in the folder dir of quantlib may not import path; ""
// if it may.
func fault(dir, path string) string {
	if path == "C" {
		return "cgo costs every cell half a second of linking"
	}
	rest, ours := strings.CutPrefix(path, module+"/")
	if !ours {
		if path == module || !build.IsLocalImport(path) && !strings.Contains(strings.Split(path, "/")[0], ".") {
			return "" // the standard library
		}
		for _, prefix := range allowed {
			if strings.HasPrefix(path, prefix) {
				return ""
			}
		}
		return "no such module is allowed in quantlib"
	}
	if rest == "quantlib" {
		rest = "quantlib/."
	}
	to, inside := strings.CutPrefix(rest, "quantlib/")
	if !inside {
		return "quantlib imports nothing of this module outside itself"
	}
	from, at := level(dir), level(to)
	switch {
	case at < 0:
		return "layers does not name that package"
	case at < from:
		return ""
	case family(dir) == family(to) && dir != ".":
		return "" // a package and its internals, or its contract suite
	}
	return "it does not stand on a line above"
}

func TestImportsPointDownwards(t *testing.T) {
	for _, file := range sourceFiles(t, ".") {
		// Tests may import what stands higher, as an Example of the facade does.
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		dir := filepath.ToSlash(filepath.Dir(file))
		if level(dir) < 0 {
			t.Errorf("%s: layers does not name the package in %s", file, dir)
			continue
		}
		for _, path := range imports(t, file) {
			if why := fault(dir, path); why != "" {
				t.Errorf("%s imports %s: %s", file, path, why)
			}
		}
	}
}

func TestLibraryTestsStayOutOfTheNotebook(t *testing.T) {
	for _, file := range sourceFiles(t, ".") {
		for _, path := range imports(t, file) {
			if strings.HasPrefix(path, module+"/kernelext") || strings.HasPrefix(path, "gonum.org/v1/plot") ||
				strings.HasPrefix(path, "github.com/janpfeifer/gonb") {
				t.Errorf("%s imports %s, which belongs to the notebook", file, path)
			}
		}
	}
}

// TestImportRules holds the rules themselves to known verdicts.
func TestImportRules(t *testing.T) {
	tests := []struct {
		name, dir, path string
		ok              bool
	}{
		{"standard library", "tensor", "encoding/binary", true},
		{"a line above", "exec", module + "/quantlib/graph", true},
		{"the facade takes all", ".", module + "/quantlib/sense", true},
		{"its own internals", "ops", module + "/quantlib/ops/internal/f32", true},
		{"protowire", "onnx", "google.golang.org/protobuf/encoding/protowire", true},
		{"gonum", "sense", "gonum.org/v1/gonum/stat", true},
		{"a contract suite and its package", "observetest", module + "/quantlib/observe", true},
		{"a contract suite, no other one of the line", "observetest", module + "/quantlib/graph", false},
		{"the same line", "tensor", module + "/quantlib/quant", false},
		{"a line below", "graph", module + "/quantlib/exec", false},
		{"the facade from inside", "sense", module + "/quantlib", false},
		{"the rest of protobuf", "onnx", "google.golang.org/protobuf/proto", false},
		{"plot", "sense", "gonum.org/v1/plot", false},
		{"gonbui", ".", "github.com/janpfeifer/gonb/gonbui", false},
		{"the notebook extension", ".", module + "/kernelext", false},
		{"the embedded model", ".", module + "/notebooks/demo", false},
		{"cgo", "ops", "C", false},
		{"a package that no line names", "exec", module + "/quantlib/elsewhere", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if why := fault(tt.dir, tt.path); (why == "") != tt.ok {
				t.Errorf("%s importing %s: allowed is %v (%s), want %v", tt.dir, tt.path, why == "", why, tt.ok)
			}
		})
	}
}

// TestGofmtAndVet runs both over the whole module, as the go command that runs
// this test has them.
func TestGofmtAndVet(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: vet type-checks the whole module")
	}
	t.Run("gofmt", func(t *testing.T) {
		gofmt, err := exec.LookPath("gofmt")
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(gofmt, append([]string{"-l"}, sourceFiles(t, "..")...)...).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("gofmt -l: %v\n%s", err, out)
		}
	})
	t.Run("vet", func(t *testing.T) {
		cmd := exec.Command("go", "vet", "./...")
		cmd.Dir = ".."
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go vet: %v\n%s", err, out)
		}
	})
}
