package setup

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Check is one thing that the notebooks need.
type Check struct {
	Name   string
	Detail string // what was found
	Err    error  // nil if it is in order
	Remedy string // what to do if it is not
}

// setUpAgain is the remedy for whatever this package itself makes.
const setUpAgain = "go run ./kernelext/cmd/quantnb lab, in the checkout"

// Doctor examines every part and runs a cell if all of them are in order. It
// changes nothing but a temporary folder.
func Doctor(ctx context.Context, cfg Config) []Check {
	cfg.Out = nil
	in, err := Open(ctx, cfg)
	if in == nil || err != nil {
		return []Check{check("Go and checkout", "", err)}
	}
	list := []Check{
		check("Go", in.Go.Version+" in "+in.Go.Root, nil),
		check("checkout", in.Checkout, nil),
		check("home", in.Home, writable(in.Home)),
		in.checkPython(ctx),
	}
	for _, s := range append(in.jupyterSteps(), in.kernelSteps()...) {
		list = append(list, in.checkStep(ctx, s))
	}
	list = append(list, in.checkSpec())
	for _, c := range list {
		if c.Err != nil {
			return append(list, Check{
				Name: "a cell", Err: errors.New("not tried, since something above is not in order"),
				Remedy: "mend that first",
			})
		}
	}
	return append(list, in.checkCell(ctx))
}

// check fills in the remedy that an error carries.
func check(name, detail string, err error) Check {
	c := Check{Name: name, Detail: detail, Err: err}
	var m *Missing
	switch {
	case errors.As(err, &m):
		c.Err, c.Remedy = fmt.Errorf("%s is missing: %s", m.What, m.Why), m.Remedy
	case err != nil:
		c.Remedy = setUpAgain
	}
	return c
}

// writable reports whether files can be made in dir, or in the nearest folder
// above it that exists.
func writable(dir string) error {
	for {
		f, err := os.CreateTemp(dir, ".doctor-*")
		if err == nil {
			f.Close()
			return os.Remove(f.Name())
		}
		if !errors.Is(err, os.ErrNotExist) || dir == filepath.Dir(dir) {
			return &Missing{
				What:   "a writable home folder",
				Why:    err.Error(),
				Remedy: "export " + HomeVariable + "=/some/writable/folder",
			}
		}
		dir = filepath.Dir(dir)
	}
}

func (in *Installation) checkPython(ctx context.Context) Check {
	p, err := findPython(ctx, in.python)
	if err != nil {
		return check("Python", "", err)
	}
	return check("Python", p.String(), nil)
}

// versions are the commands that show whether a program runs at all.
var versions = map[string][]string{
	"gonb":      {"-V"}, // names the version of its last version.txt, not of its module
	"goimports": {"-h"}, // it has no version, and -h ends with status 2
	"gopls":     {"version"},
}

// checkStep reports whether a step is up to date and whether its output works.
func (in *Installation) checkStep(ctx context.Context, s step) Check {
	stamp := in.stamp(s)
	if !s.current(stamp) {
		state := errors.New("not set up")
		if _, err := os.Stat(stamp); err == nil {
			state = errors.New("out of date: what it is made from has changed, or a part of it is gone")
		}
		return check(s.name, "", state)
	}
	switch s.name {
	case "JupyterLab":
		out, err := in.output(ctx, in.venvPython(), "-c",
			"import jupyterlab, nbclient, nbconvert, notebook; print('JupyterLab', jupyterlab.__version__, 'nbconvert', nbconvert.__version__)")
		if err != nil {
			err = fmt.Errorf("the Python environment is damaged: %w", err)
			return Check{Name: s.name, Err: err, Remedy: "rm -r " + in.venv() + "; " + setUpAgain}
		}
		return check(s.name, out+" in "+in.venv(), nil)
	case "gonb", "goimports", "gopls":
		_, err := in.output(ctx, in.bin(s.name), versions[s.name]...)
		var exit *exec.ExitError
		if s.name == "goimports" && errors.As(err, &exit) && exit.ExitCode() == 2 {
			err = nil
		}
		if err != nil {
			return Check{Name: s.name, Err: err, Remedy: "rm " + in.bin(s.name) + "; " + setUpAgain}
		}
		info, err := buildinfo.ReadFile(in.bin(s.name))
		if err != nil {
			return check(s.name, "", err)
		}
		return check(s.name, info.Main.Version+" "+in.bin(s.name), nil)
	case "cell module":
		_, err := in.goCommand(ctx, in.module(), in.cellEnv(), "list", "-deps", "./...")
		return check(s.name, in.module(), err)
	}
	return check(s.name, "up to date", nil)
}

// output runs a program in Jupyter's environment.
func (in *Installation) output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = in.jupyterEnv()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", name, err, tail(errs.String(), 5))
	}
	return strings.TrimSpace(out.String()), nil
}

// checkSpec reads the kernelspec back as Jupyter does.
func (in *Installation) checkSpec() Check {
	file := filepath.Join(in.Dir, "share", "jupyter", "kernels", KernelName, "kernel.json")
	data, err := os.ReadFile(file)
	if err != nil {
		return check("kernelspec", "", err)
	}
	var spec struct{ Argv []string }
	if err := json.Unmarshal(data, &spec); err != nil || len(spec.Argv) < 4 {
		return check("kernelspec", "", fmt.Errorf("%s: damaged: %v", file, err))
	}
	if _, err := os.Stat(spec.Argv[0]); err != nil {
		return check("kernelspec", "", err)
	}
	if _, err := ReadKernelConfig(spec.Argv[3]); err != nil {
		return check("kernelspec", "", err)
	}
	return check("kernelspec", file, nil)
}

// checkCell runs a notebook of one cell through Jupyter and the kernel.
func (in *Installation) checkCell(ctx context.Context) Check {
	const name = "a cell"
	dir, err := os.MkdirTemp("", "quantnb-doctor-*")
	if err != nil {
		return check(name, "", err)
	}
	defer os.RemoveAll(dir)
	const want = "42"
	file := filepath.Join(dir, "doctor.ipynb")
	if err := writeFile(file, codeNotebook("%%\nfmt.Println(6 * 7)"), 0o644); err != nil {
		return check(name, "", err)
	}
	start := time.Now()
	done, err := in.Execute(ctx, ExecuteOptions{
		Notebooks: []string{file}, Out: filepath.Join(dir, "out"), NoHTML: true, Timeout: time.Minute,
	})
	if err != nil {
		c := check(name, "", err)
		if strings.Contains(err.Error(), "permission denied") {
			c.Remedy = "cells are compiled in and run from " + os.TempDir() + "; if programs may not run there, export TMPDIR=/another/folder"
		}
		return c
	}
	data, err := os.ReadFile(done[0].Files[0])
	if err == nil && !bytes.Contains(data, []byte(`"`+want+`\n"`)) {
		err = errors.New("the cell ran, but its output did not come back")
	}
	return check(name, "compiled, ran and answered in "+seconds(time.Since(start)), err)
}

// codeNotebook is a notebook with these code cells.
func codeNotebook(cells ...string) []byte {
	type object = map[string]any
	list := []object{}
	for i, src := range cells {
		list = append(list, object{
			"cell_type": "code", "id": fmt.Sprintf("cell-%d", i+1), "source": src,
			"metadata": object{}, "execution_count": nil, "outputs": []any{},
		})
	}
	data, err := json.Marshal(object{
		"nbformat": 4, "nbformat_minor": 5, "cells": list,
		"metadata": object{
			"kernelspec":    object{"name": KernelName, "display_name": DisplayName, "language": "go"},
			"language_info": object{"name": "go", "file_extension": ".go"},
		},
	})
	if err != nil {
		panic(err) // strings and maps of them always marshal
	}
	return data
}
