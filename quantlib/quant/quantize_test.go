package quant

import (
	"math"
	"math/rand/v2"
	"testing"
)

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)

// reference is the formula of the package comment in the plainest form, with
// float64 rounding of the float32 quotient.
func reference(x, scale float32, zero, lo, hi int32) (code int32, value float32) {
	y := x / scale
	if y != y {
		return zero, 0
	}
	r := math.RoundToEven(float64(y)) + float64(zero)
	r = math.Max(float64(lo), math.Min(float64(hi), r))
	return int32(r), float32(int32(r)-zero) * scale
}

// interesting are the floats at which rounding, saturation and magic numbers
// go wrong: ties and their neighbours, powers of two and theirs, subnormals,
// huge values, zeros, infinities and NaN.
func interesting() []float32 {
	v := []float32{0, nan, inf, math.MaxFloat32, math.SmallestNonzeroFloat32, 0x1p-126, 0x1.fffffcp-127}
	add := func(f float32) {
		v = append(v, f, math.Nextafter32(f, 0), math.Nextafter32(f, inf))
	}
	for i := range 70 {
		add(float32(i) / 2)
	}
	for e := -149; e < 128; e++ {
		f := float32(math.Ldexp(1, e))
		add(f)
		add(1.5 * f)
		add(f + 0.5)
		add(f - 0.5)
		add(f + 1.5)
	}
	for _, f := range v {
		v = append(v, -f)
	}
	return append(v, math.Float32frombits(0xFFC00001))
}

func TestFakeQuantizeEqualsReferenceBitForBit(t *testing.T) {
	x := interesting()
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		x = append(x, math.Float32frombits(r.Uint32()))
	}
	for range 200_000 {
		x = append(x, float32(r.NormFloat64()*100))
	}
	scales := []float32{1, 0.5, 3, 0.1, 1.0 / 3, 0x1p-126, math.SmallestNonzeroFloat32, 0x1p100, 7.3e-5, 0x1.fffffep-7}
	got, codes, decoded := make([]float32, len(x)), make([]int32, len(x)), make([]float32, len(x))
	for bits := 1; bits <= 16; bits++ {
		for _, s := range []Scheme{Int(bits), Uint(bits), {Bits: bits, Unsigned: true}, {Bits: bits, Asymmetric: true}, {Bits: bits, Narrow: true}} {
			if s.Validate() != nil || s.Binary() {
				continue
			}
			lo, hi := s.Range()
			zeros := []int32{0}
			if s.Asymmetric {
				zeros = []int32{lo, hi, (lo + hi) / 2}
			}
			scale := scales[bits%len(scales)]
			for _, zero := range zeros {
				FakeQuantize(got, x, scale, zero, s)
				Quantize(codes, x, scale, zero, s)
				Dequantize(decoded, codes, scale, zero, s)
				for i, v := range x {
					code, value := reference(v, scale, zero, lo, hi)
					if codes[i] != code || math.Float32bits(got[i]) != math.Float32bits(value) || math.Float32bits(decoded[i]) != math.Float32bits(value) {
						t.Fatalf("%v scale %v zero %d: x = %v (%#x): code %d, fake %v, decoded %v; want %d, %v",
							s, scale, zero, v, math.Float32bits(v), codes[i], got[i], decoded[i], code, value)
					}
				}
			}
		}
	}
}

func TestAllScalesAtTies(t *testing.T) {
	x := interesting()
	got := make([]float32, len(x))
	s := Int(8)
	for _, scale := range interesting() {
		if !(scale > 0 && scale <= math.MaxFloat32) {
			continue
		}
		FakeQuantize(got, x, scale, 0, s)
		for i, v := range x {
			if _, want := reference(v, scale, 0, -128, 127); math.Float32bits(got[i]) != math.Float32bits(want) {
				t.Fatalf("scale %v: x = %v: %v, want %v", scale, v, got[i], want)
			}
		}
	}
}

func TestQuantize(t *testing.T) {
	for _, c := range []struct {
		name   string
		scheme string
		scale  float32
		zero   int32
		x      []float32
		want   []int32
	}{
		{"rounds half to even", "int8", 1, 0, []float32{0.5, 1.5, 2.5, -0.5, -1.5}, []int32{0, 2, 2, 0, -2}},
		{"rounds half up", "int8 half-up", 1, 0, []float32{0.5, 1.5, -0.5, -1.5, 0.49999997}, []int32{1, 2, 0, -1, 0}},
		{"rounds half away from zero", "int8 half-away", 1, 0, []float32{0.5, 1.5, -0.5, -1.5, 0.49999997}, []int32{1, 2, -1, -2, 0}},
		{"truncates toward zero", "int8 toward-zero", 1, 0, []float32{0.99, -0.99, 1.99, -1.99}, []int32{0, 0, 1, -1}},
		{"rounds before it adds the zero point", "uint8", 1, 1, []float32{0.5, 1.5}, []int32{1, 3}},
		{"saturates", "int4", 1, 0, []float32{7.4, 7.6, -8.4, -9, 1e30, -1e30}, []int32{7, 7, -8, -8, 7, -8}},
		{"saturates infinities", "uint8", 1, 3, []float32{inf, -inf}, []int32{255, 0}},
		{"gives NaN the code zero", "uint8", 1, 7, []float32{nan}, []int32{7}},
		{"drops the lowest code when narrow", "int8 narrow", 1, 0, []float32{-200}, []int32{-127}},
		{"two bits have four codes", "int2", 1, 0, []float32{-3, -2, -1, 0, 1, 2}, []int32{-2, -2, -1, 0, 1, 1}},
		{"one signed bit is the sign, +1 at zero", "int1", 3, 0, []float32{-2, -0.1, 0, float32(math.Copysign(0, -1)), 5, nan, -inf}, []int32{-1, -1, 1, 1, 1, 1, -1}},
		{"one unsigned bit is zero or one", "uint1 sym", 2, 0, []float32{-5, 0.9, 1, 1.1, 9, nan}, []int32{0, 0, 0, 1, 1, 0}},
		{"sixteen bits reach their ends", "uint16", 1, 0, []float32{65535, 65534.5, 65536, -1}, []int32{65535, 65534, 65535, 0}},
		{"thirty-two bits saturate", "int32", 1, 0, []float32{3e9, -3e9, 16777217, 2.5}, []int32{math.MaxInt32, math.MinInt32, 16777216, 2}},
		{"E4M3FN saturates and keeps NaN", "float8e4m3fn", 1, 0, []float32{448, 1e9, -inf, nan, 464, 1}, []int32{0x7E, 0x7E, 0xFE, 0x7F, 0x7E, 0x38}},
		{"E5M2 saturates and keeps NaN", "float8e5m2", 1, 0, []float32{57344, inf, -1e9, nan, 1}, []int32{0x7B, 0x7B, 0xFB, 0x7F, 0x3C}},
		{"E4M3FN has subnormals and a signed zero", "float8e4m3fn", 1, 0, []float32{0x1p-9, 0x1p-10, 0x1.8p-10, float32(math.Copysign(0, -1))}, []int32{1, 0, 1, 0x80}},
		{"E5M2 rounds ties to even", "float8e5m2", 1, 0, []float32{1.125, 1.375, 0x1p-17}, []int32{0x3C, 0x3E, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := ParseScheme(c.scheme)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]int32, len(c.x))
			Quantize(got, c.x, c.scale, c.zero, s)
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("x = %v: code %d, want %d", c.x[i], got[i], c.want[i])
				}
			}
			// What FakeQuantize gives is what the codes decode to.
			a, b := make([]float32, len(c.x)), make([]float32, len(c.x))
			Dequantize(a, got, c.scale, c.zero, s)
			FakeQuantize(b, c.x, c.scale, c.zero, s)
			for i := range a {
				if a[i] != b[i] && (a[i] == a[i] || b[i] == b[i]) {
					t.Errorf("x = %v: decoded %v, fake-quantized %v", c.x[i], a[i], b[i])
				}
			}
		})
	}
}

func TestPowerOfTwoScalingLeavesCodesUnchanged(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	x, y := make([]float32, 1000), make([]float32, 1000)
	a, b := make([]int32, 1000), make([]int32, 1000)
	for _, k := range []int{-20, 1, 30} {
		for i := range x {
			x[i] = float32(r.NormFloat64())
			y[i] = float32(math.Ldexp(float64(x[i]), k))
		}
		for _, row := range Formats {
			Quantize(a, x, 0.037, 0, row.Scheme)
			Quantize(b, y, float32(math.Ldexp(float64(float32(0.037)), k)), 0, row.Scheme)
			for i := range a {
				if a[i] != b[i] {
					t.Fatalf("%s: 2^%d: code %d became %d", row.Name, k, a[i], b[i])
				}
			}
		}
	}
}

func TestStochasticRoundingIsUnbiasedAndRepeatable(t *testing.T) {
	s := Scheme{Bits: 8, Round: Stochastic, Seed: 5}
	const n = 100_000
	x, a, b := make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range x {
		x[i] = 0.3
	}
	FakeQuantize(a, x, 1, 0, s)
	FakeQuantize(b, x, 1, 0, s)
	sum := 0.0
	for i := range a {
		if a[i] != b[i] {
			t.Fatal("two runs differ")
		}
		sum += float64(a[i])
	}
	const limit = 5 * 0.00145 // five standard errors, √(0.3·0.7/n)
	if mean := sum / n; math.Abs(mean-0.3) > limit {
		t.Errorf("mean %v of 0.3", mean)
	}
	s.Seed = 6
	FakeQuantize(b, x, 1, 0, s)
	same := 0
	for i := range a {
		if a[i] == b[i] {
			same++
		}
	}
	if same == n {
		t.Error("another seed gives the same result")
	}
}

func TestPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"lengths differ":            func() { FakeQuantize(make([]float32, 2), make([]float32, 3), 1, 0, Int(8)) },
		"scale is zero":             func() { FakeQuantize(make([]float32, 1), make([]float32, 1), 0, 0, Int(8)) },
		"scale is NaN":              func() { FakeQuantize(make([]float32, 1), make([]float32, 1), nan, 0, Int(8)) },
		"scale is infinite":         func() { FakeQuantize(make([]float32, 1), make([]float32, 1), inf, 0, Int(8)) },
		"zero point outside":        func() { FakeQuantize(make([]float32, 1), make([]float32, 1), 1, 256, Uint(8)) },
		"zero point of one bit":     func() { FakeQuantize(make([]float32, 1), make([]float32, 1), 1, 1, Int(1)) },
		"scheme is not valid":       func() { FakeQuantize(make([]float32, 1), make([]float32, 1), 1, 0, Int(17)) },
		"float32 has no codes":      func() { Quantize(make([]int32, 1), make([]float32, 1), 1, 0, Scheme{}) },
		"range is not one":          func() { ParamsFromRange(1, 0, Int(8)) },
		"range is NaN":              func() { ParamsFromRange(nan, 0, Int(8)) },
		"axis is outside":           func() { Channels([]int{2, 3}, 2) },
		"groups along the channels": func() { Groups([]int{2, 3}, 1, -1, 4) },
		"scales do not fit": func() {
			Params{Scale: []float32{1, 1}}.FakeQuantize(make([]float32, 3), make([]float32, 3), Whole(3), Int(8))
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("did not panic")
				}
			}()
			f()
		})
	}
}

func TestFakeQuantizeDoesNotAllocate(t *testing.T) {
	x := make([]float32, 4096)
	w := Channels([]int{4, 1024}, 0)
	cols := Channels([]int{4, 1024}, 1)
	for _, row := range Formats {
		p, q := Weights(x, w, row.Scheme), Weights(x, cols, row.Scheme)
		if n := testing.AllocsPerRun(10, func() {
			FakeQuantize(x, x, 0.1, 0, row.Scheme)
			p.FakeQuantize(x, x, w, row.Scheme)
			q.FakeQuantize(x, x, cols, row.Scheme)
		}); n != 0 {
			t.Errorf("%s: %v allocations", row.Name, n)
		}
	}
}

func BenchmarkFakeQuantize(b *testing.B) {
	x := make([]float32, 1<<14)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	y := make([]float32, len(x))
	for _, name := range []string{"int1", "int4", "int8", "uint8", "int16", "int8 half-away", "float8e4m3fn"} {
		s, err := ParseScheme(name)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			scale, zero := ParamsFromRange(-2, 2, s)
			for b.Loop() {
				FakeQuantize(y, x, scale, zero, s)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(x)), "ns/element")
		})
	}
	b.Run("int4 columns", func(b *testing.B) {
		l := Channels([]int{128, 128}, 1)
		p := Weights(x, l, Int(4))
		for b.Loop() {
			p.FakeQuantize(y, x, l, Int(4))
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(x)), "ns/element")
	})
}
