package plan_test

import (
	"testing"

	"github.com/quantnb/quantnb/quantlib/graph"
	"github.com/quantnb/quantnb/quantlib/plan"
	"github.com/quantnb/quantnb/quantlib/quant"
	"github.com/quantnb/quantnb/quantlib/tensor"
)

// The scales of a weight run along its output channels, and groups along the axis that
// is summed over, whatever the layer's layout.
func TestWeightsHaveTheirScalesAlongOutputChannels(t *testing.T) {
	for _, c := range []struct {
		name, op     string
		shape        []int
		attr         []graph.Attr
		scales       int // per channel
		groups32     int // scales with groups of 32
		axis, groups int
	}{
		{"Conv", "Conv", []int{8, 64, 3, 3}, nil, 8, 8 * 2, 0, 1},
		{"depthwise Conv", "Conv", []int{8, 1, 3, 3}, []graph.Attr{graph.IntAttr("group", 8)}, 8, 8, 0, 1},
		{"Conv in groups", "Conv", []int{8, 64, 3, 3}, []graph.Attr{graph.IntAttr("group", 2)}, 8, 8 * 2, 0, 1},
		{"ConvTranspose", "ConvTranspose", []int{64, 8, 2, 2}, nil, 8, 2 * 8, 1, 0},
		// [C, M/group, …]: channels that stand at one place in their groups share a scale, as
		// DequantizeLinear has it.
		{"ConvTranspose in groups", "ConvTranspose", []int{64, 8, 2, 2}, []graph.Attr{graph.IntAttr("group", 4)}, 8, 2 * 8, 1, 0},
		{"Gemm", "Gemm", []int{64, 10}, nil, 10, 2 * 10, 1, 0},
		{"Gemm with its weight transposed", "Gemm", []int{10, 64}, []graph.Attr{graph.IntAttr("transB", 1)}, 10, 10 * 2, 0, 1},
		{"MatMul", "MatMul", []int{64, 10}, nil, 10, 2 * 10, 1, 0},
		{"batched MatMul", "MatMul", []int{3, 64, 10}, nil, 10, 2 * 10, 2, 1},
	} {
		g, err := graph.New(graph.Parts{
			Inputs: []graph.Value{{Name: "x", DType: tensor.Float32}}, Outputs: []graph.Value{{Name: "y"}},
			Consts: []*graph.Const{{Name: "w", Tensor: tensor.New(tensor.Float32, c.shape...)}},
			Nodes:  []*graph.Node{{Name: "layer", Op: c.op, Inputs: []string{"x", "w"}, Outputs: []string{"y"}, Attrs: c.attr}},
			Model:  &graph.Model{Opsets: map[string]int{"": 13}},
		})
		if err != nil {
			t.Fatal(err)
		}
		m := place(t, g)
		for _, q := range m.Quantizers {
			if q.Role != plan.Weight {
				continue
			}
			if q.Axis != c.axis || q.Group != c.groups {
				t.Errorf("%s: axis %d, groups along %d; want %d and %d", c.name, q.Axis, q.Group, c.axis, c.groups)
			}
			if n := quant.For(c.shape, q.Axis, q.Group, quant.Int(4).PerChannel()).Granules(); n != c.scales {
				t.Errorf("%s: %d scales, want %d", c.name, n, c.scales)
			}
			for size, f := range map[int]int{32: 1, 64: 2, 128: 2} {
				want := c.groups32
				if want > c.scales {
					want /= f
				}
				if n := quant.For(c.shape, q.Axis, q.Group, quant.Int(4).PerGroup(size)).Granules(); n != want {
					t.Errorf("%s in groups of %d: %d scales, want %d", c.name, size, n, want)
				}
			}
		}
	}
}
