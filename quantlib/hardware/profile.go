// Package hardware describes what a device makes of a quantized network: which
// operators it computes quantized and at which widths, what it fuses, which
// tensors it wants alike, and how long a layer takes.
//
// A [Profile] is a value. [Simulation] allows everything; [ORTCPU], [GPU], [NPU]
// and [MCU] have the rules of common targets; a user's own is a Go value or a
// JSON file ([Read]). Operators are named as ONNX names them.
package hardware

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// Float32 is the width that stands for a tensor which is left in float32.
const Float32 = 32

// Profile describes a device. The zero Profile computes nothing quantized, and
// its latency is unknown (0 seconds).
type Profile struct {
	Name string `json:"name"`
	Doc  string `json:"doc,omitempty"` // what the figures stand for, and their source

	// Where quantizers go.
	Ops  map[string]Op `json:"ops"`            // operators that compute with quantized operands
	Pass []string      `json:"pass,omitempty"` // operators that move values without computing: quantization passes through
	Fuse []Pattern     `json:"fuse,omitempty"` // what runs as one: no quantizer inside, one decision
	Ties []Tie         `json:"ties,omitempty"` // which operands must be alike

	// Which formats exist. A format at another width is Operand.At.
	Weights     Operand `json:"weights"`
	Activations Operand `json:"activations"`
	// Biases is the format of operands with the role Bias: float32, the zero Scheme;
	// 32 bits with the scale of activation times weight, as integer kernels add them;
	// or 1 to 16 bits with a scale of their own.
	Biases quant.Scheme `json:"biases,omitzero"`

	// How long it takes; see Seconds. A zero figure means that it costs nothing.
	Units       []Unit        `json:"units,omitempty"`       // natively computed pairs of widths
	Storage     []int         `json:"storage,omitempty"`     // widths that memory holds without packing; empty means all
	Memory      float64       `json:"memory,omitempty"`      // bytes per second
	Pack        float64       `json:"pack,omitempty"`        // elements per second unpacked or packed; 0 means the device cannot: values are stored at the next width of Storage
	Elementwise float64       `json:"elementwise,omitempty"` // elements per second of operators without multiply-accumulates
	Launch      float64       `json:"launch,omitempty"`      // seconds that each node takes to start
	Measured    []Measurement `json:"measured,omitempty"`    // go before the roofline
}

// Role says how an operand takes part in an operator.
type Role string

const (
	Keep       Role = ""           // is not quantized: an index, a shape, a parameter
	Activation Role = "activation" // quantized as an activation, also where it is constant
	Weight     Role = "weight"     // quantized as a weight
	Either     Role = "either"     // a weight where it is constant, an activation otherwise
	Bias       Role = "bias"       // in the format of Profile.Biases, without a quantizer of its own
)

// Op is an operator that computes quantized.
type Op struct {
	Inputs  []Role `json:"inputs"`            // by position; those beyond are Keep
	Weights []int  `json:"weights,omitempty"` // widths of its weights, where they differ from the profile's
}

// Operand is a kind of operand: the widths it can have, and its usual format.
type Operand struct {
	Widths []int        `json:"widths"` // ascending; Float32 where it may stay in float32
	Scheme quant.Scheme `json:"scheme"` // usual format, at any of the widths
	// Formats are further ones, each at its own width, that are taken by name
	// alone: 8-bit floats, groups of weights.
	Formats []quant.Scheme `json:"formats,omitempty"`
	Any     bool           `json:"any,omitempty"` // takes every format that there is
}

// Offers reports whether a tensor can have a format: the usual one at a width, one
// of Formats, or with Any, whatever is valid but for the 32 bits of biases.
// Rounding and its seed do not matter.
func (o Operand) Offers(s quant.Scheme) bool {
	if o.Any {
		return s.Validate() == nil && s.Bits != 32
	}
	plain := func(s quant.Scheme) quant.Scheme {
		s.Round, s.Seed = quant.HalfEven, 0
		return s
	}
	if usual, err := o.At(s.Width()); err == nil && plain(usual) == plain(s) {
		return true
	}
	return slices.ContainsFunc(o.Formats, func(f quant.Scheme) bool { return plain(f) == plain(s) })
}

// At is the usual format at a width. At Float32 it is the zero Scheme. One signed
// bit has neither zero point nor narrow range nor rounding, so these are dropped.
// It returns an error if the width is not offered, or the format does not exist
// there.
func (o Operand) At(bits int) (quant.Scheme, error) {
	if !slices.Contains(o.Widths, bits) {
		return quant.Scheme{}, fmt.Errorf("hardware: %d bits; the device has %v", bits, o.Widths)
	}
	if bits == Float32 {
		return quant.Scheme{}, nil
	}
	s := o.Scheme
	s.Bits = bits
	if s.Binary() {
		s.Asymmetric, s.Narrow, s.Round, s.Seed = false, false, quant.HalfEven, 0
	}
	if err := s.Validate(); err != nil {
		return quant.Scheme{}, fmt.Errorf("hardware: %w", err)
	}
	return s, nil
}

// Pattern is a chain of operators that the device runs as one, each the consumer
// of the one before. An element names an operator, or several to choose from
// ("Relu|Clip"), and may be left out if it ends in a question mark ("Relu|Clip?").
// A further operand of an element (the other input of an Add) may come from
// anywhere, the chain's own values included.
type Pattern struct {
	Name string   `json:"name"`
	Ops  []string `json:"ops"`
}

// Match is the number of operators at the start of chain which the pattern
// covers, as many as possible; 0 if it does not match.
func (p Pattern) Match(chain []string) int {
	return matchFrom(p.Ops, chain)
}

func matchFrom(pattern, chain []string) int {
	if len(pattern) == 0 {
		return 0
	}
	names, optional := strings.CutSuffix(pattern[0], "?")
	best := 0
	if len(chain) > 0 && slices.Contains(strings.Split(names, "|"), chain[0]) {
		if rest := matchFrom(pattern[1:], chain[1:]); rest > 0 || skippable(pattern[1:]) {
			best = 1 + rest
		}
	}
	if optional {
		best = max(best, matchFrom(pattern[1:], chain))
	}
	return best
}

// skippable reports whether a pattern may match nothing.
func skippable(pattern []string) bool {
	for _, p := range pattern {
		if !strings.HasSuffix(p, "?") {
			return false
		}
	}
	return true
}

// Fused is the pattern that covers most operators at the start of chain, the
// first of equals; n is 0 if there is none that covers at least two.
func (p *Profile) Fused(chain []string) (pattern Pattern, n int) {
	for _, f := range p.Fuse {
		if m := f.Match(chain); m > n && m > 1 {
			pattern, n = f, m
		}
	}
	return pattern, n
}

// Tie says that operands of some operators have one width, and one scale if the
// device asks for it. Operands that are not quantized (indices, shapes) are not
// concerned.
type Tie struct {
	Ops     []string `json:"ops"`
	Inputs  bool     `json:"inputs,omitempty"`  // all inputs are alike
	Outputs bool     `json:"outputs,omitempty"` // all outputs are alike, and like the inputs if those are tied too
	Scale   bool     `json:"scale,omitempty"`   // they share scale and zero point as well
}

// Tie is the rule for an operator; ok is false if its operands are free.
func (p *Profile) Tie(op string) (t Tie, ok bool) {
	for _, t := range p.Ties {
		if slices.Contains(t.Ops, op) {
			return t, true
		}
	}
	return Tie{}, false
}

// Passes reports whether quantization passes through an operator.
func (p *Profile) Passes(op string) bool { return slices.Contains(p.Pass, op) }

// Role is the role of an operator's input i; constant says whether that input is
// a constant, which decides Either.
func (p *Profile) Role(op string, i int, constant bool) Role {
	o, ok := p.Ops[op]
	if !ok || i < 0 || i >= len(o.Inputs) {
		return Keep
	}
	switch r := o.Inputs[i]; {
	case r == Either && constant:
		return Weight
	case r == Either:
		return Activation
	default:
		return r
	}
}

// WeightsOf is the weight operand of an operator: the profile's, with the
// operator's own widths if it has any.
func (p *Profile) WeightsOf(op string) Operand {
	w := p.Weights
	if o, ok := p.Ops[op]; ok && len(o.Weights) > 0 {
		w.Widths = o.Weights
	}
	return w
}
