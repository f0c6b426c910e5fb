package onnx

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is one field of a message.
type field struct {
	num   protowire.Number
	typ   protowire.Type
	bytes []byte // of a length-delimited field
	word  uint64 // of a varint or fixed field
	raw   []byte // the whole field, tag included
}

var errTruncated = errors.New("the data ends in the middle of a field")

// each calls f for the fields of a message, in order.
func each(b []byte, f func(v field) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return wireError(n)
		}
		v := field{num: num, typ: typ}
		m := 0
		switch typ {
		case protowire.VarintType:
			v.word, m = protowire.ConsumeVarint(b[n:])
		case protowire.Fixed32Type:
			var w uint32
			w, m = protowire.ConsumeFixed32(b[n:])
			v.word = uint64(w)
		case protowire.Fixed64Type:
			v.word, m = protowire.ConsumeFixed64(b[n:])
		case protowire.BytesType:
			v.bytes, m = protowire.ConsumeBytes(b[n:])
		default:
			m = protowire.ConsumeFieldValue(num, typ, b[n:])
		}
		if m < 0 {
			return wireError(m)
		}
		v.raw = b[: n+m : n+m]
		b = b[n+m:]
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}

func wireError(n int) error {
	err := protowire.ParseError(n)
	if errors.Is(err, errTruncated) || err.Error() == "unexpected EOF" {
		return errTruncated
	}
	return fmt.Errorf("not protobuf: %w", err)
}

// want checks the wire type of a field.
func (v field) want(t protowire.Type) error {
	if v.typ != t {
		return fmt.Errorf("field %d has wire type %d, want %d", v.num, v.typ, t)
	}
	return nil
}

// text is a string field.
func (v field) text(dst *string) error {
	if err := v.want(protowire.BytesType); err != nil {
		return err
	}
	if !utf8.Valid(v.bytes) {
		return fmt.Errorf("field %d is not valid UTF-8", v.num)
	}
	*dst = string(v.bytes)
	return nil
}

// int is a varint field.
func (v field) int(dst *int64) error {
	if err := v.want(protowire.VarintType); err != nil {
		return err
	}
	*dst = int64(v.word)
	return nil
}

// ints appends a repeated varint field, packed or not.
func (v field) ints(dst *[]int64) error {
	if v.typ == protowire.VarintType {
		*dst = append(*dst, int64(v.word))
		return nil
	}
	if err := v.want(protowire.BytesType); err != nil {
		return err
	}
	for b := v.bytes; len(b) > 0; {
		w, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return wireError(n)
		}
		*dst = append(*dst, int64(w))
		b = b[n:]
	}
	return nil
}

// floats appends a repeated float field, packed or not.
func (v field) floats(dst *[]float32) error {
	if v.typ == protowire.Fixed32Type {
		*dst = append(*dst, math.Float32frombits(uint32(v.word)))
		return nil
	}
	if err := v.want(protowire.BytesType); err != nil {
		return err
	}
	if len(v.bytes)%4 != 0 {
		return errTruncated
	}
	for b := v.bytes; len(b) > 0; b = b[4:] {
		w, _ := protowire.ConsumeFixed32(b)
		*dst = append(*dst, math.Float32frombits(w))
	}
	return nil
}
