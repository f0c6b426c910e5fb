package onnx

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quantnb/quantnb/quantlib/graph"
)

const (
	maxDepth = 32 // of subgraphs within subgraphs
	minOpset = 7
	maxDims  = 64 // of one tensor
)

// Decode reads an ONNX model. Tensors point into data, which must not change
// any more. dir is where external data files are; "" where there are none.
func Decode(data []byte, dir string) (*graph.Graph, error) {
	g, err := (&decoder{dir: dir}).model(data)
	if err != nil {
		if what := foreign(data); what != "" {
			err = errors.New(what)
		}
		return nil, at(err, "onnx")
	}
	return g, nil
}

type decoder struct {
	dir           string
	stored, dense int // bytes of sparse tensors, as they are and once dense
}

func (d *decoder) model(data []byte) (*graph.Graph, error) {
	m := &graph.Model{Opsets: map[string]int{}}
	var body []byte
	hasGraph := false
	var functions [][]byte
	err := each(data, func(v field) error {
		switch v.num {
		case 1:
			return v.int(&m.IRVersion)
		case 2:
			return v.text(&m.Producer)
		case 3:
			return v.text(&m.ProducerVersion)
		case 4:
			return v.text(&m.Domain)
		case 5:
			return v.int(&m.Version)
		case 6:
			return v.text(&m.Doc)
		case 7:
			if hasGraph {
				return errors.New("the model has two graphs")
			}
			hasGraph, body = true, v.bytes
			return v.want(protowire.BytesType)
		case 8:
			return opset(v, m.Opsets)
		case 14:
			kv, err := keyValue(v)
			m.Metadata = append(m.Metadata, kv)
			return err
		case 25:
			functions = append(functions, v.bytes)
			return v.want(protowire.BytesType)
		}
		m.Extra = append(m.Extra, v.raw...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !hasGraph {
		return nil, errors.New("the file holds no graph: this is not an ONNX model")
	}
	if m.IRVersion >= 3 && len(m.Opsets) == 0 {
		return nil, errors.New("the file imports no opset: it is cut short, or not an ONNX model")
	}
	version, ok := m.Opsets[""]
	if !ok {
		version, ok = m.Opsets["ai.onnx"]
	}
	if ok && version < minOpset {
		return nil, fmt.Errorf("opset %d; %d and up are supported: %w", version, minOpset, errors.ErrUnsupported)
	}
	for i, b := range functions {
		f, err := d.function(b)
		if err != nil {
			return nil, at(err, "function %d %q", i, f.Name)
		}
		m.Functions = append(m.Functions, f)
	}
	return d.graph(body, m, nil, 0)
}

func opset(v field, into map[string]int) error {
	if err := v.want(protowire.BytesType); err != nil {
		return err
	}
	domain, version := "", int64(0)
	err := each(v.bytes, func(v field) error {
		switch v.num {
		case 1:
			return v.text(&domain)
		case 2:
			return v.int(&version)
		}
		return nil
	})
	if err == nil && (version < 0 || version > 1<<20) {
		err = fmt.Errorf("opset version %d of domain %q", version, domain)
	}
	into[domain] = int(version)
	return at(err, "opset import")
}

func keyValue(v field) (kv graph.KeyValue, err error) {
	if err := v.want(protowire.BytesType); err != nil {
		return kv, err
	}
	err = each(v.bytes, func(v field) error {
		switch v.num {
		case 1:
			return v.text(&kv.Key)
		case 2:
			return v.text(&kv.Value)
		}
		return nil
	})
	return kv, at(err, "metadata")
}

// graph decodes a graph. outer is what stands around a subgraph; nil for the main
// graph.
func (d *decoder) graph(data []byte, m *graph.Model, outer *scope, depth int) (*graph.Graph, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("subgraphs are nested more than %d deep", maxDepth)
	}
	p := graph.Parts{Model: m}
	var nodes []field
	err := each(data, func(v field) error {
		switch v.num {
		case 1:
			nodes = append(nodes, v)
			return v.want(protowire.BytesType)
		case 2:
			return v.text(&p.Name)
		case 5:
			c, err := d.initializer(v)
			if err != nil {
				return at(err, "initializer %d", len(p.Consts))
			}
			p.Consts = append(p.Consts, c)
			return nil
		case 15:
			c, err := d.sparseInitializer(v)
			if err != nil {
				return at(err, "sparse initializer %d", len(p.Consts))
			}
			p.Consts = append(p.Consts, c)
			return nil
		case 10:
			return v.text(&p.Doc)
		case 11:
			return value(v, &p.Inputs, "input")
		case 12:
			return value(v, &p.Outputs, "output")
		case 13:
			return value(v, &p.Info, "value")
		}
		p.Extra = append(p.Extra, v.raw...)
		return nil
	})
	if err != nil {
		return nil, at(err, "graph %q", p.Name)
	}
	names := &scope{parts: &p, nodes: nodes, outer: outer}
	for i, v := range nodes {
		n, err := d.node(v.bytes, m, names, depth)
		if err != nil {
			return nil, at(err, "graph %q: node %d %q (%s)", p.Name, i, n.Name, n.Op)
		}
		p.Nodes = append(p.Nodes, n)
	}
	p.Outer = outerNames(&p, outer)
	g, err := graph.New(p)
	return g, at(err, "graph %q", p.Name)
}

// node decodes a node; it returns what it has of it beside an error.
func (d *decoder) node(data []byte, m *graph.Model, around *scope, depth int) (*graph.Node, error) {
	n := &graph.Node{}
	var attrs []field
	err := each(data, func(v field) error {
		var name string
		switch v.num {
		case 1:
			err := v.text(&name)
			n.Inputs = append(n.Inputs, name)
			return err
		case 2:
			err := v.text(&name)
			n.Outputs = append(n.Outputs, name)
			return err
		case 3:
			return v.text(&n.Name)
		case 4:
			return v.text(&n.Op)
		case 5:
			attrs = append(attrs, v)
			return v.want(protowire.BytesType)
		case 6:
			return v.text(&n.Doc)
		case 7:
			return v.text(&n.Domain)
		}
		n.Extra = append(n.Extra, v.raw...)
		return nil
	})
	if err != nil {
		return n, err
	}
	if n.Op == "" {
		return n, errors.New("the node names no operator")
	}
	seen := make(map[string]bool, len(attrs))
	for _, v := range attrs {
		a, err := d.attribute(v.bytes, m, around, depth)
		if err != nil {
			return n, at(err, "attribute %q", a.Name)
		}
		if seen[a.Name] {
			return n, fmt.Errorf("attribute %q is given twice", a.Name)
		}
		seen[a.Name] = true
		n.Attrs = append(n.Attrs, a)
	}
	return n, nil
}

func (d *decoder) attribute(data []byte, m *graph.Model, around *scope, depth int) (graph.Attr, error) {
	var a graph.Attr
	kind := int64(0)
	found := graph.AttrUndefined
	err := each(data, func(v field) error {
		switch v.num {
		case 1:
			return v.text(&a.Name)
		case 2:
			var f []float32
			err := v.floats(&f)
			if len(f) == 1 {
				a.F = f[0]
			}
			found = graph.AttrFloat
			return err
		case 3:
			found = graph.AttrInt
			return v.int(&a.I)
		case 4:
			found = graph.AttrString
			a.S = string(v.bytes) // bytes, not always UTF-8
			return v.want(protowire.BytesType)
		case 5:
			found = graph.AttrTensor
			t, err := d.tensor(v)
			a.T = t.t
			a.TensorName, a.TensorExtra = t.name, t.extra
			return err
		case 6:
			if err := v.want(protowire.BytesType); err != nil {
				return err
			}
			found = graph.AttrGraph
			g, err := d.graph(v.bytes, m, around, depth+1)
			a.G = g
			return err
		case 7:
			found = graph.AttrFloats
			return v.floats(&a.Floats)
		case 8:
			found = graph.AttrInts
			return v.ints(&a.Ints)
		case 9:
			found = graph.AttrStrings
			a.Strings = append(a.Strings, string(v.bytes))
			return v.want(protowire.BytesType)
		case 10:
			found = graph.AttrTensors
			t, err := d.tensor(v)
			a.Tensors = append(a.Tensors, t.t)
			return err
		case 11:
			if err := v.want(protowire.BytesType); err != nil {
				return err
			}
			found = graph.AttrGraphs
			g, err := d.graph(v.bytes, m, around, depth+1)
			a.Graphs = append(a.Graphs, g)
			return err
		case 13:
			return v.text(&a.Doc)
		case 20:
			return v.int(&kind)
		case 21:
			return v.text(&a.Ref)
		case 22:
			t, err := d.sparse(v)
			if err != nil {
				return err
			}
			a.T = t.t
		}
		a.Extra = append(a.Extra, v.raw...)
		return nil
	})
	if err != nil {
		return a, err
	}
	switch k := graph.AttrKind(kind); {
	case k == graph.AttrUndefined:
		a.Kind = found // files before IR version 2 do not say
	case kind >= 1 && kind <= 10:
		a.Kind = k
		if found != graph.AttrUndefined && found != k {
			return a, fmt.Errorf("the attribute says it is of kind %d and holds kind %d", k, found)
		}
		if (k == graph.AttrTensor && a.T == nil || k == graph.AttrGraph && a.G == nil) && a.Ref == "" {
			return a, errors.New("the attribute is empty")
		}
	default:
		// Sparse tensors and type protos stay as they are, their kind too.
		a.Kind = graph.AttrOther
		a.Extra = protowire.AppendTag(a.Extra, 20, protowire.VarintType)
		a.Extra = protowire.AppendVarint(a.Extra, uint64(kind))
	}
	return a, nil
}

func (d *decoder) function(data []byte) (*graph.Function, error) {
	f := &graph.Function{Opsets: map[string]int{}}
	var nodes, defaults []field
	err := each(data, func(v field) error {
		var s string
		switch v.num {
		case 1:
			return v.text(&f.Name)
		case 4:
			err := v.text(&s)
			f.Inputs = append(f.Inputs, s)
			return err
		case 5:
			err := v.text(&s)
			f.Outputs = append(f.Outputs, s)
			return err
		case 6:
			err := v.text(&s)
			f.Attrs = append(f.Attrs, s)
			return err
		case 7:
			nodes = append(nodes, v)
			return v.want(protowire.BytesType)
		case 8:
			return v.text(&f.Doc)
		case 9:
			return opset(v, f.Opsets)
		case 10:
			return v.text(&f.Domain)
		case 11:
			defaults = append(defaults, v)
			return v.want(protowire.BytesType)
		case 13:
			return v.text(&f.Overload)
		}
		f.Extra = append(f.Extra, v.raw...)
		return nil
	})
	if err != nil {
		return f, err
	}
	p := graph.Parts{}
	for _, name := range f.Inputs {
		p.Inputs = append(p.Inputs, graph.Value{Name: name})
	}
	names := &scope{parts: &p, nodes: nodes}
	m := &graph.Model{Opsets: f.Opsets}
	for i, v := range nodes {
		n, err := d.node(v.bytes, m, names, 1)
		if err != nil {
			return f, at(err, "node %d %q (%s)", i, n.Name, n.Op)
		}
		f.Nodes = append(f.Nodes, n)
	}
	for _, v := range defaults {
		a, err := d.attribute(v.bytes, m, names, 1)
		if err != nil {
			return f, at(err, "attribute %q", a.Name)
		}
		f.Defaults = append(f.Defaults, a)
	}
	return f, nil
}
