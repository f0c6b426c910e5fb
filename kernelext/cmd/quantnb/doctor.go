package main

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"github.com/quantnb/quantnb/kernelext/internal/setup"
)

var doctor = command{
	name:  "doctor",
	short: "Check every part and name the remedy for what is broken",
	long:  "The exit status is 1 if something is broken.",
	define: func(fs *flag.FlagSet) func(context.Context, streams, []string) error {
		cfg := where(fs)
		return func(ctx context.Context, std streams, args []string) error {
			if err := noArgs(args); err != nil {
				return err
			}
			broken := 0
			for _, c := range setup.Doctor(ctx, *cfg) {
				if c.Err == nil {
					fmt.Fprintf(std.out, "ok      %-15s %s\n", c.Name, c.Detail)
					continue
				}
				broken++
				text := strings.ReplaceAll(c.Err.Error(), "\n", "\n"+strings.Repeat(" ", 24))
				fmt.Fprintf(std.out, "BROKEN  %-15s %s\n", c.Name, text)
				fmt.Fprintf(std.out, "%24s→ %s\n", "", c.Remedy)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if broken > 0 {
				return exitCode(1)
			}
			return nil
		}
	},
}
