package plan

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func residual(t *testing.T) *Map {
	return place(t, network(t, "d", "c1: Conv x w1 -> a", "c2: Conv x w2 -> b", "s: Add a b -> c", "c3: Conv c w3 -> d"),
		joined(hardware.Tie{Ops: []string{"Add"}, Inputs: true}))
}

func TestPlanJSONRoundTrip(t *testing.T) {
	m := residual(t)
	p := m.Float()
	for i, s := range []quant.Scheme{
		quant.Int(4).PerChannel(), quant.Uint(3), quant.Int(1), quant.FP8(quant.E5M2), {},
		{Bits: 5, Round: quant.Stochastic, Seed: 9, PowerOfTwo: true}, quant.Int(16).PerGroup(32),
	} {
		if i < len(m.Ties) {
			p = p.WithTie(i, s)
		}
	}
	for _, p := range []Plan{p, m.Float(), m.Uniform(8, 8), m.Uniform(1, 16)} {
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		q, err := m.ReadPlan(data)
		if err != nil {
			t.Fatal(err)
		}
		if !q.Equal(p) {
			t.Errorf("read back\n%v\nwant\n%v", q, p)
		}
		if again, _ := json.Marshal(q); string(again) != string(data) {
			t.Errorf("not canonical:\n%s\n%s", data, again)
		}
	}
}

func TestPlanJSONIsReadStrictly(t *testing.T) {
	m := residual(t)
	data, err := json.Marshal(m.Uniform(8, 8))
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	first := `{"name":"c1","op":"Conv","weight":"int8 narrow per-channel","activations":[{"value":"x","scheme":"uint8"}]}`
	if !strings.Contains(good, first) {
		t.Fatalf("the plan is %s", good)
	}
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"nothing at all", good, "", []string{"JSON", "EOF"}},
		{"cut short", good[len(good)/2:], "", []string{"JSON"}},
		{"something after it", good, good + " 1", []string{"follows the plan"}},
		{"an unknown field", `"op":"Add"`, `"op":"Add","bits":4`, []string{"bits"}},
		{"a field twice", `"op":"Add"`, `"op":"Add","op":"Add"`, []string{`"op"`, "twice"}},
		{"a field in capitals", `"op":"Add"`, `"Op":"Add"`, []string{`"Op"`}},
		{"another profile", `"device"`, `"npu"`, []string{"profile", `"npu"`, `"device"`}},
		{"an unknown layer", `"c3"`, `"c9"`, []string{`"c9"`, "name", `"c1"`}},
		{"a layer twice", first, first + "," + first, []string{"layers[1]", `"c1"`, "twice"}},
		{"a layer missing", first + ",", "", []string{`"c1"`, "missing"}},
		{"another operator", `"op":"Add"`, `"op":"Mul"`, []string{`"s"`, "op:", "Mul", "Add"}},
		{"a weight where there is none", `"op":"Add"`, `"op":"Add","weight":"int4"`, []string{`"s"`, "weight"}},
		{"no weight where there is one", first, strings.Replace(first, `"weight":"int8 narrow per-channel",`, "", 1), []string{`"c1"`, "weight: is missing"}},
		{"a scheme that does not exist", first, strings.Replace(first, "uint8", "uint99", 1), []string{`"c1"`, "activations[0].scheme", "uint99"}},
		{"a weight's scheme that does not exist", first, strings.Replace(first, "narrow", "slim", 1), []string{`"c1"`, "weight", "slim"}},
		{"too few activations", first, strings.Replace(first, `{"value":"x","scheme":"uint8"}`, "", 1), []string{`"c1"`, "activations", "0", "1"}},
		{"another value", first, strings.Replace(first, `"x"`, `"y"`, 1), []string{`"c1"`, "activations[0].value", `"y"`, `"x"`}},
		{"tied quantizers that differ", `{"value":"a","scheme":"uint8"}`, `{"value":"a","scheme":"uint4"}`, []string{`"s"`, "tied", "uint4", "uint8"}},
		{"one quantizer in two formats", first, strings.Replace(first, "uint8", "uint4", 1), []string{`"c2"`, "tied", `"c1"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(good, c.old) {
				t.Fatalf("no %q in %s", c.old, good)
			}
			_, err := m.ReadPlan([]byte(strings.Replace(good, c.old, c.new, 1)))
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
		})
	}
	if _, err := m.ReadPlan([]byte(strings.Replace(strings.Replace(good, first+",", "", 1), "]}]}", "]},"+first+"]}", 1))); err != nil {
		t.Errorf("layers in another order: %v", err)
	}
}

func FuzzReadPlan(f *testing.F) {
	g, err := graph.New(graph.Parts{
		Inputs:  []graph.Value{{Name: "x"}},
		Consts:  []*graph.Const{{Name: "w", Tensor: tensor.Of(make([]float32, 4), 2, 2)}},
		Nodes:   []*graph.Node{{Name: "m", Op: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}},
		Outputs: []graph.Value{{Name: "y"}},
	})
	if err != nil {
		f.Fatal(err)
	}
	m, err := Place(g)
	if err != nil {
		f.Fatal(err)
	}
	data, err := json.Marshal(m.Uniform(4, 8))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"profile":"simulation","layers":[null,{"name":"m","op":"MatMul","weight":null}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := m.ReadPlan(data)
		if err != nil {
			return
		}
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if q, err := m.ReadPlan(again); err != nil || !q.Equal(p) {
			t.Fatalf("%s: %v", again, err)
		}
	})
}

func TestPlanJSONErrors(t *testing.T) {
	m := residual(t)
	if _, err := json.Marshal(m.Float().WithTie(0, quant.Scheme{Bits: 99})); err == nil || !strings.Contains(err.Error(), `"c1"`) {
		t.Errorf("a scheme that does not exist: %v", err)
	}
	if _, err := json.Marshal(Plan{}); err == nil {
		t.Error("the zero plan has JSON")
	}
	odd := place(t, network(t, "d", "c\xff: Conv x w1 -> d"), device(nil))
	if _, err := json.Marshal(odd.Uniform(8, 8)); err == nil || !strings.Contains(err.Error(), `\xff`) {
		t.Errorf("a name that JSON cannot hold: %v", err)
	}
}

func TestWithDepth(t *testing.T) {
	// c1 and c2 begin, s adds what they make, c3 ends.
	m := residual(t)
	for _, c := range []struct{ pattern, want string }{
		{"depth:0", "c1 c2"}, {"depth:1", "s"}, {"depth:0-1", "c1 c2 s"}, {"depth:1-", "s c3"}, {"depth:2-9", "c3"},
		{"depth:3", "!matches no layer"}, {"depth:2-1", "!ascend"}, {"depth:-1", "!depth:2"}, {"depth:", "!depth:2"}, {"depth:a-b", "!depth:2"}, {"depth:0-1-2", "!depth:2"},
	} {
		p, err := m.Float().With(c.pattern, 4, 4)
		if want, bad := strings.CutPrefix(c.want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", c.pattern, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		var changed []string
		for i, l := range m.Layers {
			if w, a := p.Layer(i); !w.IsFloat32() || !a.IsFloat32() {
				changed = append(changed, l.Name)
			}
		}
		if got := strings.Join(changed, " "); got != c.want {
			t.Errorf("%s changes %s, want %s", c.pattern, got, c.want)
		}
	}
}

func TestBOPs(t *testing.T) {
	m := place(t, network(t, "d", "c1: Conv x w1 -> a", "r: Relu a -> b", "m: MatMul a b -> c", "q: Relu c -> d"),
		device(func(p *hardware.Profile) { activations(p, 1, "Relu") }))
	p := m.Uniform(4, 8)
	macs := []int64{100, 7, 10, 0} // c1, r, m, q
	for _, c := range []struct {
		name string
		p    Plan
		want int64
	}{
		{"weights of 4 and activations of 8 bits; products of activations; one operand", p, 100*4*8 + 7*8*32 + 10*8*8},
		{"float32 counts 32", m.Float(), 117 * 32 * 32},
		{"float activations", m.Uniform(2, 0), 100*2*32 + 17*32*32},
	} {
		if got := c.p.BOPs(macs); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	for name, macs := range map[string][]int64{"a layer too few": {1, 2, 3}, "negative": {1, -1, 1, 1}, "too many": {math.MaxInt64 / 4, 0, 0, 0}, "too many in sum": {math.MaxInt64 / 40, 0, 0, math.MaxInt64 / 260}} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			p.BOPs(macs)
		})
	}
}
