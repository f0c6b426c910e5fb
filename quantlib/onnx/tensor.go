package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// DecodeTensor reads a TensorProto, such as the data files beside test models
// hold. The tensor points into data.
func DecodeTensor(data []byte) (name string, t *tensor.Tensor, err error) {
	p, err := (&decoder{}).tensorProto(data)
	if err != nil {
		return p.name, nil, at(err, "onnx: tensor %q", p.name)
	}
	return p.name, p.t, nil
}

type decodedTensor struct {
	name  string
	t     *tensor.Tensor
	extra []byte
}

func (d *decoder) initializer(v field) (*graph.Const, error) {
	p, err := d.tensor(v)
	if err != nil {
		return nil, at(err, "%q", p.name)
	}
	if p.name == "" {
		return nil, errors.New("it has no name")
	}
	return &graph.Const{Name: p.name, Tensor: p.t, Extra: p.extra}, nil
}

func (d *decoder) tensor(v field) (decodedTensor, error) {
	if err := v.want(protowire.BytesType); err != nil {
		return decodedTensor{}, err
	}
	return d.tensorProto(v.bytes)
}

// payload is where a tensor's elements stand.
type payload struct {
	raw      []byte
	hasRaw   bool
	runs     []field // of typed data, in order
	num      protowire.Number
	strings  []string
	external []graph.KeyValue
	outside  int64
}

func (d *decoder) tensorProto(data []byte) (decodedTensor, error) {
	var out decodedTensor
	var dims []int64
	var dt int64
	var p payload
	err := each(data, func(v field) error {
		switch v.num {
		case 1:
			return v.ints(&dims)
		case 2:
			return v.int(&dt)
		case 3:
			return fmt.Errorf("tensors in segments: %w", errors.ErrUnsupported)
		case 4, 5, 7, 10, 11:
			if p.num != 0 && p.num != v.num {
				return errors.New("data in two typed fields")
			}
			p.num, p.runs = v.num, append(p.runs, v)
			return nil
		case 6:
			p.strings = append(p.strings, string(v.bytes))
			return v.want(protowire.BytesType)
		case 8:
			return v.text(&out.name)
		case 9:
			p.raw, p.hasRaw = v.bytes, true
			return v.want(protowire.BytesType)
		case 13:
			kv, err := keyValue(v)
			p.external = append(p.external, kv)
			return err
		case 14:
			return v.int(&p.outside)
		}
		out.extra = append(out.extra, v.raw...)
		return nil
	})
	if err != nil {
		return out, err
	}
	if len(dims) > maxDims {
		return out, fmt.Errorf("%d dimensions", len(dims))
	}
	shape := make([]int, len(dims))
	for i, n := range dims {
		if n < 0 || n > tensor.MaxElements {
			return out, fmt.Errorf("dimension %d is %d", i, n)
		}
		shape[i] = int(n)
	}
	if dt < 1 || dt > 255 || !tensor.DType(dt).Known() {
		return out, fmt.Errorf("unknown element type %d", dt)
	}
	out.t, err = d.elements(tensor.DType(dt), shape, p)
	if err == nil && p.outside == 1 {
		d.outside = append(d.outside, out.t)
	}
	return out, err
}

func (d *decoder) elements(dt tensor.DType, shape []int, p payload) (*tensor.Tensor, error) {
	n, err := tensor.Elements(shape)
	if err != nil {
		return nil, err
	}
	if dt == tensor.String {
		if len(p.strings) != n {
			return nil, fmt.Errorf("%d strings for shape %v", len(p.strings), shape)
		}
		return tensor.Strings(p.strings, shape...), nil
	}
	switch {
	case p.outside == 1:
		return d.external(dt, shape, n, p.external)
	case p.hasRaw:
		if len(p.runs) > 0 {
			return nil, errors.New("data both raw and typed")
		}
		return tensor.FromBytes(dt, p.raw, shape...)
	}
	return typed(dt, shape, n, p)
}

// typed is a tensor of one of the repeated fields. Its length is checked now,
// its elements are decoded at first use.
func typed(dt tensor.DType, shape []int, n int, p payload) (*tensor.Tensor, error) {
	var num protowire.Number
	words := n
	switch dt {
	case tensor.Float32:
		num = 4
	case tensor.Complex64:
		num, words = 4, 2*n
	case tensor.Int64:
		num = 7
	case tensor.Float64:
		num = 10
	case tensor.Complex128:
		num, words = 10, 2*n
	case tensor.Uint32, tensor.Uint64:
		num = 11
	default:
		num = 5
		if dt.Bits() < 8 {
			words = dt.Bytes(n)
		}
	}
	if len(p.runs) > 0 && p.num != num {
		return nil, fmt.Errorf("%v elements in field %d", dt, p.num)
	}
	have := 0
	for _, v := range p.runs {
		k, err := count(v)
		if err != nil {
			return nil, err
		}
		have += k
	}
	if have != words {
		return nil, fmt.Errorf("%d values for shape %v of %v", have, shape, dt)
	}
	return tensor.Lazy(dt, shape, func() ([]byte, error) {
		raw := make([]byte, 0, dt.Bytes(n))
		for _, v := range p.runs {
			raw = appendWords(raw, dt, v)
		}
		return raw, nil
	})
}

// count is the number of values in one run of a repeated field.
func count(v field) (int, error) {
	if v.typ != protowire.BytesType {
		return 1, nil
	}
	switch v.num {
	case 4, 10:
		size := 4
		if v.num == 10 {
			size = 8
		}
		if len(v.bytes)%size != 0 {
			return 0, errTruncated
		}
		return len(v.bytes) / size, nil
	}
	n, length := 0, 0
	for _, b := range v.bytes {
		if length++; length > 10 {
			return 0, errors.New("a number of more than 10 bytes")
		}
		if b < 0x80 {
			n++
			length = 0
		}
	}
	if length > 0 {
		return 0, errTruncated
	}
	return n, nil
}

// appendWords appends the little-endian form of a run of values, each narrowed
// to the type's stored width.
func appendWords(raw []byte, dt tensor.DType, v field) []byte {
	if v.typ == protowire.BytesType && (v.num == 4 || v.num == 10) {
		return append(raw, v.bytes...)
	}
	width := max(8, dt.Bits())
	switch dt {
	case tensor.Complex64:
		width = 32
	case tensor.Complex128:
		width = 64
	}
	put := func(w uint64) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], w)
		raw = append(raw, b[:width/8]...)
	}
	if v.typ != protowire.BytesType {
		put(v.word)
		return raw
	}
	for b := v.bytes; len(b) > 0; {
		w, n := protowire.ConsumeVarint(b)
		if n < 0 {
			w, n = 0, len(b) // overlong by value; count has checked the length
		}
		put(w)
		b = b[n:]
	}
	return raw
}

// external is a tensor whose elements stand in another file, which must lie
// in the model's folder.
func (d *decoder) external(dt tensor.DType, shape []int, n int, kvs []graph.KeyValue) (*tensor.Tensor, error) {
	var location string
	offset, length := int64(0), int64(dt.Bytes(n))
	for _, kv := range kvs {
		var err error
		switch kv.Key {
		case "location":
			location = kv.Value
		case "offset":
			offset, err = strconv.ParseInt(kv.Value, 10, 64)
		case "length":
			length, err = strconv.ParseInt(kv.Value, 10, 64)
		}
		if err != nil {
			return nil, fmt.Errorf("external data: %s %q is not a number", kv.Key, kv.Value)
		}
	}
	if location == "" {
		return nil, errors.New("external data without a location")
	}
	if d.dir == "" {
		return nil, fmt.Errorf("external data in %q: the model was not opened from a folder", location)
	}
	if length != int64(dt.Bytes(n)) || offset < 0 || offset > math.MaxInt64-length {
		return nil, fmt.Errorf("external data: %d bytes at %d of %q for %v %v", length, offset, location, dt, shape)
	}
	root, err := os.OpenRoot(d.dir)
	if err != nil {
		return nil, fmt.Errorf("external data: %w", err)
	}
	defer root.Close()
	info, err := root.Stat(location)
	if err != nil {
		return nil, fmt.Errorf("external data: %w", err)
	}
	if !info.Mode().IsRegular() { // to open a pipe would wait for its writer
		return nil, fmt.Errorf("external data: %q is not a regular file", location)
	}
	if info.Size() < offset+length {
		return nil, fmt.Errorf("external data: %q has %d bytes, %d at %d are wanted", location, info.Size(), length, offset)
	}
	dir := d.dir
	return tensor.Lazy(dt, shape, func() ([]byte, error) {
		f, err := os.OpenInRoot(dir, location)
		if err != nil {
			return nil, fmt.Errorf("onnx: external data: %w", err)
		}
		defer f.Close()
		raw := make([]byte, length)
		if _, err := io.ReadFull(io.NewSectionReader(f, offset, length), raw); err != nil {
			return nil, fmt.Errorf("onnx: external data in %q: %w", location, err)
		}
		return raw, nil
	})
}
