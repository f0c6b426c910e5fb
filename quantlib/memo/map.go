package memo

import "sync"

// Mapping is a stored result in mapped memory: it costs no copy and is shared
// between processes. Writing to Data faults.
type Mapping struct {
	Data []byte

	once  sync.Once
	unmap func() error
}

// Map is Get without a copy. The checksum is verified, so every page is read
// once. The mapping stays valid when the result is replaced or removed; Close
// releases it.
func (s *Store) Map(key Key) (m *Mapping, ok bool) {
	if s == nil {
		return nil, false
	}
	name := s.path(key, wholeExt)
	f, err := openRegular(name)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() < headerSize || info.Size() > s.bytes || info.Size() != int64(int(info.Size())) {
		return nil, false
	}
	file, unmap, err := mapFile(f, int(info.Size()))
	if err != nil {
		return nil, false
	}
	data, ok := decodeWhole(file, key)
	if !ok {
		unmap()
		return nil, false
	}
	touch(name, info)
	return &Mapping{Data: data, unmap: unmap}, true
}

// Close releases the memory. Data must not be used after it.
func (m *Mapping) Close() (err error) {
	m.once.Do(func() {
		m.Data = nil
		err = m.unmap()
	})
	return err
}
