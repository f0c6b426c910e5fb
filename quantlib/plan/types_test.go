package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/hardware"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// What a file says nothing of has the type that ONNX's operators give it.
func TestTypesFollowFromTheGraph(t *testing.T) {
	attr := func(name string, d tensor.DType) []graph.Attr {
		return []graph.Attr{graph.IntAttr(name, int64(d))}
	}
	f, i, b, u := tensor.Float32, tensor.Int64, tensor.Bool, tensor.Uint8
	for _, c := range []struct {
		op, in string // operands: f float32, i int64, b bool, u uint8, - absent
		attrs  []graph.Attr
		want   []tensor.DType
	}{
		{"Shape", "f", nil, []tensor.DType{i}},
		{"ArgMax", "f", nil, []tensor.DType{i}},
		{"Greater", "f f", nil, []tensor.DType{b}},
		{"TopK", "f i", nil, []tensor.DType{f, i}},
		{"MaxPool", "f", nil, []tensor.DType{f, i}},
		{"Dropout", "f", nil, []tensor.DType{f, b}},
		{"Cast", "f", attr("to", i), []tensor.DType{i}},
		{"Cast", "i", attr("to", f), []tensor.DType{f}},
		{"CastLike", "f i", nil, []tensor.DType{i}},
		{"Where", "b f f", nil, []tensor.DType{f}},
		{"OneHot", "i i f", nil, []tensor.DType{f}},
		{"ConstantOfShape", "i", nil, []tensor.DType{f}},
		{"ConstantOfShape", "i", []graph.Attr{graph.TensorAttr("value", tensor.Of([]int64{1}, 1))}, []tensor.DType{i}},
		{"RandomNormalLike", "f", nil, []tensor.DType{f}},
		{"RandomNormalLike", "i", attr("dtype", f), []tensor.DType{f}},
		{"RandomUniform", "", nil, []tensor.DType{f}},
		{"Multinomial", "f", nil, []tensor.DType{tensor.Int32}},
		{"MatMulInteger", "u u", nil, []tensor.DType{tensor.Int32}},
		{"QuantizeLinear", "f f u", nil, []tensor.DType{u}},
		{"QuantizeLinear", "f f", nil, []tensor.DType{u}},
		{"QuantizeLinear", "f f", attr("output_dtype", tensor.Int8), []tensor.DType{tensor.Int8}},
		{"DequantizeLinear", "u f u", nil, []tensor.DType{f}},
		{"DynamicQuantizeLinear", "f", nil, []tensor.DType{u, f, u}},
		{"QLinearMatMul", "u f u u f u f u", nil, []tensor.DType{u}},
		{"If", "b", nil, []tensor.DType{tensor.Undefined}},
		{"Add", "f f", nil, []tensor.DType{f}},
		{"Mul", "i i", nil, []tensor.DType{i}},
		{"Gather", "f i", nil, []tensor.DType{f}},
	} {
		n := &graph.Node{Name: "n", Op: c.op, Attrs: c.attrs}
		p := graph.Parts{Nodes: []*graph.Node{n}}
		for k, word := range strings.Fields(c.in) {
			name := fmt.Sprint(word, k)
			n.Inputs = append(n.Inputs, name)
			p.Inputs = append(p.Inputs, graph.Value{Name: name, DType: map[string]tensor.DType{"f": f, "i": i, "b": b, "u": u}[word]})
		}
		for k := range c.want {
			n.Outputs = append(n.Outputs, fmt.Sprint("o", k))
		}
		g, err := graph.New(p)
		if err != nil {
			t.Fatal(err)
		}
		got := types(g)
		for k, want := range c.want {
			if got[n.Outputs[k]] != want {
				t.Errorf("%s of %q: output %d is %v, want %v", c.op, c.in, k, got[n.Outputs[k]], want)
			}
		}
	}
}

func TestWhatTheFileSaysOfATypeGoesFirst(t *testing.T) {
	g, err := graph.New(graph.Parts{
		Inputs: []graph.Value{{Name: "x", DType: tensor.Float32}},
		Nodes:  []*graph.Node{{Name: "n", Op: "Mine", Domain: "com.acme", Inputs: []string{"x"}, Outputs: []string{"y", "z"}}},
		Info:   []graph.Value{{Name: "y", DType: tensor.Int32}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := types(g); got["y"] != tensor.Int32 || got["z"] != tensor.Undefined {
		t.Errorf("y is %v, z is %v", got["y"], got["z"])
	}
}

// Along a chain without branches, what is fused first is what Profile.Fused says.
func TestChainsAgreeWithProfile(t *testing.T) {
	ops := []string{"Conv", "BatchNormalization", "Relu", "Sigmoid", "Erf", "MatMul", "Gemm"}
	for _, p := range hardware.Builtin() {
		for seed := range 7 * 7 * 7 * 7 {
			var lines, chain []string
			for k, s := 0, seed; k < 4; k, s = k+1, s/7 {
				in := fmt.Sprint("v", k-1)
				if k == 0 {
					in = "x"
				}
				chain = append(chain, ops[s%7])
				lines = append(lines, fmt.Sprintf("n%d: %s %s -> v%d", k, ops[s%7], in, k))
			}
			list, _ := chains(network(t, "v3", lines...), p)
			got := 0
			if len(list) > 0 && list[0].nodes[0].Name == "n0" {
				got = len(list[0].nodes)
			}
			if _, want := p.Fused(chain); got != want {
				t.Fatalf("%s: %v: %d nodes fused, want %d", p.Name, chain, got, want)
			}
		}
	}
}
