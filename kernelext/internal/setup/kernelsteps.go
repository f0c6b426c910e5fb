package setup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/quantnb/quantnb/kernelext/internal/resident"
)

const (
	kernelPackage    = "github.com/janpfeifer/gonb"
	goimportsPackage = "golang.org/x/tools/cmd/goimports"
	goplsPackage     = "golang.org/x/tools/gopls"
	toolsFolder      = "kernelext/internal/setup/tools" // its go.mod pins goimports and gopls
)

// kernelSteps lists what a cell needs, in the order in which it is needed. The
// last step warms the build cache.
func (in *Installation) kernelSteps() []step {
	tools := filepath.Join(in.Checkout, filepath.FromSlash(toolsFolder))
	sources := in.sourceDigest()
	return []step{
		in.toolStep("gonb", kernelPackage, in.Checkout, "compiling the kernel, most of a minute the first time"),
		in.toolStep("goimports", goimportsPackage, tools, "compiling"),
		in.toolStep("gopls", goplsPackage, tools, "compiling, a minute or two the first time"),
		{
			name: "quantnb", note: "compiling this command for the kernelspec", local: true,
			digest:  digest(in.Go.Version, sources),
			outputs: []string{in.self(), in.shim()},
			do: func(ctx context.Context) error {
				if err := in.build(ctx, in.Checkout, in.shim(), "./kernelext/internal/setup/goshim"); err != nil {
					return err
				}
				sources, err := resident.Sources(in.Checkout)
				if err != nil {
					return err
				}
				return in.build(ctx, in.Checkout, in.self(), "./kernelext/cmd/quantnb", "-ldflags=-s -X "+resident.BuiltSymbol+"="+sources)
			},
		},
		{
			name: "cell module", note: "writing the module that cells import from", local: true,
			digest:  digest(moduleVersion, in.fileDigest("go.mod", "go.sum"), sources, in.Checkout, in.Go.Version, in.Go.Cache, in.Go.Mod),
			outputs: []string{filepath.Join(in.module(), "go.mod"), filepath.Join(in.module(), importsFile), in.kernelConfig()},
			do:      in.writeModule,
		},
		{
			name: "build cache", note: "compiling what cells import, with the kernel's flags", local: true,
			digest: digest(in.Go.Version, in.Go.Cache, sources, strings.Join(cellSettings(), " "), strings.Join(std, " ")),
			maxAge: 24 * time.Hour, // Go drops what it has not used for five days
			do:     in.warm,
		},
	}
}

// toolStep builds one program at the version which the go.mod in dir pins.
func (in *Installation) toolStep(name, pkg, dir, note string) step {
	out := in.bin(name)
	mod := "go.mod"
	if dir != in.Checkout {
		mod = toolsFolder + "/go.mod"
	}
	return step{
		name: name, note: note,
		digest:  digest(pkg, in.Go.Version, runtime.GOARCH, toolPins(in.Checkout, mod)),
		outputs: []string{out},
		do:      func(ctx context.Context) error { return in.build(ctx, dir, out, pkg) },
	}
}

// toolPins returns the requirements of a go.mod without its comments: what
// decides a tool's contents.
func toolPins(checkout, mod string) string {
	data, _ := os.ReadFile(filepath.Join(checkout, filepath.FromSlash(mod))) // if absent, the build says so
	var pins []string
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "//")
		if line = strings.TrimSpace(line); line != "" {
			pins = append(pins, line)
		}
	}
	return strings.Join(pins, "\n")
}

// build compiles pkg, seen from the module in dir, and puts the program in
// place under its name in one step, since a running kernel may use the old one.
func (in *Installation) build(ctx context.Context, dir, out, pkg string, flags ...string) error {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(out), ".build-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	built := filepath.Join(tmp, filepath.Base(out))
	args := append([]string{"build", "-o", built}, flags...)
	if _, err := in.goCommand(ctx, dir, buildEnv(), append(args, pkg)...); err != nil {
		return err
	}
	return os.Rename(built, out)
}

// self is this command as the kernelspec starts it.
func (in *Installation) self() string { return filepath.Join(in.Dir, "bin", "quantnb") }

// shim is what the kernel finds as the go command.
func (in *Installation) shim() string { return filepath.Join(in.Dir, "shim", "go") }

// records is the folder of the records of package cellbuild.
func (in *Installation) records() string { return filepath.Join(in.Dir, "records") }

// fileDigest is the digest of files of the checkout; an absent one counts as empty.
func (in *Installation) fileDigest(names ...string) string {
	var parts []string
	for _, n := range names {
		data, _ := os.ReadFile(filepath.Join(in.Checkout, filepath.FromSlash(n)))
		parts = append(parts, n, string(data))
	}
	return digest(parts...)
}

// sourceDigest is the SHA-256 of everything that decides how the checkout's
// packages compile: names and contents of its Go files without tests, its
// assembly, go.mod and go.sum, and the names and sizes of embedded data.
func (in *Installation) sourceDigest() string {
	h := sha256.New()
	root := os.DirFS(in.Checkout)
	fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // an unreadable folder makes the build fail, which says more
		}
		base := d.Name()
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		ext := filepath.Ext(base)
		switch {
		case strings.HasSuffix(base, "_test.go"):
		case ext == ".go", ext == ".s", ext == ".h", name == "go.mod", name == "go.sum":
			data, err := fs.ReadFile(root, name)
			fmt.Fprintf(h, "%s %d %v\n", name, len(data), err)
			h.Write(data)
		case strings.HasPrefix(name, "notebooks/") && ext != ".ipynb" || strings.HasPrefix(name, "quantlib/"):
			if info, err := d.Info(); err == nil {
				fmt.Fprintf(h, "%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
			}
		}
		return nil
	})
	return hex.EncodeToString(h.Sum(nil))
}
