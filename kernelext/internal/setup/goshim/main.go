//go:build unix

// Goshim stands before the go command on the kernel's PATH. GoNB runs "go get"
// without arguments before it compiles a cell; with GOPROXY=off that can fetch
// nothing and only reads all requirements once more. This answers it at once, and
// hands everything else to the go command that QUANTNB_GO names.
package main

import (
	"fmt"
	"os"
	"slices"
	"syscall"
)

func main() {
	if os.Getenv("GOPROXY") == "off" && idle(os.Args[1:]) {
		return
	}
	path := os.Getenv("QUANTNB_GO")
	if path == "" {
		fmt.Fprintln(os.Stderr, "go: QUANTNB_GO does not name the go command; run quantnb lab (or quantnb install) again")
		os.Exit(1)
	}
	argv := slices.Concat([]string{"go"}, os.Args[1:])
	err := syscall.Exec(path, argv, os.Environ())
	fmt.Fprintf(os.Stderr, "go: %s: %v\n", path, err)
	os.Exit(1)
}

// idle reports whether args are what GoNB gives to fetch what a cell, or a cell
// of tests, lacks.
func idle(args []string) bool {
	return slices.Equal(args, []string{"get"}) || slices.Equal(args, []string{"get", "-t"})
}
