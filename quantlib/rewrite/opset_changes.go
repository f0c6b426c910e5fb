package rewrite

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// raiser is a graph in the course of RaiseOpset.
type raiser struct {
	*graph.Edit
	g *graph.Graph
}

// changed is a copy of n without some attributes, which may itself be changed.
func changed(n *graph.Node, without ...string) *graph.Node {
	m := *n
	m.Inputs = slices.Clone(n.Inputs)
	m.Attrs = slices.DeleteFunc(slices.Clone(n.Attrs), func(a graph.Attr) bool { return slices.Contains(without, a.Name) })
	return &m
}

// input puts an attribute's value into a constant; "" for none. Lists of
// integers are int64 of rank 1, and a number is of rank 0, but k of rank 1.
func (r *raiser) input(n *graph.Node, name string) (string, error) {
	a := n.Attr(name)
	if a == nil {
		return "", nil
	}
	var t *tensor.Tensor
	switch a.Kind {
	case graph.AttrFloat:
		t = tensor.Scalar(a.F)
	case graph.AttrFloats:
		t = tensor.Of(slices.Clone(a.Floats), len(a.Floats))
	case graph.AttrInts:
		t = tensor.Of(slices.Clone(a.Ints), len(a.Ints))
	case graph.AttrInt:
		t = tensor.Scalar(a.I)
		if name == "k" {
			t = tensor.Of([]int64{a.I}, 1)
		}
	default:
		return "", fmt.Errorf("attribute %q is neither a number nor a list of them", name)
	}
	at := r.Fresh(n.Output(0) + "_" + name)
	r.SetConst(at, t)
	return at, nil
}

// toInputs turns attributes into the inputs after the first, in order; one that
// is absent leaves its input out.
func toInputs(attrs ...string) func(*raiser, *graph.Node) ([]*graph.Node, error) {
	return func(r *raiser, n *graph.Node) ([]*graph.Node, error) {
		m := changed(n, attrs...)
		m.Inputs = m.Inputs[:min(1, len(m.Inputs))]
		for _, a := range attrs {
			in, err := r.input(n, a)
			if err != nil {
				return nil, err
			}
			m.Inputs = append(m.Inputs, in)
		}
		for len(m.Inputs) > 1 && m.Inputs[len(m.Inputs)-1] == "" {
			m.Inputs = m.Inputs[:len(m.Inputs)-1]
		}
		return []*graph.Node{m}, nil
	}
}

// axesToInput is toInputs of one attribute that becomes the second input, or the
// third of a DFT.
func axesToInput(attr string) func(*raiser, *graph.Node) ([]*graph.Node, error) {
	return func(r *raiser, n *graph.Node) ([]*graph.Node, error) {
		in, err := r.input(n, attr)
		if err != nil {
			return nil, err
		}
		m := changed(n, attr)
		at := 1
		if n.Op == "DFT" {
			at = 2
			if in == "" { // the default has changed from 1 to -2
				in = r.Fresh(n.Output(0) + "_axis")
				r.SetConst(in, tensor.Scalar(int64(1)))
			}
		}
		if in != "" {
			for len(m.Inputs) < at {
				m.Inputs = append(m.Inputs, "")
			}
			m.Inputs = append(m.Inputs[:at], in)
		}
		return []*graph.Node{m}, nil
	}
}

func setAttr(a graph.Attr) func(*raiser, *graph.Node) ([]*graph.Node, error) {
	return func(r *raiser, n *graph.Node) ([]*graph.Node, error) {
		m := changed(n, a.Name)
		m.Attrs = append(m.Attrs, a)
		return []*graph.Node{m}, nil
	}
}

func dropAttr(name string) func(*raiser, *graph.Node) ([]*graph.Node, error) {
	return func(r *raiser, n *graph.Node) ([]*graph.Node, error) { return []*graph.Node{changed(n, name)}, nil }
}

func otherName(op string) func(*raiser, *graph.Node) ([]*graph.Node, error) {
	return func(r *raiser, n *graph.Node) ([]*graph.Node, error) {
		m := changed(n)
		m.Op = op
		return []*graph.Node{m}, nil
	}
}

func unsupported(why string) func(*raiser, *graph.Node) ([]*graph.Node, error) {
	return func(r *raiser, n *graph.Node) ([]*graph.Node, error) {
		return nil, fmt.Errorf("%s: %w", why, errors.ErrUnsupported)
	}
}

func noSpatial(r *raiser, n *graph.Node) ([]*graph.Node, error) {
	if n.Int("spatial", 1) != 1 {
		return nil, fmt.Errorf("statistics for each place: %w", errors.ErrUnsupported)
	}
	return []*graph.Node{changed(n, "spatial")}, nil
}

// inferenceOnly holds a BatchNormalization to one output: more meant training.
func inferenceOnly(r *raiser, n *graph.Node) ([]*graph.Node, error) {
	for _, o := range n.Outputs[min(1, len(n.Outputs)):] {
		if o != "" {
			return nil, fmt.Errorf("it trains: %w", errors.ErrUnsupported)
		}
	}
	m := changed(n)
	m.Outputs = n.Outputs[:min(1, len(n.Outputs))]
	return []*graph.Node{m}, nil
}

// renameModes gives GridSample's modes their new names.
func renameModes(r *raiser, n *graph.Node) ([]*graph.Node, error) {
	mode := n.Text("mode", "bilinear")
	switch mode {
	case "bilinear":
		mode = "linear"
	case "bicubic":
		mode = "cubic"
	}
	return setAttr(graph.StringAttr("mode", mode))(r, n)
}

// flattened is a Softmax, LogSoftmax or Hardmax over all axes from "axis" on, as
// they were before opset 13: over the rows of the flattened tensor.
func flattened(r *raiser, n *graph.Node) ([]*graph.Node, error) {
	axis := n.Int("axis", 1)
	m := changed(n, "axis")
	m.Attrs = append(m.Attrs, graph.IntAttr("axis", -1))
	if v, ok := r.g.Info(n.Input(0)); axis == -1 || ok && v.Ranked && int(axis) == len(v.Dims)-1 {
		return []*graph.Node{m}, nil // one axis alone
	}
	x, y := n.Input(0), n.Output(0)
	flat, rows, shape := r.Fresh(x+"_flat"), r.Fresh(y+"_flat"), r.Fresh(x+"_shape")
	m.Inputs, m.Outputs = []string{flat}, []string{rows}
	return []*graph.Node{
		{Op: "Flatten", Inputs: []string{x}, Outputs: []string{flat}, Attrs: []graph.Attr{graph.IntAttr("axis", axis)}},
		{Op: "Shape", Inputs: []string{x}, Outputs: []string{shape}},
		m,
		{Op: "Reshape", Inputs: []string{rows, shape}, Outputs: []string{y}},
	}, nil
}

// splitEvenly says into how many parts a Split without sizes splits.
func splitEvenly(r *raiser, n *graph.Node) ([]*graph.Node, error) {
	if n.Input(1) != "" {
		return []*graph.Node{n}, nil
	}
	return setAttr(graph.IntAttr("num_outputs", int64(len(n.Outputs))))(r, n)
}

// asFormerly makes a Resize place and round coordinates as opset 10 did.
func asFormerly(n *graph.Node, scales string) *graph.Node {
	m := changed(n)
	m.Op, m.Inputs = "Resize", []string{n.Input(0), "", scales}
	m.Attrs = append(m.Attrs, graph.StringAttr("coordinate_transformation_mode", "asymmetric"), graph.StringAttr("nearest_mode", "floor"))
	return m
}

// upsampled is an Upsample, which opset 10 took away, as a Resize of opset 11.
func upsampled(r *raiser, n *graph.Node) ([]*graph.Node, error) {
	return []*graph.Node{asFormerly(n, n.Input(1))}, nil
}

// resizeWithRegion is a Resize of opset 10 in terms of opset 11.
func resizeWithRegion(r *raiser, n *graph.Node) ([]*graph.Node, error) {
	return []*graph.Node{asFormerly(n, n.Input(1))}, nil
}

// resizeWithoutEmpty leaves out the empty tensors that stood for absent inputs.
func resizeWithoutEmpty(r *raiser, n *graph.Node) ([]*graph.Node, error) {
	if n.Text("coordinate_transformation_mode", "") == "tf_half_pixel_for_nn" {
		return nil, fmt.Errorf("coordinates of tf_half_pixel_for_nn: %w", errors.ErrUnsupported)
	}
	m := changed(n)
	for i := 1; i < len(m.Inputs); i++ {
		if t := r.g.Const(m.Inputs[i]); t != nil && t.Len() == 0 {
			m.Inputs[i] = ""
		}
	}
	return []*graph.Node{m}, nil
}
