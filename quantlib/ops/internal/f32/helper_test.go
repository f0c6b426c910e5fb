package f32

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// TestMain runs everything with each level of kernels that this processor has;
// benchmarks, short tests, and all with QUANTNB_ISA set, only with the one that
// is chosen.
func TestMain(m *testing.M) {
	flag.Parse()
	best := chosen
	levels := available()
	if testing.Short() || os.Getenv("QUANTNB_ISA") != "" || flag.Lookup("test.bench").Value.String() != "" {
		levels = []level{best}
	}
	code := 0
	for _, l := range levels {
		if l > best {
			continue // it failed its check, which a test reports
		}
		use(l)
		fmt.Printf("kernels: %v\n", l)
		code = max(code, m.Run())
	}
	os.Exit(code)
}

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// normal returns n normal variates.
func normal(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// wild returns n values of which some are zero, subnormal, huge, infinite, NaN
// or small integers, for which sums fall on midpoints.
func wild(r *rand.Rand, n int) []float32 {
	x := normal(r, n)
	for i := range x {
		switch r.IntN(40) {
		case 0:
			x[i] = 0
		case 1:
			x[i] = float32(math.Copysign(0, -1))
		case 2:
			x[i] *= 1e-40
		case 3:
			x[i] *= 1e-25
		case 4:
			x[i] *= 1e18
		case 5, 6, 7:
			x[i] = float32(r.IntN(9) - 4)
		case 8:
			x[i] = float32(int(1) << r.IntN(30))
		case 9:
			if r.IntN(20) == 0 {
				x[i] = []float32{inf, -inf, float32(math.NaN()), math.MaxFloat32}[r.IntN(4)]
			}
		}
	}
	return x
}

// sameBits fails unless got and want have the same bits; any NaN equals any.
func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i, g := range got {
		w := want[i]
		if math.Float32bits(g) != math.Float32bits(w) && (g == g || w == w) {
			t.Fatalf("%s: element %d of %d is %v (%#08x), want %v (%#08x)",
				what, i, len(got), g, math.Float32bits(g), w, math.Float32bits(w))
		}
	}
}
