package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/hardware"
)

// tied is the ties of two quantizers and more, "a+b+c", in order; scaled are
// those that share scales.
func tied(m *Map) string {
	var list []string
	for _, t := range m.Ties {
		if len(t.Members) > 1 {
			list = append(list, names(m, t.Members))
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func scaled(m *Map) string {
	var list []string
	for _, set := range m.ScaleTies() {
		list = append(list, names(m, set))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func names(m *Map, set []int) string {
	var list []string
	for _, i := range set {
		list = append(list, m.Quantizers[i].Value)
	}
	slices.Sort(list)
	return strings.Join(list, "+")
}

// joined is a device that computes element-wise operators in codes.
func joined(rules ...hardware.Tie) *hardware.Profile {
	return device(func(p *hardware.Profile) {
		activations(p, 2, "Add", "Sub", "Mul", "Div", "Sum", "Min", "Max")
		p.Pass = []string{"MaxPool", "Reshape"}
		p.Ties = rules
	})
}

func TestTies(t *testing.T) {
	inputs := hardware.Tie{Ops: []string{"Add", "Sub", "Mul", "Div", "Sum"}, Inputs: true}
	bounds := hardware.Tie{Ops: []string{"Min", "Max"}, Inputs: true, Outputs: true}
	copies := hardware.Tie{Ops: []string{"Concat", "Split"}, Inputs: true, Outputs: true, Scale: true}
	type row struct {
		name          string
		profile       *hardware.Profile
		out           string
		lines         []string
		widths, scale string
	}
	rows := []row{
		{"a concat's inputs and output", joined(copies), "c d e",
			[]string{"c1: Conv x w -> c", "c2: Conv x2 w2 -> d", "j: Concat x x2 -> a", "c3: Conv a w3 -> e"}, "a+x+x2", "a+x+x2"},
		{"widths alone where the rule asks for no scale", joined(hardware.Tie{Ops: []string{"Concat"}, Inputs: true, Outputs: true}), "c d e",
			[]string{"c1: Conv x w -> c", "c2: Conv x2 w2 -> d", "j: Concat x x2 -> a", "c3: Conv a w3 -> e"}, "a+x+x2", ""},
		{"outputs alone where the rule asks for these", joined(hardware.Tie{Ops: []string{"Split"}, Outputs: true}), "c d e",
			[]string{"c1: Conv x w -> c", "j: Split x i -> a b", "c2: Conv a w2 -> d", "c3: Conv b w3 -> e"}, "a+b", ""},
		{"a split's input and outputs", joined(copies), "c d e",
			[]string{"c1: Conv x w -> c", "j: Split x i -> a b", "c2: Conv a w2 -> d", "c3: Conv b w3 -> e"}, "a+b+x", "a+b+x"},
		{"a rule for another operator ties nothing", joined(inputs), "c d e",
			[]string{"c1: Conv x w -> c", "c2: Conv x2 w2 -> d", "j: Concat x x2 -> a", "c3: Conv a w3 -> e"}, "", ""},
		{"a minimum's operands and result", joined(bounds), "c", []string{"j: Min x x2 -> a", "c1: Conv a w -> c"}, "a+x+x2", ""},
		{"a maximum's operands and result", joined(bounds), "c", []string{"j: Max x x2 -> a", "c1: Conv a w -> c"}, "a+x+x2", ""},
		{"a sum's result is free", joined(inputs), "c", []string{"j: Add x x2 -> a", "c1: Conv a w -> c"}, "x+x2", ""},
		{"a constant operand that is quantized is tied", joined(inputs), "c", []string{"c1: Conv x w -> a", "j: Mul a w2 -> c"}, "a+w2", ""},
		{"a tensor with itself is no tie", joined(inputs), "c", []string{"j: Mul x x -> c"}, "", ""},
		{"a weight shared by two nodes is one quantizer", joined(inputs), "b", []string{"c1: Conv x w -> a", "c2: Conv a w -> b"}, "", ""},
		{"what goes through a pool", joined(inputs), "c d",
			[]string{"c1: Conv x w -> c", "p: MaxPool x -> a", "c2: Conv a w2 -> d"}, "a+x", ""},
		{"and its scale where that is asked for", joined(hardware.Tie{Ops: []string{"MaxPool"}, Inputs: true, Outputs: true, Scale: true}), "c d",
			[]string{"c1: Conv x w -> c", "p: MaxPool x -> a", "c2: Conv a w2 -> d"}, "a+x", "a+x"},
		{"a shape is not tied to what it shapes", joined(inputs), "c d",
			[]string{"c1: Conv x w -> c", "s: Shape x -> s", "p: Reshape x s -> a", "c2: Conv a w2 -> d"}, "a+x", ""},
		{"a profile without rules ties nothing", joined(), "c d",
			[]string{"c1: Conv x w -> c", "p: MaxPool x -> a", "c2: Conv a w2 -> d", "j: Add x a -> e"}, "", ""},
		{"a value without quantizer hands a tie on", joined(copies), "c d",
			[]string{"c1: Conv x w -> c", "p: MaxPool x -> a", "j: Concat a x2 -> b", "c2: Conv b w2 -> d"}, "b+x", ""},
		{"a residual chain whose sums keep their width", joined(hardware.Tie{Ops: []string{"Add"}, Inputs: true, Outputs: true}), "e",
			[]string{"c1: Conv x w -> a", "s1: Add x a -> b", "c2: Conv b w2 -> c", "s2: Add b c -> d", "c3: Conv d w3 -> e"}, "a+b+c+d+x", ""},
		{"a residual chain whose sums are free", joined(inputs), "e",
			[]string{"c1: Conv x w -> a", "s1: Add x a -> b", "c2: Conv b w2 -> c", "s2: Add b c -> d", "c3: Conv d w3 -> e"}, "a+x b+c", ""},
		{"what enters a fused chain", func() *hardware.Profile {
			p := joined(copies)
			p.Fuse = []hardware.Pattern{{Name: "conv-add", Ops: []string{"Conv", "Add"}}}
			return p
		}(), "b", []string{"c1: Conv x w -> a", "s1: Add a x2 -> b"}, "x+x2", ""},
	}
	for _, op := range []string{"Add", "Sub", "Mul", "Div", "Sum"} {
		rows = append(rows, row{"both operands of " + op, joined(inputs), "c", []string{"j: " + op + " x x2 -> c"}, "x+x2", ""})
	}
	for _, c := range rows {
		t.Run(c.name, func(t *testing.T) {
			m := place(t, network(t, c.out, c.lines...), c.profile)
			if got := tied(m); got != c.widths {
				t.Errorf("one width: %q, want %q", got, c.widths)
			}
			if got := scaled(m); got != c.scale {
				t.Errorf("one scale: %q, want %q", got, c.scale)
			}
			for i, l := range m.Links {
				if l.A >= l.B || l.Reason == "" || m.Graph.Node(l.Node) == nil || slices.Contains(m.Links[:i], l) {
					t.Errorf("link %+v", l)
				}
			}
			for i, q := range m.Quantizers {
				if !slices.Contains(m.Ties[q.Tie].Members, i) {
					t.Errorf("%s is not in its tie", q.Value)
				}
			}
		})
	}
}

// A node with many operands ties them all, with few links.
func TestTiesOfManyOperands(t *testing.T) {
	var in []string
	for i := range 40 {
		in = append(in, fmt.Sprintf("x%d", i))
	}
	line := "j: Sum " + strings.Join(in, " ") + " -> y"
	p := joined(hardware.Tie{Ops: []string{"Sum"}, Inputs: true})
	activations(p, 40, "Sum")
	m := place(t, network(t, "y", line), p)
	if len(m.Ties) != 1 || len(m.Ties[0].Members) != 40 || len(m.Links) != 39 {
		t.Errorf("%d ties and %d links of 40 operands", len(m.Ties), len(m.Links))
	}
}

// Quantizers that meet in values without one are tied by few links too, at every
// depth, and the ties are those of all pairs.
func TestTiesOfManyThatMeetInValuesWithoutAQuantizer(t *testing.T) {
	const n = 300
	lines, heads := []string{}, []string{}
	for i := range n {
		lines = append(lines, fmt.Sprintf("c%d: Conv x%d w%d -> y%d", i, i, i, i), fmt.Sprintf("p%d: MaxPool x%d -> a%d", i, i, i))
		heads = append(heads, fmt.Sprintf("a%d", i))
	}
	for i := 0; i < n; i += 3 { // Concats of three, and one of those
		lines = append(lines, fmt.Sprintf("j%d: Concat %s -> b%d", i, strings.Join(heads[i:i+3], " "), i))
	}
	join := "j: Concat"
	for i := 0; i < n; i += 3 {
		join += fmt.Sprintf(" b%d", i)
	}
	lines = append(lines, join+" -> z")
	for _, scale := range []bool{false, true} {
		p := joined(hardware.Tie{Ops: []string{"Concat", "MaxPool"}, Inputs: true, Outputs: true, Scale: scale})
		p.Pass = []string{"Reshape"}
		m := place(t, network(t, "z y0", lines...), p)
		acts := slices.DeleteFunc(slices.Clone(m.Ties), func(t Tie) bool { return t.Role == Weight })
		if len(acts) != 1 || len(acts[0].Members) != n || len(m.Links) != n-1 {
			t.Errorf("scale %v: %d ties and %d links of %d", scale, len(acts), len(m.Links), n)
		}
		if sets := m.ScaleTies(); scale != (len(sets) == 1 && len(sets[0]) == n) {
			t.Errorf("scale %v: %d sets share one", scale, len(sets))
		}
		text, err := m.Explain("x7", "x211")
		if err != nil || !strings.Contains(text, "through") {
			t.Errorf("%q, %v", text, err)
		}
	}
}

// What a built-in profile passes quantizers through has one width before and
// after it, if the profile wants anything alike at all.
func TestEveryPassThroughOperatorTies(t *testing.T) {
	for _, p := range hardware.Builtin() {
		for _, op := range p.Pass {
			m := place(t, network(t, "c d", "c1: Conv x w -> c", "p: "+op+" x -> a", "c2: Conv a w2 -> d"), p)
			want := "a+x"
			if len(p.Ties) == 0 {
				want = ""
			}
			if got := tied(m); got != want {
				t.Errorf("%s, %s: %q, want %q", p.Name, op, got, want)
			}
			if got := scaled(m); got != "" {
				t.Errorf("%s, %s: %q share a scale, which nobody asked for", p.Name, op, got)
			}
		}
	}
}

func TestExplain(t *testing.T) {
	p := joined(
		hardware.Tie{Ops: []string{"Add"}, Inputs: true},
		hardware.Tie{Ops: []string{"Concat"}, Inputs: true, Outputs: true, Scale: true})
	m := place(t, network(t, "d f h", "conv1: Conv x w -> a", "conv2: Conv x2 w -> b", "Add_7: Add a b -> c", "conv4: Conv c w4 -> d",
		"Add_8: Add b x3 -> e", "conv5: Conv e w5 -> f", "pool: MaxPool c -> k", "cat: Concat k x3 -> g", "conv6: Conv g w6 -> h"), p)
	for _, c := range []struct{ a, b, want string }{
		{"conv1", "conv2", "conv1 and conv2 share a width and a scale: the weight w has one quantizer"},
		{"a", "b", "a and b share a width: both feed Add_7"},
		{"b", "a", "b and a share a width: both feed Add_7"},
		{"a", "x3", "a and x3 share a width: a and b both feed Add_7; b and x3 both feed Add_8"},
		{"g", "x3", "g and x3 share a width and a scale: x3 goes through cat into g"},
		{"conv4", "conv6", "conv4 and conv6 share a width: c goes through pool into k, k goes through cat into g"},
		{"conv1", "conv5", "conv1 and conv5 are not tied: each takes its own width"},
		{"x", "conv1", "x and conv1 share a width and a scale: the value x has one quantizer"},
	} {
		got, err := m.Explain(c.a, c.b)
		if err != nil || got != c.want {
			t.Errorf("%s, %s: %q (%v)\nwant %q", c.a, c.b, got, err, c.want)
		}
	}
	for _, pair := range [][2]string{{"conv9", "conv1"}, {"conv1", "conv9"}} {
		if _, err := m.Explain(pair[0], pair[1]); err == nil || !strings.Contains(err.Error(), `"conv9"`) || !strings.Contains(err.Error(), `"Add_7"`) || !strings.Contains(err.Error(), `"x3"`) {
			t.Errorf("%v: %v", pair, err)
		}
	}
}

func TestExplainSpeaksOfOutputs(t *testing.T) {
	m := place(t, network(t, "d", "conv3: Conv x w -> a", "conv5: Conv x2 w2 -> b", "Add_7: Add a b -> c", "conv8: Conv c w3 -> d"),
		joined(hardware.Tie{Ops: []string{"Add"}, Inputs: true}))
	got, err := m.Explain("conv3", "conv5")
	if want := "the outputs of conv3 and conv5 share a width: both feed Add_7"; err != nil || got != want {
		t.Errorf("%q (%v), want %q", got, err, want)
	}
}

// Two quantizers are in one tie exactly where Explain finds a chain, and it is as
// short as a search over all chains finds it.
func TestExplainAgreesWithTies(t *testing.T) {
	var lines []string
	for i := range 12 {
		lines = append(lines, fmt.Sprintf("c%d: Conv x%d w%d -> y%d", i, i, i, i))
	}
	for i := range 9 {
		lines = append(lines, fmt.Sprintf("a%d: Add x%d x%d -> z%d", i, i*5%11, (i*7+3)%8, i))
	}
	m := place(t, network(t, "y0", lines...), joined(hardware.Tie{Ops: []string{"Add"}, Inputs: true}))
	n := len(m.Quantizers)
	const far = 1000
	dist := make([][]int, n)
	for i := range dist {
		dist[i] = slices.Repeat([]int{far}, n)
		dist[i][i] = 0
	}
	for _, l := range m.Links {
		dist[l.A][l.B], dist[l.B][l.A] = 1, 1
	}
	for k := range n {
		for i := range n {
			for j := range n {
				dist[i][j] = min(dist[i][j], dist[i][k]+dist[k][j])
			}
		}
	}
	for i, a := range m.Quantizers {
		for j, b := range m.Quantizers {
			text, err := m.Explain(a.Value, b.Value)
			if err != nil {
				t.Fatal(err)
			}
			want := dist[i][j]
			if got := strings.Count(text, "both feed"); want < far && got != want || want == far && !strings.Contains(text, "not tied") {
				t.Errorf("%s: %d links, want %d", text, got, want)
			}
			if (want < far) != (a.Tie == b.Tie) {
				t.Errorf("%s and %s: distance %d, ties %d and %d", a.Value, b.Value, want, a.Tie, b.Tie)
			}
		}
	}
}
