//go:build !unix

package memo

import (
	"io"
	"os"
)

// mapFile reads a file where mapping is not to be had.
func mapFile(f *os.File, size int) (data []byte, unmap func() error, err error) {
	data = make([]byte, size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, nil, err
	}
	return data, func() error { return nil }, nil
}
