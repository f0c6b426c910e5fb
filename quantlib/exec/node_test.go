package exec_test

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/onnx"
	"github.com/quantnb/quantnb/quantlib/rewrite"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

const vectors = "../../../shared/onnx-node-tests/onnx-node-tests.tgz"

// TestONNXNode runs ONNX's operator test vectors as sessions: fused, with
// recycled buffers, on one thread and on several, where package ops runs them
// bare. What ops leaves out is left out here.
func TestONNXNode(t *testing.T) {
	skip := listed(t, "../ops/testdata/onnx-node-skip.txt")
	cases := load(t)
	passed := 0
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		if skip[name] {
			continue
		}
		if err := runCase(cases[name]); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		passed++
	}
	t.Logf("%d cases pass", passed)
	if passed < 1000 {
		t.Errorf("only %d cases were found", passed)
	}
}

func runCase(files map[string][]byte) error {
	g, err := onnx.Decode(files["model.onnx"], "")
	if err != nil {
		return err
	}
	if g, err = rewrite.Apply(g, rewrite.InlineFunctions); err != nil {
		return err
	}
	in := exec.Values{}
	for i, v := range g.DeclaredInputs() {
		data, ok := files[fmt.Sprintf("test_data_set_0/input_%d.pb", i)]
		if !ok {
			continue
		}
		_, t, err := onnx.DecodeTensor(data)
		if err != nil {
			return err
		}
		in[v.Name] = t
	}
	var first []*tensor.Tensor
	for _, threads := range []int{1, 3} {
		s, err := exec.New(g, exec.Options{Threads: threads})
		if err != nil {
			return err
		}
		for range 2 { // the second run recycles the first one's buffers
			out, err := s.Run(context.Background(), in)
			if err != nil {
				return err
			}
			var list []*tensor.Tensor
			for i, o := range g.Outputs() {
				list = append(list, out[o.Name])
				data, ok := files[fmt.Sprintf("test_data_set_0/output_%d.pb", i)]
				if !ok {
					return fmt.Errorf("no expected output %d", i)
				}
				_, want, err := onnx.DecodeTensor(data)
				if err != nil {
					return err
				}
				if err := near(out[o.Name], want); err != nil {
					return fmt.Errorf("output %q: %w", o.Name, err)
				}
			}
			for i := range first {
				if !tensor.Equal(first[i], list[i]) {
					return fmt.Errorf("output %d: %d threads or a second run give other bits", i, threads)
				}
			}
			first = list
		}
	}
	return nil
}

// near compares types and shapes, integers exactly, and float32 and float64 as
// ONNX's own test does: |a-b| <= atol + rtol·|b|. The short floats are left to
// package ops.
func near(got, want *tensor.Tensor) error {
	if got.DType() != want.DType() || !tensor.SameShape(got.Shape(), want.Shape()) {
		return fmt.Errorf("%v, want %v", got, want)
	}
	const rtol, atol = 1e-3, 1e-6
	check := func(i int, a, b float64) error {
		if a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= atol+rtol*math.Abs(b) {
			return nil
		}
		return fmt.Errorf("element %d is %v, want %v", i, a, b)
	}
	switch got.DType() {
	case tensor.Float32:
		for i, v := range got.F32() {
			if err := check(i, float64(v), float64(want.F32()[i])); err != nil {
				return err
			}
		}
	case tensor.Float64:
		for i, v := range tensor.Data[float64](got) {
			if err := check(i, v, tensor.Data[float64](want)[i]); err != nil {
				return err
			}
		}
	case tensor.Bool, tensor.Int64, tensor.Int32:
		if !tensor.Equal(got, want) {
			return errors.New("other values")
		}
	}
	return nil
}

func listed(t *testing.T, file string) map[string]bool {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	names := map[string]bool{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, _, ok := strings.Cut(s.Text(), ":"); ok && !strings.HasPrefix(name, "#") {
			names[name] = true
		}
	}
	return names
}

// load is the files of each case.
func load(t *testing.T) map[string]map[string][]byte {
	t.Helper()
	f, err := os.Open(vectors)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("ONNX's node test vectors are not here: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return cases
		}
		if err != nil {
			t.Fatal(err)
		}
		part := strings.SplitN(path.Clean(h.Name), "/", 3)
		if h.Typeflag != tar.TypeReg || len(part) < 3 || part[0] != "node" {
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if cases[part[1]] == nil {
			cases[part[1]] = map[string][]byte{}
		}
		cases[part[1]][part[2]] = data
	}
}
