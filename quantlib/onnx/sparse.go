package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A file may claim sparse tensors that take, once dense, this many bytes, and
// this many times the bytes of their values and indices more: 99.9 % zeros take
// 334 times.
const (
	maxDense     = 64 << 20
	denseForByte = 1024
)

// sparse reads a SparseTensorProto: values [n] of the elements that are not
// zero, which also have the name, and their places, as row-major numbers [n] or
// as coordinates [n, rank], ascending. The tensor is dense; it is made at first
// use, and places that are out of range, not ascending or given twice are its
// error.
// https://github.com/onnx/onnx/blob/main/docs/IR.md#sparse-tensors
func (d *decoder) sparse(v field) (decodedTensor, error) {
	var values, indices decodedTensor
	var dims []int64
	have := 0
	if err := v.want(protowire.BytesType); err != nil {
		return values, err
	}
	err := each(v.bytes, func(v field) (err error) {
		switch v.num {
		case 1:
			have |= 1
			values, err = d.tensor(v)
			return at(err, "values")
		case 2:
			have |= 2
			indices, err = d.tensor(v)
			return at(err, "indices")
		case 3:
			return v.ints(&dims)
		}
		return nil
	})
	if err != nil {
		return values, err
	}
	if have&1 == 0 || len(dims) > maxDims {
		return values, fmt.Errorf("a sparse tensor of %d dimensions without values, or with too many", len(dims))
	}
	shape := make([]int, len(dims))
	for i, n := range dims {
		if n < 0 || n > tensor.MaxElements {
			return values, fmt.Errorf("dimension %d is %d", i, n)
		}
		shape[i] = int(n)
	}
	size, err := tensor.Elements(shape)
	if err != nil {
		return values, err
	}
	x, p := values.t, indices.t
	dt, n := x.DType(), x.Len()
	switch {
	case x.Rank() != 1 || n > size:
		return values, fmt.Errorf("values of shape %v for a sparse tensor of shape %v", x.Shape(), shape)
	case dt == tensor.String || dt.Bits() < 8:
		return values, fmt.Errorf("a sparse tensor of %v: %w", dt, errors.ErrUnsupported)
	case p == nil && n > 0:
		return values, errors.New("a sparse tensor without indices")
	case p != nil && p.DType() != tensor.Int64:
		return values, fmt.Errorf("indices are %v", p.DType())
	case p != nil && !tensor.SameShape(p.Shape(), []int{n}) && !tensor.SameShape(p.Shape(), []int{n, len(shape)}):
		return values, fmt.Errorf("indices of shape %v for %d values of a tensor of shape %v", p.Shape(), n, shape)
	}
	d.dense += dt.Bytes(size)
	d.stored += len(v.bytes)
	if d.dense > maxDense+denseForByte*d.stored {
		return values, fmt.Errorf("sparse tensors of %d bytes are %d bytes large once dense: %w", d.stored, d.dense, errors.ErrUnsupported)
	}
	out := decodedTensor{name: values.name}
	out.t, err = tensor.Lazy(dt, shape, func() ([]byte, error) { return scatter(x, p, shape, size) })
	return out, err
}

// scatter is the little-endian bytes of the dense tensor.
func scatter(values, indices *tensor.Tensor, shape []int, size int) ([]byte, error) {
	for _, t := range []*tensor.Tensor{values, indices} {
		if t == nil {
			continue
		}
		if err := t.Err(); err != nil {
			return nil, err
		}
	}
	word := values.DType().Bytes(1)
	raw := make([]byte, size*word)
	if values.Len() == 0 {
		return raw, nil
	}
	src, places := values.Bytes(), indices.Bytes()
	rank := 0 // of a coordinate; 0: row-major numbers
	if indices.Rank() == 2 {
		rank = len(shape)
	}
	last := -1
	for i := range values.Len() {
		at := 0
		if indices.Rank() == 1 {
			v := int64(binary.LittleEndian.Uint64(places[8*i:]))
			if v < 0 || v >= int64(size) {
				return nil, fmt.Errorf("onnx: sparse value %d: index %d of %d elements", i, v, size)
			}
			at = int(v)
		}
		for k := range rank {
			v := int64(binary.LittleEndian.Uint64(places[8*(i*rank+k):]))
			if v < 0 || v >= int64(shape[k]) {
				return nil, fmt.Errorf("onnx: sparse value %d: coordinate %d is %d in shape %v", i, k, v, shape)
			}
			at = at*shape[k] + int(v)
		}
		if at <= last {
			return nil, fmt.Errorf("onnx: sparse value %d: its place does not lie behind that of the value before it", i)
		}
		last = at
		copy(raw[at*word:(at+1)*word], src[i*word:])
	}
	return raw, nil
}

// sparseInitializer is a constant that the file holds as a sparse tensor. It is
// written back as it stood, unless its data are outside the file.
func (d *decoder) sparseInitializer(v field) (*graph.Const, error) {
	outside := len(d.outside)
	p, err := d.sparse(v)
	if err != nil {
		return nil, at(err, "%q", p.name)
	}
	if p.name == "" {
		return nil, errors.New("it has no name")
	}
	c := &graph.Const{Name: p.name, Tensor: p.t}
	if len(d.outside) == outside {
		c.Sparse = v.bytes
	}
	return c, nil
}
