package memo

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "memo"), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestKeysDiffer(t *testing.T) {
	lists := [][]any{
		{}, {nil}, {nil, nil}, {""}, {"", ""}, {"ab", "c"}, {"a", "bc"}, {"abc"}, {[]byte("abc")},
		{[]string{"a", "bc"}}, {[]any{"a", "bc"}}, {[]any{"a"}, "bc"}, {"a", []any{"bc"}}, {[]string{"ab", "c"}},
		{1}, {uint(1)}, {true}, {false}, {0}, {float32(1)}, {1.0}, {0.0}, {math.Copysign(0, -1)}, {math.NaN()},
		{[]int{1}}, {[]int{1, 0}}, {[]float32{1}}, {[]float64{1}}, {[]bool{true}}, {[]any{}}, {[]int{}}, {[]float32{}},
		{Key{}}, {[]Key{{}}}, {KeyOf()}, {make([]byte, 32)}, {1, 2}, {2, 1}, {"1"}, {[]any{[]any{}}}, {-1}, {uint64(math.MaxUint64)},
	}
	seen := map[Key]int{}
	for i, l := range lists {
		k := KeyOf(l...)
		if j, ok := seen[k]; ok {
			t.Errorf("%#v and %#v share a key", lists[j], l)
		}
		seen[k] = i
		if k != KeyOf(l...) {
			t.Errorf("%#v: the key changes", l)
		}
	}
	if KeyOf(3, []int32{4}) != KeyOf(int64(3), []int{4}) || KeyOf(uint8(3)) != KeyOf(uint64(3)) {
		t.Error("the width of an integer changes the key")
	}
	// The format is fixed: a change here loses every stored result.
	const want = "b9318b5c24c82f561adb9cab2fe51511782e12d043fc45e470fa96c4ea7073ae"
	if got := KeyOf("model", 3, float32(0.5), []float64{1, 2}, []string{"x"}, nil, true, []byte{7}).String(); got != want {
		t.Errorf("key is %s, want %s", got, want)
	}
}

func TestKeyPanicsForOtherTypes(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	KeyOf(1, struct{ X int }{1})
}

func TestPutGetMap(t *testing.T) {
	s := open(t, Options{})
	for _, data := range [][]byte{nil, {1}, bytes.Repeat([]byte("quant"), 10000)} {
		k := KeyOf(len(data))
		if _, ok := s.Get(k); ok {
			t.Fatal("found before Put")
		}
		if err := s.Put(k, data); err != nil {
			t.Fatal(err)
		}
		got, ok := s.Get(k)
		if !ok || !bytes.Equal(got, data) {
			t.Fatalf("got %d bytes %v, want %d", len(got), ok, len(data))
		}
		m, ok := s.Map(k)
		if !ok || !bytes.Equal(m.Data, data) {
			t.Fatalf("mapped %v", ok)
		}
		if err := s.Put(k, []byte("other")); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.Data, data) {
			t.Error("replacing changed a mapping")
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if got, ok := s.Get(k); !ok || string(got) != "other" {
			t.Errorf("after replacing: %q %v", got, ok)
		}
		if err := s.Remove(k); err != nil {
			t.Error(err)
		}
		if _, ok := s.Get(k); ok {
			t.Error("found after Remove")
		}
	}
	info, err := os.Stat(s.Dir())
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("folder has mode %v", info.Mode())
	}
}

func TestOpenClosesAnOpenFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes there")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestDamageAtEveryByteCountsAsAbsent(t *testing.T) {
	s := open(t, Options{})
	k := KeyOf("damage")
	want := []byte("thirty-one bytes of some result")
	if err := s.Put(k, want); err != nil {
		t.Fatal(err)
	}
	name := s.path(k, wholeExt)
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	absent := func(what string, data []byte) {
		t.Helper()
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, ok := s.Get(k); ok {
			t.Errorf("%s: Get finds it", what)
		}
		if m, ok := s.Map(k); ok {
			t.Errorf("%s: Map finds it", what)
			m.Close()
		}
	}
	for i := range file {
		for _, flip := range []byte{1, 0x80, 0xff} {
			bad := bytes.Clone(file)
			bad[i] ^= flip
			absent(fmt.Sprintf("byte %d ^ %#x", i, flip), bad)
		}
		absent(fmt.Sprintf("cut at %d", i), file[:i])
	}
	absent("a byte more", append(bytes.Clone(file), 0))
	absent("another file", bytes.Repeat([]byte("foreign "), 100))
	if err := s.Put(k, want); err != nil {
		t.Fatal(err)
	}
	if got, ok := s.Get(k); !ok || !bytes.Equal(got, want) {
		t.Error("a damaged file was not replaced")
	}
	// The file of another key, under this key's name.
	if err := s.Put(KeyOf("other"), want); err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(s.path(KeyOf("other"), wholeExt))
	if err != nil {
		t.Fatal(err)
	}
	absent("another key's file", other)
}

func TestForeignThingsAreReplaced(t *testing.T) {
	s := open(t, Options{})
	k := KeyOf("place")
	for _, ext := range []string{wholeExt, seriesExt} {
		if err := os.MkdirAll(filepath.Join(s.path(k, ext), "inside"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := s.Get(k); ok {
		t.Fatal("a folder was read")
	}
	if err := s.Put(k, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if got, ok := s.Get(k); !ok || string(got) != "x" {
		t.Errorf("%q %v", got, ok)
	}
	if err := s.Series(k).Append([]byte("y")); err != nil {
		t.Fatal(err)
	}
	if r := s.Series(k).Records(); len(r) != 1 {
		t.Errorf("%d records", len(r))
	}
}

func TestOffDoesNothing(t *testing.T) {
	k := KeyOf(1)
	if err := Off.Put(k, []byte("x")); err != nil {
		t.Error(err)
	}
	if _, ok := Off.Get(k); ok {
		t.Error("Get found something")
	}
	if _, ok := Off.Map(k); ok {
		t.Error("Map found something")
	}
	r := Off.Series(k)
	if err := r.Append([]byte("x")); err != nil || r.Records() != nil || r.Close() != nil || Off.Remove(k) != nil || Off.Dir() != "" {
		t.Error("a series of Off did something")
	}
	t.Setenv("QUANTNB_MEMO", "off")
	if s, err := Default(); s != Off || err != nil {
		t.Errorf("%v %v", s, err)
	}
	t.Setenv("QUANTNB_MEMO", filepath.Join(t.TempDir(), "here"))
	s, err := Default()
	if err != nil || filepath.Base(s.Dir()) != "here" {
		t.Errorf("%v %v", s, err)
	}
}

func TestLeastRecentlyUsedGoesFirst(t *testing.T) {
	const each = 1000
	s := open(t, Options{Bytes: 10 * (each + headerSize)})
	start := time.Now().Add(-time.Hour)
	for i := range 10 {
		if err := s.Put(KeyOf(i), make([]byte, each)); err != nil {
			t.Fatal(err)
		}
		at := start.Add(time.Duration(i) * time.Minute)
		if err := os.Chtimes(s.path(KeyOf(i), wholeExt), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := s.Get(KeyOf(0)); !ok { // the oldest is used again
		t.Fatal("0 is gone too early")
	}
	if err := s.Put(KeyOf(10), make([]byte, each)); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, false, true, true, true, true, true, true, true, true} {
		if _, ok := s.Get(KeyOf(i)); ok != want {
			t.Errorf("result %d is there: %v, want %v", i, ok, want)
		}
	}
	if err := s.Put(KeyOf("huge"), make([]byte, 20*each)); err == nil {
		t.Error("a result larger than the store was taken")
	}
}

func TestConcurrentWriters(t *testing.T) {
	s := open(t, Options{Bytes: 1 << 16}) // so small that eviction runs meanwhile
	k := KeyOf("contended")
	series := KeyOf("contended series")
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			other, err := Open(s.Dir(), Options{Bytes: 1 << 16})
			if err != nil {
				t.Error(err)
				return
			}
			for i := range 60 {
				data := bytes.Repeat([]byte{byte(w)}, 1000+w)
				if err := other.Put(k, data); err != nil {
					t.Error(err)
				}
				if got, ok := other.Get(k); ok && (len(got) != 1000+int(got[0]) || !bytes.Equal(got, bytes.Repeat(got[:1], len(got)))) {
					t.Error("a mixture of two results")
				}
				if m, ok := other.Map(k); ok {
					if len(m.Data) != 1000+int(m.Data[0]) {
						t.Error("a mapped mixture")
					}
					m.Close()
				}
				if err := other.Put(KeyOf(w, i), data); err != nil {
					t.Error(err)
				}
				if err := other.Series(series).Append([]byte{byte(w), byte(w)}); err != nil {
					t.Error(err)
				}
				for _, r := range other.Series(series).Records() {
					if len(r) != 2 || r[0] != r[1] {
						t.Errorf("record %v", r)
					}
				}
			}
		}()
	}
	wg.Wait()
}

func TestViews(t *testing.T) {
	x := []float32{1, -2.5, float32(math.Inf(1)), 0}
	back, err := View[float32](Bytes(x))
	if err != nil || !bytes.Equal(Bytes(back), Bytes(x)) {
		t.Fatalf("%v %v", back, err)
	}
	if got := Bytes([]float32{1}); !bytes.Equal(got, []byte{0, 0, 0x80, 0x3f}) {
		t.Errorf("1 is stored as %x", got)
	}
	shifted := append([]byte{9}, Bytes([]float64{3, 4})...)[1:]
	if y, err := View[float64](shifted); err != nil || y[0] != 3 || y[1] != 4 {
		t.Errorf("unaligned: %v %v", y, err)
	}
	if _, err := View[int64](make([]byte, 12)); err == nil {
		t.Error("12 bytes made int64s")
	}
	if y, err := View[int32](nil); err != nil || len(y) != 0 {
		t.Error("nothing is not nothing")
	}
	if got := swapped([]byte{1, 2, 3, 4, 5, 6, 7, 8}, 4); !bytes.Equal(got, []byte{4, 3, 2, 1, 8, 7, 6, 5}) {
		t.Errorf("swapped: %v", got)
	}
	s := open(t, Options{})
	if err := s.Put(KeyOf("x"), Bytes(x)); err != nil {
		t.Fatal(err)
	}
	data, ok := s.Get(KeyOf("x"))
	if !ok {
		t.Fatal("not found")
	}
	y, err := View[float32](data)
	if err != nil || y[1] != -2.5 {
		t.Errorf("%v %v", y, err)
	}
	if littleEndian && &Bytes(y)[0] != &data[0] {
		t.Error("a stored payload is not aligned")
	}
}

func FuzzDecode(f *testing.F) {
	k := KeyOf("fuzz")
	f.Add(append(header(k, kindWhole, []byte("payload")), "payload"...))
	series := header(k, kindSeries, nil)
	series = append(series, record(k, []byte("a"))...)
	series = append(series, record(k, nil)...)
	f.Add(series)
	f.Add(append(bytes.Clone(series), record(k, []byte("torn"))[:18]...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, file []byte) {
		if data, ok := decodeWhole(file, k); ok {
			if again := append(header(k, kindWhole, data), data...); !bytes.Equal(again, file) {
				t.Errorf("accepted file is not the one that Put writes")
			}
		}
		// Whatever stands in a series, what is appended after it is found.
		if records, ok := decodeSeries(file, k); ok {
			more := append(bytes.Clone(file), record(k, []byte("new"))...)
			after, ok := decodeSeries(more, k)
			if !ok || len(after) < 1 || len(after) > len(records)+1 {
				t.Errorf("%d records, %d after one more", len(records), len(after))
			}
		}
	})
}

func BenchmarkGet(b *testing.B) {
	s := open(b, Options{})
	for _, size := range []int{4 << 10, 1 << 20, 64 << 20} {
		k := KeyOf(size)
		if err := s.Put(k, make([]byte, size)); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("Get/%dKiB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				s.Get(k)
			}
		})
		b.Run(fmt.Sprintf("Map/%dKiB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				if m, ok := s.Map(k); ok {
					m.Close()
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	s := open(b, Options{})
	r := s.Series(KeyOf("bench"))
	cell := make([]byte, 64)
	for b.Loop() {
		if err := r.Append(cell); err != nil {
			b.Fatal(err)
		}
	}
}
