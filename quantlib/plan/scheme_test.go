package plan

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// mixed has a MatMul with other widths than the Conv, and a weight that both use.
func mixed(t *testing.T, shared bool) *Map {
	t.Helper()
	w := "w3"
	if shared {
		w = "w"
	}
	p := device(func(p *hardware.Profile) {
		p.Weights = hardware.Operand{Widths: []int{6, 8}, Scheme: quant.Int(8)}
		p.Activations = hardware.Operand{Widths: []int{8, 16, hardware.Float32}, Scheme: quant.Uint(8), Formats: []quant.Scheme{quant.FP8(quant.E5M2)}}
		m := p.Ops["MatMul"]
		m.Weights = []int{4, 8, hardware.Float32}
		p.Ops["MatMul"] = m
	})
	return place(t, network(t, "c", "conv: Conv x w -> a", "mm: MatMul a "+w+" -> c"), p)
}

func TestATieHasTheWidthsOfAllItsOperators(t *testing.T) {
	for _, c := range []struct {
		shared bool
		value  string
		widths []int
		float  bool
	}{
		{false, "w", []int{6, 8}, false}, {false, "w3", []int{4, 8}, true}, {true, "w", []int{8}, false},
		{false, "x", []int{8, 16}, true}, {false, "a", []int{8, 16}, true},
	} {
		m := mixed(t, c.shared)
		tie := m.Quantizers[m.byValue[c.value]].Tie
		if got := m.Widths(tie); !slices.Equal(got, c.widths) {
			t.Errorf("%s: %v, want %v", c.value, got, c.widths)
		}
		for _, bits := range []int{0, hardware.Float32} {
			if s, ok := m.SchemeAt(tie, bits); ok != c.float || !s.IsFloat32() {
				t.Errorf("%s in float32: %v, %v", c.value, s, ok)
			}
		}
		for bits := -1; bits <= 17; bits++ {
			s, ok := m.SchemeAt(tie, bits)
			if bits != 0 && ok != slices.Contains(c.widths, bits) {
				t.Errorf("%s at %d bits: %v", c.value, bits, ok)
			}
			if ok && bits > 0 && s.Bits != bits {
				t.Errorf("%s at %d bits: %v", c.value, bits, s)
			}
		}
	}
}

func TestPlansNameWhatADeviceLacks(t *testing.T) {
	m := mixed(t, false)
	eight := m.Uniform(8, 8)
	if err := eight.Check(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		name string
		err  func() error
		want []string
	}{
		{"no such weight", func() error { return m.Check(4, 8) }, []string{`"device"`, "layer conv", "4 bits", "weight w", "[6 8]"}},
		{"no such activation", func() error { return m.Check(8, 4) }, []string{"layer conv", "4 bits", "activation x", "[8 16] and float32"}},
		{"no width at all", func() error { return m.Check(17, 8) }, []string{"17 bits", "1..16"}},
		{"a selector", func() error { _, err := eight.With("mm", 6, -1); return err }, []string{`"mm"`, "layer mm", "6 bits", "[4 8] and float32"}},
		{"float where there is none", func() error { return m.Float().Check() }, []string{"layer conv", "float", "weight w"}},
		{"another sign", func() error { return eight.WithTie(m.Quantizers[m.byValue["x"]].Tie, quant.Int(8)).Check() }, []string{"layer conv", "int8"}},
		{"another float", func() error {
			return eight.WithTie(m.Quantizers[m.byValue["x"]].Tie, quant.FP8(quant.E4M3FN)).Check()
		}, []string{"float8e4m3fn"}},
	} {
		err := c.err()
		for _, part := range c.want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v does not name %s", c.name, err, part)
			}
		}
	}
	if p, err := eight.With("mm", 4, 16); err != nil || p.Check() != nil {
		t.Errorf("what the device has: %v %v", err, p.Check())
	}
	if err := eight.WithTie(m.Quantizers[m.byValue["x"]].Tie, quant.FP8(quant.E5M2)).Check(); err != nil {
		t.Errorf("a further format of the device: %v", err)
	}
	stochastic := quant.Scheme{Bits: 8, Unsigned: true, Asymmetric: true, Round: quant.Stochastic, Seed: 5}
	if err := eight.WithTie(m.Quantizers[m.byValue["x"]].Tie, stochastic).Check(); err != nil {
		t.Errorf("rounding is the simulation's own: %v", err)
	}
	defer func() {
		if r := recover(); !strings.Contains(fmt.Sprint(r), "4 bits") {
			t.Errorf("Uniform panics with %v", r)
		}
	}()
	m.Uniform(4, 8)
}

func TestFormatsByName(t *testing.T) {
	m, err := Place(mixed(t, false).Graph)
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Uniform(4, 8).WithFormats("mm", "int4 per-group=32 stochastic=7", "float8e4m3fn")
	if err != nil {
		t.Fatal(err)
	}
	if p, err = p.WithFormats("conv", "", "uint6 toward-zero"); err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range m.Layers {
		w, a := p.Layer(i)
		got = append(got, w.String(), a.String())
	}
	if want := []string{"int4 narrow per-channel", "uint6 toward-zero", "int4 per-group=32 stochastic=7", "float8e4m3fn"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := m.ReadPlan(data); err != nil || !back.Equal(p) {
		t.Errorf("%s comes back as another plan: %v", data, err)
	}
	for _, c := range []struct{ pattern, weight, activation, want string }{
		{"no*", "int4", "", "matches no layer"}, {"*", "int99", "", "int99"}, {"*", "", "decimal", "decimal"}, {"*", "int32", "", "for biases"}, {"[", "", "", "syntax"},
	} {
		if _, err := p.WithFormats(c.pattern, c.weight, c.activation); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if q, err := m.Float().WithFormats("*", "float8e5m2 per-channel", "float8e4m3fn"); err != nil || q.Check() != nil {
		t.Errorf("the simulation has 8-bit floats: %v %v", err, q.Check())
	}
}
