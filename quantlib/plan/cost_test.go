package plan_test

import (
	"math"
	"testing"

	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
)

func TestMeanActivationBits(t *testing.T) {
	m, err := plan.Place(hand(t))
	if err != nil {
		t.Fatal(err)
	}
	elements := make([]int64, len(m.Ties))
	var first, all int64
	for i, tie := range m.Ties {
		elements[i] = int64(100 + i)
		if tie.Role == plan.Activation {
			if first == 0 {
				first = elements[i]
			}
			all += elements[i]
		}
	}
	p := m.Uniform(2, 8)
	for i, tie := range m.Ties {
		if tie.Role == plan.Activation {
			p = p.WithTie(i, quant.Uint(4)) // the first one
			break
		}
	}
	if got, want := p.MeanActivationBits(elements), 8-4*float64(first)/float64(all); math.Abs(got-want) > 1e-12 {
		t.Errorf("%v, want %v", got, want)
	}
	if got := m.Float().MeanActivationBits(elements); got != 32 {
		t.Errorf("float32 counts %v bits", got)
	}
	if got := p.MeanActivationBits(make([]int64, len(m.Ties))); got != 0 {
		t.Errorf("%v bits of no elements", got)
	}
	for _, bad := range [][]int64{nil, append([]int64{-1}, elements[1:]...)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v did not panic", bad)
				}
			}()
			p.MeanActivationBits(bad)
		}()
	}
}
