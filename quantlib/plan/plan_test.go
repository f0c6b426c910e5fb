package plan_test

import (
	"errors"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// hand is x → c1 → relu → c2 (shared input with c3) → Add → flat → fc → soft, with
// a product of two computed values, an integer product and a weight in a
// Constant node beside it.
func hand(t *testing.T) *graph.Graph {
	t.Helper()
	weight := func(name string, shape ...int) *graph.Const {
		return &graph.Const{Name: name, Tensor: tensor.New(tensor.Float32, shape...)}
	}
	node := func(name, op, in, out string, attrs ...graph.Attr) *graph.Node {
		return &graph.Node{Name: name, Op: op, Inputs: strings.Fields(in), Outputs: strings.Fields(out), Attrs: attrs}
	}
	g, err := graph.New(graph.Parts{
		Inputs:  []graph.Value{{Name: "x", DType: tensor.Float32}, {Name: "k", DType: tensor.Int64}},
		Outputs: []graph.Value{{Name: "y"}, {Name: "n"}, {Name: "attention"}},
		Consts: []*graph.Const{
			weight("w1", 8, 2, 3, 3), weight("b1", 8), weight("w3", 4, 8, 1, 1), weight("wt", 4, 6, 2, 2), weight("wf", 5, 9), weight("wm", 3, 5, 7),
			{Name: "i", Tensor: tensor.New(tensor.Int64, 3, 3)},
		},
		Nodes: []*graph.Node{
			node("in/c1", "Conv", "x w1 b1", "a"),
			node("in/relu", "Relu", "a", "b"),
			node("in/c2", "Conv", "b w2", "c"),
			node("w2", "Constant", "", "w2", graph.TensorAttr("value", tensor.New(tensor.Float32, 4, 8, 1, 1))),
			node("in/c3", "Conv", "b w3", "d"),
			node("sum", "Add", "c d", "e"),
			node("up", "ConvTranspose", "e wt", "f"),
			node("fc", "Gemm", "f wf", "g", graph.IntAttr("transB", 1)),
			node("mm", "MatMul", "g wm", "h"),
			node("soft", "Softmax", "h", "y"),
			node("self", "MatMul", "h g", "attention"),
			node("count", "MatMul", "k i", "n"),
		},
		Model: &graph.Model{Opsets: map[string]int{"": 13}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func place(t *testing.T, g *graph.Graph) *plan.Map {
	t.Helper()
	m, err := plan.Place(g)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func demoMap(t *testing.T) *plan.Map {
	t.Helper()
	model, err := quantlib.Decode(demo.Model())
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Map()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPlacementOnAHandGraph(t *testing.T) {
	m := place(t, hand(t))
	type at struct {
		role        plan.Role
		nodes       string
		axis, group int
	}
	want := map[string]at{
		"x": {plan.Activation, "in/c1", 0, 0}, "w1": {plan.Weight, "in/c1", 0, 1},
		"b": {plan.Activation, "in/c2 in/c3", 0, 0}, "w2": {plan.Weight, "in/c2", 0, 1}, "w3": {plan.Weight, "in/c3", 0, 1},
		"e": {plan.Activation, "up", 0, 0}, "wt": {plan.Weight, "up", 1, 0},
		"f": {plan.Activation, "fc", 0, 0}, "wf": {plan.Weight, "fc", 0, 1},
		"g": {plan.Activation, "mm self", 0, 0}, "wm": {plan.Weight, "mm", 2, 1},
		"h": {plan.Activation, "self", 0, 0},
	}
	for _, q := range m.Quantizers {
		w, ok := want[q.Value]
		if !ok {
			t.Errorf("a quantizer on %q", q.Value)
			continue
		}
		delete(want, q.Value)
		if q.Role != w.role || strings.Join(q.Nodes, " ") != w.nodes || q.Role == plan.Weight && (q.Axis != w.axis || q.Group != w.group) {
			t.Errorf("%q: %v of %v, axis %d, group %d; want %+v", q.Value, q.Role, q.Nodes, q.Axis, q.Group, w)
		}
	}
	for name := range want {
		t.Errorf("no quantizer on %q", name)
	}
	if got := m.Activations(); !slices.Equal(got, []string{"x", "b", "e", "f", "g", "h"}) {
		t.Errorf("activations %v", got)
	}
	params := map[string]int{"in/c1": 144, "in/c2": 32, "in/c3": 32, "up": 96, "fc": 45, "mm": 105, "self": 0}
	for i, l := range m.Layers {
		if m.Params(i) != params[l.Name] {
			t.Errorf("%s has %d weights, want %d", l.Name, m.Params(i), params[l.Name])
		}
		if k, err := m.Layer(l.Name); err != nil || k != i {
			t.Errorf("Layer(%q) = %d, %v", l.Name, k, err)
		}
	}
	if len(m.Layers) != len(params) {
		t.Errorf("%d layers, want %d", len(m.Layers), len(params))
	}
}

// Whatever a convolution or product makes is quantized only where it flows into
// the next one: never between it and the activation function behind it.
func TestNothingSitsBetweenAConvolutionAndItsActivation(t *testing.T) {
	for name, m := range map[string]*plan.Map{"hand": place(t, hand(t)), "embedded": demoMap(t)} {
		found := 0
		for _, n := range m.Graph.Nodes() {
			if n.Op != "Conv" && n.Op != "Gemm" {
				continue
			}
			for _, u := range m.Graph.Consumers(n.Outputs[0]) {
				switch u.Op {
				case "Relu", "Clip", "HardSwish", "HardSigmoid", "Sigmoid":
					found++
					if len(m.Graph.Consumers(n.Outputs[0])) == 1 && slices.Contains(m.Activations(), n.Outputs[0]) {
						t.Errorf("%s: a quantizer between %v and %v", name, n, u)
					}
				}
			}
		}
		if found == 0 {
			t.Errorf("%s: no convolution with an activation function: the test sees nothing", name)
		}
	}
}

func TestPlacementOnTheEmbeddedNetwork(t *testing.T) {
	m := demoMap(t)
	if len(m.Layers) != 17 {
		t.Errorf("%d layers, want the 17 that the reference lists", len(m.Layers))
	}
	for i, l := range m.Layers {
		if l.Weight < 0 || len(l.Activations) != 1 || m.Params(i) == 0 {
			t.Errorf("%+v", l)
			continue
		}
		q := m.Quantizers[l.Weight]
		if q.Role != plan.Weight || q.Axis != 0 && l.Op == "Conv" || !slices.Contains(q.Nodes, l.Name) {
			t.Errorf("%s: %+v", l.Name, q)
		}
		if m.Quantizers[l.Activations[0]].Role != plan.Activation {
			t.Errorf("%s: %+v", l.Name, m.Quantizers[l.Activations[0]])
		}
	}
	for i, tie := range m.Ties {
		for _, k := range tie.Members {
			if m.Quantizers[k].Tie != i || m.Quantizers[k].Role != tie.Role {
				t.Errorf("tie %d: member %+v", i, m.Quantizers[k])
			}
		}
	}
}

func TestNetworkWithoutLayersIsErrNothing(t *testing.T) {
	for name, n := range map[string]*graph.Node{
		"a Relu alone":          {Op: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}},
		"another domain's Conv": {Op: "Conv", Domain: "com.acme", Inputs: []string{"x", "w"}, Outputs: []string{"y"}},
		"products of integers":  {Op: "MatMul", Inputs: []string{"k", "k"}, Outputs: []string{"y"}},
	} {
		g, err := graph.New(graph.Parts{
			Inputs:  []graph.Value{{Name: "x", DType: tensor.Float32}, {Name: "k", DType: tensor.Int32}},
			Outputs: []graph.Value{{Name: "y"}}, Nodes: []*graph.Node{n},
			Consts: []*graph.Const{{Name: "w", Tensor: tensor.New(tensor.Float32, 1, 1, 1, 1)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Place(g); !errors.Is(err, plan.ErrNothing) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSelectors(t *testing.T) {
	m := place(t, hand(t))
	for _, c := range []struct {
		pattern string
		want    string // layers whose weight changes
	}{
		{"in/c1", "in/c1"},
		{"in/*", "in/c1 in/c2 in/c3"},
		{"in/c[23]", "in/c2 in/c3"},
		{"f?", "fc"},
		{"op:Conv", "in/c1 in/c2 in/c3"},
		{"op:ConvTranspose", "up"},
	} {
		p, err := m.Float().With(c.pattern, 4, -1)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		var got []string
		for i, l := range m.Layers {
			w, a := p.Layer(i)
			if !w.IsFloat32() {
				got = append(got, l.Name)
				if w.Width() != 4 {
					t.Errorf("%s: %s has %v", c.pattern, l.Name, w)
				}
			}
			if !a.IsFloat32() {
				t.Errorf("%s: the activation of %s changed", c.pattern, l.Name)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", c.pattern, got, c.want)
		}
	}
	for _, c := range []struct {
		pattern            string
		weight, activation int
		want               string
	}{
		{"c1", 4, 4, `"c1"`},
		{"", 4, 4, `""`},
		{"op:conv", 4, 4, `"op:conv"`},
		{"op:Relu", 4, 4, `"op:Relu"`},
		{"in/relu", 4, 4, `"in/relu"`},
		{"in/[", 4, 4, `"in/["`},
		{"in/*", 17, 4, "16 bits"},
		{"in/*", 4, 17, "16 bits"},
	} {
		_, err := m.Float().With(c.pattern, c.weight, c.activation)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q at %d, %d: %v, want an error with %s", c.pattern, c.weight, c.activation, err, c.want)
		}
	}
	if _, err := m.Float().With("nothing", 4, 4); err == nil || !strings.Contains(err.Error(), "in/c1") {
		t.Errorf("%v does not list the layers", err)
	}
	if _, err := m.Float().With("[", 4, 4); !errors.Is(err, path.ErrBadPattern) {
		t.Errorf("a malformed pattern: %v", err)
	}
}

func TestSharedActivationsChangeTogether(t *testing.T) {
	m := place(t, hand(t))
	p, err := m.Uniform(8, 8).With("in/c2", -1, 3)
	if err != nil {
		t.Fatal(err)
	}
	i, _ := m.Layer("in/c3")
	if w, a := p.Layer(i); a.Width() != 3 || w.Width() != 8 {
		t.Errorf("in/c3, which reads the same value, has %v and %v", w, a)
	}
	q, err := p.With("in/c2", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	i, _ = m.Layer("in/c2")
	if w, a := q.Layer(i); !w.IsFloat32() || a.Width() != 3 {
		t.Errorf("width 0 gives %v, a negative one %v", w, a)
	}
}

func TestPlansAreValues(t *testing.T) {
	m := place(t, hand(t))
	p := m.Uniform(8, 8)
	before, key := p.String(), p.Key()
	q, err := p.With("in/c1", 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	r := p.WithTie(0, quant.Int(5))
	if p.String() != before || p.Key() != key {
		t.Error("With or WithTie changed the plan it began from")
	}
	if p.Equal(q) || p.Equal(r) || !p.Equal(m.Uniform(8, 8)) || q.Key() == key || r.Tie(0) != quant.Int(5) {
		t.Error("Equal, Key or Tie")
	}
	if p.Equal(place(t, hand(t)).Uniform(8, 8)) {
		t.Error("plans of two networks are equal")
	}
	if back, err := q.With("in/c1", 8, 8); err != nil || !back.Equal(p) {
		t.Errorf("there and back: %v", err)
	}

	if d := p.Diff(p); d != "" {
		t.Errorf("a plan differs from itself: %s", d)
	}
	lines := strings.Split(strings.TrimSpace(q.Diff(p)), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "in/c1: weight ") || !strings.HasPrefix(lines[1], "in/c1: activation ") {
		t.Errorf("difference:\n%s", q.Diff(p))
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("Diff of two networks does not panic")
			}
		}()
		p.Diff(place(t, hand(t)).Float())
	}()
	for _, bits := range []int{-1, 17} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Uniform(%d) does not panic", bits)
				}
			}()
			m.Uniform(bits, 8)
		}()
	}
}

func TestBytesAndMeanBits(t *testing.T) {
	m := place(t, hand(t))
	const all = 144 + 32 + 32 + 96 + 45 + 105 // weights
	for _, c := range []struct {
		name  string
		plan  plan.Plan
		bytes int
		mean  float64
	}{
		{"float", m.Float(), 4 * all, 32},
		{"8 bits", m.Uniform(8, 4), all, 8},
		{"16 bits", m.Uniform(16, 0), 2 * all, 16},
		{"3 bits, each weight in whole bytes", m.Uniform(3, 8), 54 + 12 + 12 + 36 + 17 + 40, 3},
		{"1 bit", m.Uniform(1, 8), 18 + 4 + 4 + 12 + 6 + 14, 1},
	} {
		if got := c.plan.Bytes(); got != c.bytes {
			t.Errorf("%s: %d bytes, want %d", c.name, got, c.bytes)
		}
		if got := c.plan.MeanBits(); got != c.mean {
			t.Errorf("%s: %v bits, want %v", c.name, got, c.mean)
		}
	}
	p, err := m.Uniform(8, 8).With("in/c1", 4, -1)
	if err != nil {
		t.Fatal(err)
	}
	if want := float64(8*all-4*144) / all; p.MeanBits() != want || p.Bytes() != all-72 {
		t.Errorf("mixed: %v bits, %d bytes", p.MeanBits(), p.Bytes())
	}
}
