package setup

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed python/execute.py
var executeSource string

// ExecuteOptions says what a headless run does.
type ExecuteOptions struct {
	Notebooks []string      // .ipynb files; none means all in the checkout's notebooks folder
	Out       string        // folder for the results; "" means one in the home folder
	NoHTML    bool          // write only the executed notebooks
	Timeout   time.Duration // for one cell; 0 means ten minutes
}

// Executed is one notebook that ran.
type Executed struct {
	Notebook string         // the source
	Files    []string       // what was written: .ipynb, and .html unless ExecuteOptions.NoHTML
	Images   map[string]int // how many outputs hold "image/png", "image/svg+xml", …
	Duration time.Duration
}

// CellError is a cell that failed in a headless run.
type CellError struct {
	Notebook  string
	Cell      int    // among all cells of the notebook, from 1; 0 if it failed before the first
	Number    int    // among the code cells, from 1
	Line      int    // in the cell, from 1; 0 if unknown
	Source    string // of the cell
	Value     string // what the kernel says, such as "exit status 2"
	Stderr    string // what the cell wrote, which holds the stack of a panic
	Traceback string // of the kernel, which holds the compiler's errors
}

func (e *CellError) Error() string {
	var b strings.Builder
	if e.Cell == 0 {
		fmt.Fprintf(&b, "%s did not run: %s", e.Notebook, e.Value)
		return b.String()
	}
	fmt.Fprintf(&b, "%s: code cell %d (cell %d of the notebook) failed", e.Notebook, e.Number, e.Cell)
	if e.Line > 0 {
		fmt.Fprintf(&b, " at line %d", e.Line)
	}
	fmt.Fprintf(&b, ": %s\n", firstLine(e.Value))
	for i, line := range strings.Split(strings.TrimRight(e.Source, "\n"), "\n") {
		mark := ' '
		if i+1 == e.Line {
			mark = '>'
		}
		fmt.Fprintf(&b, " %c %3d | %s\n", mark, i+1, line)
	}
	for _, part := range []struct{ title, text string }{
		{"traceback", e.Traceback}, {"standard error of the cell", e.Stderr},
	} {
		if text := tail(part.text, 60); text != "" && text != strings.TrimSpace(e.Value) {
			fmt.Fprintf(&b, "%s:\n%s\n", part.title, text)
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// firstLine is the first line of s that says something; the compiler's begins
// with the name of the package after a #.
func firstLine(s string) string {
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return line
		}
	}
	return ""
}

// Notebooks lists the notebooks of the checkout, sorted.
func (in *Installation) Notebooks() []string {
	list, _ := filepath.Glob(filepath.Join(in.Checkout, "notebooks", "*.ipynb"))
	slices.Sort(list)
	return list
}

// Execute runs notebooks headless, each by a kernel of its own, and stops at
// the first cell that fails: with a *CellError, and the notebook written as far
// as it came. The installation must be complete; see All.
func (in *Installation) Execute(ctx context.Context, opt ExecuteOptions) ([]Executed, error) {
	books := opt.Notebooks
	if len(books) == 0 {
		if books = in.Notebooks(); len(books) == 0 {
			return nil, fmt.Errorf("no notebooks in %s", filepath.Join(in.Checkout, "notebooks"))
		}
	}
	out, err := in.outFolder(opt.Out)
	if err != nil {
		return nil, err
	}
	list, err := absolute(books)
	if err != nil {
		return nil, err
	}
	timeout := opt.Timeout
	if timeout == 0 {
		timeout = 10 * time.Minute
	}
	arg, err := json.Marshal(map[string]any{
		"notebooks": list, "out": out, "html": !opt.NoHTML,
		"timeout": timeout.Seconds(), "kernel": KernelName,
	})
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, in.venvPython(), "-c", executeSource, string(arg))
	// An empty configuration folder: results must not depend on the user's.
	config := in.path("config")
	if err := os.MkdirAll(config, 0o755); err != nil {
		return nil, err
	}
	cmd.Env = withEnv(in.jupyterEnv(), RawErrors+"=1", "QUANTNB_HEADLESS=1", "JUPYTER_CONFIG_DIR="+config, "JUPYTER_NO_CONFIG=1")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // which stops the kernel too
	cmd.WaitDelay = 10 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, gone(in.venvPython(), err)
	}
	done, failed, readErr := in.follow(pipe)
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return done, ctx.Err()
	case failed != nil:
		return done, failed
	case err != nil:
		return done, fmt.Errorf("running notebooks: %w\n%s", err, tail(stderr.String(), 20))
	case readErr != nil:
		return done, readErr
	case len(done) != len(list):
		return done, fmt.Errorf("running notebooks: %d of %d came back\n%s", len(done), len(list), tail(stderr.String(), 20))
	}
	return done, nil
}

// outFolder makes the folder of results.
func (in *Installation) outFolder(out string) (string, error) {
	if out == "" {
		out = filepath.Join(in.Dir, "executed")
	}
	out, err := filepath.Abs(out)
	if err != nil {
		return "", err
	}
	return out, os.MkdirAll(out, 0o755)
}

// absolute makes paths absolute and checks that they exist and have names of
// their own, since results are written side by side.
func absolute(books []string) ([]string, error) {
	var list []string
	names := map[string]string{}
	for _, b := range books {
		abs, err := filepath.Abs(b)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(abs); err != nil {
			return nil, err
		}
		if filepath.Ext(abs) != ".ipynb" {
			return nil, fmt.Errorf("%s is not a notebook (.ipynb)", b)
		}
		if other, ok := names[filepath.Base(abs)]; ok {
			return nil, fmt.Errorf("%s and %s would write the same result", other, b)
		}
		names[filepath.Base(abs)] = b
		list = append(list, abs)
	}
	return list, nil
}

// event is one line of execute.py.
type event struct {
	Event, Notebook, Kind             string
	Number, Of, Cell, Execution       int
	Seconds                           float64
	Files                             []string
	Images                            map[string]int
	Source, Stderr, Evalue, Traceback string
}

// follow turns the events into progress lines and results.
func (in *Installation) follow(events interface{ Read([]byte) (int, error) }) (done []Executed, failed *CellError, err error) {
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 64<<20) // an event may carry all that a cell printed
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return done, failed, fmt.Errorf("running notebooks: unexpected output %q", lines.Text())
		}
		name := filepath.Base(e.Notebook)
		switch e.Event {
		case "cell":
			if e.Number == 1 {
				in.log.printf("%s: kernel started, %d code cells", name, e.Of)
			}
		case "ran":
			in.log.printf("%s: cell %d of %d ran in %.2f s", name, e.Number, e.Of, e.Seconds)
		case "written":
			done = append(done, Executed{e.Notebook, e.Files, e.Images, time.Duration(e.Seconds * float64(time.Second))})
			for _, f := range e.Files {
				in.log.printf("%s: wrote %s", name, f)
			}
		case "failed":
			failed = newCellError(e)
		}
	}
	return done, failed, lines.Err()
}

func newCellError(e event) *CellError {
	c := &CellError{
		Notebook: e.Notebook, Cell: e.Cell, Number: e.Number, Source: e.Source,
		Value: plain(e.Evalue), Stderr: plain(e.Stderr), Traceback: plain(e.Traceback),
	}
	switch e.Kind {
	case "timeout":
		c.Value = "it took longer than the time allowed for a cell"
	case "dead":
		c.Value = "the kernel died"
	}
	c.Line = cellLine(c.Traceback+"\n"+c.Stderr, e.Execution)
	return c
}

var (
	ansi     = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
	cellMark = regexp.MustCompile(`Cell ?\[(\d+)\]:? Line (\d+)`)
)

// plain removes terminal colours.
func plain(s string) string { return ansi.ReplaceAllString(s, "") }

// cellLine finds the first place in text where the kernel names a line of the
// cell with this execution count; 0 if there is none.
func cellLine(text string, execution int) int {
	for _, m := range cellMark.FindAllStringSubmatch(text, -1) {
		if m[1] == strconv.Itoa(execution) {
			line, _ := strconv.Atoi(m[2])
			return line
		}
	}
	return 0
}

// IsCellError reports whether err is a failing cell, and not a failing setup.
func IsCellError(err error) bool {
	var c *CellError
	return errors.As(err, &c)
}
