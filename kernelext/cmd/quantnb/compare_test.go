package main

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/quantnb/quantnb/quantlib/sense"
)

func TestCompareSetsScorersBesideEachOther(t *testing.T) {
	status, out, stderr := quantnb(t, slices.Concat([]string{"compare", "demo", "-sets", "4,8", "-layer-samples", "40", "-seeds", "2", "-json"}, few)...)
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var r struct {
		Bits    []int
		Scorers []struct {
			Name     string
			RankLoss *float64 `json:"rank_loss"`
		}
		Sets []struct {
			MeanBits float64 `json:"mean_bits"`
			Plans    []struct {
				Name  string
				Bytes int
				Top1  struct{ Mean, Err float64 }
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Bits, []int{4, 8}) || len(r.Scorers) != len(scorers) || len(r.Sets) != 2 {
		t.Fatalf("%+v", r)
	}
	const weights = 49984 // bytes of the network's weights at 8 bits
	for _, s := range r.Sets {
		for _, p := range s.Plans {
			if most := weights / 8 * s.MeanBits; float64(p.Bytes) > most {
				t.Errorf("%s takes %d bytes at %g bits, more than %g", p.Name, p.Bytes, s.MeanBits, most)
			}
			if p.Top1.Mean < 0.5 || p.Top1.Mean > 1 { // chance is 0.1, float 0.938
				t.Errorf("%s at %g bits: top-1 %v", p.Name, s.MeanBits, p.Top1)
			}
		}
	}
}

func TestSpearman(t *testing.T) {
	for _, tt := range []struct {
		name string
		x, y []float64
		want float64
	}{
		{"the same order", []float64{1, 2, 9}, []float64{10, 11, 12}, 1},
		{"the other way round", []float64{3, 2, 1}, []float64{10, 11, 12}, -1},
		{"equal values share their rank", []float64{1, 1, 2, 2}, []float64{1, 2, 3, 4}, 2 / math.Sqrt(5)},
		{"a constant side", []float64{1, 1, 1}, []float64{1, 2, 3}, math.NaN()},
		{"a side that is not known", []float64{1, math.NaN(), 1}, []float64{1, 2, 3}, math.NaN()},
	} {
		if got := sense.Spearman(tt.x, tt.y); math.Abs(got-tt.want) > 1e-12 || math.IsNaN(got) != math.IsNaN(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestBudgets(t *testing.T) {
	for _, tt := range []struct {
		set  ints
		want []float64
	}{{ints{4, 8}, []float64{5, 6}}, {ints{2, 4, 8}, []float64{3, 4}}, {ints{1, 4, 8, 16}, []float64{2.5, 4}}} {
		if got := budgets(tt.set); !slices.Equal(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.set, got, tt.want)
		}
	}
}
