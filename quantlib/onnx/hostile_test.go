package onnx

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func relu(name, in, out string) []byte {
	return nodeProto("Relu", name, []string{in}, []string{out})
}

// nested is a model of If nodes inside each other.
func nested(depth int) []byte {
	body := slices.Concat(text(2, "leaf"), relu("r", "x", "leaf"), output("leaf"))
	for i := range depth {
		name := fmt.Sprintf("o%d", i)
		body = slices.Concat(nodeProto("If", "", []string{"x"}, []string{name}, graphAttr("then_branch", body)), output(name))
	}
	return model(input("x"), body)
}

func TestBadFilesAreErrorsThatNameThePlace(t *testing.T) {
	good := model(input("x"), relu("r", "x", "y"), output("y"))
	if _, err := Decode(good, ""); err != nil {
		t.Fatal(err)
	}
	raw := func(n int) []byte { return appendBytes(nil, 9, make([]byte, n)) }
	relued := func(parts ...[]byte) []byte {
		return model(append(parts, input("x"), relu("r", "x", "y"), output("y"))...)
	}
	for _, c := range []struct {
		name string
		data []byte
		want []string // in the error
	}{
		{"empty", nil, []string{"empty"}},
		{"JSON", []byte(`{"format": "onnx"}`), []string{"JSON"}},
		{"JSON list", []byte(`[{"a": 1}]`), nil},
		{"zip", []byte("PK\x03\x04\x14\x00\x00\x00"), []string{"zip"}},
		{"HTML error page", []byte("<!DOCTYPE html><html>404"), []string{"HTML"}},
		{"Git LFS pointer", []byte("version https://git-lfs.github.com/spec/v1\n"), []string{"LFS"}},
		{"text", []byte("not a model"), nil},
		{"no graph", num(1, 8), []string{"graph"}},
		{"no opset", msg(7, text(2, "g")), nil},
		{"cut before the opset", good[:len(good)-len(msg(8, text(1, ""), num(2, 17)))], []string{"opset"}},
		{"opset 6", slices.Concat(num(1, 3), msg(7, text(2, "g")), msg(8, num(2, 6))), []string{"opset 6"}},
		{"negative opset", slices.Concat(num(1, 8), msg(7, text(2, "g")), msg(8, num(2, -1))), []string{"opset"}},
		{"node without operator", model(msg(1, text(1, "x"))), []string{`graph "g": node 0`}},
		{"cycle", model(relu("a", "p", "q"), relu("b", "q", "p"), output("p")), []string{`graph "g"`, `node 0 "a" (Relu)`, "cycle"}},
		{"missing input", model(relu("a", "nowhere", "q"), output("q")), []string{`node 0 "a" (Relu)`, `"nowhere"`}},
		{"missing output", model(output("q")), []string{`"q"`}},
		{"two producers", relued(relu("s", "x", "y")), []string{`"y" has another producer`}},
		{"input listed twice", relued(input("x")), []string{`"x"`, "twice"}},
		{"initializer given twice", relued(initializer("w", []int64{1}, raw(4)), initializer("w", []int64{1}, raw(4))), []string{`"w"`, "twice"}},
		{"initializer without name", relued(initializer("", []int64{1}, raw(4))), []string{"initializer 0", "no name"}},
		{"attribute given twice", model(input("x"), nodeProto("Elu", "e", []string{"x"}, []string{"y"},
			slices.Concat(text(1, "alpha"), num(3, 1), num(20, 2)), slices.Concat(text(1, "alpha"), num(3, 1), num(20, 2)))),
			[]string{`node 0 "e" (Elu)`, `"alpha"`, "twice"}},
		{"attribute cut short", model(input("x"), nodeProto("Conv", "conv1", []string{"x"}, []string{"y"},
			slices.Concat(text(1, "pads"), []byte{0x42, 9, 1}))), []string{`graph "g": node 0 "conv1" (Conv): attribute "pads"`}},
		{"too few bytes", relued(initializer("w", []int64{2, 3}, raw(23))), []string{`"w"`, "23 bytes", "24"}},
		{"too many bytes", relued(initializer("w", []int64{2, 3}, raw(25))), []string{`"w"`, "25 bytes"}},
		{"no data", relued(initializer("w", []int64{2, 3}, nil)), []string{`"w"`}},
		{"negative dimension", relued(initializer("w", []int64{-1, 3}, raw(12))), []string{`"w"`, "-1"}},
		{"giant product", relued(initializer("w", []int64{1 << 30, 1 << 30, 1 << 30}, raw(4))), []string{`"w"`}},
		{"giant claim", relued(initializer("w", []int64{1 << 34}, raw(4))), []string{`"w"`, "4 bytes"}},
		{"overflowing product", relued(initializer("w", []int64{1 << 32, 1 << 32}, raw(0))), []string{`"w"`}},
		{"giant dimension times zero", relued(initializer("w", []int64{1 << 62, 0}, raw(0))), []string{`"w"`}},
		{"too many dimensions", relued(initializer("w", slices.Repeat([]int64{1}, 1000), raw(4))), []string{`"w"`, "1000"}},
		{"unknown element type", relued(msg(5, num(2, 99), text(8, "w"))), []string{`"w"`, "99"}},
		{"no element type", relued(msg(5, text(8, "w"))), []string{`"w"`}},
		{"float_data too short", relued(initializer("w", []int64{2}, msg(4, make([]byte, 4)))), []string{`"w"`}},
		{"float_data no multiple of 4", relued(initializer("w", []int64{2}, msg(4, make([]byte, 7)))), []string{`"w"`}},
		{"data in another type's field", relued(initializer("w", []int64{1}, msg(7, []byte{1}))), []string{`"w"`}},
		{"segment", relued(initializer("w", []int64{1}, msg(3, num(1, 0)))), []string{"initializer 0", "segment"}},
		{"bytes where a number belongs", slices.Concat(text(1, "8"), msg(7)), nil},
		{"name not UTF-8", model(input("x\xff")), []string{"UTF-8"}},
		{"operator not UTF-8", model(nodeProto("R\xff", "r", nil, []string{"y"})), []string{"UTF-8"}},
		{"subgraph uses an unknown name", model(input("x"), nodeProto("If", "if", []string{"x"}, []string{"y"},
			graphAttr("then_branch", text(2, "then"), relu("r", "ghost", "t"), output("t")))),
			[]string{`node 0 "if" (If): attribute "then_branch": graph "then": node 0 "r" (Relu)`, `"ghost"`}},
		{"subgraphs 300 deep", nested(300), []string{"nested"}},
		{"external data without a folder", relued(msg(5, num(1, 1), num(2, 1), text(8, "w"), num(14, 1),
			msg(13, text(1, "location"), text(2, "w.bin")))), []string{`"w"`, "folder"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := Decode(c.data, "")
			if err == nil {
				if c.want == nil && c.name == "no opset" {
					return // files of IR version 1 and 2 need none
				}
				t.Fatalf("decoded: %s", dump(g))
			}
			if !strings.HasPrefix(err.Error(), "onnx: ") || strings.Contains(err.Error(), "onnx: onnx:") {
				t.Errorf("%v", err)
			}
			if len(err.Error()) > 4000 {
				t.Errorf("a message of %d bytes", len(err.Error()))
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q lacks %q", err, w)
				}
			}
		})
	}
}

// Cut anywhere, a model is refused. (In IR version 3 and later a model without
// opset_import is, which comes last here.)
func TestEveryTruncationIsAnError(t *testing.T) {
	data := model(input("x"), initializer("w", []int64{2}, appendBytes(nil, 9, make([]byte, 8))),
		nodeProto("Add", "a", []string{"x", "w"}, []string{"y"}), output("y"))
	if _, err := Decode(data, ""); err != nil {
		t.Fatal(err)
	}
	for n := range len(data) {
		if _, err := Decode(data[:n], ""); err == nil {
			t.Errorf("the first %d of %d bytes are accepted", n, len(data))
		}
	}
}

func TestOpenNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "broken.onnx")
	if err := os.WriteFile(path, []byte("<html>"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, filepath.Dir(path), filepath.Join(filepath.Dir(path), "absent.onnx")} {
		if _, err := Open(p); err == nil || !strings.Contains(err.Error(), filepath.Base(p)) {
			t.Errorf("Open(%s): %v", p, err)
		}
	}
}

func TestHostileNamesPassUnchanged(t *testing.T) {
	for _, name := range []string{"a\x00b", "\x1b[31mred", "<script>alert(1)</script>", "名前", strings.Repeat("n", 1<<20), "../../etc/passwd", "a\nb"} {
		g, err := Decode(model(input(name), relu(name, name, name+"'"), output(name+"'")), "")
		if err != nil {
			t.Fatal(err)
		}
		if n := g.Nodes()[0]; n.Name != name || n.Inputs[0] != name || g.Inputs()[0].Name != name {
			t.Errorf("%.40q changed", name)
		}
		if _, err := Encode(g); err != nil {
			t.Error(err)
		}
	}
}

// Files made to be slow: the time is for a machine ten times slower than ours.
func TestLargeHostileFilesAreReadInLinearTime(t *testing.T) {
	const n = 5000
	var nameless, named, shallow []byte
	for i := range n {
		nameless = append(nameless, nodeProto("A", "", nil, []string{fmt.Sprint("u", i)})...)
		named = append(named, nodeProto("A", fmt.Sprint("A_", i), nil, []string{fmt.Sprint("v", i)})...)
		named = append(named, nodeProto("A", fmt.Sprint("A_", i+n), nil, []string{fmt.Sprint("w", i)})...)
		inner := graphAttr("g", nodeProto("A", "", []string{"x"}, []string{"i"}), output("i"))
		outer := graphAttr("g", nodeProto("B", "", []string{"x"}, []string{"j"}, inner), output("j"))
		if i < n/10 {
			shallow = append(shallow, nodeProto("C", "", []string{"x"}, []string{fmt.Sprint("c", i)}, outer)...)
		}
	}
	var values []byte
	for i := range n {
		values = append(values, nodeProto("A", "", nil, []string{fmt.Sprint("d", i)})...)
	}
	for name, data := range map[string][]byte{
		"names that are taken":      model(append(nameless, named...)),
		"subgraphs in subgraphs":    model(input("x"), append(values, shallow...)),
		"a nest as deep as allowed": nested(maxDepth - 1),
	} {
		start := time.Now()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Decode(data, ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		runtime.ReadMemStats(&after)
		took, bytes := time.Since(start), after.TotalAlloc-before.TotalAlloc
		t.Logf("%s: %d bytes of file, %v, %d bytes allocated", name, len(data), took, bytes)
		if took > 5*time.Second || bytes > 300*uint64(len(data))+1<<20 {
			t.Errorf("%s: %v and %d bytes for a file of %d", name, took, bytes, len(data))
		}
	}
}

func TestExternalDataStayInTheFolder(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	if err := os.MkdirAll(filepath.Join(in, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	bytes8 := []byte{0, 0, 128, 63, 0, 0, 0, 64} // 1, 2
	for _, p := range []string{filepath.Join(dir, "out.bin"), filepath.Join(in, "w.bin"), filepath.Join(in, "sub", "w.bin")} {
		if err := os.WriteFile(p, append([]byte{9, 9, 9, 9}, bytes8...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join("..", "out.bin"), filepath.Join(in, "link.bin")); err != nil {
		t.Skip("no symbolic links here")
	}
	file := func(location, offset, length string) []byte {
		w := slices.Concat(num(1, 2), num(2, 1), text(8, "w"), num(14, 1), msg(13, text(1, "location"), text(2, location)))
		if offset != "" {
			w = append(w, msg(13, text(1, "offset"), text(2, offset))...)
		}
		if length != "" {
			w = append(w, msg(13, text(1, "length"), text(2, length))...)
		}
		return model(input("x"), msg(5, w), nodeProto("Add", "a", []string{"x", "w"}, []string{"y"}), output("y"))
	}
	for _, c := range []struct {
		location, offset, length string
		ok                       bool
	}{
		{"w.bin", "4", "8", true},
		{"sub/w.bin", "4", "8", true},
		{"w.bin", "4", "", true},
		{"../out.bin", "4", "8", false},
		{filepath.Join(dir, "out.bin"), "4", "8", false},
		{"link.bin", "4", "8", false},
		{"sub", "0", "8", false},
		{"absent.bin", "4", "8", false},
		{"", "4", "8", false},
		{"w.bin", "5", "8", false},
		{"w.bin", "-4", "8", false},
		{"w.bin", "4", "4", false},
		{"w.bin", "9223372036854775807", "8", false},
		{"w.bin", "four", "8", false},
	} {
		g, err := Decode(file(c.location, c.offset, c.length), in)
		if (err == nil) != c.ok {
			t.Errorf("%q at %q of length %q: %v", c.location, c.offset, c.length, err)
		}
		if err == nil {
			if w := g.Const("w"); w.Err() != nil || !bytes.Equal(w.Bytes(), bytes8) {
				t.Errorf("%q: %v %v", c.location, w.Err(), w)
			}
			checkSaved(t, g)
		}
	}
	g, err := Decode(file("sub/w.bin", "4", "8"), in)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(in, "sub", "w.bin")); err != nil {
		t.Fatal(err)
	}
	if err := g.Const("w").Err(); err == nil {
		t.Error("a file that went away is no error")
	}
	if _, err := Encode(g); err == nil || !strings.Contains(err.Error(), `"w"`) {
		t.Errorf("Encode: %v", err)
	}
}
