package memo

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// DefaultBytes is the size that a store is held to where Options says nothing.
const DefaultBytes = 4 << 30

// ErrTooLarge is returned by Put for a result larger than the whole store may be.
var ErrTooLarge = errors.New("memo: the result is larger than the store may be")

// Off is a store that keeps nothing: Get finds nothing, Put does nothing. A nil
// *Store is the same.
var Off *Store

// Options configure a store. The zero value is useful.
type Options struct {
	Bytes int64 // files are removed, least recently used first, above this; 0 means DefaultBytes
}

// Store is a folder of results. It is safe for concurrent use, and several
// processes may use one folder at a time. A nil Store keeps nothing.
type Store struct {
	dir   string
	bytes int64

	mu    sync.Mutex
	known bool  // used has been measured
	used  int64 // bytes in files, as far as this process knows
}

// Default opens the user's store: the folder named by the environment variable
// QUANTNB_MEMO, or quantnb/memo in os.UserCacheDir. If QUANTNB_MEMO is "off" the
// result is Off.
func Default() (*Store, error) {
	dir := os.Getenv("QUANTNB_MEMO")
	if dir == "off" {
		return Off, nil
	}
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("memo: no cache folder, set QUANTNB_MEMO to a folder or to off: %w", err)
		}
		dir = filepath.Join(cache, "quantnb", "memo")
	}
	return Open(dir, Options{})
}

// Open makes the folder if need be and uses it as a store. The folder is made
// accessible to the user alone (mode 0700), since results tell about the user's
// models.
func Open(dir string, o Options) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("memo: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("memo: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return nil, fmt.Errorf("memo: folder is open to others: %w", err)
		}
	}
	s := &Store{dir: dir, bytes: o.Bytes}
	if s.bytes == 0 {
		s.bytes = DefaultBytes
	}
	return s, nil
}

// Dir is the store's folder, "" for Off.
func (s *Store) Dir() string {
	if s == nil {
		return ""
	}
	return s.dir
}

const (
	wholeExt  = ".memo"
	seriesExt = ".series"
	tempStart = ".new-"
	tempLife  = time.Hour   // a temporary file older than this has lost its writer
	touchStep = time.Second // uses closer than this count as one
)

func (s *Store) path(key Key, ext string) string {
	name := key.String()
	return filepath.Join(s.dir, name[:2], name+ext)
}

// Get returns the result stored under the key, in memory of its own that is
// aligned for numbers (see View). ok is false if there is none, or none that is
// intact.
func (s *Store) Get(key Key) (data []byte, ok bool) {
	file, ok := s.read(key, wholeExt)
	if !ok {
		return nil, false
	}
	return decodeWhole(file, key)
}

// read loads a file of the store and marks it as used.
func (s *Store) read(key Key, ext string) ([]byte, bool) {
	if s == nil {
		return nil, false
	}
	name := s.path(key, ext)
	f, err := openRegular(name)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() < headerSize || info.Size() > s.bytes || info.Size() != int64(int(info.Size())) {
		return nil, false
	}
	// The header tells a foreign file before memory is taken for it.
	file := make([]byte, headerSize, info.Size())
	kind := uint32(kindWhole)
	if ext == seriesExt {
		kind = kindSeries
	}
	if _, err := io.ReadFull(f, file); err != nil || !ours(file, key, kind) {
		return nil, false
	}
	file = file[:info.Size()]
	n, err := io.ReadFull(f, file[headerSize:])
	if err != nil && ext != seriesExt {
		return nil, false
	}
	touch(name, info)
	return file[:headerSize+n], true
}

// openRegular opens a file for reading if it is a regular one.
func openRegular(name string) (*os.File, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fs.ErrInvalid
	}
	return os.Open(name)
}

// touch marks a file as used now: the time of modification orders removal.
func touch(name string, info fs.FileInfo) {
	now := time.Now()
	if now.Sub(info.ModTime()) > touchStep {
		os.Chtimes(name, now, now) // in a read-only folder the order suffers, nothing else
	}
}

// Put stores a result, replacing what is there. Readers see the old or the new
// one, whole; of several writers the last one wins. It may remove results that
// were not used for long.
func (s *Store) Put(key Key, data []byte) error {
	if s == nil {
		return nil
	}
	size := int64(headerSize + len(data))
	if size > s.bytes {
		return fmt.Errorf("%w: %d bytes of %d", ErrTooLarge, size, s.bytes)
	}
	name := s.path(key, wholeExt)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return fmt.Errorf("memo: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(name), tempStart+"*")
	if err != nil {
		return fmt.Errorf("memo: %w", err)
	}
	_, err = temp.Write(header(key, kindWhole, data))
	if err == nil {
		_, err = temp.Write(data)
	}
	if e := temp.Close(); err == nil {
		err = e
	}
	if err == nil {
		clearName(name)
		err = os.Rename(temp.Name(), name)
	}
	if err != nil {
		os.Remove(temp.Name())
		return fmt.Errorf("memo: %w", err)
	}
	return s.grow(size, name)
}

// clearName removes what is no regular file from a name that a file is to have.
func clearName(name string) {
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		os.RemoveAll(name)
	}
}

// Remove forgets what is stored under the key.
func (s *Store) Remove(key Key) error {
	if s == nil {
		return nil
	}
	var all error
	for _, ext := range []string{wholeExt, seriesExt} {
		if err := os.Remove(s.path(key, ext)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	return all
}

// grow accounts for bytes written to keep, and evicts when the store is over its
// size.
func (s *Store) grow(n int64, keep string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known && s.used+n <= s.bytes {
		s.used += n
		return nil
	}
	return s.evict(keep)
}

type entry struct {
	name string
	size int64
	used time.Time
}

// evict measures the store, and removes the least recently used files until a
// tenth of the size is free, if it is over its size. The file named keep stays.
func (s *Store) evict(keep string) error {
	var entries []entry
	total := int64(0)
	folders, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("memo: %w", err)
	}
	for _, folder := range folders {
		if !folder.IsDir() || len(folder.Name()) != 2 {
			continue // not ours, and not counted
		}
		files, err := os.ReadDir(filepath.Join(s.dir, folder.Name()))
		if err != nil {
			continue
		}
		for _, f := range files {
			info, err := f.Info()
			if err != nil || !info.Mode().IsRegular() {
				continue
			}
			name := filepath.Join(s.dir, folder.Name(), f.Name())
			switch {
			case strings.HasPrefix(f.Name(), tempStart):
				if time.Since(info.ModTime()) > tempLife {
					os.Remove(name)
				}
			case strings.HasSuffix(f.Name(), wholeExt), strings.HasSuffix(f.Name(), seriesExt):
				entries = append(entries, entry{name, info.Size(), info.ModTime()})
				total += info.Size()
			}
		}
	}
	if total > s.bytes {
		slices.SortFunc(entries, func(a, b entry) int {
			return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.name, b.name))
		})
		for _, e := range entries {
			if total <= s.bytes-s.bytes/10 {
				break
			}
			if e.name == keep {
				continue
			}
			if err := os.Remove(e.name); err == nil || errors.Is(err, fs.ErrNotExist) {
				total -= e.size
			}
		}
	}
	s.used, s.known = total, true
	return nil
}
