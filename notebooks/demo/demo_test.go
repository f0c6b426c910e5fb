package demo

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// maxModelBytes keeps the repository and each program that embeds the model
// small.
const maxModelBytes = 500_000

// maxDataBytes bounds what this folder adds to the repository.
const maxDataBytes = 2_000_000

func TestFilesEqualTheManifest(t *testing.T) {
	manifest, err := os.ReadFile("SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	listed, total := map[string]bool{}, 0
	for line := range strings.Lines(string(manifest)) {
		want, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			t.Fatalf("SHA256SUMS: line %q", line)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		listed[name], total = true, total+len(data)
		if have := sha256.Sum256(data); hex.EncodeToString(have[:]) != want {
			t.Errorf("%s: SHA-256 %x, the manifest says %s", name, have, want)
		}
	}
	for _, name := range []string{"fashion.onnx", "reference.json",
		"calibration.png", "calibration.labels", "test.png", "test.labels"} {
		if !listed[name] {
			t.Errorf("SHA256SUMS does not list %s", name)
		}
	}
	if total > maxDataBytes {
		t.Errorf("the files have %d bytes, more than %d", total, maxDataBytes)
	}
}

func TestModelIsSmallAndUnchanged(t *testing.T) {
	if n := len(Model()); n == 0 || n > maxModelBytes {
		t.Errorf("the model has %d bytes, want 1..%d", n, maxModelBytes)
	}
	file, err := os.ReadFile("fashion.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file, Model()) {
		t.Error("the embedded model is not fashion.onnx")
	}
}

func TestImages(t *testing.T) {
	for _, c := range []struct {
		name   string
		images Images
		n      int
	}{
		{"calibration", Calibration(), 512},
		{"test", Test(), 2000},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := c.images
			if m.N != c.n || m.C != 1 || m.H != 28 || m.W != 28 {
				t.Fatalf("shape %d×%d×%d×%d, want %d×1×28×28", m.N, m.C, m.H, m.W, c.n)
			}
			if len(m.Pixels) != c.n*28*28 || len(m.Labels) != c.n {
				t.Fatalf("%d pixels and %d labels", len(m.Pixels), len(m.Labels))
			}
			for i, label := range m.Labels {
				if int(label) != i%10 {
					t.Fatalf("image %d has label %d, want %d", i, label, i%10)
				}
			}
			seen := map[string]int{}
			for i := range m.N {
				tile := string(m.Pixels[i*28*28 : (i+1)*28*28])
				if first, ok := seen[tile]; ok {
					t.Errorf("images %d and %d are the same", first, i)
				}
				seen[tile] = i
			}
		})
	}
}

// The data set's own statistics over its 60,000 training images are mean
// 0.2860 and deviation 0.3530 of pixel/255; samples of 512 and more balanced
// images stay within 0.02 of them, tiles cut at the wrong place do so too, but
// then their borders are not empty.
func TestTilesAreCutAtTheirBorders(t *testing.T) {
	for name, m := range map[string]Images{"calibration": Calibration(), "test": Test()} {
		sum, corner := 0, 0
		for i := range m.N {
			tile := m.Pixels[i*28*28 : (i+1)*28*28]
			for _, p := range tile {
				sum += int(p)
			}
			corner += int(tile[0])
		}
		mean := float64(sum) / float64(len(m.Pixels)) / 255
		if mean < 0.266 || mean > 0.306 {
			t.Errorf("%s: mean pixel %.4f, want 0.286 ± 0.02", name, mean)
		}
		if c := float64(corner) / float64(m.N); c > 1 {
			t.Errorf("%s: the mean of the upper left pixels is %.2f, want background", name, c)
		}
	}
}

func TestFloat32(t *testing.T) {
	m := Images{N: 3, C: 1, H: 1, W: 2, Pixels: []uint8{0, 1, 127, 128, 254, 255}, Labels: []uint8{0, 1, 2}}
	for _, c := range []struct {
		name string
		i, j int
		want []float32
	}{
		{"all images", 0, 3, []float32{0, 1.0 / 255, 127.0 / 255, 128.0 / 255, 254.0 / 255, 1}},
		{"one in the middle", 1, 2, []float32{127.0 / 255, 128.0 / 255}},
		{"none", 2, 2, []float32{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if have := m.Float32(c.i, c.j); fmt.Sprint(have) != fmt.Sprint(c.want) {
				t.Errorf("have %v, want %v", have, c.want)
			}
		})
	}
	for _, c := range [][2]int{{-1, 1}, {2, 1}, {0, 4}} {
		t.Run(fmt.Sprintf("panics for %d..%d", c[0], c[1]), func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			m.Float32(c[0], c[1])
		})
	}
}

func TestGrayIsTheImage(t *testing.T) {
	m := Test()
	g := m.Gray(7)
	if g.Bounds().Dx() != 28 || g.Bounds().Dy() != 28 {
		t.Fatalf("bounds %v", g.Bounds())
	}
	for y := range 28 {
		for x := range 28 {
			if have, want := g.GrayAt(x, y).Y, m.Pixels[(7*28+y)*28+x]; have != want {
				t.Fatalf("pixel %d,%d is %d, want %d", x, y, have, want)
			}
		}
	}
}

func TestModelPath(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(name, home)
	}
	path, err := ModelPath()
	if err != nil {
		t.Fatal(err)
	}
	holdsModel := func(t *testing.T) {
		t.Helper()
		if data, err := os.ReadFile(path); err != nil || !bytes.Equal(data, Model()) {
			t.Fatalf("%s: %d bytes, %v", path, len(data), err)
		}
		if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
			t.Fatalf("%d files in the folder, want the model alone; %v", len(files), err)
		}
	}
	holdsModel(t)

	t.Run("a second call writes nothing", func(t *testing.T) {
		old := time.Now().Add(-time.Hour).Truncate(time.Second)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		again, err := ModelPath()
		if err != nil || again != path {
			t.Fatalf("%q, %v", again, err)
		}
		if info, err := os.Stat(path); err != nil || !info.ModTime().Equal(old) {
			t.Errorf("written again: %v, %v", info.ModTime(), err)
		}
	})
	t.Run("a damaged file is replaced", func(t *testing.T) {
		if err := os.WriteFile(path, Model()[:100], 0o644); err != nil {
			t.Fatal(err)
		}
		if again, err := ModelPath(); err != nil || again != path {
			t.Fatalf("%q, %v", again, err)
		}
		holdsModel(t)
	})
	t.Run("a folder that cannot be made is an error", func(t *testing.T) {
		file := filepath.Join(home, "file")
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData"} {
			t.Setenv(name, file)
		}
		if path, err := ModelPath(); err == nil {
			t.Errorf("no error, path %s", path)
		}
	})
}

func BenchmarkUnpackTest(b *testing.B) {
	for b.Loop() {
		unpack(testSheet, testLabels)
	}
}
