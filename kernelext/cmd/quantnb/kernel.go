package main

import (
	"context"
	"errors"
	"flag"
	"os"

	"github.com/quantnb/quantnb/kernelext/internal/setup"
)

var kernel = command{
	name: "kernel", args: "CONNECTION_FILE",
	short: "Run the kernel; Jupyter starts this",
	long: `The kernelspec names this verb. It sets the environment in which cells compile
and becomes the kernel. In a cell, "%env GOPROXY" with the address of a module proxy
allows imports of modules that are not on this machine yet.`,
	define: func(fs *flag.FlagSet) func(context.Context, streams, []string) error {
		config := fs.String("config", "", "`file` that was written with the kernelspec")
		return func(ctx context.Context, std streams, args []string) error {
			if *config == "" || len(args) != 1 {
				return errors.New("needs -config and the connection file that Jupyter wrote")
			}
			c, err := setup.ReadKernelConfig(*config)
			if err != nil {
				return err
			}
			return c.Exec(args[0], os.Environ())
		}
	},
}
