package observe

import (
	"math"
	"slices"
	"testing"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// fewLimit and klLimit are how many times the squared error of MSE's range that of
// KL's may be, klLimit by width. KL weighs information, not error: at one bit the codes {0, 1} hardly tell
// where the values lie, at two the clip covers all of a uniform density, whose
// codes lose no information by it. With a thousand values, one or two of which are
// far out, it is fewLimit at any width.
const fewLimit = 3.0

var klLimit = [17]float64{1: 2.5, 2: 2.5, 3: 1.6, 4: 1.6, 5: 1.6, 6: 1.7, 7: 1.5, 8: 1.3, 9: 1.15, 10: 1.1, 11: 1.1, 12: 1.1, 13: 1.1, 14: 1.1, 15: 1.1, 16: 1.1}

// A reference of bare counts takes chance for information: its clips were up to
// 2,000 times too bad in squared error at 8 to 11 bits, with fewer values worse. A
// histogram with fewer bins than codes makes other entropy calibrations fail from
// 14 bits on.
func TestKLAtEveryWidth(t *testing.T) {
	sizes := []int{1 << 10, 1 << 13, 1 << 17}
	if testing.Short() {
		sizes = sizes[:2]
	}
	for _, n := range sizes {
		for k, d := range distributions {
			x := draw(n, uint64(k), d.draw)
			q := make([]float32, n)
			c := NewCollector()
			c.Observe(x)
			for b := 1; b <= 16; b++ {
				if testing.Short() && b%3 != 2 {
					continue
				}
				for _, s := range []quant.Scheme{quant.Int(b), quant.Uint(b)} {
					lo, hi, err := MSE{}.Range(c, s)
					if err != nil {
						t.Fatal(err)
					}
					least := measured(x, q, lo, hi, s)
					if lo, hi, err = (KL{}).Range(c, s); err != nil {
						t.Fatal(err)
					}
					got := measured(x, q, lo, hi, s)
					if d.name == "outliers" && b > 4 && b < 12 {
						klKeepsTheBulk(t, x, q, c, s)
						continue
					}
					limit := klLimit[b]
					if n <= 1<<10 {
						limit = fewLimit
					}
					if got > limit*least {
						t.Errorf("%s, %d values, %v: %.2f times the squared error of MSE's range; limit %v; range %v..%v",
							d.name, n, s, got/least, limit, lo, hi)
					}
				}
			}
		}
	}
}

// klKeepsTheBulk holds the range of KL to the part of heavy-tailed values that it
// is to keep: there its error is about that of MSE's range, which reaches out
// for the outliers, and at most one value in a hundred is clipped.
func klKeepsTheBulk(t *testing.T, x, q []float32, c *Collector, s quant.Scheme) {
	t.Helper()
	lo, hi, err := KL{}.Range(c, s)
	if err != nil {
		t.Fatal(err)
	}
	bulk := slices.DeleteFunc(slices.Clone(x), func(v float32) bool { return v < lo || v > hi })
	if clipped := len(x) - len(bulk); float64(clipped) > max(1, 1e-2*float64(len(x))) {
		t.Errorf("%v: %d of %d values beyond %v..%v", s, clipped, len(x), lo, hi)
	}
	kl := measured(bulk, q[:len(bulk)], lo, hi, s)
	if lo, hi, err = (MSE{}).Range(c, s); err != nil {
		t.Fatal(err)
	}
	if mse := measured(bulk, q[:len(bulk)], lo, hi, s); kl > 1.25*mse {
		t.Errorf("%v: error of the values that KL keeps %.4g, in MSE's range %.4g", s, kl, mse)
	}
}

// Spreading a density over bins loses no value and moves none far.
func TestDensityHoldsAllValues(t *testing.T) {
	for k, d := range distributions {
		x := draw(1<<15, uint64(k), d.draw)
		c := NewCollector()
		c.Observe(x)
		most := math.Max(-float64(c.min), float64(c.max))
		h := c.klHistogram(float64(c.min), float64(c.max), most)
		want := 0.0
		for _, v := range x {
			if v != 0 {
				want++
			}
		}
		if math.Abs(h.total-want) > 1e-9*want {
			t.Errorf("%s: %.0f of %.0f values", d.name, h.total, want)
		}
		at, sum := 0, 0.0
		slices.Sort(x)
		x = slices.DeleteFunc(x, func(v float32) bool { return v == 0 })
		for i, n := range h.mass {
			sum += n
			for at < len(x) && float64(x[at]) < float64(h.center[i])+h.step/2 {
				at++
			}
			if math.Abs(sum-float64(at)) > 0.03*want {
				t.Fatalf("%s: below %v lie %d values, of the density %.0f", d.name, h.center[i], at, sum)
			}
		}
	}
}
