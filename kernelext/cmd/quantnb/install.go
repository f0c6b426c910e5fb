package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/quantnb/quantnb/kernelext/internal/setup"
)

var install = command{
	name:  "install",
	short: "Put the kernel where a Jupyter of your own finds it",
	long: `Builds what is missing and writes the kernelspec "` + setup.DisplayName + `". Python is not
needed. Choose the place with one of -user (the default), which serves every
Jupyter of this user, and -prefix, such as /usr/local or a virtual environment.
With -lab, JupyterLab is set up in the cache folder too, as the verb lab does it.`,
	define: func(fs *flag.FlagSet) func(context.Context, streams, []string) error {
		cfg := where(fs)
		user := fs.Bool("user", false, "write the kernelspec into the user's Jupyter folder")
		prefix := fs.String("prefix", "", "write the kernelspec below `folder`/share/jupyter/kernels")
		jupyter := fs.Bool("lab", false, "set up JupyterLab too, which needs Python")
		return func(ctx context.Context, std streams, args []string) error {
			if err := noArgs(args); err != nil {
				return err
			}
			if *user && *prefix != "" {
				return errors.New("-user and -prefix exclude each other")
			}
			in, err := setup.Open(ctx, *cfg)
			if err != nil {
				return err
			}
			parts := in.Kernel
			if *jupyter {
				parts = in.All
			}
			if err := parts(ctx); err != nil {
				return err
			}
			write := in.WriteUserSpec
			if *prefix != "" {
				write = func() (string, error) { return in.WriteSpec(*prefix) }
			}
			dir, err := write()
			if err != nil {
				return err
			}
			fmt.Fprintln(std.out, "kernelspec:", dir)
			return nil
		}
	},
}

var warm = command{
	name:  "warm",
	short: "Compile what cells import, so that the first one does not wait",
	define: func(fs *flag.FlagSet) func(context.Context, streams, []string) error {
		cfg := where(fs)
		return func(ctx context.Context, std streams, args []string) error {
			if err := noArgs(args); err != nil {
				return err
			}
			in, err := setup.Open(ctx, *cfg)
			if err != nil {
				return err
			}
			return in.Warm(ctx)
		}
	},
}

func noArgs(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q", args[0])
	}
	return nil
}
