package samples

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// input is a float32 input; sizes below 0 are open.
func input(name string, dims ...int) graph.Value {
	v := graph.Value{Name: name, DType: tensor.Float32, Ranked: true, Dims: []graph.Dim{{Size: -1, Name: "N"}}}
	for _, d := range dims {
		v.Dims = append(v.Dims, graph.Dim{Size: d})
	}
	return v
}

func npy(descr string, shape string, data any) []byte {
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape)
	head += strings.Repeat(" ", (64-(10+len(head)+1)%64)%64) + "\n"
	var b bytes.Buffer
	b.WriteString("\x93NUMPY\x01\x00")
	binary.Write(&b, binary.LittleEndian, uint16(len(head)))
	b.WriteString(head)
	order := binary.ByteOrder(binary.LittleEndian)
	if descr[0] == '>' {
		order = binary.BigEndian
	}
	binary.Write(&b, order, data)
	return b.Bytes()
}

func idx(kind byte, data []byte, dims ...uint32) []byte {
	var b bytes.Buffer
	b.Write([]byte{0, 0, kind, byte(len(dims))})
	binary.Write(&b, binary.BigEndian, dims)
	b.Write(data)
	return b.Bytes()
}

func picture(t *testing.T, w, h int) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.NRGBA{uint8(10*y + x), 100, 200, 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func archive(t *testing.T, members map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range members {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(data)
	}
	z.Close()
	return b.Bytes()
}

func packed(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}

func put(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFormsOfData(t *testing.T) {
	six := []byte{0, 51, 102, 153, 204, 255} // three samples of two places
	grey := input("x", 1, 1, 2)
	tests := []struct {
		name, file string
		data       []byte
		in         graph.Value
		o          Options
		want       []float32 // of all samples
	}{
		{"bytes in NumPy are divided", "a.npy", npy("|u1", "3, 1, 1, 2", six), grey, Options{Divide: 255}, []float32{0, .2, .4, .6, .8, 1}},
		{"axes of one place may be missing", "a.npy", npy("|u1", "3, 2", six), grey, Options{Divide: 51}, []float32{0, 1, 2, 3, 4, 5}},
		{"axes of one place may be too many", "a.npy", npy("|u1", "3, 1, 2", six), input("x", 2), Options{Divide: 51}, []float32{0, 1, 2, 3, 4, 5}},
		{"floats are taken as they are", "a.npy", npy("<f4", "2, 1, 1, 2", []float32{1, -2, 3, .5}), grey, Options{}, []float32{1, -2, 3, .5}},
		{"doubles are rounded to float32", "a.npy", npy("<f8", "1, 1, 1, 2", []float64{1, math.Pi}), grey, Options{}, []float32{1, math.Pi}},
		{"halves", "a.npy", npy("<f2", "1, 1, 1, 2", []uint16{0x3c00, 0xc000}), grey, Options{}, []float32{1, -2}},
		{"integers that have a sign", "a.npy", npy("<i2", "1, 1, 1, 2", []int16{-300, 7}), grey, Options{}, []float32{-300, 7}},
		{"the most significant byte first", "a.npy", npy(">i4", "1, 1, 1, 2", []int32{-3, 70000}), grey, Options{}, []float32{-3, 70000}},
		{"open sizes come from the data", "a.npy", npy("<f4", "1, 1, 1, 2", []float32{1, 2}), input("x", 1, -1, -1), Options{}, []float32{1, 2}},
		{"mean and deviation by the first axis", "a.npy", npy("|u1", "1, 2, 1, 1", []byte{10, 20}), input("x", 2, 1, 1),
			Options{Divide: 10, Mean: []float32{1, 1}, Std: []float32{1, 2}}, []float32{0, .5}},
		{"mean and deviation by the last axis", "a.npy", npy("|u1", "1, 1, 1, 2", []byte{10, 20}), input("x", 1, 1, 2),
			Options{Divide: 10, Mean: []float32{1, 1}, Std: []float32{1, 2}}, []float32{0, .5}},
		{"the only array of an archive", "a.npz", nil, grey, Options{Divide: 51}, []float32{0, 1, 2, 3, 4, 5}},
		{"IDX", "images", idx(8, six, 3, 1, 2), grey, Options{Divide: 51}, []float32{0, 1, 2, 3, 4, 5}},
		{"IDX, compressed", "images.gz", packed(idx(8, six, 3, 1, 2)), grey, Options{Divide: 51}, []float32{0, 1, 2, 3, 4, 5}},
		{"raw bytes", "a.u8", six, grey, Options{Divide: 51}, []float32{0, 1, 2, 3, 4, 5}},
		{"raw float32 by type", "a.bin", []byte{0, 0, 128, 63, 0, 0, 0, 64}, grey, Options{Type: "float32"}, []float32{1, 2}},
		{"the first few only", "a.u8", six, grey, Options{Divide: 51, Limit: 2}, []float32{0, 1, 2, 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.data == nil {
				tt.data = archive(t, map[string][]byte{"anything.npy": npy("|u1", "3, 1, 1, 2", six)})
			}
			s, err := Open(put(t, tt.file, tt.data), []graph.Value{tt.in}, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			all, err := s.Batch(0, s.Len())
			if err != nil {
				t.Fatal(err)
			}
			if got := all["x"].F32(); !slices.Equal(got, tt.want) {
				t.Errorf("elements %v, want %v", got, tt.want)
			}
			if want := len(tt.in.Dims); all["x"].Rank() != want {
				t.Errorf("shape %v for an input of rank %d", all["x"].Shape(), want)
			}
			for i := range s.Len() { // one by one as all at once
				one, err := s.Batch(i, i+1)
				if err != nil {
					t.Fatal(err)
				}
				if !tensor.Equal(one["x"], all["x"].Slice(i, i+1)) {
					t.Errorf("sample %d alone is %v", i, one["x"].F32())
				}
			}
			if s.Key() == "" {
				t.Error("no key")
			}
		})
	}
}

func TestErrorsNameTheFileAndThePlace(t *testing.T) {
	grey := input("x", 1, 1, 2)
	ok := npy("<f4", "2, 1, 1, 2", []float32{1, 2, 3, 4})
	tests := []struct {
		name, file string
		data       []byte
		in         []graph.Value
		o          Options
		labels     []byte
		want       []string
	}{
		{"bytes of unknown scale", "a.npy", npy("|u1", "1, 1, 1, 2", []byte{1, 2}), []graph.Value{grey}, Options{}, nil, []string{"-divide"}},
		{"another shape", "a.npy", npy("<f4", "1, 3", []float32{1, 2, 3}), []graph.Value{grey}, Options{}, nil, []string{"[3]", "[1 1 2]"}},
		{"channels last", "a.npy", npy("<f4", "1, 1, 2, 3", make([]float32, 6)), []graph.Value{input("x", 3, 1, 2)}, Options{}, nil, []string{"channels stand last"}},
		{"Fortran's order", "a.npy", bytes.Replace(ok, []byte("False"), []byte("True "), 1), []graph.Value{grey}, Options{}, nil, []string{"Fortran"}},
		{"text", "a.npy", []byte("hello, world"), []graph.Value{grey}, Options{}, nil, []string{"not a NumPy array"}},
		{"cut off", "a.npy", ok[:len(ok)-1], []graph.Value{grey}, Options{}, nil, []string{"needs"}},
		{"huge claim", "a.npy", npy("<f4", "99999999999, 99999999999", []float32{1}), []graph.Value{grey}, Options{}, nil, nil},
		{"not a number", "a.npy", npy("<f4", "2, 1, 1, 2", []float32{1, 2, 3, float32(math.NaN())}), []graph.Value{grey}, Options{}, nil, []string{"sample 1, element 1 is NaN"}},
		{"several inputs from one array", "a.npy", ok, []graph.Value{grey, input("y", 1)}, Options{}, nil, []string{`"x" "y"`, ".npz"}},
		{"raw elements of no type", "a.bin", []byte{1, 2}, []graph.Value{grey}, Options{}, nil, []string{"-type"}},
		{"raw elements that do not fill a sample", "a.u8", []byte{1, 2, 3}, []graph.Value{grey}, Options{Divide: 1}, nil, []string{"3 bytes", "[1 1 2]"}},
		{"raw elements for an open shape", "a.u8", []byte{1, 2, 3}, []graph.Value{input("x", -1)}, Options{Divide: 1}, nil, []string{"-shape"}},
		{"an IDX file that is cut off", "a", idx(8, []byte{1, 2, 3}, 2, 1, 2), []graph.Value{grey}, Options{Divide: 1}, nil, []string{"IDX"}},
		{"no array of that name", "a.npz", archive(t, map[string][]byte{"p.npy": ok, "q.npy": ok}), []graph.Value{grey}, Options{}, nil, []string{`"x"`, `"p"`}},
		{"too few labels", "a.npy", ok, []graph.Value{grey}, Options{}, []byte{1}, []string{"1 labels", "2 samples"}},
		{"a label that is no class", "a.npy", ok, []graph.Value{grey}, Options{Classes: 3}, []byte{1, 7}, []string{"label 7 of sample 1"}},
		{"normalization of another number of channels", "a.npy", ok, []graph.Value{grey}, Options{Mean: make([]float32, 3)}, nil, []string{"3 channels"}},
		{"a deviation of nothing", "a.npy", ok, []graph.Value{grey}, Options{Std: []float32{0}}, nil, []string{"deviation of 0"}},
		{"a shape that contradicts the model", "a.npy", ok, []graph.Value{grey}, Options{Shape: []int{3, 2}}, nil, []string{"-shape [3 2]"}},
		{"no sample", "a.npy", npy("<f4", "0, 1, 1, 2", []float32{}), []graph.Value{grey}, Options{}, nil, []string{"no sample"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := put(t, tt.file, tt.data)
			if tt.labels != nil {
				tt.o.Labels = put(t, "labels.bin", tt.labels)
			}
			s, err := Open(path, tt.in, tt.o)
			if err == nil {
				_, err = s.Batch(0, s.Len())
			}
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
		})
	}
}

func TestFolderOfPictures(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("b.png", picture(t, 2, 1))
	write("a.PNG", picture(t, 2, 1))
	write("notes.txt", []byte("not a picture"))
	for _, tt := range []struct {
		name string
		dims []int
		o    Options
		want []float32
	}{
		{"channels first", []int{3, 1, 2}, Options{Divide: 1}, []float32{0, 1, 100, 100, 200, 200}},
		{"channels last", []int{1, 2, 3}, Options{Divide: 1}, []float32{0, 100, 200, 1, 100, 200}},
		{"blue first", []int{3, 1, 2}, Options{Divide: 1, BGR: true}, []float32{200, 200, 100, 100, 0, 1}},
		{"sizes that are open", []int{3, -1, -1}, Options{Divide: 1}, []float32{0, 1, 100, 100, 200, 200}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Open(dir, []graph.Value{input("x", tt.dims...)}, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Batch(0, 1)
			if err != nil || s.Len() != 2 {
				t.Fatal(s.Len(), err)
			}
			if !slices.Equal(got["x"].F32(), tt.want) {
				t.Errorf("pixels %v, want %v", got["x"].F32(), tt.want)
			}
		})
	}
	write("c.png", picture(t, 3, 3))
	_, err := Open(dir, []graph.Value{input("x", 3, 1, 2)}, Options{Divide: 1})
	if err == nil || !strings.Contains(err.Error(), "c.png: 3 × 3 pixels") {
		t.Errorf("a picture of another size: %v", err)
	}
	write("c.png", []byte("broken"))
	if _, err := Open(dir, []graph.Value{input("x", 3, 1, 2)}, Options{Divide: 1}); err == nil || !strings.Contains(err.Error(), "c.png") {
		t.Errorf("a broken picture: %v", err)
	}
}

func TestFormsOfLabels(t *testing.T) {
	x := npy("<f4", "3, 2", make([]float32, 6))
	for _, tt := range []struct {
		name, file string
		data       []byte
		want       []int // nil: an error
	}{
		{"bytes", "l.labels", []byte{2, 0, 1}, []int{2, 0, 1}},
		{"NumPy of 64 bits", "l.npy", npy("<i8", "3", []int64{2, 0, 1}), []int{2, 0, 1}},
		{"a column", "l.npy", npy("<i8", "3, 1", []int64{2, 0, 1}), []int{2, 0, 1}},
		{"IDX", "l", idx(8, []byte{2, 0, 1}, 3), []int{2, 0, 1}},
		{"lines", "l.txt", []byte("2\n0\r\n1\n"), []int{2, 0, 1}},
		{"lines with a word", "l.txt", []byte("2\ncat\n1\n"), nil},
		{"floats", "l.npy", npy("<f4", "3", []float32{2, 0, 1}), nil},
		{"a negative class", "l.npy", npy("<i8", "3", []int64{2, -1, 1}), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Open(put(t, "x.npy", x), []graph.Value{input("x", 2)}, Options{Labels: put(t, tt.file, tt.data)})
			if tt.want == nil {
				if err == nil {
					t.Error("no error")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(s.labels, tt.want) {
				t.Errorf("labels %v, want %v", s.labels, tt.want)
			}
			if _, ok := s.Data().(interface{ Label(int) int }); !ok {
				t.Error("the data says nothing of its labels")
			}
		})
	}
	s, err := Open(put(t, "x.npy", x), []graph.Value{input("x", 2)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Data().(interface{ Label(int) int }); ok {
		t.Error("data without labels says that it has some")
	}
}

func TestArchiveGivesSeveralInputsAndLabels(t *testing.T) {
	data := archive(t, map[string][]byte{
		"ids.npy":    npy("<i8", "2, 3", []int64{1, 2, 3, 4, 5, 6}),
		"mask.npy":   npy("<f4", "2, 1", []float32{1, 0}),
		"labels.npy": npy("<i8", "2", []int64{1, 0}),
	})
	ids := input("ids", 3)
	ids.DType = tensor.Int64
	s, err := Open(put(t, "a.npz", data), []graph.Value{ids, input("mask", 1)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Batch(1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got["ids"].I64(), []int64{4, 5, 6}) || !slices.Equal(got["mask"].F32(), []float32{0}) || !slices.Equal(s.labels, []int{1, 0}) {
		t.Errorf("ids %v, mask %v, labels %v", got["ids"].I64(), got["mask"].F32(), s.labels)
	}
}

func TestKeysTellSetsApart(t *testing.T) {
	in := []graph.Value{input("x", 2)}
	path := put(t, "a.npy", npy("<f4", "2, 2", []float32{1, 2, 3, 4}))
	keys := map[string]string{}
	for name, open := range map[string]func() (*Set, error){
		"plain":      func() (*Set, error) { return Open(path, in, Options{}) },
		"divided":    func() (*Set, error) { return Open(path, in, Options{Divide: 2}) },
		"fewer":      func() (*Set, error) { return Open(path, in, Options{Limit: 1}) },
		"labelled":   func() (*Set, error) { return Open(path, in, Options{Labels: put(t, "l.bin", []byte{0, 1})}) },
		"noise":      func() (*Set, error) { return Random(2, 1, in, nil, Options{}) },
		"other seed": func() (*Set, error) { return Random(2, 2, in, nil, Options{}) },
	} {
		s, err := open()
		if err != nil {
			t.Fatal(name, err)
		}
		if other, ok := keys[s.Key()]; ok {
			t.Errorf("%s and %s have one key", name, other)
		}
		keys[s.Key()] = name
	}
}

func TestNoiseIsTheSameInAnyBatch(t *testing.T) {
	s, err := Random(4, 7, []graph.Value{input("x", 1000)}, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.Batch(0, 4)
	if err != nil {
		t.Fatal(err)
	}
	one, err := s.Batch(2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if !tensor.Equal(one["x"], all["x"].Slice(2, 3)) {
		t.Error("sample 2 differs")
	}
	var sum, square float64
	for _, v := range all["x"].F32() {
		sum += float64(v)
		square += float64(v) * float64(v)
	}
	// 4000 values: the mean within four standard errors, the variance too.
	if math.Abs(sum/4000) > 4/math.Sqrt(4000) || math.Abs(square/4000-1) > 4*math.Sqrt(2.0/4000) {
		t.Errorf("mean %v, mean square %v", sum/4000, square/4000)
	}
}
