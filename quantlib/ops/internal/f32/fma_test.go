package f32

import (
	"math"
	"math/big"
	"testing"
)

// exactFMA rounds the exact a·b + c once.
func exactFMA(a, b, c float32) float32 {
	z := new(big.Float).SetPrec(1000).SetFloat64(float64(a))
	z.Mul(z, new(big.Float).SetPrec(1000).SetFloat64(float64(b)))
	z.Add(z, new(big.Float).SetPrec(1000).SetFloat64(float64(c)))
	f, _ := z.Float32()
	return f
}

func TestFMARoundsOnce(t *testing.T) {
	rows := []struct {
		name    string
		a, b, c float32
	}{
		{"sum just above a midpoint", 0x1p-60, 1, 1 + 0x1p-23},
		{"midpoint that float64 cannot tell from a sum", 1 + 0x1p-12, 1 + 0x1p-12, 0x1p-60},
		{"product adds half a unit and a little", 0x1.000002p0, 0x1p-24, 1},
		{"product adds half a unit less a little", 0x1.fffffep-1, 0x1p-24, 1},
		{"subnormal midpoint and a little", 0x1p-75, 0x1.000002p-75, 0x1p-149},
		{"subnormal midpoint less a little", 0x1p-75, 0x1.fffffep-76, 0x1p-149},
		{"rounds up to infinity", math.MaxFloat32, 1, 0x1p103},
		{"stays finite", math.MaxFloat32, 1, 0x1.fffffep102},
		{"cancels", 3, 5, -15},
	}
	for _, r := range rows {
		if got, want := fma(r.a, r.b, r.c), exactFMA(r.a, r.b, r.c); got != want {
			t.Errorf("%s: fma(%v, %v, %v) = %v, want %v", r.name, r.a, r.b, r.c, got, want)
		}
	}
	g := rng(1)
	for range 200_000 {
		// A wide product beside a c whose last bit is near the product's size.
		a := math.Float32frombits(g.Uint32()&0x007fffff | uint32(1+g.IntN(253))<<23)
		b := math.Float32frombits(g.Uint32()&0x007ffff0 | uint32(100+g.IntN(54))<<23)
		e := math.Ilogb(float64(a)*float64(b)) + g.IntN(60) - 30
		c := float32(math.Ldexp(float64(1+g.IntN(1<<24)), max(e-23, -149)))
		if math.IsInf(float64(c), 0) {
			continue
		}
		if g.IntN(2) == 0 {
			c = -c
		}
		got, want := fma(a, b, c), exactFMA(a, b, c)
		if math.Float32bits(got) != math.Float32bits(want) && got != 0 {
			t.Fatalf("fma(%x, %x, %x) = %x, want %x", a, b, c, got, want)
		}
	}
}
