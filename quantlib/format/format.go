// Package format reads networks from files, and writes quantized networks to
// files, by the extension of the path. ONNX and JSON are built in; a program
// brings its own with one function each:
//
//	func init() {
//		format.RegisterParser(".acme", parse)
//		format.RegisterExporter(".acme", export)
//	}
package format

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/onnx"
)

// A Parser makes a network of a file's bytes, which it must not change but may
// keep; dir is the folder that the file stands in, for files beside it. A bad
// file is an error that names the place in it, never a panic, and so is one that
// has been cut short, unless the rest of it says the same network.
// formattest.Parser holds it to this.
type Parser func(data []byte, dir string) (*graph.Graph, error)

// An Exporter writes a quantized network. It only reads n. What the format cannot
// express is an error that says so, wraps errors.ErrUnsupported, and comes before
// the first byte is written; a failing w is an error that wraps w's. The same
// network gives the same bytes. formattest.Exporter holds it to this.
type Exporter func(w io.Writer, n *Network) error

var registry = struct {
	sync.RWMutex
	parsers   map[string]Parser
	exporters map[string]Exporter
}{parsers: map[string]Parser{}, exporters: map[string]Exporter{}}

func init() {
	RegisterParser(".onnx", onnx.Decode)
	RegisterExporter(".onnx", QDQ{}.Export)
	RegisterExporter(".json", JSON)
}

// RegisterParser makes a format known to Open by the extension of its files, such
// as ".acme"; upper and lower case are the same.
//
// It panics if p is nil, the extension does not begin with a dot or holds another
// one, a slash or a blank, or a parser for it is there already.
func RegisterParser(ext string, p Parser) {
	if p == nil {
		panic("format: RegisterParser: the parser is nil")
	}
	register("RegisterParser", registry.parsers, ext, p)
}

// RegisterExporter makes a format known to Save by the extension of its files.
//
// It panics as RegisterParser does.
func RegisterExporter(ext string, e Exporter) {
	if e == nil {
		panic("format: RegisterExporter: the exporter is nil")
	}
	register("RegisterExporter", registry.exporters, ext, e)
}

func register[T any](who string, table map[string]T, ext string, v T) {
	if len(ext) < 2 || ext[0] != '.' || strings.ContainsAny(ext[1:], "./\\ \t\n") {
		panic(fmt.Sprintf("format: %s: the extension %q is not a dot and a word", who, ext))
	}
	ext = strings.ToLower(ext)
	registry.Lock()
	defer registry.Unlock()
	if _, dup := table[ext]; dup {
		panic(fmt.Sprintf("format: %s called twice for %s", who, ext))
	}
	table[ext] = v
}

// Parsers is the extensions that Open knows, sorted.
func Parsers() []string { return extensions(registry.parsers) }

// Exporters is the extensions that Save knows, sorted.
func Exporters() []string { return extensions(registry.exporters) }

func extensions[T any](table map[string]T) []string {
	registry.RLock()
	defer registry.RUnlock()
	return slices.Sorted(maps.Keys(table))
}

// lookup is the entry for a path's extension.
func lookup[T any](table map[string]T, path string) (v T, ok bool) {
	registry.RLock()
	defer registry.RUnlock()
	v, ok = table[strings.ToLower(filepath.Ext(path))]
	return v, ok
}

// Open reads a file in the format that its extension names; a file with another
// extension, or without, is taken for ONNX. bytes is the content where it alone,
// with what this module does, makes the network: it is nil for parsers that were
// registered from outside, whose rules may change. Errors name the file.
func Open(path string) (g *graph.Graph, bytes []byte, err error) {
	ext := strings.ToLower(filepath.Ext(path))
	p, ok := lookup(registry.parsers, path)
	if !ok || ext == ".onnx" {
		g, bytes, err = onnx.OpenBytes(path) // which maps the file
		if err != nil && !ok && !errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%w (no parser is registered for %q; there are %s)", err, graph.Printable(ext), strings.Join(Parsers(), ", "))
		}
		return g, bytes, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("format: %w", err)
	}
	if g, err = p(data, filepath.Dir(path)); err != nil {
		return nil, nil, fmt.Errorf("format: %s: %w", filepath.Base(path), err)
	}
	if g == nil {
		return nil, nil, fmt.Errorf("format: %s: the parser for %s gives neither a network nor an error", filepath.Base(path), ext)
	}
	return g, nil, nil
}

// Save writes n to a file in the format that its extension names: under a
// temporary name in the same folder, which is then renamed. An error leaves
// nothing behind, and a file that was there as it was. An unknown extension is an
// error that lists those there are.
func Save(path string, n *Network) (err error) {
	e, ok := lookup(registry.exporters, path)
	if !ok {
		return fmt.Errorf("format: no exporter is registered for %q; there are %s", graph.Printable(filepath.Ext(path)), strings.Join(Exporters(), ", "))
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("format: %w", err)
	}
	defer os.Remove(f.Name()) // fails once it is renamed, as it should
	err = e(f, n)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("format: %s: %w", filepath.Base(path), err)
	}
	if err = os.Chmod(f.Name(), 0o644); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("format: %w", err)
	}
	return nil
}
