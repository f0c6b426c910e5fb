package samples

import (
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"math"

	"github.com/quantnb/quantnb/quantlib/tensor"
)

// element is how one number is stored.
type element struct {
	kind byte // 'u', 'i', 'f' or 'b', as NumPy has it
	size int  // bytes
	big  bool // the most significant byte first
}

func (e element) String() string {
	name := map[byte]string{'u': "uint", 'i': "int", 'f': "float", 'b': "bool"}[e.kind]
	if e.kind == 'b' {
		return name
	}
	return fmt.Sprint(name, e.size*8)
}

func (e element) known() bool {
	switch e.kind {
	case 'u', 'i':
		return e.size == 1 || e.size == 2 || e.size == 4 || e.size == 8
	case 'f':
		return e.size == 2 || e.size == 4 || e.size == 8
	}
	return e.kind == 'b' && e.size == 1
}

// decode sets dst to the numbers stored in b, whose length is that of dst times
// the element's size. Integers beyond 2⁵³ are rounded.
func (e element) decode(dst []float64, b []byte) {
	var order binary.ByteOrder = binary.LittleEndian
	if e.big {
		order = binary.BigEndian
	}
	for i := range dst {
		p := b[i*e.size:]
		var u uint64
		switch e.size {
		case 1:
			u = uint64(p[0])
		case 2:
			u = uint64(order.Uint16(p))
		case 4:
			u = uint64(order.Uint32(p))
		case 8:
			u = order.Uint64(p)
		}
		switch {
		case e.kind == 'i':
			shift := 64 - 8*e.size
			dst[i] = float64(int64(u<<shift) >> shift)
		case e.kind != 'f':
			dst[i] = float64(u)
		case e.size == 2:
			dst[i] = float64(tensor.Float32FromBits16(uint16(u)))
		case e.size == 4:
			dst[i] = float64(math.Float32frombits(uint32(u)))
		default:
			dst[i] = math.Float64frombits(u)
		}
	}
}

// stored is samples that stand one after the other in a file.
type stored struct {
	name string
	r    io.ReaderAt
	at   int64 // where the first element stands
	kind element
	size int // elements of a sample
	n    int // samples
}

func (s *stored) bytes() bool { return s.kind.kind == 'u' && s.kind.size == 1 }

func (s *stored) read(lo, hi int, dst []float64) error {
	b := make([]byte, len(dst)*s.kind.size)
	at := s.at + int64(lo)*int64(s.size)*int64(s.kind.size)
	if n, err := s.r.ReadAt(b, at); n < len(b) {
		return fmt.Errorf("%s: samples %d..%d: %w", s.name, lo, hi-1, err)
	}
	s.kind.decode(dst, b)
	for i, v := range dst {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%s: sample %d, element %d is %v", s.name, lo+i/s.size, i%s.size, v)
		}
	}
	return nil
}

func (s *stored) sum(h hash.Hash) error {
	fmt.Fprintf(h, "%v %v\n", s.kind, s.kind.big)
	return copyN(h, s.r, s.at, int64(s.n)*int64(s.size)*int64(s.kind.size))
}
