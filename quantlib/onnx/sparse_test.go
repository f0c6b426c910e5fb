package onnx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// sparseProto is a SparseTensorProto of float32 values 1, 2, 3 … at the given
// places.
func sparseProto(name string, dims, values, indices []int64, places ...int64) []byte {
	var shape, count, rows, raw, data []byte
	for _, d := range dims {
		shape = appendInt(shape, 3, d)
	}
	n := int64(1)
	for _, d := range values {
		count = appendInt(count, 1, d)
		n *= d
	}
	for _, d := range indices {
		rows = appendInt(rows, 1, d)
	}
	for i := range n {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(i+1)))
	}
	for _, p := range places {
		data = binary.LittleEndian.AppendUint64(data, uint64(p))
	}
	return slices.Concat(
		msg(1, count, num(2, 1), text(8, name), appendBytes(nil, 9, raw)),
		msg(2, rows, num(2, 7), appendBytes(nil, 9, data)), shape)
}

func sparse(name string, dims, values, indices []int64, places ...int64) []byte {
	return msg(15, sparseProto(name, dims, values, indices, places...))
}

func sparseConstant(name, out string) []byte {
	return nodeProto("Constant", name, nil, []string{out},
		slices.Concat(text(1, "sparse_value"), msg(22, sparseProto("", []int64{5}, []int64{2}, []int64{2}, 1, 4)), num(20, 11)))
}

func TestSparseTensorsAreReadAsDenseOnesAndWrittenAsTheyStood(t *testing.T) {
	for _, c := range []struct {
		name  string
		piece []byte
		shape []int
		want  []float32
	}{
		{"row-major numbers", sparse("w", []int64{2, 3}, []int64{2}, []int64{2}, 1, 5), []int{2, 3}, []float32{0, 1, 0, 0, 0, 2}},
		{"coordinates", sparse("w", []int64{2, 3}, []int64{3}, []int64{3, 2}, 0, 2, 1, 0, 1, 2), []int{2, 3}, []float32{0, 0, 1, 2, 0, 3}},
		{"coordinates of a vector", sparse("w", []int64{3}, []int64{1}, []int64{1, 1}, 2), []int{3}, []float32{0, 0, 1}},
		{"no values", sparse("w", []int64{3}, []int64{0}, []int64{0}), []int{3}, []float32{0, 0, 0}},
		{"no elements", sparse("w", []int64{0, 3}, []int64{0}, []int64{0}), []int{0, 3}, nil},
		{"a constant node", sparseConstant("c", "w"), []int{5}, []float32{0, 1, 0, 0, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := model(input("x"), c.piece, nodeProto("Add", "a", []string{"x", "w"}, []string{"y"}), output("y"))
			g, err := Decode(data, "")
			if err != nil {
				t.Fatal(err)
			}
			w := g.Const("w")
			if w == nil || w.Err() != nil || !tensor.SameShape(w.Shape(), c.shape) || !slices.Equal(w.F32(), c.want) {
				t.Fatalf("read as %v", w)
			}
			saved, err := Encode(g)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(saved, c.piece[2:]) {
				t.Error("it was not written as it stood")
			}
			checkSaved(t, g)
			// A replaced one is dense.
			e := g.Edit()
			e.SetConst("w", tensor.Of(slices.Repeat([]float32{7}, 4), 4))
			changed, err := e.Graph()
			if err != nil {
				t.Fatal(err)
			}
			if saved, err = Encode(changed); err != nil {
				t.Fatal(err)
			}
			if g, err = Decode(saved, ""); err != nil || !slices.Equal(g.Const("w").F32(), []float32{7, 7, 7, 7}) {
				t.Errorf("the replaced one is %v: %v", g, err)
			}
		})
	}
}

func TestBadSparseTensorsAreErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		piece []byte
		want  string
	}{
		{"an index behind the end", sparse("w", []int64{3}, []int64{1}, []int64{1}, 3), "index 3"},
		{"a negative index", sparse("w", []int64{3}, []int64{1}, []int64{1}, -1), "index -1"},
		{"a coordinate behind the end", sparse("w", []int64{2, 3}, []int64{1}, []int64{1, 2}, 0, 3), "coordinate 1"},
		{"a negative coordinate", sparse("w", []int64{2, 3}, []int64{1}, []int64{1, 2}, -1, 1), "coordinate 0"},
		{"descending places", sparse("w", []int64{9}, []int64{2}, []int64{2}, 4, 3), "value 1"},
		{"a place given twice", sparse("w", []int64{9}, []int64{2}, []int64{2}, 4, 4), "value 1"},
		{"descending coordinates", sparse("w", []int64{3, 3}, []int64{2}, []int64{2, 2}, 1, 0, 0, 2), "value 1"},
		{"too few indices", sparse("w", []int64{9}, []int64{2}, []int64{1}, 4), "indices of shape [1]"},
		{"coordinates of another rank", sparse("w", []int64{9}, []int64{1}, []int64{1, 2}, 1, 1), "indices of shape [1 2]"},
		{"a matrix of values", sparse("w", []int64{9}, []int64{1, 1}, []int64{1}, 1), "values of shape"},
		{"more values than elements", sparse("w", []int64{1}, []int64{2}, []int64{2}, 0, 1), "values of shape"},
		{"a negative size", sparse("w", []int64{-1}, []int64{1}, []int64{1}, 0), "-1"},
		{"no name", sparse("", []int64{1}, []int64{1}, []int64{1}, 0), "no name"},
		{"no values", msg(15, num(3, 4)), "without values"},
		{"a giant claim", sparse("w", []int64{1 << 30}, []int64{1}, []int64{1}, 0), "once dense"},
		{"an overflowing claim", sparse("w", []int64{1 << 35, 1 << 35}, []int64{1}, []int64{1}, 0), "more than"},
		{"many claims", bytes.Repeat(sparse("w", []int64{1 << 21}, []int64{1}, []int64{1}, 0), 1000), "once dense"},
	} {
		g, err := Decode(model(input("x"), c.piece, nodeProto("Add", "a", []string{"x", "w"}, []string{"y"}), output("y")), "")
		if err == nil {
			err = g.Const("w").Err()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := Decode(model(input("x"), sparse("w", []int64{1 << 30}, []int64{1}, []int64{1}, 0)), ""); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a giant claim: %v", err)
	}
}

func TestSparseTensorsBesideTheFileAreWrittenDense(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "v.bin"), []byte{0, 0, 128, 63}, 0o600); err != nil {
		t.Fatal(err)
	}
	values := msg(1, num(1, 1), num(2, 1), text(8, "w"), num(14, 1), msg(13, text(1, "location"), text(2, "v.bin")))
	indices := msg(2, num(1, 1), num(2, 7), appendBytes(nil, 9, []byte{2, 0, 0, 0, 0, 0, 0, 0}))
	g, err := Decode(model(input("x"), msg(15, values, indices, num(3, 3)), nodeProto("Add", "a", []string{"x", "w"}, []string{"y"}), output("y")), dir)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	if g, err = Decode(saved, ""); err != nil || !slices.Equal(g.Const("w").F32(), []float32{0, 0, 1}) {
		t.Errorf("read back: %v", err)
	}
}

func TestTensorsOutsideTheFileAreListedWhereverTheyStand(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "v.bin"), []byte{0, 0, 128, 63, 0, 0, 0, 64}, 0o600); err != nil {
		t.Fatal(err)
	}
	outside := func(field protowire.Number, name, offset string) []byte {
		return msg(field, num(1, 1), num(2, 1), text(8, name), num(14, 1),
			msg(13, text(1, "location"), text(2, "v.bin")), msg(13, text(1, "offset"), text(2, offset)), msg(13, text(1, "length"), text(2, "4")))
	}
	then := graphAttr("then_branch", text(2, "t"), outside(5, "v", "4"), nodeProto("Identity", "i", []string{"v"}, []string{"o"}), output("o"))
	other := graphAttr("else_branch", text(2, "e"), nodeProto("Identity", "j", []string{"x"}, []string{"p"}), output("p"))
	g, err := Decode(model(input("x"), input("c"),
		nodeProto("Constant", "k", nil, []string{"w"}, slices.Concat(text(1, "value"), outside(5, "", "0"), num(20, 4))),
		nodeProto("Add", "a", []string{"x", "w"}, []string{"s"}),
		nodeProto("If", "f", []string{"c"}, []string{"y"}, then, other), output("y")), dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []float32
	for _, x := range g.Model().Outside {
		got = append(got, x.F32()...)
	}
	if !slices.Equal(got, []float32{1, 2}) {
		t.Errorf("outside the file stand %v, want 1, of a Constant node, and 2, in a branch", got)
	}
}
