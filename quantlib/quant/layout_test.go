package quant

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestLayouts(t *testing.T) {
	for _, c := range []struct {
		name             string
		shape            []int
		axis, group      int
		scheme           Scheme
		granules         int
		index            []int // of an element
		granule, columns int   // its granule; row width, if scales run along rows
	}{
		{"one scale for the tensor", []int{2, 3, 4}, 0, 1, Int(8), 1, []int{1, 2, 3}, 0, 0},
		{"a scalar has one scale", nil, 0, 1, Int(8).PerChannel(), 1, nil, 0, 0},
		{"Conv per output channel", []int{4, 3, 2, 2}, 0, 1, Int(8).PerChannel(), 4, []int{2, 1, 1, 0}, 2, 0},
		{"ConvTranspose per output channel", []int{3, 4, 2, 2}, 1, 0, Int(8).PerChannel(), 4, []int{2, 3, 1, 0}, 3, 0},
		{"MatMul per column", []int{5, 7}, 1, 0, Int(8).PerChannel(), 7, []int{3, 6}, 6, 7},
		{"Gemm transB per row", []int{7, 5}, 0, 1, Int(8).PerChannel(), 7, []int{6, 3}, 6, 0},
		{"a negative axis counts from the end", []int{5, 7}, -1, 0, Int(8).PerChannel(), 7, []int{3, 6}, 6, 7},
		{"Conv in groups of inputs", []int{4, 5, 2, 2}, 0, 1, Int(4).PerGroup(2), 4 * 3, []int{2, 4, 1, 1}, 2*3 + 2, 0},
		{"MatMul in groups of rows", []int{5, 7}, 1, 0, Int(4).PerGroup(2), 3 * 7, []int{3, 6}, 1*7 + 6, 7},
		{"batched MatMul in groups of rows", []int{2, 5, 7}, -1, -2, Int(4).PerGroup(2), 3 * 7, []int{1, 4, 3}, 2*7 + 3, 7},
		{"a group larger than the axis", []int{4, 5}, 0, 1, Int(4).PerGroup(32), 4, []int{2, 4}, 2, 0},
		{"groups of a vector are its channels", []int{6}, 0, 1, Int(4).PerGroup(32), 6, []int{4}, 4, 6},
		{"depthwise in groups", []int{6, 1, 3, 3}, 0, 1, Int(4).PerGroup(32), 6, []int{4, 0, 1, 1}, 4, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := For(c.shape, c.axis, c.group, c.scheme)
			if l.Granules() != c.granules || l.Len() != product(c.shape) {
				t.Fatalf("%+v has %d granules of %d elements, want %d of %d", l, l.Granules(), l.Len(), c.granules, product(c.shape))
			}
			at := 0
			for i, d := range c.shape {
				at = at*d + c.index[i]
			}
			if g := l.Granule(at); g != c.granule {
				t.Errorf("element %v is of granule %d, want %d", c.index, g, c.granule)
			}
			// Runs agree with Granule and cover everything once, in order.
			next := 0
			l.Runs(func(g, from, to int) {
				if from != next {
					t.Fatalf("run begins at %d, want %d", from, next)
				}
				for ; next < to; next++ {
					if l.Granule(next) != g {
						t.Fatalf("element %d is of granule %d, its run of %d", next, l.Granule(next), g)
					}
				}
			})
			if next != l.Len() {
				t.Errorf("runs end at %d of %d", next, l.Len())
			}
			width, rows, ok := l.columns()
			if ok != (c.columns > 0) || ok && (width != c.columns || width*rows != l.Len()) {
				t.Errorf("columns %d × %d, %v", width, rows, ok)
			}
		})
	}
}

// Each granule of a tensor is quantized as if it were a tensor of its own.
func TestParamsEqualGranuleByGranule(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	shape := []int{3, 5, 2, 4}
	x := make([]float32, product(shape))
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	x[17] = nan
	for _, base := range []Scheme{Int(1), Int(4), Uint(4), {Bits: 4, Round: HalfAway}, FP8(E5M2), {Bits: 32}} {
		for axis := range shape {
			for group := range shape {
				for _, s := range []Scheme{base.PerTensor(), base.PerChannel(), base.PerGroup(2)} {
					if s.Granularity == PerGroup && axis == group {
						continue
					}
					l := For(shape, axis, group, s)
					p := Weights(x, l, s)
					if err := p.Validate(s, l.Granules()); err != nil {
						t.Fatal(err)
					}
					got, decoded, codes := make([]float32, len(x)), make([]float32, len(x)), make([]int32, len(x))
					p.FakeQuantize(got, x, l, s)
					p.Quantize(codes, x, l, s)
					p.Dequantize(decoded, codes, l, s)
					for i := range x {
						scale, zero := p.At(l.Granule(i))
						var want [1]float32
						FakeQuantize(want[:], x[i:i+1], scale, zero, s)
						if math.Float32bits(got[i]) != math.Float32bits(want[0]) || math.Float32bits(decoded[i]) != math.Float32bits(got[i]) {
							t.Fatalf("%v axis %d group %d: element %d: %v, decoded %v, want %v", s, axis, group, i, got[i], decoded[i], want[0])
						}
					}
				}
			}
		}
	}
}

func TestParamsFromRange(t *testing.T) {
	for _, c := range []struct {
		name   string
		scheme string
		lo, hi float32
		scale  float32
		zero   int32
	}{
		{"symmetric takes the larger magnitude", "int8", -2.54, 1, 0.02, 0},
		{"narrow has the same scale", "int8 narrow", -2.54, 1, 0.02, 0},
		{"two bits: one positive code", "int2", -1, 3, 3, 0},
		{"asymmetric covers both ends", "uint8", -1, 1.55, 0.01, 100},
		{"asymmetric signed", "int8 asym", -1, 1.55, 0.01, -28},
		{"the range is widened to zero from above", "uint8", 1, 2.55, 0.01, 0},
		{"the range is widened to zero from below", "uint8", -2.55, -1, 0.01, 255},
		{"unsigned symmetric looks at the upper end", "uint8 sym", -9, 2.55, 0.01, 0},
		{"unsigned symmetric without an upper end", "uint8 sym", -9, 0, 1, 0},
		{"zeros", "int8", 0, 0, 1, 0},
		{"zeros, asymmetric", "int8 asym", 0, 0, 1, -128},
		{"one signed bit", "int1", -0.5, 0.5, 0.5, 0},
		{"one unsigned bit", "uint1 sym", 0, 3, 3, 0},
		{"power of two rounds up", "int8 pow2", -127, 127.5, 2, 0},
		{"power of two stays", "int8 pow2", -127, 127, 1, 0},
		{"E4M3FN", "float8e4m3fn", -896, 3, 2, 0},
		{"subnormal becomes the smallest normal", "int8", -1e-45, 1e-45, 0x1p-126, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := ParseScheme(c.scheme)
			if err != nil {
				t.Fatal(err)
			}
			scale, zero := ParamsFromRange(c.lo, c.hi, s)
			if math.Abs(float64(scale/c.scale-1)) > 1e-6 || zero != c.zero {
				t.Errorf("scale %v, zero %d; want %v, %d", scale, zero, c.scale, c.zero)
			}
		})
	}
}

func TestExtremeRangesStayFinite(t *testing.T) {
	for _, row := range Formats {
		for _, p2 := range []bool{false, true} {
			s := row.Scheme
			s.PowerOfTwo = p2
			for _, r := range [][2]float32{{-math.MaxFloat32, math.MaxFloat32}, {-inf, inf}, {0, math.MaxFloat32}, {-math.MaxFloat32, 0}, {-1e-45, 1e-45}} {
				scale, zero := ParamsFromRange(r[0], r[1], s)
				lo, hi := s.Reals(scale, zero)
				if !(lo >= -math.MaxFloat32 && lo <= 0 && 0 <= hi && hi <= math.MaxFloat32) {
					t.Errorf("%v: range %v gives scale %v zero %d, covering %v..%v", s, r, scale, zero, lo, hi)
				}
			}
		}
	}
}

func TestBiasIsRoundedToTheAccumulatorsScale(t *testing.T) {
	b := []float32{0.1, -0.25, 1e9}
	got := make([]float32, 3)
	Bias(got, b, 0.5, []float32{0.25, 0.125, 0x1p-20})
	want := []float32{0.125, -0.25, math.MaxInt32 * 0x1p-21}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("bias %v becomes %v, want %v", b[i], got[i], want[i])
		}
	}
	Bias(got[:2], b[:2], 0.5, []float32{0.5})
	if got[0] != 0 || got[1] != -0.25 {
		t.Errorf("one weight scale: %v", got[:2])
	}
}
