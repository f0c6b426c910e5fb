// Package memo keeps results on disk under the SHA-256 of everything they depend
// on, so that work done in one process is found by the next: in a notebook each
// cell is a process of its own.
//
// A [Store] holds two kinds of entries. [Store.Put] and [Store.Get] keep a whole
// result; [Store.Series] keeps records that are appended one by one, so that
// interrupted work resumes where it stopped. Nothing in a store is trusted: an
// entry that is damaged, of another version or not ours counts as absent and is
// replaced. Entries may be removed at any time by anyone; the worst that can
// happen is that something is computed again.
package memo

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
)

// Key addresses a result. It is the SHA-256 of the parts it was made of.
type Key [sha256.Size]byte

// String is the key in hexadecimal.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// Tags of the types that a key distinguishes. Their values are part of the
// format: a changed value changes keys.
const (
	tagNil = iota
	tagBool
	tagInt
	tagUint
	tagFloat32
	tagFloat64
	tagString
	tagBytes
	tagKey
	tagInts
	tagFloat32s
	tagFloat64s
	tagStrings
	tagKeys
	tagBools
	tagParts
)

// KeyOf hashes parts, in order, in a form that no two different lists of parts
// share: each part is its type's tag, then its value; strings, bytes and slices
// are preceded by their length in elements; numbers are little-endian, floats by
// their bits, so that NaNs with different payloads and the two zeros differ.
//
// Signed integers of any width are one type, and so are unsigned ones: int(3) and
// int64(3) give the same key, uint8(3) another. []any nests. Named types and
// structs are not taken: say what of them matters.
//
// It panics for any other type: bool, string, []byte, Key, int, int8 … int64,
// uint … uint64, float32, float64, []bool, []string, []int, []int32, []int64,
// []float32, []float64, []Key, []any and nil are known.
func KeyOf(parts ...any) Key {
	h := hasher{Hash: sha256.New()}
	h.parts(parts)
	var k Key
	h.Sum(k[:0])
	return k
}

type hasher struct {
	hash.Hash
	buf [8]byte
}

func (h *hasher) tag(t byte) { h.buf[0] = t; h.Write(h.buf[:1]) }

func (h *hasher) u64(v uint64) {
	binary.LittleEndian.PutUint64(h.buf[:], v)
	h.Write(h.buf[:])
}

func (h *hasher) u32(v uint32) {
	binary.LittleEndian.PutUint32(h.buf[:4], v)
	h.Write(h.buf[:4])
}

func (h *hasher) str(s string) {
	h.u64(uint64(len(s)))
	h.Write([]byte(s))
}

func (h *hasher) flag(b bool) {
	h.buf[0] = 0
	if b {
		h.buf[0] = 1
	}
	h.Write(h.buf[:1])
}

func (h *hasher) parts(parts []any) {
	h.u64(uint64(len(parts)))
	for i, p := range parts {
		h.part(i, p)
	}
}

func (h *hasher) signed(v int64)    { h.tag(tagInt); h.u64(uint64(v)) }
func (h *hasher) unsigned(v uint64) { h.tag(tagUint); h.u64(v) }

func (h *hasher) part(i int, p any) {
	switch v := p.(type) {
	case nil:
		h.tag(tagNil)
	case bool:
		h.tag(tagBool)
		h.flag(v)
	case int:
		h.signed(int64(v))
	case int8:
		h.signed(int64(v))
	case int16:
		h.signed(int64(v))
	case int32:
		h.signed(int64(v))
	case int64:
		h.signed(v)
	case uint:
		h.unsigned(uint64(v))
	case uint8:
		h.unsigned(uint64(v))
	case uint16:
		h.unsigned(uint64(v))
	case uint32:
		h.unsigned(uint64(v))
	case uint64:
		h.unsigned(v)
	case float32:
		h.tag(tagFloat32)
		h.u32(math.Float32bits(v))
	case float64:
		h.tag(tagFloat64)
		h.u64(math.Float64bits(v))
	case string:
		h.tag(tagString)
		h.str(v)
	case []byte:
		h.tag(tagBytes)
		h.u64(uint64(len(v)))
		h.Write(v)
	case Key:
		h.tag(tagKey)
		h.Write(v[:])
	case []int:
		h.list(tagInts, len(v), func(i int) { h.u64(uint64(v[i])) })
	case []int32:
		h.list(tagInts, len(v), func(i int) { h.u64(uint64(v[i])) })
	case []int64:
		h.list(tagInts, len(v), func(i int) { h.u64(uint64(v[i])) })
	case []float32:
		h.tag(tagFloat32s)
		h.u64(uint64(len(v)))
		h.Write(Bytes(v))
	case []float64:
		h.tag(tagFloat64s)
		h.u64(uint64(len(v)))
		h.Write(Bytes(v))
	case []string:
		h.list(tagStrings, len(v), func(i int) { h.str(v[i]) })
	case []Key:
		h.list(tagKeys, len(v), func(i int) { h.Write(v[i][:]) })
	case []bool:
		h.list(tagBools, len(v), func(i int) { h.flag(v[i]) })
	case []any:
		h.tag(tagParts)
		h.parts(v)
	default:
		panic(fmt.Sprintf("memo: KeyOf: part %d has type %T", i, p))
	}
}

func (h *hasher) list(tag byte, n int, each func(i int)) {
	h.tag(tag)
	h.u64(uint64(n))
	for i := range n {
		each(i)
	}
}
