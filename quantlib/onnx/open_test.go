package onnx

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// largeModel writes a model whose one weight has the given number of float32,
// without holding it.
func largeModel(t testing.TB, elements int) string {
	tail := text(8, "w")
	head := append(num(1, int64(elements)), num(2, 1)...)
	head = protowire.AppendTag(head, 9, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(4*elements))
	rest := append(input("x"), nodeProto("Add", "a", []string{"x", "w"}, []string{"y"})...)
	rest = append(rest, output("y")...)
	weight := len(head) + 4*elements + len(tail)
	opening := protowire.AppendVarint(protowire.AppendTag(nil, 5, protowire.BytesType), uint64(weight))
	prefix := protowire.AppendTag(num(1, 8), 7, protowire.BytesType)
	prefix = protowire.AppendVarint(prefix, uint64(len(opening)+weight+len(rest)))

	path := filepath.Join(t.TempDir(), "large.onnx")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	w.Write(prefix)
	w.Write(opening)
	w.Write(head)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(int64(4*elements), 1); err != nil { // a hole: zeros
		t.Fatal(err)
	}
	for _, b := range [][]byte{tail, rest, msg(8, text(1, ""), num(2, 17))} {
		if _, err := f.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestOpeningALargeFileTakesLittleMemory(t *testing.T) {
	const elements = 25 << 20 // 100 MiB
	path := largeModel(t, elements)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	g, err := Open(path)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; runtime.GOOS == "linux" && took > 1<<20 {
		t.Errorf("%d bytes were allocated to open 100 MiB", took)
	}
	w := g.Const("w")
	if w == nil || w.Len() != elements || w.Bytes()[4*elements-1] != 0 {
		t.Errorf("the weight is %v", w)
	}
}

func BenchmarkOpen(b *testing.B) {
	path := largeModel(b, 25<<20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(path); err != nil {
			b.Fatal(err)
		}
	}
}
