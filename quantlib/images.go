package quantlib

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// Images is samples of bytes, pixel by pixel, which the network takes as
// float32. It is a data set for calibration and, with labels, for accuracy.
type Images struct {
	Input  string    // the network's input; "" is its only one
	Pixels []uint8   // sample after sample, each laid out as Shape
	Shape  []int     // of one sample, such as {3, 32, 32} for NCHW
	Divide float32   // pixels are divided by this; 0 means 1
	Mean   []float32 // then this is subtracted, by the first axis of Shape; nil: nothing
	Std    []float32 // then this divides, by the first axis of Shape; nil: nothing
	Labels []uint8   // a class for each sample; nil: none
}

// Len is the number of samples.
func (m Images) Len() int {
	size := m.size()
	if size == 0 {
		return 0
	}
	return len(m.Pixels) / size
}

func (m Images) size() int {
	n, err := tensor.Elements(m.Shape)
	if err != nil || len(m.Shape) == 0 {
		return 0
	}
	return n
}

// check reports what is wrong with the fields, nil if nothing is.
func (m Images) check() error {
	size := m.size()
	if size == 0 || len(m.Pixels)%size != 0 {
		return fmt.Errorf("quantlib: %d pixels are not a whole number of samples of shape %v", len(m.Pixels), m.Shape)
	}
	for _, p := range [][]float32{m.Mean, m.Std} {
		if p != nil && len(p) != m.Shape[0] {
			return fmt.Errorf("quantlib: normalization of %d channels for samples of shape %v", len(p), m.Shape)
		}
	}
	if m.Labels != nil && len(m.Labels) != m.Len() {
		return fmt.Errorf("quantlib: %d labels for %d samples", len(m.Labels), m.Len())
	}
	return nil
}

// Batch is the samples lo..hi-1 as one tensor [hi-lo, Shape…].
func (m Images) Batch(lo, hi int) (exec.Values, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if lo < 0 || hi > m.Len() || lo >= hi {
		return nil, fmt.Errorf("quantlib: samples %d..%d of %d", lo, hi-1, m.Len())
	}
	size := m.size()
	t := tensor.New(tensor.Float32, append([]int{hi - lo}, m.Shape...)...)
	x := t.F32()
	divide := m.Divide
	if divide == 0 {
		divide = 1
	}
	for i, p := range m.Pixels[lo*size : hi*size] {
		x[i] = float32(p) / divide
	}
	if m.Mean != nil || m.Std != nil {
		plane := size / m.Shape[0]
		for i := range x {
			c := i / plane % m.Shape[0]
			if m.Mean != nil {
				x[i] -= m.Mean[c]
			}
			if m.Std != nil {
				x[i] /= m.Std[c]
			}
		}
	}
	return exec.Values{m.Input: t}, nil
}

// Key is a digest of the samples and their labels.
func (m Images) Key() string {
	h := sha256.New()
	fmt.Fprintf(h, "images %q %v %v %v %v\n", m.Input, m.Shape, m.Divide, m.Mean, m.Std)
	fmt.Fprintf(h, "%d\n", len(m.Pixels))
	h.Write(m.Pixels)
	h.Write(m.Labels)
	return hex.EncodeToString(h.Sum(nil))
}

// labeled is Images that have labels.
type labeled struct{ Images }

// Label is the class of sample i.
func (l labeled) Label(i int) int { return int(l.Labels[i]) }

// bound is samples whose only input has been given the network's name for it,
// and whose key is computed once.
type bound struct {
	samples Samples
	input   string
	key     func() string
}

func (b bound) Len() int { return b.samples.Len() }

// Batch is that of the samples, under the network's name for its input.
func (b bound) Batch(lo, hi int) (exec.Values, error) {
	v, err := b.samples.Batch(lo, hi)
	if err != nil || len(v) != 1 || v[""] == nil {
		return v, err
	}
	return exec.Values{b.input: v[""]}, nil
}

type boundLabeled struct {
	bound
	labels Labeled
}

// Label is the class of sample i.
func (b boundLabeled) Label(i int) int { return b.labels.Label(i) }

// bind makes samples fit a network: an unnamed input becomes its only one.
func bind(s *exec.Session, data Samples) (Samples, error) {
	if m, ok := data.(*Images); ok && m != nil {
		data = *m
	}
	if m, ok := data.(Images); ok {
		if err := m.check(); err != nil {
			return nil, err
		}
		if m.Labels != nil {
			data = labeled{m}
		}
	}
	b := bound{samples: data, key: func() string { return "" }}
	if in := s.Graph().Inputs(); len(in) == 1 {
		b.input = in[0].Name
	}
	if k, ok := data.(interface{ Key() string }); ok {
		b.key = sync.OnceValue(k.Key)
	}
	if l, ok := data.(Labeled); ok {
		return boundLabeled{b, l}, nil
	}
	return b, nil
}
