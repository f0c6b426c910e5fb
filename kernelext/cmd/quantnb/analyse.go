package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/quantnb/quantnb/kernelext/cmd/quantnb/internal/report"
)

var analyse = command{
	name: "analyse", args: "MODEL",
	short: "Measure what each layer of a network loses at each width",
	long: `Prints a table of the noise at the network's output when one layer at a time runs
at each of the widths, the accuracy of all layers at one width, the best plan of
the size of a uniform one, how far predictions can be believed, and what ties
layers together. -json prints the same as JSON, -out writes a page with pictures,
which needs nothing else to be read.

` + dataHelp + `

An interrupt prints what was done until then; the exit status is 130.`,
	define: func(fs *flag.FlagSet) func(context.Context, streams, []string) error {
		q := ask(fs)
		asJSON := fs.Bool("json", false, "print JSON")
		out := fs.String("out", "", "write a page with pictures to `report.html`")
		return func(ctx context.Context, std streams, args []string) error {
			s, err := q.open(args)
			if err != nil {
				return err
			}
			if err := writable(*out); err != nil {
				return err
			}
			s.study.Progress = progress(std, q.quiet)
			a := newAnalysis(q, s, "analyse")
			failed := a.run(ctx, []step{
				{"reading the model", true, a.layers},
				{"calibration", true, a.calibrate},
				{"accuracy at uniform widths", false, a.uniform},
				{"noise of each layer", true, a.measure},
				{"roofline", false, a.roofline},
				{"frontier", false, a.frontier},
				{"plan", false, a.suggest},
				{"predictions checked", false, a.check},
				{"ties", false, a.ties},
			})
			return a.finish(ctx, std, failed, *asJSON, *out)
		}
	},
}

// writable reports early that a file cannot be written, before work is lost.
func writable(path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(filepath.Dir(path))
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a folder", filepath.Dir(path))
	}
	if err == nil {
		if info, e := os.Stat(path); e == nil && info.IsDir() {
			err = fmt.Errorf("%s is a folder", path)
		}
	}
	return err
}

// step is a part of an analysis. That a needed one fails ends it; another's
// failure becomes a warning.
type step struct {
	name   string
	needed bool
	do     func(context.Context) error
}

// run does steps in turn until one that is needed fails or ctx ends.
func (a *analysis) run(ctx context.Context, steps []step) error {
	for _, s := range steps {
		start := time.Now()
		err := ctx.Err()
		if err == nil {
			err = s.do(ctx)
		}
		switch {
		case err != nil && ctx.Err() != nil:
			a.report.Interrupted = s.name
			return ctx.Err()
		case err != nil && s.needed:
			return err
		case err != nil:
			a.warn("%s: %v", s.name, err)
		}
		a.report.Steps = append(a.report.Steps, report.Step{Name: s.name, Seconds: report.Number(time.Since(start).Seconds())})
	}
	return nil
}

// finish writes the report in its forms, whole or as far as it came.
func (a *analysis) finish(ctx context.Context, std streams, failed error, asJSON bool, page string) error {
	if failed != nil && a.report.Interrupted == "" {
		return failed
	}
	a.figures()
	if page != "" {
		if err := writeFile(page, a.report.HTML); err != nil {
			return err
		}
		fmt.Fprintf(std.err, "written: %s\n", page)
	}
	write := a.report.Text
	if asJSON {
		write = a.report.JSON
	}
	if err := write(std.out); err != nil {
		return err
	}
	if failed != nil {
		fmt.Fprintf(std.err, "quantnb: interrupted during: %s\n", a.report.Interrupted)
		return exitCode(130)
	}
	return nil
}

// writeFile makes path hold what write writes, or leaves it as it was.
func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = write(f); err == nil {
		err = f.Chmod(0o644)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}
