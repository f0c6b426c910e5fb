package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/quant"
)

// minExported is how near ONNX Runtime's output on an exported file must be to our
// simulation, as the ratio of this noise to the quantization noise itself, in dB.
// Both do the same arithmetic, but sum float32 in different orders. A sum within
// some 1e-7 of its size from the edge between two codes may fall on the other side
// and move one activation by a step; noise of that kind must stay well below that
// of quantizing all of them. At 16 bits such sums are most common, since a step is
// only some hundred times the rounding of float32.
const minExported = 10.0

// exported runs exported files in ONNX Runtime and compares with the simulation,
// with its graph optimizations off, which is what the file says, and on, which
// may turn 8-bit pairs into integer kernels.
func exported(ctx context.Context, out io.Writer, dir, models string, r *ort) error {
	studies, err := studied(models)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "network\tweights\tactivations\tsimulation against float\tfile against simulation\tsame class\toptimized: against simulation\tsame class")
	var failed []error
	for _, s := range studies {
		for _, bits := range [][2]int{{16, 16}, {8, 8}, {5, 7}, {4, 8}, {4, 4}, {2, 8}, {1, 8}} {
			c, err := compareExported(ctx, dir, s, bits[0], bits[1], r)
			if err != nil {
				return fmt.Errorf("%s at %v bits: %w", s.name, bits, err)
			}
			fmt.Fprintf(w, "%s\t%d\t%d\t%.1f dB\t%.1f dB\t%d of %d", s.name, bits[0], bits[1], c.noise, c.near[0], c.same[0], c.samples)
			if c.refused != nil {
				fmt.Fprintf(w, "\trefused: %.120v\n", c.refused)
			} else {
				fmt.Fprintf(w, "\t%.1f dB\t%d of %d\n", c.near[1], c.same[1], c.samples)
			}
			if c.near[0]-c.noise < minExported {
				failed = append(failed, fmt.Errorf("%s at %v bits: the file is not the simulation: %w", s.name, bits, errParity))
			}
		}
	}
	return errors.Join(w.Flush(), errors.Join(failed...))
}

// aStudy is a named network with data of its own.
type aStudy struct {
	name string
	*quantlib.Study
}

// studied is the embedded network and, where it is there, ResNet-8 with CIFAR-10.
func studied(models string) ([]aStudy, error) {
	m, err := quantlib.Decode(demo.Model())
	if err != nil {
		return nil, err
	}
	calibration, test := demo.Calibration(), demo.Test()
	images := func(i demo.Images) quantlib.Images {
		return quantlib.Images{Pixels: i.Pixels, Shape: []int{i.C, i.H, i.W}, Divide: 255, Labels: i.Labels}
	}
	list := []aStudy{{"demo", &quantlib.Study{Model: m, Calibration: images(calibration), Test: images(test), NoMemo: true}}}
	path := filepath.Join(models, "resnet8_cifar10.onnx")
	if _, err := os.Stat(path); err != nil {
		return list, nil
	}
	if m, err = quantlib.Open(path); err != nil {
		return nil, err
	}
	pixels, err := os.ReadFile(filepath.Join(models, "..", "data", "cifar10_test1000_images_u8_nchw.bin"))
	if err != nil {
		return nil, err
	}
	const size, half = 3 * 32 * 32, 500
	part := func(p []byte) quantlib.Images { return quantlib.Images{Pixels: p, Shape: []int{3, 32, 32}} }
	return append(list, aStudy{"resnet8_cifar10", &quantlib.Study{Model: m, NoMemo: true,
		Calibration: part(pixels[:half*size]), Test: part(pixels[half*size:])}}), nil
}

type exportedResult struct {
	noise   float64    // dB, simulation against float
	near    [2]float64 // dB, ONNX Runtime against simulation; without and with optimizations
	same    [2]int
	samples int
	refused error // by the optimizations
}

func compareExported(ctx context.Context, dir string, s aStudy, weight, activation int, r *ort) (c exportedResult, err error) {
	c.samples = 128
	p, err := s.Uniform(weight, activation)
	if err != nil {
		return c, err
	}
	path := filepath.Join(dir, "exported.onnx")
	if err := s.Export(ctx, p, path); err != nil {
		return c, err
	}
	session, err := s.Model.Session()
	if err != nil {
		return c, err
	}
	st, err := s.Statistics(ctx)
	if err != nil {
		return c, err
	}
	change, err := st.Change(p, s.Methods)
	if err != nil {
		return c, err
	}
	v, err := session.With(change)
	if err != nil {
		return c, err
	}
	in, err := s.Test.Batch(0, c.samples)
	if err != nil {
		return c, err
	}
	g := session.Graph()
	in = exec.Values{g.Inputs()[0].Name: in[""]}
	float, err := session.Run(ctx, in)
	if err != nil {
		return c, err
	}
	quantized, err := v.Run(ctx, in)
	if err != nil {
		return c, err
	}
	f, q := float[g.Outputs()[0].Name].F32(), quantized[g.Outputs()[0].Name].F32()
	c.noise = quant.SQNR(f, q)
	if err := r.feed("exported", in); err != nil {
		return c, err
	}
	for k, level := range []string{"none", "all"} {
		id, err := r.openAt(path, 1, level)
		if k == 1 && err != nil {
			c.refused = err
			return c, nil
		}
		if err != nil {
			return c, err
		}
		y, err := r.run(id, "exported")
		if err != nil {
			return c, err
		}
		if len(y) != len(q) {
			return c, fmt.Errorf("ONNX Runtime gives %d numbers, the simulation %d", len(y), len(q))
		}
		c.near[k] = quant.SQNR(q, y)
		classes := len(q) / c.samples
		for i := range c.samples {
			if top(q[i*classes:(i+1)*classes]) == top(y[i*classes:(i+1)*classes]) {
				c.same[k]++
			}
		}
		if err := r.free(id); err != nil {
			return c, err
		}
	}
	return c, nil
}

// top is the place of the greatest element.
func top(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}
