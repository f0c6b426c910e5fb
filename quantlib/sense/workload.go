package sense

import (
	"context"
	"fmt"

	"github.com/quantnb/quantnb/quantlib/calibrate"
	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A Workload is what a network does for one sample, whatever the widths: the
// shapes that latency and costs by activation follow from.
type Workload struct {
	MACs     []int64 // by layer; see MACs
	Units    []Unit  // in the order they run
	Elements []int64 // of activations, by tie: Σ elements of its tensors
}

// A Unit is a node, or several that the device runs as one (see plan.Map.Fused),
// and the ties that decide the widths of its operands, -1 where there is no
// quantizer and the operand is float32.
type Unit struct {
	Work  hardware.Work // for one sample, widths left out; named after its layer
	Nodes []string
	Layer int // of the plan's layers, the first that is in it; -1 for none
	// Weight is the tie of the layer's weight and Input that of its activation;
	// without a layer, of the first input that has a quantizer. All that is read
	// counts at that width. Output is the tie of what is written: of the quantizer
	// on it, or behind it where only values are moved.
	Weight, Input, Output int
}

// At is the unit's work when ties have these widths in bits, 0 being float32.
func (u *Unit) At(bits func(tie int) int) hardware.Work {
	w := u.Work
	for _, p := range []struct {
		tie int
		dst *int
	}{{u.Weight, &w.WeightBits}, {u.Input, &w.InputBits}, {u.Output, &w.OutputBits}} {
		*p.dst = 0
		if p.tie >= 0 {
			*p.dst = bits(p.tie)
		}
	}
	return w
}

// Seconds is the time of one sample on a device, the sum over its units; 0 where
// the profile has no figures.
func (w *Workload) Seconds(p *hardware.Profile, bits func(tie int) int) float64 {
	sum := 0.0
	for i := range w.Units {
		s, _ := p.Seconds(w.Units[i].At(bits))
		sum += s
	}
	return sum
}

// Known tells whether a device has figures for every unit at these widths; where it
// has not, Seconds is the time of the others.
func (w *Workload) Known(p *hardware.Profile, bits func(tie int) int) bool {
	for i := range w.Units {
		at := w.Units[i].At(bits)
		if _, bound := p.Seconds(at); at.MACs > 0 && bound == hardware.Unknown {
			return false
		}
	}
	return p.HasLatency()
}

// views are operators that make no copy of what they are given.
var views = map[string]bool{
	"Reshape": true, "Flatten": true, "Squeeze": true, "Unsqueeze": true, "Identity": true, "Dropout": true,
}

// Work measures the workload: the network of s, which must be m's, runs once on
// the first samples (batch of them, and at least one), without fusions, and the
// shapes that it shows are divided by their number. Elements count for float32
// tensors alone: arithmetic on shapes is free, and so are views.
func Work(ctx context.Context, s *exec.Session, m *plan.Map, data calibrate.Samples, batch int) (*Workload, error) {
	batch = max(1, batch)
	shapes, err := shapesOf(ctx, s, m, data, batch)
	if err != nil {
		return nil, err
	}
	macs, err := macsOf(m, shapes, int64(batch))
	if err != nil {
		return nil, err
	}
	w := &Workload{MACs: macs, Elements: make([]int64, len(m.Ties))}
	quantizers := map[string]int{}
	for i, q := range m.Quantizers {
		quantizers[q.Value] = i
		if q.Role == plan.Activation {
			w.Elements[q.Tie] += shapes.elements(q.Value) / shapes.samples(m.Graph, q.Value)
		}
	}
	layers := map[string]int{}
	for i, l := range m.Layers {
		layers[l.Name] = i
	}
	place, chains := map[string]int{}, m.Fused()
	for i, c := range chains {
		for _, n := range c {
			place[n.Name] = i + 1
		}
	}
	for _, n := range m.Graph.Nodes() {
		nodes := []*graph.Node{n}
		if c := place[n.Name]; c > 0 {
			nodes = chains[c-1]
			if nodes[len(nodes)-1] != n {
				continue // a chain runs when its last node can
			}
		}
		b := unitBuilder{m: m, shapes: shapes, macs: macs, quantizers: quantizers, layers: layers}
		if u, ok := b.unit(nodes); ok {
			w.Units = append(w.Units, u)
		}
	}
	return w, nil
}

// netShapes is the shapes of float32 values in a run of some samples.
type netShapes struct {
	dims  map[string][]int
	batch int64
}

func (s netShapes) elements(name string) int64 {
	d, ok := s.dims[name]
	if !ok {
		return 0
	}
	return product(d)
}

// samples is how many samples share a value: the batch, or one for a constant.
func (s netShapes) samples(g *graph.Graph, name string) int64 {
	if g.Const(name) != nil {
		return 1
	}
	return s.batch
}

func shapesOf(ctx context.Context, s *exec.Session, m *plan.Map, data calibrate.Samples, batch int) (netShapes, error) {
	shapes := netShapes{map[string][]int{}, int64(batch)}
	if s.Graph() != m.Graph {
		return shapes, fmt.Errorf("sense: the session runs another network than the one of the quantizers")
	}
	if data.Len() == 0 {
		return shapes, fmt.Errorf("sense: the data set is empty")
	}
	fail := func(err error) (netShapes, error) { return shapes, fmt.Errorf("sense: sample 0: %w", err) }
	in, err := data.Batch(0, batch)
	if err != nil {
		return fail(err)
	}
	plain, err := exec.New(m.Graph, exec.Options{Threads: s.Threads(), NoFuse: true})
	if err != nil {
		return shapes, fmt.Errorf("sense: %w", err)
	}
	for _, c := range m.Graph.Consts() {
		if c.Tensor.DType() == tensor.Float32 {
			shapes.dims[c.Name] = c.Tensor.Shape()
		}
	}
	err = plain.Watch(ctx, in, func(name string, t *tensor.Tensor) {
		if t.DType() == tensor.Float32 {
			shapes.dims[name] = append([]int(nil), t.Shape()...)
		}
	})
	if err != nil {
		return fail(err)
	}
	return shapes, nil
}

type unitBuilder struct {
	m          *plan.Map
	shapes     netShapes
	macs       []int64
	quantizers map[string]int
	layers     map[string]int
}

// unit is the work of nodes that run as one; ok is false where they do none.
func (b *unitBuilder) unit(nodes []*graph.Node) (u Unit, ok bool) {
	u = Unit{Layer: -1, Weight: -1, Input: -1, Output: -1}
	inside := map[string]bool{}
	for _, n := range nodes[:len(nodes)-1] {
		for _, o := range n.Outputs {
			inside[o] = true
		}
	}
	u.Work.Node, u.Work.Op = nodes[0].Name, nodes[0].Op
	read := map[string]bool{}
	for _, n := range nodes {
		u.Nodes = append(u.Nodes, n.Name)
		if li, is := b.layers[n.Name]; is {
			u.Work.MACs += b.macs[li]
			if u.Layer < 0 || b.macs[li] > 0 && b.macs[u.Layer] == 0 {
				u.Layer, u.Work.Node, u.Work.Op = li, n.Name, n.Op
			}
		}
		if views[n.Op] {
			continue
		}
		for i, name := range n.Inputs {
			if name == "" || inside[name] || read[name] {
				continue
			}
			read[name] = true
			q, quantized := b.quantizers[name]
			switch elements := b.shapes.elements(name); {
			case quantized && b.m.Quantizers[q].Role == plan.Weight || b.m.Graph.Const(name) != nil && i > 0:
				u.Work.Weights += elements
			case b.m.Graph.Const(name) != nil:
				u.Work.Inputs += elements
			default:
				u.Work.Inputs += elements / b.shapes.batch
				if quantized && u.Input < 0 {
					u.Input = b.m.Quantizers[q].Tie
				}
			}
		}
	}
	if u.Layer >= 0 {
		l := b.m.Layers[u.Layer]
		if u.Input = -1; l.Weight >= 0 {
			u.Weight = b.m.Quantizers[l.Weight].Tie
		}
		if len(l.Activations) > 0 {
			u.Input = b.m.Quantizers[l.Activations[0]].Tie
		}
	}
	last := nodes[len(nodes)-1]
	if len(nodes) > 1 || !views[last.Op] {
		for _, o := range last.Outputs {
			u.Work.Outputs += b.shapes.elements(o) / b.shapes.batch
		}
	}
	if len(last.Outputs) > 0 {
		u.Output = b.stored(last.Outputs[0])
	}
	return u, u.Work.MACs+u.Work.Weights+u.Work.Inputs+u.Work.Outputs > 0
}

// stored is the tie of the quantizer on a value, or on what operators that move
// values make of it.
func (b *unitBuilder) stored(name string) int {
	for range len(b.m.Graph.Nodes()) {
		if q, ok := b.quantizers[name]; ok {
			return b.m.Quantizers[q].Tie
		}
		users := b.m.Graph.Consumers(name)
		if len(users) != 1 || !b.m.Profile.Passes(users[0].Op) || users[0].Input(0) != name {
			break
		}
		name = users[0].Output(0)
	}
	return -1
}
