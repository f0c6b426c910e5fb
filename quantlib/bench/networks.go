package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/quantnb/quantnb/notebooks/demo"
	"github.com/quantnb/quantnb/quantlib"
	"github.com/quantnb/quantnb/quantlib/bench/nets"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/onnx"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// network is one of those that are measured.
type network struct {
	name  string
	file  func(dir string) (string, error) // writes it where it is not a file yet
	input func(g *graph.Graph, batch int) (exec.Values, error)
}

// networks are those whose names match one of the comma-separated patterns: of
// package nets, the embedded one, and the files of a folder beside the project,
// which may be absent.
func networks(patterns, models string) ([]network, error) {
	var all []network
	for _, n := range nets.All {
		all = append(all, network{
			name: n.Name,
			file: func(dir string) (string, error) {
				g, err := n.Build(1)
				if err != nil {
					return "", err
				}
				p := filepath.Join(dir, n.Name+".onnx")
				return p, onnx.Save(p, g)
			},
			input: func(_ *graph.Graph, batch int) (exec.Values, error) { return n.Input(batch, 1), nil },
		})
	}
	all = append(all, network{
		name: "demo",
		file: func(dir string) (string, error) {
			p := filepath.Join(dir, "demo.onnx")
			return p, os.WriteFile(p, demo.Model(), 0o644)
		},
		input: uniform(1),
	})
	files, err := filepath.Glob(filepath.Join(models, "*.onnx"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		all = append(all, network{
			name:  strings.TrimSuffix(filepath.Base(f), ".onnx"),
			file:  func(dir string) (string, error) { return logits(f, dir) },
			input: uniform(255),
		})
	}
	var chosen []network
	for _, n := range all {
		for _, pattern := range strings.Split(patterns, ",") {
			ok, err := path.Match(pattern, n.name)
			if err != nil {
				return nil, fmt.Errorf("pattern %q: %w", pattern, err)
			}
			if ok {
				chosen = append(chosen, n)
				break
			}
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no network matches %q", patterns)
	}
	return chosen, nil
}

// logits is the network without a softmax at its end, which hides differences:
// on inputs that are not of its data it is zeros and a one.
func logits(file, dir string) (string, error) {
	g, err := onnx.Open(file)
	if err != nil {
		return "", err
	}
	n := g.Producer(g.Outputs()[0].Name)
	if n == nil || n.Op != "Softmax" {
		return file, nil
	}
	e := g.Edit()
	e.Replace(n)
	e.SetOutputs(graph.Value{Name: n.Input(0), DType: tensor.Float32})
	if g, err = e.Graph(); err != nil {
		return "", err
	}
	p := filepath.Join(dir, filepath.Base(file))
	return p, onnx.Save(p, g)
}

// uniform fills the inputs that a file states with numbers of 0..most.
func uniform(most float32) func(*graph.Graph, int) (exec.Values, error) {
	return func(g *graph.Graph, batch int) (exec.Values, error) {
		r := rand.New(rand.NewPCG(1, 3))
		in := exec.Values{}
		for _, v := range g.Inputs() {
			if v.DType != tensor.Float32 || !v.Ranked {
				return nil, fmt.Errorf("input %q is %v", v.Name, v.DType)
			}
			shape := make([]int, len(v.Dims))
			for i, d := range v.Dims {
				if shape[i] = d.Size; d.Size < 0 {
					shape[i] = batch
				}
			}
			t := tensor.New(tensor.Float32, shape...)
			for i := range t.F32() {
				t.F32()[i] = most * r.Float32()
			}
			in[v.Name] = t
		}
		return in, nil
	}
}

// opened is a network made ready for both runtimes.
type opened struct {
	network
	path    string
	session *exec.Session
	m       *plan.Map
	in      exec.Values
	output  string
	flops   float64 // of convolutions and products, for in
}

func (n network) open(ctx context.Context, dir string, batch int) (*opened, error) {
	p, err := n.file(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.name, err)
	}
	model, err := quantlib.Open(p)
	if err != nil {
		return nil, err
	}
	o := &opened{network: n, path: p, output: model.Graph().Outputs()[0].Name}
	if o.session, err = model.Session(); err != nil {
		return nil, fmt.Errorf("%s: %w", n.name, err)
	}
	if o.m, err = model.Map(); err != nil {
		return nil, fmt.Errorf("%s: %w", n.name, err)
	}
	if o.in, err = n.input(model.Graph(), batch); err != nil {
		return nil, fmt.Errorf("%s: %w", n.name, err)
	}
	work, err := flops(ctx, o.session, o.in)
	for _, f := range work {
		o.flops += f
	}
	return o, err
}

// flops is the arithmetic of each convolution and product, by output: two
// operations for each multiply-add, activation functions and biases not
// counted.
func flops(ctx context.Context, s *exec.Session, in exec.Values) (map[string]float64, error) {
	g := s.Graph()
	shapes := map[string][]int{}
	if _, err := s.Tap(ctx, in, func(name string, t *tensor.Tensor) { shapes[name] = append([]int(nil), t.Shape()...) }); err != nil {
		return nil, err
	}
	for _, c := range g.Consts() {
		shapes[c.Name] = c.Tensor.Shape()
	}
	work := map[string]float64{}
	for _, n := range g.Nodes() {
		depth := 0
		switch n.Op {
		case "Conv":
			depth = elements(shapes[n.Input(1)][1:])
		case "Gemm":
			a := shapes[n.Input(0)]
			depth = a[1-int(n.Int("transA", 0))]
		case "MatMul":
			a := shapes[n.Input(0)]
			depth = a[len(a)-1]
		default:
			continue
		}
		work[n.Output(0)] = 2 * float64(depth) * float64(elements(shapes[n.Output(0)]))
	}
	return work, nil
}

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
