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
	biases  []biasScheme   // by layer; nil where all have what follows from the profile
}

// Float is the plan that quantizes nothing.
func (m *Map) Float() Plan {
	return Plan{m: m, schemes: make([]quant.Scheme, len(m.Ties))}
}

// With gives the layers that match pattern a weight and an activation width; a
// negative width leaves what was there, 0 is float32. A pattern is a glob on
// names as path.Match has it, where * takes slashes too, or "op:Conv" for
// operator types, or "depth:2", "depth:0-3" or "depth:4-" for the number of
// layers on the longest path from an input to the layer, bounds included. A
// width of more than 16 bits or one that the device does not offer (see
// Map.SchemeAt), a pattern that is malformed and one that matches nothing are
// errors. Whatever is tied to a matching layer's quantizers changes with them.
func (p Plan) With(pattern string, weight, activation int) (Plan, error) {
	if weight > 16 || activation > 16 {
		return Plan{}, fmt.Errorf("plan: widths %d and %d; at most 16 bits", weight, activation)
	}
	q := p.clone()
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
			tie := p.m.Quantizers[l.Weight].Tie
			if q.schemes[tie], err = p.m.scheme(tie, weight); err != nil {
				return Plan{}, fmt.Errorf("plan: selector %q: %w", pattern, err)
			}
		}
		for _, a := range l.Activations {
			if activation < 0 {
				break
			}
			tie := p.m.Quantizers[a].Tie
			if q.schemes[tie], err = p.m.scheme(tie, activation); err != nil {
				return Plan{}, fmt.Errorf("plan: selector %q: %w", pattern, err)
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
	q := p.clone()
	q.schemes[tie] = s
	return q
}

func (p Plan) clone() Plan {
	return Plan{m: p.m, schemes: slices.Clone(p.schemes), biases: slices.Clone(p.biases)}
}

// Map is where the plan's quantizers sit.
func (p Plan) Map() *Map { return p.m }

// Tie is the scheme of a tie.
func (p Plan) Tie(tie int) quant.Scheme { return p.schemes[tie] }

// Scheme is the scheme of a quantizer, by its place in Map.Quantizers.
func (p Plan) Scheme(quantizer int) quant.Scheme { return p.schemes[p.m.Quantizers[quantizer].Tie] }

// Equal reports whether both plans give the same schemes to the same network.
func (p Plan) Equal(o Plan) bool {
	return p.m == o.m && slices.Equal(p.schemes, o.schemes) && p.sameBiases(o)
}

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
// each weight rounded up to whole bytes; scales and biases, whatever their format,
// are not counted.
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
	for i := range p.biases {
		if s, usual := p.Bias(i), p.usualBias(i); s != usual {
			fmt.Fprintf(&b, "bias %d %v;", i, s)
		}
	}
	return b.String()
}

// String is a table of the layers and their formats; of the biases' too if one of
// them is quantized.
func (p Plan) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	head, biases := "layer\toperator\tweights\tweight format\tactivation format", p.quantizesBiases()
	if biases {
		head += "\tbias format"
	}
	fmt.Fprintln(w, head)
	for i, l := range p.m.Layers {
		ws, as := p.Layer(i)
		fmt.Fprintf(w, "%s\t%s\t%d\t%v\t%v", graph.Printable(l.Name), l.Op, p.m.Params(i), ws, as)
		switch {
		case biases && l.Bias == "":
			fmt.Fprint(w, "\t-")
		case biases:
			fmt.Fprintf(w, "\t%v", p.Bias(i))
		}
		fmt.Fprintln(w)
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
		if b0, b1 := old.Bias(i), p.Bias(i); b0 != b1 {
			fmt.Fprintf(&b, "%s: bias %v → %v\n", graph.Printable(l.Name), b0, b1)
		}
	}
	return b.String()
}
