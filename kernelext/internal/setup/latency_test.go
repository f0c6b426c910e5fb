package setup

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const plotCell = `%%
p := plot.New()
p.Title.Text = "NNN"
l, err := plotter.NewLine(plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 2}})
if err != nil {
	panic(err)
}
p.Add(l)
w, err := p.WriterTo(12*vg.Centimeter, 8*vg.Centimeter, "png")
if err != nil {
	panic(err)
}
var b bytes.Buffer
if _, err := w.WriteTo(&b); err != nil {
	panic(err)
}
gonbui.DisplayPng(b.Bytes())
gonbui.Sync()`

const plotImports = `import (
	"bytes"
	"flag"

	"github.com/janpfeifer/gonb/gonbui"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)`

const whatIfImports = `import (
	"flag"
	"fmt"

	nb "github.com/quantnb/quantnb/kernelext"
	"github.com/quantnb/quantnb/notebooks/demo"
	q "github.com/quantnb/quantnb/quantlib"
)

func open() *q.Study {
	calibration, test := demo.Calibration(), demo.Test()
	shape := []int{1, 28, 28}
	return &q.Study{
		Model:       q.Must(q.Decode(demo.Model())),
		Calibration: q.Images{Pixels: calibration.Pixels, Shape: shape, Divide: 255},
		Test:        q.Images{Pixels: test.Pixels[:64*784], Shape: shape, Divide: 255, Labels: test.Labels[:64]},
	}
}`

// whatIfCell shows a grid that the store has, and measures a plan that it may not
// have.
const whatIfCell = `%%
study := open()
grid := q.Must(study.Grid(nb.Context()))
nb.SNRBars(grid, 4)
plan := q.Must(q.Must(study.Uniform(8, 8)).With(grid.Worst(4, q.Both)[0], 4, 4))
fmt.Println("NNN", q.Must(study.Evaluate(nb.Context(), plan)))`

// largeVariable names an ONNX file of about 100 MB with an input N×3×224×224, to
// time cells on: quantlib/bench/nets writes one, see its TestWriteNetworks.
const largeVariable = "QUANTNB_LARGE_MODEL"

const largeImports = `import (
	"flag"
	"fmt"
	"os"

	nb "github.com/quantnb/quantnb/kernelext"
	q "github.com/quantnb/quantnb/quantlib"
)

func open() *q.Study {
	pixels, shape := make([]byte, 4*3*224*224), []int{3, 224, 224}
	for i := range pixels {
		pixels[i] = byte(i * 2654435761 >> 13)
	}
	return &q.Study{
		Model: q.Must(q.Open(os.Getenv("QUANTNB_LARGE_MODEL"))), Samples: 2,
		Calibration: q.Images{Pixels: pixels[:2*3*224*224], Shape: shape, Divide: 255},
		Test:        q.Images{Pixels: pixels, Shape: shape, Divide: 255},
	}
}`

// The stored grid of a large model, and a plan that was not asked for before.
const (
	largeGrid = `%%
fmt.Println("NNN", q.Must(open().Grid(nb.Context(), 4, 8)).Worst(4, q.Both)[0])`
	largeWhatIf = `%%
study, text := open(), "NNN"
layers := q.Must(study.Model.Layers())
plan := q.Must(q.Must(study.Uniform(8, 8)).With(layers[(int(text[len(text)-1])*7)%len(layers)], 5, 5))
fmt.Println(text, q.Must(study.Evaluate(nb.Context(), plan)))`
)

// BenchmarkCellLatency reports seconds from execute request to reply of a plot
// cell whose text has changed, on a warm kernel: the median, and the first. The
// defaults are the same gonb and tools started as "gonb -install" has it, where
// modules come through go get (at the versions of the checkout) and imports are
// found by goimports.
func BenchmarkCellLatency(b *testing.B) {
	in := installed(b)
	config, err := ReadKernelConfig(in.kernelConfig())
	if err != nil {
		b.Fatal(err)
	}
	argv, env := config.Command("{connection_file}", in.jupyterEnv())
	path := config.Bin + string(os.PathListSeparator) + filepath.Join(config.GoRoot, "bin") +
		string(os.PathListSeparator) + os.Getenv("PATH")
	get := "!*go get github.com/janpfeifer/gonb@v0.11.4 gonum.org/v1/plot@v0.17.0"
	type bench struct {
		name      string
		argv, env []string
		cells     []string
	}
	list := []bench{
		{"ours", argv, env, []string{plotImports, plotCell}},
		{"ours what-if", argv, env, []string{whatIfImports, whatIfCell}},
		{"gonb defaults", []string{config.Gonb, "-kernel", "{connection_file}"},
			withEnv(in.jupyterEnv(), "PATH="+path, "GOFLAGS="), []string{get, plotCell}},
	}
	if os.Getenv(largeVariable) != "" {
		list = append(list, bench{"ours large grid", argv, env, []string{largeImports, largeGrid}},
			bench{"ours large what-if", argv, env, []string{largeImports, largeWhatIf}})
	}
	for _, bb := range list {
		b.Run(bb.name, func(b *testing.B) {
			runs := max(b.N, 9)
			var got struct {
				First float64
				Times []float64
				CPU   []float64
			}
			drive(b, in, "latency.py", map[string]any{
				"argv": bb.argv, "env": environment(bb.env), "cells": bb.cells, "runs": runs,
			}, &got)
			if len(got.Times) != runs {
				b.Fatalf("%d times of %d", len(got.Times), runs)
			}
			slices.Sort(got.Times)
			b.ReportMetric(got.Times[len(got.Times)/2], "s/cell(median)")
			b.ReportMetric(got.Times[0], "s/cell(least)")
			slices.Sort(got.CPU)
			b.ReportMetric(got.CPU[len(got.CPU)/2], "cpu-s/cell(median)")
			b.ReportMetric(got.First, "s/first-cell")
			b.ReportMetric(0, "ns/op") // which would include the kernel's start
		})
	}
}
