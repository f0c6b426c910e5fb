package cellbuild

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A record is how the go command compiles and links a program which imports
// everything that a cell may import.
type record struct {
	Version  string               // recordVersion
	Compile  []string             // compiler and arguments
	Link     []string             // linker and arguments
	Modinfo  string               // what the program says of its modules, as the linker is given it
	Allowed  []string             // sorted: what the program imports
	Packages map[string]pkgRecord // by import path: all that the program is made of
	Watched  watched
	Print    string // Watched.fingerprint when the record was made
}

type pkgRecord struct {
	File    string   // the compiled package, in the build cache
	Module  string   // "" in the standard library
	Imports []string // those that are packages of another module than the standard library
}

const (
	recordVersion = "1"           // changes with the meaning of a record
	name          = "gonb_record" // of the module of its program

	// In command lines, for the folder of temporary files and that of main.go.
	workFolder = "\x00work"
	cellFolder = "\x00cell"
)

// toolVariable tells a program that it runs before a compiler or a linker, and
// names the folder for what they are called with.
const toolVariable = "QUANTNB_RECORD_TOOL"

// Make writes the record of cells in folders like that of the cell in like, or, if
// that is "", in one as the kernel makes it, whose workspace has the module in the
// folder module. All packages that the Go file imports.go in module imports may be
// imported by cells. goCommand is the real go command; it runs in the environment of
// this process, which must be that of the cells. The program that calls Make calls
// Tool before anything else.
func Make(ctx context.Context, records, goCommand, module, like string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gonb_record_*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return err
	}
	run := func(env []string, args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, goCommand, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
		out, err := cmd.Output()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args[:2], " "), err, exit.Stderr)
		}
		return out, err
	}
	if err := workspace(dir, module, like, run); err != nil {
		return err
	}
	r := record{Version: recordVersion}
	if r.Allowed, err = importsOf(filepath.Join(module, "imports.go")); err != nil {
		return err
	}
	var src strings.Builder
	src.WriteString("package main\n\nimport (\n")
	for _, p := range r.Allowed {
		fmt.Fprintf(&src, "\t_ %q\n", p)
	}
	src.WriteString(")\n\nfunc main() {}\n")
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(src.String()), 0o666); err != nil {
		return err
	}
	file, _ := place(records, dir)
	if err := r.list(run, module, goCommand); err != nil {
		return err
	}
	r.Watched.settle()
	r.Print = r.Watched.fingerprint() // before the build, so that a later change is seen
	// A package that is compiled for a program is not yet in the build cache when the
	// program is linked.
	if _, err := run(nil, append([]string{"build"}, r.Allowed...)...); err != nil {
		return err
	}
	calls := filepath.Join(dir, "calls")
	if err := os.Mkdir(calls, 0o777); err != nil {
		return err
	}
	_, err = run([]string{toolVariable + "=" + calls}, "build", "-toolexec="+quoted(self), "-o", filepath.Join(calls, "program"))
	if err != nil {
		return err
	}
	if err := r.take(calls, dir); err != nil {
		return err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	old, _ := filepath.Glob(filepath.Join(records, "*"))
	for _, f := range old {
		if age(f) > unused {
			os.Remove(f)
		}
	}
	return replace(file, data)
}

// unused records of workspaces that were changed in a notebook are thrown away
// after this time.
const unused = 30 * 24 * time.Hour

// moduleFiles are the files of a cell's folder that say where packages come from.
var moduleFiles = []string{"go.mod", "go.sum", "go.work", "go.work.sum"}

// workspace makes these files in dir: those of like, for a module called name, or as
// the kernel makes them.
func workspace(dir, module, like string, run func([]string, ...string) ([]byte, error)) error {
	if like == "" {
		for _, args := range [][]string{{"mod", "init", name}, {"work", "init"}, {"work", "use", module, "."},
			{"mod", "edit", "-replace=" + moduleName(module) + "=" + module}} {
			if _, err := run(nil, args...); err != nil {
				return err
			}
		}
		return nil
	}
	for _, f := range moduleFiles {
		data, err := os.ReadFile(filepath.Join(like, f))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if f == "go.mod" {
			data = []byte(strings.Replace(string(data), "module "+moduleName(like)+"\n", "module "+name+"\n", 1))
		}
		if err := os.WriteFile(filepath.Join(dir, f), data, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// place is the file of the record for cells in dir, which depends on the module
// files but for the name of the cell's module; that is the other result.
func place(records, dir string) (file, module string) {
	module = moduleName(dir)
	h := sha256.New()
	for _, f := range moduleFiles {
		data, err := os.ReadFile(filepath.Join(dir, f))
		text := string(data)
		if f == "go.mod" {
			text = strings.TrimPrefix(text, "module "+module+"\n")
		}
		fmt.Fprintf(h, "%s %v %q\n", f, err == nil, text)
	}
	return filepath.Join(records, fmt.Sprintf("%x.json", h.Sum(nil)[:8])), module
}

// moduleName is the module that dir/go.mod declares in its first line, or "".
func moduleName(dir string) string {
	mod, _ := os.ReadFile(filepath.Join(dir, "go.mod"))
	first, _, _ := strings.Cut(string(mod), "\n")
	module, ok := strings.CutPrefix(first, "module ")
	if !ok || strings.ContainsAny(module, "\"` \t\\") {
		return ""
	}
	return module
}

// quoted is s as the go command splits the value of -toolexec.
func quoted(s string) string {
	if strings.ContainsAny(s, " \t'") {
		return `"` + s + `"`
	}
	return s
}

// list fills Packages, but for the files, and Watched.
func (r *record) list(run func([]string, ...string) ([]byte, error), module, goCommand string) error {
	out, err := run(nil, "env", "-json", "GOROOT", "GOMODCACHE", "GOENV", "GOTOOLDIR")
	if err != nil {
		return err
	}
	var env struct{ GOROOT, GOMODCACHE, GOENV, GOTOOLDIR string }
	if err := json.Unmarshal(out, &env); err != nil {
		return err
	}
	out, err = run(nil, "list", "-deps", "-json=ImportPath,Dir,Standard,Module,Imports,EmbedFiles", ".")
	if err != nil {
		return err
	}
	exe := ""
	if runtime.GOOS == "windows" {
		exe = ".exe"
	}
	w := &r.Watched
	w.Files = []string{goCommand, env.GOENV, filepath.Join(env.GOROOT, "VERSION"),
		filepath.Join(env.GOTOOLDIR, "compile"+exe), filepath.Join(env.GOTOOLDIR, "link"+exe),
		filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum"), filepath.Join(module, "imports.go")}
	r.Packages = map[string]pkgRecord{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p struct {
			ImportPath, Dir string
			Standard        bool
			Module          *struct{ Path, GoMod string }
			Imports         []string
			EmbedFiles      []string
		}
		if err := dec.Decode(&p); err != nil {
			return fmt.Errorf("go list: %w", err)
		}
		if p.ImportPath == name {
			continue
		}
		if p.Standard || p.Module == nil {
			r.Packages[p.ImportPath] = pkgRecord{}
			continue
		}
		r.Packages[p.ImportPath] = pkgRecord{Module: p.Module.Path, Imports: p.Imports}
		if rel, err := filepath.Rel(env.GOMODCACHE, p.Dir); err == nil && filepath.IsLocal(rel) {
			continue // which never changes
		}
		w.Folders = append(w.Folders, p.Dir)
		for _, f := range p.EmbedFiles {
			f = filepath.Join(p.Dir, f)
			w.Files = append(w.Files, f, filepath.Dir(f)) // a folder's time tells of files added
		}
		w.Files = append(w.Files, p.Module.GoMod, filepath.Join(filepath.Dir(p.Module.GoMod), "go.sum"))
	}
	for path, p := range r.Packages {
		p.Imports = slices.DeleteFunc(p.Imports, func(i string) bool { return r.Packages[i].Module == "" })
		r.Packages[path] = p
	}
	slices.Sort(w.Files)
	w.Files = slices.Compact(w.Files)
	return nil
}

// toolCall is one run of the compiler or the linker.
type toolCall struct {
	Args   []string
	Config string // contents of -importcfg
}

// Tool, in a program that the go command runs before each compiler and linker,
// writes down how those of the package main are called, and runs them; it
// does not return. In any other program it does nothing.
func Tool() {
	folder := os.Getenv(toolVariable)
	if folder == "" || len(os.Args) < 2 {
		return
	}
	args := os.Args[1:]
	tool := strings.TrimSuffix(filepath.Base(args[0]), ".exe")
	if os.Getenv("TOOLEXEC_IMPORTPATH") == name && (tool == "compile" || tool == "link") && !slices.Contains(args, "-V=full") {
		c := toolCall{Args: args}
		if i := slices.Index(args, "-importcfg"); i >= 0 && i+1 < len(args) {
			config, err := os.ReadFile(args[i+1])
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			c.Config = string(config)
		}
		data, err := json.Marshal(c)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, tool), data, 0o666)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// take reads what Tool wrote into folder of the program in dir.
func (r *record) take(folder, dir string) error {
	var calls [2]toolCall
	for i, tool := range []string{"compile", "link"} {
		data, err := os.ReadFile(filepath.Join(folder, tool))
		if err != nil {
			return fmt.Errorf("the go command did not call it: %w", err)
		}
		if err := json.Unmarshal(data, &calls[i]); err != nil {
			return err
		}
		work := filepath.Dir(flagOf(calls[i].Args, "-importcfg"))
		for k, a := range calls[i].Args {
			calls[i].Args[k] = strings.ReplaceAll(strings.ReplaceAll(a, work, workFolder), dir, cellFolder)
		}
	}
	r.Compile, r.Link = calls[0].Args, calls[1].Args
	if r.Compile[len(r.Compile)-1] != cellFolder+"/main.go" || flagOf(r.Compile, "-o") == "" || flagOf(r.Link, "-o") == "" {
		return fmt.Errorf("the go command called its tools in a way that is not known here: %q, %q", r.Compile, r.Link)
	}
	for line := range strings.Lines(calls[1].Config) {
		line = strings.TrimSuffix(line, "\n")
		verb, rest, _ := strings.Cut(line, " ")
		switch verb {
		case "modinfo":
			r.Modinfo = rest
		case "packagefile":
			path, file, _ := strings.Cut(rest, "=")
			p, ok := r.Packages[path]
			if !ok && path != name {
				continue // of this program only, such as the command-line package
			}
			p.File = file
			r.Packages[path] = p
		default:
			return fmt.Errorf("the go command gave the linker a line that is not known here: %.80q", line)
		}
	}
	delete(r.Packages, name)
	for path, p := range r.Packages {
		if p.File == "" && path != "unsafe" {
			return fmt.Errorf("the go command gave the linker no %s", path)
		}
	}
	return nil
}

// flagOf is the value after a flag in args, or "".
func flagOf(args []string, flag string) string {
	if i := slices.Index(args, flag); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

// replace writes data under a temporary name and renames it.
func replace(file string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
