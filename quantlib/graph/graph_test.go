package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// node is "name: op in in → out out".
func node(name, op string, in, out []string, attrs ...Attr) *Node {
	return &Node{Name: name, Op: op, Inputs: in, Outputs: out, Attrs: attrs}
}

func values(names ...string) []Value {
	list := make([]Value, len(names))
	for i, n := range names {
		list[i] = Value{Name: n}
	}
	return list
}

func constant(name string, v float32) *Const { return &Const{Name: name, Tensor: tensor.Scalar(v)} }

func mustNew(t *testing.T, p Parts) *Graph {
	t.Helper()
	g, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func names(nodes []*Node) string {
	var list []string
	for _, n := range nodes {
		list = append(list, n.Name)
	}
	return strings.Join(list, " ")
}

func s(list ...string) []string { return list }

func TestNewRefusesWhatCannotRun(t *testing.T) {
	relu := func(name, in, out string) *Node { return node(name, "Relu", s(in), s(out)) }
	body := mustNew(t, Parts{Nodes: []*Node{relu("inner", "ghost", "o")}, Outputs: values("o"), Outer: map[string]bool{"ghost": true}})
	for _, c := range []struct {
		name string
		p    Parts
		want []string
	}{
		{"a cycle of two", Parts{Nodes: []*Node{relu("a", "p", "q"), relu("b", "q", "p")}, Outputs: values("p")}, s(`node 0 "a" (Relu)`, "cycle")},
		{"a cycle of one", Parts{Nodes: []*Node{relu("a", "p", "p")}, Outputs: values("p")}, s(`"a"`, "cycle")},
		{"fed by a cycle", Parts{Nodes: []*Node{relu("c", "q", "r"), relu("a", "p", "q"), relu("b", "q", "p")}, Outputs: values("r")}, s("cycle")},
		{"two nodes make one value", Parts{Inputs: values("x"), Nodes: []*Node{relu("a", "x", "y"), relu("b", "x", "y")}, Outputs: values("y")}, s(`node 1 "b" (Relu)`, `"y" has another producer`)},
		{"one node makes a value twice", Parts{Inputs: values("x"), Nodes: []*Node{node("a", "Split", s("x"), s("y", "y"))}, Outputs: values("y")}, s(`"y" has another producer`)},
		{"a node makes an input", Parts{Inputs: values("x"), Nodes: []*Node{relu("a", "x", "x")}, Outputs: values("x")}, s(`"x" has another producer`)},
		{"a node makes a constant", Parts{Inputs: values("x"), Consts: []*Const{constant("w", 1)}, Nodes: []*Node{relu("a", "x", "w")}, Outputs: values("w")}, s(`"w" has another producer`)},
		{"a Constant makes an input", Parts{Inputs: values("x"), Nodes: []*Node{node("c", "Constant", nil, s("x"), FloatAttr("value_float", 1))}, Outputs: values("x")}, s(`node 0 "c" (Constant)`, `"x"`)},
		{"a Constant without value", Parts{Nodes: []*Node{node("c", "Constant", nil, s("y"))}, Outputs: values("y")}, s(`"c" (Constant)`, "no value")},
		{"a Constant whose tensor is missing", Parts{Nodes: []*Node{node("c", "Constant", nil, s("y"), Attr{Name: "value", Kind: AttrTensor})}, Outputs: values("y")}, s(`"c" (Constant)`, "no tensor")},
		{"constants of one name", Parts{Consts: []*Const{constant("w", 1), constant("w", 2)}, Outputs: values("w")}, s(`"w"`, "twice")},
		{"an input nobody makes", Parts{Inputs: values("x"), Nodes: []*Node{node("a", "Add", s("x", "ghost"), s("y"))}, Outputs: values("y")}, s(`node 0 "a" (Add)`, `"ghost"`)},
		{"a subgraph's input nobody makes", Parts{Inputs: values("x"), Nodes: []*Node{node("if", "If", s("x"), s("y"), Attr{Name: "then_branch", Kind: AttrGraph, G: body})}, Outputs: values("y")}, s(`"if" (If)`, `"ghost"`)},
		{"an output nobody makes", Parts{Inputs: values("x"), Nodes: []*Node{relu("a", "x", "y")}, Outputs: values("z")}, s(`output "z"`)},
	} {
		_, err := New(c.p)
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q lacks %q", c.name, err, w)
			}
		}
	}
}

func TestNodesRunInAnOrderNearTheirOwn(t *testing.T) {
	relu := func(name, in, out string) *Node { return node(name, "Relu", s(in), s(out)) }
	for _, c := range []struct {
		name  string
		nodes []*Node
		want  string
	}{
		{"sorted stays", []*Node{relu("a", "x", "p"), relu("b", "x", "q"), relu("c", "p", "r")}, "a b c"},
		{"reversed is turned", []*Node{relu("c", "q", "r"), relu("b", "p", "q"), relu("a", "x", "p")}, "a b c"},
		{"one late node", []*Node{relu("b", "p", "q"), relu("d", "x", "r"), relu("a", "x", "p")}, "d a b"},
	} {
		g := mustNew(t, Parts{Inputs: values("x"), Nodes: c.nodes, Outputs: values("r")})
		if got := names(g.Nodes()); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		for i, n := range g.Nodes() {
			if g.Index(n) != i || g.Node(n.Name) != n {
				t.Errorf("%s: %v is at %d", c.name, n, g.Index(n))
			}
		}
	}
}

func TestLongChainsAndFansAreQuick(t *testing.T) {
	const n = 100000
	var nodes []*Node
	for i := n - 1; i >= 0; i-- {
		in := "x"
		if i > 0 {
			in = fmt.Sprint("v", i-1)
		}
		nodes = append(nodes, &Node{Op: "Relu", Inputs: s(in), Outputs: s(fmt.Sprint("v", i))})
	}
	g := mustNew(t, Parts{Inputs: values("x"), Nodes: nodes, Outputs: values(fmt.Sprint("v", n-1))})
	if g.Nodes()[0].Inputs[0] != "x" || len(g.Nodes()) != n {
		t.Error("the chain is torn")
	}
}

func TestNodesGetNamesOfTheirOwn(t *testing.T) {
	given := []*Node{
		node("", "Relu", s("x"), s("a")), node("same", "Relu", s("x"), s("b")), node("same", "Relu", s("x"), s("c")),
		node("Relu_0", "Relu", s("x"), s("d")), node("", "Relu", s("x"), s("e")),
	}
	g := mustNew(t, Parts{Inputs: values("x"), Nodes: given, Outputs: values("a")})
	seen := map[string]bool{}
	for _, n := range g.Nodes() {
		if n.Name == "" || seen[n.Name] {
			t.Errorf("name %q", n.Name)
		}
		seen[n.Name] = true
	}
	if !seen["same"] || !seen["Relu_0"] || g.Node("Relu_0").Outputs[0] != "d" {
		t.Errorf("names %v: a name that was free was taken away", seen)
	}
	if given[0].Name != "" || given[2].Name != "same" {
		t.Error("the caller's nodes were changed")
	}
	if again := mustNew(t, Parts{Inputs: values("x"), Nodes: given, Outputs: values("a")}); names(again.Nodes()) != names(g.Nodes()) {
		t.Errorf("names %s, then %s", names(g.Nodes()), names(again.Nodes()))
	}
	if g.Node("nobody") != nil || g.Index(&Node{}) != -1 {
		t.Error("a node that is not there was found")
	}
}

func TestConstantNodesAreConstants(t *testing.T) {
	for _, c := range []struct {
		attr Attr
		want *tensor.Tensor
	}{
		{TensorAttr("value", tensor.Of([]float32{1, 2}, 2)), tensor.Of([]float32{1, 2}, 2)},
		{FloatAttr("value_float", 2.5), tensor.Scalar(float32(2.5))},
		{IntAttr("value_int", -3), tensor.Scalar(int64(-3))},
		{IntsAttr("value_ints", 4, 5), tensor.Of([]int64{4, 5}, 2)},
		{Attr{Name: "value_floats", Kind: AttrFloats, Floats: []float32{6}}, tensor.Of([]float32{6}, 1)},
		{Attr{Name: "value_floats", Kind: AttrFloats}, tensor.New(tensor.Float32, 0)},
		{StringAttr("value_string", "s"), tensor.Strings([]string{"s"})},
		{Attr{Name: "value_strings", Kind: AttrStrings, Strings: s("t", "u")}, tensor.Strings(s("t", "u"), 2)},
	} {
		n := node("c", "Constant", nil, s("w"), c.attr)
		g := mustNew(t, Parts{Inputs: values("x"), Nodes: []*Node{node("a", "Add", s("x", "w"), s("y")), n}, Outputs: values("y")})
		if len(g.Nodes()) != 1 || g.Const("w") == nil || !tensor.Equal(g.Const("w"), c.want) {
			t.Errorf("%s: %v", c.attr.Name, g.Const("w"))
		}
		if k := g.Consts(); len(k) != 1 || k[0].Node != n {
			t.Errorf("%s: its node was forgotten", c.attr.Name)
		}
	}
	sparse := mustNew(t, Parts{Nodes: []*Node{node("c", "Constant", nil, s("w"), Attr{Name: "sparse_value", Kind: AttrOther})}, Outputs: values("w")})
	if len(sparse.Nodes()) != 1 || sparse.Const("w") != nil {
		t.Error("a sparse constant became a dense one")
	}
	foreign := mustNew(t, Parts{Nodes: []*Node{{Name: "c", Op: "Constant", Domain: "com.acme", Outputs: s("w")}}, Outputs: values("w")})
	if len(foreign.Nodes()) != 1 {
		t.Error("another domain's Constant was taken for ONNX's")
	}
}

func TestInputsAreWhatARunMustBeGiven(t *testing.T) {
	g := mustNew(t, Parts{
		Inputs: []Value{{Name: "x", DType: tensor.Float32, Ranked: true, Dims: []Dim{{Size: 3}}}, {Name: "w"}},
		Consts: []*Const{constant("w", 1)}, Nodes: []*Node{node("a", "Add", s("x", "w"), s("y"))}, Outputs: values("y", "w"),
	})
	if in := g.Inputs(); len(in) != 1 || in[0].Name != "x" {
		t.Errorf("inputs %v", in)
	}
	if len(g.DeclaredInputs()) != 2 {
		t.Errorf("declared %v", g.DeclaredInputs())
	}
	if v, ok := g.Info("x"); !ok || v.Dims[0].Size != 3 {
		t.Errorf("info %v %v", v, ok)
	}
	if _, ok := g.Info("y"); ok {
		t.Error("the file says nothing of y")
	}
	if !g.IsOutput("w") || g.IsOutput("x") {
		t.Error("outputs")
	}
}

func TestProducersAndConsumers(t *testing.T) {
	body := mustNew(t, Parts{Nodes: []*Node{node("inner", "Neg", s("p"), s("o"))}, Outputs: values("o", "x"),
		Outer: map[string]bool{"p": true, "x": true, "unused": true}})
	if got := body.OuterNames(); !slices.Equal(got, s("p", "x")) {
		t.Errorf("outer names %v", got)
	}
	deep := mustNew(t, Parts{Nodes: []*Node{node("deep", "If", s("c"), s("o2"), Attr{Name: "then_branch", Kind: AttrGraph, G: body})},
		Consts: []*Const{constant("c", 1)}, Outputs: values("o2"), Outer: map[string]bool{"p": true, "x": true, "unused": true}})
	if got := deep.OuterNames(); !slices.Equal(got, s("p", "x")) {
		t.Errorf("outer names through two graphs %v", got)
	}
	g := mustNew(t, Parts{Inputs: values("x"), Outputs: values("z", "q"), Nodes: []*Node{
		node("if", "If", s("x"), s("z"), Attr{Name: "then_branch", Kind: AttrGraph, G: deep}),
		node("a", "Relu", s("x"), s("p")),
		node("twice", "Mul", s("p", "p"), s("q", "")),
	}})
	if got := names(g.Nodes()); got != "a if twice" {
		t.Errorf("order %s: a subgraph's use was not seen", got)
	}
	if got := names(g.Consumers("p")); got != "if twice" {
		t.Errorf("consumers of p: %s", got)
	}
	if g.Producer("p").Name != "a" || g.Producer("x") != nil || g.Producer("") != nil {
		t.Error("producers")
	}
	if len(g.Consumers("")) != 0 || len(g.Consumers("z")) != 0 {
		t.Error("consumers of nothing")
	}
}

func TestOpsets(t *testing.T) {
	for _, c := range []struct {
		opsets map[string]int
		want   int
	}{{map[string]int{"": 13}, 13}, {map[string]int{"ai.onnx": 9}, 9}, {map[string]int{"": 12, "ai.onnx": 9}, 12}, {nil, 0}} {
		g := mustNew(t, Parts{Inputs: values("x"), Outputs: values("x"), Model: &Model{Opsets: c.opsets}})
		if g.Opset("") != c.want || g.Opset("ai.onnx") != c.want || g.Opset("com.acme") != 0 {
			t.Errorf("%v: %d", c.opsets, g.Opset(""))
		}
	}
	if g := mustNew(t, Parts{}); g.Model() == nil || g.Opset("") != 0 {
		t.Error("a graph without a model")
	}
}
