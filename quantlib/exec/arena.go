package exec

import (
	"math/bits"
	"slices"
	"unsafe"
)

// arena is the storage of a worker's values: one piece of memory in which each
// buffer has the smallest gap that it fits, or else room at the end. What the
// first run needs is known when it has ended; until then a buffer that lies
// beyond the piece has storage of its own, which others of its size class take
// over.
type arena struct {
	mem   []byte
	gaps  []span // in order; no two touch each other or end
	end   int    // behind the last buffer
	most  int    // greatest end in this run
	apart map[int][]*buffer
	heads []*buffer // without a place
}

// span is the bytes from..to of the arena.
type span struct{ from, to int }

// lineBytes is what places and sizes of buffers are multiples of: a cache line.
const lineBytes = 64

// take is a buffer of at least n bytes, without storage where dry is set.
func (a *arena) take(w *worker, n int, dry bool) *buffer {
	size := max(lineBytes, (n+lineBytes-1)/lineBytes*lineBytes)
	at := a.place(size)
	if to := at + size; dry || to <= len(a.mem) {
		b := a.head(w)
		b.at, b.size = at, size
		if !dry {
			b.mem = a.mem[at:to:to]
		}
		return b
	}
	var b *buffer
	kind := class(size)
	if list := a.apart[kind]; len(list) > 0 {
		b, a.apart[kind] = list[len(list)-1], list[:len(list)-1]
	} else {
		b = &buffer{w: w, apart: true, mem: storage(kind)}
	}
	b.at, b.size = at, size
	return b
}

func (a *arena) head(w *worker) *buffer {
	if n := len(a.heads); n > 0 {
		b := a.heads[n-1]
		a.heads = a.heads[:n-1]
		return b
	}
	return &buffer{w: w}
}

// place finds room for size bytes.
func (a *arena) place(size int) int {
	best, least := -1, 0
	for i, g := range a.gaps {
		if n := g.to - g.from; n >= size && (best < 0 || n < least) {
			best, least = i, n
		}
	}
	if best < 0 {
		at := a.end
		a.end += size
		a.most = max(a.most, a.end)
		return at
	}
	at := a.gaps[best].from
	if a.gaps[best].from += size; least == size {
		a.gaps = slices.Delete(a.gaps, best, best+1)
	}
	return at
}

// give takes a buffer back.
func (a *arena) give(b *buffer) {
	from, to := b.at, b.at+b.size
	i, _ := slices.BinarySearchFunc(a.gaps, from, func(g span, at int) int { return g.from - at })
	if i > 0 && a.gaps[i-1].to == from {
		i--
		from = a.gaps[i].from
		a.gaps = slices.Delete(a.gaps, i, i+1)
	}
	if i < len(a.gaps) && a.gaps[i].from == to {
		to = a.gaps[i].to
		a.gaps = slices.Delete(a.gaps, i, i+1)
	}
	if to == a.end {
		a.end = from
	} else {
		a.gaps = slices.Insert(a.gaps, i, span{from, to})
	}
	if !b.apart {
		b.mem = nil
		a.heads = append(a.heads, b)
		return
	}
	if a.apart == nil {
		a.apart = map[int][]*buffer{}
	}
	a.apart[len(b.mem)] = append(a.apart[len(b.mem)], b)
}

// settle ends a run, all of whose buffers were given back: the piece of memory is
// as long as the longest run needed, and storage apart goes. In a dry run none is
// made.
func (a *arena) settle(dry bool) {
	if !dry && a.most > len(a.mem) {
		a.mem = nil // first, so that both are never there
		a.mem = storage(a.most)
	}
	a.apart = nil
}

// begin makes the arena empty.
func (a *arena) begin() { a.gaps, a.end, a.most = a.gaps[:0], 0, 0 }

func storage(size int) []byte {
	words := make([]uint64, size/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), size)
}

// class rounds a size up to one of eight steps for each power of two.
func class(size int) int {
	if size <= lineBytes {
		return lineBytes
	}
	step := 1 << max(0, bits.Len(uint(size-1))-4)
	return (size + step - 1) / step * step
}
