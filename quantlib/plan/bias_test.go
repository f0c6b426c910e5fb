package plan

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/quant"
)

func biased(t *testing.T, change func(*hardware.Profile)) *Map {
	t.Helper()
	g := network(t, "y", "a: Conv x w1 w2 -> u", "b: Conv u w3 w4 -> v", "c: Conv v w5 w4 -> y0", "d: Conv y0 w6 -> y")
	m, err := PlaceFor(g, device(change))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestBiasesFollowTheProfileUnlessThePlanSays(t *testing.T) {
	int32s := func(p *hardware.Profile) { p.Biases = quant.Int(32) }
	m := biased(t, int32s)
	for i, want := range []string{"w2", "", "", ""} { // w4 belongs to two layers
		if got := m.Layers[i].Bias; got != want {
			t.Errorf("layer %s: bias %q, want %q", m.Layers[i].Name, got, want)
		}
	}
	set := func(p Plan, s quant.Scheme) Plan {
		q, err := p.WithBias("*", s)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	tie := func(value string) int { return m.Quantizers[m.byValue[value]].Tie }
	eight := m.Uniform(8, 8)
	for _, c := range []struct {
		name string
		p    Plan
		want string
	}{
		{"weights and activations quantized", eight, "int32"},
		{"other widths", m.Uniform(3, 16), "int32"},
		{"nothing quantized", m.Float(), "float"},
		{"float activations", m.Uniform(8, 0), "float"},
		{"float weights", m.Uniform(0, 8), "float"},
		{"groups of weights", eight.WithTie(tie("w1"), quant.Int(8).PerGroup(32)), "float"},
		{"channels of activations", eight.WithTie(tie("x"), quant.Uint(8).PerChannel()), "float"},
		{"weights of 8-bit floats", eight.WithTie(tie("w1"), quant.FP8(quant.E4M3FN)), "float"},
		{"the plan wants float", set(eight, quant.Scheme{}), "float"},
		{"the plan wants 8 bits", set(eight, quant.Int(8)), "int8"},
		{"the plan wants 1 bit on float weights", set(m.Float(), quant.Int(1)), "int1"},
		{"the plan wants 32 bits on float weights", set(m.Float(), quant.Int(32)), "float"},
		{"three widths that differ", set(m.Uniform(3, 5), quant.Int(16)), "int16"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.p.Bias(0); got.String() != c.want {
				t.Errorf("%v, want %s", got, c.want)
			}
			data, err := json.Marshal(c.p)
			if err != nil {
				t.Fatal(err)
			}
			back, err := m.ReadPlan(data)
			if err != nil || !back.Equal(c.p) || back.Key() != c.p.Key() {
				t.Errorf("%s is not what was written: %v\n%s\n%s", data, err, c.p, back)
			}
			again, err := json.Marshal(back)
			if err != nil || string(again) != string(data) {
				t.Errorf("%s\nthe second time\n%s", data, again)
			}
			if c.p.Bytes() != (Plan{m: c.p.m, schemes: c.p.schemes}).Bytes() {
				t.Error("the bias changes the bytes of the weights")
			}
		})
	}
	if p := set(eight, quant.Int(8)); p.Equal(eight) || p.Key() == eight.Key() ||
		p.Diff(eight) != "a: bias int32 → int8\n" || !strings.Contains(p.String(), "bias format") {
		t.Errorf("a bias makes no difference:\n%s%s", p.Diff(eight), p)
	}
	if p := set(eight, quant.Int(32)); !p.Equal(eight) || p.Key() != eight.Key() {
		t.Error("what the profile has anyhow makes a difference")
	}
	if p := biased(t, nil).Uniform(8, 8); !p.Bias(0).IsFloat32() || strings.Contains(p.String(), "bias") || strings.Contains(p.Key(), "bias") {
		t.Errorf("without a word of the profile a bias is float32:\n%s", p)
	}
}

func TestBiasErrors(t *testing.T) {
	m := biased(t, nil)
	p := m.Uniform(8, 8)
	for _, c := range []struct {
		pattern string
		s       quant.Scheme
		want    string
	}{
		{"nowhere*", quant.Int(8), `"nowhere*" matches no layer`},
		{"d", quant.Int(8), `"d" has no bias`},
		{"c", quant.Int(8), `"c" has no bias of its own`},
		{"*", quant.Int(24), "24 bits"},
		{"*", quant.Int(8).PerGroup(32), "groups"},
		{"[", quant.Int(8), "syntax error"},
	} {
		if _, err := p.WithBias(c.pattern, c.s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q at %v: %v, want %q", c.pattern, c.s, err, c.want)
		}
	}
	q, err := p.WithBias("a", quant.Int(32))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"bias":"int32"`, `"bias":"int33"`, `"a": bias: quant`},
		{`"bias":"int32"`, `"bias":"int8 per-group=32"`, "groups"},
		{`"op":"Conv","weight":"int8 narrow per-channel","activations":[{"value":"y0"`, `"op":"Conv","bias":"int8","weight":"int8 narrow per-channel","activations":[{"value":"y0"`, `"d": bias: the layer has none`},
		{`[{"value":"x","scheme":"uint8"}]`, `[{"value":"x","scheme":"float"}]`, `"a": bias: int32 has the scale`},
	} {
		if !strings.Contains(string(data), c.old) {
			t.Fatalf("no %s in %s", c.old, data)
		}
		if _, err := m.ReadPlan([]byte(strings.Replace(string(data), c.old, c.new, 1))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.new, err, c.want)
		}
	}
}
