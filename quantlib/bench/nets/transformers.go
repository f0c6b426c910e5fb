package nets

import (
	"math"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

const (
	tokenCount = 128  // of a text
	words      = 8192 // in the vocabulary of bert-mini
)

// linear is x·W + b over the last dimension.
func (b *builder) linear(x string, in, out int, gain float64) string {
	return b.add(b.node("MatMul", []string{x, b.normal(gain*math.Sqrt(1/float64(in)), in, out)}), b.normal(0.02, out))
}

func (b *builder) layerNorm(x string, n int) string {
	return b.node("LayerNormalization", []string{x, b.fill(1, n), b.normal(0.02, n)},
		graph.IntAttr("axis", -1), graph.FloatAttr("epsilon", 1e-5))
}

// gelu is x·(1 + erf(x/√2))/2.
func (b *builder) gelu(x string) string {
	e := b.node("Erf", []string{b.node("Div", []string{x, b.number(math.Sqrt2)})})
	return b.node("Mul", []string{b.node("Mul", []string{x, b.add(e, b.number(1))}), b.number(0.5)})
}

// attention is multi-head self-attention: Vaswani et al. 2017,
// https://arxiv.org/abs/1706.03762, section 3.2.
func (b *builder) attention(x string, length, width, heads int) string {
	size := width / heads
	split := b.ints(0, int64(length), int64(heads), int64(size))
	part := func(perm ...int64) string {
		y := b.node("Reshape", []string{b.linear(x, width, width, 1), split})
		return b.node("Transpose", []string{y}, graph.IntsAttr("perm", perm...))
	}
	q, k, v := part(0, 2, 1, 3), part(0, 2, 3, 1), part(0, 2, 1, 3)
	scores := b.node("Div", []string{b.node("MatMul", []string{q, k}), b.number(float32(math.Sqrt(float64(size))))})
	y := b.node("MatMul", []string{b.node("Softmax", []string{scores}, graph.IntAttr("axis", -1)), v})
	y = b.node("Transpose", []string{y}, graph.IntsAttr("perm", 0, 2, 1, 3))
	y = b.node("Reshape", []string{y, b.ints(0, int64(length), int64(width))})
	return b.linear(y, width, width, 0.5)
}

func (b *builder) feedForward(x string, width int) string {
	return b.linear(b.gelu(b.linear(x, width, 4*width, 1)), 4*width, width, 0.5)
}

// vitTiny is the vision transformer of 12 layers, width 192 and 3 heads over
// patches of 16×16: Touvron et al. 2021, https://arxiv.org/abs/2012.12877,
// table 1.
func vitTiny(b *builder) {
	const width, heads, patches = 192, 3, 196
	x := b.node("Conv", []string{b.input(tensor.Float32, 3, 224, 224), b.normal(math.Sqrt(1.0/768), width, 3, 16, 16), b.normal(0.02, width)},
		graph.IntsAttr("kernel_shape", 16, 16), graph.IntsAttr("strides", 16, 16))
	x = b.node("Reshape", []string{x, b.ints(0, width, patches)})
	x = b.node("Transpose", []string{x}, graph.IntsAttr("perm", 0, 2, 1))
	batch := b.node("Gather", []string{b.node("Shape", []string{x}), b.ints(0)}, graph.IntAttr("axis", 0))
	shape := b.node("Concat", []string{batch, b.ints(1, width)}, graph.IntAttr("axis", 0))
	class := b.node("Expand", []string{b.normal(1, 1, 1, width), shape})
	x = b.node("Concat", []string{class, x}, graph.IntAttr("axis", 1))
	x = b.add(x, b.normal(0.1, 1, patches+1, width))
	for range 12 {
		x = b.add(x, b.attention(b.layerNorm(x, width), patches+1, width, heads))
		x = b.add(x, b.feedForward(b.layerNorm(x, width), width))
	}
	x = b.node("Gather", []string{b.layerNorm(x, width), b.constant(tensor.Scalar(int64(0)))}, graph.IntAttr("axis", 1))
	b.output(b.linear(x, width, 1000, 1), 1000)
}

// bertMini is the encoder of 4 layers, width 256 and 4 heads, over 128 tokens,
// with a vocabulary of 8192: Turc et al. 2019, https://arxiv.org/abs/1908.08962.
func bertMini(b *builder) {
	const width, heads = 256, 4
	x := b.node("Gather", []string{b.normal(1, words, width), b.input(tensor.Int64, tokenCount)}, graph.IntAttr("axis", 0))
	x = b.layerNorm(b.add(x, b.normal(0.3, 1, tokenCount, width)), width)
	for range 4 {
		x = b.layerNorm(b.add(x, b.attention(x, tokenCount, width, heads)), width)
		x = b.layerNorm(b.add(x, b.feedForward(x, width)), width)
	}
	x = b.node("Gather", []string{x, b.constant(tensor.Scalar(int64(0)))}, graph.IntAttr("axis", 1))
	x = b.node("Tanh", []string{b.linear(x, width, width, 1)})
	b.output(b.linear(x, width, 2, 1), 2)
}
