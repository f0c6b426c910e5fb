package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/onnx"
)

// hostile is a name that tries to leave its place in a page, in a terminal and in
// a line of text.
const hostile = "</text></svg><script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x1b[31m\u202e\u2028"

// hostileModel is the embedded network with that as the name of a layer, of an
// input and of the network.
func hostileModel(t *testing.T) string {
	t.Helper()
	g := quantlib.Must(quantlib.Decode(demo.Model())).Graph()
	e := g.Edit()
	renamed := false
	for _, n := range g.Nodes() {
		if n.Name == "block1/dw" {
			c := *n
			c.Name = hostile
			e.Replace(n, &c)
			renamed = true
		}
	}
	if !renamed {
		t.Fatal("there is no layer block1/dw")
	}
	in := g.Inputs()[0]
	e.Rewire(in.Name, hostile)
	e.SetInputs(graph.Value{Name: hostile, DType: in.DType, Ranked: true, Dims: in.Dims})
	out, err := e.Graph()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hostile.onnx")
	if err := onnx.Save(path, out); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHostileNamesStayInTheirPlace(t *testing.T) {
	model, page := hostileModel(t), filepath.Join(t.TempDir(), "page.html")
	for _, args := range [][]string{
		{"analyse", model, "-random", "8", "-bits", "4", "-out", page},
		{"plan", model, "-random", "8", "-bits", "4,8", "-mean-bits", "5", "-out", page},
		{"analyse", model, "-random", "8", "-bits", "4", "-pretend"},
		{"plan", model, "-random", "8", "-mean-bits", "5", "-pin", hostile + "x=8"},
	} {
		_, out, stderr := quantnb(t, slices.Concat(args, few)...)
		for what, text := range map[string]string{"output": out, "errors": stderr} {
			if strings.ContainsAny(text, "\x1b\u202e\u2028") {
				t.Errorf("%v: the %s can steer a terminal: %q", args[0], what, text)
			}
		}
		if !slices.Contains(args, page) {
			continue
		}
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatalf("%v: %s", err, stderr)
		}
		checkPage(t, data)
		if !bytes.Contains(data, []byte("alert(1)")) {
			t.Error("the page lacks the name")
		}
		if bytes.ContainsAny(data, "\x1b\u202e\u2028") {
			t.Error("the page has characters that turn its lines")
		}
	}
}
