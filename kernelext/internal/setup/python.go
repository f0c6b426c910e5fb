package setup

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

var (
	//go:embed python/requirements.txt
	requirements string
	//go:embed python/constraints.txt
	constraints string
	//go:embed python/overrides.json
	labOverrides []byte
	//go:embed python/probe.py
	probeSource string
)

// minPython is the oldest Python that requirements.txt serves.
var minPython = [2]int{3, 9}

// python is an interpreter that was asked about itself.
type python struct {
	Exe     string // absolute path of the real interpreter, behind any shim
	Version [3]int
	Venv    bool // venv and ensurepip are there
}

func (p python) String() string {
	return fmt.Sprintf("Python %d.%d.%d (%s)", p.Version[0], p.Version[1], p.Version[2], p.Exe)
}

func (p python) old() bool {
	return p.Version[0] != minPython[0] || p.Version[1] < minPython[1]
}

func askPython(ctx context.Context, exe string) (python, error) {
	var p python
	cmd := exec.CommandContext(ctx, exe, "-c", probeSource)
	cmd.Env = pythonEnv()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return p, fmt.Errorf("%s: %w: %s", exe, err, tail(errs.String(), 3))
	}
	if err := json.Unmarshal(out.Bytes(), &p); err != nil {
		return p, fmt.Errorf("%s does not answer as a Python does: %q", exe, tail(out.String(), 3))
	}
	return p, nil
}

// findPython returns the first interpreter that is new enough and can make an
// environment: the one that the caller names, or else those on PATH.
func findPython(ctx context.Context, named string) (python, error) {
	names := []string{"python3", "python", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python3.9"}
	if named != "" {
		names = []string{named}
	}
	var found []string
	var bare *python // new enough, without venv
	for _, name := range names {
		exe, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		p, err := askPython(ctx, exe)
		switch {
		case ctx.Err() != nil:
			return p, ctx.Err()
		case err != nil:
			found = append(found, err.Error())
		case p.old():
			found = append(found, p.String()+" is too old")
		case !p.Venv:
			if bare == nil {
				bare = &p
			}
		default:
			return p, nil
		}
	}
	if bare != nil {
		return python{}, &Missing{
			What:   "Python's venv module",
			Why:    bare.String() + " has no venv or no ensurepip",
			Remedy: packageRemedy("python3-venv", bare),
		}
	}
	why := "no " + strings.Join(names, ", ") + " on PATH"
	if len(found) > 0 {
		why = "found only " + strings.Join(found, "; ")
	}
	return python{}, &Missing{
		What:   fmt.Sprintf("Python %d.%d or later", minPython[0], minPython[1]),
		Why:    why,
		Remedy: packageRemedy("python3", nil),
	}
}

// packageRemedy is the command that installs Python, or its venv module for
// the interpreter p, on this system.
func packageRemedy(pkg string, p *python) string {
	if runtime.GOOS == "darwin" {
		return "brew install python3"
	}
	sudo := "sudo "
	if os.Geteuid() == 0 {
		sudo = ""
	}
	has := func(name string) bool { _, err := exec.LookPath(name); return err == nil }
	switch {
	case has("apt-get"):
		if p == nil {
			return sudo + "apt-get install python3 python3-venv"
		}
		if pkg == "python3-venv" && !strings.HasPrefix(p.Exe, "/usr/bin/") {
			return sudo + "apt-get install python3-venv, which serves Debian's own python3, and put /usr/bin first on PATH"
		}
		return sudo + "apt-get install " + pkg
	case has("dnf"):
		return sudo + "dnf install python3 python3-pip"
	case has("apk"):
		return sudo + "apk add python3 py3-pip"
	case has("pacman"):
		return sudo + "pacman -S python"
	case has("zypper"):
		return sudo + "zypper install python3 python3-pip"
	}
	return "https://www.python.org/downloads/"
}

// pythonEnv is the caller's environment without what would make an
// interpreter load packages from elsewhere.
func pythonEnv() []string {
	var env []string
	for _, e := range os.Environ() {
		key, _, _ := strings.Cut(e, "=")
		switch key {
		case "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__":
		default:
			env = append(env, e)
		}
	}
	return append(env, "PYTHONNOUSERSITE=1")
}

func (in *Installation) venv() string       { return in.path("venv") }
func (in *Installation) venvPython() string { return filepath.Join(in.venv(), "bin", "python") }

func (in *Installation) labSettings() string {
	return filepath.Join(in.venv(), "share", "jupyter", "lab", "settings", "overrides.json")
}

// jupyterSteps makes the Python environment. It asks for an interpreter only
// when there is something to do.
func (in *Installation) jupyterSteps() []step {
	return []step{{
		name: "JupyterLab", note: "making a Python environment, one to three minutes the first time",
		digest:  digest(requirements, constraints, string(labOverrides)),
		outputs: []string{in.venvPython(), filepath.Join(in.venv(), "bin", "jupyter-lab"), in.labSettings()},
		do:      in.makeVenv,
	}}
}

// makeVenv makes the environment anew: one that half exists is worth nothing.
func (in *Installation) makeVenv(ctx context.Context) error {
	p, err := findPython(ctx, in.python)
	if err != nil {
		return err
	}
	in.log.printf("%-14s with %v", "JupyterLab", p)
	if err := in.python3(ctx, p.Exe, "-m", "venv", "--clear", in.venv()); err != nil {
		os.RemoveAll(in.venv())
		return err
	}
	lists := filepath.Join(in.venv(), "quantnb")
	reqs, cons := filepath.Join(lists, "requirements.txt"), filepath.Join(lists, "constraints.txt")
	if err := writeFile(reqs, []byte(requirements), 0o644); err != nil {
		return err
	}
	if err := writeFile(cons, []byte(constraints), 0o644); err != nil {
		return err
	}
	if err := in.python3(ctx, in.venvPython(), "-m", "pip", "install", "--no-input",
		"--disable-pip-version-check", "-r", reqs, "-c", cons); err != nil {
		return err
	}
	return writeFile(in.labSettings(), labOverrides, 0o644)
}

// python3 runs an interpreter with its output in a log file, whose last lines
// are in the error.
func (in *Installation) python3(ctx context.Context, exe string, args ...string) error {
	var log bytes.Buffer
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Env = pythonEnv()
	cmd.Stdout, cmd.Stderr = &log, &log
	err := cmd.Run()
	file := in.path("logs", "python.log")
	if werr := writeFile(file, log.Bytes(), 0o644); werr != nil && err == nil {
		return werr
	}
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	text := tail(log.String(), 12)
	if offline(text) {
		return &Missing{
			What:   "the network, for Python packages",
			Why:    text + "\n  (all of it: " + file + ")",
			Remedy: "connect, or name a package index or a folder of wheels that pip reaches (PIP_INDEX_URL, PIP_FIND_LINKS), and run it again",
		}
	}
	return fmt.Errorf("%s %s: %w\n%s\n  (all of it: %s)", exe, strings.Join(args, " "), err, text, file)
}

// jupyterEnv is the environment of every program of the Python environment:
// this checkout's kernelspec is found first, and nothing global is needed.
func (in *Installation) jupyterEnv() []string {
	env := pythonEnv()
	path := os.Getenv("PATH")
	data := filepath.Join(in.Dir, "share", "jupyter")
	if old := os.Getenv("JUPYTER_PATH"); old != "" {
		data += string(os.PathListSeparator) + old
	}
	return withEnv(env,
		"PATH="+filepath.Join(in.venv(), "bin")+string(os.PathListSeparator)+path,
		"VIRTUAL_ENV="+in.venv(),
		"JUPYTER_PATH="+data,
		"JUPYTER_PREFER_ENV_PATH=1",
		"JUPYTER_PLATFORM_DIRS=0",
	)
}
