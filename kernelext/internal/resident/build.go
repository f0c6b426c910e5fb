package resident

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// built is the Sources of the program's own code, where its build has set it:
//
//	go build -ldflags "-X BuiltSymbol=…"
//
// quantnb install does, so that a host knows what it was made of whatever becomes
// of the files later.
var built string

// BuiltSymbol is built as the linker knows it.
const BuiltSymbol = "github.com/quantnb/quantnb/kernelext/internal/resident.built"

// Build says what code answers in this process: the digest of the sources, the
// toolchain and the machine. It is "" if the sources are not known, as in a program
// built with -trimpath. Cells are compiled right before they run, and look at the
// files.
var Build = sync.OnceValue(func() string {
	sources := built
	if sources == "" {
		_, file, _, ok := runtime.Caller(0)
		root := filepath.Join(filepath.Dir(file), "..", "..", "..")
		if !ok || !filepath.IsAbs(file) {
			return ""
		}
		var err error
		if sources, err = Sources(root); err != nil {
			return ""
		}
	}
	return fmt.Sprintf("%s %s %s", sources, runtime.Version(), runtime.GOARCH)
})

// Sources is the SHA-256 of the names and contents of all that decides what the
// module in root computes: the Go files of quantlib and of this package, without
// tests, the assembly, and go.mod.
func Sources(root string) (string, error) {
	h := sha256.New()
	add := func(name string) error {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		fmt.Fprintf(h, "%s %d\n", filepath.ToSlash(rel), len(data))
		h.Write(data)
		return err
	}
	if err := add(filepath.Join(root, "go.mod")); err != nil {
		return "", err
	}
	for _, folder := range []string{"quantlib", filepath.Join("kernelext", "internal", "resident")} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(name string, d fs.DirEntry, err error) error {
			base := d.Name()
			switch {
			case err != nil:
				return err
			case d.IsDir():
				if base == "testdata" || base == "bench" || strings.HasPrefix(base, ".") {
					return fs.SkipDir
				}
				return nil
			case strings.HasSuffix(base, "_test.go"):
				return nil
			case strings.HasSuffix(base, ".go"), strings.HasSuffix(base, ".s"), strings.HasSuffix(base, ".h"):
				return add(name)
			}
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
