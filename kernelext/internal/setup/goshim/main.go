//go:build unix

// Goshim stands before the go command on the kernel's PATH. GoNB runs "go get"
// without arguments before it compiles a cell; with GOPROXY=off that can fetch
// nothing and only reads all requirements once more. This answers it at once. "go
// build", as GoNB calls it, is done after a record of the compiler's and the linker's
// command lines, see package cellbuild, where that is possible. Everything else is
// handed to the go command that QUANTNB_GO names.
//
// "go quantnb-record" makes such a record.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"

	"github.com/quantnb/quantnb/kernelext/internal/cellbuild"
)

const recordVerb = "quantnb-record"

func main() {
	cellbuild.Tool()
	args := os.Args[1:]
	if os.Getenv("GOPROXY") == "off" && idle(args) {
		return
	}
	path := os.Getenv("QUANTNB_GO")
	if path == "" {
		fmt.Fprintln(os.Stderr, "go: QUANTNB_GO does not name the go command; run quantnb lab (or quantnb install) again")
		os.Exit(1)
	}
	records, module := os.Getenv("QUANTNB_RECORDS"), os.Getenv("QUANTNB_MODULE")
	if len(args) > 0 && args[0] == recordVerb {
		like := ""
		if len(args) > 1 {
			like = args[1]
		}
		if err := cellbuild.Make(context.Background(), records, path, module, like); err != nil {
			fmt.Fprintln(os.Stderr, "go:", err)
			os.Exit(1)
		}
		return
	}
	if records != "" && module != "" && len(args) == 3 && args[0] == "build" && args[1] == "-o" {
		if build(path, records, args) {
			return
		}
	}
	err := syscall.Exec(path, slices.Concat([]string{"go"}, args), os.Environ())
	fmt.Fprintf(os.Stderr, "go: %s: %v\n", path, err)
	os.Exit(1)
}

// idle reports whether args are what GoNB gives to fetch what a cell, or a cell
// of tests, lacks.
func idle(args []string) bool {
	return slices.Equal(args, []string{"get"}) || slices.Equal(args, []string{"get", "-t"})
}

// build builds the cell in the working directory, if it can, and has the record made
// again where that is due.
func build(path, records string, args []string) bool {
	dir, err := os.Getwd()
	if err != nil {
		return false
	}
	err = cellbuild.Build(records, dir, args[2])
	if os.Getenv("QUANTNB_RECORDS_VERBOSE") != "" && err != nil {
		fmt.Fprintln(os.Stderr, "go:", err)
	}
	if !cellbuild.Due(records, dir, err) {
		return err == nil
	}
	if err != nil {
		// The go command first: it compiles what has changed, and the cell waits for it.
		cmd := exec.Command(path, args...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if cmd.Run() != nil {
			return false // once more, for its exit code
		}
	}
	self, err := os.Executable()
	if err != nil {
		return true
	}
	again := exec.Command("nice", "-n", "19", self, recordVerb, dir)
	again.Dir = os.TempDir()
	again.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // outlives the cell
	again.Start()                                          // if it cannot start, the next cell tries
	return true
}
