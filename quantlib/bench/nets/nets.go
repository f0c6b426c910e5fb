// Package nets builds well-known networks with seeded random weights, as an
// exporter writes them: batch normalizations folded into their convolutions, a
// dynamic batch, no types on the values between.
//
// The weights are drawn so that the variance of the values stays about one from
// layer to layer (He et al. 2015, https://arxiv.org/abs/1502.01852), and the
// last layer of each residual branch is scaled down.
package nets

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A Net is a network that can be built.
type Net struct {
	Name  string
	build func(b *builder)
	input func(r *rand.Rand, batch int) *tensor.Tensor
	opset int
}

// All is the networks, the smallest first within each family.
var All = []Net{
	{"resnet18", resnet18, image, 13},
	{"resnet50", resnet50, image, 13},
	{"mobilenetv2", mobileNetV2, image, 13},
	{"vit-tiny", vitTiny, image, 17},
	{"bert-mini", bertMini, tokens, 17},
}

// Build makes the network; equal seeds give equal weights.
func (n Net) Build(seed uint64) (*graph.Graph, error) {
	b := &builder{r: rand.New(rand.NewPCG(seed, 1)), opset: n.opset}
	b.parts.Name = n.Name
	n.build(b)
	b.parts.Model = &graph.Model{IRVersion: 8, Producer: "quantnb bench", Opsets: map[string]int{"": n.opset}}
	return graph.New(b.parts)
}

// Input is a batch for the network; equal seeds give equal inputs.
func (n Net) Input(batch int, seed uint64) exec.Values {
	return exec.Values{inputName: n.input(rand.New(rand.NewPCG(seed, 2)), batch)}
}

const inputName = "input"

// image is N×3×224×224 of normal values.
func image(r *rand.Rand, batch int) *tensor.Tensor {
	t := tensor.New(tensor.Float32, batch, 3, 224, 224)
	x := t.F32()
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return t
}

// tokens is N×128 ids of words.
func tokens(r *rand.Rand, batch int) *tensor.Tensor {
	t := tensor.New(tensor.Int64, batch, tokenCount)
	x := tensor.Data[int64](t)
	for i := range x {
		x[i] = r.Int64N(words)
	}
	return t
}

// builder collects nodes and constants.
type builder struct {
	parts graph.Parts
	r     *rand.Rand
	opset int
	count int
}

// input states the network's input: a dynamic batch, then dims.
func (b *builder) input(dt tensor.DType, dims ...int) string {
	b.parts.Inputs = []graph.Value{dynamic(inputName, dt, dims...)}
	return inputName
}

// output states the network's output.
func (b *builder) output(name string, dims ...int) {
	b.parts.Outputs = []graph.Value{dynamic(name, tensor.Float32, dims...)}
}

func dynamic(name string, dt tensor.DType, dims ...int) graph.Value {
	v := graph.Value{Name: name, DType: dt, Ranked: true, Dims: []graph.Dim{{Size: -1, Name: "N"}}}
	for _, d := range dims {
		v.Dims = append(v.Dims, graph.Dim{Size: d})
	}
	return v
}

// node adds an operator with one output, and returns its name.
func (b *builder) node(op string, in []string, attrs ...graph.Attr) string {
	name := fmt.Sprintf("%s_%d", op, b.count)
	b.count++
	out := name + "_out"
	b.parts.Nodes = append(b.parts.Nodes, &graph.Node{Name: name, Op: op, Inputs: in, Outputs: []string{out}, Attrs: attrs})
	return out
}

// constant adds a constant and returns its name.
func (b *builder) constant(t *tensor.Tensor) string {
	name := fmt.Sprintf("const_%d", len(b.parts.Consts))
	b.parts.Consts = append(b.parts.Consts, &graph.Const{Name: name, Tensor: t})
	return name
}

func (b *builder) ints(v ...int64) string  { return b.constant(tensor.Of(v, len(v))) }
func (b *builder) number(v float32) string { return b.constant(tensor.Scalar(v)) }
func (b *builder) fill(v float32, n int) string {
	x := make([]float32, n)
	for i := range x {
		x[i] = v
	}
	return b.constant(tensor.Of(x, n))
}

// normal adds normal values of the given standard deviation.
func (b *builder) normal(deviation float64, shape ...int) string {
	t := tensor.New(tensor.Float32, shape...)
	x := t.F32()
	for i := range x {
		x[i] = float32(b.r.NormFloat64() * deviation)
	}
	return b.constant(t)
}

// activation is what follows a convolution.
type activation int

const (
	none activation = iota
	relu
	relu6
)

// conv adds a k×k convolution with "same" padding, a bias and an activation.
// gain scales the weights.
func (b *builder) conv(x string, in, out, k, stride, groups int, act activation, gain float64) string {
	fan := float64(in / groups * k * k)
	gain *= math.Sqrt(2 / fan)
	if act == none {
		gain *= math.Sqrt(0.5)
	}
	p := int64(k / 2)
	y := b.node("Conv", []string{x, b.normal(gain, out, in/groups, k, k), b.normal(0.05, out)},
		graph.IntsAttr("dilations", 1, 1), graph.IntAttr("group", int64(groups)),
		graph.IntsAttr("kernel_shape", int64(k), int64(k)), graph.IntsAttr("pads", p, p, p, p),
		graph.IntsAttr("strides", int64(stride), int64(stride)))
	return b.act(y, act)
}

func (b *builder) act(x string, act activation) string {
	switch act {
	case relu:
		return b.node("Relu", []string{x})
	case relu6:
		return b.node("Clip", []string{x, b.number(0), b.number(6)})
	}
	return x
}

func (b *builder) add(x, y string) string { return b.node("Add", []string{x, y}) }

// classify is what ends an image network: the mean over positions, then 1000
// classes.
func (b *builder) classify(x string, channels int) {
	x = b.node("GlobalAveragePool", []string{x})
	x = b.node("Flatten", []string{x}, graph.IntAttr("axis", 1))
	x = b.node("Gemm", []string{x, b.normal(math.Sqrt(1/float64(channels)), 1000, channels), b.normal(0.05, 1000)},
		graph.FloatAttr("alpha", 1), graph.FloatAttr("beta", 1), graph.IntAttr("transB", 1))
	b.output(x, 1000)
}
