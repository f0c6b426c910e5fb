package onnx

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// varints are numbers of a packed field.
func varints(v ...uint64) (b []byte) {
	for _, x := range v {
		b = protowire.AppendVarint(b, x)
	}
	return b
}

func minus(v int64) uint64 { return uint64(-v) }

func TestTypedFieldsHoldTheirTypes(t *testing.T) {
	single := func(x ...float32) (b []byte) {
		for _, v := range x {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		return b
	}
	double := func(x ...float64) (b []byte) {
		for _, v := range x {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		return b
	}
	for _, c := range []struct {
		name  string
		dt    tensor.DType
		n     int64
		field []byte
		want  []byte // little-endian
	}{
		{"float32, packed", tensor.Float32, 2, msg(4, single(1, -2)), single(1, -2)},
		{"float32, one by one", tensor.Float32, 2, slices.Concat(
			protowire.AppendFixed32(protowire.AppendTag(nil, 4, protowire.Fixed32Type), math.Float32bits(1)),
			protowire.AppendFixed32(protowire.AppendTag(nil, 4, protowire.Fixed32Type), math.Float32bits(-2))), single(1, -2)},
		{"float32, in two runs", tensor.Float32, 3, slices.Concat(msg(4, single(1, -2)), msg(4, single(3))), single(1, -2, 3)},
		{"complex64", tensor.Complex64, 1, msg(4, single(1, -2)), single(1, -2)},
		{"float64", tensor.Float64, 2, msg(10, double(0.1, -3)), double(0.1, -3)},
		{"complex128", tensor.Complex128, 1, msg(10, double(0.1, -3)), double(0.1, -3)},
		{"int64", tensor.Int64, 2, msg(7, varints(5, minus(1))), slices.Concat([]byte{5, 0, 0, 0, 0, 0, 0, 0}, slices.Repeat([]byte{255}, 8))},
		{"int64, one by one", tensor.Int64, 2, slices.Concat(num(7, 5), num(7, -1)), slices.Concat([]byte{5, 0, 0, 0, 0, 0, 0, 0}, slices.Repeat([]byte{255}, 8))},
		{"int32", tensor.Int32, 2, msg(5, varints(7, minus(2))), []byte{7, 0, 0, 0, 254, 255, 255, 255}},
		{"int32, packed and not", tensor.Int32, 2, slices.Concat(msg(5, varints(7)), num(5, -2)), []byte{7, 0, 0, 0, 254, 255, 255, 255}},
		{"int16", tensor.Int16, 2, msg(5, varints(7, minus(2))), []byte{7, 0, 254, 255}},
		{"int8", tensor.Int8, 2, msg(5, varints(7, minus(2))), []byte{7, 254}},
		{"uint8", tensor.Uint8, 2, msg(5, varints(7, 255)), []byte{7, 255}},
		{"bool", tensor.Bool, 2, msg(5, varints(1, 0)), []byte{1, 0}},
		{"uint16", tensor.Uint16, 1, msg(5, varints(65535)), []byte{255, 255}},
		{"float16 as its bits", tensor.Float16, 1, msg(5, varints(0x3c00)), []byte{0x00, 0x3c}},
		{"bfloat16 as its bits", tensor.BFloat16, 1, msg(5, varints(0x3f80)), []byte{0x80, 0x3f}},
		{"float8 as its bits", tensor.Float8E4M3, 1, msg(5, varints(0x38)), []byte{0x38}},
		{"int4, two in a byte", tensor.Int4, 3, msg(5, varints(0x21, 0x0f)), []byte{0x21, 0x0f}},
		{"uint2, four in a byte", tensor.Uint2, 5, msg(5, varints(0xe4, 0x01)), []byte{0xe4, 0x01}},
		{"uint32", tensor.Uint32, 1, msg(11, varints(math.MaxUint32)), []byte{255, 255, 255, 255}},
		{"uint64", tensor.Uint64, 1, msg(11, varints(math.MaxUint64)), slices.Repeat([]byte{255}, 8)},
		{"none", tensor.Float32, 0, nil, nil},
	} {
		proto := slices.Concat(num(1, c.n), num(2, int64(c.dt)), c.field, text(8, "w"))
		name, v, err := DecodeTensor(proto)
		if err != nil || name != "w" {
			t.Errorf("%s: %q, %v", c.name, name, err)
			continue
		}
		want, err := tensor.FromBytes(c.dt, c.want, int(c.n))
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Err(); err != nil || !tensor.Equal(v, want) {
			t.Errorf("%s: %v, %x, want %x", c.name, err, v.Bytes(), c.want)
		}
		// Written back, the elements stand in raw_data.
		out, err := encodeTensor(v, "w", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, again, err := DecodeTensor(out); err != nil || !tensor.Equal(again, want) {
			t.Errorf("%s, written and read: %v", c.name, err)
		}
	}
	_, s, err := DecodeTensor(slices.Concat(num(1, 2), num(2, int64(tensor.String)), text(6, "a"), text(6, "\xff")))
	if err != nil || s.Strings()[0] != "a" || s.Strings()[1] != "\xff" {
		t.Errorf("strings: %v", err)
	}
}

func TestWhatIsNotUnderstoodIsKept(t *testing.T) {
	unknown := func(n protowire.Number) []byte { return slices.Concat(text(n, "kept"), num(n+1, 7)) }
	body := slices.Concat(text(2, "g"), input("x"), output("y"),
		msg(1, text(1, "x"), text(2, "y"), text(3, "r"), text(4, "Twice"), text(7, "local"), text(6, "doc"), unknown(900)),
		text(10, "graph doc"), unknown(910))
	function := slices.Concat(text(1, "Twice"), text(4, "in"), text(5, "out"), text(6, "needed"), text(10, "local"), text(8, "function doc"),
		msg(7, text(1, "in"), text(1, "in"), text(2, "out"), text(4, "Add"), msg(5, text(1, "alpha"), text(21, "needed"), num(20, 1))),
		msg(9, text(1, ""), num(2, 17)), msg(11, text(1, "extra"), num(3, 4), num(20, 2)), unknown(920))
	data := slices.Concat(num(1, 8), text(2, "producer"), text(3, "1.2"), text(4, "domain"), num(5, 9), text(6, "doc"), msg(7, body),
		msg(8, text(1, ""), num(2, 17)), msg(8, text(1, "local"), num(2, 3)),
		msg(14, text(1, "key"), text(2, "value")), msg(14, text(1, "key"), text(2, "again")), msg(25, function), unknown(930))
	g, err := Decode(data, "")
	if err != nil {
		t.Fatal(err)
	}
	check := func(when string, g *graph.Graph) {
		t.Helper()
		m := g.Model()
		if m.IRVersion != 8 || m.Producer != "producer" || m.ProducerVersion != "1.2" || m.Domain != "domain" || m.Version != 9 || m.Doc != "doc" {
			t.Errorf("%s: %+v", when, m)
		}
		if m.Opsets[""] != 17 || m.Opsets["local"] != 3 || len(m.Metadata) != 2 || m.Metadata[1] != (graph.KeyValue{Key: "key", Value: "again"}) {
			t.Errorf("%s: opsets %v, metadata %v", when, m.Opsets, m.Metadata)
		}
		if string(m.Extra) != string(unknown(930)) || string(g.Extra()) != string(unknown(910)) || string(g.Nodes()[0].Extra) != string(unknown(900)) {
			t.Errorf("%s: unknown fields are lost", when)
		}
		if len(m.Functions) != 1 {
			t.Fatalf("%s: %d functions", when, len(m.Functions))
		}
		f := m.Functions[0]
		if f.Name != "Twice" || f.Domain != "local" || f.Doc != "function doc" || f.Opsets[""] != 17 || strings.Join(f.Inputs, " ") != "in" ||
			strings.Join(f.Outputs, " ") != "out" || strings.Join(f.Attrs, " ") != "needed" || len(f.Defaults) != 1 || f.Defaults[0].I != 4 ||
			string(f.Extra) != string(unknown(920)) || len(f.Nodes) != 1 || f.Nodes[0].Attrs[0].Ref != "needed" {
			t.Errorf("%s: %+v", when, f)
		}
		if g.Doc() != "graph doc" || g.Nodes()[0].Doc != "doc" || g.Nodes()[0].Domain != "local" {
			t.Errorf("%s: docs and domain", when)
		}
	}
	check("read", g)
	once, err := Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	h, err := Decode(once, "")
	if err != nil {
		t.Fatal(err)
	}
	check("written and read", h)
}
