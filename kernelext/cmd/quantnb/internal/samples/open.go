package samples

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// Open reads a data set for a network with the given inputs:
//
//	folder        PNG and JPEG images, in the order of their names
//	.npy          a NumPy array, samples along its first axis
//	.npz          NumPy arrays, each named as an input; one may be "labels"
//	IDX           as MNIST has them, known by their first bytes; also .gz
//	anything else raw little-endian elements of Options.Type, or by the name's
//	              end: .u8 and .uint8 are bytes, .f32 and .float32 float32
//
// Errors name the file and the place in it.
func Open(path string, in []graph.Value, o Options) (*Set, error) {
	s, err := open(path, in, o)
	if err != nil {
		return nil, err
	}
	if s.n == 0 {
		return nil, fmt.Errorf("%s: holds no sample", path)
	}
	if o.Labels != "" {
		if s.labels, err = readLabels(o.Labels); err != nil {
			return nil, err
		}
	}
	if s.labels != nil && len(s.labels) != s.n {
		return nil, fmt.Errorf("%s: %d labels for the %d samples of %s", first(o.Labels, path), len(s.labels), s.n, path)
	}
	for i, l := range s.labels {
		if l < 0 || o.Classes > 0 && l >= o.Classes {
			return nil, fmt.Errorf("%s: label %d of sample %d; the network has the classes 0..%d", first(o.Labels, path), l, i, o.Classes-1)
		}
	}
	if o.Limit > 0 && o.Limit < s.n {
		s.n = o.Limit
		if s.labels != nil {
			s.labels = s.labels[:s.n]
		}
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	s.finish()
	return s, nil
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func open(path string, in []graph.Value, o Options) (*Set, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	s := &Set{Source: path, options: o}
	if info.IsDir() {
		return s, s.openImages(in)
	}
	name := strings.ToLower(path)
	switch {
	case strings.HasSuffix(name, ".npy"):
		err = s.openNPY(in)
	case strings.HasSuffix(name, ".npz"):
		err = s.openNPZ(in)
	default:
		var ok bool
		if ok, err = s.openIDX(in); !ok && err == nil {
			err = s.openRaw(in)
		}
	}
	if err != nil && !strings.HasPrefix(err.Error(), path) {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return s, err
}

// openRaw takes a file of elements and nothing else.
func (s *Set) openRaw(in []graph.Value) error {
	v, err := single(in)
	if err != nil {
		return err
	}
	shape, err := want(v, s.options.Shape)
	if err != nil {
		return err
	}
	for _, d := range shape {
		if d < 0 {
			return fmt.Errorf("the model leaves the shape of its input %q open, %s; say -shape", v.Name, v.TypeString())
		}
	}
	kind := element{}
	switch t, end := s.options.Type, strings.ToLower(filepath.Ext(s.Source)); {
	case t == "uint8" || t == "" && (end == ".u8" || end == ".uint8"):
		kind = element{'u', 1, false}
	case t == "float32" || t == "" && (end == ".f32" || end == ".float32"):
		kind = element{'f', 4, false}
	case t != "":
		return fmt.Errorf("elements of type %q; uint8 and float32 can be given", t)
	default:
		return fmt.Errorf("not a folder, .npy, .npz or IDX file; if it holds raw elements, say -type uint8 or -type float32")
	}
	n, err := tensor.Elements(shape)
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
	size := int64(n) * int64(kind.size)
	if size == 0 || info.Size()%size != 0 {
		f.Close()
		return fmt.Errorf("%d bytes are not a whole number of samples of shape %v (%d bytes each)", info.Size(), shape, size)
	}
	s.Form, s.n = "raw "+kind.String(), int(info.Size()/size)
	s.columns = []column{{v, shape, &stored{name: s.Source, r: f, kind: kind, size: n, n: s.n}}}
	return nil
}
