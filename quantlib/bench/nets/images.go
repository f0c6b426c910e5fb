package nets

import (
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// branchGain scales the last convolution of a residual branch, so that the sum
// of many branches stays small.
const branchGain = 0.3

// stem is the first two layers of a ResNet.
func (b *builder) stem() string {
	x := b.conv(b.input(tensor.Float32, 3, 224, 224), 3, 64, 7, 2, 1, relu, 1)
	return b.node("MaxPool", []string{x}, graph.IntAttr("ceil_mode", 0), graph.IntsAttr("kernel_shape", 3, 3),
		graph.IntsAttr("pads", 1, 1, 1, 1), graph.IntsAttr("strides", 2, 2))
}

// resnet18 has two blocks of two 3×3 convolutions in each of four stages: He et
// al. 2016, https://arxiv.org/abs/1512.03385, table 1.
func resnet18(b *builder) {
	x, in := b.stem(), 64
	for stage, out := range []int{64, 128, 256, 512} {
		for block := range 2 {
			stride := 1
			if stage > 0 && block == 0 {
				stride = 2
			}
			y := b.conv(x, in, out, 3, stride, 1, relu, 1)
			y = b.conv(y, out, out, 3, 1, 1, none, branchGain)
			if stride != 1 || in != out {
				x = b.conv(x, in, out, 1, stride, 1, none, 1)
			}
			x, in = b.act(b.add(y, x), relu), out
		}
	}
	b.classify(x, in)
}

// resnet50 has bottlenecks of a 1×1, a 3×3 (with the stride, as torchvision
// has it) and a 1×1 convolution.
func resnet50(b *builder) {
	x, in := b.stem(), 64
	for stage, blocks := range []int{3, 4, 6, 3} {
		width := 64 << stage
		for block := range blocks {
			stride := 1
			if stage > 0 && block == 0 {
				stride = 2
			}
			y := b.conv(x, in, width, 1, 1, 1, relu, 1)
			y = b.conv(y, width, width, 3, stride, 1, relu, 1)
			y = b.conv(y, width, 4*width, 1, 1, 1, none, branchGain)
			if block == 0 {
				x = b.conv(x, in, 4*width, 1, stride, 1, none, 1)
			}
			x, in = b.act(b.add(y, x), relu), 4*width
		}
	}
	b.classify(x, in)
}

// mobileNetV2 has inverted residuals: a 1×1 convolution that widens, a depthwise
// 3×3, a linear 1×1 that narrows. Sandler et al. 2018,
// https://arxiv.org/abs/1801.04381, table 2.
func mobileNetV2(b *builder) {
	x := b.conv(b.input(tensor.Float32, 3, 224, 224), 3, 32, 3, 2, 1, relu6, 1)
	in := 32
	for _, s := range []struct{ widen, out, blocks, stride int }{
		{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
	} {
		for block := range s.blocks {
			stride := 1
			if block == 0 {
				stride = s.stride
			}
			wide, y := in*s.widen, x
			if s.widen > 1 {
				y = b.conv(y, in, wide, 1, 1, 1, relu6, 1)
			}
			y = b.conv(y, wide, wide, 3, stride, wide, relu6, 1)
			if stride == 1 && in == s.out {
				x = b.add(x, b.conv(y, wide, s.out, 1, 1, 1, none, branchGain))
			} else {
				x = b.conv(y, wide, s.out, 1, 1, 1, none, 1.4)
			}
			in = s.out
		}
	}
	b.classify(b.conv(x, in, 1280, 1, 1, 1, relu6, 1), 1280)
}
