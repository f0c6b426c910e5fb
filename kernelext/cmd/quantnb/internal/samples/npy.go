package samples

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// array is the head of a NumPy file:
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
type array struct {
	kind  element
	shape []int
	at    int64 // of the first element
}

// maxHeader bounds what a file may claim as its header's length.
const maxHeader = 1 << 16

var (
	npyDescr = regexp.MustCompile(`'descr'\s*:\s*'([<>|=])([a-z])(\d+)'`)
	npyOrder = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	npyShape = regexp.MustCompile(`'shape'\s*:\s*\(([0-9, ]*)\)`)
)

// readNPY reads the head of a NumPy file of the given size.
func readNPY(r io.ReaderAt, size int64) (a array, err error) {
	head := make([]byte, 12)
	if n, _ := r.ReadAt(head, 0); n < 10 || string(head[:6]) != "\x93NUMPY" {
		return a, errors.New("not a NumPy array: its first bytes are others")
	}
	length := int64(binary.LittleEndian.Uint16(head[8:]))
	a.at = 10 + length
	if head[6] > 1 {
		length = int64(binary.LittleEndian.Uint32(head[8:]))
		a.at = 12 + length
	}
	if length > maxHeader || a.at > size {
		return a, fmt.Errorf("the header claims %d bytes", length)
	}
	text := make([]byte, length)
	if n, err := r.ReadAt(text, a.at-length); n < len(text) {
		return a, fmt.Errorf("the header: %w", err)
	}
	descr, order, shape := npyDescr.FindSubmatch(text), npyOrder.FindSubmatch(text), npyShape.FindSubmatch(text)
	if descr == nil || order == nil || shape == nil {
		return a, fmt.Errorf("the header says %q; structured and object arrays: %w", text, errors.ErrUnsupported)
	}
	if string(order[1]) == "True" {
		return a, fmt.Errorf("an array in Fortran's order; save numpy.ascontiguousarray of it: %w", errors.ErrUnsupported)
	}
	bytes, _ := strconv.Atoi(string(descr[3]))
	a.kind = element{descr[2][0], bytes, descr[1][0] == '>'}
	if !a.kind.known() {
		return a, fmt.Errorf("elements of type %s%s: %w", descr[2], descr[3], errors.ErrUnsupported)
	}
	for _, d := range strings.FieldsFunc(string(shape[1]), func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.Atoi(d)
		if err != nil {
			return a, fmt.Errorf("the header: shape (%s)", shape[1])
		}
		a.shape = append(a.shape, n)
	}
	n, err := tensor.Elements(a.shape)
	if err != nil {
		return a, err
	}
	if want := a.at + int64(n)*int64(bytes); want != size {
		return a, fmt.Errorf("%d bytes; an array of shape %v needs %d", size, a.shape, want)
	}
	return a, nil
}

func (s *Set) openNPY(in []graph.Value) error {
	v, err := single(in)
	if err != nil {
		return err
	}
	f, err := os.Open(s.Source)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	s.Form = "NumPy array"
	if err := s.addArray(v, s.Source, f, info.Size()); err != nil {
		f.Close()
		return err
	}
	return nil
}

// addArray makes a NumPy array the samples of an input.
func (s *Set) addArray(v graph.Value, name string, r io.ReaderAt, size int64) error {
	a, err := readNPY(r, size)
	if err != nil {
		return err
	}
	if len(a.shape) == 0 {
		return errors.New("a single number, without an axis of samples")
	}
	if v.DType == tensor.Int64 && a.kind.kind == 'f' {
		return fmt.Errorf("elements of type %v for the input %q, which takes int64", a.kind, v.Name)
	}
	model, err := want(v, s.options.Shape)
	if err != nil {
		return err
	}
	shape, err := match(a.shape[1:], model)
	if err != nil {
		return err
	}
	if s.columns != nil && a.shape[0] != s.n {
		return fmt.Errorf("%q has %d samples, %q has %d", s.columns[0].input.Name, s.n, v.Name, a.shape[0])
	}
	n, err := tensor.Elements(shape)
	if err != nil {
		return err
	}
	s.n = a.shape[0]
	s.columns = append(s.columns, column{v, shape, &stored{name: name, r: r, at: a.at, kind: a.kind, size: n, n: s.n}})
	return nil
}

// maxMember bounds what a compressed array may unpack to, in bytes.
const maxMember = 8 << 30

// openNPZ reads a zip archive of NumPy arrays. They are unpacked to memory.
func (s *Set) openNPZ(in []graph.Value) error {
	z, err := zip.OpenReader(s.Source)
	if err != nil {
		return err
	}
	defer z.Close()
	members := map[string]*zip.File{}
	var names []string
	for _, f := range z.File {
		name := strings.TrimSuffix(f.Name, ".npy")
		members[name] = f
		names = append(names, name)
	}
	s.Form = "NumPy arrays"
	load := func(name string) (*bytes.Reader, error) {
		f := members[name]
		if f.UncompressedSize64 > maxMember {
			return nil, fmt.Errorf("array %q claims %d bytes", name, f.UncompressedSize64)
		}
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		data, err := io.ReadAll(r)
		return bytes.NewReader(data), err
	}
	if members["labels"] != nil && s.options.Labels == "" {
		r, err := load("labels")
		if err == nil {
			s.labels, err = npyLabels(r, r.Size())
		}
		if err != nil {
			return fmt.Errorf("%s: array \"labels\": %w", s.Source, err)
		}
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == "labels" })
	for _, v := range in {
		if err := supported(v); err != nil {
			return err
		}
		name := v.Name
		if len(in) == 1 && len(names) == 1 {
			name = names[0]
		}
		if members[name] == nil {
			return fmt.Errorf("no array for the model's input %q; there are %q", v.Name, names)
		}
		r, err := load(name)
		if err == nil {
			err = s.addArray(v, fmt.Sprintf("%s: array %q", s.Source, name), r, r.Size())
		}
		if err != nil {
			return fmt.Errorf("%s: array %q: %w", s.Source, name, err)
		}
	}
	return nil
}

func npyLabels(r io.ReaderAt, size int64) ([]int, error) {
	a, err := readNPY(r, size)
	if err != nil {
		return nil, err
	}
	if a.kind.kind == 'f' || len(squeeze(a.shape)) > 1 || len(a.shape) == 0 {
		return nil, fmt.Errorf("labels are a row of whole numbers, not %v of shape %v", a.kind, a.shape)
	}
	n, _ := tensor.Elements(a.shape)
	b := make([]byte, n*a.kind.size)
	if k, err := r.ReadAt(b, a.at); k < len(b) {
		return nil, err
	}
	x := make([]float64, n)
	a.kind.decode(x, b)
	return whole(x), nil
}

func whole(x []float64) []int {
	labels := make([]int, len(x))
	for i, v := range x {
		labels[i] = int(v)
	}
	return labels
}
