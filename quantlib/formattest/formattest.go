// Package formattest holds parsers and exporters of files to the contracts of
// format.Parser and format.Exporter.
//
//	func TestParse(t *testing.T)  { formattest.Parser(t, parse, small) }
//	func TestExport(t *testing.T) { formattest.Exporter(t, export, parse) }
package formattest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/format"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/onnx"
)

// Parser tests that p
//
//   - reads each of the files, twice the same network, and leaves the bytes alone;
//   - refuses an empty file;
//   - of a file cut short at any byte gives an error or the same network, never
//     another network and never a panic;
//   - does not panic on a file with any one byte changed;
//   - gives errors that hold no control characters but tabs and line ends, whatever
//     the file holds.
//
// Files should be small, a kilobyte or so: each byte of each is tried seven times.
// Without a file it fails.
func Parser(t testing.TB, p format.Parser, files ...[]byte) {
	t.Helper()
	if len(files) == 0 {
		t.Errorf("formattest: no file to parse")
	}
	try := func(what string, data []byte) (string, error) {
		t.Helper()
		own := slices.Clone(data)
		g, err := parse(t, p, what, own)
		if !bytes.Equal(own, data) {
			t.Errorf("%s: the parser changes the bytes", what)
		}
		if err != nil {
			printable(t, what, err)
			return "", err
		}
		if g == nil {
			t.Errorf("%s: the parser gives neither a network nor an error", what)
			return "", nil
		}
		f, err := fingerprint(g)
		if err != nil {
			return "", err // a tensor that cannot be read is found out when it is used
		}
		return f, nil
	}
	if _, err := try("an empty file", nil); err == nil {
		t.Errorf("an empty file is accepted")
	}
	for i, data := range files {
		name := fmt.Sprintf("file %d", i)
		whole, err := try(name, data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if again, _ := try(name, data); again != whole {
			t.Errorf("%s: the second time it is another network", name)
		}
		for n := range data {
			what := fmt.Sprintf("the first %d bytes of %d of %s", n, len(data), name)
			if cut, err := try(what, data[:n]); err == nil && cut != whole {
				t.Errorf("%s are taken for another network", what)
			}
		}
		for n := range data {
			for _, flip := range []byte{0x01, 0x20, 0x80, 0xff} {
				bad := slices.Clone(data)
				bad[n] ^= flip
				try(fmt.Sprintf("%s with byte %d changed by %#x", name, n, flip), bad)
			}
			bad := slices.Clone(data)
			bad[n] = 0x1b
			try(fmt.Sprintf("%s with an escape at byte %d", name, n), bad)
		}
	}
}

// parse calls p; a panic is reported.
func parse(t testing.TB, p format.Parser, what string, data []byte) (g *graph.Graph, err error) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s: the parser panics: %v", what, r)
			g, err = nil, fmt.Errorf("panic")
		}
	}()
	return p(data, "")
}

// printable holds an error to what a terminal can show.
func printable(t testing.TB, what string, err error) {
	t.Helper()
	bad := func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }
	if strings.ContainsFunc(err.Error(), bad) {
		t.Errorf("%s: the error holds control characters: %q", what, err)
	}
}

// fingerprint is all that makes the network: nodes, constants, inputs, outputs.
func fingerprint(g *graph.Graph) (string, error) {
	e := g.Edit()
	e.SetModel(&graph.Model{Opsets: g.Model().Opsets, IRVersion: 8})
	bare, err := e.Graph()
	if err != nil {
		return "", err
	}
	data, err := onnx.Encode(bare)
	return string(data), err
}
