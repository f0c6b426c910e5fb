package onnx

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
)

// checkRoundTrip holds that writing g and reading it again gives the same graph
// and the same bytes.
func checkRoundTrip(t *testing.T, data []byte) {
	t.Helper()
	g, err := Decode(data, "")
	if err != nil {
		t.Fatal(err)
	}
	once, err := Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	g2, err := Decode(once, "")
	if err != nil {
		t.Fatalf("what Encode wrote: %v", err)
	}
	if a, b := dump(g), dump(g2); a != b {
		la, lb := strings.Split(a, "\n"), strings.Split(b, "\n")
		for i := range min(len(la), len(lb)) {
			if la[i] != lb[i] {
				t.Fatalf("line %d:\n%.600s\nbecame\n%.600s", i, la[i], lb[i])
			}
		}
		t.Fatalf("%d lines became %d", len(la), len(lb))
	}
	twice, err := Encode(g2)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(once, twice) {
		t.Fatal("the second writing differs from the first")
	}
}

func TestModelsSurviveARoundTrip(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t, "models"), "*.onnx"))
	if err != nil || len(files) == 0 {
		t.Fatal("no models", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			checkRoundTrip(t, data)
			g, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			saved := filepath.Join(t.TempDir(), "saved.onnx")
			if err := Save(saved, g); err != nil {
				t.Fatal(err)
			}
			h, err := Open(saved)
			if err != nil {
				t.Fatal(err)
			}
			if dump(g) != dump(h) {
				t.Error("Save and Open give another graph")
			}
		})
	}
}

const nodeTests = "onnx-node-tests/onnx-node-tests.tgz"

// eachNodeTest calls f for the files of ONNX's operator tests.
func eachNodeTest(t testing.TB, f func(name string, data []byte)) {
	readNodeTests(t, shared(t, nodeTests), f)
}

// eachNodeTestOrNone is eachNodeTest that does not skip where they are absent.
func eachNodeTestOrNone(t testing.TB, f func(name string, data []byte)) {
	if path := sharedPath(t, nodeTests); path != "" {
		readNodeTests(t, path, f)
	}
}

func readNodeTests(t testing.TB, path string, f func(name string, data []byte)) {
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		f(h.Name, data)
	}
}

func TestNodeTestsSurviveARoundTrip(t *testing.T) {
	models, tensors, refused := 0, 0, 0
	eachNodeTest(t, func(name string, data []byte) {
		switch filepath.Ext(name) {
		case ".onnx":
			models++
			if _, err := Decode(data, ""); errors.Is(err, errors.ErrUnsupported) {
				refused++
				t.Logf("%s: %v", name, err)
				return
			}
			t.Run(name, func(t *testing.T) { checkRoundTrip(t, data) })
		case ".pb":
			tensors++
			if _, _, err := DecodeTensor(data); err != nil && !strings.HasPrefix(err.Error(), "onnx: tensor ") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	if models < 1800 || tensors < 5000 {
		t.Errorf("only %d models and %d tensors were found", models, tensors)
	}
	t.Logf("%d models, %d refused as unsupported, %d tensor files", models, refused, tensors)
}

// checkSaved holds that g, written with its external data inside, reads back
// the same without a folder.
func checkSaved(t *testing.T, g *graph.Graph) {
	t.Helper()
	data, err := Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	h, err := Decode(data, "")
	if err != nil {
		t.Fatal(err)
	}
	if dump(g) != dump(h) {
		t.Error("the written graph is another")
	}
}
