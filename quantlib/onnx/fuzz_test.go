package onnx

import (
	"bytes"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
)

// FuzzDecode holds that any bytes give a graph or an error, that memory stays
// within a multiple of the file's size, and that a graph survives being written
// and read.
func FuzzDecode(f *testing.F) {
	f.Add(model(input("x"), relu("r", "x", "y"), output("y")))
	f.Add(nested(3))
	f.Add(model(input("x"), initializer("w", []int64{2}, msg(4, make([]byte, 8))), msg(13, text(1, "y"), msg(2, msg(1, num(1, 1),
		msg(2, msg(1, num(1, 3)), msg(1, text(2, "N")))))), nodeProto("Add", "", []string{"x", "w"}, []string{"y"}), output("y")))
	f.Add(model(nodeProto("Constant", "c", nil, []string{"y"}, slices.Concat(text(1, "value_ints"), msg(8, []byte{1, 2, 3}), num(20, 7))), output("y")))
	f.Add(model(msg(5, num(1, 3), num(2, 9), msg(5, []byte{1, 0, 1}), text(8, "b")), msg(5, num(1, 3), num(2, 22), msg(5, []byte{1, 2}), text(8, "i4")),
		msg(5, num(1, 1), num(2, 8), text(6, "s"), text(8, "t"))))
	f.Add(slices.Concat(model(input("x"), output("x")), msg(25, text(1, "F"), text(10, "d"), text(4, "a"), text(5, "b"), nodeProto("Relu", "", []string{"a"}, []string{"b"})[2:]),
		msg(14, text(1, "k"), text(2, "v"))))
	f.Add(model(input("x"), sparse("w", []int64{4}, []int64{2}, []int64{2}, 0, 3), relu("r", "x", "y"), output("y")))
	f.Add(model(input("x"), sparse("w", []int64{2, 3}, []int64{2}, []int64{2, 2}, 0, 1, 1, 2), relu("r", "w", "y"), output("y")))
	f.Add(model(sparseConstant("c", "y"), output("y")))
	if !testing.Short() {
		seeds := 0
		eachNodeTestOrNone(f, func(name string, data []byte) {
			if filepath.Ext(name) == ".onnx" && len(data) < 2000 {
				if seeds++; seeds%20 == 0 {
					f.Add(data)
				}
			}
		})
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		g, err := Decode(data, "")
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20+500*uint64(len(data)) {
			t.Errorf("%d bytes were allocated for a file of %d", took, len(data))
		}
		if err != nil || !small(g) {
			return
		}
		once, err := Encode(g)
		if err != nil {
			t.Fatal(err)
		}
		h, err := Decode(once, "")
		if err != nil {
			t.Fatalf("what Encode wrote: %v", err)
		}
		if a, b := dump(g), dump(h); a != b {
			t.Fatalf("the graph changed:\n%s\n%s", a, b)
		}
		if twice, err := Encode(h); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("the second writing differs: %v", err)
		}
	})
}

// small keeps files out of the second half that hold many bytes once decoded.
func small(g *graph.Graph) bool {
	total := 0
	for _, c := range g.Consts() {
		total += c.Tensor.DType().Bytes(c.Tensor.Len())
	}
	return total < 1<<24
}
