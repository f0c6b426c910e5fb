// Package onnx reads and writes ONNX files.
//
// Files are read with protobuf's wire format alone. Tensors point into the
// file's bytes, which Open maps, so that opening a large model costs next to
// nothing. What this package does not understand is kept as it is and written
// back. Field numbers are those of onnx.proto:
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/quantnb/quantnb/quantlib/graph"
)

// Open maps a file and decodes it. The mapping stays for as long as the program
// runs, and the file must not change meanwhile. Errors name the file and the
// place in it.
func Open(path string) (*graph.Graph, error) {
	g, _, err := OpenBytes(path)
	return g, err
}

// OpenBytes is Open that also returns the mapped file, which must not be
// changed.
func OpenBytes(path string) (*graph.Graph, []byte, error) {
	data, err := mapFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("onnx: %w", err)
	}
	g, err := Decode(data, filepath.Dir(path))
	if err != nil {
		return nil, nil, fmt.Errorf("onnx: %s: %w", filepath.Base(path), trim(err))
	}
	return g, data, nil
}

// Read decodes what r gives up to its end. External data files are not found.
func Read(r io.Reader) (*graph.Graph, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return Decode(data, "")
}

// Save writes g to a file: under a temporary name in the same folder, which is
// then renamed.
func Save(path string, g *graph.Graph) error {
	data, err := Encode(g)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("onnx: %w", err)
	}
	defer os.Remove(f.Name()) // fails once it is renamed, as it should
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("onnx: %w", err)
	}
	if err := os.Chmod(f.Name(), 0o644); err != nil {
		return fmt.Errorf("onnx: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("onnx: %w", err)
	}
	return nil
}

// foreign says what data is that is not ONNX, "" where that cannot be told.
func foreign(data []byte) string {
	head := bytes.TrimLeft(data[:min(len(data), 64)], " \t\r\n")
	switch {
	case len(data) == 0:
		return "the file is empty"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return "this is a zip archive, not an ONNX file"
	case bytes.HasPrefix(head, []byte("<")):
		return "this is HTML or XML, not an ONNX file"
	case bytes.HasPrefix(head, []byte("{")) && bytes.ContainsAny(head, "\":"):
		return "this is JSON, not an ONNX file"
	case bytes.HasPrefix(head, []byte("version https://git-lfs")):
		return "this is a Git LFS pointer, not the ONNX file itself"
	case len(data) >= 8 && bytes.Equal(data[4:8], []byte("TFL3")):
		return "this is a TensorFlow Lite file, not an ONNX file"
	}
	return ""
}

// placed is an error with the place it happened at; the package's prefix is
// written once, at the outermost.
type placed struct {
	place string
	err   error
}

func (p placed) Error() string {
	return p.place + ": " + strings.TrimPrefix(strings.TrimPrefix(p.err.Error(), "graph: "), "tensor: ")
}

func (p placed) Unwrap() error { return p.err }

func at(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return placed{fmt.Sprintf(format, args...), err}
}

// trim takes the package's prefix off again.
func trim(err error) error {
	var p placed
	if errors.As(err, &p) && p.place == "onnx" {
		return p.err
	}
	return err
}
