package rewrite

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quantnb/quantnb/quantlib/graph"
)

// maxInlined bounds the nodes that InlineFunctions may make: functions that
// call functions can grow a small file without end.
const maxInlined = 1 << 20

// InlineFunctions replaces calls of functions that the file itself defines by
// the functions' nodes. Their values get names that begin with the name of the
// call. A function that calls itself is an error, and so is one written for
// another version of an operator set than the model.
var InlineFunctions = &Pass{
	Name:  "inlinefunctions",
	Doc:   "replace calls of the file's own functions by their nodes",
	Exact: true,
	Run:   inlineFunctions,
}

type functionKey struct{ domain, name string }

func inlineFunctions(g *graph.Graph) (*graph.Graph, error) {
	if len(g.Model().Functions) == 0 {
		return g, nil
	}
	in := inliner{functions: map[functionKey]*graph.Function{}, model: *g.Model()}
	for _, f := range g.Model().Functions {
		in.functions[functionKey{f.Domain, f.Name}] = f
	}
	in.model.Functions = nil
	in.model.Opsets = map[string]int{}
	for d, v := range g.Model().Opsets {
		in.model.Opsets[d] = v
	}
	e := g.Edit()
	for _, n := range slices.Clone(e.Nodes()) {
		body, err := in.expand(n, 0)
		if err != nil {
			return nil, err
		}
		if len(body) != 1 || body[0] != n {
			e.Replace(n, body...)
		}
	}
	e.SetModel(&in.model)
	return e.Graph()
}

type inliner struct {
	functions map[functionKey]*graph.Function
	model     graph.Model
	made      int
}

// expand is the nodes that stand for n, n itself where it calls no function.
func (in *inliner) expand(n *graph.Node, depth int) ([]*graph.Node, error) {
	f := in.functions[functionKey{n.Domain, n.Op}]
	if f == nil {
		return []*graph.Node{n}, nil
	}
	if depth > 32 {
		return nil, fmt.Errorf("node %v: the function %s.%s calls itself, or is nested too deep", n, f.Domain, f.Name)
	}
	for domain, v := range f.Opsets {
		have, ok := in.model.Opsets[domain]
		if !ok {
			in.model.Opsets[domain] = v
		} else if have != v {
			return nil, fmt.Errorf("node %v: the function is written for version %d of %q, the model for %d: %w", n, v, domain, have, errors.ErrUnsupported)
		}
	}
	names := map[string]string{"": ""}
	for i, name := range f.Inputs {
		names[name] = n.Input(i)
	}
	for i, name := range f.Outputs {
		if n.Output(i) != "" {
			names[name] = n.Output(i)
		}
	}
	rename := func(name string) string {
		if to, ok := names[name]; ok {
			return to
		}
		to := n.Name + "/" + name
		names[name] = to
		return to
	}
	var list []*graph.Node
	for _, b := range f.Nodes {
		m, err := copyNode(b, rename)
		if err != nil {
			return nil, fmt.Errorf("node %v: %w", n, err)
		}
		m.Name = n.Name + "/" + b.Name
		if b.Name == "" {
			m.Name = n.Name + "/" + b.Op
		}
		m.Attrs = bind(m.Attrs, f, n)
		nested, err := in.expand(m, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, nested...)
		if in.made += len(nested); in.made > maxInlined {
			return nil, fmt.Errorf("node %v: functions expand to more than %d nodes", n, maxInlined)
		}
	}
	// An output that is an input needs a node to carry it.
	for i, name := range f.Outputs {
		if slices.Contains(f.Inputs, name) && n.Output(i) != "" {
			k := slices.Index(f.Inputs, name)
			list = append(list, &graph.Node{Name: n.Name + "/" + name, Op: "Identity", Inputs: []string{n.Input(k)}, Outputs: []string{n.Output(i)}})
		}
	}
	return list, nil
}

// bind gives attributes that refer to the function's the values of the call, or
// the function's defaults; without either the attribute is left out.
func bind(attrs []graph.Attr, f *graph.Function, n *graph.Node) []graph.Attr {
	var out []graph.Attr
	for _, a := range attrs {
		if a.Ref == "" {
			out = append(out, a)
			continue
		}
		value := n.Attr(a.Ref)
		if value == nil {
			for i := range f.Defaults {
				if f.Defaults[i].Name == a.Ref {
					value = &f.Defaults[i]
				}
			}
		}
		if value != nil {
			v := *value
			v.Name = a.Name
			out = append(out, v)
		}
	}
	return out
}

// copyNode is n with its values renamed, those in its subgraphs included.
func copyNode(n *graph.Node, rename func(string) string) (*graph.Node, error) {
	m := *n
	m.Inputs, m.Outputs = renamed(n.Inputs, rename), renamed(n.Outputs, rename)
	m.Attrs = slices.Clone(n.Attrs)
	for i := range m.Attrs {
		if m.Attrs[i].G == nil {
			continue
		}
		g, err := copyGraph(m.Attrs[i].G, rename)
		if err != nil {
			return nil, err
		}
		m.Attrs[i].G = g
	}
	return &m, nil
}

func renamed(names []string, rename func(string) string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		if name != "" {
			out[i] = rename(name)
		}
	}
	return out
}

// copyGraph is a subgraph whose uses of outer values are renamed; its own names
// stay.
func copyGraph(g *graph.Graph, rename func(string) string) (*graph.Graph, error) {
	outer := map[string]string{}
	names := map[string]bool{}
	for _, name := range g.OuterNames() {
		outer[name] = rename(name)
		names[outer[name]] = true
	}
	inside := func(name string) string {
		if to, ok := outer[name]; ok {
			return to
		}
		return name
	}
	p := graph.Parts{Name: g.Name(), Doc: g.Doc(), Extra: g.Extra(), Inputs: g.DeclaredInputs(),
		Outputs: slices.Clone(g.Outputs()), Consts: g.Consts(), Info: g.Infos(), Model: g.Model(), Outer: names}
	for i := range p.Outputs {
		p.Outputs[i].Name = inside(p.Outputs[i].Name)
	}
	for _, n := range g.Nodes() {
		m, err := copyNode(n, inside)
		if err != nil {
			return nil, err
		}
		p.Nodes = append(p.Nodes, m)
	}
	return graph.New(p)
}
