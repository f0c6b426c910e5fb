package f32

import (
	"fmt"
	"math"
	"testing"
)

// naiveWinograd is the contract, tile by tile.
func naiveWinograd(x, w []float32, c Conv) []float32 {
	oh, ow := c.Out()
	u := make([]float32, points*c.Filters*c.Channels)
	for i := range c.Filters * c.Channels {
		winogradWeights(u[i*points:], w[9*i:], 1)
	}
	v := make([]float32, points*c.Channels)
	out := make([]float32, c.Filters*oh*ow)
	for y0 := 0; y0 < oh; y0 += 2 {
		for x0 := 0; x0 < ow; x0 += 2 {
			for ch := range c.Channels {
				var t, d [4][4]float32
				for i := range 4 {
					for j := range 4 {
						y, x1 := y0+i-c.PadTop, x0+j-c.PadLeft
						if y >= 0 && y < c.Height && x1 >= 0 && x1 < c.Width {
							d[i][j] = x[(ch*c.Height+y)*c.Width+x1]
						}
					}
				}
				for j := range 4 {
					t[0][j], t[1][j], t[2][j], t[3][j] = d[0][j]-d[2][j], d[1][j]+d[2][j], d[2][j]-d[1][j], d[1][j]-d[3][j]
				}
				for i, t := range t {
					copy(v[ch*points+4*i:], []float32{t[0] - t[2], t[1] + t[2], t[2] - t[1], t[1] - t[3]})
				}
			}
			for o := range c.Filters {
				var m [points]float32
				for p := range m {
					for k0 := 0; k0 < c.Channels; k0 += KC {
						var s float32
						for ch := k0; ch < min(k0+KC, c.Channels); ch++ {
							s = fma(u[(o*c.Channels+ch)*points+p], v[ch*points+p], s)
						}
						if k0 == 0 {
							m[p] = s
						} else {
							m[p] += s
						}
					}
				}
				var s [2][4]float32
				for j := range 4 {
					s[0][j], s[1][j] = m[j]+m[4+j]+m[8+j], m[4+j]-m[8+j]-m[12+j]
				}
				for i, s := range s {
					for j, y := range []float32{s[0] + s[1] + s[2], s[1] - s[2] - s[3]} {
						if y0+i < oh && x0+j < ow {
							out[(o*oh+y0+i)*ow+x0+j] = y
						}
					}
				}
			}
		}
	}
	return out
}

func winogradShapes() []Conv {
	var all []Conv
	for _, s := range [][4]int{ // channels, height, width, filters
		{24, 7, 7, 24}, {64, 28, 28, 30}, {30, 14, 14, 64}, {33, 9, 31, 25}, {260, 8, 8, 26},
		{24, 33, 57, 26}, {257, 14, 14, 29}, {128, 15, 13, 48}, {48, 4, 40, 110}, {27, 63, 10, 24},
	} {
		for pad := range 3 {
			c := Conv{
				Channels: s[0], Height: s[1], Width: s[2], Filters: s[3], KernelH: 3, KernelW: 3,
				PadTop: pad, PadLeft: 1, PadBottom: 1, PadRight: pad,
			}
			if c.Winograd() {
				all = append(all, c)
			}
		}
	}
	return all
}

func TestWinograd(t *testing.T) {
	shapes := winogradShapes()
	if len(shapes) < 25 {
		t.Fatalf("%d shapes", len(shapes))
	}
	for s, c := range shapes {
		for _, kind := range []string{"normal", "wild"} {
			if (testing.Short() || !assembly) && (s%3 != 0 || c.Channels*c.Filters*c.Height*c.Width > 450_000) {
				continue
			}
			t.Run(fmt.Sprintf("%s %+v", kind, c), func(t *testing.T) {
				r, gen := rng(uint64(s)), normal
				if kind == "wild" {
					gen = wild
				}
				x, w := gen(r, c.Channels*c.Height*c.Width), gen(r, c.Filters*c.Channels*9)
				f := PackWinograd(w, c.Filters, c.Channels)
				if f.Bytes() != WinogradBytes(c.Filters, c.Channels) {
					t.Errorf("%d bytes, not %d", f.Bytes(), WinogradBytes(c.Filters, c.Channels))
				}
				plain := naiveWinograd(x, w, c)
				clamped := &Epilogue{Act: Clamp, Lo: 0, Hi: 1, Quant: []Quantizer{{Scale: 1, Lo: 0, Hi: 1}}}
				Conv2D(make([]float32, len(plain)), x, PackFilter(w, c.Filters, c.Channels, 3, 3, 1), c, clamped, nil,
					make([]float32, c.ScratchLen())) // leaves nothing behind
				oh, ow := c.Out()
				n := c.WinogradScratchLen()
				dst, scratch := make([]float32, len(plain)+20), make([]float32, n+20)
				for i := range scratch {
					scratch[i] = float32(math.NaN())
				}
				for i := range dst {
					dst[i] = -7e33
				}
				check := func(what string, want []float32) {
					t.Helper()
					sameBits(t, what, dst[:len(want)], want)
					for _, v := range dst[len(want):] {
						if v != -7e33 {
							t.Fatalf("%s: wrote behind the output", what)
						}
					}
					for _, v := range scratch[n:] {
						if v == v {
							t.Fatalf("%s: wrote behind the scratch memory", what)
						}
					}
				}
				for parts := 1; parts < 4; parts++ {
					clear(dst[:len(plain)])
					for p := range parts {
						ConvWinogradPart(dst[:len(plain):len(plain)], x, f, c, nil, scratch[:n:n], p, parts)
					}
					check(fmt.Sprint(parts, " parts"), plain)
				}
				each := make([]Quantizer, c.Filters)
				for i := range each {
					each[i] = Quantizer{Scale: 0.1 + float32(i), Zero: 3, Lo: 0, Hi: 15}.WithInverse()
				}
				for _, ep := range []*Epilogue{
					{RowBias: gen(r, c.Filters), Act: ReLU},
					{RowBias: gen(r, c.Filters), Act: ReLU, Quant: []Quantizer{Quantizer{Scale: 0.0372, Zero: 0, Lo: 0, Hi: 255}.WithInverse()}},
					{RowBias: gen(r, c.Filters), Act: Clamp, Lo: 0, Hi: 1, Quant: []Quantizer{Quantizer{Scale: 0.0372, Zero: 3, Lo: -8, Hi: 7}.WithInverse()}},
					{Act: Clamp, Lo: -1, Hi: 6, Quant: []Quantizer{{Scale: 0.31, Zero: 0, Lo: -128, Hi: 127}}},
					{Residual: gen(r, len(plain)), ResidualStride: oh * ow, Act: ReLU, Quant: each},
					{RowBias: gen(r, c.Filters), ColBias: gen(r, oh*ow), Residual: gen(r, len(plain)), ResidualStride: oh * ow},
				} {
					want := append([]float32(nil), plain...)
					ep.apply(want, oh*ow, 0, c.Filters, 0, oh*ow)
					ep.quantize(want, oh*ow, 0, c.Filters, 0, oh*ow)
					if ep.Residual != nil { // where it lies
						copy(dst, ep.Residual)
						ep.Residual = dst[:len(plain):len(plain)]
					}
					for p := range 2 {
						ConvWinogradPart(dst[:len(plain):len(plain)], x, f, c, ep, scratch[:n:n], p, 2)
					}
					check("with epilogue", want)
				}
			})
		}
	}
}

// The error is of the order of a plain sum's: both are compared with sums in
// float64, relative to the root of the mean square of the outputs.
func TestWinogradError(t *testing.T) {
	for _, channels := range []int{32, 256} {
		c := Conv{Channels: channels, Height: 14, Width: 14, Filters: 24, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1}
		r := rng(5)
		x, w := normal(r, channels*14*14), normal(r, 24*channels*9)
		for i := range x {
			x[i] = max(x[i], 0)
		}
		plain, fast := make([]float32, 24*14*14), make([]float32, 24*14*14)
		Conv2D(plain, x, PackFilter(w, 24, channels, 3, 3, 1), c, nil, nil, make([]float32, c.ScratchLen()))
		ConvWinograd(fast, x, PackWinograd(w, 24, channels), c, nil, make([]float32, c.WinogradScratchLen()))
		var signal, a, b float64
		for o := range 24 {
			for y := range 14 {
				for x0 := range 14 {
					var s float64
					for ch := range channels {
						for i := range 9 {
							if iy, ix := y+i/3-1, x0+i%3-1; iy >= 0 && iy < 14 && ix >= 0 && ix < 14 {
								s += float64(w[(o*channels+ch)*9+i]) * float64(x[(ch*14+iy)*14+ix])
							}
						}
					}
					at := (o*14+y)*14 + x0
					signal += s * s
					a += (float64(plain[at]) - s) * (float64(plain[at]) - s)
					b += (float64(fast[at]) - s) * (float64(fast[at]) - s)
				}
			}
		}
		a, b = math.Sqrt(a/signal), math.Sqrt(b/signal)
		t.Logf("%d channels: relative error of the plain sum %.2g, of Winograd's %.2g", channels, a, b)
		const most = 2e-6 // 32 units in the last place; 16-bit codes are 1.5e-5 of their range
		if b > most || b > 4*a {
			t.Errorf("%d channels: Winograd's error is %.2g, the plain sum's %.2g", channels, b, a)
		}
	}
}

func BenchmarkWinograd(b *testing.B) {
	for _, s := range [][2]int{{64, 56}, {128, 28}, {256, 14}, {512, 7}, {32, 112}, {24, 56}} {
		c := Conv{Channels: s[0], Height: s[1], Width: s[1], Filters: s[0], KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1}
		r := rng(1)
		x, w := normal(r, s[0]*s[1]*s[1]), normal(r, s[0]*s[0]*9)
		dst := make([]float32, s[0]*s[1]*s[1])
		ep := &Epilogue{RowBias: normal(r, s[0]), Act: ReLU}
		flops := 18 * float64(s[0]*s[0]*s[1]*s[1])
		b.Run(fmt.Sprintf("%dx%dx%d/winograd", s[0], s[1], s[1]), func(b *testing.B) {
			f, scratch := PackWinograd(w, s[0], s[0]), make([]float32, c.WinogradScratchLen())
			for b.Loop() {
				ConvWinograd(dst, x, f, c, ep, scratch)
			}
			b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
		b.Run(fmt.Sprintf("%dx%dx%d/direct", s[0], s[1], s[1]), func(b *testing.B) {
			f, scratch := PackFilter(w, s[0], s[0], 3, 3, 1), make([]float32, c.ScratchLen())
			for b.Loop() {
				Conv2D(dst, x, f, c, ep, nil, scratch)
			}
			b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

func BenchmarkPackWinograd(b *testing.B) {
	w := normal(rng(1), 512*512*9)
	b.Run("winograd", func(b *testing.B) {
		b.SetBytes(int64(4 * len(w)))
		for b.Loop() {
			PackWinograd(w, 512, 512)
		}
	})
	b.Run("plain", func(b *testing.B) {
		b.SetBytes(int64(4 * len(w)))
		for b.Loop() {
			PackFilter(w, 512, 512, 3, 3, 1)
		}
	})
}
