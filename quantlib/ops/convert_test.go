package ops

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// nearest16 is bits16 by search: the finite value nearest to x, of two equally
// near ones the even code, infinity from half a step beyond the greatest on.
func nearest16(x float64, widen func(uint16) float32, inf uint16) uint16 {
	sign := uint16(0)
	if math.Signbit(x) {
		sign, x = 0x8000, -x
	}
	lo, hi := uint16(0), inf // widen(lo) <= x < widen(hi)
	for hi-lo > 1 {
		if m := (lo + hi) / 2; float64(widen(m)) <= x {
			lo = m
		} else {
			hi = m
		}
	}
	top := float64(widen(inf-1)) + (float64(widen(inf-1)) - float64(widen(inf-2))) // where infinity would stand on the grid
	above := float64(widen(hi))
	if hi == inf {
		above = top
	}
	switch below := float64(widen(lo)); {
	case x-below > above-x, x-below == above-x && lo&1 != 0:
		return sign | hi
	}
	return sign | lo
}

func TestShortFloatsRoundToNearest(t *testing.T) {
	g := rand.New(rand.NewPCG(5, 6))
	formats := []struct {
		name  string
		widen func(uint16) float32
		bits  func(float64) uint16
		inf   uint16
	}{
		{"float16", tensor.Float32FromBits16, bits16, 0x7c00},
		{"bfloat16", tensor.Float32FromBFloat16, bitsBFloat16, 0x7f80},
	}
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			for b := range 1 << 16 {
				v := float64(f.widen(uint16(b)))
				if v != v {
					if w := f.widen(f.bits(v)); w == w {
						t.Fatalf("NaN %#04x became %v", b, w)
					}
					continue
				}
				if got := f.bits(v); got != uint16(b) {
					t.Fatalf("%#04x became %#04x", b, got)
				}
				if math.IsInf(v, 0) || uint16(b)&0x7fff+1 >= f.inf {
					continue
				}
				mid := (v + float64(f.widen(uint16(b)+1))) / 2
				for _, x := range []float64{mid, math.Nextafter(mid, 0), math.Nextafter(mid, 2*mid), v + (mid-v)*2*g.Float64()} {
					if got, want := f.bits(x), nearest16(x, f.widen, f.inf); got != want {
						t.Fatalf("%v became %#04x, want %#04x", x, got, want)
					}
				}
			}
			for _, x := range []float64{math.Inf(1), 1e300} {
				if f.bits(x) != f.inf || f.bits(-x) != 0x8000|f.inf {
					t.Errorf("%v became %#04x", x, f.bits(x))
				}
			}
		})
	}
}

func TestSmallFloatsRoundToNearest(t *testing.T) {
	for d, f := range smallFormats {
		t.Run(d.String(), func(t *testing.T) {
			table := smallFloats(d)
			half := 1 << (f.exp + f.man)
			for c := range half {
				v := table[c]
				if v != v {
					continue
				}
				if got := smallCode(d, v, true); int(got) != c && !math.IsInf(v, 1) {
					t.Errorf("%v (code %#02x) became %#02x", v, c, got)
				}
				if c >= int(f.top) {
					continue
				}
				up := table[c+1]
				mid := (v + up) / 2
				even := c + c&1
				for x, want := range map[float64]int{mid: even, math.Nextafter(mid, 0): c, math.Nextafter(mid, up): c + 1} {
					if got := smallCode(d, x, true); int(got) != want {
						t.Errorf("%v became %#02x, want %#02x", x, got, want)
					}
					if minus := smallCode(d, -x, true); want != 0 && int(minus) != half+want {
						t.Errorf("%v became %#02x, want %#02x", -x, minus, half+want)
					}
				}
			}
			if got := smallCode(d, math.Inf(1), true); got != f.top {
				t.Errorf("infinity saturates to %#02x, want %#02x", got, f.top)
			}
			if v := table[smallCode(d, 1e9, false)]; d != tensor.Float4E2M1 && !math.IsInf(v, 1) && v == v {
				t.Errorf("1e9 without saturation became %v", v)
			}
		})
	}
}

// The greatest finite values, from the formats' specifications.
func TestSmallFloatLimits(t *testing.T) {
	for d, want := range map[tensor.DType]float64{
		tensor.Float8E4M3: 448, tensor.Float8E4M3Z: 240, tensor.Float8E5M2: 57344, tensor.Float8E5M2Z: 57344, tensor.Float4E2M1: 6,
	} {
		if got := smallFloats(d)[smallFormats[d].top]; got != want {
			t.Errorf("%v: greatest value %v, want %v", d, got, want)
		}
	}
}

func TestPackedCodesComeBack(t *testing.T) {
	for _, d := range []tensor.DType{tensor.Int4, tensor.Uint4, tensor.Int2, tensor.Uint2} {
		lo, hi := codeRange(d)
		var want []int64
		for v := int64(lo); v <= int64(hi); v++ {
			want = append(want, v)
		}
		want = append(want, want[len(want)/2]) // an odd length
		x := tensor.New(d, len(want))
		store(x, want)
		for i, v := range load[int64](x) {
			if v != want[i] {
				t.Errorf("%v: element %d is %d, want %d", d, i, v, want[i])
			}
		}
	}
}
