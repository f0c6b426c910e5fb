package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/quantnb/quantnb/quantlib/quant"
)

// What a plan is in JSON. Schemes are written as quant.ParseScheme reads them,
// "float" for none.
type (
	planJSON struct {
		Profile string      `json:"profile"`
		Layers  []layerJSON `json:"layers"`
	}
	layerJSON struct {
		Name        string      `json:"name"`
		Op          string      `json:"op"`
		Weight      *string     `json:"weight,omitempty"`
		Bias        *string     `json:"bias,omitempty"`
		Activations []valueJSON `json:"activations,omitempty"`
	}
	valueJSON struct {
		Value  string `json:"value"`
		Scheme string `json:"scheme"`
	}
)

// MarshalJSON writes the layers in the order of the map, each with the scheme of
// its weight and of its activations:
//
//	{"profile":"npu","layers":[
//	  {"name":"conv1","op":"Conv","weight":"int4 per-channel",
//	   "activations":[{"value":"x","scheme":"uint8"}]}]}
//
// "bias" is there where a bias is quantized, or left in float32 though the profile
// would have it quantized.
//
// Map.ReadPlan reads it back as an equal plan, and equal plans give equal bytes.
// A scheme that does not exist and a name that is not UTF-8, which JSON cannot
// hold, are errors that name the layer. The zero Plan is an error.
func (p Plan) MarshalJSON() ([]byte, error) {
	if p.m == nil {
		return nil, errors.New("plan: a plan of no network has no JSON")
	}
	out := planJSON{Profile: p.m.Profile.Name, Layers: []layerJSON{}}
	for i, l := range p.m.Layers {
		j := layerJSON{Name: l.Name, Op: l.Op}
		scheme := func(k int) (string, error) {
			text, err := p.Scheme(k).MarshalText()
			if err != nil {
				return "", fmt.Errorf("plan: layer %d %q: %w", i, l.Name, err)
			}
			if value := p.m.Quantizers[k].Value; !utf8.ValidString(value) {
				return "", fmt.Errorf("plan: layer %d %q: the value %q is not UTF-8", i, l.Name, value)
			}
			return string(text), nil
		}
		if !utf8.ValidString(l.Name) {
			return nil, fmt.Errorf("plan: layer %d: the name %q is not UTF-8", i, l.Name)
		}
		if l.Weight >= 0 {
			text, err := scheme(l.Weight)
			if err != nil {
				return nil, err
			}
			j.Weight = &text
		}
		for _, a := range l.Activations {
			text, err := scheme(a)
			if err != nil {
				return nil, err
			}
			j.Activations = append(j.Activations, valueJSON{p.m.Quantizers[a].Value, text})
		}
		if s := p.Bias(i); s != p.usualBias(i) || !s.IsFloat32() {
			text := s.String()
			j.Bias = &text
		}
		out.Layers = append(out.Layers, j)
	}
	return json.Marshal(out)
}

// ReadPlan reads what MarshalJSON writes. Layers may stand in any order, but each
// of the map's must be there once, with its operator, its weight and all of its
// activations, and nothing else. An error names the layer and the field. It is an
// error too if the plan was made under another profile's rules, if two tied
// quantizers differ, and if a scheme does not exist; whether the device offers a
// scheme is what Plan.Check tells.
func (m *Map) ReadPlan(data []byte) (Plan, error) {
	var in planJSON
	if err := strict(data, &in); err != nil {
		return Plan{}, fmt.Errorf("plan: %w", err)
	}
	if in.Profile != m.Profile.Name {
		return Plan{}, fmt.Errorf("plan: profile: the plan was made for %q, the quantizers sit where %q has them", in.Profile, m.Profile.Name)
	}
	p := m.Float()
	seen := make([]bool, len(m.Layers))
	biases := make([]quant.Scheme, len(m.Layers))
	hasBias := make([]bool, len(m.Layers))
	setBy := make([]string, len(m.Ties)) // the field that set a tie
	for at, j := range in.Layers {
		fail := func(format string, args ...any) (Plan, error) {
			return Plan{}, fmt.Errorf("plan: layers[%d] %q: %w", at, j.Name, fmt.Errorf(format, args...))
		}
		i, err := m.Layer(j.Name)
		if err != nil {
			return fail("name: %w", err)
		}
		l := m.Layers[i]
		switch {
		case seen[i]:
			return fail("name: the layer stands there twice")
		case j.Op != l.Op:
			return fail("op: %q; the layer is a %s", j.Op, l.Op)
		case j.Weight != nil && l.Weight < 0:
			return fail("weight: the layer has none")
		case j.Weight == nil && l.Weight >= 0:
			return fail("weight: is missing")
		case len(j.Activations) != len(l.Activations):
			return fail("activations: %d of them; the layer has %d", len(j.Activations), len(l.Activations))
		}
		seen[i] = true
		set := func(k int, field, text string) error {
			s, err := quant.ParseScheme(text)
			if err != nil {
				return fmt.Errorf("%s: %w", field, err)
			}
			tie, here := m.Quantizers[k].Tie, fmt.Sprintf("%s of %q", field, j.Name)
			if before := setBy[tie]; before != "" && p.schemes[tie] != s {
				return fmt.Errorf("%s: %v; it is tied to the %s, which has %v", field, s, before, p.schemes[tie])
			}
			p.schemes[tie], setBy[tie] = s, here
			return nil
		}
		if j.Weight != nil {
			if err := set(l.Weight, "weight", *j.Weight); err != nil {
				return fail("%w", err)
			}
		}
		if j.Bias != nil {
			if l.Bias == "" {
				return fail("bias: the layer has none of its own")
			}
			if biases[i], err = quant.ParseScheme(*j.Bias); err != nil {
				return fail("bias: %w", err)
			}
			if biases[i].Granularity == quant.PerGroup {
				return fail("bias: %v: a bias has no axis for groups", biases[i])
			}
			hasBias[i] = true
		}
		for n, a := range l.Activations {
			field := fmt.Sprintf("activations[%d]", n)
			if got, want := j.Activations[n].Value, m.Quantizers[a].Value; got != want {
				return fail("%s.value: %q; it is %q", field, got, want)
			}
			if err := set(a, field+".scheme", j.Activations[n].Scheme); err != nil {
				return fail("%w", err)
			}
		}
	}
	for i, ok := range seen {
		if !ok {
			return Plan{}, fmt.Errorf("plan: layers: %q is missing", m.Layers[i].Name)
		}
	}
	// What a bias is by itself depends on all schemes.
	for i, s := range biases {
		if hasBias[i] && s != p.usualBias(i) {
			p.setBias(i, s)
			if w, a := p.Layer(i); p.Bias(i) != s {
				return Plan{}, fmt.Errorf("plan: layer %q: bias: %v has the scale of activation times weight, which are %v and %v here",
					m.Layers[i].Name, s, a, w)
			}
		}
	}
	return p, nil
}

// strict decodes one JSON value and nothing after it. Unknown fields, fields that
// stand twice in one object, and other spellings in upper or lower case, which
// the decoder alone would take, are errors.
func strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("JSON: something follows the plan at byte %d", d.InputOffset())
	}
	return exactFields(json.NewDecoder(bytes.NewReader(data)))
}

var fieldNames = []string{"profile", "layers", "name", "op", "weight", "bias", "activations", "value", "scheme"}

// exactFields reads the next value, which is known to be well formed, and reports
// a field that stands twice or is not spelled as ours.
func exactFields(d *json.Decoder) error {
	open, err := d.Token()
	if err != nil {
		return fmt.Errorf("JSON: %w", err)
	}
	if _, ok := open.(json.Delim); !ok {
		return nil
	}
	fields := map[string]bool{}
	for d.More() {
		if open == json.Delim('{') {
			key, err := d.Token()
			if err != nil {
				return fmt.Errorf("JSON: %w", err)
			}
			name, _ := key.(string)
			if !slices.Contains(fieldNames, name) {
				return fmt.Errorf("JSON: unknown field %q at byte %d", name, d.InputOffset())
			}
			if fields[name] {
				return fmt.Errorf("JSON: the field %q stands twice at byte %d", name, d.InputOffset())
			}
			fields[name] = true
		}
		if err := exactFields(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
