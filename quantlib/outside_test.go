package quantlib_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
)

// beside writes a model whose weights stand in a file of their own, as torch's
// exporter does.
func beside(t *testing.T, model []byte) (path, weights string) {
	t.Helper()
	var data []byte
	var outside func(message []byte, way ...protowire.Number) []byte
	// outside takes the bytes at the end of the way, a number of a field for each
	// message within a message, out of the message.
	outside = func(message []byte, way ...protowire.Number) (out []byte) {
		for len(message) > 0 {
			num, typ, tag := protowire.ConsumeTag(message)
			n := tag + protowire.ConsumeFieldValue(num, typ, message[tag:])
			if num != way[0] || typ != protowire.BytesType {
				out, message = append(out, message[:n]...), message[n:]
				continue
			}
			inner, _ := protowire.ConsumeBytes(message[tag:])
			if message = message[n:]; len(way) > 1 {
				out = protowire.AppendBytes(protowire.AppendTag(out, num, typ), outside(inner, way[1:]...))
				continue
			}
			for key, value := range map[string]string{"location": "m.onnx.data", "offset": fmt.Sprint(len(data)), "length": fmt.Sprint(len(inner))} {
				pair := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), key)
				pair = protowire.AppendString(protowire.AppendTag(pair, 2, protowire.BytesType), value)
				out = protowire.AppendBytes(protowire.AppendTag(out, 13, protowire.BytesType), pair)
			}
			out = protowire.AppendVarint(protowire.AppendTag(out, 14, protowire.VarintType), 1)
			data = append(data, inner...)
		}
		return out
	}
	folder := t.TempDir()
	path, weights = filepath.Join(folder, "m.onnx"), filepath.Join(folder, "m.onnx.data")
	file := outside(model, 7, 5, 9) // the graph, its initializers, their raw data
	if len(data) < 1000 {
		t.Fatalf("%d bytes of weights", len(data))
	}
	for name, b := range map[string][]byte{path: file, weights: data} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path, weights
}

func TestResultsOfModelsWithWeightsBesideThemAreFoundAgain(t *testing.T) {
	isolate(t)
	path, weights := beside(t, demo.Model())
	ask := func() (g *quantlib.Grid, measured bool) {
		t.Helper()
		s := newStudy(t, 16, 10)
		s.Samples, s.NoMemo = 4, false
		var err error
		if s.Model, err = quantlib.Open(path); err != nil {
			t.Fatal(err)
		}
		s.Progress = func(string, int, int) { measured = true }
		if g, err = s.Grid(context.Background(), 4); err != nil {
			t.Fatal(err)
		}
		return g, measured
	}
	first, measured := ask()
	if !measured {
		t.Fatal("the first answer was not measured")
	}
	inside := newStudy(t, 16, 10)
	inside.Samples = 4
	want, err := inside.Grid(context.Background(), 4)
	if err != nil {
		t.Fatal(err)
	}
	sameCells(t, "weights beside the file, and in it", first, want)
	// As the bytes of one file it is the same network.
	model, err := quantlib.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if name, one, err := model.File(); err != nil || name != "" {
		t.Errorf("the one file is %q, %v", name, err)
	} else if inside.Model, err = quantlib.Decode(one); err != nil {
		t.Error(err)
	} else if again, err := inside.Grid(context.Background(), 4); err != nil {
		t.Error(err)
	} else {
		sameCells(t, "weights in a file and put into it", again, want)
	}
	second, measured := ask()
	if measured {
		t.Error("the second answer was measured again")
	}
	sameCells(t, "measured and stored", first, second)

	data, err := os.ReadFile(weights)
	if err != nil {
		t.Fatal(err)
	}
	other := bytes.Clone(data)
	other[3] ^= 0x80 // the sign of the first weight
	if err := os.WriteFile(weights, other, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, measured := ask(); !measured {
		t.Error("with a weight changed, the old answer was given")
	}
}
