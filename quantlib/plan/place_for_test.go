package plan

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// network makes a graph of lines "name: Op in in -> out out". Names that begin
// with w are float32 constants of shape [2 2 1 1], names that begin with i int64
// constants, "x…" inputs of the graph; out lists its outputs.
func network(t *testing.T, out string, lines ...string) *graph.Graph {
	t.Helper()
	p := graph.Parts{Model: &graph.Model{Opsets: map[string]int{"": 17}}}
	seen := map[string]bool{}
	for _, line := range lines {
		name, rest, ok1 := strings.Cut(line, ": ")
		left, right, ok2 := strings.Cut(rest, " -> ")
		if !ok1 || !ok2 {
			t.Fatalf("line %q", line)
		}
		words := strings.Fields(left)
		n := &graph.Node{Name: name, Op: words[0], Inputs: words[1:], Outputs: strings.Fields(right)}
		if n.Op == "Cast" {
			n.Attrs = []graph.Attr{graph.IntAttr("to", int64(tensor.Int64))}
		}
		p.Nodes = append(p.Nodes, n)
		for _, in := range n.Inputs {
			if seen[in] {
				continue
			}
			seen[in] = true
			switch in[0] {
			case 'w':
				p.Consts = append(p.Consts, &graph.Const{Name: in, Tensor: tensor.Of(make([]float32, 4), 2, 2, 1, 1)})
			case 'i':
				p.Consts = append(p.Consts, &graph.Const{Name: in, Tensor: tensor.Of(make([]int64, 1), 1)})
			case 'x':
				p.Inputs = append(p.Inputs, graph.Value{Name: in, DType: tensor.Float32})
			}
		}
	}
	for _, o := range strings.Fields(out) {
		p.Outputs = append(p.Outputs, graph.Value{Name: o})
	}
	g, err := graph.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// widths is all of them.
var widths = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, hardware.Float32}

// device is a profile whose rules a test sets itself.
func device(change func(*hardware.Profile)) *hardware.Profile {
	p := &hardware.Profile{
		Name: "device",
		Ops: map[string]hardware.Op{
			"Conv":   {Inputs: []hardware.Role{hardware.Activation, hardware.Weight, hardware.Bias}},
			"MatMul": {Inputs: []hardware.Role{hardware.Either, hardware.Either}},
		},
		Weights:     hardware.Operand{Widths: widths, Scheme: quant.Scheme{Bits: 8, Narrow: true}.PerChannel()},
		Activations: hardware.Operand{Widths: widths, Scheme: quant.Uint(8)},
	}
	if change != nil {
		change(p)
	}
	return p
}

func activations(p *hardware.Profile, inputs int, ops ...string) {
	for _, op := range ops {
		p.Ops[op] = hardware.Op{Inputs: slices.Repeat([]hardware.Role{hardware.Activation}, inputs)}
	}
}

func place(t *testing.T, g *graph.Graph, p *hardware.Profile) *Map {
	t.Helper()
	m, err := PlaceFor(g, p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// show is "value/role" of the quantizers, sorted.
func show(m *Map) string {
	var list []string
	for _, q := range m.Quantizers {
		list = append(list, q.Value+"/"+q.Role.String()[:1])
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestPlaceForFollowsTheProfile(t *testing.T) {
	fuse := func(ops ...string) func(*hardware.Profile) {
		return func(p *hardware.Profile) {
			activations(p, 1, "Relu", "Sigmoid")
			activations(p, 2, "Add", "Mul")
			p.Fuse = []hardware.Pattern{{Name: "f", Ops: ops}}
		}
	}
	for _, c := range []struct {
		name    string
		profile *hardware.Profile
		out     string
		lines   []string
		want    string
	}{
		{"operands of a matrix product, not its bias", device(nil), "b",
			[]string{"c: Conv x w wb -> a", "r: Relu a -> b"}, "w/w x/a"},
		{"an operator that the profile computes in float has none", device(nil), "b",
			[]string{"c: Conv x w -> a", "s: Add a x2 -> b"}, "w/w x/a"},
		{"one that it computes quantized has", device(func(p *hardware.Profile) { activations(p, 2, "Add") }), "b",
			[]string{"c: Conv x w -> a", "s: Add a x2 -> b"}, "a/a w/w x/a x2/a"},
		{"either is a weight where it is constant", device(nil), "b",
			[]string{"m: MatMul w x -> a", "n: MatMul a x -> b"}, "a/a w/w x/a"},
		{"a weight that is computed is an activation", device(nil), "b",
			[]string{"r: Relu x2 -> a", "c: Conv x a -> b"}, "a/a x/a"},
		{"a constant may be an activation", device(func(p *hardware.Profile) { activations(p, 2, "Mul") }), "b",
			[]string{"c: Conv x w -> a", "s: Mul a w2 -> b"}, "a/a w/w w2/a x/a"},
		{"a constant that is a weight anywhere is one everywhere", device(func(p *hardware.Profile) { activations(p, 2, "Mul") }), "b",
			[]string{"s: Mul x w -> a", "c: Conv a w -> b"}, "a/a w/w x/a"},
		{"shape arithmetic is not quantized", device(func(p *hardware.Profile) { activations(p, 2, "Mul", "Concat") }), "b s3",
			[]string{"c: Conv x w -> b", "s: Shape b -> s1", "g: Gather s1 i -> s2", "m: Mul s2 i2 -> s3"}, "w/w x/a"},
		{"nor what a cast makes whole", device(func(p *hardware.Profile) { activations(p, 2, "Mul") }), "b d",
			[]string{"c: Conv x w -> b", "k: Cast b -> a", "m: Mul a a -> d"}, "w/w x/a"},
		{"nothing inside a fused chain", device(fuse("Conv", "Relu")), "c",
			[]string{"c: Conv x w -> a", "r: Relu a -> b", "s: Add b x2 -> c"}, "b/a w/w x/a x2/a"},
		{"another operand of a fused chain has one", device(fuse("Conv", "Add", "Relu?")), "c",
			[]string{"c: Conv x w -> a", "s: Add a x2 -> b", "r: Relu b -> c"}, "w/w x/a x2/a"},
		{"a chain's own value is inside where it branches too", device(fuse("Conv", "Sigmoid", "Mul")), "c",
			[]string{"c: Conv x w -> a", "s: Sigmoid a -> b", "m: Mul a b -> c"}, "w/w x/a"},
		{"a value that others use is not inside", device(fuse("Conv", "Relu")), "c",
			[]string{"c: Conv x w -> a", "r: Relu a -> b", "s: Add a b -> c"}, "a/a b/a w/w x/a"},
		{"nor one that the graph gives out", device(fuse("Conv", "Relu")), "a b",
			[]string{"c: Conv x w -> a", "r: Relu a -> b"}, "a/a w/w x/a"},
		{"an optional element may be left out", device(fuse("Conv", "Add?", "Relu")), "b",
			[]string{"c: Conv x w -> a", "r: Relu a -> b"}, "w/w x/a"},
		{"the longest chain goes first", device(func(p *hardware.Profile) {
			fuse("Conv", "Add")(p)
			p.Fuse = append(p.Fuse, hardware.Pattern{Name: "g", Ops: []string{"Conv", "Add", "Relu"}})
			activations(p, 1, "Relu")
		}), "c", []string{"c: Conv x w -> a", "s: Add a x2 -> b", "r: Relu b -> c"}, "w/w x/a x2/a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := show(place(t, network(t, c.out, c.lines...), c.profile)); got != c.want {
				t.Errorf("quantizers %s\nwant       %s", got, c.want)
			}
		})
	}
}

func TestPlaceForSimulationIsPlace(t *testing.T) {
	g := network(t, "h", "c1: Conv x w1 -> a", "r: Relu a -> b", "p: MaxPool b -> c", "c2: Conv c w2 -> d",
		"c3: Conv b w3 -> e", "s: Add d e -> f", "j: Concat d e -> k", "m: MatMul f k -> h")
	want, err := Place(g)
	if err != nil {
		t.Fatal(err)
	}
	got := place(t, g, hardware.Simulation())
	if !reflect.DeepEqual(got.Quantizers, want.Quantizers) || !reflect.DeepEqual(got.Layers, want.Layers) || !reflect.DeepEqual(got.Ties, want.Ties) {
		t.Errorf("got  %+v\nwant %+v", got.Quantizers, want.Quantizers)
	}
	if len(got.Links) != 0 || len(got.Ties) != len(got.Quantizers) {
		t.Errorf("simulation ties %v", got.Links)
	}
}

func TestPlaceForRefuses(t *testing.T) {
	g := network(t, "a", "r: Relu x -> a")
	if _, err := PlaceFor(g, device(nil)); !errors.Is(err, ErrNothing) || !strings.Contains(err.Error(), `"device"`) {
		t.Errorf("a network without layers: %v", err)
	}
	if _, err := PlaceFor(g, &hardware.Profile{}); err == nil || errors.Is(err, ErrNothing) {
		t.Errorf("a profile without a name: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic without a profile")
		}
	}()
	PlaceFor(g, nil)
}
