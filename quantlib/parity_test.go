package quantlib_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// maxParity is the greatest difference from another runtime, as a part of the
// range of its outputs. Both compute in float32, whose unit is 6e-8, and sum up
// to some thousand products in different orders.
const maxParity = 1e-4

// lcg fills x as testdata/parity.py does.
func lcg(x []float32, seed uint32, lo, hi float64) {
	for i := range x {
		seed = 1664525*seed + 1013904223
		x[i] = float32(lo + float64((hi-lo)*(float64(seed>>8)/(1<<24))))
	}
}

// worst is the greatest difference of two outputs, as a part of the range of
// want.
func worst(got, want []float32) float64 {
	lo, hi, diff := math.Inf(1), math.Inf(-1), 0.0
	for i, w := range want {
		lo, hi = min(lo, float64(w)), max(hi, float64(w))
		d := math.Abs(float64(got[i]) - float64(w))
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		diff = max(diff, d)
	}
	return diff / (hi - lo)
}

func TestOutputsEqualAnotherRuntimes(t *testing.T) {
	data, err := os.ReadFile("testdata/parity.json")
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Batch    int
		Networks []struct {
			Name, SHA256  string
			Value         string // that was measured
			Input, Output []int
			Seed          uint32
			Lo, Hi        float64
			Values        []float32
		}
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Networks) != len(sharedModels) {
		t.Fatalf("figures of %d networks, want %d", len(r.Networks), len(sharedModels))
	}
	for _, n := range r.Networks {
		t.Run(n.Name, func(t *testing.T) {
			sum := sha256.Sum256(sharedBytes(t, "models", n.Name+".onnx"))
			if hex.EncodeToString(sum[:]) != n.SHA256 {
				t.Fatal("the figures are of another file: run testdata/parity.py again")
			}
			e := openShared(t, n.Name).Graph().Edit()
			e.SetOutputs(graph.Value{Name: n.Value})
			g, err := e.Graph()
			if err != nil {
				t.Fatal(err)
			}
			m := quantlib.FromGraph(g)
			x := tensor.New(tensor.Float32, append([]int{r.Batch}, n.Input...)...)
			lcg(x.F32(), n.Seed, n.Lo, n.Hi)
			plain, err := exec.New(m.Graph(), exec.Options{NoFuse: true})
			if err != nil {
				t.Fatal(err)
			}
			folded, err := m.Session()
			if err != nil {
				t.Fatal(err)
			}
			for what, s := range map[string]*exec.Session{"as in the file": plain, "folded and fused": folded} {
				out, err := s.Run(context.Background(), exec.Values{m.Graph().Inputs()[0].Name: x})
				if err != nil {
					t.Fatal(err)
				}
				y := out[n.Value]
				if !tensor.SameShape(y.Shape(), n.Output) {
					t.Fatalf("%s: shape %v, want %v", what, y.Shape(), n.Output)
				}
				d := worst(y.F32(), n.Values)
				if d > maxParity {
					t.Errorf("%s: outputs differ by %.2g of their range, want at most %.2g", what, d, maxParity)
				}
				t.Logf("%s: %.2g of the range", what, d)
			}
		})
	}
}
