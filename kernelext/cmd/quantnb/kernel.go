package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"

	"github.com/quantnb/quantnb/kernelext/internal/resident"
	"github.com/quantnb/quantnb/kernelext/internal/setup"
)

var kernel = command{
	name: "kernel", args: "CONNECTION_FILE",
	short: "Run the kernel; Jupyter starts this",
	long: `The kernelspec names this verb. It sets the environment in which cells compile
and becomes the kernel. In a cell, "%env GOPROXY" with the address of a module proxy
allows imports of modules that are not on this machine yet.

Beside the kernel runs a process that keeps networks open for cells that ask for it by
nb.Resident; it ends with the kernel. QUANTNB_RESIDENT limits the memory that it may
take: a number of bytes such as 500M or 8G (2G, or half of the machine's memory where
that is less, if it is not set); "off" starts none.`,
	define: func(fs *flag.FlagSet) func(context.Context, streams, []string) error {
		config := fs.String("config", "", "`file` that was written with the kernelspec")
		host := fs.Bool("resident", false, "be the process beside a kernel, which starts it with a folder and its process id")
		return func(ctx context.Context, std streams, args []string) error {
			if *host {
				return runHost(ctx, args)
			}
			if *config == "" || len(args) != 1 {
				return errors.New("needs -config and the connection file that Jupyter wrote")
			}
			c, err := setup.ReadKernelConfig(*config)
			if err != nil {
				return err
			}
			env := os.Environ()
			program, err := os.Executable()
			if err == nil {
				var more []string
				more, err = resident.Start(program, "kernel", "-resident")
				env = append(env, more...)
			}
			if err != nil { // cells do without
				fmt.Fprintf(std.err, "quantnb kernel: no resident session: %v\n", err)
			}
			return c.Exec(args[0], env)
		}
	},
}

func runHost(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("-resident needs a folder and a process id")
	}
	parent, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("-resident: %w", err)
	}
	return resident.Run(ctx, args[0], parent)
}
