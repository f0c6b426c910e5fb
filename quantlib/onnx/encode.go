package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// maxFile is protobuf's limit for one message.
const maxFile = math.MaxInt32

// Encode is the ONNX file of g: constants stand where they stood, as
// initializers or Constant nodes, with their elements in raw_data. Elements of
// external files are written into the model; one that then exceeds protobuf's
// 2 GiB is an error that wraps errors.ErrUnsupported.
func Encode(g *graph.Graph) ([]byte, error) {
	m := g.Model()
	var b []byte
	b = appendNonzero(b, 1, m.IRVersion)
	b = appendNonempty(b, 2, m.Producer)
	b = appendNonempty(b, 3, m.ProducerVersion)
	b = appendNonempty(b, 4, m.Domain)
	b = appendNonzero(b, 5, m.Version)
	b = appendNonempty(b, 6, m.Doc)
	body, err := encodeGraph(g)
	if err != nil {
		return nil, at(err, "onnx")
	}
	b = appendBytes(b, 7, body)
	b = appendOpsets(b, 8, m.Opsets)
	for _, kv := range m.Metadata {
		b = appendBytes(b, 14, appendText(appendText(nil, 1, kv.Key), 2, kv.Value))
	}
	for _, f := range m.Functions {
		body, err := encodeFunction(f)
		if err != nil {
			return nil, at(err, "onnx: function %q", f.Name)
		}
		b = appendBytes(b, 25, body)
	}
	b = append(b, m.Extra...)
	if len(b) > maxFile {
		return nil, fmt.Errorf("onnx: the model has %d bytes, more than one file can hold: %w", len(b), errors.ErrUnsupported)
	}
	return b, nil
}

func appendOpsets(b []byte, num protowire.Number, opsets map[string]int) []byte {
	domains := make([]string, 0, len(opsets))
	for d := range opsets {
		domains = append(domains, d)
	}
	slices.Sort(domains)
	for _, d := range domains {
		b = appendBytes(b, num, appendInt(appendText(nil, 1, d), 2, int64(opsets[d])))
	}
	return b
}

func encodeGraph(g *graph.Graph) ([]byte, error) {
	var b []byte
	// Constant nodes come first: whatever uses them comes later.
	for _, c := range g.Consts() {
		if c.Node == nil {
			continue
		}
		body, err := encodeNode(c.Node)
		if err != nil {
			return nil, at(err, "graph %q: node %v", g.Name(), c.Node)
		}
		b = appendBytes(b, 1, body)
	}
	for _, n := range g.Nodes() {
		body, err := encodeNode(n)
		if err != nil {
			return nil, at(err, "graph %q: node %v", g.Name(), n)
		}
		b = appendBytes(b, 1, body)
	}
	b = appendNonempty(b, 2, g.Name())
	for _, c := range g.Consts() {
		if c.Node != nil {
			continue
		}
		if c.Sparse != nil {
			b = appendBytes(b, 15, c.Sparse)
			continue
		}
		body, err := encodeTensor(c.Tensor, c.Name, c.Extra)
		if err != nil {
			return nil, at(err, "graph %q: initializer %q", g.Name(), c.Name)
		}
		b = appendBytes(b, 5, body)
	}
	b = appendNonempty(b, 10, g.Doc())
	known := map[string]bool{} // inputs and outputs that state their type themselves
	for _, v := range g.DeclaredInputs() {
		b = appendValue(b, 11, v)
		known[v.Name] = v.DType != tensor.Undefined || v.Ranked
	}
	for _, v := range g.Outputs() {
		b = appendValue(b, 12, v)
		known[v.Name] = known[v.Name] || v.DType != tensor.Undefined || v.Ranked
	}
	for _, v := range g.Infos() {
		if !known[v.Name] {
			b = appendValue(b, 13, v)
		}
	}
	return append(b, g.Extra()...), nil
}

func encodeNode(n *graph.Node) ([]byte, error) {
	var b []byte
	for _, in := range n.Inputs {
		b = appendText(b, 1, in)
	}
	for _, o := range n.Outputs {
		b = appendText(b, 2, o)
	}
	b = appendNonempty(b, 3, n.Name)
	b = appendText(b, 4, n.Op)
	for _, a := range n.Attrs {
		body, err := encodeAttr(a)
		if err != nil {
			return nil, at(err, "attribute %q", a.Name)
		}
		b = appendBytes(b, 5, body)
	}
	b = appendNonempty(b, 6, n.Doc)
	b = appendNonempty(b, 7, n.Domain)
	return append(b, n.Extra...), nil
}

func encodeAttr(a graph.Attr) ([]byte, error) {
	b := appendText(nil, 1, a.Name)
	if a.Ref != "" {
		b = appendText(b, 21, a.Ref)
	} else {
		switch a.Kind {
		case graph.AttrFloat:
			b = protowire.AppendTag(b, 2, protowire.Fixed32Type)
			b = protowire.AppendFixed32(b, math.Float32bits(a.F))
		case graph.AttrInt:
			b = appendInt(b, 3, a.I)
		case graph.AttrString:
			b = appendText(b, 4, a.S)
		case graph.AttrTensor:
			t, err := encodeTensor(a.T, a.TensorName, a.TensorExtra)
			if err != nil {
				return nil, err
			}
			b = appendBytes(b, 5, t)
		case graph.AttrGraph:
			g, err := encodeGraph(a.G)
			if err != nil {
				return nil, err
			}
			b = appendBytes(b, 6, g)
		case graph.AttrFloats:
			for _, f := range a.Floats {
				b = protowire.AppendTag(b, 7, protowire.Fixed32Type)
				b = protowire.AppendFixed32(b, math.Float32bits(f))
			}
		case graph.AttrInts:
			for _, i := range a.Ints {
				b = appendInt(b, 8, i)
			}
		case graph.AttrStrings:
			for _, s := range a.Strings {
				b = appendText(b, 9, s)
			}
		case graph.AttrTensors:
			for _, t := range a.Tensors {
				body, err := encodeTensor(t, "", nil)
				if err != nil {
					return nil, err
				}
				b = appendBytes(b, 10, body)
			}
		case graph.AttrGraphs:
			for _, g := range a.Graphs {
				body, err := encodeGraph(g)
				if err != nil {
					return nil, err
				}
				b = appendBytes(b, 11, body)
			}
		}
	}
	b = appendNonempty(b, 13, a.Doc)
	if a.Kind != graph.AttrOther && a.Kind != graph.AttrUndefined {
		b = appendInt(b, 20, int64(a.Kind))
	}
	return append(b, a.Extra...), nil
}

func encodeTensor(t *tensor.Tensor, name string, extra []byte) ([]byte, error) {
	if err := t.Err(); err != nil {
		return nil, err
	}
	var b []byte
	for _, d := range t.Shape() {
		b = appendInt(b, 1, int64(d))
	}
	b = appendInt(b, 2, int64(t.DType()))
	b = appendNonempty(b, 8, name)
	if t.DType() == tensor.String {
		for _, s := range t.Strings() {
			b = appendText(b, 6, s)
		}
		return append(b, extra...), nil
	}
	b = appendBytes(b, 9, t.Bytes())
	return append(b, extra...), nil
}

func encodeFunction(f *graph.Function) ([]byte, error) {
	b := appendText(nil, 1, f.Name)
	for i, names := range [][]string{f.Inputs, f.Outputs, f.Attrs} {
		for _, s := range names {
			b = appendText(b, protowire.Number(4+i), s)
		}
	}
	for _, n := range f.Nodes {
		body, err := encodeNode(n)
		if err != nil {
			return nil, at(err, "node %v", n)
		}
		b = appendBytes(b, 7, body)
	}
	b = appendNonempty(b, 8, f.Doc)
	b = appendOpsets(b, 9, f.Opsets)
	b = appendNonempty(b, 10, f.Domain)
	for _, a := range f.Defaults {
		body, err := encodeAttr(a)
		if err != nil {
			return nil, at(err, "attribute %q", a.Name)
		}
		b = appendBytes(b, 11, body)
	}
	b = appendNonempty(b, 13, f.Overload)
	return append(b, f.Extra...), nil
}

func appendBytes(b []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
}

func appendText(b []byte, num protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), s)
}

func appendInt(b []byte, num protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
}

func appendNonempty(b []byte, num protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return appendText(b, num, s)
}

func appendNonzero(b []byte, num protowire.Number, v int64) []byte {
	if v == 0 {
		return b
	}
	return appendInt(b, num, v)
}
