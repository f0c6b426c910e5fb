package memo

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
)

func TestSeriesResumes(t *testing.T) {
	s := open(t, Options{})
	k := KeyOf("grid")
	r := s.Series(k)
	if r.Records() != nil {
		t.Fatal("records before the first")
	}
	var want [][]byte
	for i := range 100 {
		want = append(want, []byte(strconv.Itoa(i*i)))
	}
	want = append(want, nil, bytes.Repeat(recordMark, 3), record(KeyOf("other"), []byte("inner")))
	for i, p := range want {
		if i == 50 {
			r.Close() // a later process
			r = s.Series(k)
		}
		if err := r.Append(p); err != nil {
			t.Fatal(err)
		}
	}
	same := func(got [][]byte) bool {
		if len(got) != len(want) {
			return false
		}
		for i := range got {
			if !bytes.Equal(got[i], want[i]) {
				return false
			}
		}
		return true
	}
	if got := s.Series(k).Records(); !same(got) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	// A writer dies within a record; another goes on.
	f, err := os.OpenFile(s.path(k, seriesExt), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.Write(record(k, []byte("never finished"))[:20])
	f.Close()
	if got := s.Series(k).Records(); !same(got) {
		t.Error("a torn tail changes the records")
	}
	if err := s.Series(k).Append([]byte("after")); err != nil {
		t.Fatal(err)
	}
	want = append(want, []byte("after"))
	if got := s.Series(k).Records(); !same(got) {
		t.Errorf("%d records after a torn one, want %d", len(got), len(want))
	}
	// The file is removed while open for appending.
	if err := s.Remove(k); err != nil {
		t.Fatal(err)
	}
	if err := r.Append([]byte("again")); err != nil {
		t.Fatal(err)
	}
	if got := s.Series(k).Records(); len(got) != 1 || string(got[0]) != "again" {
		t.Errorf("%q after removal", got)
	}
}

func TestSeriesDamageDropsOneRecord(t *testing.T) {
	k := KeyOf("small")
	file := header(k, kindSeries, nil)
	for i := range 3 {
		file = append(file, record(k, []byte{byte(i), byte(i)})...)
	}
	for i := range file {
		for _, flip := range []byte{1, 0xff} {
			bad := bytes.Clone(file)
			bad[i] ^= flip
			got, ok := decodeSeries(bad, k)
			if i < headerSize {
				if ok {
					t.Fatalf("byte %d of the header is damaged and not noticed", i)
				}
				continue
			}
			hit := byte((i - headerSize) / (recordHead + 2))
			if len(got) != 2 {
				t.Fatalf("byte %d: %d records left, want 2", i, len(got))
			}
			for _, p := range got {
				if p[0] == hit || p[0] != p[1] {
					t.Fatalf("byte %d: record %v is not what was written", i, p)
				}
			}
		}
	}
}

// Several processes append to one series at a time.
func TestConcurrentProcesses(t *testing.T) {
	const each, processes = 200, 4
	if dir := os.Getenv("MEMO_TEST_WRITER"); dir != "" {
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		r := s.Series(KeyOf("shared"))
		for i := range each {
			if err := r.Append([]byte(fmt.Sprint(os.Getpid(), " ", i))); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	s := open(t, Options{})
	var all []*exec.Cmd
	for range processes {
		c := exec.Command(os.Args[0], "-test.run=^TestConcurrentProcesses$")
		c.Env = append(os.Environ(), "MEMO_TEST_WRITER="+s.Dir())
		if err := c.Start(); errors.Is(err, syscall.ENOEXEC) {
			t.Skip("an emulated processor's programs cannot be started from within: ", err)
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	for _, c := range all {
		if err := c.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for _, r := range s.Series(KeyOf("shared")).Records() {
		seen[string(r)] = true
	}
	if len(seen) != each*processes {
		t.Errorf("%d different records, want %d", len(seen), each*processes)
	}
}
