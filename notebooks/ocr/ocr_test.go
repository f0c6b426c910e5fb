package ocr

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTextIsReadGreedily(t *testing.T) {
	a := Alphabet{"", "a", "b", " "}
	one := func(steps ...int) []float32 {
		x := make([]float32, 0, len(steps)*len(a))
		for _, s := range steps {
			row := make([]float32, len(a))
			row[s] = 1
			x = append(x, row...)
		}
		return x
	}
	for _, c := range []struct {
		name  string
		steps []int
		want  string
	}{
		{"nothing", nil, ""},
		{"only the empty class", []int{0, 0}, ""},
		{"repeats count once", []int{1, 1, 1}, "a"},
		{"the empty class parts repeats", []int{1, 0, 1}, "aa"},
		{"a space is the last class", []int{1, 3, 2}, "a b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := a.Text(one(c.steps...)); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestErrorsCountsEdits(t *testing.T) {
	for _, c := range []struct {
		text, read string
		want       int
	}{
		{"", "", 0}, {"abc", "abc", 0}, {"abc", "", 3}, {"", "ab", 2},
		{"kitten", "sitting", 3}, {"naïve", "naive", 1},
	} {
		if got := Errors(c.text, c.read); got != c.want {
			t.Errorf("%q read as %q: %d, want %d", c.text, c.read, got, c.want)
		}
	}
}

func TestLinesAreTheSameForTheSameSeed(t *testing.T) {
	a, b, other := Lines(1, 20), Lines(1, 20), Lines(2, 20)
	differs := false
	for i := range a {
		if a[i].Text != b[i].Text || !bytes.Equal(a[i].Picture.Pix, b[i].Picture.Pix) {
			t.Fatalf("line %d differs", i)
		}
		differs = differs || a[i].Text != other[i].Text
		if a[i].Text == "" {
			t.Errorf("line %d is empty", i)
		}
	}
	if !differs {
		t.Error("two seeds give the same lines")
	}
	if got := len(Pixels(a)); got != 20*3*Height*Width {
		t.Errorf("%d pixels", got)
	}
	if dir := os.Getenv("QUANTNB_LOOK"); dir != "" {
		for i, l := range a {
			f, err := os.Create(filepath.Join(dir, string(rune('a'+i))+".png"))
			if err != nil {
				t.Fatal(err)
			}
			png.Encode(f, l.Picture)
			f.Close()
		}
	}
}

func TestUnpackTakesOnlyWhatIsNeeded(t *testing.T) {
	pack := func(names ...string) *bytes.Buffer {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		w := tar.NewWriter(z)
		for _, n := range names {
			w.WriteHeader(&tar.Header{Name: n, Mode: 0o644, Size: 1})
			w.Write([]byte("x"))
		}
		w.Close()
		z.Close()
		return &b
	}
	dir := t.TempDir()
	if err := unpack(dir, pack("package/assets/"+Network, "../../"+keys, "package/evil.sh")); err != nil {
		t.Fatal(err)
	}
	if err := complete(dir); err != nil {
		t.Error(err)
	}
	if list, _ := os.ReadDir(dir); len(list) != 2 {
		t.Errorf("%d files", len(list))
	}
	cut := pack("package/assets/" + Network)
	cut.Truncate(cut.Len() / 2)
	if err := unpack(t.TempDir(), cut); err == nil {
		t.Error("half a package is taken for one")
	}
}

func TestFolderSaysWhyThereIsNone(t *testing.T) {
	t.Setenv(Variable, t.TempDir())
	if _, err := Folder(context.Background()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), Variable) {
		t.Errorf("%v", err)
	}
	t.Setenv(Variable, "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	if _, err := Folder(context.Background()); err == nil || !strings.Contains(err.Error(), "npm") {
		t.Errorf("%v", err)
	}
}

func TestAlphabetFitsTheNetwork(t *testing.T) {
	dir := os.Getenv(Variable)
	if dir == "" {
		t.Skipf("%s is not set: it names the folder of %s", Variable, Package)
	}
	a, err := ReadAlphabet(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(a) != 6625 {
		t.Errorf("%d classes, want the network's 6625", len(a))
	}
}
