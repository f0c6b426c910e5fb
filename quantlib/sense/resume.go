package sense

import (
	"encoding/binary"
	"math"
	"sync"
	"time"

	"github.com/quantnb/quantnb/quantlib/memo"
)

// A journal is the scores of finished measurements, a row for the samples of a
// batch each, as they are kept in a memo.Series. A row is known by its ties and
// width, so that a grid of other widths finds what it shares.
type journal struct {
	series *memo.Series

	mu      sync.Mutex
	known   map[entryKey]entry
	waiting [][]byte
	written time.Time
}

type entryKey struct {
	row   rowID
	lo, n uint32
}

// rowID is the first bytes of a hash; others are compared by nothing else.
type rowID [16]byte

type entry struct {
	calls  int
	scores []score
}

// floatRow is the entry of the float network against itself.
var floatRow = idOf("float", nil, 0)

func idOf(kind string, ties []int, bits int) (id rowID) {
	k := memo.KeyOf(kind, ties, bits)
	copy(id[:], k[:])
	return id
}

// flushEvery is how much work, in time, may be lost when the process is killed.
const flushEvery = 200 * time.Millisecond

func openJournal(series *memo.Series) *journal {
	j := &journal{series: series, known: map[entryKey]entry{}, written: time.Now()}
	for _, r := range series.Records() {
		if k, e, ok := decodeEntry(r); ok {
			j.known[k] = e
		}
	}
	return j
}

// find copies the scores of a row for the samples from lo on, if they are known.
func (j *journal) find(id rowID, lo int, dst []score) (calls int, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e, ok := j.known[entryKey{id, uint32(lo), uint32(len(dst))}]
	if ok {
		copy(dst, e.scores)
	}
	return e.calls, ok
}

// add keeps scores. That they cannot be written costs time later, not the result.
func (j *journal) add(id rowID, lo, calls int, scores []score) {
	if j.series == nil {
		return
	}
	r := encodeEntry(entryKey{id, uint32(lo), uint32(len(scores))}, entry{calls, scores})
	j.mu.Lock()
	j.waiting = append(j.waiting, r)
	late := time.Since(j.written) >= flushEvery
	j.mu.Unlock()
	if late {
		j.flush()
	}
}

func (j *journal) flush() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.waiting) > 0 {
		_ = j.series.Append(j.waiting...)
		j.waiting = nil
	}
	j.written = time.Now()
}

func (j *journal) close() {
	j.flush()
	_ = j.series.Close()
}

const scoreSize = 5*8 + 1

func encodeEntry(k entryKey, e entry) []byte {
	b := make([]byte, 0, len(k.row)+12+len(e.scores)*scoreSize)
	b = append(b, k.row[:]...)
	b = binary.LittleEndian.AppendUint32(b, k.lo)
	b = binary.LittleEndian.AppendUint32(b, k.n)
	b = binary.LittleEndian.AppendUint32(b, uint32(e.calls))
	for _, s := range e.scores {
		for _, v := range []float64{s.nsr, s.cosine, s.mse, s.loss, s.rise} {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		flags := byte(0)
		if s.agree {
			flags |= 1
		}
		if s.right {
			flags |= 2
		}
		b = append(b, flags)
	}
	return b
}

func decodeEntry(b []byte) (k entryKey, e entry, ok bool) {
	head := len(k.row) + 12
	if len(b) < head {
		return k, e, false
	}
	copy(k.row[:], b)
	u := func(i int) uint32 { return binary.LittleEndian.Uint32(b[len(k.row)+4*i:]) }
	k.lo, k.n, e.calls = u(0), u(1), int(u(2))
	if b = b[head:]; uint64(len(b)) != uint64(k.n)*scoreSize {
		return k, e, false
	}
	e.scores = make([]score, k.n)
	for i := range e.scores {
		s := &e.scores[i]
		for q, v := range []*float64{&s.nsr, &s.cosine, &s.mse, &s.loss, &s.rise} {
			*v = math.Float64frombits(binary.LittleEndian.Uint64(b[8*q:]))
		}
		s.agree, s.right = b[40]&1 != 0, b[40]&2 != 0
		b = b[scoreSize:]
	}
	return k, e, true
}
