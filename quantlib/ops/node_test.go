package ops_test

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
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/onnx"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// The tolerances of ONNX's own backend test, |a-b| <= atol + rtol·|b|, and for
// the short types the error of one rounding more on values near 1.
var tolerances = map[tensor.DType]struct{ rel, abs float64 }{
	tensor.Float32:     {1e-3, 1e-6},
	tensor.Float64:     {1e-7, 1e-9},
	tensor.Float16:     {2e-3, 1e-3},
	tensor.BFloat16:    {1.6e-2, 1e-2},
	tensor.Float8E4M3:  {0, 0},
	tensor.Float8E4M3Z: {0, 0},
	tensor.Float8E5M2:  {0, 0},
	tensor.Float8E5M2Z: {0, 0},
	tensor.Float8E8M0:  {0, 0},
	tensor.Float4E2M1:  {0, 0},
}

// TestONNXNode runs ONNX's operator test vectors. What testdata/onnx-node-skip.txt
// lists is left out with a reason and must fail; everything else must pass.
func TestONNXNode(t *testing.T) {
	cases := nodeCases(t)
	skips := readSkips(t, "testdata/onnx-node-skip.txt")
	passed, left := 0, 0
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		reason, skip := skips[name]
		delete(skips, name)
		ok := t.Run(name, func(t *testing.T) {
			err := runCase(cases[name])
			switch {
			case skip && err == nil:
				t.Errorf("passes, but is listed as left out: %s", reason)
			case skip:
				t.Skipf("left out: %s (%v)", reason, err)
			case err != nil:
				t.Error(err)
			}
		})
		if ok && !skip {
			passed++
		} else if ok {
			left++
		}
	}
	for name := range skips {
		t.Errorf("testdata/onnx-node-skip.txt lists %s, which is no case", name)
	}
	t.Logf("%d cases pass, %d are left out", passed, left)
}

// nodeCases is the files of each case of one operator, or of few.
func nodeCases(t *testing.T) map[string]map[string][]byte {
	t.Helper()
	cases := map[string]map[string][]byte{}
	for name, data := range vectors(t, "node/", "simple/") {
		part := strings.SplitN(name, "/", 3)
		if len(part) < 3 {
			continue
		}
		if cases[part[1]] == nil {
			cases[part[1]] = map[string][]byte{}
		}
		cases[part[1]][part[2]] = data
	}
	return cases
}

// vectors is the files of ONNX's published tests whose names begin with one of
// the prefixes, from ../shared next to the project.
func vectors(t *testing.T, prefixes ...string) map[string][]byte {
	t.Helper()
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
	f, err := os.Open(filepath.Join(dir, "..", "shared", "onnx-node-tests", "onnx-node-tests.tgz"))
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
	files := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		name := path.Clean(h.Name)
		if h.Typeflag != tar.TypeReg || !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
}

// readSkips is the reasons, by case; lines are "case: reason", # starts a
// comment.
func readSkips(t *testing.T, file string) map[string]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	skips := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, reason, ok := strings.Cut(line, ": ")
		if !ok || strings.TrimSpace(reason) == "" || skips[name] != "" {
			t.Fatalf("%s: %q is not a case and a reason, or repeats", file, line)
		}
		skips[name] = strings.TrimSpace(reason)
	}
	return skips
}

// runCase runs a model on each of its data sets and compares the outputs.
func runCase(files map[string][]byte) (err error) {
	g, err := onnx.Decode(files["model.onnx"], "")
	if err != nil {
		return err
	}
	sets := 0
	for ; ; sets++ {
		dir := fmt.Sprintf("test_data_set_%d/", sets)
		var in, want []*tensor.Tensor
		found := false
		for _, list := range []struct {
			kind string
			dst  *[]*tensor.Tensor
		}{{"input", &in}, {"output", &want}} {
			for i := 0; ; i++ {
				data, ok := files[fmt.Sprintf("%s%s_%d.pb", dir, list.kind, i)]
				if !ok {
					break
				}
				found = true
				_, x, err := onnx.DecodeTensor(data)
				if err != nil {
					return fmt.Errorf("%s %d: %w", list.kind, i, err)
				}
				*list.dst = append(*list.dst, x)
			}
		}
		if !found {
			break
		}
		got, err := (&machine{}).run(context.Background(), g, in)
		if err != nil {
			return err
		}
		if len(got) < len(want) {
			return fmt.Errorf("%d outputs, want %d", len(got), len(want))
		}
		for i, w := range want {
			if err := same(got[i], w); err != nil {
				return fmt.Errorf("output %d: %w", i, err)
			}
		}
	}
	if sets == 0 {
		return errors.New("no data")
	}
	return nil
}

// same compares within the type's tolerance; integers, bits and strings are
// equal or not.
func same(got, want *tensor.Tensor) error {
	if got == nil {
		return errors.New("absent")
	}
	if got.DType() != want.DType() || !tensor.SameShape(got.Shape(), want.Shape()) {
		return fmt.Errorf("got %v %v, want %v %v", got.DType(), got.Shape(), want.DType(), want.Shape())
	}
	tol, ok := tolerances[want.DType()]
	if !ok {
		if !tensor.Equal(got, want) {
			return fmt.Errorf("%v %v differ: got %.120s, want %.120s", got.DType(), got.Shape(), text(got), text(want))
		}
		return nil
	}
	if want.DType().Bits() <= 8 {
		if !tensor.Equal(got, want) {
			return fmt.Errorf("%v codes differ: got % x, want % x", got.DType(), got.Bytes(), want.Bytes())
		}
		return nil
	}
	a, b := floats(got), floats(want)
	for i := range a {
		if a[i] == b[i] || a[i] != a[i] && b[i] != b[i] {
			continue
		}
		if d := math.Abs(a[i] - b[i]); !(d <= tol.abs+tol.rel*math.Abs(b[i])) {
			return fmt.Errorf("%v %v: element %d is %v, want %v", got.DType(), got.Shape(), i, a[i], b[i])
		}
	}
	return nil
}

func text(t *tensor.Tensor) string {
	switch t.DType() {
	case tensor.String:
		return fmt.Sprintf("%q", t.Strings())
	case tensor.Int64:
		return fmt.Sprint(t.I64())
	case tensor.Int32:
		return fmt.Sprint(tensor.Data[int32](t))
	}
	return fmt.Sprintf("% x", t.Bytes())
}

func floats(t *tensor.Tensor) []float64 {
	out := make([]float64, t.Len())
	for i := range out {
		switch t.DType() {
		case tensor.Float32:
			out[i] = float64(t.F32()[i])
		case tensor.Float64:
			out[i] = tensor.Data[float64](t)[i]
		case tensor.Float16:
			out[i] = float64(tensor.Float32FromBits16(tensor.Data[uint16](t)[i]))
		case tensor.BFloat16:
			out[i] = float64(tensor.Float32FromBFloat16(tensor.Data[uint16](t)[i]))
		}
	}
	return out
}
