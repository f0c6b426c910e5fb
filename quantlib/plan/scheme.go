package plan

import (
	"fmt"
	"slices"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// SchemeAt is the format that a tie takes at a width in bits: the profile's usual
// one for weights or activations, see hardware.Operand.At. 0 and hardware.Float32
// are float32.
//
// ok is false where the device does not offer the width: every operator that
// computes with a member of the tie must have it. A width that the device stores
// but does not compute with is offered; what it is rounded up to is a question of
// time, see hardware.Profile.Native.
//
// It panics if there is no such tie.
func (m *Map) SchemeAt(tie, bits int) (s quant.Scheme, ok bool) {
	if bits == 0 {
		bits = hardware.Float32
	}
	for i, o := range m.operands(m.Ties[tie]) {
		if !slices.Contains(o.Widths, bits) {
			return quant.Scheme{}, false
		}
		if i == 0 {
			var err error
			if s, err = o.At(bits); err != nil {
				return quant.Scheme{}, false
			}
		}
	}
	return s, true
}

// Widths is the widths in bits, ascending, that SchemeAt offers a tie, float32
// left out. It panics if there is no such tie.
func (m *Map) Widths(tie int) []int {
	var list []int
	for bits := 1; bits <= 16; bits++ {
		if _, ok := m.SchemeAt(tie, bits); ok {
			list = append(list, bits)
		}
	}
	return list
}

// operands is what the profile says of the tie's tensors in each operator that
// computes with them.
func (m *Map) operands(t Tie) []hardware.Operand {
	if t.Role == Activation {
		return []hardware.Operand{m.Profile.Activations}
	}
	var list []hardware.Operand
	var ops []string
	for _, k := range t.Members {
		for _, name := range m.Quantizers[k].Nodes {
			if op := m.Layers[m.byLayer[name]].Op; !slices.Contains(ops, op) {
				ops = append(ops, op)
				list = append(list, m.Profile.WeightsOf(op))
			}
		}
	}
	return list
}

// scheme is SchemeAt for a plan that someone asks for by widths: 0 leaves a tensor
// in float32 on any device, since measurements compare with that; a width that
// the device lacks is an error.
func (m *Map) scheme(tie, bits int) (quant.Scheme, error) {
	if bits == 0 {
		return quant.Scheme{}, nil
	}
	s, ok := m.SchemeAt(tie, bits)
	if !ok || s.IsFloat32() {
		return quant.Scheme{}, m.lacks(tie, fmt.Sprintf("%d bits", bits))
	}
	return s, nil
}

// lacks is the error that the device has no such format for a tie.
func (m *Map) lacks(tie int, format string) error {
	t := m.Ties[tie]
	q := m.Quantizers[t.Members[0]]
	has := fmt.Sprintf("its widths there are %v", m.Widths(tie))
	if _, ok := m.SchemeAt(tie, 0); ok {
		has += " and float32"
	}
	return fmt.Errorf("plan: layer %s: the profile %q has no %s for the %v %s; %s",
		graph.Printable(q.Nodes[0]), m.Profile.Name, format, t.Role, graph.Printable(q.Value), has)
}

// Check is an error if Uniform cannot make a plan of these widths: one that is not
// 0..16, or one that the profile does not offer, which names the profile, the
// layer and the width.
func (m *Map) Check(weight, activation int) error {
	_, err := m.uniform(weight, activation)
	return err
}

// Uniform gives all weights one width and all activations another, in the formats
// of SchemeAt; 0 leaves them in float32, whether or not the device computes so.
//
// It panics with the error of Check.
func (m *Map) Uniform(weight, activation int) Plan {
	p, err := m.uniform(weight, activation)
	if err != nil {
		panic(err.Error())
	}
	return p
}

func (m *Map) uniform(weight, activation int) (Plan, error) {
	for _, bits := range []int{weight, activation} {
		if bits < 0 || bits > 16 {
			return Plan{}, fmt.Errorf("plan: width of %d bits; widths are 1..16, and 0 for float32", bits)
		}
	}
	p := m.Float()
	for i, t := range m.Ties {
		bits := weight
		if t.Role == Activation {
			bits = activation
		}
		var err error
		if p.schemes[i], err = m.scheme(i, bits); err != nil {
			return Plan{}, err
		}
	}
	return p, nil
}

// Check is an error that names the first layer with a format that the device does
// not offer: a tensor left in float32 where it has none, or another width, sign
// or granularity than hardware.Operand.Offers. Rounding and the seed are the
// simulation's own and are not asked. A plan may break the rules and be measured
// all the same.
func (p Plan) Check() error {
	for i, t := range p.m.Ties {
		s := p.schemes[i]
		for _, o := range p.m.operands(t) {
			if !o.Offers(s) {
				return p.m.lacks(i, s.String())
			}
		}
	}
	return nil
}

// WithFormats gives the layers that match pattern (see With) formats by their names,
// as quant.ParseScheme reads them; "" leaves what was there:
//
//	p, err := p.WithFormats("op:Conv", "float8e4m3fn per-channel", "float8e5m2")
//	p, err := p.WithFormats("head/*", "int4 per-group=32 stochastic=7", "")
//
// A name that is none and a pattern that matches nothing are errors. Whether the
// device has the format is what Check tells.
func (p Plan) WithFormats(pattern, weight, activation string) (Plan, error) {
	var s [2]quant.Scheme
	for i, name := range []string{weight, activation} {
		var err error
		if name == "" {
			continue
		}
		if s[i], err = quant.ParseScheme(name); err != nil {
			return Plan{}, fmt.Errorf("plan: %w", err)
		}
		if s[i].Bits == 32 {
			return Plan{}, fmt.Errorf("plan: %v is for biases", s[i])
		}
	}
	q, err := p.With(pattern, -1, -1) // finds out whether the pattern matches
	if err != nil {
		return Plan{}, err
	}
	for i, l := range q.m.Layers {
		ok, err := matches(pattern, l, q.m.depths[i])
		if err != nil || !ok {
			continue
		}
		if l.Weight >= 0 && weight != "" {
			q.schemes[q.m.Quantizers[l.Weight].Tie] = s[0]
		}
		for _, a := range l.Activations {
			if activation != "" {
				q.schemes[q.m.Quantizers[a].Tie] = s[1]
			}
		}
	}
	return q, nil
}
