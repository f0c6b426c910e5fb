// Package samples reads data sets in the forms in which people have them: NumPy
// arrays (.npy, .npz), folders of PNG and JPEG images, IDX files, raw elements,
// and seeded noise where there is no data.
package samples

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"sync"

	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// Options says how stored elements become the network's inputs:
//
//	x = (element/Divide − Mean[c]) / Std[c]
//
// where c is the place along the channel axis: the first axis of a sample, or
// the last one where only that has as many places as Mean.
type Options struct {
	Shape     []int     // of one sample; nil means what the model states
	Type      string    // of raw files: "uint8" or "float32"; "" means by the name's end
	Divide    float32   // 0 means not said: an error for bytes, 1 for other elements
	Mean, Std []float32 // nil means none
	BGR       bool      // images are given with blue first
	Labels    string    // a file with a class for each sample; "" means none
	Classes   int       // labels must be below; 0 means unknown
	Limit     int       // take so many samples, the first; 0 means all
}

// A Set is a data set for a network.
type Set struct {
	Source string // what it was read from, for reports
	Form   string // "NumPy array", "images", …
	Noise  bool   // it is random numbers, not data

	data    quantlib.Samples // of Of; nil otherwise
	known   bool             // data has labels
	n       int
	columns []column
	labels  []int
	options Options
	digest  func() (string, error)
}

// column is one input of the network.
type column struct {
	input graph.Value
	shape []int // of one sample
	rows  rows
}

// rows gives elements of samples, as they are stored.
type rows interface {
	// read sets dst to the elements of samples lo..hi-1, in order.
	read(lo, hi int, dst []float64) error
	// bytes reports whether elements are bytes, which say nothing of their scale.
	bytes() bool
	// sum writes what the elements are to h.
	sum(h hash.Hash) error
}

// Len is the number of samples.
func (s *Set) Len() int { return s.n }

// Of is a set of n samples that the program has in another form.
func Of(data quantlib.Samples, source string, n int, labeled bool) *Set {
	return &Set{Source: source, Form: "embedded", data: data, known: labeled, n: n}
}

// Labeled reports whether there are labels.
func (s *Set) Labeled() bool { return s.labels != nil || s.known }

// Data is the set as quantlib takes it: Labeled exactly if there are labels.
func (s *Set) Data() quantlib.Samples {
	if s.data != nil {
		return s.data
	}
	if s.labels == nil {
		return s
	}
	return labeled{s}
}

type labeled struct{ *Set }

// Label is the class of sample i.
func (l labeled) Label(i int) int { return l.labels[i] }

// Key is a digest of the samples and their labels; "" if they cannot be read.
func (s *Set) Key() string {
	key, err := s.digest()
	if err != nil {
		return ""
	}
	return key
}

func (s *Set) finish() {
	s.digest = sync.OnceValues(func() (string, error) {
		h := sha256.New()
		o := s.options
		fmt.Fprintf(h, "samples %d %v %v %v %v\n", s.n, o.Divide, o.Mean, o.Std, o.BGR)
		for _, c := range s.columns {
			fmt.Fprintf(h, "%q %v %v\n", c.input.Name, c.shape, c.input.DType)
			if err := c.rows.sum(h); err != nil {
				return "", err
			}
		}
		fmt.Fprintf(h, "\n%v", s.labels)
		return hex.EncodeToString(h.Sum(nil)), nil
	})
}

// Batch is the network's inputs for samples lo..hi-1.
func (s *Set) Batch(lo, hi int) (exec.Values, error) {
	if lo < 0 || hi > s.n || lo >= hi {
		return nil, fmt.Errorf("%s: samples %d..%d of %d", s.Source, lo, hi-1, s.n)
	}
	values := exec.Values{}
	for _, c := range s.columns {
		size, err := tensor.Elements(c.shape)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Source, err)
		}
		x := make([]float64, size*(hi-lo))
		if err := c.rows.read(lo, hi, x); err != nil {
			return nil, err
		}
		t := tensor.New(c.input.DType, append([]int{hi - lo}, c.shape...)...)
		if c.input.DType == tensor.Int64 {
			for i, v := range x {
				t.I64()[i] = int64(v)
			}
		} else {
			s.normalize(t.F32(), x, c)
		}
		values[c.input.Name] = t
	}
	return values, nil
}

// normalize computes in float32, as networks' own pipelines do.
func (s *Set) normalize(dst []float32, x []float64, c column) {
	o := s.options
	divide := o.Divide
	if divide == 0 {
		divide = 1
	}
	inner, channels := 1, 0 // of the channel axis
	if k := max(len(o.Mean), len(o.Std)); k > 0 {
		channels = k
		if axis := channelAxis(c.shape, k); axis == 0 {
			for _, d := range c.shape[1:] {
				inner *= d
			}
		}
	}
	for i, v := range x {
		y := float32(v) / divide
		if channels > 0 {
			k := i / inner % channels
			if o.Mean != nil {
				y -= o.Mean[k]
			}
			if o.Std != nil {
				y /= o.Std[k]
			}
		}
		dst[i] = y
	}
}

// channelAxis is the axis of k channels: the first, or else the last; -1 for
// neither.
func channelAxis(shape []int, k int) int {
	switch n := len(shape); {
	case n == 0:
		return -1
	case shape[0] == k:
		return 0
	case shape[n-1] == k:
		return n - 1
	}
	return -1
}

// check reports options that do not fit the columns.
func (s *Set) check() error {
	o := s.options
	if o.Divide < 0 || o.Divide != o.Divide {
		return fmt.Errorf("elements cannot be divided by %v", o.Divide)
	}
	if o.Mean != nil && o.Std != nil && len(o.Mean) != len(o.Std) {
		return fmt.Errorf("%d means, but %d standard deviations", len(o.Mean), len(o.Std))
	}
	if slices.Contains(o.Std, 0) {
		return errors.New("a standard deviation of 0")
	}
	for _, c := range s.columns {
		if c.input.DType != tensor.Float32 {
			continue
		}
		if c.rows.bytes() && o.Divide == 0 && o.Mean == nil && o.Std == nil {
			return fmt.Errorf("%s: elements are bytes 0..255; say what they are divided by before the network takes them, mostly -divide 255 or -divide 1 (and -mean, -std)", s.Source)
		}
		if k := max(len(o.Mean), len(o.Std)); k > 0 && channelAxis(c.shape, k) < 0 {
			return fmt.Errorf("normalization of %d channels for samples of shape %v", k, c.shape)
		}
	}
	return nil
}

// want is the shape of one sample as the model states it, -1 for what it leaves
// open. Given is Options.Shape.
func want(v graph.Value, given []int) ([]int, error) {
	if !v.Ranked {
		if given == nil {
			return nil, fmt.Errorf("the model does not state the shape of its input %q; say -shape", v.Name)
		}
		return given, nil
	}
	if len(v.Dims) == 0 {
		return nil, fmt.Errorf("the model's input %q is a single number, without an axis of samples: %w", v.Name, errors.ErrUnsupported)
	}
	shape := make([]int, len(v.Dims)-1)
	for i, d := range v.Dims[1:] {
		shape[i] = max(d.Size, -1)
	}
	if given == nil {
		return shape, nil
	}
	if !fits(given, shape) {
		return nil, fmt.Errorf("-shape %v does not fit the model's input %q, %s", given, v.Name, v.TypeString())
	}
	return given, nil
}

// fits reports whether a shape is the model's, where -1 stands for any size.
func fits(have, model []int) bool {
	return slices.EqualFunc(have, model, func(a, b int) bool { return a == b || b < 0 && a >= 0 })
}

// match is the shape in which the network takes samples of the given shape. Axes
// of one place may be there or not, and a network that takes a row of numbers
// takes any samples with as many.
func match(have, model []int) ([]int, error) {
	if fits(have, model) {
		return have, nil
	}
	n, err := tensor.Elements(have)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(model, -1) {
		if m, err := tensor.Elements(model); err == nil && n == m && (len(model) == 1 || slices.Equal(squeeze(have), squeeze(model))) {
			return model, nil
		}
	}
	hint := ""
	if len(have) == 3 && fits([]int{have[2], have[0], have[1]}, model) {
		hint = "; the channels stand last: transpose them to the front"
	}
	return nil, fmt.Errorf("samples of shape %v; the network takes %v%s", have, model, hint)
}

func squeeze(shape []int) []int {
	return slices.DeleteFunc(slices.Clone(shape), func(d int) bool { return d == 1 })
}

// supported reports an input whose elements cannot be given.
func supported(v graph.Value) error {
	if v.DType != tensor.Float32 && v.DType != tensor.Int64 {
		return fmt.Errorf("the model's input %q is %v; float32 and int64 can be given: %w", v.Name, v.DType, errors.ErrUnsupported)
	}
	return nil
}

// single is the model's only input.
func single(in []graph.Value) (graph.Value, error) {
	if len(in) != 1 {
		var names []string
		for _, v := range in {
			names = append(names, v.Name)
		}
		return graph.Value{}, fmt.Errorf("the model has the inputs %q; only an .npz file can give several", names)
	}
	return in[0], supported(in[0])
}

// copyN hashes n bytes of r from an offset on.
func copyN(h hash.Hash, r io.ReaderAt, at, n int64) error {
	_, err := io.Copy(h, io.NewSectionReader(r, at, n))
	return err
}
