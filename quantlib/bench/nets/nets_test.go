package nets

import (
	"bytes"
	"context"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/onnx"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// params are the published numbers of parameters, with batch normalizations
// folded: torchvision's 11,689,512, 25,557,032 and 3,504,872 less one parameter
// for each normalized channel, and sums of the layers' shapes for the others.
var params = map[string]int{
	"resnet18": 11_684_712, "resnet50": 25_530_472, "mobilenetv2": 3_487_816, "vit-tiny": 5_717_416, "bert-mini": 5_355_778,
}

func TestNetworksHaveThePublishedSizes(t *testing.T) {
	for _, n := range All {
		t.Run(n.Name, func(t *testing.T) {
			g, err := n.Build(1)
			if err != nil {
				t.Fatal(err)
			}
			count := 0
			for _, c := range g.Consts() {
				if c.Tensor.DType() == tensor.Float32 && c.Tensor.Rank() > 0 {
					count += c.Tensor.Len()
				}
			}
			if count != params[n.Name] {
				t.Errorf("%d parameters, want %d", count, params[n.Name])
			}
		})
	}
}

func TestEqualSeedsGiveEqualFiles(t *testing.T) {
	n := All[2]
	file := func(seed uint64) []byte {
		g, err := n.Build(seed)
		if err != nil {
			t.Fatal(err)
		}
		data, err := onnx.Encode(g)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	a := file(1)
	if !bytes.Equal(a, file(1)) {
		t.Error("two builds from one seed differ")
	}
	if bytes.Equal(a, file(2)) {
		t.Error("another seed gives the same weights")
	}
}

func TestOutputsAreFiniteAndSpread(t *testing.T) {
	for _, n := range All {
		t.Run(n.Name, func(t *testing.T) {
			g, err := n.Build(1)
			if err != nil {
				t.Fatal(err)
			}
			s, err := quantlib.FromGraph(g).Session()
			if err != nil {
				t.Fatal(err)
			}
			out, err := s.Run(context.Background(), n.Input(2, 1))
			if err != nil {
				t.Fatal(err)
			}
			y := out[g.Outputs()[0].Name].F32()
			half := len(y) / 2
			var most, apart float64
			for i, v := range y {
				if math.IsNaN(float64(v)) {
					t.Fatalf("output %d is NaN", i)
				}
				most = max(most, math.Abs(float64(v)))
				if i < half {
					apart = max(apart, math.Abs(float64(v-y[i+half])))
				}
			}
			if most < 0.01 || most > 1000 || apart < most/1000 {
				t.Errorf("largest output %g, largest difference of two samples %g", most, apart)
			}
		})
	}
}

// A session's prediction of what a run takes is exact for what it packs, and the
// heap keeps no more than it: a tenth is for the heap's own rounding.
func TestRunsTakeTheMemoryThatWasPredicted(t *testing.T) {
	for _, n := range All {
		g, err := n.Build(1)
		if err != nil {
			t.Fatal(err)
		}
		for _, threads := range []int{1, 2} {
			s, err := exec.New(g, exec.Options{Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			in := n.Input(1, 1)
			want, err := s.Memory(context.Background(), map[string][]int{inputName: in[inputName].Shape()})
			if err != nil {
				t.Fatalf("%s: %v", n.Name, err)
			}
			var before, first, after runtime.MemStats
			runtime.GC()
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			out, err := s.Run(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			cold := time.Since(start)
			runtime.GC() // a pool keeps what it holds through one collection
			runtime.ReadMemStats(&first)
			start = time.Now()
			if out, err = s.Run(context.Background(), in); err != nil {
				t.Fatal(err)
			}
			warm := time.Since(start)
			runtime.ReadMemStats(&after)
			if got := s.Packed(); got != want.Packed {
				t.Errorf("%s, %d threads: %d bytes are packed, predicted were %d", n.Name, threads, got, want.Packed)
			}
			grown := int(first.HeapAlloc) - int(before.HeapAlloc)
			again := int(after.TotalAlloc - first.TotalAlloc)
			t.Logf("%s, %d threads: %+v, in all %.1f MB; the heap grew by %.1f MB; a second run allocates %d bytes in %d steps; first run %v, second %v",
				n.Name, threads, want, float64(want.Total())/1e6, float64(grown)/1e6, again, s.Calls(), cold, warm)
			if grown > want.Total()+want.Total()/10 || grown < want.Total()-want.Total()/10 {
				t.Errorf("%s, %d threads: the heap grew by %d bytes, predicted were %d", n.Name, threads, grown, want.Total())
			}
			if most := 5<<10*threads*s.Calls() + want.Outputs; again > most { // records of the steps, nothing that grows with the model
				t.Errorf("%s, %d threads: a second run allocates %d bytes, at most %d may be", n.Name, threads, again, most)
			}
			runtime.KeepAlive(out)
			runtime.KeepAlive(in)
		}
	}
}
