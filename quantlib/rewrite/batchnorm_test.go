package rewrite_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/rewrite"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

func random(seed uint64, positive bool, shape ...int) *tensor.Tensor {
	r := rand.New(rand.NewPCG(seed, 1))
	w := tensor.New(tensor.Float32, shape...)
	for i := range w.F32() {
		w.F32()[i] = float32(r.NormFloat64())
		if positive {
			w.F32()[i] = 0.1 + w.F32()[i]*w.F32()[i]
		}
	}
	return w
}

// net is x → layer → c → BatchNormalization → y with 4 channels at c. change may
// alter any part.
func net(t *testing.T, op string, weight, input []int, attrs []graph.Attr, change func(*graph.Parts)) *graph.Graph {
	t.Helper()
	dims := make([]graph.Dim, len(input))
	for i, d := range input {
		dims[i].Size = d
	}
	p := graph.Parts{
		Inputs:  []graph.Value{{Name: "x", DType: tensor.Float32, Ranked: true, Dims: dims}},
		Outputs: []graph.Value{{Name: "y"}},
		Consts: []*graph.Const{
			{Name: "w", Tensor: random(1, false, weight...)}, {Name: "b", Tensor: random(2, false, 4)},
			{Name: "scale", Tensor: random(3, false, 4)}, {Name: "bias", Tensor: random(4, false, 4)},
			{Name: "mean", Tensor: random(5, false, 4)}, {Name: "var", Tensor: random(6, true, 4)},
		},
		Nodes: []*graph.Node{
			{Name: "layer", Op: op, Inputs: []string{"x", "w", "b"}, Outputs: []string{"c"}, Attrs: attrs},
			{Name: "bn", Op: "BatchNormalization", Inputs: []string{"c", "scale", "bias", "mean", "var"}, Outputs: []string{"y"},
				Attrs: []graph.Attr{graph.FloatAttr("epsilon", 0.01)}},
		},
		Model: &graph.Model{Opsets: map[string]int{"": 15}},
	}
	if change != nil {
		change(&p)
	}
	g, err := graph.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func conv(t *testing.T, change func(*graph.Parts)) *graph.Graph {
	t.Helper()
	return net(t, "Conv", []int{4, 2, 3, 3}, []int{2, 2, 5, 5}, nil, change)
}

func TestBatchNormFoldsIntoWhatStandsBefore(t *testing.T) {
	for _, c := range []struct {
		name          string
		op            string
		weight, input []int
		attrs         []graph.Attr
		change        func(*graph.Parts)
	}{
		{"Conv", "Conv", []int{4, 2, 3, 3}, []int{2, 2, 5, 5}, nil, nil},
		{"Conv without bias", "Conv", []int{4, 2, 3, 3}, []int{2, 2, 5, 5}, nil, func(p *graph.Parts) { p.Nodes[0].Inputs = p.Nodes[0].Inputs[:2] }},
		{"Conv in groups", "Conv", []int{4, 1, 3, 3}, []int{2, 2, 5, 5}, []graph.Attr{graph.IntAttr("group", 2)}, nil},
		{"Conv in one dimension", "Conv", []int{4, 3, 3}, []int{2, 3, 8}, nil, nil},
		{"ConvTranspose", "ConvTranspose", []int{2, 4, 3, 3}, []int{2, 2, 5, 5}, nil, nil},
		{"Gemm", "Gemm", []int{6, 4}, []int{2, 6}, nil, nil},
		{"Gemm, transposed", "Gemm", []int{4, 6}, []int{2, 6}, []graph.Attr{graph.IntAttr("transB", 1)}, nil},
		{"weight in a Constant node", "Conv", []int{4, 2, 3, 3}, []int{2, 2, 5, 5}, nil, func(p *graph.Parts) {
			p.Nodes = append(p.Nodes, &graph.Node{Op: "Constant", Outputs: []string{"w"}, Attrs: []graph.Attr{graph.TensorAttr("value", p.Consts[0].Tensor)}})
			p.Consts = p.Consts[1:]
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := net(t, c.op, c.weight, c.input, c.attrs, c.change)
			h, err := rewrite.Apply(g, rewrite.FoldBatchNorm)
			if err != nil {
				t.Fatal(err)
			}
			if len(h.Nodes()) != 1 || h.Nodes()[0].Name != "layer" || h.Nodes()[0].Outputs[0] != "y" {
				t.Errorf("%d nodes: %v", len(h.Nodes()), h.Nodes())
			}
			if len(h.Consts()) != 2 {
				t.Errorf("%d constants stay", len(h.Consts()))
			}
			sameOutputs(t, c.name, g, h)
		})
	}
}

func TestSharedWeightFoldsForEachUser(t *testing.T) {
	g := conv(t, func(p *graph.Parts) {
		p.Consts = append(p.Consts, &graph.Const{Name: "scale2", Tensor: random(9, false, 4)})
		p.Nodes = append(p.Nodes,
			&graph.Node{Name: "layer2", Op: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"c2"}},
			&graph.Node{Name: "bn2", Op: "BatchNormalization", Inputs: []string{"c2", "scale2", "bias", "mean", "var"}, Outputs: []string{"y2"}})
		p.Outputs = append(p.Outputs, graph.Value{Name: "y2"})
	})
	h, err := rewrite.Apply(g, rewrite.FoldBatchNorm)
	if err != nil {
		t.Fatal(err)
	}
	if count(h, "BatchNormalization") != 0 {
		t.Error("it did not fold")
	}
	sameOutputs(t, "two users", g, h)
}

func TestBatchNormStaysWhereFoldingWouldChangeTheNetwork(t *testing.T) {
	drop := func(p *graph.Parts, name string) {
		for i, c := range p.Consts {
			if c.Name == name {
				p.Consts = append(p.Consts[:i:i], p.Consts[i+1:]...)
				return
			}
		}
	}
	input := func(p *graph.Parts, name string, shape ...int) {
		drop(p, name)
		v := graph.Value{Name: name, DType: tensor.Float32, Ranked: true}
		for _, d := range shape {
			v.Dims = append(v.Dims, graph.Dim{Size: d})
		}
		p.Inputs = append(p.Inputs, v)
	}
	for _, c := range []struct {
		name   string
		change func(*graph.Parts)
	}{
		{"another node uses what lies between", func(p *graph.Parts) {
			p.Nodes = append(p.Nodes, &graph.Node{Op: "Relu", Inputs: []string{"c"}, Outputs: []string{"z"}})
			p.Outputs = append(p.Outputs, graph.Value{Name: "z"})
		}},
		{"what lies between is an output", func(p *graph.Parts) { p.Outputs = append(p.Outputs, graph.Value{Name: "c"}) }},
		{"the weight is an input", func(p *graph.Parts) { input(p, "w", 4, 2, 3, 3) }},
		{"the bias is an input", func(p *graph.Parts) { input(p, "b", 4) }},
		{"the scale is an input", func(p *graph.Parts) { input(p, "scale", 4) }},
		{"the variance is computed", func(p *graph.Parts) {
			p.Nodes[1].Inputs[4] = "var2"
			p.Nodes = append(p.Nodes, &graph.Node{Op: "Abs", Inputs: []string{"var"}, Outputs: []string{"var2"}})
		}},
		{"there is a Relu between", func(p *graph.Parts) {
			p.Nodes[1].Inputs[0] = "r"
			p.Nodes = append(p.Nodes, &graph.Node{Op: "Relu", Inputs: []string{"c"}, Outputs: []string{"r"}})
		}},
		{"another domain's Conv", func(p *graph.Parts) { p.Nodes[0].Domain = "com.acme" }},
		{"another domain's BatchNormalization", func(p *graph.Parts) { p.Nodes[1].Domain = "com.acme" }},
		{"training", func(p *graph.Parts) {
			p.Nodes[1].Attrs = append(p.Nodes[1].Attrs, graph.IntAttr("training_mode", 1))
		}},
		{"running statistics are wanted", func(p *graph.Parts) { p.Nodes[1].Outputs = []string{"y", "m", "v"} }},
	} {
		g := conv(t, c.change)
		h, err := rewrite.Apply(g, rewrite.FoldBatchNorm)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if h != g {
			t.Errorf("%s: it was folded", c.name)
		}
	}
	// A statistic for each element, as spatial = 0 of opset 8 has it.
	g := conv(t, func(p *graph.Parts) {
		p.Model.Opsets[""] = 8
		p.Nodes[1].Attrs = append(p.Nodes[1].Attrs, graph.IntAttr("spatial", 0))
		for _, k := range p.Consts[2:] {
			k.Tensor = random(7, true, 4*3*3)
		}
	})
	if h, err := rewrite.Apply(g, rewrite.FoldBatchNorm); err != nil || h != g {
		t.Errorf("statistics for each element: %v", err)
	}
	// Scaled products, and a transposed convolution in groups, are left alone.
	for _, g := range []*graph.Graph{
		net(t, "Gemm", []int{6, 4}, []int{2, 6}, []graph.Attr{graph.FloatAttr("alpha", 2)}, nil),
		net(t, "ConvTranspose", []int{2, 2, 3, 3}, []int{2, 2, 5, 5}, []graph.Attr{graph.IntAttr("group", 2)}, nil),
		net(t, "Gemm", []int{6, 4}, []int{2, 6}, nil, func(p *graph.Parts) { p.Consts[1].Tensor = random(2, false, 2, 4) }),
	} {
		if h, err := rewrite.Apply(g, rewrite.FoldBatchNorm); err != nil || h != g {
			t.Errorf("%v: folded, or %v", g.Nodes()[0], err)
		}
	}
}

func TestBatchNormOfWrongLengthIsAnErrorThatNamesIt(t *testing.T) {
	g := conv(t, func(p *graph.Parts) { p.Consts[4].Tensor = random(5, false, 3) })
	_, err := rewrite.Apply(g, rewrite.FoldBatchNorm)
	if err == nil || !strings.Contains(err.Error(), "foldbatchnorm") || !strings.Contains(err.Error(), `"bn"`) || !strings.Contains(err.Error(), "3 elements") {
		t.Errorf("got %v", err)
	}
}
