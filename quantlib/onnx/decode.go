package onnx

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
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
	outside       []*tensor.Tensor // read from other files
	stored, dense int              // bytes of sparse tensors, as they are and once dense
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
	g, err := d.graph(body, m, nil, 0)
	m.Outside = d.outside
	return g, err
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
