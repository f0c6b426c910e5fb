package f32

import (
	"fmt"
	"testing"
)

func TestPool(t *testing.T) {
	for s, p := range []Pool{
		{Channels: 3, Height: 9, Width: 11, KernelH: 2, KernelW: 2, StrideH: 2, StrideW: 2},
		{Channels: 2, Height: 9, Width: 11, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
		{Channels: 2, Height: 8, Width: 8, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2, Ceil: true},
		{Channels: 2, Height: 10, Width: 7, KernelH: 3, KernelW: 2, StrideH: 3, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 0, PadRight: 1, Ceil: true},
		{Channels: 1, Height: 12, Width: 13, KernelH: 3, KernelW: 3, DilationH: 2, DilationW: 3},
		{Channels: 2, Height: 4, Width: 4, KernelH: 1, KernelW: 1, StrideH: 2, StrideW: 2},
		{Channels: 1, Height: 2, Width: 2, KernelH: 3, KernelW: 3},
		{Channels: 1, Height: 40, Width: 40, KernelH: 5, KernelW: 5, PadTop: 2, PadLeft: 2, PadBottom: 2, PadRight: 2},
	} {
		t.Run(fmt.Sprintf("%+v", p), func(t *testing.T) {
			r := rng(uint64(s))
			x := wild(r, p.Channels*p.Height*p.Width)
			w, _, _ := p.window()
			oh, ow := p.Out()
			n := p.Channels * oh * ow
			wantMax, wantMean, wantPadded := make([]float32, n), make([]float32, n), make([]float32, n)
			for c := range p.Channels {
				for y := range oh {
					for xo := range ow {
						m, sum, in, padded := -inf, float32(0), 0, 0
						for ky := range p.KernelH {
							for kx := range p.KernelW {
								iy, ix := y*w.sh+ky*w.dh-p.PadTop, xo*w.sw+kx*w.dw-p.PadLeft
								if iy < p.Height+p.PadBottom && ix < p.Width+p.PadRight {
									padded++
								}
								if iy < 0 || iy >= p.Height || ix < 0 || ix >= p.Width {
									continue
								}
								v := x[(c*p.Height+iy)*p.Width+ix]
								if m == m && !(m > v) {
									m = v
								}
								sum += v
								in++
							}
						}
						i := (c*oh+y)*ow + xo
						wantMax[i], wantMean[i], wantPadded[i] = m, sum/float32(in), sum/float32(padded)
					}
				}
			}
			dst, scratch := make([]float32, n), make([]float32, p.ScratchLen())
			MaxPool(dst, x, p, scratch)
			sameBits(t, "max", dst, wantMax)
			AveragePool(dst, x, p, false, scratch)
			for i := range dst {
				if dst[i] == 0 && wantMean[i] == 0 {
					dst[i] = wantMean[i] // padding turns -0 into 0
				}
			}
			sameBits(t, "mean", dst, wantMean)
			AveragePool(dst, x, p, true, scratch)
			for i := range dst {
				if dst[i] == 0 && wantPadded[i] == 0 {
					dst[i] = wantPadded[i]
				}
			}
			sameBits(t, "mean with padding", dst, wantPadded)
		})
	}
}

func TestPoolOut(t *testing.T) {
	for _, r := range []struct {
		name string
		p    Pool
		h    int
	}{
		{"rounds down", Pool{Height: 8, Width: 8, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2}, 3},
		{"rounds up", Pool{Height: 8, Width: 8, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2, Ceil: true}, 4},
		{"leaves out a window that starts in the padding behind", Pool{Height: 2, Width: 2, KernelH: 1, KernelW: 1, StrideH: 2, StrideW: 2, PadBottom: 1, PadRight: 1, Ceil: true}, 1},
		{"window larger than image", Pool{Height: 2, Width: 2, KernelH: 3, KernelW: 3, Ceil: true}, 0},
	} {
		if h, w := r.p.Out(); h != r.h || w != r.h {
			t.Errorf("%s: %d×%d, want %d", r.name, h, w, r.h)
		}
	}
}
