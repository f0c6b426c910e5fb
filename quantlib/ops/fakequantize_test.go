package ops

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// patterns is n bit patterns: any at all, and values around the grid's steps
// and ends, where rounding and clamping decide.
func patterns(r *rand.Rand, n int, scale float32, lo, hi int32) []float32 {
	x := make([]float32, n)
	for i := range x {
		switch r.IntN(4) {
		case 0:
			x[i] = math.Float32frombits(r.Uint32())
		case 1:
			x[i] = scale * (float32(lo-2) + r.Float32()*float32(hi-lo+4))
		case 2: // halves, and their neighbours
			h := (float32(lo) + float32(r.Int32N(hi-lo+1)) + 0.5) * scale
			x[i] = math.Float32frombits(math.Float32bits(h) + uint32(r.IntN(3)) - 1)
		case 3:
			special := []float32{0, float32(math.Copysign(0, -1)), float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)),
				math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32}
			x[i] = special[r.IntN(len(special))]
		}
	}
	return x
}

func TestFakeQuantizeGivesTheDefinitionsBits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for bits := 1; bits <= 16; bits++ {
		schemes := []quant.Scheme{quant.Uint(bits)}
		if bits > 1 { // one signed bit is no grid with a zero
			narrow := quant.Int(bits)
			narrow.Narrow = true
			schemes = append(schemes, quant.Int(bits), narrow, quant.Scheme{Bits: bits, Asymmetric: true})
		}
		for _, s := range schemes {
			t.Run(fmt.Sprint(s), func(t *testing.T) {
				lo, hi := s.Range()
				for _, scale := range []float32{1, 0.1, 3e-5, 0x1p-126, 1e30} {
					for _, n := range []int{0, 1, 7, 8, 63, 1000} {
						zero := int32(0)
						if s.Asymmetric {
							zero = lo + r.Int32N(hi-lo+1)
						}
						x := patterns(r, n, scale, lo, hi)
						want, got := make([]float32, n), make([]float32, n)
						quant.FakeQuantize(want, x, scale, zero, s)
						FakeQuantize(got, x, scale, zero, lo, hi)
						FakeQuantize(x, x, scale, zero, lo, hi)
						for i := range want {
							if w := math.Float32bits(want[i]); math.Float32bits(got[i]) != w || math.Float32bits(x[i]) != w {
								t.Fatalf("scale %g, zero %d: element %d of %d: %g, in place %g, want %g", scale, zero, i, n, got[i], x[i], want[i])
							}
						}
					}
				}
			})
		}
	}
}
