package onnx

import (
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// shared is a path beside the checkout; the test is skipped where it is absent.
func shared(t testing.TB, path string) string {
	full := sharedPath(t, path)
	if full == "" {
		t.Skipf("not on this machine: shared/%s", path)
	}
	return full
}

// sharedPath is shared that gives "" where there is none.
func sharedPath(t testing.TB, path string) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	full := filepath.Join(dir, "..", "shared", path)
	if _, err := os.Stat(full); err != nil {
		return ""
	}
	return full
}

// dump is all that a graph holds, in a form that can be compared.
func dump(g *graph.Graph) string {
	var b strings.Builder
	dumpGraph(&b, g)
	m := g.Model()
	fmt.Fprintf(&b, "model %d %q %q %q %d %q %v %q %x\n", m.IRVersion, m.Producer, m.ProducerVersion, m.Domain,
		m.Version, m.Doc, m.Opsets, m.Metadata, m.Extra)
	for _, f := range m.Functions {
		fmt.Fprintf(&b, "function %q %q %q %q %q %q %v %q %x\n", f.Domain, f.Name, f.Overload, f.Inputs, f.Outputs,
			f.Attrs, f.Opsets, f.Doc, f.Extra)
		for _, a := range f.Defaults {
			dumpAttr(&b, a)
		}
		for _, n := range f.Nodes {
			dumpNode(&b, n)
		}
	}
	return b.String()
}

func dumpGraph(b *strings.Builder, g *graph.Graph) {
	fmt.Fprintf(b, "graph %q %q %x outer %q\n", g.Name(), g.Doc(), g.Extra(), g.OuterNames())
	fmt.Fprintf(b, "in %+v\nout %+v\ninfo %+v\n", g.DeclaredInputs(), g.Outputs(), g.Infos())
	for _, c := range g.Consts() {
		fmt.Fprintf(b, "const %q %s %x %x\n", c.Name, dumpTensor(c.Tensor), c.Extra, c.Sparse)
		if c.Node != nil {
			dumpNode(b, c.Node)
		}
	}
	for _, n := range g.Nodes() {
		dumpNode(b, n)
	}
}

func dumpNode(b *strings.Builder, n *graph.Node) {
	fmt.Fprintf(b, "node %q %q %q %q %q %q %x\n", n.Name, n.Domain, n.Op, n.Inputs, n.Outputs, n.Doc, n.Extra)
	for _, a := range n.Attrs {
		dumpAttr(b, a)
	}
}

func dumpAttr(b *strings.Builder, a graph.Attr) {
	fmt.Fprintf(b, "attr %q %d %x %d %q %q %v %x %q %q %q %x %x\n", a.Name, a.Kind, math.Float32bits(a.F), a.I, a.S,
		a.Strings, a.Ints, a.Floats, a.Ref, a.Doc, a.TensorName, a.TensorExtra, a.Extra)
	if a.T != nil {
		fmt.Fprintln(b, dumpTensor(a.T))
	}
	for _, t := range a.Tensors {
		fmt.Fprintln(b, dumpTensor(t))
	}
	if a.G != nil {
		dumpGraph(b, a.G)
	}
	for _, g := range a.Graphs {
		dumpGraph(b, g)
	}
}

func dumpTensor(t *tensor.Tensor) string {
	if err := t.Err(); err != nil {
		return fmt.Sprintf("%v broken: %v", t, err)
	}
	if t.DType() == tensor.String {
		return fmt.Sprintf("%v %q", t, t.Strings())
	}
	return fmt.Sprintf("%v %x", t, sha256.Sum256(t.Bytes()))
}

// Pieces of models, for tests that need one with a certain fault.

func msg(num protowire.Number, parts ...[]byte) []byte {
	return appendBytes(nil, num, slices.Concat(parts...))
}

func text(num protowire.Number, s string) []byte { return appendText(nil, num, s) }

func num(n protowire.Number, v int64) []byte { return appendInt(nil, n, v) }

// model is a file of opset 17 with the given pieces of a graph.
func model(graphParts ...[]byte) []byte {
	return slices.Concat(num(1, 8), msg(7, append([][]byte{text(2, "g")}, graphParts...)...), msg(8, text(1, ""), num(2, 17)))
}

func nodeProto(op, name string, in, out []string, attrs ...[]byte) []byte {
	var b []byte
	for _, s := range in {
		b = appendText(b, 1, s)
	}
	for _, s := range out {
		b = appendText(b, 2, s)
	}
	b = slices.Concat(b, text(3, name), text(4, op))
	for _, a := range attrs {
		b = append(b, msg(5, a)...)
	}
	return msg(1, b)
}

func input(name string) []byte  { return msg(11, text(1, name)) }
func output(name string) []byte { return msg(12, text(1, name)) }

// initializer is a float32 tensor with the given data field.
func initializer(name string, dims []int64, data []byte) []byte {
	var b []byte
	for _, d := range dims {
		b = appendInt(b, 1, d)
	}
	return msg(5, b, num(2, 1), data, text(8, name))
}

func graphAttr(name string, parts ...[]byte) []byte {
	return slices.Concat(text(1, name), msg(6, parts...), num(20, 5))
}
