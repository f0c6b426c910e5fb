package cellbuild

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// watched names what decides how cells are compiled and linked, beside what lies in
// the module cache, which never changes.
type watched struct {
	Folders []string // of packages: their sources, tests excepted
	Files   []string // and folders, by themselves
}

// fingerprint is a SHA-256 over names, sizes and times of change, and over the
// variables of the environment that begin with GO or CGO, those of GoNB excepted.
func (w *watched) fingerprint() string {
	h := sha256.New()
	env := slices.DeleteFunc(os.Environ(), func(e string) bool {
		return !strings.HasPrefix(strings.TrimPrefix(e, "C"), "GO") || strings.HasPrefix(e, "GONB") || strings.HasSuffix(e, "=")
	})
	slices.Sort(env)
	fmt.Fprintf(h, "%q\n", slices.Compact(env))
	for _, dir := range w.Folders {
		entries, err := os.ReadDir(dir)
		if err != nil {
			fmt.Fprintf(h, "%q none\n", dir)
		}
		for _, e := range entries {
			if source(e.Name()) && !e.IsDir() {
				printFile(h, filepath.Join(dir, e.Name()))
			}
		}
	}
	for _, f := range w.Files {
		printFile(h, f)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func printFile(h hash.Hash, file string) {
	info, err := os.Stat(file)
	if err != nil {
		fmt.Fprintf(h, "%q none\n", file)
		return
	}
	fmt.Fprintf(h, "%q %v %d %d\n", file, info.Mode(), info.Size(), info.ModTime().UnixNano())
}

// source reports whether a file of this name in a package's folder is read by the
// go command when it builds the package.
func source(name string) bool {
	if strings.HasSuffix(name, "_test.go") {
		return false
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".go", ".s", ".sx", ".h", ".hh", ".hpp", ".hxx", ".c", ".cc", ".cpp", ".cxx", ".m",
		".f", ".for", ".f90", ".swig", ".swigcxx", ".syso", ".pgo":
		return true
	}
	return false
}
