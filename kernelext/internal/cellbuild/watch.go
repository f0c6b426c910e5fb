package cellbuild

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// watched names what decides how cells are compiled and linked, beside what lies in
// the module cache, which never changes.
type watched struct {
	Folders []string // of packages: their sources, tests excepted
	Files   []string // and folders, by themselves
}

// fingerprint is a SHA-256 over names, sizes and times of change in seconds, which is
// what layers of container images keep, and over the variables of the environment
// that begin with GO or CGO, those of GoNB and those about downloads excepted.
func (w *watched) fingerprint() string {
	h := sha256.New()
	env := slices.DeleteFunc(os.Environ(), func(e string) bool {
		key, value, _ := strings.Cut(e, "=")
		return !strings.HasPrefix(strings.TrimPrefix(key, "C"), "GO") || strings.HasPrefix(key, "GONB") || value == "" ||
			slices.Contains(downloads, key)
	})
	slices.Sort(env)
	fmt.Fprintf(h, "%q\n", slices.Compact(env))
	w.each(func(file string, info os.FileInfo) {
		if info == nil {
			fmt.Fprintf(h, "%q none\n", file)
			return
		}
		size := info.Size()
		if info.IsDir() { // depends on the file system
			size = 0
		}
		fmt.Fprintf(h, "%q %v %d %d\n", file, info.Mode(), size, info.ModTime().Unix())
	})
	return hex.EncodeToString(h.Sum(nil))
}

// downloads are variables that do not change a program whose modules are there.
var downloads = []string{"GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE", "GOAUTH", "GOVCS"}

// settle waits until nothing watched has changed within the last two seconds, so
// that a change after it has another time.
func (w *watched) settle() {
	newest := time.Time{}
	w.each(func(_ string, info os.FileInfo) {
		if info != nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	})
	if since := time.Since(newest); since >= 0 && since < 2*time.Second {
		time.Sleep(2*time.Second - since)
	}
}

// each calls f for all that is watched; info is nil for what is not there.
func (w *watched) each(f func(file string, info os.FileInfo)) {
	stat := func(file string) {
		info, err := os.Stat(file)
		if err != nil {
			info = nil
		}
		f(file, info)
	}
	for _, dir := range w.Folders {
		entries, err := os.ReadDir(dir)
		if err != nil {
			f(dir, nil)
		}
		for _, e := range entries {
			if source(e.Name()) && !e.IsDir() {
				stat(filepath.Join(dir, e.Name()))
			}
		}
	}
	for _, file := range w.Files {
		stat(file)
	}
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
