// Package setup makes a machine with Go and Python 3 into one that runs the
// "Go + QuantNB" notebook kernel: it builds the pinned kernel and its tools,
// makes a Python environment with JupyterLab, generates the module that cells
// import from, warms the build cache, writes the kernelspec, and runs
// notebooks with or without a browser.
//
// Everything is written below one folder, Config.Home. A step whose inputs have
// not changed since it last succeeded is skipped, so that a second run costs
// almost nothing.
package setup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Module is the path of the module that a checkout must hold.
const Module = "github.com/quantnb/quantnb"

// HomeVariable names the environment variable that moves the cache folder.
const HomeVariable = "QUANTNB_HOME"

// Config says where an installation lives. Its zero value is the usual one.
type Config struct {
	Home     string    // cache folder; "" means DefaultHome
	Checkout string    // root of the source tree; "" means found upwards from the working directory
	Python   string    // interpreter that makes the environment; "" means searched on PATH
	Out      io.Writer // progress lines; nil means none
	Force    bool      // run every step even where nothing has changed
}

// DefaultHome is $QUANTNB_HOME, or quantnb in os.UserCacheDir.
func DefaultHome() (string, error) {
	if home := os.Getenv(HomeVariable); home != "" {
		return filepath.Abs(home)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", &Missing{
			What:   "a cache folder",
			Why:    err.Error(),
			Remedy: "export " + HomeVariable + "=/some/writable/folder",
		}
	}
	return filepath.Join(cache, "quantnb"), nil
}

// FindCheckout walks up from dir to the folder whose go.mod declares Module.
func FindCheckout(dir string) (string, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for at := start; ; at = filepath.Dir(at) {
		mod, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil && declares(string(mod), Module) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", &Missing{
				What:   "the QuantNB source tree",
				Why:    fmt.Sprintf("no go.mod at or above %s declares module %s", start, Module),
				Remedy: "cd into a checkout, or name it with -checkout",
			}
		}
	}
}

func declares(mod, path string) bool {
	for line := range strings.Lines(mod) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "module" {
			return strings.Trim(f[1], `"`) == path
		}
	}
	return false
}

// Installation is one checkout set up in one home folder. Several checkouts may
// share a home: tools and the Python environment are kept once, and what
// depends on a checkout lies in a folder of its own.
type Installation struct {
	Home     string    // absolute
	Checkout string    // absolute
	Dir      string    // what belongs to this checkout, below Home
	Go       Toolchain // the Go that builds tools and cells
	python   string    // Config.Python
	force    bool
	log      *progress
}

// Open resolves cfg. It looks for the Go toolchain and writes nothing.
func Open(ctx context.Context, cfg Config) (*Installation, error) {
	in := &Installation{python: cfg.Python, force: cfg.Force, log: newProgress(cfg.Out)}
	var err error
	if in.Home = cfg.Home; in.Home == "" {
		in.Home, err = DefaultHome()
	} else {
		in.Home, err = filepath.Abs(in.Home)
	}
	if err != nil {
		return nil, err
	}
	from := cfg.Checkout
	if from == "" {
		from = "."
	}
	if in.Checkout, err = FindCheckout(from); err != nil {
		return nil, err
	}
	if in.Checkout, err = filepath.EvalSymlinks(in.Checkout); err != nil {
		return nil, err
	}
	in.Dir = filepath.Join(in.Home, "checkouts", digest(in.Checkout)[:12])
	in.Go, err = findGo(ctx, in.Checkout)
	return in, err
}

// Kernel brings everything up to date that a cell needs, which excludes Python:
// kernel, tools, the module of the cells, and a warm build cache.
func (in *Installation) Kernel(ctx context.Context) error {
	return in.locked(ctx, func() error { return in.run(ctx, in.kernelSteps()) })
}

// All is Kernel and, at the same time, the Python environment with JupyterLab;
// then the kernelspec that only this environment sees.
func (in *Installation) All(ctx context.Context) error {
	return in.locked(ctx, func() error {
		var wg sync.WaitGroup
		var errs [2]error
		// Downloading and unpacking wheels and compiling Go wait for different things.
		wg.Go(func() { errs[0] = in.run(ctx, in.jupyterSteps()) })
		wg.Go(func() { errs[1] = in.run(ctx, in.kernelSteps()) })
		wg.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			return err
		}
		for _, prefix := range []string{in.Dir, in.venv()} {
			if _, err := in.WriteSpec(prefix); err != nil {
				return err
			}
		}
		return nil
	})
}

// Warm compiles again what cells import, whether or not it has changed.
func (in *Installation) Warm(ctx context.Context) error {
	return in.locked(ctx, func() error {
		steps := in.kernelSteps()
		steps[len(steps)-1].digest = "" // the last one warms
		return in.run(ctx, steps)
	})
}

func (in *Installation) path(elem ...string) string {
	return filepath.Join(append([]string{in.Home}, elem...)...)
}

func (in *Installation) bin(name string) string { return in.path("bin", name) }

// Missing says that something which cannot be made here is needed.
type Missing struct {
	What   string // "Python 3.9 or later"
	Why    string // what was looked for, and what was found
	Remedy string // a command, or a sentence
}

func (m *Missing) Error() string {
	return fmt.Sprintf("%s is missing: %s\n  to get it: %s", m.What, m.Why, m.Remedy)
}

// digest is the SHA-256 of parts, each with its length, in hexadecimal.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// writeFile writes data under a temporary name in the same folder and renames
// it, and makes the folder.
func writeFile(name string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err := f.Chmod(mode); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
