package f32

import (
	"fmt"
	"testing"
)

// naiveConv is the contract, as simple as possible.
func naiveConv(x, w []float32, c Conv) []float32 {
	c = c.defaults()
	oh, ow := c.Out()
	in, each := c.Channels/c.Groups, c.Filters/c.Groups
	out := make([]float32, c.Filters*oh*ow)
	for o := range c.Filters {
		for y := range oh {
			for x0 := range ow {
				var sum, s float32
				l := 0
				for i := range in {
					for ky := range c.KernelH {
						for kx := range c.KernelW {
							iy, ix := y*c.StrideH+ky*c.DilationH-c.PadTop, x0*c.StrideW+kx*c.DilationW-c.PadLeft
							var v float32
							if iy >= 0 && iy < c.Height && ix >= 0 && ix < c.Width {
								v = x[((o/each*in+i)*c.Height+iy)*c.Width+ix]
							}
							s = fma(w[((o*in+i)*c.KernelH+ky)*c.KernelW+kx], v, s)
							if l++; l == KC {
								sum, s, l = sum+s, 0, 0
							}
						}
					}
				}
				if k := in * c.KernelH * c.KernelW; k > KC && l > 0 {
					s = sum + s
				} else if l == 0 {
					s = sum
				}
				out[(o*oh+y)*ow+x0] = s
			}
		}
	}
	return out
}

var convShapes = []Conv{
	{Channels: 3, Height: 9, Width: 11, Filters: 8, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	{Channels: 3, Height: 17, Width: 23, Filters: 7, KernelH: 7, KernelW: 7, StrideH: 2, StrideW: 2, PadTop: 3, PadLeft: 3, PadBottom: 3, PadRight: 3},
	{Channels: 40, Height: 6, Width: 7, Filters: 13, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2, PadTop: 0, PadLeft: 0, PadBottom: 1, PadRight: 1},
	{Channels: 20, Height: 8, Width: 8, Filters: 30, KernelH: 1, KernelW: 1},
	{Channels: 20, Height: 7, Width: 9, Filters: 6, KernelH: 1, KernelW: 1, StrideH: 2, StrideW: 2},
	{Channels: 4, Height: 20, Width: 21, Filters: 5, KernelH: 3, KernelW: 2, DilationH: 2, DilationW: 3, PadTop: 2, PadLeft: 1, PadBottom: 0, PadRight: 4},
	{Channels: 4, Height: 20, Width: 21, Filters: 5, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 3, DilationH: 3, DilationW: 2, PadTop: 2, PadLeft: 5, PadBottom: 3, PadRight: 4},
	{Channels: 6, Height: 12, Width: 5, Filters: 9, KernelH: 3, KernelW: 3, Groups: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	{Channels: 5, Height: 1, Width: 50, Filters: 4, KernelH: 1, KernelW: 9, PadLeft: 4, PadRight: 4},
	{Channels: 2, Height: 5, Width: 5, Filters: 3, KernelH: 5, KernelW: 5},
	{Channels: 2, Height: 3, Width: 3, Filters: 3, KernelH: 3, KernelW: 3, PadTop: 5, PadLeft: 5, PadBottom: 5, PadRight: 5},
	{Channels: 6, Height: 14, Width: 14, Filters: 6, Groups: 6, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	{Channels: 6, Height: 15, Width: 14, Filters: 6, Groups: 6, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	{Channels: 3, Height: 33, Width: 40, Filters: 6, Groups: 3, KernelH: 5, KernelW: 5, PadTop: 2, PadLeft: 2, PadBottom: 2, PadRight: 2},
	{Channels: 3, Height: 33, Width: 40, Filters: 3, Groups: 3, KernelH: 5, KernelW: 5, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 2, PadBottom: 2, PadRight: 1},
	{Channels: 3, Height: 9, Width: 20, Filters: 3, Groups: 3, KernelH: 3, KernelW: 1, DilationH: 2},
	{Channels: 4, Height: 25, Width: 5, Filters: 4, Groups: 4, KernelH: 25, KernelW: 5},
	{Channels: 2, Height: 30, Width: 30, Filters: 8, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	{Channels: 2, Height: 2, Width: 2, Filters: 8, KernelH: 3, KernelW: 3},
}

func TestConv2D(t *testing.T) {
	for s, c := range convShapes {
		for _, kind := range []string{"normal", "wild"} {
			t.Run(fmt.Sprintf("%s %+v", kind, c), func(t *testing.T) {
				r, gen := rng(uint64(s)), normal
				if kind == "wild" {
					gen = wild
				}
				groups := max(c.Groups, 1)
				x, w := gen(r, c.Channels*c.Height*c.Width), gen(r, c.Filters*c.Channels/groups*c.KernelH*c.KernelW)
				f := PackFilter(w, c.Filters, c.Channels/groups, c.KernelH, c.KernelW, groups)
				oh, ow := c.Out()
				want := naiveConv(x, w, c)
				dst, scratch := make([]float32, c.Filters*oh*ow), make([]float32, c.ScratchLen())
				Conv2D(dst, x, f, c, nil, nil, scratch)
				sameBits(t, "plain", dst, want)

				for parts := range 5 {
					clear(dst)
					for p := range parts {
						Conv2DPart(dst, x, f, c, nil, nil, scratch, p, parts)
					}
					if parts > 0 {
						sameBits(t, fmt.Sprint(parts, " parts"), dst, want)
					}
				}

				q := Quantizer{Scale: 0.13, Zero: 4, Lo: 0, Hi: 15}
				ep := &Epilogue{
					RowBias: gen(r, c.Filters), Residual: gen(r, len(dst)), ResidualStride: oh * ow, Act: ReLU,
					Quant: []Quantizer{{Scale: 0.31, Zero: 0, Lo: -128, Hi: 127}},
				}
				qx := make([]float32, len(x))
				FakeQuantize(qx, x, q)
				want = naiveConv(qx, w, c)
				ep.apply(want, oh*ow, 0, c.Filters, 0, oh*ow)
				ep.quantize(want, oh*ow, 0, c.Filters, 0, oh*ow)
				for p := range 2 {
					Conv2DPart(dst, x, f, c, ep, &q, scratch, p, 2)
				}
				sameBits(t, "quantized, with epilogue", dst, want)
			})
		}
	}
}

func TestConv2DRandomGeometry(t *testing.T) {
	r := rng(99)
	pick := func(n int) int { return r.IntN(n) }
	for range 600 {
		c := Conv{
			Height: 1 + pick(12), Width: 1 + pick(20), KernelH: 1 + pick(4), KernelW: 1 + pick(4),
			StrideH: 1 + pick(3), StrideW: 1 + pick(3), DilationH: 1 + pick(2), DilationW: 1 + pick(2),
			PadTop: pick(3), PadLeft: pick(3), PadBottom: pick(3), PadRight: pick(3), Groups: 1 + pick(4),
		}
		in, each := 1+pick(4), 1+pick(9)
		if pick(2) == 0 {
			in, each, c.Groups = 1, 1+pick(2), 1+pick(20) // depthwise
		}
		c.Channels, c.Filters = in*c.Groups, each*c.Groups
		x, w := wild(r, c.Channels*c.Height*c.Width), normal(r, c.Filters*in*c.KernelH*c.KernelW)
		f := PackFilter(w, c.Filters, in, c.KernelH, c.KernelW, c.Groups)
		oh, ow := c.Out()
		q := Quantizer{Scale: 0.3, Zero: 4, Lo: 0, Hi: 15}
		ep := &Epilogue{RowBias: normal(r, c.Filters), Act: Clamp, Lo: -1, Hi: 1.5}
		qx := make([]float32, len(x))
		FakeQuantize(qx, x, q)
		want := naiveConv(qx, w, c)
		ep.apply(want, oh*ow, 0, c.Filters, 0, oh*ow)
		// What lies behind dst and scratch is not touched; what scratch holds does not matter.
		n := c.ScratchLen()
		back, mem := make([]float32, len(want)+20), make([]float32, n+20)
		for i := range mem {
			mem[i] = -7e33
		}
		for i := range back {
			back[i] = -7e33
		}
		parts := 1 + pick(3)
		for p := range parts {
			Conv2DPart(back[:len(want):len(want)], x, f, c, ep, &q, mem[:n:n], p, parts)
		}
		sameBits(t, fmt.Sprintf("%+v", c), back[:len(want)], want)
		for _, v := range append(back[len(want):], mem[n:]...) {
			if v != -7e33 {
				t.Fatalf("%+v: wrote outside", c)
			}
		}
	}
}
