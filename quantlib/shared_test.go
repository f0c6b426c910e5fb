package quantlib_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
)

// sharedFile is a file of the folder "shared" beside the project, which holds
// models and data that may not be copied into it. It skips the test where the
// file is absent.
func sharedFile(t *testing.T, elements ...string) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			t.Fatal("no go.mod above the test's folder")
		}
		root = filepath.Dir(root)
	}
	path := filepath.Join(append([]string{root, "..", "shared"}, elements...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("test data that the project may not carry is absent: %v", err)
	}
	return path
}

func sharedBytes(t *testing.T, elements ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(sharedFile(t, elements...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sharedModels are the MLPerf Tiny reference networks.
var sharedModels = []struct {
	name  string
	shape []int // of one sample
	low   float32
	high  float32
}{
	{"autoencoder_toycar", []int{640}, -30, 30},
	{"dscnn_kws", []int{1, 49, 10}, -100, 100},
	{"mobilenetv1_vww96", []int{3, 96, 96}, 0, 1},
	{"resnet8_cifar10", []int{3, 32, 32}, 0, 255},
	{"resnet8_large_cifar10", []int{3, 32, 32}, 0, 255},
}

func openShared(t *testing.T, name string) *quantlib.Model {
	t.Helper()
	m, err := quantlib.Open(sharedFile(t, "models", name+".onnx"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func demoModel(t testing.TB) *quantlib.Model {
	t.Helper()
	m, err := quantlib.Decode(demo.Model())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// demoImages are the first n of the embedded images as a data set.
func demoImages(m demo.Images, n int) quantlib.Images {
	size := m.C * m.H * m.W
	return quantlib.Images{
		Input: "input", Pixels: m.Pixels[:n*size], Shape: []int{m.C, m.H, m.W}, Divide: 255, Labels: m.Labels[:n]}
}
