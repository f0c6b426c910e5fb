package onnx

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quantnb/quantnb/quantlib/graph"
)

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
