package quantlib_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/observe"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// cifar10 is 1,000 test images. Inputs are 0..255 without normalization.
func cifar10(t *testing.T) quantlib.Images {
	t.Helper()
	return quantlib.Images{
		Pixels: sharedBytes(t, "data", "cifar10_test1000_images_u8_nchw.bin"),
		Labels: sharedBytes(t, "data", "cifar10_test1000_labels_u8.bin"),
		Shape:  []int{3, 32, 32},
	}
}

func TestTop1OnCIFAR10(t *testing.T) {
	long(t, "runs two networks on 1,000 images")
	for _, c := range []struct {
		model string
		right int // of 1,000, by ONNX Runtime
	}{
		{"resnet8_cifar10", 881},
		{"resnet8_large_cifar10", 915},
	} {
		t.Run(c.model, func(t *testing.T) {
			images := cifar10(t)
			few := images
			few.Pixels, few.Labels = images.Pixels[:32*3*32*32], nil
			s := quantlib.Study{Model: openShared(t, c.model), Calibration: few, Test: images, NoMemo: true}
			p, err := s.Float()
			if err != nil {
				t.Fatal(err)
			}
			a, err := s.Evaluate(context.Background(), p)
			if err != nil {
				t.Fatal(err)
			}
			if a.Samples != 1000 || !a.Labeled {
				t.Fatalf("%d samples, labeled %v", a.Samples, a.Labeled)
			}
			if right := 1000 * a.Top1.Mean; math.Abs(right-float64(c.right)) > 1+1e-9 {
				t.Errorf("%.0f of 1,000 are right, want %d", right, c.right)
			}
			if a.Noise.NSR.Mean != 0 || a.Noise.Agreement.Mean != 1 {
				t.Errorf("the float plan has noise: %v", a)
			}
		})
	}
}

// reference is what another runtime and PyTorch made of the embedded model.
type reference struct {
	Top1Of2000      float64 `json:"top1_2000"`
	Predictions2000 string  `json:"predictions_2000"`
	WeightOnly      []struct {
		Bits int
		Top1 float64 `json:"top1_2000"`
	} `json:"weight_only"`
	OneLayer3       map[string]float64 `json:"weight_only_3_bits_one_layer_top1_2000"`
	LogitsOfFirst16 [][]float32        `json:"logits_of_first_16"`
}

func readReference(t *testing.T) reference {
	t.Helper()
	data, err := os.ReadFile("../notebooks/demo/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEmbeddedModelsLogits(t *testing.T) {
	m := demoModel(t)
	s, err := m.Session()
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.Of(demo.Test().Float32(0, 16), 16, 1, 28, 28)
	out, err := s.Run(context.Background(), exec.Values{"input": x})
	if err != nil {
		t.Fatal(err)
	}
	y := out["logits"]
	if !tensor.SameShape(y.Shape(), []int{16, 10}) {
		t.Fatalf("shape %v", y.Shape())
	}
	var want []float32
	for _, row := range readReference(t).LogitsOfFirst16 {
		want = append(want, row...)
	}
	if d := worst(y.F32(), want); d > maxParity {
		t.Errorf("logits differ by %.2g of their range, want at most %.2g", d, maxParity)
	}
}

func TestEmbeddedModelsPredictions(t *testing.T) {
	long(t, "runs 2,000 images")
	r := readReference(t)
	s := newStudy(t, 16, 2000)
	session, err := s.Model.Session()
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 0, 2000)
	for lo := 0; lo < 2000; lo += 100 {
		in, err := s.Test.Batch(lo, lo+100)
		if err != nil {
			t.Fatal(err)
		}
		out, err := session.Run(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		y := out["logits"].F32()
		for i := range 100 {
			best := 0
			for c := range 10 {
				if y[10*i+c] > y[10*i+best] {
					best = c
				}
			}
			got = append(got, byte('0'+best))
		}
	}
	for i := range got {
		if got[i] != r.Predictions2000[i] {
			t.Errorf("image %d: class %c, want %c", i, got[i], r.Predictions2000[i])
		}
	}
	p, err := s.Float()
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Evaluate(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(100*a.Top1.Mean-r.Top1Of2000) > 1e-9 {
		t.Errorf("top-1 %.2f %%, want %.2f %%", 100*a.Top1.Mean, r.Top1Of2000)
	}
}

// maxWeightOnly is three images of 2,000. The arithmetic is the same but for
// the order of sums, which moves an image whose two greatest logits are close.
const maxWeightOnly = 0.15 // percentage points

func TestWeightOnlyTop1OfEmbeddedModel(t *testing.T) {
	long(t, "runs 2,000 images at six widths")
	r := readReference(t)
	s := newStudy(t, 16, 2000)
	s.Methods = quantlib.Methods{Weight: observe.MinMax{}}
	top1 := func(p quantlib.Plan) float64 {
		t.Helper()
		a, err := s.Evaluate(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		return 100 * a.Top1.Mean
	}
	for _, w := range r.WeightOnly {
		t.Run(fmt.Sprintf("%d bits", w.Bits), func(t *testing.T) {
			p, err := s.Uniform(w.Bits, 0)
			if err != nil {
				t.Fatal(err)
			}
			if got := top1(p); math.Abs(got-w.Top1) > maxWeightOnly {
				t.Errorf("top-1 %.2f %%, want %.2f %%", got, w.Top1)
			} else {
				t.Logf("top-1 %.2f %%, want %.2f %%", got, w.Top1)
			}
		})
	}
	layers, err := s.Model.Layers()
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != len(r.OneLayer3) {
		t.Errorf("%d layers, want %d", len(layers), len(r.OneLayer3))
	}
	for _, layer := range []string{"stem/conv", "block1/dw", "head/fc"} {
		t.Run("3 bits in "+layer, func(t *testing.T) {
			p, err := s.Float()
			if err != nil {
				t.Fatal(err)
			}
			if p, err = p.With(layer, 3, 0); err != nil {
				t.Fatal(err)
			}
			if got, want := top1(p), r.OneLayer3[layer]; math.Abs(got-want) > maxWeightOnly {
				t.Errorf("top-1 %.2f %%, want %.2f %%", got, want)
			} else {
				t.Logf("top-1 %.2f %%, want %.2f %%", got, want)
			}
		})
	}
}
