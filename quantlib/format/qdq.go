package format

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/onnx"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/rewrite"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// QDQ writes ONNX files in which quantizers are pairs of QuantizeLinear and
// DequantizeLinear, the form that runtimes and device compilers read. The zero
// value is the exporter of ".onnx".
//
//   - A constant (a weight, a bias) becomes an integer initializer with its codes
//     and a DequantizeLinear; any rounding will do, since it is done here. 32 bits
//     are int32 without a zero point.
//   - Another value gets the pair behind it; all that uses the value, the graph's
//     outputs included, sees its quantized form.
//   - The type of codes is the narrowest that ONNX has: int2 (opset 25), int4 (21),
//     int8 (13), int16 (21), their unsigned forms, float8 (19). Where a scheme has
//     fewer codes than its type, as odd widths do, a Clip before the QuantizeLinear
//     narrows them, at the values of the outermost codes. It stands on the float
//     side, since ONNX has no Clip for 4 bits, and so the pair stays together.
//   - A scale for each channel is given by axis; groups by block_size (opset 21),
//     with the scales repeated over the axes that a group covers as a whole.
//   - The model's opset is raised to what this takes, at least 13; see
//     rewrite.RaiseOpset. The plan is kept in the metadata under "quantnb.plan".
//
// ONNX Runtime (1.32) reads all of these with its graph optimizations off, and
// gives the simulation's outputs. Its optimizations may turn pairs into integer
// kernels, which do other arithmetic: they quantize biases, and on processors
// without VNNI their sums of 16 bits saturate. session.disable_quant_qdq=1 keeps
// the file's own arithmetic, session.x64quantprecision=1 the sums. They refuse some
// activations of 4 bits, and 2 bits; MaxOpset 20 keeps these in 8.
//
// What the file computes is what the simulation does, up to the order of float32
// sums: a sum that lies at the edge of two codes may fall on the other side.
// NaN is the exception; ONNX does not say what its code is.
//
// Not in ONNX, and so an error that wraps errors.ErrUnsupported: other rounding
// than half to even of a value that is not constant, one signed bit of such a
// value, and a graph input with a quantizer that a subgraph reads or that is an
// output too.
type QDQ struct {
	// MaxOpset bounds the opset that the model is raised to, for runtimes that lag
	// behind: at 20, 4 bits are kept in int8, and 16 bits are an error. 0 is
	// rewrite.MaxOpset. A model that is newer to begin with stays as it is.
	MaxOpset int
}

// Export is an Exporter.
func (q QDQ) Export(w io.Writer, n *Network) error {
	g, err := q.Graph(n)
	if err != nil {
		return err
	}
	data, err := onnx.Encode(g)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("format: %w", err)
	}
	return nil
}

// Graph is the network that Export writes.
func (q QDQ) Graph(n *Network) (*graph.Graph, error) {
	if err := n.Validate(); err != nil {
		return nil, err
	}
	most := q.MaxOpset
	if most == 0 {
		most = rewrite.MaxOpset
	}
	if most < rewrite.MinOpset || most > rewrite.MaxOpset {
		return nil, fmt.Errorf("format: opset %d; quantized files are written in %d to %d: %w", most, rewrite.MinOpset, rewrite.MaxOpset, errors.ErrUnsupported)
	}
	m := n.Plan.Map()
	least := rewrite.MinOpset
	held := make([]container, len(m.Quantizers))
	for i, z := range m.Quantizers {
		s := n.Plan.Scheme(i)
		if s.IsFloat32() {
			continue
		}
		fail := func(err error) error { return fmt.Errorf("format: %v %q: %w", z.Role, z.Value, err) }
		var err error
		if held[i], err = containerOf(s, max(most, n.Graph().Opset(""))); err != nil {
			return nil, fail(err)
		}
		least = max(least, held[i].opset)
		if s.Granularity == quant.PerGroup && n.Const(i) != nil {
			if most < 21 && n.Graph().Opset("") < 21 {
				return nil, fail(fmt.Errorf("%v: groups need opset 21, the limit is %d: %w", s, most, errors.ErrUnsupported))
			}
			least = max(least, 21)
		}
		if n.Const(i) == nil && s.Round != quant.HalfEven {
			return nil, fail(fmt.Errorf("%v: ONNX rounds half to even: %w", s, errors.ErrUnsupported))
		}
		if n.Const(i) == nil && s.Binary() {
			return nil, fail(fmt.Errorf("%v: ONNX has no sign quantizer: %w", s, errors.ErrUnsupported))
		}
	}
	biases := make([]container, len(m.Layers))
	for i, l := range m.Layers {
		if !n.HasBias(i) {
			continue
		}
		var err error
		if biases[i], err = containerOf(n.Plan.Bias(i), max(most, n.Graph().Opset(""))); err != nil {
			return nil, fmt.Errorf("format: layer %q: bias %q: %w", l.Name, l.Bias, err)
		}
		least = max(least, biases[i].opset)
	}
	g, err := rewrite.Apply(n.Graph(), rewrite.RaiseOpset(least))
	if err != nil {
		return nil, fmt.Errorf("format: %w", err)
	}
	e := newInserter(g)
	for i, z := range m.Quantizers {
		switch s := n.Plan.Scheme(i); {
		case s.IsFloat32():
		case n.Const(i) != nil:
			t := n.Const(i)
			if z.Role == plan.Activation {
				s = s.PerTensor()
			}
			e.constant(z.Value, t, n.Codes(i), n.Params[i], granulesOf(t.Shape(), z.Axis, z.Group, s, n.Layout(i)), held[i].dtype)
		default:
			if err := e.value(z, s, n.Params[i], held[i]); err != nil {
				return nil, fmt.Errorf("format: %v %q: %w", z.Role, z.Value, err)
			}
		}
	}
	for i, l := range m.Layers {
		if n.HasBias(i) {
			t := n.Graph().Const(l.Bias)
			s := n.Plan.Bias(i).PerChannel()
			e.constant(l.Bias, t, n.BiasCodes(i), n.Biases[i], granulesOf(t.Shape(), t.Rank()-1, -1, s, n.BiasLayout(i)), biases[i].dtype)
		}
	}
	return e.graph(n.Plan)
}

// inserter is a graph in the course of getting its pairs.
type inserter struct {
	g      *graph.Graph
	head   []*graph.Node // run before all others
	nodes  []*graph.Node
	after  map[string][]*graph.Node // by the value they follow
	consts []*graph.Const
	gone   map[string]bool // constants that a node makes now
	taken  map[string]bool
}

func newInserter(g *graph.Graph) *inserter {
	e := &inserter{g: g, nodes: slices.Clone(g.Nodes()), after: map[string][]*graph.Node{}, gone: map[string]bool{}, taken: map[string]bool{}}
	e.take(g)
	return e
}

// take notes all names of g and its subgraphs, which must differ from each other.
func (e *inserter) take(g *graph.Graph) {
	for _, c := range g.Consts() {
		e.taken[c.Name] = true
	}
	for _, v := range g.DeclaredInputs() {
		e.taken[v.Name] = true
	}
	for _, n := range g.Nodes() {
		for _, o := range n.Outputs {
			e.taken[o] = true
		}
		for _, a := range n.Attrs {
			if a.G != nil {
				e.take(a.G)
			}
			for _, sub := range a.Graphs {
				e.take(sub)
			}
		}
	}
}

func (e *inserter) fresh(name string) string {
	base := name
	for k := 1; e.taken[name]; k++ {
		name = fmt.Sprintf("%s_%d", base, k)
	}
	e.taken[name] = true
	return name
}

func (e *inserter) add(name string, t *tensor.Tensor) string {
	name = e.fresh(name)
	e.consts = append(e.consts, &graph.Const{Name: name, Tensor: t})
	return name
}

// constant puts codes and a DequantizeLinear in the place of a constant.
func (e *inserter) constant(name string, t *tensor.Tensor, codes []int32, p quant.Params, where granules, dt tensor.DType) {
	scale, zero := make([]float32, len(where.place)), make([]int32, len(where.place))
	for k, at := range where.place {
		scale[k], zero[k] = p.At(at)
	}
	d := &graph.Node{Op: "DequantizeLinear", Name: name + "_DequantizeLinear", Outputs: []string{name}}
	d.Inputs = []string{
		e.add(name+"_quantized", pack(dt, codes, t.Shape()...)),
		e.add(name+"_scale", tensor.Of(scale, where.shape...)),
	}
	if dt != tensor.Int32 {
		d.Inputs = append(d.Inputs, e.add(name+"_zero_point", pack(dt, zero, where.shape...)))
	}
	if where.axis >= 0 {
		d.Attrs = append(d.Attrs, graph.IntAttr("axis", int64(where.axis)))
	}
	if where.block > 0 {
		d.Attrs = append(d.Attrs, graph.IntAttr("block_size", int64(where.block)))
	}
	e.gone[name] = true
	e.head = append(e.head, d)
}

// value puts a pair behind a value that a node makes, or that is an input.
func (e *inserter) value(q plan.Quantizer, s quant.Scheme, p quant.Params, c container) error {
	name := q.Value
	from, to := name, name
	if e.g.Producer(name) == nil {
		if e.g.IsOutput(name) {
			return fmt.Errorf("it is an input and an output of the graph at once: %w", errors.ErrUnsupported)
		}
		to = e.fresh(name + "_dequantized")
	} else {
		from = e.fresh(name + "_float")
	}
	zeros := p.Zero
	if zeros == nil {
		zeros = make([]int32, len(p.Scale))
	}
	shape, attrs := []int(nil), []graph.Attr(nil)
	if s.Granularity == quant.PerChannel {
		shape, attrs = []int{len(p.Scale)}, []graph.Attr{graph.IntAttr("axis", int64(q.Axis))}
	}
	x := from
	var pair []*graph.Node
	if lo, hi := s.Range(); s.Float == quant.NotFloat && (lo != c.lo || hi != c.hi) {
		if s.Granularity != quant.PerTensor {
			return fmt.Errorf("%v has fewer codes than %v, and a Clip has no limits for each channel: %w", s, c.dtype, errors.ErrUnsupported)
		}
		scale, zero := p.At(0)
		least, most := s.Reals(scale, zero)
		x = e.fresh(name + "_clipped")
		pair = append(pair, &graph.Node{Op: "Clip", Name: name + "_Clip", Outputs: []string{x},
			Inputs: []string{from, e.add(name+"_least", tensor.Scalar(least)), e.add(name+"_most", tensor.Scalar(most))}})
	}
	codes, at, z := e.fresh(name+"_quantized"), e.add(name+"_scale", tensor.Of(p.Scale, shape...)), e.add(name+"_zero_point", pack(c.dtype, zeros, shape...))
	pair = append(pair,
		&graph.Node{Op: "QuantizeLinear", Name: name + "_QuantizeLinear", Inputs: []string{x, at, z}, Outputs: []string{codes}, Attrs: attrs},
		&graph.Node{Op: "DequantizeLinear", Name: name + "_DequantizeLinear", Inputs: []string{codes, at, z}, Outputs: []string{to}, Attrs: attrs})
	if from != name {
		return e.follow(name, from, pair)
	}
	for i, n := range e.nodes {
		for _, a := range n.Attrs {
			for _, sub := range append(slices.Clip(a.Graphs), a.G) {
				if sub != nil && slices.Contains(sub.OuterNames(), name) {
					return fmt.Errorf("the graph's input is read inside %v: %w", n, errors.ErrUnsupported)
				}
			}
		}
		if !slices.Contains(n.Inputs, name) {
			continue
		}
		m := *n
		m.Inputs = slices.Clone(n.Inputs)
		for k, in := range m.Inputs {
			if in == name {
				m.Inputs[k] = to
			}
		}
		e.nodes[i] = &m
	}
	e.head = append(e.head, pair...)
	return nil
}

// follow renames what the producer of name makes, and puts nodes that make name of
// it behind.
func (e *inserter) follow(name, from string, pair []*graph.Node) error {
	for i, n := range e.nodes {
		at := slices.Index(n.Outputs, name)
		if at < 0 {
			continue
		}
		m := *n
		m.Outputs = slices.Clone(n.Outputs)
		m.Outputs[at] = from
		e.nodes[i] = &m
		e.after[from] = pair
		return nil
	}
	return errors.New("nothing makes it any more") // an opset's rewriting keeps all values
}

// planKey is where a file's metadata has the plan.
const planKey = "quantnb.plan"

// graph is the network with all pairs.
func (e *inserter) graph(p plan.Plan) (*graph.Graph, error) {
	nodes := e.head
	for _, n := range e.nodes {
		nodes = append(nodes, n)
		for _, o := range n.Outputs {
			nodes = append(nodes, e.after[o]...)
		}
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("format: %w", err)
	}
	m := *e.g.Model()
	m.Metadata = slices.DeleteFunc(slices.Clone(m.Metadata), func(kv graph.KeyValue) bool { return kv.Key == planKey })
	m.Metadata = append(m.Metadata, graph.KeyValue{Key: planKey, Value: string(text)})
	gone := func(name string) bool { return e.gone[name] }
	g, err := graph.New(graph.Parts{
		Name: e.g.Name(), Doc: e.g.Doc(), Extra: e.g.Extra(), Nodes: nodes, Outputs: e.g.Outputs(),
		Inputs: slices.DeleteFunc(slices.Clone(e.g.DeclaredInputs()), func(v graph.Value) bool { return gone(v.Name) }),
		Consts: append(slices.DeleteFunc(e.g.Consts(), func(c *graph.Const) bool { return gone(c.Name) }), e.consts...),
		Info:   e.g.Infos(), Model: &m,
	})
	if err != nil {
		return nil, fmt.Errorf("format: %w", err)
	}
	return g, nil
}
