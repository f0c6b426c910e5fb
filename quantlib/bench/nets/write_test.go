package nets

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/quantnb/quantnb/quantlib/onnx"
)

// TestWriteNetworks writes the networks as ONNX files to the folder that
// QUANTNB_WRITE_NETS names, for benchmarks elsewhere.
func TestWriteNetworks(t *testing.T) {
	folder := os.Getenv("QUANTNB_WRITE_NETS")
	if folder == "" {
		t.Skip("writes 180 MB; set QUANTNB_WRITE_NETS to a folder")
	}
	for _, n := range All {
		g, err := n.Build(1)
		if err == nil {
			err = onnx.Save(filepath.Join(folder, n.Name+".onnx"), g)
		}
		if err != nil {
			t.Errorf("%s: %v", n.Name, err)
		}
	}
}
