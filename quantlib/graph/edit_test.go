package graph

import (
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// small is x → a(w) → p → b → y, and p → c → z.
func small(t *testing.T) *Graph {
	t.Helper()
	return mustNew(t, Parts{
		Name: "small", Doc: "doc", Extra: []byte{1}, Model: &Model{Producer: "tests", Opsets: map[string]int{"": 13}},
		Inputs: values("x", "w"), Outputs: values("y", "z"),
		Consts: []*Const{constant("w", 2), constant("v", 3)},
		Info:   []Value{{Name: "p", DType: tensor.Float32}},
		Nodes: []*Node{
			node("a", "Mul", s("x", "w"), s("p")), node("b", "Relu", s("p"), s("y")), node("c", "Add", s("p", "v"), s("z")),
		},
	})
}

func mustEdit(t *testing.T, e *Edit) *Graph {
	t.Helper()
	g, err := e.Graph()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestEditWithoutChangesIsTheSame(t *testing.T) {
	g := small(t)
	h := mustEdit(t, g.Edit())
	if h == g || names(h.Nodes()) != names(g.Nodes()) || h.Name() != "small" || h.Doc() != "doc" || string(h.Extra()) != "\x01" || h.Model() != g.Model() {
		t.Errorf("%v", h)
	}
	for i, c := range h.Consts() {
		if c != g.Consts()[i] {
			t.Errorf("constant %q was copied", c.Name)
		}
	}
	for i, n := range h.Nodes() {
		if n != g.Nodes()[i] {
			t.Errorf("node %v was copied", n)
		}
	}
	if len(h.DeclaredInputs()) != 2 || len(h.Outputs()) != 2 {
		t.Error("inputs and outputs")
	}
}

func TestReplaceLeavesTheFirstGraphAlone(t *testing.T) {
	g := small(t)
	e := g.Edit()
	e.Replace(g.Node("b"), node("b1", "Neg", s("p"), s("t")), node("b2", "Relu", s("t"), s("y")))
	e.Replace(g.Node("c"))
	e.SetOutputs(values("y")...)
	h := mustEdit(t, e)
	if names(h.Nodes()) != "a b1 b2" || names(g.Nodes()) != "a b c" {
		t.Errorf("now %s, before %s", names(h.Nodes()), names(g.Nodes()))
	}
	if h.Const("v") != nil || g.Const("v") == nil {
		t.Error("a constant that nobody uses stays, or left the first graph")
	}
	if h.Const("w") != g.Const("w") {
		t.Error("a constant was copied")
	}
	if len(g.Consumers("p")) != 2 || len(h.Consumers("p")) != 1 {
		t.Error("consumers")
	}
	defer func() {
		if recover() == nil {
			t.Error("replacing a node of another graph does not panic")
		}
	}()
	e.Replace(node("b", "Relu", s("p"), s("y")))
}

func TestRemovingWhatIsUsedIsAnError(t *testing.T) {
	g := small(t)
	e := g.Edit()
	e.Replace(g.Node("a"))
	if _, err := e.Graph(); err == nil || !strings.Contains(err.Error(), `"p"`) {
		t.Errorf("users without a producer: %v", err)
	}
	e = g.Edit()
	e.Replace(g.Node("b"))
	if _, err := e.Graph(); err == nil || !strings.Contains(err.Error(), `"y"`) {
		t.Errorf("an output without a producer: %v", err)
	}
	e = g.Edit()
	e.Append(node("d", "Relu", s("x"), s("y")))
	if _, err := e.Graph(); err == nil || !strings.Contains(err.Error(), "another producer") {
		t.Errorf("two producers: %v", err)
	}
}

func TestRewireMovesUsersButNotOutputs(t *testing.T) {
	g := small(t)
	e := g.Edit()
	e.Append(node("d", "Neg", s("p"), s("q")))
	e.Rewire("p", "x")
	h := mustEdit(t, e)
	for _, name := range s("b", "c", "d") {
		if h.Node(name).Inputs[0] != "x" {
			t.Errorf("%s still uses %s", name, h.Node(name).Inputs[0])
		}
	}
	if g.Node("b").Inputs[0] != "p" {
		t.Error("the first graph was rewired")
	}
	e = g.Edit()
	e.Rewire("y", "x")
	if h := mustEdit(t, e); !slices.ContainsFunc(h.Outputs(), func(v Value) bool { return v.Name == "y" }) {
		t.Error("an output was rewired")
	}
}

func TestFreshNamesAreNobodys(t *testing.T) {
	g := small(t)
	e := g.Edit()
	seen := map[string]bool{}
	for _, base := range s("p", "w", "x", "y", "new", "new", "p", "later", "p_1") {
		name := e.Fresh(base)
		if seen[name] || g.Producer(name) != nil || g.Const(name) != nil || name == "x" {
			t.Errorf("%q is taken", name)
		}
		if !strings.HasPrefix(name, base) {
			t.Errorf("%q does not come from %q", name, base)
		}
		seen[name] = true
	}
	if e.Fresh("free") != "free" {
		t.Error("a free base is changed")
	}
	e.Append(node("d", "Neg", s("p"), s("appended")))
	e.SetConst("set", tensor.Scalar(float32(1)))
	if e.Fresh("appended") == "appended" || e.Fresh("set") == "set" {
		t.Error("a name of this edit is taken twice")
	}
}

func TestSetConstAddsAndReplaces(t *testing.T) {
	g := small(t)
	e := g.Edit()
	e.SetConst("w", tensor.Scalar(float32(7)))
	e.SetConst("unused", tensor.Scalar(float32(8)))
	h := mustEdit(t, e)
	if h.Const("w").F32()[0] != 7 || g.Const("w").F32()[0] != 2 {
		t.Errorf("now %v, before %v", h.Const("w").F32(), g.Const("w").F32())
	}
	if h.Const("unused") != nil || len(h.Consts()) != 2 {
		t.Errorf("constants %v", h.Consts())
	}
	// A declared input that only stood for a dropped constant goes with it.
	e = g.Edit()
	e.Replace(g.Node("a"), node("a", "Neg", s("x"), s("p")))
	if h := mustEdit(t, e); len(h.DeclaredInputs()) != 1 || h.Const("w") != nil {
		t.Errorf("inputs %v", h.DeclaredInputs())
	}
}

func TestEditKeepsUnusedInputs(t *testing.T) {
	g := mustNew(t, Parts{Inputs: values("x", "idle"), Outputs: values("y"), Nodes: []*Node{node("a", "Relu", s("x"), s("y"))}})
	if h := mustEdit(t, g.Edit()); len(h.Inputs()) != 2 {
		t.Errorf("inputs %v: a run is no longer given what the file lists", h.Inputs())
	}
}

func TestAttributes(t *testing.T) {
	sub := mustNew(t, Parts{})
	n := node("n", "Op", s("x", "", "z"), s("", "y"), IntAttr("i", 3), FloatAttr("f", 0.5), StringAttr("s", "text"), IntsAttr("is", 1, 2),
		TensorAttr("t", tensor.Scalar(int64(4))), Attr{Name: "fs", Kind: AttrFloats, Floats: []float32{1}}, Attr{Name: "g", Kind: AttrGraph, G: sub})
	if n.Int("i", 0) != 3 || n.Float("f", 0) != 0.5 || n.Text("s", "") != "text" || len(n.Ints("is")) != 2 ||
		n.Tensor("t").I64()[0] != 4 || len(n.Floats("fs")) != 1 || n.Graph("g") != sub {
		t.Errorf("%+v", n.Attrs)
	}
	// Absent, or of another kind: the default.
	if n.Int("no", 9) != 9 || n.Int("f", 9) != 9 || n.Float("i", 9) != 9 || n.Text("i", "d") != "d" || n.Ints("i") != nil ||
		n.Tensor("i") != nil || n.Floats("is") != nil || n.Graph("t") != nil || n.Attr("no") != nil {
		t.Error("defaults")
	}
	if n.Input(0) != "x" || n.Input(1) != "" || n.Input(7) != "" || n.Output(1) != "y" || n.Output(7) != "" {
		t.Error("inputs and outputs")
	}
}
