package f32

import (
	"fmt"
	"math"
	"testing"
)

// Convolutions at sizes where columns are read where they lie, where some of them
// are packed, and where one is left alone.
func TestConv2DReadsImages(t *testing.T) {
	pad := func(c Conv, n int) Conv {
		c.PadTop, c.PadLeft, c.PadBottom, c.PadRight = n, n, n, n
		return c
	}
	for name, c := range map[string]Conv{
		"1×1, rows of whole vectors":          {Channels: 20, Height: 8, Width: 16, Filters: 13, KernelH: 1, KernelW: 1},
		"1×1, not":                            {Channels: 300, Height: 9, Width: 11, Filters: 13, KernelH: 1, KernelW: 1},
		"1×1, one column left alone":          {Channels: 260, Height: 7, Width: 7, Filters: 20, KernelH: 1, KernelW: 1},
		"1×1, many filters, one column":       {Channels: 30, Height: 7, Width: 7, Filters: 121, KernelH: 1, KernelW: 1},
		"1×1, stride 2":                       {Channels: 30, Height: 16, Width: 32, Filters: 12, KernelH: 1, KernelW: 1, StrideH: 2, StrideW: 2},
		"3×3, all direct":                     pad(Conv{Channels: 40, Height: 17, Width: 16, Filters: 14, KernelH: 3, KernelW: 3}, 1),
		"3×3, some packed":                    pad(Conv{Channels: 40, Height: 12, Width: 28, Filters: 8, KernelH: 3, KernelW: 3}, 1),
		"3×3, one column left alone":          pad(Conv{Channels: 60, Height: 7, Width: 7, Filters: 20, KernelH: 3, KernelW: 3}, 1),
		"3×3, one column behind a direct one": pad(Conv{Channels: 6, Height: 1, Width: 33, Filters: 7, KernelH: 3, KernelW: 3}, 1),
		"3×3, stride 2":                       pad(Conv{Channels: 5, Height: 33, Width: 48, Filters: 9, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2}, 1),
		"3×3, groups":                         pad(Conv{Channels: 12, Height: 9, Width: 24, Filters: 24, KernelH: 3, KernelW: 3, Groups: 3}, 1),
		"more columns than a block":           pad(Conv{Channels: 4, Height: 40, Width: 40, Filters: 6, KernelH: 3, KernelW: 3}, 1),
	} {
		t.Run(name, func(t *testing.T) { checkConv(t, c) })
	}
}

// Depthwise convolutions: edges at both sides, rows shorter than a vector, odd
// numbers of rows, padding on one side, and several filters for a channel.
func TestDepthwiseReadsImages(t *testing.T) {
	for _, kernel := range []int{3, 5} {
		for _, stride := range []int{1, 2} {
			for _, width := range []int{1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 18, 19, 20, 24, 31, 32, 33, 34, 35, 36, 40} {
				for pads := range 4 {
					before, after := pads%2*(kernel/2), pads/2*(kernel/2)
					c := Conv{Channels: 3, Height: 7 + pads, Width: width, Filters: 3 << (pads / 3), Groups: 3, KernelH: kernel, KernelW: kernel,
						StrideH: stride, StrideW: stride, PadTop: after, PadLeft: before, PadBottom: before, PadRight: after}
					t.Run(fmt.Sprintf("%d×%d stride %d width %d pads %d %d", kernel, kernel, stride, width, before, after), func(t *testing.T) { checkConv(t, c) })
				}
			}
		}
	}
}

// checkConv compares with the contract, bit for bit: plainly, and with all that
// an epilogue can hold, whole and in parts. Nothing may be written outside.
func checkConv(t *testing.T, c Conv) {
	t.Helper()
	r := rng(uint64(c.Width))
	groups := max(c.Groups, 1)
	x, w := wild(r, c.Channels*c.Height*c.Width), normal(r, c.Filters*c.Channels/groups*c.KernelH*c.KernelW)
	f := PackFilter(w, c.Filters, c.Channels/groups, c.KernelH, c.KernelW, groups)
	oh, ow := c.Out()
	naive := naiveConv(x, w, c)
	each := make([]Quantizer, c.Filters)
	for i := range each {
		each[i] = Quantizer{Scale: 0.1 + 0.01*float32(i), Zero: int32(i % 5), Lo: 0, Hi: 15}
	}
	for name, ep := range map[string]*Epilogue{
		"plain":               {},
		"bias and clamp":      {RowBias: normal(r, c.Filters), Act: Clamp, Lo: -0.5, Hi: 6},
		"residual":            {RowBias: normal(r, c.Filters), Residual: wild(r, len(naive)), ResidualStride: oh * ow, Act: ReLU},
		"per tensor":          {RowBias: normal(r, c.Filters), Act: ReLU, Quant: []Quantizer{{Scale: 0.031, Zero: 3, Lo: -128, Hi: 127}}},
		"by the inverse":      {RowBias: normal(r, c.Filters), Act: ReLU, Quant: []Quantizer{Quantizer{Scale: 0.031, Zero: 3, Lo: -128, Hi: 127}.WithInverse()}},
		"per channel":         {RowBias: normal(r, c.Filters), Quant: each},
		"residual, quantized": {Residual: wild(r, len(naive)), ResidualStride: oh * ow, Quant: []Quantizer{{Scale: 0.2, Lo: -7, Hi: 7}}},
	} {
		want := append([]float32(nil), naive...)
		ep.apply(want, oh*ow, 0, c.Filters, 0, oh*ow)
		for o := range c.Filters {
			if len(ep.Quant) == 0 {
				break
			}
			q := ep.Quant[o%len(ep.Quant)]
			row := want[o*oh*ow : (o+1)*oh*ow]
			fakeQuantizeGo(row, row, q.Scale, float32(q.Lo-q.Zero), float32(q.Hi-q.Zero))
		}
		for parts := 1; parts < 4; parts++ {
			n := c.ScratchLen()
			back, mem := make([]float32, len(want)+20), make([]float32, n+20)
			for i := range mem {
				mem[i] = -7e33
			}
			for i := range back {
				back[i] = -7e33
			}
			for p := range parts {
				Conv2DPart(back[:len(want):len(want)], x, f, c, ep, nil, mem[:n:n], p, parts)
			}
			sameBits(t, fmt.Sprint(name, ", ", parts, " parts"), back[:len(want)], want)
			for _, v := range append(back[len(want):], mem[n:]...) {
				if v != -7e33 {
					t.Fatalf("%s, %d parts: wrote outside", name, parts)
				}
			}
		}
	}
}

// Where a quotient lies in the middle between two codes, its last bit decides.
func TestQuantizeRowsGivesTheTwinsBits(t *testing.T) {
	r := rng(5)
	x, y := make([]float32, 0, 4096), make([]float32, 4096)
	inverses := 0
	for range 3000 {
		scale := float32(math.Ldexp(1+r.Float64(), r.IntN(120)-60))
		if r.IntN(2) == 0 {
			scale = math.Nextafter32(2*scale, 0) / 2
		}
		q := Quantizer{Scale: scale, Lo: -int32(1) << r.IntN(16), Hi: int32(1)<<r.IntN(16) - 1}
		x = x[:0]
		for range 40 { // around the middle between two codes, and around codes and limits
			code := float64(q.Lo) - 2 + float64(r.IntN(int(q.Hi-q.Lo)+5))
			for _, at := range []float64{code, code + 0.5} {
				v := float32(at * float64(scale))
				lo, hi := v, v
				for range 4 {
					x = append(x, lo, hi)
					lo, hi = math.Nextafter32(lo, -inf), math.Nextafter32(hi, inf)
				}
			}
		}
		x = append(x, 0, float32(math.Copysign(0, -1)), inf, -inf, float32(math.NaN()), math.MaxFloat32, -math.MaxFloat32, 1e-45, -1e-45)
		want := y[:len(x)]
		fakeQuantizeGo(want, x, q.Scale, float32(q.Lo-q.Zero), float32(q.Hi-q.Zero))
		for _, q := range []Quantizer{q, q.WithInverse()} {
			got := append([]float32(nil), x...)
			quantizeRows(got, 1, len(got), len(got), q)
			sameBits(t, fmt.Sprintf("%+v", q), got, want)
			if q.high != 0 {
				inverses++
			}
		}
	}
	if inverses < 1000 {
		t.Errorf("%d of 3000 quantizers have an inverse", inverses)
	}
}
