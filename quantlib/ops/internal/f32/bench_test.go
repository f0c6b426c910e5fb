package f32

import (
	"fmt"
	"testing"
)

func gflops(b *testing.B, macs int) {
	b.ReportMetric(2*float64(macs)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

func gbytes(b *testing.B, bytes int) {
	b.ReportMetric(float64(bytes)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range [][3]int{{1024, 1024, 1024}, {64, 3136, 576}, {512, 49, 4608}, {64, 12544, 147}, {512, 49, 512}, {24, 3136, 144}} {
		m, n, k := s[0], s[1], s[2]
		b.Run(fmt.Sprintf("%dx%dx%d", m, n, k), func(b *testing.B) {
			r := rng(1)
			w, x := normal(r, m*k), normal(r, k*n)
			g := Gemm{M: m, N: n, K: k, A: Operand{Packed: PackA(w, m, k, k, 1)}, B: Operand{Data: x, RowStride: n, ColStride: 1}}
			dst, scratch := make([]float32, m*n), make([]float32, ScratchLen)
			for b.Loop() {
				g.Run(dst, n, scratch)
			}
			gflops(b, m*n*k)
		})
	}
}

func BenchmarkMatMul(b *testing.B) {
	for _, s := range [][3]int{{1, 1000, 512}, {1, 1000, 2048}, {8, 1000, 512}, {128, 256, 256}, {128, 1024, 256}, {197, 192, 768}} {
		m, n, k := s[0], s[1], s[2]
		b.Run(fmt.Sprintf("%dx%dx%d", m, n, k), func(b *testing.B) {
			r := rng(1)
			x, w := normal(r, m*k), normal(r, k*n)
			g := Gemm{M: m, N: n, K: k, A: Operand{Data: x, RowStride: k, ColStride: 1}, B: Operand{Packed: PackB(w, k, n, n, 1)}}
			dst, scratch := make([]float32, m*n), make([]float32, ScratchLen)
			for b.Loop() {
				g.Run(dst, n, scratch)
			}
			gflops(b, m*n*k)
		})
	}
}

func same(c, o, size, kernel, stride, groups int) Conv {
	return Conv{Channels: c, Height: size, Width: size, Filters: o, KernelH: kernel, KernelW: kernel, StrideH: stride, StrideW: stride,
		PadTop: kernel / 2, PadLeft: kernel / 2, PadBottom: kernel / 2, PadRight: kernel / 2, Groups: groups}
}

func BenchmarkConv(b *testing.B) {
	q := Quantizer{Scale: 0.05, Lo: -128, Hi: 127}
	for _, in := range []*Quantizer{nil, &q} {
		for _, c := range []Conv{
			same(3, 64, 224, 7, 2, 1), same(64, 64, 56, 3, 1, 1), same(64, 128, 56, 3, 2, 1), same(128, 128, 28, 3, 1, 1),
			same(256, 256, 14, 3, 1, 1), same(512, 512, 7, 3, 1, 1), same(256, 512, 28, 1, 2, 1), same(64, 256, 56, 1, 1, 1), same(512, 2048, 7, 1, 1, 1),
			same(3, 32, 224, 3, 2, 1), same(16, 96, 112, 1, 1, 1), same(96, 24, 56, 1, 1, 1), same(960, 160, 7, 1, 1, 1),
			same(32, 32, 112, 3, 1, 32), same(96, 96, 112, 3, 2, 96), same(144, 144, 56, 3, 1, 144), same(384, 384, 14, 3, 1, 384), same(960, 960, 7, 3, 1, 960), same(240, 240, 28, 5, 1, 240),
		} {
			name := fmt.Sprintf("%dx%d,%dx%d/%d,%d", c.Channels, c.Height, c.Filters, c.KernelH, c.StrideH, c.Groups)
			if in != nil {
				name += ",quantized"
			}
			b.Run(name, func(b *testing.B) {
				r := rng(1)
				groups := c.Groups
				x, w := normal(r, c.Channels*c.Height*c.Width), normal(r, c.Filters*c.Channels/groups*c.KernelH*c.KernelW)
				f := PackFilter(w, c.Filters, c.Channels/groups, c.KernelH, c.KernelW, groups)
				oh, ow := c.Out()
				dst, scratch := make([]float32, c.Filters*oh*ow), make([]float32, c.ScratchLen())
				ep := &Epilogue{RowBias: normal(r, c.Filters), Act: ReLU}
				for b.Loop() {
					Conv2D(dst, x, f, c, ep, in, scratch)
				}
				gflops(b, len(w)*oh*ow)
			})
		}
	}
}

func BenchmarkRow(b *testing.B) {
	const n = 1 << 13 // in the L1 cache
	r := rng(1)
	x, y, dst := normal(r, n), normal(r, n), make([]float32, n)
	q := Quantizer{Scale: 0.05, Lo: -128, Hi: 127}
	for _, f := range []struct {
		name  string
		bytes int // per element
		f     func()
	}{
		{"FakeQuantize", 8, func() { FakeQuantize(dst, x, q) }},
		{"MinMax", 4, func() { MinMax(x) }},
		{"Max", 4, func() { Max(x) }},
		{"NoiseSums", 8, func() { NoiseSums(x, y) }},
		{"Sum", 4, func() { Sum(x) }},
		{"SumSquares", 4, func() { SumSquares(x, 0.1) }},
		{"Dot", 8, func() { Dot(x, y) }},
		{"Add", 12, func() { Add(dst, x, y) }},
		{"Sub", 12, func() { Sub(dst, x, y) }},
		{"Mul", 12, func() { Mul(dst, x, y) }},
		{"Div", 12, func() { Div(dst, x, y) }},
		{"ScaleBias", 8, func() { ScaleBias(dst, x, 1.1, 0.2) }},
		{"Clip", 8, func() { Clip(dst, x, 0, 6) }},
		{"Between", 12, func() { Between(dst, x, y, -1, 1) }},
		{"Exp", 8, func() { Exp(dst, x) }},
		{"Sigmoid", 8, func() { Sigmoid(dst, x) }},
		{"Tanh", 8, func() { Tanh(dst, x) }},
		{"Erf", 8, func() { Erf(dst, x) }},
		{"Softmax", 8, func() { Softmax(dst, x) }},
		{"Histogram", 4, func() { Histogram(make([]uint64, 2048), x, -4, 4) }},
	} {
		b.Run(f.name, func(b *testing.B) {
			for b.Loop() {
				f.f()
			}
			gbytes(b, n*f.bytes)
			b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/n, "ns/elem")
		})
	}
}

func BenchmarkPool(b *testing.B) {
	p := Pool{Channels: 64, Height: 112, Width: 112, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1}
	oh, ow := p.Out()
	x, dst, scratch := normal(rng(1), p.Channels*p.Height*p.Width), make([]float32, p.Channels*oh*ow), make([]float32, p.ScratchLen())
	b.Run("max", func(b *testing.B) {
		for b.Loop() {
			MaxPool(dst, x, p, scratch)
		}
		gbytes(b, 4*(len(x)+len(dst)))
	})
	b.Run("average", func(b *testing.B) {
		for b.Loop() {
			AveragePool(dst, x, p, true, scratch)
		}
		gbytes(b, 4*(len(x)+len(dst)))
	})
}
