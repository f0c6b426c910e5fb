package memo

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// Series is a growing list of records under one key: the cells of a grid, say,
// each stored as soon as it is known. Records are whatever bytes the caller
// likes; what they belong to must be in them. A Series is safe for concurrent
// use, and several processes may append to the same one; their records
// interleave, whole. A nil Series keeps nothing.
type Series struct {
	store *Store
	key   Key

	mu   sync.Mutex
	file *os.File // open for appending; nil before the first Append
}

// Series opens the records stored under a key; the name is free until the first
// Append. A series and a whole result under one key do not touch each other.
func (s *Store) Series(key Key) *Series {
	if s == nil {
		return nil
	}
	return &Series{store: s, key: key}
}

// Records returns all intact records, in the order they were appended. A record
// that was cut short, or damaged, is left out. They share one block of memory,
// in which they are not aligned.
func (r *Series) Records() [][]byte {
	if r == nil {
		return nil
	}
	file, ok := r.store.read(r.key, seriesExt)
	if !ok {
		return nil
	}
	records, _ := decodeSeries(file, r.key)
	return records
}

// Append adds records, in one write. What it returns without an error survives
// the death of the process, though not that of the machine: a result that can be
// computed again is not worth a disk flush.
//
// It panics if a record is 4 GiB long or longer.
func (r *Series) Append(records ...[]byte) error {
	if r == nil || len(records) == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	name := r.store.path(r.key, seriesExt)
	var data []byte
	if r.file != nil && !r.current(name) {
		r.file.Close()
		r.file = nil
	}
	if r.file == nil {
		fresh, err := r.open(name)
		if err != nil {
			return fmt.Errorf("memo: %w", err)
		}
		if fresh {
			// Should another process do the same, the second header is skipped by
			// readers like any bytes between records.
			data = header(r.key, kindSeries, nil)
		}
	}
	for _, p := range records {
		data = append(data, record(r.key, p)...)
	}
	if _, err := r.file.Write(data); err != nil {
		return fmt.Errorf("memo: %w", err)
	}
	return r.store.grow(int64(len(data)), name)
}

// current reports whether the open file is still the one of that name: it may
// have been evicted or replaced.
func (r *Series) current(name string) bool {
	now, err := os.Lstat(name)
	if err != nil {
		return false
	}
	open, err := r.file.Stat()
	return err == nil && os.SameFile(now, open)
}

// open opens the file for appending, after removing one that is not ours. fresh
// says that it has no header yet.
func (r *Series) open(name string) (fresh bool, err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return false, err
	}
	clearName(name)
	if f, err := os.Open(name); err == nil {
		head := make([]byte, headerSize)
		n, _ := io.ReadFull(f, head)
		f.Close()
		if n > 0 && !ours(head, r.key, kindSeries) {
			if err := os.Remove(name); err != nil {
				return false, err
			}
		}
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return false, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return false, err
	}
	r.file = f
	return info.Size() == 0, nil
}

// Close ends appending; a later Append opens the series again.
func (r *Series) Close() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}
