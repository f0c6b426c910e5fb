package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quantnb/quantnb/quantlib/graph"
)

// Explain says in words what ties two layers, or two values with a quantizer, by
// the shortest chain of Links between their quantizers:
//
//	conv3 and conv5 share a width: both feed Add_7
//
// A name that is both a layer's and a value's is the layer. A layer stands for the
// quantizers on its operands. If those of two layers are
// not tied but those on what they make are, it says so of their outputs. A chain
// along which scales are shared goes before one along which widths alone are.
// Where nothing ties the two, that is the answer.
//
// A name that is neither a layer nor a quantized value is an error that lists
// both.
func (m *Map) Explain(a, b string) (string, error) {
	inA, outA, err := m.ends(a)
	if err != nil {
		return "", err
	}
	inB, outB, err := m.ends(b)
	if err != nil {
		return "", err
	}
	subject := fmt.Sprintf("%s and %s share ", graph.Printable(a), graph.Printable(b))
	if text, ok := m.shared(a, b, inA, inB, false); ok {
		return subject + text, nil
	}
	if text, ok := m.shared(a, b, outA, outB, true); ok {
		return "the outputs of " + subject + text, nil
	}
	return fmt.Sprintf("%s and %s are not tied: each takes its own width", graph.Printable(a), graph.Printable(b)), nil
}

// ends is the quantizers on the operands of a layer and on what it makes, or the
// one on a value.
func (m *Map) ends(name string) (in, out []int, err error) {
	i, ok := m.byLayer[name]
	if !ok {
		if k, ok := m.byValue[name]; ok {
			return []int{k}, []int{k}, nil
		}
		_, err := m.Layer(name)
		var values []string
		for _, q := range m.Quantizers {
			values = append(values, q.Value)
		}
		return nil, nil, fmt.Errorf("%w; the quantized values are%s", err, list(values))
	}
	l := m.Layers[i]
	in = slices.Clone(l.Activations)
	if l.Weight >= 0 {
		in = append(in, l.Weight)
	}
	last := m.Graph.Node(name)
	for _, c := range m.chains {
		if slices.Contains(c.nodes, last) {
			last = c.nodes[len(c.nodes)-1]
		}
	}
	for _, o := range last.Outputs {
		if k, ok := m.byValue[o]; ok {
			out = append(out, k)
		}
	}
	return in, out, nil
}

// shared says what two sets of quantizers have in common. outputs says that they
// are on what layers a and b make, so that their values need not be named.
func (m *Map) shared(a, b string, from, to []int, outputs bool) (string, bool) {
	for _, k := range from {
		if q := m.Quantizers[k]; slices.Contains(to, k) {
			kind := "value"
			if q.Role == Weight {
				kind = "weight"
			}
			return fmt.Sprintf("a width and a scale: the %s %s has one quantizer", kind, graph.Printable(q.Value)), true
		}
	}
	what := "a width and a scale: "
	path := m.path(from, to, true)
	if path == nil {
		what, path = "a width: ", m.path(from, to, false)
	}
	if path == nil {
		return "", false
	}
	named := func(k int, name string) bool { return outputs || m.Quantizers[k].Value == name }
	var parts []string
	for _, s := range path {
		x, y := s.from, s.to
		reason := m.Links[s.link].Reason
		if len(path) == 1 && named(x, a) && named(y, b) {
			parts = append(parts, graph.Printable(reason))
			continue
		}
		parts = append(parts, graph.Printable(sentence(m.Quantizers[x].Value, m.Quantizers[y].Value, reason)))
	}
	return what + strings.Join(parts, "; "), true
}

// A step goes along a link.
type step struct{ link, from, to int }

// path is the fewest links between a quantizer of from and one of to, nil if
// there are none; the first links of equals.
func (m *Map) path(from, to []int, scale bool) []step {
	at := make([][]int, len(m.Quantizers))
	for i, l := range m.Links {
		if l.Scale || !scale {
			at[l.A] = append(at[l.A], i)
			at[l.B] = append(at[l.B], i)
		}
	}
	came := map[int]step{}
	for _, k := range from {
		came[k] = step{link: -1}
	}
	for queue := slices.Clone(from); len(queue) > 0; queue = queue[1:] {
		for _, i := range at[queue[0]] {
			l := m.Links[i]
			next := l.A + l.B - queue[0]
			if _, seen := came[next]; seen {
				continue
			}
			came[next] = step{i, queue[0], next}
			if !slices.Contains(to, next) {
				queue = append(queue, next)
				continue
			}
			var path []step
			for s := came[next]; s.link >= 0; s = came[s.from] {
				path = append(path, s)
			}
			slices.Reverse(path)
			return path
		}
	}
	return nil
}

// list is names, quoted, at most 40 of them.
func list(names []string) string {
	text := ""
	for i, name := range names {
		if i == 40 {
			return text + fmt.Sprintf(" and %d more", len(names)-i)
		}
		text += fmt.Sprintf(" %q", name)
	}
	return text
}
