package observe

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// Parts that are observed apart and merged in any order give the same scales, to the
// bit, by every method at every width, for the tensor and for each channel.
func TestEveryMethodMergesToTheSameBits(t *testing.T) {
	const channels, inner, batches = 3, 16, 40
	x := draw(batches*channels*inner, 7, distributions[4].draw)
	x[5], x[77], x[200] = float32(math.NaN()), float32(math.Inf(-1)), 0
	part := func(i int) []float32 { return x[i*channels*inner : (i+1)*channels*inner] }
	whole, all := NewCollector(), NewChannels(channels)
	for i := range batches {
		whole.ObserveBatch(i, part(i))
		all.ObserveBatch(i, part(i), inner)
	}
	r := rand.New(rand.NewPCG(5, 5))
	for round := range 3 {
		var tensors [4]*Collector
		var by [4]Channels
		for k := range tensors {
			tensors[k], by[k] = NewCollector(), NewChannels(channels)
		}
		for _, i := range r.Perm(batches) {
			k := r.IntN(len(tensors))
			tensors[k].ObserveBatch(i, part(i))
			by[k].ObserveBatch(i, part(i), inner)
		}
		merged, mergedBy := NewCollector(), NewChannels(channels)
		for _, k := range r.Perm(len(tensors)) {
			if err := errors.Join(merged.Merge(tensors[k]), mergedBy.Merge(by[k])); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(stored(t, merged), stored(t, whole)) {
			t.Fatal("merged parts are other bits")
		}
		for k := range channels {
			if !bytes.Equal(stored(t, mergedBy[k]), stored(t, all[k])) {
				t.Fatalf("merged parts of channel %d are other bits", k)
			}
		}
		if round > 0 {
			continue // what follows is a function of these bits
		}
		for _, m := range methods {
			for b := 1; b <= 16; b++ {
				for _, s := range []quant.Scheme{quant.Int(b), quant.Uint(b)} {
					scale, zero, err := Params(m, whole, s)
					scale2, zero2, err2 := Params(m, merged, s)
					if err != nil || err2 != nil || scale != scale2 || zero != zero2 {
						t.Errorf("%v %v: scale %v, zero %d, %v; merged %v, %d, %v", m, s, scale, zero, err, scale2, zero2, err2)
					}
					p, err := all[:1].Params(m, s)
					p2, err2 := mergedBy[:1].Params(m, s)
					if err != nil || err2 != nil || !reflect.DeepEqual(p, p2) {
						t.Errorf("%v %v by channel: %v, %v; merged %v, %v", m, s, p, err, p2, err2)
					}
				}
			}
		}
	}
}

// A channel of NaN, of zeros, or of one value is as a tensor of these, and leaves the
// others alone; only a tensor without a finite value has no range.
func TestDegenerateChannels(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, m := range methods {
		for _, s := range everyScheme() {
			empty := NewChannels(2)
			empty.ObserveBatch(0, nil, 1)
			empty.ObserveBatch(0, []float32{nan, inf, nan, -inf}, 2)
			if _, err := empty.Params(m, s); !errors.Is(err, ErrNoData) {
				t.Errorf("%v %v: channels without a finite value: %v", m, s, err)
			}
			c := NewChannels(4)
			c.ObserveBatch(0, []float32{nan, inf, 0, 0, 3, 3, 1, -2}, 2)
			p, err := c.Params(m, s)
			if err != nil {
				t.Errorf("%v %v: %v", m, s, err)
				continue
			}
			zeros, _ := quant.ParamsFromRange(0, 0, s)
			if p.Scale[0] != zeros || p.Scale[1] != zeros {
				t.Errorf("%v %v: scales %v of a channel of NaN and of one of zeros, want %v", m, s, p.Scale[:2], zeros)
			}
			if err := p.Validate(s.PerChannel(), 4); err != nil {
				t.Errorf("%v %v: %v", m, s, err)
			}
		}
	}
}
