package samples

import (
	"errors"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func TestNoiseOfTextNetworksIsTokensAndMasks(t *testing.T) {
	ids, mask := input("ids", 500), input("mask", 500)
	ids.DType, mask.DType = tensor.Int64, tensor.Int64
	s, err := Random(4, 1, []graph.Value{ids, mask}, map[string]int{"ids": 7}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	in, err := s.Batch(0, 4)
	if err != nil {
		t.Fatal(err)
	}
	var seen [7]int
	for _, v := range in["ids"].I64() {
		if v < 0 || v > 6 {
			t.Fatalf("token %d of 7", v)
		}
		seen[v]++
	}
	for v, n := range seen {
		if n < 2000/7/2 {
			t.Errorf("token %d came %d times in 2000", v, n)
		}
	}
	for _, v := range in["mask"].I64() {
		if v != 1 {
			t.Fatalf("a mask of %d", v)
		}
	}
	if want := "4 samples of noise, seed 1; ids any of 0..6; mask 1 everywhere"; s.Source != want {
		t.Errorf("it says %q, want %q", s.Source, want)
	}
	ids.DType = tensor.Bool
	if _, err := Random(4, 1, []graph.Value{ids}, nil, Options{}); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), `"ids"`) {
		t.Errorf("noise of bools: %v", err)
	}
}
