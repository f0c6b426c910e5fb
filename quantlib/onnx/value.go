package onnx

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// value decodes a ValueInfoProto. A type that is not that of a dense tensor is
// kept as it stands.
func value(v field, into *[]graph.Value, what string) error {
	place := len(*into)
	var r graph.Value
	err := v.want(protowire.BytesType)
	if err == nil {
		err = each(v.bytes, func(v field) error {
			switch v.num {
			case 1:
				return v.text(&r.Name)
			case 2:
				if err := v.want(protowire.BytesType); err != nil {
					return err
				}
				known, err := valueType(v.bytes, &r)
				if err == nil && !known {
					r.Extra = append(r.Extra, v.raw...)
				}
				return err
			}
			r.Extra = append(r.Extra, v.raw...)
			return nil
		})
	}
	*into = append(*into, r)
	return at(err, "%s %d %q", what, place, r.Name)
}

// valueType decodes a TypeProto of a dense tensor; known is false for others,
// and for one with a denotation, which has no place in a graph.Value.
func valueType(b []byte, r *graph.Value) (known bool, err error) {
	known = true
	var body []byte
	tensors := 0
	err = each(b, func(v field) error {
		if v.num != 1 || v.typ != protowire.BytesType {
			known = false
			return nil
		}
		tensors++
		body = v.bytes
		return nil
	})
	if err != nil || tensors != 1 {
		return false, err
	}
	t := *r
	err = each(body, func(v field) error {
		switch v.num {
		case 1:
			var dt int64
			if err := v.int(&dt); err != nil {
				return err
			}
			if dt < 0 || dt > 255 || dt != 0 && !tensor.DType(dt).Known() {
				return fmt.Errorf("unknown element type %d", dt)
			}
			t.DType = tensor.DType(dt)
		case 2:
			t.Ranked, t.Dims = true, []graph.Dim{}
			if err := v.want(protowire.BytesType); err != nil {
				return err
			}
			return each(v.bytes, func(v field) error {
				if v.num != 1 || v.typ != protowire.BytesType {
					return nil
				}
				d, err := dimension(v.bytes)
				t.Dims = append(t.Dims, d)
				if len(t.Dims) > maxDims {
					return fmt.Errorf("more than %d dimensions", maxDims)
				}
				return err
			})
		}
		return nil
	})
	// The type is known well enough to use even where the raw form is kept.
	r.DType, r.Dims, r.Ranked = t.DType, t.Dims, t.Ranked
	return known, err
}

func dimension(b []byte) (graph.Dim, error) {
	d := graph.Dim{Size: -1}
	err := each(b, func(v field) error {
		switch v.num {
		case 1:
			var n int64
			if err := v.int(&n); err != nil {
				return err
			}
			if n < -1 || n > tensor.MaxElements {
				return fmt.Errorf("dimension of size %d", n)
			}
			d.Size = int(n) // some writers say -1 for unknown
			return nil
		case 2:
			return v.text(&d.Name)
		}
		d.Extra = append(d.Extra, v.raw...)
		return nil
	})
	return d, err
}

func appendValue(b []byte, num protowire.Number, v graph.Value) []byte {
	var m []byte
	m = appendText(m, 1, v.Name)
	if (v.DType != tensor.Undefined || v.Ranked) && !hasField(v.Extra, 2) {
		var t []byte
		if v.DType != tensor.Undefined {
			t = appendInt(t, 1, int64(v.DType))
		}
		if v.Ranked {
			var shape []byte
			for _, d := range v.Dims {
				var dim []byte
				if d.Size >= 0 {
					dim = appendInt(dim, 1, int64(d.Size))
				} else if d.Name != "" {
					dim = appendText(dim, 2, d.Name)
				}
				shape = appendBytes(shape, 1, append(dim, d.Extra...))
			}
			t = appendBytes(t, 2, shape)
		}
		m = appendBytes(m, 2, appendBytes(nil, 1, t))
	}
	return appendBytes(b, num, append(m, v.Extra...))
}

// hasField reports whether kept fields include one of that number.
func hasField(extra []byte, num protowire.Number) bool {
	found := false
	each(extra, func(v field) error {
		found = found || v.num == num
		return nil
	})
	return found
}
