package rewrite

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quantnb/quantnb/quantlib/graph"
)

// The oldest and the newest operator set that RaiseOpset writes.
const (
	MinOpset = 13
	MaxOpset = 25
)

// irVersions are the least IR versions of files that use an operator set:
// https://github.com/onnx/onnx/blob/main/docs/Versioning.md
var irVersions = []struct {
	opset int
	ir    int64
}{{25, 13}, {24, 12}, {23, 11}, {21, 10}, {19, 9}, {15, 8}, {MinOpset, 7}}

// RaiseOpset makes a pass that writes a graph in a newer version of ONNX's own
// operator set, MinOpset to MaxOpset: where an operator's meaning or its operands
// have changed on the way, the node is written anew. A graph that is in this
// version or a newer one is left as it is. Operators of other domains, and those
// that have only been given more types or options, stay.
//
// What has no equal in the newer version is an error that names the node and
// wraps errors.ErrUnsupported, and so is a changed operator inside a subgraph.
//
// It panics if to is not MinOpset..MaxOpset.
func RaiseOpset(to int) *Pass {
	if to < MinOpset || to > MaxOpset {
		panic(fmt.Sprintf("rewrite: opset %d; it writes %d to %d", to, MinOpset, MaxOpset))
	}
	return &Pass{
		Name:  fmt.Sprintf("raiseopset(%d)", to),
		Doc:   fmt.Sprintf("write the network in version %d of ONNX's operator set, if it is in an older one", to),
		Exact: true,
		Run:   func(g *graph.Graph) (*graph.Graph, error) { return raise(g, to) },
	}
}

func raise(g *graph.Graph, to int) (*graph.Graph, error) {
	from := g.Opset("")
	if from >= to {
		return g, nil
	}
	r := &raiser{Edit: g.Edit(), g: g}
	for _, n := range g.Nodes() {
		if err := settled(n, from, to); err != nil {
			return nil, err
		}
		if !graph.IsStandard(n.Domain) {
			continue
		}
		with := []*graph.Node{n}
		for _, c := range changesOf(n.Op, from, to) {
			// A change is of the node's last form: a Resize that was an Upsample.
			i := len(with) - 1
			next, err := c.write(r, with[i])
			if err != nil {
				return nil, fmt.Errorf("node %v: opset %d to %d, changed in %d: %w", n, from, to, c.at, err)
			}
			with = slices.Replace(with, i, i+1, next...)
		}
		if len(with) != 1 || with[0] != n {
			r.Replace(n, with...)
		}
	}
	m := *g.Model()
	m.Opsets = map[string]int{}
	for domain, v := range g.Model().Opsets {
		if !graph.IsStandard(domain) {
			m.Opsets[domain] = v
		}
	}
	m.Opsets[""] = to
	for _, v := range irVersions {
		if to >= v.opset {
			m.IRVersion = max(m.IRVersion, v.ir)
			break
		}
	}
	r.SetModel(&m)
	return r.Graph()
}

// settled is an error if a subgraph of n holds an operator that has changed.
func settled(n *graph.Node, from, to int) error {
	for _, a := range n.Attrs {
		subs := a.Graphs
		if a.G != nil {
			subs = append([]*graph.Graph{a.G}, subs...)
		}
		for _, g := range subs {
			for _, inner := range g.Nodes() {
				if graph.IsStandard(inner.Domain) && len(changesOf(inner.Op, from, to)) > 0 {
					return fmt.Errorf("node %v: %v inside its subgraph has changed between opset %d and %d: %w", n, inner, from, to, errors.ErrUnsupported)
				}
				if err := settled(inner, from, to); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// A change is a version of an operator that reads its node otherwise than the
// version before.
type change struct {
	at    int
	write func(r *raiser, n *graph.Node) ([]*graph.Node, error)
}

// changesOf is the changes of an operator after opset from, up to opset to.
func changesOf(op string, from, to int) []change {
	var list []change
	for _, c := range changes[op] {
		if from < c.at && c.at <= to {
			list = append(list, c)
		}
	}
	return list
}

// changes are all such versions since opset 7, from the operators' change log:
// https://github.com/onnx/onnx/blob/main/docs/Changelog.md
var changes map[string][]change

func init() {
	reduce := func(at int) []change { return []change{{at, axesToInput("axes")}} }
	changes = map[string][]change{
		"BatchNormalization": {{9, noSpatial}, {14, inferenceOnly}},
		"Clip":               {{11, toInputs("min", "max")}},
		"DFT":                {{20, axesToInput("axis")}},
		"Dropout":            {{12, dropAttr("ratio")}},
		"GridSample":         {{20, renameModes}},
		"GroupNormalization": {{21, unsupported("scale and bias were given for each group")}},
		"Hardmax":            {{13, flattened}},
		"LogSoftmax":         {{13, flattened}},
		"Pad":                {{11, toInputs("pads", "value")}},
		"ReduceL1":           reduce(18),
		"ReduceL2":           reduce(18),
		"ReduceLogSum":       reduce(18),
		"ReduceLogSumExp":    reduce(18),
		"ReduceMax":          reduce(18),
		"ReduceMean":         reduce(18),
		"ReduceMin":          reduce(18),
		"ReduceProd":         reduce(18),
		"ReduceSum":          reduce(13),
		"ReduceSumSquare":    reduce(18),
		"Resize":             {{11, resizeWithRegion}, {13, resizeWithoutEmpty}},
		"RoiAlign":           {{16, setAttr(graph.StringAttr("coordinate_transformation_mode", "output_half_pixel"))}},
		"Scan":               {{9, unsupported("it had a batch axis")}},
		"Scatter":            {{11, otherName("ScatterElements")}},
		"Slice":              {{10, toInputs("starts", "ends", "axes")}},
		"Softmax":            {{13, flattened}},
		"Split":              {{13, axesToInput("split")}, {18, splitEvenly}},
		"Squeeze":            {{13, axesToInput("axes")}},
		"TopK":               {{10, toInputs("k")}},
		"Unsqueeze":          {{13, axesToInput("axes")}},
		"Upsample":           {{9, toInputs("scales")}, {10, upsampled}},
	}
}
