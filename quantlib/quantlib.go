// Package quantlib asks of a neural network: what if this layer ran at 4 bits?
//
// Open a model, bind it to data in a Study, and ask:
//
//	model, err := quantlib.Open("model.onnx")
//	study := quantlib.Study{Model: model, Calibration: images, Test: tests}
//	grid, err := study.Grid(ctx)   // noise of each layer at each width
//	curve, err := study.Curve(ctx) // accuracy over uniform widths
//
// A Model and a Study's results are read-only and safe for concurrent use.
package quantlib

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/quantnb/quantnb/quantlib/exec"
	"github.com/quantnb/quantnb/quantlib/format"
	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/memo"
	"github.com/quantnb/quantnb/quantlib/onnx"
	"github.com/quantnb/quantnb/quantlib/ops"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/rewrite"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// A Model is an opened network. Opening costs next to nothing: rewriting and
// the making of an executor wait until they are needed.
type Model struct {
	file  *graph.Graph
	path  string
	data  []byte
	key   func() memo.Key // of the file's bytes, and of weights in files beside it
	known bool            // key says all that the model is

	profile *hardware.Profile // whose rules place quantizers; nil means simulation
	rules   string            // the profile as JSON
	rewrite func() (*graph.Graph, error)
	prepare func() (prepared, error)
	views   *views
}

// prepared is a model made ready to be quantized.
type prepared struct {
	session *exec.Session
	m       *plan.Map
	nothing error // why m is nil
}

// Open maps an ONNX file, opset 7 and up. Its tensors stay in the file until
// they are used; the file must not change while the program runs. Where
// format.RegisterParser knows the path's extension, that parser reads the file;
// results about it are not stored then (see Study.NoMemo).
func Open(path string) (*Model, error) {
	g, data, err := format.Open(path)
	if err != nil {
		return nil, err
	}
	m := newModel(g, data)
	m.path = path
	return m, nil
}

// Read reads an ONNX model to its end.
func Read(r io.Reader) (*Model, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("quantlib: reading the model: %w", err)
	}
	return Decode(data)
}

// Decode is the model that an ONNX file of these bytes holds. The model keeps
// using data, which must not change.
func Decode(data []byte) (*Model, error) {
	g, err := onnx.Decode(data, "")
	if err != nil {
		return nil, err
	}
	return newModel(g, data), nil
}

// FromGraph is the model of a graph that was built or parsed elsewhere. Results
// about it are not stored (see Study.NoMemo).
func FromGraph(g *graph.Graph) *Model { return newModel(g, nil) }

func newModel(g *graph.Graph, data []byte) *Model {
	m := &Model{file: g, data: data}
	m.views = &views{opened: m}
	m.rewrite = sync.OnceValues(m.rewritten)
	m.prepare = sync.OnceValues(m.build)
	m.key = sync.OnceValue(func() memo.Key { return fileKey(data, g.Model().Outside) })
	m.known = data != nil
	return m
}

// Passes is what a model goes through before quantizers are placed.
func Passes() []*rewrite.Pass {
	return []*rewrite.Pass{
		rewrite.InlineFunctions,
		rewrite.RemoveIdentity,
		rewrite.FoldConstants(func(n *graph.Node, opset int, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
			return ops.ApplyWithin(rewrite.MaxFolded, n, opset, in...)
		}),
		rewrite.FoldBatchNorm,
	}
}

// rewritten is the network with Passes applied.
func (m *Model) rewritten() (*graph.Graph, error) {
	// All missing operators are reported before a pass may stumble over one.
	g, err := rewrite.Apply(m.file, rewrite.InlineFunctions)
	if err != nil {
		return nil, err
	}
	if _, err := exec.New(g, exec.Options{NoFuse: true}); err != nil {
		return nil, err
	}
	return rewrite.Apply(g, Passes()...)
}

func (m *Model) build() (prepared, error) {
	var p prepared
	g, err := m.rewrite()
	if err != nil {
		return p, err
	}
	if m.profile == nil {
		p.m, err = plan.Place(g)
	} else {
		p.m, err = plan.PlaceFor(g, m.profile)
	}
	var visible []string
	if err == nil {
		visible = p.m.Activations()
	} else if p.nothing = err; !errors.Is(err, plan.ErrNothing) {
		return p, err
	}
	p.session, err = exec.New(g, exec.Options{Visible: visible})
	return p, err
}

// File is the model as the bytes of one ONNX file, which must not be changed, and
// the path of the file that holds just these, "" if none does: weights in other files
// are written into the bytes, and so is what Logits has changed. data is nil if the
// model did not come from ONNX. An error wraps errors.ErrUnsupported where one file
// cannot hold it.
func (m *Model) File() (path string, data []byte, err error) {
	switch {
	case !m.known:
		return "", nil, nil
	case m.data != nil && len(m.file.Model().Outside) == 0:
		return m.path, m.data, nil
	}
	data, err = onnx.Encode(m.file)
	return "", data, err
}

// Graph is the network as the file has it.
func (m *Model) Graph() *graph.Graph { return m.file }

// Session runs the network, with batch normalizations folded.
func (m *Model) Session() (*exec.Session, error) {
	p, err := m.prepare()
	return p.session, err
}

// Map is where quantizers sit.
func (m *Model) Map() (*plan.Map, error) {
	p, err := m.prepare()
	if err != nil {
		return nil, err
	}
	if p.m == nil {
		return nil, p.nothing
	}
	return p.m, nil
}

// Layers is the names of the layers that can be quantized, in the order they
// run.
func (m *Model) Layers() ([]string, error) {
	p, err := m.Map()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(p.Layers))
	for i, l := range p.Layers {
		names[i] = l.Name
	}
	return names, nil
}

// String says what the model is: inputs, outputs, operators and weights.
func (m *Model) String() string {
	var b strings.Builder
	g := m.file
	name := "network"
	if g.Name() != "" {
		name += " " + graph.Printable(g.Name())
	}
	fmt.Fprintf(&b, "%s, opset %d, %d nodes\n", name, g.Opset(""), len(g.Nodes()))
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, v := range g.Inputs() {
		fmt.Fprintf(w, "input\t%s\t%s\n", graph.Printable(v.Name), v.TypeString())
	}
	for _, v := range g.Outputs() {
		fmt.Fprintf(w, "output\t%s\t%s\n", graph.Printable(v.Name), v.TypeString())
	}
	w.Flush()
	count := map[string]int{}
	var order []string
	for _, n := range g.Nodes() {
		if count[n.Op] == 0 {
			order = append(order, n.Op)
		}
		count[n.Op]++
	}
	for i, op := range order {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d %s", count[op], graph.Printable(op))
	}
	elements, bytes := 0, 0
	for _, c := range g.Consts() {
		if c.Tensor.DType().IsFloat() {
			elements += c.Tensor.Len()
			bytes += c.Tensor.DType().Bytes(c.Tensor.Len())
		}
	}
	fmt.Fprintf(&b, "\n%d parameters, %d bytes\n", elements, bytes)
	return b.String()
}

// Must is v, for notebook cells and examples. It panics if err is not nil.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
