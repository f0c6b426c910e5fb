package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/quantnb/quantnb/kernelext/internal/setup"
)

// where declares the flags that every verb about the installation has.
func where(fs *flag.FlagSet) *setup.Config {
	cfg := &setup.Config{Out: os.Stderr}
	fs.StringVar(&cfg.Home, "home", "", "cache `folder` (default $"+setup.HomeVariable+", or quantnb in the user's cache folder)")
	fs.StringVar(&cfg.Checkout, "checkout", "", "`folder` of the QuantNB source tree (default: found upwards from here)")
	fs.StringVar(&cfg.Python, "python", "", "Python `program` that makes the environment (default: searched on PATH)")
	fs.BoolVar(&cfg.Force, "force", false, "do every step again, even where nothing has changed")
	return cfg
}

var lab = command{
	name: "lab", args: "[NOTEBOOK...]",
	short: "Set up what is missing, then open JupyterLab on the notebooks",
	long: `The first run builds the kernel and its tools and installs JupyterLab, all in
the cache folder; it takes a few minutes and needs the network. Later runs
start at once and need none.

With -execute the notebooks run without a browser. The first cell that fails
ends the run with a report and exit status 1. Executed notebooks and HTML are
written to the folder that -out names.`,
	define: func(fs *flag.FlagSet) func(context.Context, streams, []string) error {
		cfg := where(fs)
		var opt setup.LabOptions
		var ex setup.ExecuteOptions
		execute := fs.Bool("execute", false, "run notebooks headless instead: those named, or all of the checkout")
		html := fs.Bool("html", true, "with -execute, write HTML too")
		fs.StringVar(&ex.Out, "out", "", "with -execute, the `folder` for results (default: executed, in the cache folder)")
		fs.DurationVar(&ex.Timeout, "timeout", 10*time.Minute, "with -execute, the time that one cell may take")
		fs.BoolVar(&opt.NoBrowser, "no-browser", false, "print the address and open no browser")
		fs.IntVar(&opt.Port, "port", 0, "`port` of JupyterLab (default 8888, or the next free one)")
		return func(ctx context.Context, std streams, args []string) error {
			if !*execute {
				if ex.Out != "" {
					return errors.New("-out needs -execute")
				}
				if len(args) > 1 {
					return errors.New("one notebook can be opened at a time; -execute runs several")
				}
			}
			in, err := setup.Open(ctx, *cfg)
			if err != nil {
				return err
			}
			if err := in.All(ctx); err != nil {
				return err
			}
			if !*execute {
				if len(args) == 1 {
					opt.Notebook = args[0]
				}
				return in.Lab(ctx, opt)
			}
			ex.Notebooks, ex.NoHTML = args, !*html
			done, err := in.Execute(ctx, ex)
			if err != nil {
				return err
			}
			for _, d := range done {
				images := 0
				for _, n := range d.Images {
					images += n
				}
				fmt.Fprintf(std.out, "%s: %d images, %.1f s\n", filepath.Base(d.Notebook), images, d.Duration.Seconds())
			}
			if len(done) > 0 {
				fmt.Fprintf(std.out, "%d notebooks executed into %s\n", len(done), filepath.Dir(done[0].Files[0]))
			}
			return nil
		}
	},
}
