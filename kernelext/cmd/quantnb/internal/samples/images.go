package samples

import (
	"errors"
	"fmt"
	"hash"
	"image"
	"image/color"
	_ "image/jpeg" // decoders
	_ "image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quantnb/quantnb/quantlib/graph"
)

// images is pictures in files, decoded when they are read.
type images struct {
	files          []string
	channels, w, h int
	last           bool // the axis of channels stands last
	bgr            bool
}

// openImages takes the PNG and JPEG files of a folder. They must have the
// network's size; pictures are never resized.
func (s *Set) openImages(in []graph.Value) error {
	v, err := single(in)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Source, err)
	}
	shape, err := want(v, s.options.Shape)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Source, err)
	}
	entries, err := os.ReadDir(s.Source) // in the order of names
	if err != nil {
		return err
	}
	m := &images{bgr: s.options.BGR}
	for _, e := range entries {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".png", ".jpg", ".jpeg":
			if !e.IsDir() {
				m.files = append(m.files, filepath.Join(s.Source, e.Name()))
			}
		}
	}
	if len(m.files) == 0 {
		return fmt.Errorf("%s: no .png, .jpg or .jpeg file in this folder", s.Source)
	}
	if shape, err = m.fit(shape); err != nil {
		return fmt.Errorf("%s: %w", s.Source, err)
	}
	for _, name := range m.files {
		c, err := config(name)
		if err != nil {
			return err
		}
		if c.Width != m.w || c.Height != m.h {
			return fmt.Errorf("%s: %d × %d pixels; the network takes %d × %d, and pictures are not resized here", name, c.Width, c.Height, m.w, m.h)
		}
	}
	s.Form, s.n = "images", len(m.files)
	s.columns = []column{{v, shape, m}}
	return nil
}

func config(name string) (image.Config, error) {
	f, err := os.Open(name)
	if err != nil {
		return image.Config{}, err
	}
	defer f.Close()
	c, _, err := image.DecodeConfig(f)
	if err != nil {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// fit finds where the channels stand. Sizes that the network leaves open are
// those of the first picture.
func (m *images) fit(shape []int) ([]int, error) {
	first, err := config(m.files[0])
	if err != nil {
		return nil, err
	}
	size := func(d, have int) int {
		if d < 0 {
			return have
		}
		return d
	}
	switch n := len(shape); {
	case n == 3 && (shape[0] == 3 || shape[0] == 1 && shape[2] != 3):
		m.channels, m.h, m.w = shape[0], size(shape[1], first.Height), size(shape[2], first.Width)
		return []int{m.channels, m.h, m.w}, nil
	case n == 3 && (shape[2] == 1 || shape[2] == 3):
		m.channels, m.h, m.w, m.last = shape[2], size(shape[0], first.Height), size(shape[1], first.Width), true
		return []int{m.h, m.w, m.channels}, nil
	case n == 2 && !slices.Contains(shape, -1):
		m.channels, m.h, m.w = 1, shape[0], shape[1]
		return shape, nil
	}
	return nil, fmt.Errorf("the network takes samples of shape %v, which are not pictures of one or three channels: %w", shape, errors.ErrUnsupported)
}

func (m *images) bytes() bool { return true }

func (m *images) sum(h hash.Hash) error {
	fmt.Fprintf(h, "images %d %v\n", m.channels, m.last)
	for _, name := range m.files {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%d\n", len(data))
		h.Write(data)
	}
	return nil
}

func (m *images) read(lo, hi int, dst []float64) error {
	size := m.channels * m.w * m.h
	for i, name := range m.files[lo:hi] {
		if err := m.decode(name, dst[i*size:(i+1)*size]); err != nil {
			return err
		}
	}
	return nil
}

// decode sets dst to the pixels, 0..255. What is transparent shows black.
func (m *images) decode(name string, dst []float64) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	r := img.Bounds()
	if r.Dx() != m.w || r.Dy() != m.h {
		return fmt.Errorf("%s: %d × %d pixels now; it was %d × %d before", name, r.Dx(), r.Dy(), m.w, m.h)
	}
	at := func(c, y, x int) int {
		if m.last {
			return (y*m.w+x)*m.channels + c
		}
		return (c*m.h+y)*m.w + x
	}
	for y := range m.h {
		for x := range m.w {
			p := img.At(r.Min.X+x, r.Min.Y+y)
			if m.channels == 1 {
				dst[at(0, y, x)] = float64(color.GrayModel.Convert(p).(color.Gray).Y)
				continue
			}
			red, green, blue, _ := p.RGBA()
			rgb := [3]uint32{red, green, blue}
			if m.bgr {
				rgb[0], rgb[2] = blue, red
			}
			for c, v := range rgb {
				dst[at(c, y, x)] = float64(v >> 8)
			}
		}
	}
	return nil
}
