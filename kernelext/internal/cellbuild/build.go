package cellbuild

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrStale says that a record is absent, of another version, or no longer of what
// it was made of: making it again helps. Every other error of Build is of this one
// cell.
var ErrStale = errors.New("the record of how cells are built is out of date")

// Build compiles and links dir/main.go to out, as the record of cells in such a
// folder has it, and as "go build -o out" in dir would, but for the build ID. On an
// error out is as it was, and the go command must do it.
func Build(records, dir, out string) error {
	file, module := place(records, dir)
	if module == "" {
		return errors.New("go.mod does not begin with a plain name")
	}
	r, err := read(file)
	if err != nil {
		return err
	}
	imports, err := r.plain(dir)
	if err != nil {
		return err
	}
	modules, err := r.closure(imports)
	if err != nil {
		return err
	}
	if built(out, r.buildID(dir)) {
		return nil
	}
	return r.run(dir, module, out, imports, modules)
}

func read(file string) (*record, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStale, err)
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil || r.Version != recordVersion {
		return nil, ErrStale
	}
	if r.Watched.fingerprint() != r.Print {
		return nil, ErrStale
	}
	return &r, nil
}

// plain returns the imports of dir/main.go, sorted, if the go command would treat
// it as it treated the record's program.
func (r *record) plain(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if n := e.Name(); n == "vendor" || source(n) && (n != "main.go" || !e.Type().IsRegular()) {
			return nil, fmt.Errorf("%s is there", n)
		}
	}
	src, err := os.ReadFile(filepath.Join(dir, "main.go"))
	if err != nil {
		return nil, err
	}
	for _, word := range []string{"//go:embed", "//go:debug", "//go:build", "+build"} {
		if bytes.Contains(src, []byte(word)) {
			return nil, fmt.Errorf("%s is in it", word)
		}
	}
	imports, err := importsOf(filepath.Join(dir, "main.go"))
	if err != nil {
		return nil, err
	}
	for _, p := range imports {
		// A program that asks for its own build information gets it from the go command.
		if _, ok := slices.BinarySearch(r.Allowed, p); !ok || p == "embed" || p == "runtime/debug" {
			return nil, fmt.Errorf("it imports %s", p)
		}
	}
	return imports, nil
}

// importsOf returns what a Go file imports, sorted and each once.
func importsOf(file string) ([]string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		list = append(list, path)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// closure returns the modules of a program with these imports, and checks that
// the compiled packages are there.
func (r *record) closure(imports []string) (map[string]bool, error) {
	modules, seen := map[string]bool{}, map[string]bool{}
	for todo := slices.Clone(imports); len(todo) > 0; {
		path := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		p := r.Packages[path]
		if seen[path] || p.Module == "" {
			continue
		}
		seen[path], modules[p.Module] = true, true
		todo = append(todo, p.Imports...)
	}
	// The build cache drops what was not used for days.
	for _, p := range r.Packages {
		if p.File == "" || p.Module != "" && !modules[p.Module] {
			continue
		}
		if _, err := os.Lstat(p.File); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrStale, err)
		}
	}
	return modules, nil
}

// memoryLimit lets the compiler and the linker, which live for a moment, collect
// no garbage before they have taken so much.
var memoryLimit = []string{"GOGC=off", "GOMEMLIMIT=1GiB"}

func (r *record) run(dir, module, out string, imports []string, modules map[string]bool) error {
	work, err := os.MkdirTemp("", "quantnb-cell-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	info, err := r.modinfo(module, modules)
	if err != nil {
		return err
	}
	var compile, link bytes.Buffer
	for _, path := range append(slices.Clone(imports), "runtime") {
		if path != "unsafe" {
			fmt.Fprintf(&compile, "packagefile %s=%s\n", path, r.Packages[path].File)
		}
	}
	object := flagOf(r.Compile, "-o")
	fmt.Fprintf(&link, "packagefile %s=%s\n", module, strings.ReplaceAll(object, workFolder, work))
	for path, p := range r.Packages {
		if p.File != "" {
			fmt.Fprintf(&link, "packagefile %s=%s\n", path, p.File)
		}
	}
	fmt.Fprintf(&link, "modinfo %s\n", info)
	program := strings.ReplaceAll(flagOf(r.Link, "-o"), workFolder, work)
	if err := os.MkdirAll(filepath.Dir(program), 0o700); err != nil {
		return err
	}
	for i, args := range [][]string{r.Compile, r.Link} {
		config := strings.ReplaceAll(flagOf(args, "-importcfg"), workFolder, work)
		if err := os.WriteFile(config, [][]byte{compile.Bytes(), link.Bytes()}[i], 0o600); err != nil {
			return err
		}
		args = slices.Clone(args)
		for k := range args {
			args[k] = strings.ReplaceAll(strings.ReplaceAll(args[k], workFolder, work), cellFolder, dir)
			if i == 1 && strings.HasPrefix(args[k], "-buildid=") {
				args[k] = "-buildid=" + r.buildID(dir)
			}
		}
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), memoryLimit...)
		if text, err := cmd.CombinedOutput(); err != nil || len(text) > 0 {
			return fmt.Errorf("%s: %v\n%s", filepath.Base(args[0]), err, text)
		}
	}
	return os.Rename(program, out)
}

// buildID differs between programs that differ.
func (r *record) buildID(dir string) string {
	src, err := os.ReadFile(filepath.Join(dir, "main.go"))
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %q %v", r.Print, dir, src, err)
	return fmt.Sprintf("%x", h.Sum(nil)[:16])
}

// built reports whether the program in file has this build ID, which the linker
// puts into its first page: the same cell was run before this one.
func built(file, id string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	page := make([]byte, 4096)
	n, _ := io.ReadFull(f, page) // a shorter file is no program
	return bytes.Contains(page[:n], []byte(id))
}

// modinfo is Modinfo for the module of a cell with the packages of these modules.
func (r *record) modinfo(module string, modules map[string]bool) (string, error) {
	text, err := strconv.Unquote(r.Modinfo)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrStale, err)
	}
	var b strings.Builder
	keep := true
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch f[0] {
		case "dep":
			keep = modules[f[1]]
		case "=>": // belongs to the line before
		default:
			keep = true
			line = strings.Replace(line, "\t"+name, "\t"+module, 1)
		}
		if keep {
			b.WriteString(line)
		}
	}
	return strconv.Quote(b.String()), nil
}

// Due reports whether Make should be run for a cell in dir after Build returned
// err: the record is stale, or a day old, since what nothing uses for five days
// is dropped from the build cache, and Build does not tell the cache of its use. It
// is true no more than once in a while.
func Due(records, dir string, err error) bool {
	file, module := place(records, dir)
	if module == "" || err != nil && !errors.Is(err, ErrStale) || err == nil && age(file) < 24*time.Hour {
		return false
	}
	stamp := strings.TrimSuffix(file, ".json") + ".began"
	if age(stamp) < 30*time.Second {
		return false
	}
	return replace(stamp, nil) == nil
}

// age is the time since a file was written, or a long time if there is none.
func age(file string) time.Duration {
	info, err := os.Stat(file)
	if err != nil {
		return 1000 * time.Hour
	}
	return time.Since(info.ModTime())
}
