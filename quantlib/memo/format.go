package memo

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
)

// A file is a header of 64 bytes and what follows it, all numbers
// little-endian:
//
//	 0  magic    "QNBMEMO\n"
//	 8  version  uint32
//	12  kind     uint32, kindWhole or kindSeries
//	16  key      32 bytes
//	48  length   uint64, of the payload of a whole result; 0 in a series
//	56  check    uint32, CRC-32C of that payload; 0 in a series
//	60  header   uint32, CRC-32C of the 60 bytes before
//
// A whole result's payload follows, to the end of the file. A series has records
// instead, each
//
//	 0  mark     8 bytes, recordMark
//	 8  length   uint32, of the payload
//	12  check    uint32, CRC-32C of key, length and payload
//	16  payload
//
// A reader that finds something else where a record should begin looks for the
// next mark. So a record that was cut short when its writer died is dropped, and
// those which other writers appended after it are found.
const (
	version    = 1
	headerSize = 64
	recordHead = 16
	kindWhole  = 1
	kindSeries = 2
)

var (
	magic      = []byte("QNBMEMO\n")
	recordMark = []byte{0xf1, 'Q', 'N', 'B', 'r', 'e', 'c', 0x1a}
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

func checksum(parts ...[]byte) uint32 {
	sum := uint32(0)
	for _, p := range parts {
		sum = crc32.Update(sum, castagnoli, p)
	}
	return sum
}

func header(key Key, kind uint32, payload []byte) []byte {
	h := make([]byte, headerSize)
	copy(h, magic)
	binary.LittleEndian.PutUint32(h[8:], version)
	binary.LittleEndian.PutUint32(h[12:], kind)
	copy(h[16:], key[:])
	binary.LittleEndian.PutUint64(h[48:], uint64(len(payload)))
	if kind == kindWhole {
		binary.LittleEndian.PutUint32(h[56:], checksum(payload))
	}
	binary.LittleEndian.PutUint32(h[60:], checksum(h[:60]))
	return h
}

// ours reports whether a file's first bytes are a header of this version for the
// key and kind.
func ours(head []byte, key Key, kind uint32) bool {
	return len(head) >= headerSize &&
		bytes.Equal(head[:8], magic) &&
		binary.LittleEndian.Uint32(head[8:]) == version &&
		binary.LittleEndian.Uint32(head[12:]) == kind &&
		bytes.Equal(head[16:48], key[:]) &&
		binary.LittleEndian.Uint32(head[60:]) == checksum(head[:60])
}

// decodeWhole is the payload of a whole result's file; it shares file's memory.
func decodeWhole(file []byte, key Key) (payload []byte, ok bool) {
	if !ours(file, key, kindWhole) {
		return nil, false
	}
	payload = file[headerSize:]
	if binary.LittleEndian.Uint64(file[48:]) != uint64(len(payload)) ||
		binary.LittleEndian.Uint32(file[56:]) != checksum(payload) {
		return nil, false
	}
	return payload, true
}

// record frames a payload; it panics if it is 4 GiB long or longer.
func record(key Key, payload []byte) []byte {
	if uint64(len(payload)) > math.MaxUint32 {
		panic("memo: a record is longer than 4 GiB")
	}
	r := make([]byte, recordHead, recordHead+len(payload))
	copy(r, recordMark)
	binary.LittleEndian.PutUint32(r[8:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(r[12:], checksum(key[:], r[8:12], payload))
	return append(r, payload...)
}

// decodeSeries lists the intact records of a series' file, which share its
// memory.
func decodeSeries(file []byte, key Key) (records [][]byte, ok bool) {
	if !ours(file, key, kindSeries) {
		return nil, false
	}
	rest := file[headerSize:]
	for {
		at := bytes.Index(rest, recordMark)
		if at < 0 || len(rest)-at < recordHead {
			return records, true
		}
		rest = rest[at:]
		n := uint64(binary.LittleEndian.Uint32(rest[8:]))
		if n > uint64(len(rest)-recordHead) ||
			binary.LittleEndian.Uint32(rest[12:]) != checksum(key[:], rest[8:12], rest[recordHead:recordHead+n]) {
			rest = rest[1:]
			continue
		}
		end := recordHead + n
		records = append(records, rest[recordHead:end:end])
		rest = rest[end:]
	}
}
