package setup

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// KernelConfig is what the kernel must know to start. It is kept as JSON beside
// the generated module; the kernelspec names the file.
type KernelConfig struct {
	Gonb   string   // the kernel program
	Bin    string   // folder of goimports and gopls
	Shim   string   // folder of the program that stands before the go command
	Go     string   // the go command
	GoRoot string   // toolchain that compiles cells
	Module string   // folder of the generated module
	Record string   // folder of how cells are compiled and linked
	Env    []string // KEY=VALUE, beside the caller's environment
}

// RawErrors names the environment variable which, when set to 1, makes the
// kernel put compiler errors into the traceback as text and not into HTML; a
// headless run sets it.
const RawErrors = "QUANTNB_RAW_ERRORS"

// cellEnv is the environment in which cells are compiled. Measured per cell
// against the defaults: GOPROXY=off saves the network query that precedes each
// build (and the shim the rest of that step), -ldflags=-s a third of linking,
// packages without debugger's tables a tenth of it, and without cgo nothing waits for
// a C compiler. GOWORK must be found next to the cell, and GO111MODULE and GOTOOLCHAIN
// must not be what a user once stored with "go env -w".
func (in *Installation) cellEnv() []string {
	return withEnv(os.Environ(), cellSettings()...)
}

func cellSettings() []string {
	return []string{
		"GOPROXY=off",
		"GOFLAGS=-ldflags=-s -gcflags=all=-dwarf=false",
		"CGO_ENABLED=0",
		"GOWORK=",
		"GO111MODULE=on",
		"GOTOOLCHAIN=local",
	}
}

func (in *Installation) kernelConfig() string { return filepath.Join(in.Dir, "kernel.json") }

func (in *Installation) writeKernelConfig() error {
	data, err := json.MarshalIndent(KernelConfig{
		Gonb: in.bin("gonb"), Bin: in.path("bin"), Shim: filepath.Dir(in.shim()), Go: in.Go.Command,
		GoRoot: in.Go.Root, Module: in.module(), Record: in.records(),
		Env: append(cellSettings(), "GOCACHE="+in.Go.Cache, "GOMODCACHE="+in.Go.Mod),
	}, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(in.kernelConfig(), append(data, '\n'), 0o644)
}

// ReadKernelConfig reads the file that a kernelspec names and checks that what
// it points at is still there.
func ReadKernelConfig(name string) (KernelConfig, error) {
	var c KernelConfig
	data, err := os.ReadFile(name)
	if err != nil {
		return c, gone(name, err)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	for _, need := range []string{
		c.Gonb,
		filepath.Join(c.Bin, "goimports"),
		filepath.Join(c.Shim, "go"),
		c.Go,
		filepath.Join(c.GoRoot, "bin"),
		filepath.Join(c.Module, "go.mod"),
	} {
		if _, err := os.Stat(need); err != nil {
			return c, gone(need, err)
		}
	}
	return c, nil
}

func gone(name string, err error) error {
	return &Missing{
		What:   "a part of the kernel",
		Why:    fmt.Sprintf("%s: %v", name, err),
		Remedy: "run quantnb lab (or quantnb install) again in the checkout",
	}
}

// Command returns the program, arguments and environment that run the kernel
// for the connection file which Jupyter wrote. base is the caller's
// environment.
func (c KernelConfig) Command(connection string, base []string) (argv, env []string) {
	argv = []string{c.Gonb, "-kernel", connection, "-go_work", c.Module}
	path := ""
	for _, e := range base {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			path = v
		}
		if e == RawErrors+"=1" {
			argv = append(argv, "-raw_error")
		}
	}
	list := []string{c.Shim, c.Bin, filepath.Join(c.GoRoot, "bin")}
	if path != "" {
		list = append(list, path)
	}
	set := append([]string{"QUANTNB_GO=" + c.Go, "QUANTNB_MODULE=" + c.Module, "QUANTNB_RECORDS=" + c.Record,
		"PATH=" + strings.Join(list, string(os.PathListSeparator))}, c.Env...)
	return argv, withEnv(base, set...)
}
