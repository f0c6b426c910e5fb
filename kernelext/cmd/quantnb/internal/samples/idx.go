package samples

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// idxKinds are the types of the IDX format: two zero bytes, the type, the number
// of axes, their lengths in 32 bits each, and the elements, the most significant
// byte first. See http://yann.lecun.com/exdb/mnist/.
var idxKinds = map[byte]element{
	0x08: {'u', 1, true}, 0x09: {'i', 1, true}, 0x0b: {'i', 2, true},
	0x0c: {'i', 4, true}, 0x0d: {'f', 4, true}, 0x0e: {'f', 8, true},
}

// readIDX reads the head of an IDX file; ok is false if it is none.
func readIDX(r io.ReaderAt, size int64) (a array, ok bool, err error) {
	head := make([]byte, 4)
	if n, _ := r.ReadAt(head, 0); n < 4 || head[0] != 0 || head[1] != 0 || head[3] == 0 || head[3] > 8 {
		return a, false, nil
	}
	if a.kind, ok = idxKinds[head[2]]; !ok {
		return a, false, nil
	}
	dims := make([]byte, 4*int(head[3]))
	if n, _ := r.ReadAt(dims, 4); n < len(dims) {
		return a, false, nil
	}
	for i := range int(head[3]) {
		a.shape = append(a.shape, int(binary.BigEndian.Uint32(dims[4*i:])))
	}
	a.at = 4 + int64(len(dims))
	n, err := tensor.Elements(a.shape)
	if err != nil {
		return a, true, err
	}
	if want := a.at + int64(n)*int64(a.kind.size); want != size {
		return a, true, fmt.Errorf("an IDX file of %d bytes; shape %v needs %d", size, a.shape, want)
	}
	return a, true, nil
}

// contents opens a file; one that ends in .gz is unpacked to memory.
func contents(path string) (r io.ReaderAt, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	if !strings.HasSuffix(strings.ToLower(path), ".gz") {
		info, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, 0, err
		}
		return f, info.Size(), nil
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, 0, err
	}
	data, err := io.ReadAll(io.LimitReader(z, maxMember))
	if err != nil {
		return nil, 0, err
	}
	return bytes.NewReader(data), int64(len(data)), nil
}

// openIDX takes an IDX file; ok is false if it is none.
func (s *Set) openIDX(in []graph.Value) (ok bool, err error) {
	r, size, err := contents(s.Source)
	if err != nil {
		return false, err
	}
	a, ok, err := readIDX(r, size)
	if !ok || err != nil {
		if c, is := r.(io.Closer); is {
			c.Close()
		}
		return ok, err
	}
	v, err := single(in)
	if err != nil {
		return true, err
	}
	model, err := want(v, s.options.Shape)
	if err != nil {
		return true, err
	}
	shape, err := match(a.shape[1:], model)
	if err != nil {
		return true, err
	}
	n, err := tensor.Elements(shape)
	if err != nil {
		return true, err
	}
	s.Form, s.n = "IDX", a.shape[0]
	s.columns = []column{{v, shape, &stored{name: s.Source, r: r, at: a.at, kind: a.kind, size: n, n: s.n}}}
	return true, nil
}
