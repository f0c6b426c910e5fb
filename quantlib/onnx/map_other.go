//go:build !unix

package onnx

import "os"

// mapFile reads a whole file.
func mapFile(path string) ([]byte, error) { return os.ReadFile(path) }
