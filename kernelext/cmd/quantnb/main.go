// Command quantnb asks of a network what each layer loses at each width, makes
// plans within limits, and sets up and runs the "Go + QuantNB" notebook kernel.
//
//	quantnb analyse   what each layer loses: text, JSON, or a page with pictures
//	quantnb plan      the best widths within limits, as a plan or a quantized network
//	quantnb compare   scorers beside each other, and the plans they lead to
//	quantnb lab       set up what is missing and open JupyterLab on the notebooks
//	quantnb install   put the kernel into a Jupyter of your own
//	quantnb doctor    check every part and name the remedies
//
// Each verb takes -h.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// A command is one verb. define declares its flags and returns what runs it
// once they are parsed.
type command struct {
	name  string
	args  string // after the flags, as the usage line shows them
	short string // one line
	long  string // the rest of the help; may be empty
	// define is called once for each run.
	define func(fs *flag.FlagSet) func(ctx context.Context, std streams, args []string) error
}

// streams are where a verb writes: results to out, everything else to err.
type streams struct{ out, err io.Writer }

// commands are the verbs, in the order in which help lists them. A new verb is
// a file with a command in it, and a line here.
var commands = []command{
	analyse,
	planning,
	comparing,
	lab,
	install,
	warm,
	doctor,
	kernel,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// exitCode is an error that has been reported already.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// run dispatches to a verb and returns the exit status: 0 for success, 1 for a
// failure, 2 for wrong usage, 130 for an interrupt.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		help(stderr)
		return 2
	}
	switch args[0] {
	case "-h", "-help", "--help", "help":
		if len(args) < 2 {
			help(stdout)
			return 0
		}
		args = []string{args[1], "-h"}
	}
	for _, c := range commands {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdout, stderr)
		}
	}
	fmt.Fprintf(stderr, "quantnb: there is no verb %q\n\n", args[0])
	help(stderr)
	return 2
}

func help(w io.Writer) {
	fmt.Fprint(w, "Usage: quantnb VERB [flags]\n\n")
	for _, c := range commands {
		fmt.Fprintf(w, "  %-9s %s\n", c.name, c.short)
	}
	fmt.Fprint(w, "\nquantnb VERB -h tells more.\n")
}

func (c command) run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("quantnb "+c.name, flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		w := fs.Output()
		fmt.Fprintf(w, "Usage: quantnb %s [flags] %s\n\n%s.\n", c.name, c.args, c.short)
		if c.long != "" {
			fmt.Fprintf(w, "\n%s\n", c.long)
		}
		fmt.Fprintln(w, "\nFlags:")
		fs.PrintDefaults()
	}
	do := c.define(fs)
	for _, a := range args {
		if a == "-h" || a == "--help" || a == "-help" {
			fs.SetOutput(stdout) // asked for, so it is the output
		}
	}
	var rest []string
	for { // flags may stand after what they are about, too
		if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
			return 0
		} else if err != nil {
			return 2
		}
		if args = fs.Args(); len(args) == 0 {
			break
		}
		rest, args = append(rest, args[0]), args[1:]
	}
	err := do(ctx, streams{stdout, stderr}, rest)
	var code exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(stderr, "quantnb: interrupted")
		return 130
	}
	fmt.Fprintf(stderr, "quantnb %s: %v\n", c.name, err)
	var u usage
	if errors.As(err, &u) {
		fmt.Fprintf(stderr, "quantnb %s -h tells more.\n", c.name)
		return 2
	}
	return 1
}
