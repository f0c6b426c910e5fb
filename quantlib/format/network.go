package format

import (
	"errors"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A Network is a float network with all that is known of its quantization: what
// an Exporter writes. The float network is Plan.Map().Graph, with constants and
// batch normalizations folded; Plan.Map().Quantizers says on which of its values
// quantizers sit.
type Network struct {
	Plan plan.Plan
	// Params is the scales and zero points of each quantizer, by its place in
	// Plan.Map().Quantizers, one for each granule of Layout; none where the plan
	// leaves the value in float32.
	Params []quant.Params
	// Biases is the scales of each layer's bias, by its place in Plan.Map().Layers,
	// under the format that Plan.Bias names: one, or one for each index of its last
	// axis. It may be nil where the plan quantizes no bias.
	Biases  []quant.Params
	Samples int    // that the ranges were learned from
	Methods string // how they were chosen
}

// String is the plan, and how the ranges were found.
func (n *Network) String() string {
	return fmt.Sprintf("%v\nranges of %d samples, %s\n", n.Plan, n.Samples, n.Methods)
}

// Graph is the float network.
func (n *Network) Graph() *graph.Graph { return n.Plan.Map().Graph }

// Const is the tensor that a quantizer sits on where it is a constant, otherwise
// nil.
func (n *Network) Const(quantizer int) *tensor.Tensor {
	return n.Graph().Const(n.Plan.Map().Quantizers[quantizer].Value)
}

// Layout says which elements of a constant share a scale: the order of Params.
// It panics if the quantizer does not sit on a constant.
func (n *Network) Layout(quantizer int) quant.Layout {
	q := n.Plan.Map().Quantizers[quantizer]
	t := n.Const(quantizer)
	if t == nil {
		panic(fmt.Sprintf("format: %q is not a constant", q.Value))
	}
	if q.Role == plan.Activation {
		return quant.Whole(t.Len())
	}
	return quant.For(t.Shape(), q.Axis, q.Group, n.Plan.Scheme(quantizer))
}

// Codes is the quantized form of a constant, row-major; of a float format the bit
// patterns. It panics if the quantizer does not sit on a constant, or leaves it in
// float32.
func (n *Network) Codes(quantizer int) []int32 {
	t := n.Const(quantizer)
	codes := make([]int32, t.Len())
	n.Params[quantizer].Quantize(codes, t.F32(), n.Layout(quantizer), n.Plan.Scheme(quantizer))
	return codes
}

// BiasLayout says which elements of a layer's bias share a scale: the order of
// Biases.
func (n *Network) BiasLayout(layer int) quant.Layout {
	t := n.Graph().Const(n.Plan.Map().Layers[layer].Bias)
	if t.Rank() == 0 || len(n.Biases[layer].Scale) < 2 {
		return quant.Whole(t.Len())
	}
	return quant.Channels(t.Shape(), -1)
}

// BiasCodes is the quantized form of a layer's bias. It panics if the plan leaves it
// in float32.
func (n *Network) BiasCodes(layer int) []int32 {
	t := n.Graph().Const(n.Plan.Map().Layers[layer].Bias)
	codes := make([]int32, t.Len())
	n.Biases[layer].Quantize(codes, t.F32(), n.BiasLayout(layer), n.Plan.Bias(layer))
	return codes
}

// HasBias reports whether a layer's bias is quantized: it may be left in float32
// though the plan has a format for it, where the node takes it times zero.
func (n *Network) HasBias(layer int) bool {
	return layer < len(n.Biases) && n.Biases[layer].Scale != nil
}

// Validate is an error that names the first quantizer whose parameters do not fit
// its scheme, or is nil. Exporters may take it as given: Save and JSON do not ask,
// QDQ does.
func (n *Network) Validate() error {
	m := n.Plan.Map()
	if m == nil {
		return errors.New("format: a network without a plan")
	}
	if len(n.Params) != len(m.Quantizers) {
		return fmt.Errorf("format: parameters of %d quantizers, the network has %d", len(n.Params), len(m.Quantizers))
	}
	for i, q := range m.Quantizers {
		s, granules := n.Plan.Scheme(i), 1
		if s.IsFloat32() {
			continue
		}
		t := n.Const(i)
		if t != nil && t.DType() != tensor.Float32 {
			return fmt.Errorf("format: %v %q is %v; quantizers sit on float32", q.Role, q.Value, t.DType())
		}
		if t != nil {
			granules = n.Layout(i).Granules()
		} else if s.Granularity == quant.PerChannel {
			granules = max(1, len(n.Params[i].Scale)) // how many channels flow is not in the file
		} else if s.Granularity != quant.PerTensor {
			return fmt.Errorf("format: %v %q: %v; a value that is not constant has a scale, or one for each channel: %w", q.Role, q.Value, s, errors.ErrUnsupported)
		}
		if err := n.Params[i].Validate(s, granules); err != nil {
			return fmt.Errorf("format: %v %q: %w", q.Role, q.Value, err)
		}
	}
	for i, l := range m.Layers {
		if !n.HasBias(i) {
			continue
		}
		if err := n.Biases[i].Validate(n.Plan.Bias(i), n.BiasLayout(i).Granules()); err != nil {
			return fmt.Errorf("format: layer %q: bias %q: %w", l.Name, l.Bias, err)
		}
	}
	return nil
}
