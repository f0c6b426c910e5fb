package plan

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// A Plan gives each tie of a network its number format. It is a value: the
// methods that change one return a copy.
type Plan struct {
	m       *Map
	schemes []quant.Scheme // by tie
}

// Schemes is a rule that makes number formats of widths.
type Schemes struct {
	Weight, Activation func(bits int) quant.Scheme
}

// DefaultSchemes is signed symmetric narrow-range per-channel weights, and
// unsigned asymmetric per-tensor activations. One bit is quant's binary scheme
// for weights. Width 0 is float32.
var DefaultSchemes = Schemes{
	Weight: func(bits int) quant.Scheme {
		switch bits {
		case 0:
			return quant.Scheme{}
		case 1:
			return quant.Int(1).PerChannel()
		}
		s := quant.Int(bits).PerChannel()
		s.Narrow = true
		return s
	},
	Activation: func(bits int) quant.Scheme {
		if bits == 0 {
			return quant.Scheme{}
		}
		return quant.Uint(bits)
	},
}

// Float is the plan that quantizes nothing.
func (m *Map) Float() Plan {
	return Plan{m: m, schemes: make([]quant.Scheme, len(m.Ties))}
}

// Uniform gives all weights one width and all activations another; 0 leaves
// them in float32.
//
// It panics if a width is not 0..16.
func (m *Map) Uniform(weight, activation int) Plan {
	p := m.Float()
	for i, t := range m.Ties {
		if t.Role == Weight {
			p.schemes[i] = DefaultSchemes.Weight(checkBits(weight))
		} else {
			p.schemes[i] = DefaultSchemes.Activation(checkBits(activation))
		}
	}
	return p
}

func checkBits(bits int) int {
	if bits < 0 || bits > 16 {
		panic(fmt.Sprintf("plan: width of %d bits; widths are 1..16, and 0 for float32", bits))
	}
	return bits
}

// With gives the layers that match pattern a weight and an activation width; a
// negative width leaves what was there, 0 is float32. A pattern is a glob on
// names as path.Match has it, where * takes slashes too, or "op:Conv" for
// operator types, or "depth:2", "depth:0-3" or "depth:4-" for the number of
// layers on the longest path from an input to the layer, bounds included. A
// width of more than 16 bits, a pattern that is malformed and one that matches
// nothing are errors. Whatever is tied to a matching layer's quantizers changes
// with them.
func (p Plan) With(pattern string, weight, activation int) (Plan, error) {
	if weight > 16 || activation > 16 {
		return Plan{}, fmt.Errorf("plan: widths %d and %d; at most 16 bits", weight, activation)
	}
	q := Plan{m: p.m, schemes: slices.Clone(p.schemes)}
	matched := false
	for i, l := range p.m.Layers {
		ok, err := matches(pattern, l, p.m.depths[i])
		if err != nil {
			return Plan{}, err
		}
		if !ok {
			continue
		}
		matched = true
		if l.Weight >= 0 && weight >= 0 {
			q.schemes[p.m.Quantizers[l.Weight].Tie] = DefaultSchemes.Weight(weight)
		}
		for _, a := range l.Activations {
			if activation >= 0 {
				q.schemes[p.m.Quantizers[a].Tie] = DefaultSchemes.Activation(activation)
			}
		}
	}
	if !matched {
		_, err := p.m.Layer(pattern)
		return Plan{}, fmt.Errorf("plan: the selector %q matches no layer: %w", pattern, err)
	}
	return q, nil
}

func matches(pattern string, l Layer, depth int) (bool, error) {
	if op, ok := strings.CutPrefix(pattern, "op:"); ok {
		return op == l.Op, nil
	}
	if text, ok := strings.CutPrefix(pattern, "depth:"); ok {
		lo, hi, err := depthRange(text)
		return lo <= depth && depth <= hi, err
	}
	if pattern == l.Name {
		return true, nil
	}
	ok, err := path.Match(unslash(pattern), unslash(l.Name))
	if err != nil {
		return false, fmt.Errorf("plan: selector %q: %w", pattern, err)
	}
	return ok, nil
}

// unslash replaces slashes, which have no meaning in the names of layers, so
// that * and ? match them.
func unslash(s string) string { return strings.ReplaceAll(s, "/", "\x1f") }

// WithTie gives one tie a scheme. It panics if there is no such tie.
func (p Plan) WithTie(tie int, s quant.Scheme) Plan {
	q := Plan{m: p.m, schemes: slices.Clone(p.schemes)}
	q.schemes[tie] = s
	return q
}

// Map is where the plan's quantizers sit.
func (p Plan) Map() *Map { return p.m }

// Tie is the scheme of a tie.
func (p Plan) Tie(tie int) quant.Scheme { return p.schemes[tie] }

// Scheme is the scheme of a quantizer, by its place in Map.Quantizers.
func (p Plan) Scheme(quantizer int) quant.Scheme { return p.schemes[p.m.Quantizers[quantizer].Tie] }

// Equal reports whether both plans give the same schemes to the same network.
func (p Plan) Equal(o Plan) bool { return p.m == o.m && slices.Equal(p.schemes, o.schemes) }

// Layer is the schemes of a layer's weight and of its (first) activation;
// float32 where it has none.
func (p Plan) Layer(i int) (weight, activation quant.Scheme) {
	l := p.m.Layers[i]
	if l.Weight >= 0 {
		weight = p.Scheme(l.Weight)
	}
	if len(l.Activations) > 0 {
		activation = p.Scheme(l.Activations[0])
	}
	return weight, activation
}

// Bytes is the storage of all quantized weights, in bytes: Σ elements·width/8,
// each weight rounded up to whole bytes; scales and biases are not counted.
func (p Plan) Bytes() int {
	n := 0
	for i, q := range p.m.Quantizers {
		if q.Role == Weight {
			n += (elements(q.Shape)*p.Scheme(i).Width() + 7) / 8
		}
	}
	return n
}

// MeanBits is the mean width over all weights, Σ elements·width / Σ elements.
func (p Plan) MeanBits() float64 {
	bits, n := 0, 0
	for i, q := range p.m.Quantizers {
		if q.Role == Weight {
			bits += elements(q.Shape) * p.Scheme(i).Width()
			n += elements(q.Shape)
		}
	}
	if n == 0 {
		return 0
	}
	return float64(bits) / float64(n)
}

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Key is a short text of all schemes: plans of one network with equal keys are
// equal.
func (p Plan) Key() string {
	var b strings.Builder
	for i, s := range p.schemes {
		fmt.Fprintf(&b, "%d %v;", i, s)
	}
	return b.String()
}

// String is a table of the layers and their formats.
func (p Plan) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "layer\toperator\tweights\tweight format\tactivation format")
	for i, l := range p.m.Layers {
		ws, as := p.Layer(i)
		fmt.Fprintf(w, "%s\t%s\t%d\t%v\t%v\n", graph.Printable(l.Name), l.Op, p.m.Params(i), ws, as)
	}
	w.Flush()
	fmt.Fprintf(&b, "weights: %d bytes, %.2f bits on average\n", p.Bytes(), p.MeanBits())
	return b.String()
}

// Diff lists the layers whose formats differ from those of old, one line each;
// it is empty where none does. It panics if the plans are of different networks.
func (p Plan) Diff(old Plan) string {
	if p.m != old.m {
		panic("plan: Diff of plans of different networks")
	}
	var b strings.Builder
	for i, l := range p.m.Layers {
		w0, a0 := old.Layer(i)
		w1, a1 := p.Layer(i)
		if w0 != w1 {
			fmt.Fprintf(&b, "%s: weight %v → %v\n", graph.Printable(l.Name), w0, w1)
		}
		if a0 != a1 {
			fmt.Fprintf(&b, "%s: activation %v → %v\n", graph.Printable(l.Name), a0, a1)
		}
	}
	return b.String()
}
